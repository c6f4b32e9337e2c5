#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A file system that is shut down under load keeps what was acknowledged.

The shutdown call of ext4 and xfs, without flushing their journal, is what a
power cut is to them: nothing more reaches the disk, and the next mount recovers
from what is there. Processes work on a spool; after so many answers, chosen by
the seed, it is called; they are killed, their shared memory goes, and what is
there after the next mount is compared with what was told. A spool lives through
many of these.

PIRN_SEED=N chooses work and instants; PIRN_CUTS=N: so many of each.
"""
import contextlib
import ctypes
import fcntl
import os
import random
import select
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bed import (LONG, SEED, SYSTEMS, Bar, alone, cases,  # noqa: E402
                 figures, needs, program, room, run, tell)

SHUTDOWN = 0x8004587d  # EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
WITHOUT_LOG_FLUSH = (2).to_bytes(4, "little")
LIVES = 20  # cuts of one spool
PROCESSES = 3
TOLD = 64  # bytes, struct told
PATIENCE_S = 30
IN_MODIFY = 2
LIBC = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def writes_to(path):
    """A descriptor that can be read when somebody has written to a file."""
    fd = LIBC.inotify_init1(os.O_CLOEXEC)
    assert LIBC.inotify_add_watch(fd, path.encode(), IN_MODIFY) >= 0, \
        os.strerror(ctypes.get_errno())
    try:
        yield fd
    finally:
        os.close(fd)


class Spool:
    """A spool on an image of its own."""

    def __init__(self, place, system):
        self.bytes, self.type, self.make, self.options = SYSTEMS[system]
        self.image = place + "/image"
        self.point = place + "/mount"
        self.index = place + "/index"
        self.journal = place + "/journal"
        self.page = place + "/page"
        os.mkdir(self.point)
        os.mkdir(self.index)
        for path, size in ((self.image, self.bytes), (self.page, 4096),
                           (self.journal, 0)):
            with open(path, "wb") as file:
                file.truncate(size)
        run(*self.make, self.image, stdout=subprocess.DEVNULL)

    def mount(self):
        run("mount", "-t", self.type, "-o", "loop", self.image, self.point)

    def unmount(self):
        """Their rings give files back when those who were killed have ended,
        by a worker of the kernel's; nothing tells when, so it is asked."""
        end = time.monotonic() + PATIENCE_S
        while subprocess.run(["umount", self.point],
                             stderr=subprocess.DEVNULL).returncode:
            assert time.monotonic() < end, "it stays busy"
            time.sleep(0.005)

    def told(self):
        return os.path.getsize(self.journal) // TOLD

    def cut(self, seed, first, answers):
        """Work until so much more was told; then the power goes."""
        work = subprocess.Popen(
            [program("work"), self.point + "/spool", self.index, self.journal,
             self.page, str(seed), "100000", str(PROCESSES), str(first)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        until = self.told() + answers
        death = os.pidfd_open(work.pid)
        with writes_to(self.journal) as written:
            while self.told() < until:
                heard, _, _ = select.select([written, death], [], [],
                                            PATIENCE_S)
                assert heard, "nothing is told any more"
                assert death not in heard, f"the work ended: {work.wait()}"
                os.read(written, 65536)
        os.close(death)
        point = os.open(self.point, os.O_RDONLY)
        fcntl.ioctl(point, SHUTDOWN, WITHOUT_LOG_FLUSH)
        os.close(point)
        work.kill()
        work.wait()
        self.unmount()
        shutil.rmtree(self.index)
        os.mkdir(self.index)

    def look(self):
        done = subprocess.run(
            [program("look"), self.point + "/spool", self.index,
             self.journal], stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, timeout=120)
        assert done.returncode == 0, done.stdout
        return figures(done.stdout)


def lives(system, seed, cuts, bar):
    """So many cuts of one spool; the figures at its end."""
    draw = random.Random(seed)
    with room() as place:
        spool = Spool(place, system)
        spool.mount()
        try:
            for i in range(cuts):
                spool.cut(seed + i, 1 + i * PROCESSES, draw.randint(1, 400))
                spool.mount()
                known = spool.look()
                bar.step()
        finally:
            if os.path.ismount(spool.point):
                spool.unmount()
    return known


def survives(system, cuts):
    needs(SYSTEMS[system][2][0])
    begin = time.monotonic()
    cuts = int(os.environ.get("PIRN_CUTS") or cuts)
    bar = Bar(system, cuts)
    total = {}
    for first in range(0, cuts, LIVES):
        seed = SEED + first
        try:
            known = lives(system, seed, min(LIVES, cuts - first), bar)
        except AssertionError as why:
            raise AssertionError(f"PIRN_SEED={seed} {sys.argv[0]}: {why}") \
                from None
        for name, value in known.items():
            total[name] = total.get(name, 0) + value
    tell(suite="crash-power", system=system, seed=SEED, cuts=cuts, **total,
         seconds=round(time.monotonic() - begin, 2))


def ext4_shut_down_keeps_what_was_acknowledged():
    survives("ext4", 2000 if LONG else 10)


def xfs_shut_down_keeps_what_was_acknowledged():
    survives("xfs", 2000 if LONG else 10)


if __name__ == "__main__":
    alone()
    print(f"PIRN_SEED={SEED}", flush=True)
    cases(ext4_shut_down_keeps_what_was_acknowledged,
          xfs_shut_down_keeps_what_was_acknowledged)
