# SPDX-License-Identifier: MIT
"""What the crash tests lie on: a disk that logs, a file system, who works on it.

The tests run in a mount namespace of their own, and all mounts and images are
below one directory in memory: whoever is killed, nothing of it stays mounted,
and a loop device goes with the last who has it.
"""
import contextlib
import copy
import json
import os
import random
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import LONG, Skip, cases, directory  # noqa: E402,F401

# A plain run has the same seed each time, as on the model; --long another.
SEED = int(os.environ.get("PIRN_SEED") or
           (random.SystemRandom().getrandbits(32) if LONG else 61203))
MIB = 1 << 20

# How each is made and mounted, on a disk of so many bytes. Small journals and
# no lazy work, so that a state is small; the rest as it comes.
EXT4 = ["mkfs.ext4", "-q", "-F", "-E",
        "nodiscard,lazy_itable_init=1,lazy_journal_init=1", "-J", "size=4"]
SYSTEMS = {
    "ext4": (32 * MIB, "ext4", EXT4, ""),
    "ext4-writeback": (32 * MIB, "ext4", EXT4, "data=writeback"),
    "ext4-journal": (32 * MIB, "ext4", EXT4, "data=journal"),
    "ext4-fast_commit": (32 * MIB, "ext4", [*EXT4, "-O", "fast_commit"], ""),
    "xfs": (300 * MIB, "xfs", ["mkfs.xfs", "-q", "-f", "-K"], ""),
    "btrfs": (120 * MIB, "btrfs", ["mkfs.btrfs", "-q", "-f", "-K"], ""),
}


def program(name):
    """One of ours: of the build with planted defects, where that is asked."""
    build = os.environ.get("PIRN_CRASH_BUILD")
    if build:
        return os.path.join(build, "tests", "crash_" + name)
    return os.environ["PIRN_CRASH_" + name.upper()]


def needs(*tools):
    """A reason to skip, or nothing."""
    if os.geteuid() != 0:
        raise Skip("only root may mount")
    for path in ("/dev/fuse", "/dev/loop-control"):
        if not os.access(path, os.R_OK | os.W_OK):
            raise Skip(f"{path} is not there, or not ours")
    for tool in ("mount", "umount", "losetup", "unshare", *tools):
        if shutil.which(tool) is None:
            raise Skip(f"{tool} is not installed")


def run(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, text=True,
                          timeout=120, stdin=subprocess.DEVNULL, **more)


def alone():
    """Go on in a mount namespace of our own."""
    if os.geteuid() == 0 and shutil.which("unshare") and \
            os.environ.get("PIRN_CRASH_ALONE") != str(os.getpid()):
        os.environ["PIRN_CRASH_ALONE"] = str(os.getpid())
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private",
                              sys.executable, "-B", *sys.argv])


def is_mounted(path):
    """Also a file system that has failed, and answers nothing."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return any(line.split()[4] == os.path.abspath(path) for line in file)


@contextlib.contextmanager
def room():
    """A directory in memory, gone afterwards."""
    with directory() as path:
        run("mount", "-t", "tmpfs", "-o", "size=4g", "crash", path)
        try:
            yield path
        finally:
            run("umount", "-l", path)


class Disk:
    """crash_disk with a loop device on it, made and mounted as @system says."""

    def __init__(self, place, system):
        self.place = place
        self.bytes, self.type, self.make, self.options = SYSTEMS[system]
        self.file = place + "/disk"
        self.log = place + "/log"
        self.page = place + "/page"
        self.point = place + "/mount"

    def __enter__(self):
        needs(self.make[0])
        os.makedirs(self.point, exist_ok=True)
        self.process = subprocess.Popen(
            [program("disk"), self.file, str(self.bytes), self.log, self.page],
            stdout=subprocess.PIPE, text=True)
        try:
            assert self.process.stdout.readline() == "ready\n", "no disk"
            run(*self.make, self.file, stdout=subprocess.DEVNULL)
            self.mount()
        except BaseException:
            self.__exit__()
            raise
        return self

    def mount(self):
        options = ["-o", "loop,noatime" + (self.options and
                                           "," + self.options)]
        run("mount", "-t", self.type, *options, self.file, self.point)
        device = run("findmnt", "-no", "SOURCE", self.point,
                     stdout=subprocess.PIPE).stdout.strip()
        run("losetup", "--direct-io=on", device)

    def unmount(self):
        run("umount", self.point)

    def __exit__(self, *_):
        if is_mounted(self.point):
            self.unmount()
        if is_mounted(self.file):
            run("umount", "-l", self.file)  # the loop device lets go soon
        # Not before a replay beside us has ended, whose namespace has what was
        # mounted when it began.
        self.process.wait(600)


def work(disk, seed, rounds=120, processes=3, first=1, plant=None):
    """Work on a spool there; what became of it."""
    index = disk.place + "/index"
    os.makedirs(index, exist_ok=True)
    env = {**os.environ, **({"PIRN_PLANT": plant} if plant else {})}
    done = subprocess.run(
        [program("work"), disk.point + "/spool", index,
         disk.place + "/journal", disk.page, str(seed), str(rounds),
         str(processes), str(first)],
        env=env, timeout=120, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    shutil.rmtree(index)
    return done


def record(place, system, seed, **more):
    """A log and a journal in @place."""
    with Disk(place, system) as disk:
        done = work(disk, seed, **more)
        assert done.returncode == 0, done.stdout
    return disk


def figures(said):
    """The line of a program that has them."""
    return json.loads(next(x for x in said.splitlines()
                           if x.startswith("# {"))[2:])


def replay_command(disk, seed, states, own, **more):
    options = {"log": disk.log, "journal": disk.place + "/journal",
               "room": own, "bytes": disk.bytes, "type": disk.type,
               "options": disk.options, "seed": seed, "states": states, **more}
    command = [program("replay")]
    for name, value in options.items():
        command += ["--" + name, str(value)]
    return command


def replay(disk, seed, states, **more):
    """Look at states of what was recorded: figures, and what was said."""
    own = disk.place + "/room"
    os.makedirs(own, exist_ok=True)
    done = subprocess.run(replay_command(disk, seed, states, own, **more),
                          stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE)
    assert done.returncode in (0, 1), f"crash_replay: {done.returncode}"
    said = [x for x in done.stdout.splitlines() if not x.startswith("# {")]
    return figures(done.stdout), "\n".join(said) + "\n"


def keep(disk, name, seed, states, **more):
    """What failed stays, to be looked at again; the command that does it."""
    there = os.path.abspath(f"crash-failed/{name}-{seed}")
    shutil.rmtree(there, ignore_errors=True)
    os.makedirs(there + "/room")
    shutil.copy(disk.log, there)
    shutil.copy(disk.place + "/journal", there)
    kept = copy.copy(disk)
    kept.place, kept.log = there, there + "/log"
    return shlex.join(replay_command(kept, seed, states, there + "/room",
                                     **more))


class Bar:
    """How far a long run is, for somebody who watches."""

    def __init__(self, what, total):
        self.what, self.total, self.done = what, total, 0
        self.shown = sys.stderr.isatty()

    def step(self, count=1):
        self.done += count
        if self.shown:
            filled = "#" * (40 * self.done // self.total)
            end = "\n" if self.done >= self.total else ""
            print(f"\r{self.what} [{filled:40}] {self.done}/{self.total}",
                  end=end, file=sys.stderr, flush=True)


def tell(**figures):
    """The line of a suite."""
    print("# " + json.dumps(figures), flush=True)
