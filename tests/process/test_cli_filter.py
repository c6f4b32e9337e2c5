#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Filters: the same items for ls and for all that changes them."""
import datetime

from command import each_layout, new_spool, objects, put, run, shown
from harness import cases, directory
from test_cli_take import Taker

OTHER = ("--queue", "other")


def listed(spool, *words):
    ran = run("ls", *words, spool=spool)
    assert ran.code in (0, 1), ran.err
    assert (ran.code == 1) == (not ran.out), (words, ran.code)
    return [line[:26] for line in ran.out.decode().splitlines()]


def some(here, layout="log"):
    """A spool with a few items, by name."""
    spool = new_spool(here, layout)
    run("create", *OTHER, "--layout", layout, spool=spool).exits(0)
    return spool, {
        "small": put(spool, b"x" * 10, "--field", "from=a@b.org"),
        "big": put(spool, b"x" * 3000, "--field", "to=c@d.org", "--field",
                   "to=e@f.net"),
        "other": put(spool, b"x" * 2048, *OTHER, "--field", "from=a@b.org"),
    }


@each_layout
def filters_choose_by_what_is_known(layout):
    with directory() as here:
        spool, item = some(here, layout)
        for words, names in (
                (("--larger", "2K"), ["big"]),
                (("--larger", "2047"), ["big", "other"]),
                (("--smaller", "2KiB"), ["small"]),
                (("--smaller", "2.5k", "--larger", "10"), ["other"]),
                (("--larger", "1M"), []),
                (("--queue", "other", "--larger", "0"), ["other"]),
                (("--field", "from=a@b.org"), ["small", "other"]),
                (("--field", "from=a@b"), []),
                (("--field", "to=e@f.net"), ["big"]),
                (("--field", "to~.org", "--field", "to~.net"), ["big"]),
                (("--field", "to~"), ["big"]),
                (("--state", "ready"), ["small", "big", "other"]),
                (("--state", "held,claimed,delayed"), []),
                (("--priority", "0"), ["small", "big", "other"]),
                (("--priority", "1..7"), []),
                (("--priority", "-8..0", "--smaller", "11"), ["small"]),
                (("--older", "1h"), []),
                (("--newer", "1h30m"), ["small", "big", "other"]),
                (("--older", "2001-02-03"), []),
                (("--newer", "2001-02-03T04:05:06Z"),
                 ["small", "big", "other"]),
                ((item["big"], item["small"], "--larger", "99"), ["big"]),
                ((item["big"], *OTHER), [])):
            assert sorted(listed(spool, *words)) == \
                sorted(item[name] for name in names), words


@each_layout
def a_time_that_ls_prints_is_a_border(layout):
    with directory() as here:
        spool, item = some(here, layout)
        new = shown(spool, item["big"])["created"]
        when = datetime.datetime.fromisoformat(new.replace("Z", "+00:00"))
        when += datetime.timedelta(milliseconds=1)
        after = when.strftime("%Y-%m-%dT%H:%M:%S.") + \
            f"{when.microsecond // 1000:03}Z"
        assert item["big"] in listed(spool, "--newer", new)
        assert item["big"] not in listed(spool, "--older", new)
        assert item["big"] in listed(spool, "--older", after)
        assert item["big"] not in listed(spool, "--newer", after)


@each_layout
def rm_removes_what_ls_lists_and_nothing_else(layout):
    with directory() as here:
        spool, item = some(here, layout)
        for words in (("--larger", "1K", "--queue", "incoming"),
                      (item["small"], item["other"], "--field",
                       "from~@", *OTHER)):
            victims = listed(spool, *words)
            others = set(listed(spool)) - set(victims)
            ran = run("rm", "-n", *words, spool=spool).exits(0)
            assert ran.out == b"would be: 1 removed\n" and len(victims) == 1
            assert run("rm", *words, spool=spool).exits(0).out == \
                b"1 removed\n"
            assert set(listed(spool)) == others
            ran = run("rm", *words[-4:], spool=spool)
            assert ran.out == b"0 removed\n" and ran.code == 1
        assert listed(spool) == [item["small"]]


def states_are_what_hold_and_release_make_of_them():
    with directory() as here:
        spool, item = some(here)
        ran = run("hold", "--field", "from~a@", spool=spool).exits(0)
        assert ran.out == b"2 held\n"
        assert sorted(listed(spool, "--state", "held")) == \
            sorted([item["small"], item["other"]])
        assert listed(spool, "--state", "ready") == [item["big"]]
        ran = run("release", "--state", "held", *OTHER, spool=spool).exits(0)
        assert ran.out == b"1 released\n"
        assert listed(spool, "--state", "held") == [item["small"]]
        run("mv", "--to", "other", "--state", "held", spool=spool).exits(0)
        assert shown(spool, item["small"])["queue"] == "other"
        run("release", "--state", "delayed", spool=spool).exits(1)


