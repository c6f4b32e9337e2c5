#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tests of kernel/ on other kernels, under qemu; only with --long.

Debian's kernels are fetched to build/kernels (kernels/fetch.sh), and there is
what each machine said. By hand, of one kernel, some tests:
PIRN_LONG=1 PIRN_KERNELS=6.1 PIRN_KERNEL_TESTS='chain|links' PIRN=build/pirn
python3 tests/kernels/test_kernels.py
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from guest import boot, complaints, is_done, missing, outcomes, pack
from harness import LONG, PIRN, Skip, cases

SUITES = {"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie"}
KERNELS = os.path.abspath(os.environ.get("PIRN_KERNEL_STORE",
                                         "build/kernels"))
ONLY = os.environ.get("PIRN_KERNELS")
TESTS = re.compile(os.environ.get("PIRN_KERNEL_TESTS", ""))
EACH_S, ALL_S = 600, 3600

SKIPPED = 77

# What they try is the same on each kernel, and it takes them long.
LEFT_OUT = re.compile("allocation|log_scribble|log_lives|model_disk")


def kernel(version):
    """The path of its image; fetched where it is not there."""
    if not LONG:
        raise Skip("only with --long")
    if ONLY and version not in ONLY.split(","):
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


def programs():
    """What meson made of tests/kernel."""
    folder = os.path.join(os.path.dirname(os.path.abspath(PIRN)), "tests")
    found = [path for path in sorted(glob.glob(folder + "/kernel_*"))
             if os.access(path, os.X_OK) and not os.path.isdir(path)
             and TESTS.search(os.path.basename(path))
             and not LEFT_OUT.search(path)]
    assert found, f"no test in {folder}"
    return found


def say(version, engine, which, arguments=""):
    """All that a machine says which runs these programs."""
    image = kernel(version)
    with tempfile.NamedTemporaryFile(dir=KERNELS) as initrd:
        pack(initrd.name, which, engine, EACH_S, arguments)
        return boot(image, initrd.name, f"{KERNELS}/{version}-{engine}.log",
                    ALL_S)


def run(version, engine):
    kernel(version)
    said = say(version, engine, programs())
    ended = outcomes(said)
    bad = {name: text for name, (code, text) in ended.items()
           if code not in (0, SKIPPED)}
    skipped = sorted(name for name, (code, _) in ended.items()
                     if code == SKIPPED)
    print(f"Linux {version}, {engine}: {len(ended)} programs, {len(bad)} "
          f"failed, skipped: {' '.join(skipped) or 'none'}")
    for name, text in bad.items():
        print(f"--- {name} on Linux {version}, {engine}\n{text}")
    assert is_done(said), "the machine did not come to its end: " + said[-2000:]
    assert not bad, sorted(bad)
    assert not complaints(said), complaints(said)


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


def where_a_ring_is_too_old_it_is_done_without():
    """5.10 has rings, but not what is used of them: auto takes the other."""
    said = say("5.10", "auto", [PIRN], "probe")
    code, probe = outcomes(said)["pirn"]
    assert code == 0 and "engine: plain" in probe, probe


if __name__ == "__main__":
    cases(where_a_ring_is_too_old_it_is_done_without,
          linux_5_10_does_it_without_a_ring,
          linux_6_1_does_it_by_a_ring,
          linux_6_1_does_it_without_a_ring,
          linux_6_12_does_it_by_a_ring,
          linux_6_12_does_it_without_a_ring)
