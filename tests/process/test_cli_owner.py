#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owners by name: who has what, and taking it from one who is stopped."""
import datetime
import os
import signal

from command import each_layout, new_spool, objects, put, run, shown
from harness import cases, directory
from test_cli_take import Taker


def others(spool):
    """The owners but the command that asks."""
    status = objects(run("status", "--json", spool=spool).exits(0))[0]
    assert status["owners"] == len(status["owner_list"])
    return [owner for owner in status["owner_list"] if not owner["is_self"]]


@each_layout
def a_stopped_owner_is_seen_and_fenced_out(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        item = put(spool)
        with Taker(here, spool) as taker:
            assert taker.next() == item
            os.kill(taker.process.pid, signal.SIGSTOP)
            owner, = others(spool)
            assert owner["pid"] == taker.process.pid
            assert owner["claims"] == 1 and owner["since"].endswith("Z")
            words = run("status", spool=spool).exits(0).out.decode()
            assert f"owner {owner['owner']}: process {owner['pid']}" in words
            ran = run("release", "--owner", owner["owner"], spool=spool)
            assert ran.exits(0).out.startswith(b"1 released")
            assert others(spool)[0]["claims"] == 0
            run("take", "--", "true", spool=spool).exits(0)
            os.kill(taker.process.pid, signal.SIGCONT)
            taker.let_end()
            code, _ = taker.is_over()
            assert code in (0, 1, 75), code
        assert run("ls", spool=spool).exits(0).out == b""


def now():
    return datetime.datetime.now(datetime.timezone.utc)


@each_layout
def what_somebody_has_says_since_when(layout):
    second = datetime.timedelta(seconds=1)  # to which a log tells it
    with directory() as here:
        spool = new_spool(here, layout)
        items = {put(spool), put(spool)}
        before = now()
        with Taker(here, spool) as taker:
            item = taker.next()
            ready, = items - {item}
            after = now()
            claimed = shown(spool, item)["claimed"]
            assert claimed.endswith("Z"), claimed
            since = datetime.datetime.fromisoformat(claimed[:-1] + "+00:00")
            assert before - second <= since <= after, claimed
            listed = objects(run("ls", "--json", spool=spool).exits(0))
            times = {one["id"]: one.get("claimed") for one in listed}
            assert times == {item: claimed, ready: None}
            words = run("show", item, spool=spool).exits(0).out.decode()
            assert f" by owner {shown(spool, item)['owner']} since " in words
            words = run("show", ready, spool=spool).exits(0).out
            assert b" since " not in words
            taker.let_end(2)
            assert taker.is_over()[0] == 0


@each_layout
def who_is_not_there_is_not_fenced_out(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        release = ("release", "--owner")
        run(*release, "0007", spool=spool).exits(66).says("owner 0007",
                                                          "pirn status")
        run(*release, "0", spool=spool).exits(64).says("owner 0")
        for text in ("", "x", "1-", "1-12", "1-" + "g" * 16, "12345"):
            run(*release, text, spool=spool).exits(64).says("pirn status")
        run(*release, "1", "0" * 26, spool=spool).exits(64)
        ran = run(*release, "1-" + "0" * 15 + "1", "--json", spool=spool)
        ran.exits(66)


@each_layout
def what_a_hung_worker_has_is_removed_or_freed_alone(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        items = {put(spool), put(spool)}
        with Taker(here, spool, "--parallel", "2") as taker:
            first, second = taker.next(), taker.next()
            assert {first, second} == items
            os.kill(taker.process.pid, signal.SIGSTOP)
            for verb in ("rm", "release", "hold"):
                run(verb, first, spool=spool).exits(75).says(
                    f"item {first}", f"process {taker.process.pid} (owner ",
                    f"pirn release --claimed {first}")
            ran = run("rm", "--claimed", "--dry-run", first, spool=spool)
            assert ran.exits(0).out == b"would be: 1 removed\n"
            ran = run("rm", "--claimed", first, spool=spool)
            assert ran.exits(0).out == b"1 removed\n"
            ran = run("release", "--claimed", second, spool=spool)
            assert ran.exits(0).out == b"1 released\n"
            shown = objects(run("show", "--json", second, spool=spool))[0]
            assert shown["state"] == "ready" and shown["attempts"] == 1, shown
            run("take", "--", "true", spool=spool).exits(0)
            os.kill(taker.process.pid, signal.SIGCONT)
            taker.let_end(2)
            code, _ = taker.is_over()
            assert code in (0, 1, 75), code
        assert run("ls", spool=spool).exits(0).out == b""


@each_layout
def of_all_that_are_claimed_those_are_seized_that_are_meant(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        items = [put(spool) for _ in range(3)]
        run("hold", items[2], spool=spool).exits(0)
        with Taker(here, spool, "--parallel", "2") as taker:
            assert {taker.next(), taker.next()} == set(items[:2])
            os.kill(taker.process.pid, signal.SIGSTOP)
            ran = run("rm", "--state", "claimed", spool=spool).exits(75)
            assert ran.out == b"0 removed, 2 claimed by somebody\n"
            ran = run("rm", "--state", "claimed", "--claimed", spool=spool)
            assert ran.exits(0).out == b"2 removed\n"
            assert run("ls", spool=spool).exits(0).out.count(b"\n") == 1
        ran = run("release", "--claimed", "--owner", "7", spool=spool)
        assert "leave --claimed out" in ran.exits(64).err
        run("release", "--claimed", "--all", spool=spool).exits(0)
        shown = objects(run("show", "--json", items[2], spool=spool))[0]
        assert shown["state"] == "ready" and shown["attempts"] == 0, shown


if __name__ == "__main__":
    cases(a_stopped_owner_is_seen_and_fenced_out,
          what_somebody_has_says_since_when,
          who_is_not_there_is_not_fenced_out,
          what_a_hung_worker_has_is_removed_or_freed_alone,
          of_all_that_are_claimed_those_are_seized_that_are_meant)
