#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Progress: for who watches a terminal, and for nobody else."""
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios

from command import Ran, fill, new_spool, put, run
from harness import PIRN, cases, directory, read_terminal

ALL = ("--queue", "incoming", "--all")
CLEAR = "\x1b[K"


def heed_signals():
    """Also where the test itself was begun to outlive its terminal."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def begin(spool, *words, columns=0, stdin=subprocess.DEVNULL, **env):
    """A verb whose standard error is a terminal, and that one's other side. 0:
    it does not say how wide it is."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ,
                struct.pack("HHHH", 24, columns, 0, 0))
    command = [PIRN, words[0], "--spool", spool, *words[1:]]
    clean = {name: value for name, value in os.environ.items()
             if name not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen(
        command, stdin=stdin, stdout=subprocess.PIPE, preexec_fn=heed_signals,
        stderr=theirs, env={**clean, "TERM": "xterm", **env})
    os.close(theirs)
    return process, ours


def watched(spool, *words, **more):
    """How it ended, and what was seen."""
    process, ours = begin(spool, *words, **more)
    seen = read_terminal(ours)
    out = process.communicate(timeout=60)[0]
    done = subprocess.CompletedProcess(process.args, process.returncode, out,
                                       b"")
    return Ran(process.args, done), seen.decode()


def rm_shows_how_far_it_is_and_cleans_up():
    with directory() as here:
        spool = new_spool(here)
        fill(spool, 200)
        ran, seen = watched(spool, "rm", *ALL)
        assert ran.exits(0).out == b"200 removed\n"
        drawn = seen.split("\r")
        assert drawn[-1] == CLEAR and len(drawn) > 1, drawn
        for line in drawn[:-1]:
            assert line.startswith("removing  ") and line.endswith(CLEAR)
            assert 0 <= int(line[len("removing  "):-len(CLEAR)]) <= 200
            assert len(line) < 60


def nothing_is_shown_of_short_work_nor_elsewhere():
    with directory() as here:
        spool = new_spool(here)
        item = put(spool)
        assert watched(spool, "rm", item)[1] == ""
        fill(spool, 200)
        assert run("rm", "-n", *ALL, spool=spool).exits(0).err == ""
        ran, seen = watched(spool, "rm", *ALL, TERM="dumb")
        assert seen == "" and ran.exits(0).out == b"200 removed\n"


def who_ends_it_by_a_signal_has_an_empty_line():
    with directory() as here:
        spool = new_spool(here)
        ids = "".join(item + "\n" for item in fill(spool, 1000)).encode()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process, ours = begin(spool, "hold", "-", stdin=subprocess.PIPE)
            process.stdin.write(ids)  # and it waits for more
            process.stdin.flush()
            seen = os.read(ours, 65536)
            process.send_signal(number)
            seen += read_terminal(ours)
            assert process.wait(60) == -number
            assert seen.startswith(b"holding  "), seen
            assert seen.endswith(b"\r\x1b[K"), seen
            process.stdin.close()


if __name__ == "__main__":
    cases(*[value for name, value in list(globals().items())
            if callable(value) and value.__module__ == "__main__"
            and value.__code__.co_argcount == 0])
