#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tests of kernel/ on other kernels, under qemu; only with --long.

Debian's kernels are fetched to build/kernels (kernels/fetch.sh), and there is
what each machine said. Several machines, one after the other, share a list of
programs: one that goes down takes few with it. Of each kernel and engine a
line of JSON says how it went. By hand, of one kernel, or of one engine on it,
some tests:
PIRN_LONG=1 PIRN_KERNELS=6.1-uring PIRN_KERNEL_TESTS='chain|links'
PIRN=build/pirn python3 tests/kernels/test_kernels.py
"""
import functools
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from guest import boot, complaints, is_done, missing, outcomes, pack, release
from harness import LONG, PIRN, Skip, cases
import links

SUITES = {"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie"}
KERNELS = os.path.abspath(os.environ.get("PIRN_KERNEL_STORE",
                                         "build/kernels"))
ONLY = os.environ.get("PIRN_KERNELS")
TESTS = re.compile(os.environ.get("PIRN_KERNEL_TESTS", ""))
EACH_S, BOOT_S = 600, 1500
BOOT_PROGRAMS = 24

SKIPPED = 77

# By what a program's name has, why it is not tried on other kernels.
LEFT_OUT = {
    "allocation": "refuses memory to the code, on any kernel alike; is long",
    "log_catalogue_kill": "kills who changes words in memory, on any kernel "
                          "alike; is long",
    "log_scribble": "turns bits in files, on any kernel alike; is long",
    "log_lives": "compares with a model, on any kernel alike; is long",
    "model_disk": "tests the model by the running kernel's file system",
}

# What takes a minute or more each, and has most to do with the spool's own
# rules, is tried on the oldest kernel with a ring.
ONCE = re.compile("kernel_(check_file|check_log|fence|move|name|share)")
ONCE_ON = ("6.1", "uring")


def kernel(version, engine):
    """The path of its image; fetched where it is not there."""
    if not LONG:
        raise Skip("only with --long")
    if ONLY and not {version, f"{version}-{engine}"} & set(ONLY.split(",")):
        raise Skip(f"PIRN_KERNELS is {ONLY}")
    if why := missing():
        raise Skip(why)
    path = f"{KERNELS}/{SUITES[version]}"
    if not os.path.exists(path):
        subprocess.run(["sh", os.path.join(os.path.dirname(__file__),
                                           "fetch.sh"),
                        KERNELS, SUITES[version]], check=False)
    if not os.path.exists(path):
        raise Skip(f"Debian's mirror did not give the kernel of "
                   f"{SUITES[version]}")
    return path


def why_left_out(program, version, engine):
    if ONCE.search(program) and (version, engine) != ONCE_ON:
        return f"is long; tried on {' by '.join(ONCE_ON)}"
    return next((why for part, why in LEFT_OUT.items() if part in program),
                None)


def programs():
    """What meson made of tests/kernel."""
    folder = os.path.join(os.path.dirname(os.path.abspath(PIRN)), "tests")
    found = [path for path in sorted(glob.glob(folder + "/kernel_*"))
             if os.access(path, os.X_OK) and not os.path.isdir(path)
             and TESTS.search(os.path.basename(path))]
    assert found, f"no test in {folder}"
    return found


def say(version, engine, which, name, arguments=""):
    """All that a machine says which runs these programs."""
    image = kernel(version, engine)
    with tempfile.NamedTemporaryFile(dir=KERNELS) as initrd:
        pack(initrd.name, which, engine, EACH_S, arguments)
        return boot(image, initrd.name, f"{KERNELS}/{name}.log", BOOT_S)


def cases_of(outcome):
    """How many tests a program says it ran."""
    return sum(map(int, re.findall(r"(\d+) test\(s\) run", outcome.text)))


def reasons_of(outcome):
    """Why it, or a part of it, was not tried."""
    return "; ".join(re.findall(r"(?im)^skip(?:ped)?: (.*)", outcome.text))


class Report:
    """What became of all programs on one kernel, by one engine."""

    def __init__(self, version, engine):
        self.version = version
        self.engine = engine
        self.release = "?"
        self.outcomes = {}
        self.wrong = []     # of the machines
        self.begun = time.monotonic()

    def add(self, part, said):
        """What a machine said that was to run @part."""
        self.release = release(said)
        self.outcomes |= outcomes(said)
        if not is_done(said):
            self.wrong.append("a machine did not come to its end: "
                              + said[-2000:])
        self.wrong += complaints(said)
        names = {os.path.basename(path) for path in part}
        self.wrong += [f"{name} never began"
                       for name in sorted(names - set(self.outcomes))]

    def of(self, *codes):
        return {name: outcome for name, outcome in self.outcomes.items()
                if outcome.code in codes}

    def failed(self):
        return {name: outcome for name, outcome in self.outcomes.items()
                if outcome.code not in (0, SKIPPED)}

    def line(self, left_out):
        """All of it as JSON. The longest have their seconds by the emulated
        machine's clock, which runs ahead where it was set on a busy one."""
        seconds = {name: round(outcome.seconds) for name, outcome in
                   self.outcomes.items() if outcome.seconds is not None}
        longest = sorted(seconds, key=seconds.get, reverse=True)[:5]
        return json.dumps({
            "kernel": self.version, "release": self.release,
            "engine": self.engine,
            "programs": len(self.outcomes),
            "passed": len(self.of(0)),
            "cases": sum(cases_of(o) for o in self.of(0).values()),
            "failed": sorted(self.failed()),
            "skipped": {name: reasons_of(o) for name, o in
                        self.of(SKIPPED).items()},
            "skipped_in_part": {name: reasons_of(o) for name, o in
                                self.of(0).items() if reasons_of(o)},
            "left_out": left_out,
            "seconds": round(time.monotonic() - self.begun),
            "longest": {name: seconds[name] for name in longest},
        })


