#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A file system with no room for new items: what programs and clients hear.

A tmpfs of 16 MiB, or of 64, which ends with the test; a file of somebody else
fills it.
"""
import contextlib
import ctypes
import json
import os
import subprocess
import time

from harness import (PIRN, Client, Server, Skip, cases, directory, listed,
                     pirn)

CLONE_NEWNS = 0x20000
MS_PRIVATE_REC = 0x44000
KEPT = 512 * 1024
PATIENCE = 40  # looks of 50 ms each: promised are 2 s

libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def small(layout, mib=16):
    """A spool on a small file system, and a file beside it."""
    with directory() as here:
        if libc.mount(b"none", here.encode(), b"tmpfs", 0,
                      b"size=%dm,nr_inodes=8192" % mib) != 0:
            raise Skip("no mount: " + os.strerror(ctypes.get_errno()))
        try:
            spool = here + "/spool"
            pirn("create", "--layout", layout, spool=spool)
            with open(here + "/other", "wb") as other:
                yield spool, other
        finally:
            libc.umount2(here.encode(), 2)


def private():
    if (libc.unshare(CLONE_NEWNS) != 0 or
            libc.mount(None, b"/", None, MS_PRIVATE_REC, None) != 0):
        raise Skip("no mounts of its own: " + os.strerror(ctypes.get_errno()))


def fill(other):
    """Of the room that new items have, all, and of what is kept, half."""
    stat = os.fstatvfs(other.fileno())
    os.posix_fallocate(other.fileno(), 0,
                       stat.f_bavail * stat.f_frsize - KEPT // 2)


def put(spool, body=b"body"):
    return subprocess.run([PIRN, "put", "--spool", spool], input=body,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, check=False)


def status_of(spool):
    return json.loads(pirn("status", "--json", spool=spool))


def put_says_cause_and_remedy():
    private()
    with small("file") as (spool, other):
        assert not status_of(spool)["refusing"]
        assert status_of(spool)["room_bytes"] > 8 << 20
        names = [put(spool).stdout.decode().strip() for _ in range(4)]
        fill(other)
        refused = put(spool)
        assert refused.returncode == 75, refused
        assert b"no room is left" in refused.stderr, refused
        assert b"make room" in refused.stderr, refused
        said = status_of(spool)
        assert said["refusing"] and said["log_refusing"], said
        assert said["room_bytes"] == 0, said
        assert b"new items are refused" in pirn("status", spool=spool)
        pirn("hold", names[0], spool=spool)
        pirn("release", names[0], spool=spool)
        pirn("rm", *names[:3], spool=spool)
        assert set(listed(spool)) == {names[3]}
        other.truncate(0)
        assert put(spool).returncode == 0
        assert not status_of(spool)["refusing"]


def status_says_what_a_log_still_takes():
    private()
    with small("log", 64) as (spool, other):
        assert put(spool).returncode == 0
        fill(other)
        said = status_of(spool)
        assert said["refusing"] and not said["log_refusing"], said
        text = pirn("status", spool=spool)
        assert b"items that need files of their own are refused" in text, text
        assert b"up to 65536 bytes are let in" in text, text
        assert put(spool).returncode == 0
        assert put(spool, bytes(65537)).returncode == 75


def ask(client, code, size=""):
    """As far as DATA."""
    client.say(b"MAIL FROM:<a@example.org>%s\r\n" % size.encode(), b"250")
    client.say(b"RCPT TO:<b@example.org>\r\n", b"250")
    return client.say(b"DATA\r\n", code)


def until(client, code):
    """How many times it was asked until the answer is this."""
    for turn in range(PATIENCE):
        client.say(b"MAIL FROM:<a@example.org>\r\n", b"250")
        client.say(b"RCPT TO:<b@example.org>\r\n", b"250")
        client.socket.sendall(b"DATA\r\n")
        reply = client.reply()[-1]
        if reply.startswith(b"354"):
            client.socket.sendall(b".\r\n")
            client.reply()
        if reply.startswith(code):
            return turn
        time.sleep(0.05)
    raise AssertionError(f"not {code} in {PATIENCE} turns")


def a_client_hears_452_before_its_mail_and_is_served_again():
    private()
    with small("file") as (spool, other):
        with Server(spool) as server, Client(server) as client:
            client.mail(b"one\r\n")
            fill(other)
            until(client, b"452 4.3.1")
            ask(client, b"452 4.3.1")
            ask(client, b"452 4.3.1", " SIZE=100000")
            other.truncate(0)
            until(client, b"354")
            ask(client, b"452 4.3.1", " SIZE=20000000")  # more than there is
            client.mail(b"two\r\n")
            server.stop()
        bodies = [pirn("cat", name, spool=spool) for name in listed(spool)]
        assert b"one\r\n" in bodies and b"two\r\n" in bodies


def fill_whole(other):
    """Bytes and inodes, to the last."""
    with contextlib.suppress(OSError):
        while True:
            os.write(other.fileno(), bytes(65536))
    with contextlib.suppress(OSError):
        for number in range(10000):
            os.mkdir(f"{other.name}-{number}")


def take_empties_it_though_there_is_no_room_for_the_dead():
    private()
    with small("file") as (spool, other):
        for _ in range(4):
            assert put(spool).returncode == 0
        fill_whole(other)
        took = subprocess.run([PIRN, "take", "--spool", spool, "--", "true"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=60, check=False)
        assert took.returncode == 0, took
        assert b"what would go there is given back" in took.stderr, took
        assert b"4 removed" in took.stderr, took
        assert not listed(spool)


cases(put_says_cause_and_remedy,
      status_says_what_a_log_still_takes,
      take_empties_it_though_there_is_no_room_for_the_dead,
      a_client_hears_452_before_its_mail_and_is_served_again)
