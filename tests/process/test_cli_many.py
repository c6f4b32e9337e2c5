#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ls of many: the first line at once, and no more memory than for few."""
import re
import subprocess

from command import new_spool, run
from harness import LONG, PIRN, cases, directory

MEMORY_KIB = 32 * 1024
COUNT = {"log": 1_000_000 if LONG else 20_000,
         "file": 100_000 if LONG else 3_000}
AT_ONCE = 50_000  # so many names a command line takes


def fill(here, layout):
    """A spool of many empty items."""
    spool = new_spool(here, layout)
    with open(here + "/f", "wb"):
        pass
    left = COUNT[layout]
    while left > 0:
        some = min(left, AT_ONCE)
        run("put", *["f"] * some, spool=spool, cwd=here).exits(0)
        left -= some
    return spool


def own_memory_kib(process):
    """What is resident, but for the index, which all who are there share."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        text = file.read()
    return sum(int(re.search(rf"{name}:\s+(\d+) kB", text)[1])
               for name in ("RssAnon", "RssFile"))


def streams(layout):
    with directory() as here:
        spool = fill(here, layout)
        with subprocess.Popen([PIRN, "ls", "--spool", spool],
                              stdout=subprocess.PIPE) as process:
            try:
                ids = {process.stdout.readline()[:26]}
                # It waits now, for who does not read on.
                assert process.poll() is None
                first = own_memory_kib(process)
                while len(ids) < COUNT[layout] - 1500:
                    ids.add(process.stdout.readline()[:26])
                last = own_memory_kib(process)
                ids |= {line[:26] for line in process.stdout}
                assert process.wait(60) == 0
            finally:
                process.kill()
        assert len(ids) == COUNT[layout], len(ids)
        print(f"{layout}: {COUNT[layout]} items, {first} KiB at the first, "
              f"{last} KiB at the last")
        assert max(first, last) < MEMORY_KIB, (first, last)


def ls_streams_a_log_of_many_in_bounded_memory():
    streams("log")


def ls_streams_many_files_in_bounded_memory():
    streams("file")


if __name__ == "__main__":
    cases(*[value for name, value in list(globals().items())
            if callable(value) and value.__module__ == "__main__"
            and value.__code__.co_argcount == 0 and name != "fill"])
