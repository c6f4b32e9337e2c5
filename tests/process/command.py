# SPDX-License-Identifier: MIT
"""The program as somebody at a shell sees it: exit code, output, talk."""
import functools
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import PIRN, Client, Server, queued_id  # noqa: E402


class Ran:
    def __init__(self, arguments, done):
        self.arguments = arguments
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr.decode("utf-8", "replace")

    def exits(self, code):
        assert self.code == code, (self.arguments, self.code, self.err)
        return self

    def says(self, *words):
        """One sentence on standard error, with all the words in it."""
        assert len(self.err.splitlines()) == 1, self.err
        assert self.err.startswith("pirn: "), self.err
        for word in words:
            assert word in self.err, (word, self.err)
        return self

    def line(self):
        """The one line that was printed."""
        lines = self.out.decode().splitlines()
        assert len(lines) == 1, lines
        return lines[0]


def run(verb, *arguments, spool=None, env=None, text=b"", **more):
    """Run a verb, whatever comes of it. PIRN_SPOOL of the caller is not his."""
    command = [PIRN, verb, *(["--spool", spool] if spool else []), *arguments]
    clean = {name: value for name, value in os.environ.items()
             if name not in ("PIRN_SPOOL", "PIRN_ENGINE")}
    if "stdin" not in more:
        more["input"] = text
    done = subprocess.run(command, stdout=more.pop("stdout", subprocess.PIPE),
                          stderr=subprocess.PIPE, timeout=120,
                          env={**clean, **(env or {})}, **more)
    return Ran(command, done)


def put(spool, body=b"hello\n", *arguments):
    """Store an item; its id."""
    return run("put", *arguments, spool=spool, text=body).exits(0).line()


def fill(spool, count, queue="incoming"):
    """Many items by one process; their ids."""
    with Server(spool, "--queue", queue) as server:
        with Client(server) as client:
            ids = [queued_id(client.mail(b"hello\r\n")) for _ in range(count)]
        server.stop()
    return ids


def objects(ran):
    """What was printed, a JSON object per line."""
    return [json.loads(line) for line in ran.out.decode().splitlines()]


def shown(spool, item):
    """All that is known of an item."""
    return objects(run("show", "--json", item, spool=spool).exits(0))[0]


def new_spool(here, layout="log"):
    """A spool in @here; its queue `incoming' has the layout."""
    spool = here + "/spool"
    run("create", "--layout", layout, spool=spool).exits(0)
    return spool


def each_layout(case):
    """A case that is told a layout is tried with both."""
    @functools.wraps(case)
    def both():
        for layout in ("log", "file"):
            try:
                case(layout)
            except BaseException:
                print(f"layout {layout}:", flush=True)
                raise
    return both


def body_path(spool, item):
    """Where an item's body stands, file layout (spool/file/README.md)."""
    return os.path.join(spool, ".data", item[-2:], item)
