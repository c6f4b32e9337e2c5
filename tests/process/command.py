# SPDX-License-Identifier: MIT
"""The program as somebody at a shell sees it: exit code, output, talk."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import PIRN  # noqa: E402


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


def body_path(spool, item):
    """Where an item's body stands (spool/file/README.md)."""
    return os.path.join(spool, ".data", item[-2:], item)
