#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of examples/ do what their first lines say."""
import os
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

EXAMPLES = Path(os.environ["PIRN_EXAMPLES"])
SECONDS = 20


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Echo(unittest.TestCase):
    def test_every_client_gets_its_bytes_back_and_then_the_server_ends(self):
        port = free_port()
        with subprocess.Popen([EXAMPLES / "echo", f"127.0.0.1:{port}", "2"],
                              stdout=subprocess.PIPE, text=True) as server:
            self.addCleanup(server.kill)
            self.assertEqual(server.stdout.readline(),
                             f"echo on 127.0.0.1:{port}\n")
            sent = os.urandom(200_000)
            for _ in range(2):
                with socket.create_connection(("127.0.0.1", port),
                                              SECONDS) as client:
                    got = bytearray()
                    for at in range(0, len(sent), 1000):
                        piece = sent[at:at + 1000]
                        client.sendall(piece)
                        while len(got) < at + len(piece):
                            got += client.recv(65536)
                    self.assertEqual(bytes(got), sent)
            self.assertEqual(server.wait(SECONDS), 0)


def run(name, *arguments, directory=None, code=0):
    """An example's standard output."""
    result = subprocess.run([(EXAMPLES / name).absolute(), *arguments],
                            cwd=directory, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True,
                            timeout=SECONDS)
    assert result.returncode == code, result
    return result.stdout


class Others(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(dir=".")
        self.addCleanup(place.cleanup)
        self.here = Path(place.name).absolute()

    def test_copy_is_the_same(self):
        for size in (0, 1, 256 * 1024, 1_000_003):
            (self.here / "from").write_bytes(os.urandom(size))
            run("copy", "from", "to", directory=self.here)
            self.assertEqual((self.here / "to").read_bytes(),
                             (self.here / "from").read_bytes())

    def test_chain_publishes_all_or_nothing_and_names_the_step(self):
        run("chain", "file", directory=self.here)
        self.assertEqual((self.here / "file").read_text(),
                         "all of this, or nothing\n")
        said = run("chain", "nowhere/file", directory=self.here, code=1)
        self.assertIn("rename failed: No such file", said)
        self.assertIn("close: 0, unlink: 0", said)
        self.assertEqual(os.listdir(self.here), ["file"])

    def test_timer_ticks_and_stops(self):
        lines = run("timer", "5", "4").splitlines()
        self.assertEqual(len(lines), 5)
        self.assertEqual(lines[-1], "stopped")

    def test_post_goes_across(self):
        self.assertEqual(run("post", "1000"), "1000 times across\n")

    def test_libuv_hosts_a_context(self):
        if not (EXAMPLES / "libuv").exists():
            self.skipTest("libuv1-dev is not installed")
        self.assertEqual(run("libuv"), "pirn, in libuv's loop\n" * 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
