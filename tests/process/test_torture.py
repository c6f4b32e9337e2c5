#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pirn-bench torture: what it finds, what it says, and that it leaves nothing.

No case is decided by a figure.
"""
import glob
import json
import os
import re
import signal
import subprocess
import time

from harness import Skip, cases, directory

VERDICT = re.compile(
    r"^torture: 0 lost of [\d,]+ acknowledged, 0 torn, 0 doubled; ", re.M)


def program():
    if "PIRN_BENCH" not in os.environ:
        raise Skip("built without -Dbench")
    return os.environ["PIRN_BENCH"]


def indexes():
    return set(glob.glob("/dev/shm/pirn-torture-*"))


def torture(*options, here, code=0, **more):
    before = indexes()
    done = subprocess.run([program(), "torture", "--dir", here, *options],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=100, **more)
    assert done.returncode == code, (options, done)
    assert not glob.glob(here + "/pirn-torture-*"), "it left its directory"
    assert not indexes() - before, "it left an index"
    return done


def kills_lose_nothing(layout):
    with directory() as here:
        said = torture("--layout", layout, "--kills", "10", "--json",
                       here + "/out", here=here).stdout
        assert VERDICT.search(said), said
        with open(here + "/out") as file:
            record, = map(json.loads, file)
        assert record["held"] is True and record["layout"] == layout
        assert record["kills"] >= 10 and record["acknowledged"] > 0
        assert record["removed"] > 0
        for name in ("lost", "torn", "doubled", "stuck", "failed"):
            assert record[name] == 0, record


def kills_lose_nothing_of_a_log():
    kills_lose_nothing("log")


def kills_lose_nothing_of_files():
    kills_lose_nothing("file")


def what_goes_behind_its_back_is_called_lost():
    with directory() as here:
        done = torture("--kills", "1", "--spoil", "--seed", "7", here=here,
                       code=1)
        assert done.stdout.splitlines()[-1].startswith("torture: lost 1 of ")
        assert re.search("^the same choices again: .* --seed 7 ", done.stdout,
                         re.M), done.stdout
        assert "acknowledged, and is not there" in done.stderr, done.stderr


def what_is_not_possible_here_is_said_with_the_remedy():
    with directory() as here:
        for options, word in ((["--fs", "xfs"], "--power"),
                              (["--layout", "tape"], "log or file"),
                              (["--kills", "0"], "1 to"),
                              (["more"], "nothing is expected")):
            assert word in torture(*options, here=here, code=64).stderr
        said = torture(here=here + "/none", code=75).stderr
        assert "--dir" in said and len(said.splitlines()) == 1, said


def only_root_cuts_the_power():
    if os.geteuid() != 0:
        with directory() as here:
            said = torture("--power", here=here, code=75).stderr
            assert "root" in said and "--power" in said, said
        return
    before = indexes()
    with directory() as here:
        done = subprocess.run(
            [program(), "torture", "--dir", here, "--power", "--cuts", "1",
             "--kills", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, timeout=100)
        assert not os.listdir(here), "it left its directory"
        assert not indexes() - before, "it left an index"
        if done.returncode == 75:
            raise Skip(done.stderr.strip())
        assert done.returncode == 0 and VERDICT.search(done.stdout), done


def uses(here):
    """Loop devices on an image below, processes that name the place."""
    for path in glob.glob("/sys/block/loop*/loop/backing_file"):
        try:
            with open(path) as file:
                if here in file.read():
                    yield path
        except OSError:
            pass
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path) as file:
                if here in file.read():
                    yield path
        except OSError:
            pass


def soon(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def a_signal_leaves_nothing():
    power = ["--power"] if os.geteuid() == 0 else []
    with directory() as here:
        before = indexes()
        run = subprocess.Popen(
            [program(), "torture", "--dir", here, "--seconds", "60", *power],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        soon(lambda: run.poll() is not None or
             indexes() - before and glob.glob(here + "/pirn-torture-*/*"))
        run.send_signal(signal.SIGTERM)
        out, said = run.communicate(timeout=60)
        if run.returncode == 75:
            raise Skip(said.strip())
        assert run.returncode == 128 + signal.SIGTERM, (run.returncode, said)
        assert "nothing is judged" in said and not out, (out, said)
        assert not os.listdir(here) and not indexes() - before
        soon(lambda: not list(uses(here)))


if __name__ == "__main__":
    cases(kills_lose_nothing_of_a_log, kills_lose_nothing_of_files,
          what_goes_behind_its_back_is_called_lost,
          what_is_not_possible_here_is_said_with_the_remedy,
          only_root_cuts_the_power, a_signal_leaves_nothing)
