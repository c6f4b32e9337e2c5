#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a power cut leaves of a real file system keeps the promise.

A file system on a disk that logs what it is asked (disk.c); processes that work
on a spool there and tell what was acknowledged, and when (work.c); then states
of that disk as power cuts leave them, recovered by the file system and looked
at (replay.c, check.c).

PIRN_SEED=N chooses the work and the cuts; how the kernel orders writes is not
replayed, so what fails is kept below crash-failed/ of the directory where this
runs, with the command that looks at it again. PIRN_STATES=N: so many of each.
PIRN_CRASH_BUILD=DIR: the programs of another build.
"""
import os
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bed import (LONG, SEED, SYSTEMS, Bar, alone, cases, keep,  # noqa: E402
                 needs, record, replay, room, tell)

PER_RECORD = 250 if LONG else 50
JOBS = 2


def one_record(system, seed, states):
    """The figures of one recording; what was violated, and how to see it."""
    # btrfs brings back a name that two renames left: spool/file/README.md.
    more = {"husks": 1} if system == "btrfs" else {}
    with room() as place:
        disk = record(place, system, seed)
        figures, said = replay(disk, seed, states, **more)
        if figures["violated"]:
            said += f"again: {keep(disk, system, seed, states, **more)}\n"
    return figures, said


def survives(system, states, allowed=0):
    needs(SYSTEMS[system][2][0])
    states = int(os.environ.get("PIRN_STATES") or states)
    sizes = [PER_RECORD] * (states // PER_RECORD)
    sizes += [states % PER_RECORD] if states % PER_RECORD else []
    # One btrfs at a time: copies of one would be taken for parts of it.
    jobs = 1 if system == "btrfs" else JOBS
    bar = Bar(system, states)
    total = {}
    said = ""
    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(one_record, system, SEED + i, size)
                   for i, size in enumerate(sizes)]
        for future, size in zip(running, sizes):
            figures, complaints = future.result()
            said += complaints
            bar.step(size)
            for name, value in figures.items():
                total[name] = total.get(name, 0) + value
    total["seconds"] = round(total["seconds"], 2)
    tell(suite="crash-replay", system=system, seed=SEED, records=len(sizes),
         **total)
    assert total["violated"] <= allowed, said


def ext4_keeps_what_was_acknowledged():
    survives("ext4", 10000 if LONG else 200)


def only_long(system, states, **more):
    if LONG or os.environ.get("PIRN_STATES"):
        survives(system, states, **more)


def ext4_writeback_keeps_what_was_acknowledged():
    only_long("ext4-writeback", 1000)


def ext4_journal_keeps_what_was_acknowledged():
    only_long("ext4-journal", 1000)


def ext4_fast_commit_is_looked_at():
    only_long("ext4-fast_commit", 1000, allowed=1000)


def xfs_keeps_what_was_acknowledged():
    only_long("xfs", 2000)


def btrfs_keeps_what_was_acknowledged():
    only_long("btrfs", 4000)


ALL = (ext4_keeps_what_was_acknowledged,
       ext4_writeback_keeps_what_was_acknowledged,
       ext4_journal_keeps_what_was_acknowledged,
       ext4_fast_commit_is_looked_at, xfs_keeps_what_was_acknowledged,
       btrfs_keeps_what_was_acknowledged)

if __name__ == "__main__":
    alone()
    print(f"PIRN_SEED={SEED}", flush=True)
    cases(*(case for case in ALL
            if not sys.argv[1:] or case.__name__ in sys.argv[1:]))
