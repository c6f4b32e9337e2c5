#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of examples/ do what their first lines say."""
import os
import socket
import subprocess
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
