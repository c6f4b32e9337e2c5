# SPDX-License-Identifier: MIT
"""A spool that an older program made is read; one of a newer one is refused.

tests/golden/ has a spool of each layout and format, as a killed process left it.
What is in them is written in tests/golden/golden_maker.c, and once more here.
"""
import json
import os
import re
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(HERE, "../golden")]
from golden import unpack  # noqa: E402
from harness import PIRN, cases, directory, listed, pirn  # noqa: E402
from read_log import id_text, xxh3  # noqa: E402

LARGE = b"large\n".ljust(70000 - 14, b"\0") + b"the end of it\n"
FIELDS = {"from": ["a@example.org"], "to": ["b@example.org", "100 %\r\n\x7f"],
          "none": [""]}

# body, queue: state, attempts, more that is said, whether it has the fields.
EXPECTED = {
    (b"item 0\n", "incoming"): ("ready", 0, {}, False),
    (b"item 1\n", "incoming"): ("ready", 0, {}, True),
    (b"", "incoming"): ("ready", 0, {}, False),
    (LARGE, "incoming"): ("ready", None, {}, False),  # was had, once
    (b"item 4\n", "incoming"): ("ready", 0, {"priority": 7}, False),
    (b"item 5\n", "incoming"): ("ready", 0, {"priority": -8}, False),
    (b"item 6\n", "incoming"): ("held", 0, {}, False),
    (b"item 7\n", "incoming"):
        ("delayed", 0, {"due": "2100-01-01T00:00:00.000Z"}, False),
    (b"item 8\n", "incoming"): (None, 0, {}, False),  # its time is over
    (b"item 9\n", "incoming"): ("ready", 1, {}, True),
    (b"item 10\n", "second"): ("ready", 1, {}, False),
    (LARGE, "second"): ("ready", 0, {}, True),
    (b"item 13\n", "incoming"): ("ready", None, {}, False),  # a dead one's
    (b"item 14\n", "incoming"): ("ready", None, {}, True),
}
NOT_READY = (b"item 6\n", b"item 7\n")


def golden(here, layout):
    spool = os.path.join(here, layout)
    with open(f"{HERE}/../golden/{layout}.golden", encoding="ascii") as text:
        unpack(text.read(), spool)
    return spool


def reader_says(spool, layout):
    name = {"file": "read_files.py"}.get(layout, "read_log.py")
    done = subprocess.run([sys.executable, "-B", f"{HERE}/{name}", spool],
                          timeout=60, stdout=subprocess.PIPE, check=True)
    items = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert all(item["digest_ok"] for item in items), items
    return {item["id"]: item for item in items}


def body_of(spool, name):
    return pirn("cat", name, spool=spool)


def expect(item, body):
    state, attempts, more, has_fields = EXPECTED[body, item["queue"]]
    assert state in (None, item["state"]), item
    assert attempts in (None, item["attempts"]), item
    assert all(item.get(key) == value for key, value in more.items()), item
    assert item["fields"] == (FIELDS if has_fields else {}), item


def shown(spool, names):
    lines = pirn("show", "--json", *names, spool=spool).splitlines()
    return list(map(json.loads, lines))


def faults(spool):
    """What a check finds."""
    command = [PIRN, "fsck", "--json", "--grace", "0", "--spool", spool]
    ran = subprocess.run(command, timeout=120, stdout=subprocess.PIPE)
    events = list(map(json.loads, ran.stdout.splitlines()))
    found = {event["fault"] for event in events
             if event["event"] == "finding"}
    assert ran.returncode == (1 if found else 0) and events, ran
    return found


def everything_is_there(layout):
    with directory() as here:
        spool = golden(here, layout)
        if layout == "log-1":
            pirn("ls", spool=spool)  # it is of the newest format then
            assert not os.path.exists(spool + "/.log/tombs")
        read = reader_says(spool, layout)
        items = shown(spool, listed(spool))
        assert {item["id"] for item in items} == set(read)
        met = set()
        for item in items:
            assert item["digest"] == read[item["id"]]["digest"]
            body = body_of(spool, item["id"])
            expect(item, body)
            met.add((body, item["queue"]))
        assert met == set(EXPECTED), met ^ set(EXPECTED)
        assert faults(spool) <= {"overdue"}  # nobody claims there any more


def take(spool, queue, here):
    """The bodies of all that is ready, in the order in which they came."""
    keep = f"cat >'{here}/'$PIRN_ID && echo $PIRN_ID >>'{here}/order'"
    subprocess.run([PIRN, "take", "--spool", spool, "--queue", queue, "--",
                    "sh", "-c", keep], timeout=60, check=True,
                   stderr=subprocess.DEVNULL)
    with open(here + "/order", encoding="ascii") as order:
        names = order.read().split()
    os.unlink(here + "/order")
    bodies = []
    for name in names:
        with open(f"{here}/{name}", "rb") as body:
            bodies.append(body.read())
    return bodies


