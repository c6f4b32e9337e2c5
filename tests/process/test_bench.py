#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pirn-bench: what it prints and records, and that it leaves nothing behind.

No case is decided by a figure.
"""
import json
import os
import re
import signal
import subprocess
import time

from harness import PIRN, Skip, cases, directory, listed

RATIO = re.compile(
    r"^ratio (\S+) ([\d.]+)  \(([\d.]+) to ([\d.]+), \d+ rounds, ", re.M)
BRIEF = ("--rounds", "2", "--seconds", "0.05")
PEERS = os.path.join(os.environ.get("PIRN_PEERS", "build/peers"), "bin")


def program():
    if "PIRN_BENCH" not in os.environ:
        raise Skip("built without -Dbench")
    return os.environ["PIRN_BENCH"]


def bench(*arguments, code=0):
    done = subprocess.run([program(), *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, text=True)
    assert done.returncode == code, (arguments, done.returncode, done.stderr)
    return done


def a_ratio_lies_in_its_spread_and_is_recorded_with_the_machine():
    with directory() as here:
        said = bench("nop", *BRIEF, "--json", here + "/out").stdout
        (name, *numbers), = RATIO.findall(said)
        value, least, most = map(float, numbers)
        assert name == "op_nop32" and least <= value <= most, said
        with open(here + "/out") as file:
            record, = map(json.loads, file)
        assert record["name"] == name
        assert abs(record["value"] - value) < 0.001
        assert len(record["sides"]) == 2
        for side in record["sides"]:
            assert len(side["ns"]) == record["rounds"] >= 2
            assert len(side["cpu_ns"]) == record["rounds"]
            assert side["p50_ns"] <= side["p99_ns"]
        for key in ("cpu", "kernel", "mitigations", "engine", "compiler"):
            assert record["machine"][key] not in ("", "?"), key


def every_round_of_commits_leaves_whole_items():
    with directory() as here:
        said = bench("commit", *BRIEF, "--dir", here).stdout
        assert RATIO.findall(said)[0][0] == "file_commit", said
        for index in range(3):
            items = listed(f"{here}/commit-pirn.{index}")
            assert items
            assert {item["size"] for item in items.values()} == {4096}


def files_are_enqueued_and_drained_beside_others():
    with directory() as here:
        said = bench("file_enqueue", "file_drain", "file_drain_calls", *BRIEF,
                     "--dir", here).stdout
        names = [name for name, *_ in RATIO.findall(said)]
        assert names == ["file_enqueue", "file_drain", "file_drain_calls"], said
        claims = re.findall(r"^claims file_drain\.(\S+) (\d+)  \((\d+) lost;",
                            said, re.M)
        assert [side for side, *_ in claims] == ["pirn4", "multispool"], said
        assert int(claims[0][1]) > 0
        assert not [name for name in os.listdir(here) if "drain" in name]


def a_check_and_a_listing_are_measured_in_both_layouts():
    with directory() as here:
        said = bench("fsck", "ls", *BRIEF, "--long", "0.2", "--dir", here,
                     "--server", PIRN, "--json", here + "/out").stdout
        with open(here + "/out") as file:
            records = {record["name"]: record for record in
                       map(json.loads, file)}
        for layout in ("log", "file"):
            assert f"ratio fsck_writer_{layout} " in said, said
            assert records[f"fsck_writer_{layout}"]["per_second"] > 0
            listed_now = records[f"ls_{layout}"]
            assert 0 < listed_now["first_ns"] <= listed_now["all_ns"]
            assert listed_now["items"] > 0 and listed_now["private"] > 0
        assert os.listdir(here) == ["out"]


def what_works_on_files_demands_a_directory():
    for question in ("chain", "commit", "smtp", "calls", "file_drain", "fsck",
                     "ls"):
        assert "--dir" in bench(question, code=64).stderr
    assert "no question" in bench("nonsense", code=64).stderr


def processes_with(word):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if word.encode() in file.read():
                    yield int(pid)
        except OSError:
            pass


def soon(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def a_run_that_is_ended_by_a_signal_leaves_no_server():
    if not os.path.exists(PEERS + "/smtp-source"):
        raise Skip("smtp-source is not there: sh script/peers fetches it")
    with directory() as here:
        run = subprocess.Popen(
            [program(), "smtp", "--dir", here, "--server", PIRN, "--peers",
             PEERS, "--rounds", "99"], stdout=subprocess.DEVNULL)
        soon(lambda: list(processes_with(here + "/smtp")))
        run.send_signal(signal.SIGTERM)
        assert run.wait(10) == 128 + signal.SIGTERM
        soon(lambda: not list(processes_with(here)))


if __name__ == "__main__":
    cases(*[value for name, value in list(globals().items())
            if callable(value) and value.__module__ == "__main__"
            and value.__code__.co_argcount == 0
            and name not in ("program", "bench")])
