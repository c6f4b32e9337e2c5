#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A disk that fails anywhere loses nothing that was acknowledged.

One process works on a spool on ext4, on a disk (disk.c) which fails the n-th
write or flush with EIO, once or from there on. Whatever fails, who was told
that it did not finds it there; so with a disk that has less room than it says,
which a file system hears when it flushes. At the end the power goes, and states that it
may leave are looked at (replay.c). What is refused says why, by an errno that
a failed disk may have.

Each n in turn with PIRN_LONG=1, else some, chosen by the seed. PIRN_FAULT=N
tries this one alone.
"""
import collections
import errno
import mmap
import os
import random
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bed import (LONG, SEED, Bar, Disk, alone, cases, keep, needs,  # noqa: E402
                 replay, room, tell, work)

SOME = 16
STATES = 4
ROUNDS = 12
EVER = 1 << 40
TOLD = struct.Struct("<IIQQ16siIQII")  # struct told
ENDS = 2

# The write that failed; what a file system that gave up says; room that could
# not be made sure of.
HONEST = {errno.EIO, errno.EROFS, errno.EUCLEAN, errno.ENOSPC}


class Page:
    """The page by which a disk is steered (disk_log.h)."""

    def __init__(self, path):
        with open(path, "r+b") as file:
            self.words = memoryview(mmap.mmap(file.fileno(), 4096)).cast("Q")

    def entries(self):
        return self.words[0]

    def asked(self):
        return self.words[1]

    def failed(self):
        return self.words[2]

    def bound(self, pages):
        self.words[6] = pages and self.words[5] + pages

    def fail(self, number, count):
        self.words[3] = self.words[1] + number
        self.words[4] = count


def refusals(journal):
    """How often each errno was told."""
    with open(journal, "rb") as file:
        told = TOLD.iter_unpack(file.read())
    return collections.Counter(-t[5] for t in told
                               if t[0] == ENDS and t[5] < 0)


def life(number, count, pages=0, rounds=ROUNDS):
    """One life, in which this fails, or with room for so many pages more: what
    was asked and failed, and which errnos were told."""
    with room() as place:
        with Disk(place, "ext4") as disk:
            page = Page(disk.page)
            before = page.asked()
            if count:
                page.fail(number, count)
            if pages:
                page.bound(pages)
            done = work(disk, SEED, rounds=rounds, processes=1)
            asked = page.asked() - before
            failed = page.failed()
            page.fail(0, 0)
            page.bound(0)
            refused = refusals(place + "/journal")
            end = page.entries()
        # Told or not, a process that could not go on says so.
        assert done.returncode in (0, 1, 2), (done.returncode, done.stdout)
        figures, said = replay(disk, SEED, STATES, at=end)
        if figures["violated"]:
            said += "again: " + keep(disk, f"fault-{number}-{count}", SEED,
                                     STATES, at=end) + "\n"
            raise AssertionError(said)
    dishonest = set(refused) - HONEST
    assert not dishonest, f"{[errno.errorcode[e] for e in dishonest]} was told"
    return asked, failed, refused


def each_fails(name, count):
    needs("mkfs.ext4")
    begin = time.monotonic()
    asked, _, refused = life(0, 0)
    assert not refused, refused
    numbers = list(range(asked))
    if os.environ.get("PIRN_FAULT"):
        numbers = [int(os.environ["PIRN_FAULT"])]
    elif not LONG:
        numbers = sorted(random.Random(SEED).sample(numbers, SOME))
    bar = Bar(name, len(numbers))
    failed = 0
    total = collections.Counter()

    def one(number):
        try:
            return life(number, count)
        except AssertionError as why:
            raise AssertionError(
                f"PIRN_SEED={SEED} PIRN_FAULT={number} {sys.argv[0]}: "
                f"{why}") from None
        finally:
            bar.step()

    with ThreadPoolExecutor(2) as pool:
        for _, hit, refused in pool.map(one, numbers):
            failed += hit
            total += refused
    tell(suite=name, seed=SEED, asked=asked, lives=len(numbers),
         failed=failed, refused={errno.errorcode[e]: n
                                 for e, n in total.items()},
         seconds=round(time.monotonic() - begin, 2))


def one_failure_loses_nothing_acknowledged():
    each_fails("crash-fault-once", 1)


def failures_from_there_on_lose_nothing_acknowledged():
    each_fails("crash-fault-ever", EVER)


def room_that_ends_at_the_flush_loses_nothing_acknowledged():
    needs("mkfs.ext4")
    begin = time.monotonic()
    draw = random.Random(SEED)
    total = collections.Counter()
    failed = 0
    bounds = [draw.randint(250, 600) for _ in range(100 if LONG else 2)]
    bar = Bar("crash-thin", len(bounds))
    for pages in bounds:
        _, hit, refused = life(0, 0, pages, 90)
        failed += hit
        total += refused
        bar.step()
    assert failed and total, "there was always room"
    tell(suite="crash-thin", seed=SEED, lives=len(bounds), failed=failed,
         refused={errno.errorcode[e]: n for e, n in total.items()},
         seconds=round(time.monotonic() - begin, 2))


def outcome(function, *arguments):
    try:
        function(*arguments)
        return 0
    except OSError as why:
        return why.errno


def who_asks_behind_a_sync_hears_that_another_one_failed():
    """What pirn_prep_confirm() rests on: two directories in one commit that
    fails; the sync of the one is told, and that of the other may say 0."""
    for system in ("ext4", "xfs"):
        with room() as place, Disk(place, system) as disk:
            page = Page(disk.page)
            fds = []
            for name in ("a", "b"):
                path = os.path.join(disk.point, name)
                os.mkdir(path)
                fds.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
            os.sync()
            for fd in fds:
                os.close(os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
            page.fail(0, 1)
            first, second = (outcome(os.fsync, fd) for fd in fds)
            asked = outcome(os.setxattr, fds[1], "user.pirn.confirm", b"u",
                            os.XATTR_REPLACE)
            page.fail(0, 0)
            for fd in fds:
                os.close(fd)
        tell(suite="crash-confirm", system=system, first=first, second=second,
             asked=asked)
        assert first in HONEST and asked in HONEST, (first, asked)


if __name__ == "__main__":
    alone()
    print(f"PIRN_SEED={SEED}", flush=True)
    cases(who_asks_behind_a_sync_hears_that_another_one_failed,
          one_failure_loses_nothing_acknowledged,
          failures_from_there_on_lose_nothing_acknowledged,
          room_that_ends_at_the_flush_loses_nothing_acknowledged)
