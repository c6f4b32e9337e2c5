#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `pirn serve` prints works when it is pasted, where little is installed."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess

from command import run
from harness import PIRN, Skip, cases, directory, free_port

MAIL = b"Subject:hello\r\n\r\nIt works.\r\n"


@contextlib.contextmanager
def serving(spool, address, *options, cwd=None, program=PIRN):
    """The server, and what it has printed by the time it listens."""
    with subprocess.Popen([program, "serve", "--create", "--spool", spool,
                           "--smtp", address, *options], cwd=cwd,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        try:
            line = process.stdout.readline().decode()
            assert line.endswith("\n"), process.stderr.read()
            yield process, line
        finally:
            if process.poll() is None:
                process.kill()


def end(process):
    """Ask it to end; the rest of what it prints, and its talk."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, (process.returncode, err)
    return out, err.decode()


def paste(line, *shell, cwd=None, path=None):
    done = subprocess.run([*shell, line], cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, check=False,
                          env={"PATH": path or "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def need_bash():
    bash = shutil.which("bash")
    if bash is None:
        raise Skip("bash is not here")
    return bash


def the_one_line_sends_a_mail_and_reads_it_back():
    bash = need_bash()
    with directory() as here:
        spool = here + "/spool"
        with serving(spool, f"127.0.0.1:{free_port()}") as (process, line):
            for shell in (("sh", "-c"), (bash, "-c"),
                          (bash, "--norc", "-ic")):
                assert paste(line, *shell) == MAIL, shell
            rest, talk = end(process)
            assert rest == b"", "one line and no more"
            assert "paste" in talk
        lines = run("ls", spool=spool).exits(0).out.splitlines()
        assert len(lines) == 3, lines


def the_line_needs_nothing_but_bash():
    bash = need_bash()
    with directory() as here:
        os.mkdir(here + "/bin")
        os.symlink(bash, here + "/bin/bash")
        with serving(here + "/spool",
                     f"127.0.0.1:{free_port()}") as (process, line):
            assert paste(line, bash, "-c", path=here + "/bin") == MAIL
            end(process)


def the_line_works_where_names_have_to_be_quoted():
    bash = need_bash()
    with directory() as here:
        os.mkdir(here + "/it's $HOME")
        program = "./it's $HOME/pi rn"
        os.symlink(os.path.abspath(PIRN), os.path.join(here, program))
        with serving("a 'spool'/b", f"0.0.0.0:{free_port()}", cwd=here,
                     program=program) as (process, line):
            assert paste(line, bash, "-c", cwd=here) == MAIL
            end(process)


def the_line_works_on_ipv6():
    bash = need_bash()
    with contextlib.suppress(OSError), \
            socket.create_server(("::1", 0), family=socket.AF_INET6) as probe:
        port = probe.getsockname()[1]
        probe.close()
        with directory() as here:
            for address in ("[::1]", "[::]"):
                with serving(here + "/spool",
                             f"{address}:{port}") as (process, line):
                    assert paste(line, bash, "-c") == MAIL
                    end(process)
        return
    raise Skip("no IPv6 here")


def a_mail_that_is_refused_is_not_read_back():
    bash = need_bash()
    with directory() as here:
        with serving(here + "/spool", f"127.0.0.1:{free_port()}",
                     "--max-size", "20") as (process, line):
            done = subprocess.run([bash, "-c", line], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=60,
                                  check=False)
            assert done.returncode != 0 and done.stdout == b"", done
            assert done.stderr.startswith(b"552"), done.stderr
            end(process)


def options_reach_the_server():
    with directory() as here:
        spool, port = here + "/spool", free_port()
        with serving(spool, f"127.0.0.1:{port}", "--hostname", "mx.example.org",
                     "--max-size", "12K", "--max-connections", "1",
                     "--threads", "3", "--engine", "uring", "--timeout", "30s",
                     "--queue", "mine") as (process, _):
            with socket.create_connection(("127.0.0.1", port), 30) as client:
                file = client.makefile("rb")
                assert b"mx.example.org" in file.readline()
                client.sendall(b"EHLO x\r\n")
                replies = b""
                while b"250 " not in replies:
                    replies += file.readline()
                assert b"SIZE 12288" in replies, replies
                with socket.create_connection(("127.0.0.1", port),
                                              30) as another:
                    assert another.makefile("rb").readline()[:3] == b"421"
            _, talk = end(process)
            assert talk.count("worker ") == 3, talk
        queues = run("status", "--json", spool=spool).exits(0).out
        assert b'"mine"' in queues


def a_port_that_is_taken_is_said():
    with directory() as here, socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        run("serve", "--create", "--smtp", address,
            spool=here + "/s").exits(75).says(address, "another program")


def a_queue_that_is_not_there_is_said():
    with directory() as here:
        run("create", spool=here + "/s").exits(0)
        run("serve", "--smtp", f"127.0.0.1:{free_port()}", "--queue", "none",
            spool=here + "/s").exits(66).says("queue none")


if __name__ == "__main__":
    cases(*[value for name, value in list(globals().items())
            if callable(value) and value.__module__ == "__main__"
            and not name.startswith(("need_", "serving"))
            and value.__code__.co_argcount == 0])