@each_layout
def what_moves_while_it_is_listed_is_met_once(layout):
    count = 1500 if layout == "log" else 150
    with directory() as here:
        spool = new_spool(here, layout)
        run("create", *OTHER, "--layout", layout, spool=spool).exits(0)
        path = here + "/f"
        with open(path, "wb") as file:
            file.write(b"x")
        run("put", *[path] * count, spool=spool).exits(0)
        for words, says in ((("mv", "--to", "other"), "moved"),
                            (("mv", "--to", "incoming"), "moved"),
                            (("hold",), "held"), (("release",), "released")):
            ran = run(*words, "--json", "--smaller", "9", spool=spool).exits(0)
            assert objects(ran) == [{says: count, "claimed": 0, "missing": 0}]
        versions = [item["version"] for item in
                    objects(run("ls", "--json", spool=spool))]
        assert len(versions) == count and set(versions) == {5}


@each_layout
def what_is_so_already_is_passed_over_unless_it_was_named(layout):
    with directory() as here:
        spool, item = some(here, layout)
        run("hold", item["big"], spool=spool).exits(0)
        for words, says in ((("hold", "--all"), b"2 held\n"),
                            (("release", item["small"]), b"1 released\n"),
                            (("release", "--larger", "0"), b"2 released\n"),
                            (("mv", "--to", "other", "--all", "-n"),
                             b"would be: 2 moved\n"),
                            (("mv", "--to", "other", "--all"), b"2 moved\n")):
            assert run(*words, spool=spool).exits(0).out == says, words
        before = objects(run("ls", "--json", spool=spool))
        for words, says in ((("release", "--all"), b"0 released\n"),
                            (("mv", "--to", "other", "--all"), b"0 moved\n")):
            assert run(*words, spool=spool).exits(1).out == says, words
        assert objects(run("ls", "--json", spool=spool)) == before
        for verb in ("release", "mv"):
            more = ("--to", "other") if verb == "mv" else ()
            run(verb, *more, item["big"], spool=spool).exits(0)


@each_layout
def what_goes_while_it_is_listed_is_met_once(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        path = here + "/f"
        with open(path, "wb") as file:
            file.write(b"x")
        run("put", *[path] * 600, spool=spool).exits(0)
        ran = run("rm", "--json", "--smaller", "9", spool=spool).exits(0)
        assert objects(ran) == [{"removed": 600, "claimed": 0, "missing": 0}]


@each_layout
def all_of_a_spool_has_to_be_said(layout):
    with directory() as here:
        spool, _ = some(here, layout)
        for words in ((), ("--queue", "incoming")):
            ran = run("rm", *words, spool=spool).exits(64)
            assert "--all" in ran.err and "filter" in ran.err
        assert len(listed(spool)) == 3
        assert run("rm", "--all", spool=spool).exits(0).out == b"3 removed\n"
        run("rm", "--all", spool=spool).exits(1)


@each_layout
def what_is_claimed_stays_and_is_counted(layout):
    with directory() as here:
        spool, _ = some(here, layout)
        with Taker(here, spool) as taker:
            item = taker.next()
            assert listed(spool, "--state", "claimed") == [item]
            for words in (("--state", "claimed", "-n"), ("--larger", "0")):
                ran = run("rm", "--json", *words, spool=spool).exits(75)
                assert objects(ran)[0]["claimed"] == 1 and ran.err == ""
            assert listed(spool) == [item]
            taker.let_end()
            assert taker.is_over()[0] == 0


def what_is_no_size_time_state_field_or_priority_is_64():
    for words in (("--larger", "x"), ("--larger", ""), ("--larger", "1Q"),
                  ("--smaller", "-1"), ("--larger", "0x10"),
                  ("--larger", "1KiBs"), ("--smaller", "9" * 30),
                  ("--older", "90"), ("--older", "1y"), ("--older", "d"),
                  ("--newer", "2026-02-31"), ("--newer", "2026-13-01"),
                  ("--newer", "2026-1-1"), ("--newer", "2026-01-01T00:00:00"),
                  ("--newer", "2026-01-01Tnoon"), ("--larger", "1."),
                  ("--newer", "2026-01-01T25:00:00Z"), ("--older", "9" * 30 + "d"),
                  ("--state", "dead"), ("--state", "held,"), ("--state", ""),
                  ("--field", "from"), ("--field", "=x"),
                  ("--priority", "8"), ("--priority", "2..1"),
                  ("--priority", "high"), ("--priority", "1.."),
                  *[["--field", "a=b"] * 33]):
        for verb in ("ls", "rm", "hold", "release"):
            ran = run(verb, *words, spool="/nonexistent").exits(64)
            assert words[0] in ran.err and ran.out == b"", words


if __name__ == "__main__":
    cases(*[value for name, value in list(globals().items())
            if callable(value) and value.__module__ == "__main__"
            and value.__code__.co_argcount == 0])
