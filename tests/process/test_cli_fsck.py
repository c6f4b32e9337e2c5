#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pirn fsck: what it finds, mends, would mend, and how it is stopped."""
import json
import os
import re
import signal
import subprocess

from command import body_path, each_layout, new_spool, objects, put, run
from harness import PIRN, cases, directory, index_path
from test_cli_take import Taker

NOW = ("--grace", "0")  # nobody else uses it


def fsck(spool, *arguments):
    return run("fsck", *NOW, *arguments, spool=spool)


def events(ran, kind):
    return [event for event in objects(ran) if event["event"] == kind]


def one_finding(spool, *arguments):
    """The one finding, of a check that exits 1."""
    found = events(fsck(spool, "--json", *arguments).exits(1), "finding")
    assert len(found) == 1, found
    return found[0]


def clean(spool, *arguments):
    ran = fsck(spool, "--json", *arguments).exits(0)
    assert events(ran, "finding") == []
    return events(ran, "end")[0]


def orphan(spool):
    """A body of the file layout whose metadata somebody has deleted."""
    item = put(spool, b"body")
    os.unlink(os.path.join(spool, "incoming", item[-2:], item))
    return item


@each_layout
def a_spool_that_is_well_has_exit_0_and_counts(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        for _ in range(3):
            put(spool)
        assert fsck(spool).exits(0).out == \
            b"3 items looked at, 0 found, 0 mended\n"
        end = clean(spool, "--deep")
        assert end["items"] == 3 and end["whole"] is True
        assert set(end["faults"].values()) == {0} and len(end["faults"]) == 12


def what_is_found_is_1_and_nothing_is_changed_unasked():
    with directory() as here:
        spool = new_spool(here, "file")
        stays = put(spool)
        item = orphan(spool)
        ran = fsck(spool).exits(1)
        lines = ran.out.decode().splitlines()
        assert lines[0] == f"orphaned {item} at .data/{item[-2:]}/{item}"
        assert lines[1] == "1 items looked at, 1 found, 0 mended, 1 orphaned"
        assert ran.err == ""
        for arguments in (("--dry-run",), ("--repair", "-n")):
            finding = one_finding(spool, *arguments)
            assert finding["fault"] == "orphaned" and finding["id"] == item
            assert finding["mended"] is False and "error" not in finding
            assert "quarantine" in finding["would_be"]
            assert b": would be made an item" in \
                fsck(spool, *arguments).exits(1).out
        assert os.path.exists(body_path(spool, item))
        assert run("cat", stays, spool=spool).exits(0).out == b"hello\n"


def what_is_mended_is_found_no_more():
    with directory() as here:
        spool = new_spool(here, "file")
        item = orphan(spool)
        ran = fsck(spool, "--repair").exits(1)
        assert b": made an item of `quarantine'\n" in ran.out, ran.out
        assert b"1 found, 1 mended" in ran.out
        clean(spool)
        assert run("cat", item, spool=spool).exits(0).out == b"body"
        with open(spool + "/notes.txt", "w", encoding="ascii") as file:
            file.write("not thrown away")
        finding = one_finding(spool, "--repair")
        assert finding["mended"] is True and finding["path"] == "notes.txt"
        clean(spool)
        strays = spool + "/quarantine/.strays/"
        with open(strays + os.listdir(strays)[0], encoding="ascii") as file:
            assert file.read() == "not thrown away"


@each_layout
def ages_have_limits_per_queue(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        run("create", "--layout", layout, "--queue", "other",
            spool=spool).exits(0)
        item, other = put(spool), put(spool, b"", "--queue", "other")
        clean(spool, "--max-age", "1h", "--max-age", "other:30d")
        clean(spool, "--max-age", "0")
        for limits, found in ((("1ms",), {item, other}),
                              (("incoming:1ms",), {item}),
                              (("1ms", "other:1d"), {item}),
                              (("other:1ms", "1000m"), {other})):
            words = [word for limit in limits for word in ("--max-age", limit)]
            ran = fsck(spool, "--json", "--repair", *words).exits(1)
            findings = events(ran, "finding")
            assert {finding["id"] for finding in findings} == found, limits
            assert {finding["fault"] for finding in findings} == {"too-old"}
        assert run("ls", spool=spool).out.count(b"\n") == 2


@each_layout
def a_limit_of_a_queue_that_is_not_there_is_66(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        run("create", "--layout", layout, "--queue", "other",
            spool=spool).exits(0)
        clean(spool, "--max-age", "other:1s", "--max-age", "incoming:0")
        for more in ((), ("--every", "10ms")):
            ran = fsck(spool, "--max-age", "other:1s", "--max-age",
                       "nope:1s", *more).exits(66)
            assert ran.says("nope", "no such queue").out == b""


@each_layout
def claims_have_a_limit_of_their_own(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        items = {put(spool), put(spool)}
        with Taker(here, spool) as taker:
            item = taker.next()
            ready, = items - {item}
            clean(spool, "--max-claim-age", "1h")
            clean(spool, "--max-claim-age", "0")
            # A log knows the second: as if it was claimed at its end.
            service = Service(spool, *NOW, "--every", "100ms",
                              "--max-claim-age", "1ms", "--repair")
            finding = next(event for event in iter(service.next, None)
                           if event["event"] == "finding")
            service.stop(signal.SIGTERM)
            assert finding["fault"] == "too-old", finding
            assert finding["id"] == item and finding["queue"] == "incoming"
            assert finding["of_claim"] is True and finding["age"] < 3600
            assert finding["mended"] is False
            lines = fsck(spool, "--max-claim-age", "1ms").exits(1).out
            assert re.match(rb"too-old %s in incoming.*, claimed \d+ s ago\n" %
                            item.encode(), lines), lines
            assert ready.encode() not in lines
            taker.let_end(2)
            assert taker.is_over()[0] == 0


def what_would_be_done_is_said_of_shelves_and_buckets_too():
    with directory() as here:
        spool = new_spool(here, "file")
        held = put(spool, b"body")
        run("hold", held, spool=spool).exits(0)
        shelf = spool + "/incoming/.held/"
        os.rename(shelf + held, f"{spool}/incoming/{held[-2:]}/{held}")
        os.makedirs(spool + "/incoming/.due/000000000001")
        for arguments in (("--dry-run",), ("--repair", "-n"), ("--repair",)):
            found = {finding["fault"]: finding for finding in events(
                fsck(spool, "--json", *arguments).exits(1), "finding")}
            assert set(found) == {"misplaced", "overdue"}, found
            if arguments != ("--repair",):
                assert found["overdue"]["would_be"] == "made ready"
                assert "its place" in found["misplaced"]["would_be"]
        assert os.listdir(shelf) == [held]
        assert os.listdir(spool + "/incoming/.due") == []
        clean(spool)


def a_wrong_command_line_is_64_and_no_spool_66():
    for words in (("--every", "soon"), ("--every", "0"), ("--max-age", ""),
                  ("--max-age", "1y"), ("--every", "15"), ("--max-age", "Not A Queue:1s"),
                  ("--max-age", "incoming:"), ("--grace", "-1s"),
                  ("--max-claim-age", "1,5h"), ("--max-draft-age", "s"),
                  ("--every", "99999999999999999999s"), ("extra",)):
        ran = run("fsck", *words, spool=".").exits(64)
        assert ran.out == b"" and ran.err, words
    with directory() as here:
        run("fsck", spool=here + "/gone").exits(66).says("no such directory")
        run("fsck", spool=here).exits(65)


def text_over_a_segments_header(spool):
    with open(spool + "/.log/seg/000000", "r+b") as file:
        file.write(b"pirn: file /nonexist: there is none\n")


def a_header_is_written_anew_before_a_restart_needs_it():
    with directory() as here:
        spool = new_spool(here)
        items = {put(spool) for _ in range(3)}
        text_over_a_segments_header(spool)
        ran = fsck(spool).exits(1)
        assert ran.out == b"bad-segment at .log/seg/000000\n" \
            b"3 items looked at, 1 found, 0 mended, 1 bad-segment\n", ran.out
        finding = one_finding(spool, "--dry-run")
        assert finding["fault"] == "bad-segment" and "id" not in finding
        assert finding["would_be"] == "written anew"
        assert b"000000: written anew\n" in \
            fsck(spool, "--repair").exits(1).out
        clean(spool, "--deep")
        os.unlink(index_path(spool))
        assert {item["id"] for item in
                objects(run("ls", "--json", spool=spool).exits(0))} == items
        clean(spool, "--deep")


def what_a_restart_could_not_read_is_told_once():
    with directory() as here:
        spool = new_spool(here)
        put(spool)
        text_over_a_segments_header(spool)
        os.unlink(index_path(spool))
        for repair, words in (((), ""), (("-n",), "would be set aside in"),
                              (("--repair",), "set aside in")):
            out = fsck(spool, *repair).exits(1).out.decode()
            assert "bad-segment at .log/seg/000000.damaged." in out, out
            assert words in out, out
        clean(spool)
        assert [name for name in os.listdir(spool + "/quarantine/.strays")
                if ".000000.damaged." in name]


class Service:
    """fsck --every, line by line."""

    def __init__(self, spool, *arguments):
        self.process = subprocess.Popen(
            [PIRN, "fsck", "--spool", spool, "--json", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def next(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def stop(self, number):
        """Told to; what it said until then."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, (self.process.returncode, err)
        assert err == b"", err
        return [json.loads(line) for line in out.splitlines()]


@each_layout
def as_a_service_it_says_when_it_begins_and_ends(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        put(spool)
        service = Service(spool, *NOW, "--every", "10ms", "--repair")
        for _ in range(3):
            assert service.next()["event"] == "start"
            end = service.next()
            assert end["event"] == "end" and end["items"] == 1
        with open(spool + "/notes.txt", "w", encoding="ascii"):
            pass
        finding = next(event for event in iter(service.next, None)
                       if event["event"] == "finding")
        assert finding["fault"] == "stray" and finding["mended"] is True
        service.stop(signal.SIGTERM)
        clean(spool)


def it_stops_when_told_asleep_or_not():
    with directory() as here:
        spool = new_spool(here, "file")
        put(spool)
        for number in (signal.SIGTERM, signal.SIGINT):
            service = Service(spool, *NOW, "--every", "1h")
            assert service.next()["event"] == "start"
            assert service.next()["event"] == "end"
            assert service.stop(number) == []
            orphan(spool)  # is doubted for an hour
            service = Service(spool, "--grace", "1h", "--every", "1h")
            assert service.next()["event"] == "start"
            ends = service.stop(number)
            assert len(ends) == 1 and ends[0]["whole"] is False
            fsck(spool, "--repair").exits(1)


cases(a_spool_that_is_well_has_exit_0_and_counts,
      what_is_found_is_1_and_nothing_is_changed_unasked,
      what_is_mended_is_found_no_more,
      a_limit_of_a_queue_that_is_not_there_is_66,
      ages_have_limits_per_queue,
      claims_have_a_limit_of_their_own,
      what_would_be_done_is_said_of_shelves_and_buckets_too,
      a_header_is_written_anew_before_a_restart_needs_it,
      what_a_restart_could_not_read_is_told_once,
      a_wrong_command_line_is_64_and_no_spool_66,
      as_a_service_it_says_when_it_begins_and_ends,
      it_stops_when_told_asleep_or_not)
