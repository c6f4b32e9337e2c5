#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Progress: for who watches a terminal, and for nobody else."""
import fcntl
import os
import pty
import struct
import subprocess
import termios

from command import Ran, fill, new_spool, put, run
from harness import PIRN, cases, directory, read_terminal

ALL = ("--queue", "incoming", "--all")
CLEAR = "\x1b[K"


def watched(spool, *words, columns=0, **env):
    """A verb whose standard error is a terminal: how it ended, and that. 0: it
    does not say how wide it is."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ,
                struct.pack("HHHH", 24, columns, 0, 0))
    command = [PIRN, words[0], "--spool", spool, *words[1:]]
    clean = {name: value for name, value in os.environ.items()
             if name not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=theirs, env={**clean, "TERM": "xterm", **env})
    os.close(theirs)
    seen = read_terminal(ours)
    out = process.communicate(timeout=60)[0]
    done = subprocess.CompletedProcess(command, process.returncode, out, b"")
    return Ran(command, done), seen.decode()


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


if __name__ == "__main__":
    cases(*[value for name, value in list(globals().items())
            if callable(value) and value.__module__ == "__main__"
            and value.__code__.co_argcount == 0])
