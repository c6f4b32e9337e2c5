#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pirn events: what is done by other processes, as they do it."""
import json
import os
import re
import shutil
import signal
import subprocess

from command import each_layout, new_spool, put, run
from harness import PIRN, cases, directory

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class Listener:
    """pirn events, line by line, from its first one on."""

    def __init__(self, spool, *arguments):
        self.is_json = "--json" in arguments
        self.process = subprocess.Popen(
            [PIRN, "events", "--spool", spool, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = self.next()
        if self.is_json:
            assert first["event"] == "listening", first
        else:
            assert re.fullmatch(TIME + " listening", first), first

    def next(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line) if self.is_json else line.rstrip("\n")

    def kinds(self, count):
        return [self.next()["event"] for _ in range(count)]

    def ends(self):
        """It ends by itself, or was told to; what it still printed."""
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, (self.process.returncode, err)
        assert err == "", err
        return out.splitlines()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.ends()


@each_layout
def it_ends_when_its_reader_has_gone(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        for ignored in (False, True):
            with subprocess.Popen(
                    [PIRN, "events", "--spool", spool],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    restore_signals=not ignored) as process:
                assert process.stdout.readline().endswith(b" listening\n")
                process.stdout.close()
                code = process.wait(timeout=60)  # and nothing was done
                said = process.stderr.read()
            assert code == (74 if ignored else -signal.SIGPIPE), code
            assert (b"has gone;" in said) == ignored, said


@each_layout
def what_others_do_is_printed_as_they_do_it(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        run("create", "--layout", layout, "--queue", "done",
            spool=spool).exits(0)
        listener = Listener(spool, "--json")
        item = put(spool)
        run("hold", item, spool=spool).exits(0)
        run("release", item, spool=spool).exits(0)
        run("mv", item, "--to", "done", spool=spool).exits(0)
        run("rm", item, spool=spool).exits(0)
        events = [listener.next() for _ in range(9)]
        assert [event["event"] for event in events] == [
            "enqueued", "claimed", "held", "claimed", "released", "claimed",
            "moved", "claimed", "removed"], events
        assert {event["id"] for event in events} == {item}
        assert [event["queue"] for event in events] == \
            ["incoming"] * 7 + ["done"] * 2
        assert [event.get("to") for event in events] == \
            [None] * 6 + ["done"] + [None] * 2
        assert [event["held"] for event in events] == \
            [False] * 2 + [True] + [False] * 6
        serial = events[0]["serial"]
        assert [event["serial"] for event in events] == \
            list(range(serial, serial + 9))
        assert listener.stop() == []


def people_read_a_line_each():
    with directory() as here:
        spool = new_spool(here)
        run("create", "--queue", "done", spool=spool).exits(0)
        listener = Listener(spool)
        item = put(spool)
        run("take", "--spool", spool, "--", "sh", "-c", "exit 75",
            spool=None)
        run("mv", item, "--to", "done", spool=spool).exits(0)
        lines = [listener.next() for _ in range(5)]
        says = [" enqueued ITEM incoming owner N",
                " claimed ITEM incoming owner N",
                " given-back ITEM incoming owner N attempts 1 due TIME",
                " claimed ITEM incoming owner N attempts 1 due TIME",
                " moved ITEM incoming -> done owner N attempts 1 due TIME"]
        for line, said in zip(lines, says):
            wanted = TIME + said.replace("ITEM", item).replace(
                "TIME", TIME).replace(" N", r" \d+")
            assert re.fullmatch(wanted, line), (line, wanted)
        assert listener.stop(signal.SIGINT) == []


def so_many_are_printed_and_it_ends():
    with directory() as here:
        spool = new_spool(here)
        listener = Listener(spool, "--count", "2")
        items = [put(spool) for _ in range(3)]
        lines = listener.ends()
        assert [line.split()[2] for line in lines] == items[:2], lines


def kinds_and_a_queue_can_be_chosen():
    with directory() as here:
        spool = new_spool(here)
        run("create", "--queue", "done", spool=spool).exits(0)
        by_kind = Listener(spool, "--json", "--kind", "removed", "--kind",
                           "enqueued")
        by_queue = Listener(spool, "--json", "--queue", "done")
        item = put(spool)
        run("mv", item, "--to", "done", spool=spool).exits(0)
        run("rm", item, spool=spool).exits(0)
        assert by_kind.kinds(2) == ["enqueued", "removed"]
        assert by_queue.kinds(3) == ["moved", "claimed", "removed"]
        assert by_kind.stop() == [] and by_queue.stop() == []


def owners_who_are_fenced_out_or_killed_are_printed():
    with directory() as here:
        spool = new_spool(here)
        put(spool)
        listener = Listener(spool, "--json", "--kind", "dead", "--kind",
                            "claimed")
        taker = subprocess.Popen(
            [PIRN, "take", "--spool", spool, "--", "sh", "-c",
             "echo $$ >&2; exec sleep 60"],
            stderr=subprocess.PIPE)
        claimed = listener.next()
        command = int(taker.stderr.readline())
        taker.kill()
        taker.wait()
        run("status", spool=spool).exits(0)  # looks for the dead
        dead = listener.next()
        assert dead["event"] == "dead" and dead["count"] == 1, dead
        assert dead["owner"] == claimed["owner"]
        assert "id" not in dead and "queue" not in dead
        assert listener.stop() == []
        os.kill(command, signal.SIGKILL)
        taker.stderr.close()


def a_wrong_command_line_is_64_no_queue_66_no_log_78():
    for words in (("--kind", "none"), ("--count", "0"), ("--count", "x"),
                  ("--queue", "Not A Name"), ("extra",)):
        ran = run("events", *words, spool=".").exits(64)
        assert ran.out == b"" and ran.err, words
    with directory() as here:
        run("events", spool=here + "/gone").exits(66).says("no such directory")
        spool = new_spool(here, "file")
        run("events", "--queue", "none",
            spool=spool).exits(66).says("queue none")
        shutil.rmtree(spool + "/.log")
        ran = run("events", spool=spool).exits(78).says("without a log")
        assert ran.out == b""


def an_output_that_is_full_ends_it_and_is_said():
    with directory() as here:
        spool = new_spool(here)
        with open("/dev/full", "wb") as full:
            process = subprocess.Popen([PIRN, "events", "--spool", spool],
                                       stdout=full, stderr=subprocess.PIPE)
            _, err = process.communicate(timeout=60)
        assert process.returncode == 75, process.returncode
        assert b"standard output" in err, err


def index_of(spool):
    """The file in shared memory, if there is one now."""
    with open(spool + "/.log/index", encoding="ascii") as file:
        path = next(line.split()[1] for line in file
                    if line.startswith("path "))
    return path if os.path.exists(path) else None


def a_killed_listener_leaves_nothing():
    with directory() as here:
        spool = new_spool(here)
        listener = Listener(spool)
        listener.process.kill()
        listener.process.communicate()
        item = put(spool)
        assert index_of(spool) is not None  # an item is in it
        run("rm", item, spool=spool).exits(0)
        assert index_of(spool) is None


# What the disk does is no matter here, and waiting for it is most of the time.
if os.access("/dev/shm", os.W_OK):
    os.chdir("/dev/shm")
cases(what_others_do_is_printed_as_they_do_it,
      people_read_a_line_each,
      so_many_are_printed_and_it_ends,
      kinds_and_a_queue_can_be_chosen,
      owners_who_are_fenced_out_or_killed_are_printed,
      a_wrong_command_line_is_64_no_queue_66_no_log_78,
      an_output_that_is_full_ends_it_and_is_said,
      a_killed_listener_leaves_nothing)
