#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The verbs that change items: mv, hold, release."""
import os

from command import fill, new_spool, objects, put, run, shown
from harness import cases, directory, index_path


def two_queues(here):
    spool = new_spool(here)
    run("create", "--queue", "other", spool=spool).exits(0)
    return spool


def counts(spool, queue="incoming"):
    status = objects(run("status", "--json", spool=spool).exits(0))[0]
    return {state: n for state, n in status["queues"][queue].items() if n}


def mv_moves_items_and_nothing_of_them_changes():
    with directory() as here:
        spool = two_queues(here)
        item, stays = put(spool, b"body", "--field", "from=a@b"), put(spool)
        before = shown(spool, item)
        assert run("mv", "--to", "other", item, spool=spool).exits(0).out == \
            b"1 moved\n"
        after = shown(spool, item)
        assert after == {**before, "queue": "other",
                         "version": before["version"] + 1}
        assert run("cat", item, spool=spool).out == b"body"
        listed = run("ls", "--queue", "other", spool=spool).out
        assert listed.startswith(item.encode())
        assert shown(spool, stays)["queue"] == "incoming"


def held_items_stay_held_until_they_are_released():
    with directory() as here:
        spool = new_spool(here)
        item = put(spool)
        assert run("hold", item, spool=spool).exits(0).out == b"1 held\n"
        held = shown(spool, item)
        assert held["state"] == "held" and held["attempts"] == 0
        assert counts(spool) == {"held": 1}
        assert b" held " in run("ls", spool=spool).out
        status = run("status", spool=spool).out
        assert b"0 ready, 0 claimed, 0 delayed, 1 held" in status
        assert b" 1  items held\n" in status
        assert run("cat", item, spool=spool).exits(0).out == b"hello\n"
        assert run("release", item, spool=spool).exits(0).out == \
            b"1 released\n"
        assert shown(spool, item)["state"] == "ready"
        assert shown(spool, item)["attempts"] == 0
        run("hold", item, spool=spool).exits(0)
        run("rm", item, spool=spool).exits(0)
        assert counts(spool) == {}


def changes_take_what_ls_prints():
    with directory() as here:
        spool = two_queues(here)
        fill(spool, 200)
        for verb, word, more, state, queue in (
                ("hold", "held", (), "held", "incoming"),
                ("release", "released", (), "ready", "incoming"),
                ("mv", "moved", ("--to", "other"), "ready", "other")):
            lines = run("ls", spool=spool).out
            ran = run(verb, *more, "-", spool=spool, text=lines).exits(0)
            assert ran.out == f"200 {word}\n".encode()
            assert counts(spool, queue) == {state: 200}


def a_dry_run_changes_nothing():
    with directory() as here:
        spool = two_queues(here)
        item = put(spool)
        before = shown(spool, item)
        for verb, more in (("hold", ()), ("release", ()),
                           ("mv", ("--to", "other"))):
            ran = run(verb, *more, "--dry-run", item, spool=spool).exits(0)
            assert ran.out.startswith(b"would be: 1 "), ran.out
            ran = run(verb, *more, "-n", "--json", item, spool=spool).exits(0)
            assert objects(ran) == [{f"would_{verb.replace('mv', 'move')}": 1,
                                     "claimed": 0, "missing": 0}]
            run(verb, *more, "-n", "0" * 26, spool=spool).exits(66)
            assert shown(spool, item) == before


def what_is_missing_is_66_and_the_others_are_changed():
    with directory() as here:
        spool = two_queues(here)
        gone, item = put(spool), put(spool)
        run("rm", gone, spool=spool).exits(0)
        for verb, word, more in (("hold", "held", ()),
                                 ("release", "released", ()),
                                 ("mv", "moved", ("--to", "other"))):
            ran = run(verb, *more, "--json", gone, item, spool=spool)
            ran.exits(66).says(gone)
            assert objects(ran) == [{word: 1, "claimed": 0, "missing": 1}]
        assert shown(spool, item)["queue"] == "other"
        run("mv", "--to", "none", item, spool=spool).exits(66).says(
            "queue none", "pirn create")
        assert shown(spool, item)["queue"] == "other"


def mv_moves_items_between_the_layouts():
    with directory() as here:
        spool = new_spool(here, "file")
        run("create", "--queue", "log", spool=spool).exits(0)
        items = [put(spool, bytes(size)) for size in (0, 700, 100000)]
        before = [shown(spool, item) for item in items]
        for to, back in (("log", "incoming"), ("incoming", "log")):
            run("mv", "--to", to, "--dry-run", *items, spool=spool).exits(0)
            run("mv", "--to", to, *items, spool=spool).exits(0)
            listed = run("ls", "--queue", to, "--json", spool=spool).exits(0)
            assert sorted(at["id"] for at in objects(listed)) == sorted(items)
            assert not run("ls", "--queue", back, spool=spool).exits(0).out
            run("fsck", spool=spool).exits(0)
        for item, then in zip(items, before):
            now = shown(spool, item)
            assert now["version"] == then["version"] + 2
            assert {**now, "version": then["version"]} == then
            size = then["size"]
            assert run("cat", item, spool=spool).exits(0).out == bytes(size)


def files_are_moved_held_and_released():
    with directory() as here:
        spool = new_spool(here, "file")
        run("create", "--queue", "other", "--layout", "file",
            spool=spool).exits(0)
        item = put(spool)
        run("hold", item, spool=spool).exits(0)
        assert shown(spool, item)["state"] == "held"
        run("mv", "--to", "other", item, spool=spool).exits(0)
        assert shown(spool, item)["queue"] == "other"
        assert shown(spool, item)["state"] == "held"
        run("release", item, spool=spool).exits(0)
        assert shown(spool, item)["state"] == "ready"


def a_wrong_command_line_is_64():
    for words in (("mv", "0" * 26), ("mv", "--to", "other"), ("hold",),
                  ("mv", "--to", "No Name", "0" * 26), ("release",),
                  ("hold", "short"), ("release", "-x", "0" * 26)):
        run(*words, spool=".").exits(64)


def nothing_is_left_in_shared_memory():
    with directory() as here:
        spool = two_queues(here)
        item = put(spool)
        for words in (("hold",), ("release",), ("mv", "--to", "other"),
                      ("rm",)):
            run(*words, item, spool=spool).exits(0)
            # The index stays as long as there is an item.
            assert os.path.exists(index_path(spool)) == (words != ("rm",))


if __name__ == "__main__":
    cases(*[value for name, value in list(globals().items())
            if callable(value) and value.__module__ == "__main__"
            and value.__code__.co_argcount == 0])
