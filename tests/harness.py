# SPDX-License-Identifier: MIT
"""What the tests of whole programs share: a server, a spool, a place to be.

Each case is a function; cases() runs them, prints one line each and exits as
tests/README.md says: 0 all passed, 1 one failed, 77 nothing could be tried.
"""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

PIRN = os.environ.get("PIRN", "build/pirn")
LONG = os.environ.get("PIRN_LONG") == "1"


class Skip(Exception):
    """The case cannot be tried here; its text says why."""


def cases(*functions):
    failed = skipped = 0
    for function in functions:
        name = function.__name__
        try:
            function()
            print(f"ok {name}", flush=True)
        except Skip as why:
            skipped += 1
            print(f"skip {name}: {why}", flush=True)
        except Exception:
            failed += 1
            traceback.print_exc(file=sys.stdout)
            print(f"not ok {name}", flush=True)
    if failed:
        sys.exit(1)
    sys.exit(77 if skipped == len(functions) else 0)


def index_path(spool):
    """Where the index of the spool's log is, or was (spool/log/README.md)."""
    with open(spool + "/.log/index", encoding="ascii") as file:
        return re.search(r"(?m)^path (.*)$", file.read())[1]


def remove_indexes(path):
    """Who was killed, or has many items, leaves one in shared memory."""
    for at, below, _ in os.walk(path):
        if ".log" in below:
            with contextlib.suppress(OSError):
                os.unlink(index_path(at))


@contextlib.contextmanager
def directory():
    with tempfile.TemporaryDirectory(prefix="pirn-test-", dir=".") as path:
        try:
            yield os.path.abspath(path)
        finally:
            remove_indexes(path)


def read_terminal(ours):
    """All that comes from a terminal's other side, which is ours no more. It
    comes in pieces, and the last is an error."""
    seen = b""
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 65536):
            seen += piece
    os.close(ours)
    return seen


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pirn(*arguments, spool=None, **more):
    """Run a verb to its end; its output as bytes."""
    options = ["--spool", spool] if spool else []
    return subprocess.run([PIRN, arguments[0], *options, *arguments[1:]],
                          check=True, stdout=subprocess.PIPE, timeout=120,
                          **more).stdout


def listed(spool):
    """What `pirn ls` knows, by id."""
    lines = pirn("ls", "--json", spool=spool).decode().splitlines()
    items = [json.loads(line) for line in lines]
    assert len({item["id"] for item in items}) == len(items), "an id twice"
    return {item["id"]: item for item in items}


class Server:
    """pirn serve on a port of its own, ended by its process id."""

    def __init__(self, spool, *options, threads=2, prefix=()):
        self.spool = spool
        self.port = free_port()
        self.process = subprocess.Popen(
            [*prefix, PIRN, "serve", "--create", "--spool", spool, "--smtp",
             f"127.0.0.1:{self.port}", "--threads", str(threads), *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(10)
            raise AssertionError("no server: " +
                                 self.process.stderr.read().decode())

    def connect(self, timeout=30):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def stop(self):
        """Ask it to end; what it says of its workers."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, (self.process.returncode, said)
        return [{key: int(value) for value, key in
                 re.findall(r"(\d+) (\w+)", line.split(":", 1)[1])}
                for line in said.decode().splitlines()
                if line.startswith("worker ")]

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


class Client:
    """A client that says what it likes, line by line or not."""

    def __init__(self, server, greet=True, hello=True):
        self.socket = server.connect()
        self.file = self.socket.makefile("rb")
        if greet:
            self.expect(b"220")
        if hello:
            self.say(b"EHLO client.example.org\r\n", b"250")

    def reply(self):
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                return lines
            lines.append(line)
            if line[3:4] != b"-":
                return lines

    def expect(self, code):
        lines = self.reply()
        assert lines and lines[-1].startswith(code), (code, lines)
        return lines

    def say(self, text, code):
        self.socket.sendall(text)
        return self.expect(code)

    def mail(self, body, code=b"250", sender=b"a@example.org",
             recipients=(b"b@example.org",)):
        """One mail; @body as it stands between DATA and the dot."""
        self.say(b"MAIL FROM:<%s>\r\n" % sender, b"250")
        for recipient in recipients:
            self.say(b"RCPT TO:<%s>\r\n" % recipient, b"250")
        self.say(b"DATA\r\n", b"354")
        return self.say(stuffed(body) + b".\r\n", code)[-1]

    def is_closed(self):
        return self.file.read() == b""

    def vanish(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.vanish()


def stuffed(body):
    """With the dot that keeps a line's own dot from ending the mail."""
    return re.sub(rb"(?m)^\.", b"..", body) if body else body


def queued_id(reply):
    return re.search(rb"queued as (\w+)", reply).group(1).decode()


def peer(name):
    """A program of Debian's postfix, unpacked but not installed."""
    path = os.path.join(os.environ.get("PIRN_PEERS", "build/peers"), "bin",
                        name)
    if not os.access(path, os.X_OK):
        raise Skip(f"{path} is not there; script/peers fetches it")
    return path
