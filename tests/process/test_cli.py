#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The verbs: what they do, print and promise."""
import os
import pty
import re
import subprocess

from command import body_path, each_layout, fill, new_spool, objects
from command import put, run, shown
from harness import PIRN, cases, directory, read_terminal

VERBS = ("serve", "create", "put", "ls", "show", "cat", "mv", "hold",
         "export",
         "release", "rm", "events", "status", "probe", "take")


def help_lists_every_verb_on_a_line_of_its_own():
    text = run("--help").exits(0).out.decode()
    for verb in VERBS:
        assert re.search(rf"(?m)^  {verb} +\w", text), verb


def every_verb_has_help_on_standard_output():
    for verb in VERBS:
        ran = run(verb, "--help").exits(0)
        assert ran.out.startswith(f"Usage: pirn {verb} ".encode()), ran.out
        assert ran.err == ""


def version_is_printed():
    assert re.fullmatch(rb"pirn \d+\.\d+\.\d+\n", run("--version").exits(0).out)


@each_layout
def what_is_put_comes_back_byte_for_byte(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        for size in (0, 1, 65535, 65536, 65537, 5 << 20):
            body = os.urandom(size)
            item = put(spool, body)
            assert run("cat", item, spool=spool).exits(0).out == body, size
            assert shown(spool, item)["size"] == size


@each_layout
def bodies_are_printed_one_behind_the_other(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        first, second = put(spool, b"first\n"), put(spool, b"second\n")
        gone = put(spool, b"gone\n")
        run("rm", gone, spool=spool).exits(0)
        ran = run("cat", second, first, spool=spool).exits(0)
        assert ran.out == b"second\nfirst\n"
        ran = run("cat", second, gone, first, spool=spool).exits(66)
        assert ran.out == b"second\nfirst\n"
        ran.says(gone)


@each_layout
def put_reads_a_file_as_it_reads_standard_input(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        path = here + "/body"
        body = os.urandom(1 << 20)
        with open(path, "wb") as file:
            file.write(body)
        for name in (path, "-"):
            with open(path, "rb") as file:
                item = run("put", name, spool=spool, stdin=file).exits(0).line()
            assert run("cat", item, spool=spool).out == body


@each_layout
def put_takes_what_trickles_through_a_pipe(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        with subprocess.Popen([PIRN, "put", "--spool", spool],
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            for piece in (b"a", b"bc", b"def"):
                process.stdin.write(piece)
                process.stdin.flush()
            item = process.communicate()[0].decode().strip()
        assert process.returncode == 0
        assert run("cat", item, spool=spool).out == b"abcdef"


@each_layout
def an_item_in_json_has_what_is_promised(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        item = put(spool, b"12345", "--field", "from=a@b")
        listed = objects(run("ls", "--json", spool=spool).exits(0))
        assert listed == [shown(spool, item)]
        only = listed[0]
        assert only["id"] == item and re.fullmatch("[0-9a-v]{26}", item)
        assert only["queue"] == "incoming" and only["state"] == "ready"
        assert only["size"] == 5
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
                            only["created"])
        assert only["fields"] == {"from": ["a@b"]}


@each_layout
def fields_are_arrays_by_name_in_the_order_they_came(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        arguments = []
        for field in ("to=1", "from=x", "to=2", "to=", "x.y-z_0=a=b"):
            arguments += ["--field", field]
        item = put(spool, b"", *arguments)
        fields = objects(run("show", "--json", item, spool=spool))[0]["fields"]
        assert fields == {"to": ["1", "2", ""], "from": ["x"],
                          "x.y-z_0": ["a=b"]}
        assert list(fields) == ["to", "from", "x.y-z_0"]


def json_stays_json_whatever_a_field_holds():
    values = {
        b"quote \" and \\ back": "quote \" and \\ back",
        b"tab\tnewline\ncr\rdel\x7f": "tab\tnewline\ncr\rdel\x7f",
        bytes(range(1, 32)): "".join(map(chr, range(1, 32))),
        "grüße 漢字 😀".encode(): "grüße 漢字 😀",
        b"\xff\xfe": "\ufffd\ufffd",
        b"cut \xe2\x82": "cut \ufffd\ufffd",
        b"overlong \xc0\xaf": "overlong \ufffd\ufffd",
        b"surrogate \xed\xa0\x80": "surrogate \ufffd\ufffd\ufffd",
        b"too large \xf4\x90\x80\x80": "too large \ufffd\ufffd\ufffd\ufffd",
        b"cut \xf0\x9f\x98x": "cut \ufffd\ufffd\ufffdx",
    }
    with directory() as here:
        spool = new_spool(here)
        for value, expected in values.items():
            item = put(spool, b"", b"--field", b"x=" + value)
            ran = run("show", "--json", item, spool=spool).exits(0)
            assert len(ran.out.splitlines()) == 1
            assert objects(ran)[0]["fields"]["x"] == [expected], value


def no_field_moves_the_terminal():
    with directory() as here:
        spool = new_spool(here)
        evil = b"\x1b[2Jx\x07\xc2\x9b31m\nid  0"
        item = put(spool, b"", b"--field", b"from=" + evil)
        for verb in (("ls",), ("show", item)):
            out = run(*verb, spool=spool).exits(0).out
            assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2\x9b", out)
        assert len(run("ls", spool=spool).out.splitlines()) == 1


@each_layout
def ls_of_nothing_prints_nothing(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        for json_too in ((), ("--json",)):
            assert run("ls", *json_too, spool=spool).exits(0).out == b""


@each_layout
def ls_lists_each_item_once_and_by_queue(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        run("create", "--queue", "other", "--layout", layout,
            spool=spool).exits(0)
        ids = set(fill(spool, 150))
        others = set(fill(spool, 5, "other"))
        every = [line.split()[0].decode()
                 for line in run("ls", spool=spool).out.splitlines()]
        assert sorted(every) == sorted(ids | others)
        some = objects(run("ls", "--json", "--queue", "other", spool=spool))
        assert {item["id"] for item in some} == others
        assert all(item["queue"] == "other" for item in some)


@each_layout
def ls_looks_for_what_is_named(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        item, gone = put(spool), put(spool)
        run("rm", gone, spool=spool).exits(0)
        ran = run("ls", item, gone, spool=spool).exits(0)
        assert len(ran.out.splitlines()) == 1
        assert run("ls", gone, spool=spool).exits(1).out == b""


def a_heading_is_for_people_alone():
    with directory() as here:
        spool = new_spool(here)
        item = put(spool)
        ours, theirs = pty.openpty()
        run("ls", spool=spool, stdout=theirs).exits(0)
        os.close(theirs)
        lines = read_terminal(ours).decode().splitlines()
        assert lines[0].startswith("ID ") and lines[1].startswith(item), lines


@each_layout
def rm_removes_and_says_how_many(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        ids = [put(spool) for _ in range(3)]
        assert run("rm", ids[0], ids[1], spool=spool).exits(0).out == \
            b"2 removed\n"
        assert run("ls", spool=spool).out.startswith(ids[2].encode())
        assert layout == "log" or not os.path.exists(body_path(spool, ids[0]))
        ran = run("rm", "--json", ids[0], ids[2], spool=spool).exits(66)
        assert objects(ran) == [{"removed": 1, "claimed": 0, "missing": 1}]


@each_layout
def rm_dry_run_removes_nothing(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        item = put(spool)
        ran = run("rm", "--dry-run", item, spool=spool).exits(0)
        assert ran.out == b"would be: 1 removed\n"
        run("rm", "-n", "--queue", "incoming", "--all", spool=spool).exits(0)
        run("rm", "-n", "0" * 26, spool=spool).exits(66)
        assert run("ls", item, spool=spool).exits(0).out != b""


@each_layout
def rm_takes_what_ls_prints(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        ids = fill(spool, 200)
        lines = run("ls", spool=spool).out
        ran = run("rm", "-", spool=spool, text=lines[:-1]).exits(0)
        assert ran.out == b"200 removed\n"
        ran = run("rm", "-", spool=spool, text=b"\n\n" + ids[0].encode())
        ran.exits(66).says(ids[0])
        run("rm", "-", spool=spool, text=b"").exits(0)
        run("rm", "-", spool=spool, text=b"x" * 10000).exits(64)


@each_layout
def rm_all_empties_one_queue(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        run("create", "--queue", "other", "--layout", layout,
            spool=spool).exits(0)
        kept = put(spool, b"", "--queue", "other")
        fill(spool, 100)
        arguments = ("rm", "--queue", "incoming", "--all")
        assert run(*arguments, spool=spool).exits(0).out == b"100 removed\n"
        run(*arguments, spool=spool).exits(1)
        assert run("ls", spool=spool).out.startswith(kept.encode())


@each_layout
def status_counts(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        run("create", "--queue", "other", "--layout", layout,
            spool=spool).exits(0)
        for _ in range(3):
            put(spool, b"12345")
        put(spool, b"", "--queue", "other")
        status = objects(run("status", "--json", spool=spool).exits(0))[0]
        assert status["spool"] == spool
        assert (status["ready"], status["claimed"]) == (4, 0)
        assert status["body_bytes"] == 15 and status["owners"] == 1
        assert status["leftovers"] == 0 and status["drafts"] == 0
        none = {"claimed": 0, "delayed": 0, "held": 0}
        assert status["queues"]["incoming"] == {"ready": 3, **none}
        assert status["queues"]["other"] == {"ready": 1, **none}
        assert b"queue incoming: 3 ready" in run("status", spool=spool).out


def the_spool_is_the_option_else_the_environment():
    with directory() as here:
        spool = new_spool(here)
        item = put(spool)
        env = {"PIRN_SPOOL": spool}
        assert run("ls", env=env).exits(0).out.startswith(item.encode())
        other = here + "/other"
        run("create", "--spool", other, env=env).exits(0)
        assert run("ls", "--spool", other, env=env).exits(0).out == b""


@each_layout
def create_makes_what_leads_there_and_leaves_what_is_there(layout):
    with directory() as here:
        spool = here + "/a/b/c"
        run("create", "--layout", layout, spool=spool).exits(0)
        item = put(spool)
        for words in ((), ("--layout", layout), ("--queue", "incoming"),
                      ("--queue", "incoming", "--layout", layout)):
            run("create", *words, spool=spool).exits(0)
        assert run("ls", item, spool=spool).exits(0).out != b""


def layout_of(spool, queue):
    """What a new item's files say."""
    item = put(spool, b"x", "--queue", queue)
    return "file" if os.path.exists(body_path(spool, item)) else "log"


def what_is_made_has_the_log_layout_unless_said():
    with directory() as here:
        for n, words in enumerate(((), ("--layout", "log"),
                                   ("--layout", "file"))):
            usual = "file" if "file" in words else "log"
            spool = here + f"/c{n}"
            run("create", *words, spool=spool).exits(0)
            assert layout_of(spool, "incoming") == usual
            run("create", "--queue", "more", *words, spool=spool).exits(0)
            assert layout_of(spool, "more") == usual
            spool = here + f"/p{n}"
            run("put", "--create", *words, spool=spool).exits(0)
            assert layout_of(spool, "incoming") == usual


def a_queue_that_is_there_keeps_its_layout():
    with directory() as here:
        spool = new_spool(here, "file")
        run("create", "--queue", "other", spool=spool).exits(0)
        for queue, layout, not_that in (("incoming", "file", "log"),
                                        ("other", "log", "file")):
            for verb in ("create", "put"):
                more = ("--create",) if verb == "put" else ()
                run(verb, "--queue", queue, *more, spool=spool).exits(0)
                ran = run(verb, "--queue", queue, "--layout", not_that, *more,
                          spool=spool)
                ran.exits(78).says(f"queue {queue}", "another layout")
            assert layout_of(spool, queue) == layout


def a_spool_is_full_when_it_has_the_items_it_was_made_for():
    with directory() as here:
        spool = here + "/spool"
        run("create", "--items", "64", spool=spool).exits(0)
        ids = fill(spool, 64)
        run("put", spool=spool).exits(75).says(spool, "no room", "--items")
        run("rm", ids[0], spool=spool).exits(0)
        run("put", spool=spool).exits(0)


def put_create_makes_spool_and_queue():
    with directory() as here:
        spool = here + "/new/spool"
        item = run("put", "--create", "--queue", "mine", "--json",
                   spool=spool).exits(0)
        assert objects(item)[0]["queue"] == "mine"
        run("put", here + "/no-file", "--create",
            spool=here + "/never").exits(66)
        assert not os.path.exists(here + "/never")


def probe_says_what_is_there_and_how_links_are_cut():
    ran = run("probe", "--json").exits(0)
    rows = objects(ran)
    engine = rows[0]
    assert engine["kind"] == "engine" and engine["reason"]
    if not engine["present"]:
        return
    names = {(row["kind"], row["name"]) for row in rows}
    assert ("operation", "WRITE") in names and ("link", "WRITE") in names
    assert ("setup flag", "DEFER_TASKRUN") in names
    links = {row["name"]: row["cut"] for row in rows if row["kind"] == "link"}
    assert links["WRITE"] and links["SEND (short, MSG_WAITALL)"]
    for row in rows:
        if row["kind"] not in ("engine", "link"):
            assert row["since"] and row["without"]
            assert isinstance(row["present"], bool)
    text = run("probe").exits(0).out.decode()
    assert text.startswith("engine: uring: ")


if __name__ == "__main__":
    cases(*[value for name, value in list(globals().items())
            if callable(value) and value.__module__ == "__main__"
            and value.__code__.co_argcount == 0])
