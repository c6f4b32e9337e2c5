#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which file may include which.

The table is the architecture: cli, smtp, spool, runtime, runtime/engine, and
downwards only. A change of the table is a decision and is reviewed as one.
"""
import re

import tree

# Pure files know bytes and states: no descriptor, no clock, nothing started.
# outside.py holds the same files to calls that only compute.
PURE = [
    r"runtime/(heap|invariant|list)\.[ch]",
    r"spool/(admission|check/pace|fields|id|file/meta|names|owner_entry|"
    r"superblock|text)\.[ch]",
    r"spool/log/(atom|batch|bytes|catalogue|event_ring|heal|index|inherit|lane|"
    r"log_text|record|replay|slot|stamp|tomb|tomb_format_1|trail|wheel|word)"
    r"\.[ch]",
    r"smtp/(address|body|command|envelope|line|protocol|reply|scan)\.[ch]",
]

# What libpirn alone does not have.
SPOOL_HEADERS = ["pirn/check.h", "pirn/claim.h", "pirn/draft.h",
                 "pirn/event.h", "pirn/item.h", "pirn/name.h", "pirn/owner.h",
                 "pirn/spool.h", "pirn/view.h"]

# A file (the first row that matches counts) -> what it may include, and what
# it may not although a prefix would allow it.
LAYERS = [
    (r"include/pirn/.*", ["pirn/"], []),
    (r"runtime/engine/(enter|uring|probe\w*)\.[ch]",
     ["runtime/engine/", "runtime/list.h", "runtime/plant.h", "pirn/",
      "liburing.h", "linux/io_uring.h"], SPOOL_HEADERS),
    (r"runtime/engine/.*",
     ["runtime/engine/", "runtime/list.h", "runtime/mailbox.h", "pirn/",
      "linux/io_uring.h"], SPOOL_HEADERS),
    (PURE[0], ["runtime/heap.h", "runtime/list.h", "pirn/base.h",
               "pirn/invariant.h", "pirn/op.h"], []),
    (r"runtime/resolve\.c", ["runtime/", "pirn/", "ares.h"], SPOOL_HEADERS),
    (r"runtime/.*", ["runtime/", "pirn/"], SPOOL_HEADERS),
    (r"spool/hash\.h", ["xxhash.h", "xxh_x86dispatch.h"], []),
    (PURE[1], ["spool/", "runtime/list.h", "pirn/base.h",
               "pirn/invariant.h", "pirn/item.h", "pirn/name.h", "xxhash.h"],
     []),
    (PURE[2], ["spool/log/", "spool/hash.h", "spool/text.h", "runtime/plant.h",
               "pirn/base.h", "pirn/event.h", "pirn/invariant.h", "pirn/item.h",
               "xxhash.h"], []),
    (r"spool/.*", ["spool/", "runtime/", "pirn/", "xxhash.h"],
     ["runtime/engine/"]),
    (PURE[3], ["smtp/", "pirn/base.h", "pirn/invariant.h"],
     ["smtp/mail.h", "smtp/outbox.h", "smtp/server.h", "smtp/session.h",
      "smtp/worker.h"]),
    (r"smtp/.*", ["smtp/", "pirn/"], []),
    (r"cli/.*", ["cli/", "pirn/", "smtp/server.h"], []),
    (r"bench/base_.*", ["bench/", "liburing.h"], []),
    (r"bench/.*", ["bench/", "pirn/"], []),
    (r"examples/.*", ["pirn/", "client.h"], []),
    (r"tests/.*", ["*"], []),
]

# Angle brackets around anything else are libc's or a system header.
OURS = ("ares", "bench/", "cli/", "pirn/", "runtime/", "smtp/", "spool/", "tests/",
        "cmocka", "jemalloc", "liburing", "linux/io_uring", "xxh")
SAYS_PURE = re.compile(r"^ \* (.*\s)?Pure[.:]", re.M)
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)')


def is_pure(name):
    return any(re.fullmatch(p, name) for p in PURE)


def complaints(root):
    for path, name in tree.files(root, ".c", ".h"):
        row = next((r for r in LAYERS if re.fullmatch(r[0], name)), None)
        if row is None:
            yield f"{name}: no row of the table in layers.py matches"
            continue
        if SAYS_PURE.search(tree.text(path)) and not is_pure(name):
            yield f"{name}: says it is pure, and no row of PURE holds it to it"
        _, allowed, refused = row
        if "*" in allowed:
            continue
        for n, line in enumerate(tree.text(path).split("\n"), 1):
            m = INCLUDE.match(line)
            if not m or (m[1] == "<" and not m[2].startswith(OURS)):
                continue
            if (not m[2].startswith(tuple(allowed))
                    or m[2].startswith(tuple(refused))):
                yield f"{name}:{n}: may not include {m[2]}"


if __name__ == "__main__":
    tree.main(complaints)
