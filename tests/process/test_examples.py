#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of examples/ do what their first lines say."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import harness  # noqa: E402

EXAMPLES = Path(os.environ["PIRN_EXAMPLES"])
SECONDS = 20


class Echo(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(dir=".")
        self.addCleanup(place.cleanup)
        self.path = os.path.relpath(place.name) + "/socket"
        self.server = subprocess.Popen([EXAMPLES / "echo",
                                        f"unix:{self.path}"])
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)

    def connect(self):
        """A client; the first one waits for the server."""
        end = time.monotonic() + SECONDS
        while True:
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(SECONDS)
            try:
                client.connect(self.path)
                self.addCleanup(client.close)
                return client
            except (FileNotFoundError, ConnectionRefusedError):
                client.close()
                self.assertIsNone(self.server.poll())
                self.assertLess(time.monotonic(), end)

    def comes_back(self, client, piece):
        client.sendall(piece)
        got = b""
        while len(got) < len(piece):
            more = client.recv(65536)
            self.assertTrue(more)
            got += more
        self.assertEqual(got, piece)

    def test_every_client_gets_its_own_bytes_back_and_then_an_end(self):
        clients = [self.connect() for _ in range(8)]
        for _ in range(50):
            for client in clients:
                self.comes_back(client, os.urandom(10_000))
        for client in clients:
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(client.recv(1), b"")

    def test_clients_who_leave_leave_nothing_behind(self):
        stays = self.connect()
        self.comes_back(stays, b"x")
        fds = Path(f"/proc/{self.server.pid}/fd")
        before = len(list(fds.iterdir()))
        for _ in range(3):
            leaves = self.connect()
            leaves.setblocking(False)
            with self.assertRaises(BlockingIOError):
                while True:  # what it never reads is not taken for ever
                    leaves.send(bytes(65536))
            leaves.close()
        end = time.monotonic() + SECONDS
        while len(list(fds.iterdir())) > before:
            self.comes_back(stays, b"x")
            self.assertLess(time.monotonic(), end)


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

    def test_serial_never_mixes_messages(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            program = subprocess.Popen([EXAMPLES / "serial", "500"],
                                       stdout=theirs)
            self.addCleanup(program.kill)
            theirs.close()
            ours.settimeout(SECONDS)
            with ours.makefile() as lines:
                self.assertEqual(lines.read().split("\n")[:-1],
                                 [f"{part} {number}" for number in range(500)
                                  for part in ("head", "body")])
            self.assertEqual(program.wait(SECONDS), 0)

    def test_gate_renews_once_for_all(self):
        self.assertEqual(run("gate"), "20 answers, 3 renewals\n")

    def test_requests_log_in_once_and_end_in_time(self):
        self.assertEqual(run("request"),
                         "19 answers, 1 too late, 1 login\n")

    def test_spool_hands_each_mail_from_one_process_to_the_other(self):
        if not (EXAMPLES / "spool").exists():
            self.skipTest("built without the spool")
        lines = run("spool", self.here / "mails", "40").splitlines()
        self.assertEqual(sorted(lines), sorted(f"mail {i}" for i in range(40)))
        self.assertEqual([p for p in (self.here / "mails").rglob("*")
                          if p.is_file() and b"mail 1" in p.read_bytes()], [])

    def test_a_taker_has_what_a_producer_stores(self):
        if not (EXAMPLES / "taker").exists():
            self.skipTest("built without the spool")
        spool = self.here / "spool"
        texts = [f"line {i} {'x' * (i % 90)}" for i in range(500)]
        one, rest = "\n".join(texts[:1]), "\n".join(texts[1:])
        with subprocess.Popen([EXAMPLES / "producer", spool],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as producer:
            out = producer.communicate(one + "\n", timeout=SECONDS)[0]
        with subprocess.Popen([EXAMPLES / "taker", spool, "500"], text=True,
                              stdout=subprocess.PIPE) as taker:
            self.addCleanup(taker.kill)  # it has one, and waits for more
            self.assertEqual(taker.stdout.readline(), one + "\n")
            told = subprocess.run([EXAMPLES / "producer", spool], text=True,
                                  input=rest + "\n", check=True,
                                  stdout=subprocess.PIPE, timeout=SECONDS)
            self.assertEqual(sorted(taker.stdout.read().splitlines()),
                             sorted(texts[1:]))
            self.assertEqual(taker.wait(SECONDS), 0)
        told = (out + told.stdout).splitlines()
        self.assertEqual(sorted(line[27:] for line in told), sorted(texts))
        self.assertEqual(len({line[:26] for line in told}), 500)

    def test_shell_workers_file_each_item_by_its_sender(self):
        if "PIRN" not in os.environ:
            self.skipTest("built without the server")
        pirn, spool = os.environ["PIRN"], str(self.here / "spool")
        worker = Path(__file__).parents[2] / "examples" / "worker.sh"
        syncs = self.here / "syncs"  # what is synced, in its order
        syncs.touch()
        (self.here / "bin").mkdir()
        (self.here / "bin" / "sync").write_text(
            f"#!/bin/sh\nprintf '%s\\n' \"$1\" >>{syncs}\n"
            f"exec {shutil.which('sync')} \"$@\"\n")
        (self.here / "bin" / "sync").chmod(0o755)
        path = f"{self.here}/bin:{os.environ['PATH']}"
        ids = {}
        for sender in ("a@b", "", "c@d", "../x", "a@b"):
            put = subprocess.run(
                [pirn, "put", "--create", "--spool", spool, "--field",
                 "from=" + sender], input=sender.encode() * 3, check=True,
                stdout=subprocess.PIPE, timeout=SECONDS)
            ids[put.stdout.decode().strip()] = sender
        subprocess.run(["sh", worker, spool, self.here / "out"], check=True,
                       stderr=subprocess.DEVNULL, timeout=SECONDS,
                       env={**os.environ, "PATH": path})
        synced = syncs.read_text().splitlines()
        out = str(self.here / "out")
        for name in ("a@b", "c@d", "nobody"):  # no item before its directory
            self.assertIn(out, synced[:synced.index(f"{out}/{name}")])
        self.assertEqual(synced.count(out), 4)
        filed = {path.name: path for path in (self.here / "out").glob("*/*")}
        for item, sender in ids.items():
            if sender == "../x":
                self.assertNotIn(item, filed)
                continue
            self.assertEqual(filed[item].parent.name, sender or "nobody")
            self.assertEqual(filed[item].read_text(), sender * 3)
        left = subprocess.run([pirn, "ls", "--spool", spool], check=True,
                              stdout=subprocess.PIPE, timeout=SECONDS)
        self.assertEqual(len(left.stdout.splitlines()), 1)
        harness.remove_indexes(self.here)  # one item is left

    def test_workers_do_every_job(self):
        self.assertEqual(run("worker"), "25 jobs done\n")

    def test_child_is_started_anew_until_it_succeeds(self):
        trick = "test -e done && exit 0; test -e half || { touch half; " \
                "exit 3; }; touch done; kill -9 $$"
        self.assertEqual(
            run("child", "9", "sh", "-c", trick, directory=self.here),
            "ended with 3\nended by signal 9\nended with 0\n")
        self.assertEqual(run("child", "2", "false", code=1),
                         "ended with 1\n" * 2)

    def test_directory_tells_what_is_there_and_what_comes(self):
        (self.here / "old").write_text("")
        with subprocess.Popen([EXAMPLES / "directory", self.here, "7"],
                              stdout=subprocess.PIPE, text=True) as follower:
            self.addCleanup(follower.kill)
            self.assertEqual(follower.stdout.readline(), "there old\n")
            self.assertEqual(follower.stdout.readline(), "all listed\n")
            (self.here / "new").write_text("text")
            (self.here / "old").rename(self.here / "renamed")
            (self.here / "new").unlink()
            self.assertEqual(follower.stdout.read(),
                             "new new\nnew new\ngone old\nnew renamed\n"
                             "gone new\n")
            self.assertEqual(follower.wait(SECONDS), 0)

    def test_reactor_hears_every_client(self):
        lines = run("reactor").splitlines()
        self.assertEqual(sorted(lines),
                         sorted(f"hello from {i}" for i in range(20)))

    def test_libuv_is_a_guest_by_its_descriptor(self):
        if not (EXAMPLES / "watch").exists():
            self.skipTest("libuv1-dev is not installed")
        self.assertEqual(run("watch"),
                         "3 jobs done by libuv, in pirn's loop\n")

    def test_libuv_hosts_a_context(self):
        if not (EXAMPLES / "libuv").exists():
            self.skipTest("libuv1-dev is not installed")
        with subprocess.Popen([EXAMPLES / "libuv"], stdin=subprocess.PIPE,
                              stderr=subprocess.PIPE) as program:
            self.addCleanup(program.kill)
            self.assertEqual(program.stderr.readline(), b"ended with 0\n")
            program.stdin.write(b"hello\n")  # after the timer, so by itself
            program.stdin.flush()
            self.assertEqual(program.stderr.readline(), b"ended with 6\n")
            self.assertEqual(program.wait(SECONDS), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