def run(version, engine):
    kernel(version, engine)
    report = Report(version, engine)
    found = programs()
    left_out = {name: why for name in map(os.path.basename, found)
                if (why := why_left_out(name, version, engine))}
    tried = [path for path in found if os.path.basename(path) not in left_out]
    for at in range(0, len(tried), BOOT_PROGRAMS):
        part = tried[at:at + BOOT_PROGRAMS]
        report.add(part, say(version, engine, part,
                             f"{version}-{engine}-{at // BOOT_PROGRAMS}"))
    for name, outcome in report.failed().items():
        print(f"--- {name} on Linux {version}, {engine}: "
              f"{outcome.code}\n{outcome.text}")
    print(report.line(left_out), flush=True)
    with open(f"{KERNELS}/{version}-{engine}.json", "w",
              encoding="utf-8") as file:
        print(report.line(left_out), file=file)
    assert not report.wrong, "\n".join(report.wrong)
    assert not report.failed(), sorted(report.failed())


def linux_5_10_does_it_without_a_ring():
    run("5.10", "plain")


def linux_6_1_does_it_by_a_ring():
    run("6.1", "uring")


def linux_6_1_does_it_without_a_ring():
    run("6.1", "plain")


def linux_6_12_does_it_by_a_ring():
    run("6.12", "uring")


def linux_6_12_does_it_without_a_ring():
    run("6.12", "plain")


@functools.lru_cache(maxsize=None)
def probed(version):
    """What `pirn probe` says there, a row each."""
    said = say(version, "auto", [PIRN], f"{version}-probe", "probe --json")
    outcome = outcomes(said).get("pirn")
    assert outcome and outcome.code == 0, said[-2000:]
    return links.rows(outcome.text)


def where_a_ring_is_too_old_it_is_done_without():
    """5.10 has rings, but not what is used of them: auto takes the other."""
    engine = next(row for row in probed("5.10") if row["kind"] == "engine")
    assert engine["name"] == "plain" and engine["present"], engine
    assert "one that is too old" in engine["reason"], engine


def links_are_cut_as_is_written():
    """By each kernel that can be had, in tests/README.md."""
    tried = {}
    for version in SUITES:
        try:
            tried[version] = links.cuts(probed(version))
        except Skip as why:
            print(f"{version}: {why}")
    if not tried:
        raise Skip("no kernel to try")
    now = links.table(links.written() | tried | links.here())
    print(now)
    assert links.is_written(now), "tests/README.md has another table of links"


if __name__ == "__main__":
    cases(where_a_ring_is_too_old_it_is_done_without,
          links_are_cut_as_is_written,
          linux_5_10_does_it_without_a_ring,
          linux_6_1_does_it_by_a_ring,
          linux_6_12_does_it_by_a_ring,
          linux_6_1_does_it_without_a_ring,
          linux_6_12_does_it_without_a_ring)
