#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whoever views an item while it goes to the other layout: cat, export.

It goes between the look and the first read, for process/before_read.c is
preloaded and runs a command there.
"""
import os

from command import new_spool, put, run, shown
from harness import PIRN, Skip, cases, directory

WAYS = (("log", "file"), ("file", "log"))
BODY = os.urandom(100000)  # in the log it has a file of its own


def two_layouts(here, layout, other):
    spool = new_spool(here, layout)
    run("create", "--queue", "other", "--layout", other,
        spool=spool).exits(0)
    return spool


def preloaded(here, *commands):
    """The environment of one before whose first reads these are run, each
    once, in their order."""
    if "PIRN_BEFORE_READ_MODULE" not in os.environ:
        raise Skip("PIRN_BEFORE_READ_MODULE does not name the module")
    script = here + "/between"
    with open(script, "w", encoding="utf-8") as file:
        for number, command in enumerate(commands):
            done = f"{here}/done-{number}"
            file.write(f"test -e {done} || {{ : > {done}; exec {PIRN} "
                       f"{command} --spool {here}/spool >/dev/null; }}\n")
    return {"LD_PRELOAD": os.environ["PIRN_BEFORE_READ_MODULE"],
            "PIRN_BEFORE_READ": "sh " + script,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")
            + ":verify_asan_link_order=0"}


def cat_prints_what_went_to_the_other_layout():
    for layout, other in WAYS:
        with directory() as here:
            spool = two_layouts(here, layout, other)
            item = put(spool, BODY)
            env = preloaded(here, "mv --to other " + item)
            ran = run("cat", item, spool=spool, env=env).exits(0)
            assert ran.out == BODY and ran.err == ""
            assert shown(spool, item)["queue"] == "other"


def it_looks_again_once():
    for layout, other in WAYS:
        with directory() as here:
            spool = two_layouts(here, layout, other)
            item, second = put(spool, BODY), put(spool, b"second")
            env = preloaded(here, "mv --to other " + item,
                            "mv --to incoming " + item)
            ran = run("cat", item, second, spool=spool, env=env).exits(75)
            assert ran.out == b"second"
            ran.says(item, "try again")


def what_was_removed_meanwhile_is_not_there():
    for layout, other in WAYS:
        with directory() as here:
            spool = two_layouts(here, layout, other)
            item = put(spool, BODY)
            env = preloaded(here, "rm " + item)
            ran = run("cat", item, spool=spool, env=env).exits(66)
            assert ran.out == b""
            ran.says(item, "no such item")


def export_copies_what_went_to_the_other_layout():
    for layout, other in WAYS:
        with directory() as here:
            spool, maildir = two_layouts(here, layout, other), here + "/to"
            for part in ("tmp", "new", "cur"):
                os.makedirs(f"{maildir}/{part}")
            item = put(spool, BODY)
            env = preloaded(here, "mv --to other " + item)
            run("export", "--maildir", maildir, item, spool=spool,
                env=env).exits(0)
            (name,) = os.listdir(maildir + "/new")
            with open(f"{maildir}/new/{name}", "rb") as file:
                assert file.read() == BODY


if __name__ == "__main__":
    cases(*[value for name, value in list(globals().items())
            if callable(value) and value.__module__ == "__main__"
            and value.__code__.co_argcount == 0])
