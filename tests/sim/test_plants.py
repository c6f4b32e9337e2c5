#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each planted defect is found: by lives of the model, in all states of a
workload, or in every order of atomic steps.

Runs programs of a second build, which has the defects (-Dplants=true); what
builds it is script/test, or by hand:

  meson setup build-plants -Dplants=true -Dserver=disabled -Dbench=disabled
  ninja -C build-plants tests/sim_model tests/sim_model_spool \
      tests/sim_exhaust tests/sim_log_lane_steps tests/sim_log_wheel_steps \
      tests/sim_log_catalogue_steps tests/sim_log_tomb_steps
  meson test -C build plants -v

PIRN_PLANTS names another directory. A defect counts as found if a life fails
with it, fails once more from the same seed, and holds without it.
"""
import json
import os
import subprocess
import time
from pathlib import Path

from harness import LONG, Skip, cases

BUILD = Path(os.environ.get(
    "PIRN_PLANTS", Path(__file__).resolve().parents[2] / "build-plants"))

LIMIT_S = 100  # promised: 10, on a machine with nothing else to do
HOLDS = 2000 * (20 if LONG else 1)  # lives that find nothing
HOLDS_LOG = HOLDS // 10  # which take longer

# Defect -> program, and the scenario that shows it; or the number of a workload
# of test_exhaust.c, where lives show it in thousands only; or the row of a test
# of atomic steps, which lives of few stops hardly ever meet. tests/lint/plants.py
# holds this table and the sites to each other.
PLANTS = {
    "acknowledged-early": ("sim_model_spool", "spool"),
    "boarded-in-flight": ("sim_model_spool", "spool"),
    "body-unlinked": ("sim_model_spool", "spool"),
    "bucket-not-synced": ("sim_model_spool", "spool"),
    "buffer-reused": ("sim_model", "stream"),
    "cell-not-helped": ("sim_log_lane_steps", "first entries"),
    "clean-up-skipped": ("sim_model", "chain"),
    "clock-moved-blindly": ("sim_log_wheel_steps",
                            "one puts while the clock passes"),
    "directory-not-synced": ("sim_model_spool", "spool"),
    "double-completion": ("sim_model", "stream"),
    "flush-ignored": ("sim_model_spool", "spool"),
    "flush-retried": ("sim_model_spool", "spool"),
    "hand-not-filled": ("sim_log_lane_steps", "3 x 4, killed: 3 there"),
    "hint-forgotten": ("sim_log_catalogue_steps", "by id, next"),
    "late-cancel": ("sim_model", "chain"),
    "living-robbed": ("sim_model_spool", "spool"),
    "log-acknowledged-early": ("sim_model_spool", "log"),
    "log-cut-skipped": ("sim_model_spool", "log"),
    "log-failure-passed-over": ("sim_model_spool", "log"),
    "log-freed-early": ("sim_exhaust", "17"),
    "log-mark-early": ("sim_model_spool", "log"),
    "log-round-not-synced": ("sim_model_spool", "log"),
    "log-turn-skipped": ("sim_model_spool", "log"),
    "log-version-reused": ("sim_model_spool", "log"),
    "name-not-synced": ("sim_model_spool", "spool-strict"),
    "not-re-armed": ("sim_model", "serve"),
    "short-body-damages": ("sim_model_spool", "spool"),
    "short-read-damages": ("sim_model_spool", "spool"),
    "short-write-ignored": ("sim_model", "chain"),
    "step-after-failure": ("sim_model", "chain"),
    "sync-retried": ("sim_model", "chain"),
    "tomb-set-blindly": ("sim_log_tomb_steps", "killed: 3 x 4"),
    "wake-up-lost": ("sim_model", "serve"),
}

# The workload of test_exhaust.c, and what it shows: of the spool, of its log, of
# a chain.
EXHAUSTED = (
    (0, "clean-up-skipped", "directory-not-synced", "flush-ignored",
     "flush-retried"),
    (11, "log-round-not-synced"),
    (8, "clean-up-skipped", "step-after-failure", "sync-retried"),
)


def run(program, *arguments, plant=None, **more):
    environment = {k: v for k, v in os.environ.items()
                   if k not in ("PIRN_PLANT", "PIRN_STEPS", "PIRN_OFF",
                                "PIRN_FORM", "PIRN_CUT", "PIRN_REFUSE",
                                "PIRN_ROW")}
    environment.update({k: str(v) for k, v in more.items()})
    if plant:
        environment["PIRN_PLANT"] = plant
    path = BUILD / "tests" / program
    if not path.exists():
        raise Skip(f"there is no {path}: sh script/test builds it")
    return subprocess.run([path, *arguments], env=environment, text=True,
                          timeout=LIMIT_S, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def figures(done):
    line = next(x for x in done.stdout.splitlines() if x.startswith("# {"))
    return json.loads(line[2:])


def why(done):
    """What the checker said, or the assertion."""
    lines = (done.stdout + done.stderr).strip().splitlines()
    said = [x for x in lines if "failed: " in x or "pirn: " in x]
    return (said or lines or ["ended by a signal"])[-1].split("failed: ")[-1]


def find_in_all_states(plant, workload):
    begin = time.monotonic()
    found = run("sim_exhaust", plant=plant, PIRN_WORKLOAD=workload)
    seconds = time.monotonic() - begin
    said = [x for x in found.stdout.splitlines() if "the first: " in x]
    assert found.returncode != 0 and said, f"{plant} was not found"
    without = run("sim_exhaust", PIRN_WORKLOAD=workload)
    assert without.returncode == 0, f"workload {workload} fails as it is"
    print(f"# {plant}: workload {workload}, {seconds:.2f} s: "
          f"{said[0].split('first: ')[1][:100]}", flush=True)
    return 0, seconds


def find_in_steps(plant, program, row):
    begin = time.monotonic()
    found = run(program, plant=plant, PIRN_ROW=row)
    seconds = time.monotonic() - begin
    said = [x for x in found.stdout.splitlines() if " states, " in x]
    assert found.returncode != 0 and said, f"{plant} was not found"
    without = run(program, PIRN_ROW=row)
    assert without.returncode == 0, f"{row} of {program} fails as it is"
    print(f"# {plant}: {seconds:.2f} s: {said[0].split('# ')[1][:100]}",
          flush=True)
    return 0, seconds


def find(plant, program, scenario):
    if program.endswith("_steps"):
        return find_in_steps(plant, program, scenario)
    if program == "sim_exhaust":
        return find_in_all_states(plant, scenario)
    begin = time.monotonic()
    try:
        hunted = run(program, scenario, "hunt", plant=plant)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{plant}: not in {LIMIT_S} s") from None
    seconds = time.monotonic() - begin
    told = figures(hunted)
    assert hunted.returncode == 1, f"{plant} was not found: {told}"
    seed = told["first_seed"] + told["lives"] - 1
    again = run(program, scenario, plant=plant, PIRN_SEED=seed)
    assert again.returncode != 0, f"{plant}: PIRN_SEED={seed} fails once"
    without = run(program, scenario, PIRN_SEED=seed)
    assert without.returncode == 0, \
        f"PIRN_SEED={seed} {program} {scenario} fails without {plant}"
    print(f"# {plant}: {scenario}, {told['lives']} lives, {seconds:.2f} s: "
          f"{why(again)[:100]}", flush=True)
    return told["lives"], seconds


def each_planted_defect_is_found():
    found = {p: find(p, *where) for p, where in sorted(PLANTS.items())}
    print("# " + json.dumps({
        "plants": len(PLANTS), "plants_found": len(found),
        "lives": sum(n for n, _ in found.values()),
        "seconds": round(sum(s for _, s in found.values()), 2),
        "seconds_worst": round(max(s for _, s in found.values()), 2)}))


def exhaustive_runs_find_them_too():
    for workload, *plants in EXHAUSTED:
        for plant in (None, *plants):
            done = run("sim_exhaust", plant=plant, PIRN_WORKLOAD=workload)
            assert (done.returncode != 0) == bool(plant), f"{plant}: {done}"


def without_a_defect_nothing_is_found():
    lives = {x for x in PLANTS.values() if x[0].startswith("sim_model")}
    for program, scenario in sorted(lives):
        done = run(program, scenario, "hunt", plant="nobody-planted-this",
                   PIRN_LIVES=HOLDS_LOG if scenario == "log" else HOLDS)
        assert done.returncode == 0, f"{scenario}: {done.stdout}"


def what_must_fail_fails():
    done = run("sim_model", "canary", "hunt", PIRN_LIVES=HOLDS)
    assert done.returncode == 1, "the harness is blind"


cases(each_planted_defect_is_found, exhaustive_runs_find_them_too,
      without_a_defect_nothing_is_found,
      what_must_fail_fails)
