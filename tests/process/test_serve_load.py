#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The server under load: every context works, and every call is the ring's."""
import os
import re
import shutil
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import Client, Server, Skip, cases, directory, listed

MAILS = 400

# What a mail would cost without a ring. close is not among them: a session's
# descriptors go through the ring, too, but libc closes files of its own.
OF_A_MAIL = {"open", "openat", "openat2", "creat", "write", "pwrite64",
             "writev", "pwritev", "pwritev2", "read", "pread64", "fsync",
             "fdatasync", "rename", "renameat", "renameat2", "accept",
             "accept4", "recvfrom", "recvmsg", "sendto", "sendmsg", "unlink",
             "unlinkat", "mkdir", "mkdirat"}


def deliver(server, mails):
    with Client(server) as client:
        for i in range(mails):
            client.mail(b"mail %d\r\n" % i + b"x" * 72 + b"\r\n")
        client.say(b"QUIT\r\n", b"221")


def sixty_four_connections_reach_every_context():
    with directory() as here, Server(here + "/spool", threads=4) as server:
        clients = [socket.socket() for _ in range(64)]
        for client in clients:  # all are there before any is answered
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", server.port))
        for client in clients:
            client.setblocking(True)
            client.settimeout(30)
            assert client.recv(3) == b"220"
        for client in clients:
            client.close()
        workers = server.stop()
        print([worker["connections"] for worker in workers])
        assert len(workers) == 4
        assert sum(worker["connections"] for worker in workers) == 64
        assert all(worker["connections"] > 0 for worker in workers)


def counted(report):
    """strace -c's table: calls by name."""
    calls = {}
    for line in report.splitlines():
        row = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$",
                       line)
        if row:
            calls[row[2]] = int(row[1])
    return calls


def calls_of(here, mails):
    """By name, of a server that is started, gets so many mails, and ends."""
    report, spool = f"{here}/calls-{mails}", f"{here}/spool-{mails}"
    with Server(spool, prefix=("strace", "-f", "-c", "-o", report)) as server:
        threads = [threading.Thread(target=deliver, args=(server, mails // 4))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        os.kill(child_of(server.process.pid), 15)
        server.process.communicate(timeout=60)
    assert len(listed(spool)) == mails
    return counted(open(report).read())


def a_mail_costs_no_call_but_the_ring_s():
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    if os.environ.get("PIRN_ENGINE") == "plain":
        raise Skip("without a ring every call is a call")
    with directory() as here:
        idle = calls_of(here, 0)
        calls = calls_of(here, MAILS)
    more = {name: calls[name] - idle.get(name, 0) for name in sorted(calls)}
    print({name: more[name] for name in more if more[name] >= MAILS // 10})
    assert more["io_uring_enter"] > 0
    dear = {name: more[name] for name in OF_A_MAIL & more.keys()
            if more[name] >= MAILS // 4}
    assert not dear, f"for {MAILS} mails: {dear}"


def child_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return int(children.read().split()[0])


if __name__ == "__main__":
    cases(sixty_four_connections_reach_every_context,
          a_mail_costs_no_call_but_the_ring_s)
