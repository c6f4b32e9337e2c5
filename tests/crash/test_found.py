#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Planted defects that a disk can show are found on a real file system.

Runs programs of a build with planted defects (sim/test_plants.py says how it is
made; ninja -C build-plants tests/crash_disk tests/crash_replay
tests/crash_work), each defect until the replay, or a disk that fails, has shown
it, in so many recordings at most. PIRN_PLANTS names another directory.
"""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ["PIRN_CRASH_BUILD"] = os.path.abspath(
    os.environ.get("PIRN_PLANTS") or os.path.join(
        os.path.dirname(__file__), "..", "..", "build-plants"))
from bed import (LONG, SEED, Disk, Skip, alone, cases, needs,  # noqa: E402
                 program, record, replay, room, tell, work)
from test_fault import Page  # noqa: E402

RECORDS = 6
STATES = 60
FAULTS = 80

# By what it is shown. What needs a kill or two failures at once stays with the
# model, and so does name-not-synced, which ext4 hides: each of its commits has
# all names.
CUT = ("acknowledged-early", "boarded-in-flight", "directory-not-synced",
       "log-acknowledged-early", "log-round-not-synced", "log-turn-skipped")
FAULT = ("flush-ignored",)


def shown_by_a_cut(plant, seed):
    with room() as place:
        disk = record(place, "ext4", seed, plant=plant)
        figures, said = replay(disk, seed, STATES)
    return figures["violated"], said


def shown_by_a_fault(plant, seed):
    with room() as place:
        with Disk(place, "ext4") as disk:
            page = Page(disk.page)
            page.fail(100 + seed % 150, 1)
            work(disk, seed, rounds=12, processes=1, plant=plant)
            page.fail(0, 0)
            end = page.entries()
        figures, said = replay(disk, seed, 4, at=end)
    return figures["violated"], said


def found(plant, shown, times):
    for seed in range(SEED, SEED + times):
        violated, said = shown(plant, seed)
        if violated:
            line = next(x for x in said.splitlines() if x.startswith("  "))
            print(f"# {plant}: {seed - SEED + 1}: {line.strip()}", flush=True)
            return
    raise AssertionError(f"{plant} was not found in {times}")


def planted_defects_are_found_on_ext4():
    needs("mkfs.ext4")
    if not os.path.exists(program("replay")):
        raise Skip(f"there is no {program('replay')}: script/test builds it")
    if not LONG and not os.environ.get("PIRN_PLANTS"):
        raise Skip("only with --long")
    begin = time.monotonic()
    for plant in CUT:
        found(plant, shown_by_a_cut, RECORDS)
    for plant in FAULT:
        found(plant, shown_by_a_fault, FAULTS)
    tell(suite="crash-found", seed=SEED, plants=len(CUT) + len(FAULT),
         plants_found=len(CUT) + len(FAULT),
         seconds=round(time.monotonic() - begin, 2))


if __name__ == "__main__":
    alone()
    print(f"PIRN_SEED={SEED}", flush=True)
    cases(planted_defects_are_found_on_ext4)
