#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""put of many: in the order of the files, and what fails by itself."""
import os
import subprocess

from command import each_layout, new_spool, objects, put, run, shown
from harness import PIRN, cases, directory
from test_cli_progress import watched


def write(here, name, body):
    path = os.path.join(here, name)
    with open(path, "wb") as file:
        file.write(body)
    return path


@each_layout
def many_files_are_many_items_in_their_order(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        bodies = [b"%d\n" % i * (i * 997 % 9000) for i in range(150)]
        files = [write(here, f"f{i}", body) for i, body in enumerate(bodies)]
        ran = run("put", "--field", "x=y", *files, spool=spool).exits(0)
        ids = ran.out.decode().split()
        assert len(set(ids)) == 150
        for item, body in zip(ids[::10], bodies[::10]):
            assert run("cat", item, spool=spool).exits(0).out == body
            assert shown(spool, item)["fields"] == {"x": ["y"]}


@each_layout
def a_file_that_cannot_be_read_is_passed_over(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        files = [write(here, name, name.encode()) for name in "ab"]
        ran = run("put", "--json", files[0], here + "/gone", "-", here,
                  files[1], spool=spool, text=b"input").exits(66)
        assert here + "/gone" in ran.err and f"file {here}: this is a " in \
            ran.err
        assert [item["file"] for item in objects(ran)] == [files[0], "-",
                                                           files[1]]
        bodies = [run("cat", item["id"], spool=spool).out
                  for item in objects(ran)]
        assert bodies == [b"a", b"input", b"b"]


@each_layout
def it_has_the_priority_time_and_state_that_are_said(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        files = [write(here, f"f{i}", b"body") for i in range(70)]
        plain = run("put", spool=spool).exits(0).line()
        item = shown(spool, plain)
        assert item["state"] == "ready" and "priority" not in item
        assert "due" not in item
        for priority, words, state in ((-8, (), "ready"),
                                       (7, ("--hold",), "held"),
                                       (1, ("--delay", "15000w"), "delayed")):
            item = shown(spool, run("put", "--priority", str(priority), *words,
                                    spool=spool).exits(0).line())
            assert item["state"] == state, item
            assert item["priority"] == priority, item
            assert ("due" in item) == (state == "delayed"), item
        run("put", "--priority=3", "--delay=2h", *files, spool=spool).exits(0)
        said = objects(run("ls", "--json", "--state", "delayed",
                           "--priority", "3", spool=spool).exits(0))
        assert len(said) == 70
        for words in (("--priority", "8"), ("--priority", "-9"),
                      ("--priority", "1x"), ("--delay", "7"),
                      ("--maildir", here, "--hold")):
            run("put", *words, files[0], spool=spool).exits(64)


def a_shard_that_is_none_is_passed_over():
    with directory() as here:
        spool = new_spool(here, "file")
        shards = [f"{spool}/.data/{name}" for name in os.listdir(spool +
                                                                 "/.data")]
        for shard in shards[1:]:
            os.rmdir(shard)
            os.mkfifo(shard)
        items = [put(spool) for _ in range(3)]
        assert {item[-2:] for item in items} == {shards[0][-2:]}
        os.rename(shards[0], here + "/kept")
        run("put", spool=spool).exits(74).says(
            spool, "a directory in it", "fsck --repair", "mkdir")
        assert run("ls", spool=spool).out.count(b"\n") == 3


def what_the_spool_refuses_ends_it_and_what_is_durable_was_told():
    with directory() as here:
        spool = here + "/spool"
        run("create", "--items", "100", spool=spool).exits(0)
        file = write(here, "f", b"body")
        ran = run("put", *[file] * 400, spool=spool).exits(75)
        ran.says(spool, "no room") if ran.err.count("\n") == 1 else None
        told = ran.out.decode().split()
        listed = run("ls", spool=spool).out.decode().splitlines()
        assert sorted(told) == sorted(line[:26] for line in listed) and told


def an_id_is_told_while_the_next_file_is_awaited():
    with directory() as here:
        spool = new_spool(here)
        file = write(here, "f", b"body")
        with subprocess.Popen([PIRN, "put", "--spool", spool, file, "-"],
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            first = process.stdout.readline().decode().strip()
            assert run("cat", first, spool=spool).out == b"body"
            rest = process.communicate(b"more", timeout=60)[0]
        assert run("cat", rest.decode().strip(), spool=spool).out == b"more"


def put_shows_how_far_it_is_unless_ids_do():
    with directory() as here:
        spool = new_spool(here)
        file = write(here, "f", b"body")
        ran, seen = watched(spool, "put", *[file] * 200)
        assert len(ran.exits(0).out.split()) == 200
        lines = seen.split("\r")
        assert "storing  [" in lines[0] and " of 200" in lines[0], lines
        assert "\x1b[32m" in lines[0] and lines[-1] == "\x1b[K"
        plain = watched(spool, "put", *[file] * 200, NO_COLOR="1")[1]
        assert " of 200" in plain and "\x1b[32m" not in plain
        assert watched(spool, "put", file)[1] == ""


def no_line_of_it_is_wrapped():
    with directory() as here:
        spool = new_spool(here)
        file = write(here, "f", b"body")
        for columns, bar in ((40, False), (80, True)):
            seen = watched(spool, "put", *[file] * 1100, columns=columns,
                           NO_COLOR="1")[1]
            lines = [line.replace("\x1b[K", "") for line in seen.split("\r")]
            assert "storing  " in lines[0] and " of 1100" in lines[0], lines
            assert ("[" in lines[0]) == bar, lines
            assert max(map(len, lines)) < columns, lines


if __name__ == "__main__":
    cases(*[value for name, value in list(globals().items())
            if callable(value) and value.__module__ == "__main__"
            and value.__code__.co_argcount == 0])
