#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients that are many, slow or gone: the others are served, and none stays.

Nothing here is decided by a clock: a slow client says one byte a round, and
honest ones are served between rounds; who falls silent is waited for.
"""
import contextlib
import os
import re
import resource
import selectors
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import LONG, Client, Server, Skip, cases, directory, listed

IDLE, IDLE_BYTES = (10000, 8 * 1024) if LONG else (500, 80 * 1024)
SLOW, ROUNDS = (10000, 40) if LONG else (200, 40)
EACH = 20 if LONG else 3  # silent ones in each state

ENVELOPE = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n"


def anonymous_bytes(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"RssAnon:\s+(\d+)", status.read())[1]) * 1024


def descriptors(pid):
    """But those of segments: a worker opens one when it has its first mail."""
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += "/seg/" not in os.readlink(f"/proc/{pid}/fd/{name}")
    return count


def need_descriptors(count):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < count + 1000:
        raise Skip(f"{count} connections, and {hard} descriptors allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def connected(server, count):
    """So many sockets, each of which was greeted."""
    clients = []
    try:
        for _ in range(count):
            clients.append(server.connect())
        for client in clients:
            assert client.recv(100)[:3] == b"220"
        yield clients
    finally:
        for client in clients:
            client.close()


def honest(server, mails=1):
    with Client(server) as client:
        for i in range(mails):
            client.mail(b"honest %d\r\n" % i)
        client.say(b"QUIT\r\n", b"221")
    return mails


def idle_connections_cost_little_memory():
    need_descriptors(IDLE)
    with directory() as here, \
            Server(here + "/spool", "--max-connections", "20000") as server:
        pid = server.process.pid
        honest(server)
        before = anonymous_bytes(pid)
        with connected(server, IDLE) as clients:
            for client in clients:
                client.sendall(b"EHLO client.example.org\r\n")
            for client in clients:
                assert client.recv(1000)[:3] == b"250"
            each = (anonymous_bytes(pid) - before) // IDLE
            print(f"{IDLE} idle connections: {each} bytes each, promised 8192")
            honest(server)
        assert each <= IDLE_BYTES
        accepted = sum(worker["accepted"] for worker in server.stop())
        assert accepted == 2


def who_says_a_byte_at_a_time_holds_up_nobody():
    need_descriptors(SLOW)
    mail = b"EHLO c\r\n" + ENVELOPE
    with directory() as here, \
            Server(here + "/spool", "--max-connections", "20000") as server:
        said = 0
        with connected(server, SLOW) as clients:
            for i in range(ROUNDS):
                for client in clients:
                    client.sendall(mail[i:i + 1])
                if i % 8 == 0:
                    said += honest(server)
            for client in clients:  # and is answered in its time
                client.sendall(mail[ROUNDS:] + b"QUIT\r\n")
                assert b"221 " in client.makefile("rb").read()
        assert sum(worker["accepted"] for worker in server.stop()) == said
        assert len(listed(here + "/spool")) == said


# What a client has said when it falls silent.
STATES = {
    "greeted": b"",
    "within a command": b"EHL",
    "said hello": b"EHLO c\r\n",
    "gave a sender": b"EHLO c\r\n" + ENVELOPE[:27],
    "gave a recipient": b"EHLO c\r\n" + ENVELOPE,
    "said DATA": b"EHLO c\r\n" + ENVELOPE + b"DATA\r\n",
    "within a mail": b"EHLO c\r\n" + ENVELOPE + b"DATA\r\nhalf a li",
    "within a long mail":
        b"EHLO c\r\n" + ENVELOPE + b"DATA\r\n" + b"x" * 70 + b"\r\n" +
        (b"y" * 70 + b"\r\n") * 3000,
    "within the dot": b"EHLO c\r\n" + ENVELOPE + b"DATA\r\nx\r\n.\r",
    "had a mail taken": b"EHLO c\r\n" + ENVELOPE + b"DATA\r\nx\r\n.\r\n",
}


def end_of(client):
    """All that it hears, until the server ends it."""
    heard = b""
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(65536):
            heard += part
    return heard


def who_falls_silent_is_sent_away_in_every_state():
    with directory() as here, \
            Server(here + "/spool", "--timeout", "1") as server:
        pid = server.process.pid
        honest(server)
        before = descriptors(pid)
        clients = [(state, server.connect(60)) for state in STATES
                   for _ in range(EACH)]
        for state, client in clients:
            client.sendall(STATES[state])
        served = honest(server, 20)
        for state, client in clients:
            heard = end_of(client).splitlines()
            assert heard[-1].startswith(b"421 4.4.2"), (state, heard)
            client.close()
        until_descriptors_are(pid, before)
        served += honest(server)
        accepted = sum(worker["accepted"] for worker in server.stop())
        assert accepted == 1 + served + EACH  # and those who were heard out
        assert len(listed(here + "/spool")) == accepted


def until_descriptors_are(pid, count):
    """What is left of connections that have ended; the kernel is not at once."""
    selector = selectors.DefaultSelector()
    for _ in range(600):
        if descriptors(pid) <= count:
            return
        selector.select(0.1)
    raise AssertionError(f"{descriptors(pid)} descriptors, {count} before")


def who_does_not_listen_is_sent_away():
    """It asks for so much that its replies fill all that is between us."""
    with directory() as here, \
            Server(here + "/spool", "--timeout", "1") as server:
        pid = server.process.pid
        honest(server)
        before = descriptors(pid)
        deaf = []
        for _ in range(EACH):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(60)
            client.connect(("127.0.0.1", server.port))
            deaf.append(client)
        for client in deaf:
            with contextlib.suppress(OSError):  # sent away, or not taken
                client.settimeout(0.5)
                while True:
                    client.sendall(b"HELP\r\n" * 10000)
        honest(server, 20)
        until_descriptors_are(pid, before)
        for client in deaf:
            client.close()
        honest(server)
        server.stop()


if __name__ == "__main__":
    cases(idle_connections_cost_little_memory,
          who_says_a_byte_at_a_time_holds_up_nobody,
          who_falls_silent_is_sent_away_in_every_state,
          who_does_not_listen_is_sent_away)