def all_of_it_is_taken_and_removed(layout):
    with directory() as here:
        spool = golden(here, layout)
        ready = [body for (body, queue) in EXPECTED
                 if queue == "incoming" and body not in NOT_READY
                 and not EXPECTED[body, queue][3]]  # told to no command
        bodies = take(spool, "incoming", here)
        assert bodies[0] == b"item 4\n" and bodies[-1] == b"item 5\n", bodies
        assert sorted(bodies) == sorted(ready)
        kept = [name for name, item in listed(spool).items()
                if item["queue"] == "incoming"]
        pirn("release", *kept, spool=spool)
        assert sorted(take(spool, "incoming", here)) == list(NOT_READY)
        pirn("rm", *listed(spool), spool=spool)
        assert listed(spool) == {}
        pirn("fsck", spool=spool)  # finds nothing
        assert reader_says(spool, layout) == {}


def the_file_layouts_golden_spool_is_read():
    everything_is_there("file")


def the_logs_golden_spool_is_read():
    everything_is_there("log")


def a_log_of_format_1_is_read_and_is_one_of_format_2_then():
    everything_is_there("log-1")


def a_log_of_format_1_is_emptied():
    all_of_it_is_taken_and_removed("log-1")


def the_file_layouts_golden_spool_is_emptied():
    all_of_it_is_taken_and_removed("file")


def the_logs_golden_spool_is_emptied():
    all_of_it_is_taken_and_removed("log")


def both_formats_of_metadata_are_in_it():
    with open(f"{HERE}/../golden/file.golden", encoding="ascii") as text:
        formats = re.findall(r"(?m)^:pirn-item (\d)$", text.read())
    assert set(formats) == {"1", "2"}, formats


# ---- newer ----

def raise_text(path):
    """A text of ours, of a format of tomorrow, and whole."""
    with open(path, "r+b") as file:
        body = re.sub(rb"^(pirn-\w+) \d", rb"\1 7", file.read()[:-21])
        file.seek(0)
        file.write(body + b"end %016x\n" % xxh3(body))


def raise_segment(path):
    with open(path, "r+b") as file:
        head = b"pirnseg7" + file.read(48)[8:]
        file.seek(0)
        file.write(head + struct.pack("<Q", xxh3(head)))


def refused(spool, verb, *more):
    done = subprocess.run([PIRN, verb, "--spool", spool, *more], timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 65 and not done.stdout, done
    assert b"newer" in done.stderr and spool.encode() in done.stderr, done


def files_of(spool):
    """Each file's bytes, but what says who has it open, and where his index
    is: neither outlives a restart."""
    found = {}
    for folder, _, names in os.walk(spool):
        for name in set(names) - {".owners", "index", "index.new"}:
            with open(os.path.join(folder, name), "rb") as file:
                found[os.path.join(folder, name)] = file.read()
    return found


def newer_is_refused(layout, name, how):
    with directory() as here:
        spool = golden(here, layout)
        how(os.path.join(spool, name))
        before = files_of(spool)
        refused(spool, "ls")
        refused(spool, "fsck", "--repair")
        after = files_of(spool)
        assert after == before, {name for name in before | after
                                 if before.get(name) != after.get(name)}


def a_newer_spool_is_refused_and_left_as_it_is():
    newer_is_refused("file", "pirn-spool", raise_text)
    newer_is_refused("log", "pirn-spool", raise_text)


def so_is_a_newer_log():
    newer_is_refused("log", ".log/log", raise_text)


def and_a_newer_queue_of_it():
    newer_is_refused("log", ".log/queues/0001", raise_text)


def newer_segments_are_refused_and_not_written_over():
    with directory() as here:
        spool = golden(here, "log")
        for name in os.listdir(spool + "/.log/seg"):
            path = f"{spool}/.log/seg/{name}"
            with open(path, "rb") as file:
                if file.read(8) == b"pirnseg1":
                    raise_segment(path)
        seg = spool + "/.log/seg"
        before = files_of(seg)
        refused(spool, "ls")
        assert files_of(seg) == before, "a segment was written"


def one_item_of_a_newer_format_is_set_aside_whole():
    with directory() as here:
        spool = golden(here, "file")
        names = [name for name, item in reader_says(spool, "file").items()
                 if item["state"] == "ready" and item["size"] == 7
                 and item["fields"] == {} and "priority" not in item]
        assert len(names) == 1, names  # item 0
        path = f"{names[0][-2:]}/{names[0]}"
        raise_text(f"{spool}/incoming/{path}")
        with open(f"{spool}/incoming/{path}", "rb") as file:
            before = file.read()
        assert b"item 0\n" not in take(spool, "incoming", here)
        with open(f"{spool}/quarantine/{path}", "rb") as file:
            assert file.read() == before
        assert body_of_file(spool, path) == b"item 0\n"


def body_of_file(spool, path):
    with open(f"{spool}/.data/{path}", "rb") as file:
        return file.read()


cases(both_formats_of_metadata_are_in_it,
      the_file_layouts_golden_spool_is_read,
      the_logs_golden_spool_is_read,
      a_log_of_format_1_is_read_and_is_one_of_format_2_then,
      a_log_of_format_1_is_emptied,
      the_file_layouts_golden_spool_is_emptied,
      the_logs_golden_spool_is_emptied,
      a_newer_spool_is_refused_and_left_as_it_is,
      so_is_a_newer_log,
      and_a_newer_queue_of_it,
      newer_segments_are_refused_and_not_written_over,
      one_item_of_a_newer_format_is_set_aside_whole)
