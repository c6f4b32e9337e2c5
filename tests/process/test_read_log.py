# SPDX-License-Identifier: MIT
"""A log read by its format alone says what the program says of it.

spool_maker makes a spool with a past and closes it, or is killed; read_log.py
reads its files, then the program opens it.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import Skip, cases, directory, listed, pirn  # noqa: E402

MAKER = os.environ.get("PIRN_SPOOL_MAKER", "build/tests/spool_maker")
READER = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "read_log.py")
COUNT = 400
SAME = ("id", "queue", "version", "size", "digest")


def make(spool, end):
    made = subprocess.run([MAKER, spool, str(COUNT), "log", end],
                          timeout=120, stderr=subprocess.PIPE)
    if made.returncode == 77:
        raise Skip("io_uring is refused")
    assert made.returncode == (-9 if end == "kill" else 0), made


def read(spool):
    done = subprocess.run([sys.executable, "-B", READER, spool], timeout=60,
                          stdout=subprocess.PIPE, check=True)
    items = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert all(item["digest_ok"] for item in items), "a body is not its own"
    assert len({item["id"] for item in items}) == len(items), "an id twice"
    return {item["id"]: item for item in items}


def shown(spool, ids):
    """What `pirn show` says of them, as far as both say it."""
    out = pirn("show", "--json", *ids, spool=spool).decode().splitlines()
    return {item["id"]: item for item in map(json.loads, out)}


def compare(ours, theirs):
    assert set(ours) == set(theirs), set(ours) ^ set(theirs)
    for name, item in ours.items():
        for key in SAME:
            assert item[key] == theirs[name][key], (key, item, theirs[name])


def index_of(spool):
    with open(os.path.join(spool, ".log", "index")) as text:
        return next(line.split()[1] for line in text
                    if line.startswith("path "))


def a_closed_log_is_read_as_the_program_reads_it():
    with directory() as here:
        spool = os.path.join(here, "spool")
        make(spool, "close")
        items = read(spool)
        assert len(items) == COUNT - 2 * COUNT // 10
        compare(items, listed(spool))
        compare(items, shown(spool, items))
        compare(read(spool), items)  # the program changed nothing


def so_is_one_whose_writer_was_killed():
    with directory() as here:
        spool = os.path.join(here, "spool")
        make(spool, "kill")
        items = read(spool)
        theirs = listed(spool)
        # What was on its way may stand there, and was never committed.
        assert set(theirs) <= set(items), set(theirs) - set(items)
        compare({name: items[name] for name in theirs}, theirs)
        compare(read(spool), theirs)


def and_whose_index_is_lost_with_him():
    with directory() as here:
        spool = os.path.join(here, "spool")
        make(spool, "kill")
        items = read(spool)
        os.unlink(index_of(spool))
        compare(items, listed(spool))
        compare(items, shown(spool, items))


cases(a_closed_log_is_read_as_the_program_reads_it,
      so_is_one_whose_writer_was_killed,
      and_whose_index_is_lost_with_him)
