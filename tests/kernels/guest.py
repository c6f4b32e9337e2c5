# SPDX-License-Identifier: MIT
"""A kernel that is not the running one, with programs and nothing else.

qemu emulates the machine (TCG: no hardware is asked for), its memory is the
disk, its serial line is what is heard. The first process is a script; it runs
each program, says before and after it a line that no program says, and ends
the machine.
"""
import contextlib
import os
import re
import shutil
import subprocess
import tempfile

BUSYBOX = "/bin/busybox"
QEMU = "qemu-system-x86_64"
MARK = "@@pirn"

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /tmp
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=1777 tmp /tmp
ln -sf /proc/self/fd /dev/fd
ifconfig lo 127.0.0.1 up
ulimit -n 4096
cd /tmp
export TMPDIR=/tmp HOME=/tmp LD_LIBRARY_PATH=/libraries
for line in $(cat /programs); do
    name=${line%%,*}
    engine=${line#*,}
    echo
    echo "MARK begin $name"
    PIRN_ENGINE=$engine timeout -s KILL SECONDS /tests/$name ARGUMENTS 2>&1
    echo "MARK end $name $?"
done
dmesg | grep -E 'BUG|WARNING:|Call Trace|lockdep' | sed 's/^/MARK kernel /'
echo "MARK done"
poweroff -f
"""


def missing():
    """What is needed and is not here, or nothing."""
    if not shutil.which(QEMU):
        return f"{QEMU} is not installed (Debian: qemu-system-x86)"
    if not os.access(BUSYBOX, os.X_OK):
        return f"{BUSYBOX} is not there (Debian: busybox-static)"
    return None


def libraries(program):
    """What the loader loads, and itself."""
    said = subprocess.run(["ldd", program], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return set(re.findall(r"(/\S+) \(0x", said))


class Archive:
    """An initial file system: cpio, new ASCII format, not compressed."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.inode = 0
        self.folders = {""}

    def entry(self, name, mode, data=b""):
        self.inode += 1
        name = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0,
                  len(name), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields)
        for part in (head + name, data):
            self.file.write(part + b"\0" * (-len(part) % 4))

    def folder(self, name):
        if name not in self.folders:
            self.folder(os.path.dirname(name))
            self.folders.add(name)
            self.entry(name, 0o040755)

    def put(self, name, data, mode=0o100755):
        self.folder(os.path.dirname(name))
        self.entry(name, mode, data)

    def close(self):
        self.entry("TRAILER!!!", 0)
        self.file.close()


def stripped(path):
    with tempfile.NamedTemporaryFile() as to:
        subprocess.run(["strip", "-o", to.name, path], check=True)
        with open(to.name, "rb") as file:
            return file.read()


def pack(path, programs, engine, seconds, arguments=""):
    """An initial file system that runs @programs one after the other."""
    archive = Archive(path)
    with open(BUSYBOX, "rb") as file:
        archive.put("bin/busybox", file.read())
    shared = set()
    for program in programs:
        archive.put("tests/" + os.path.basename(program), stripped(program))
        shared |= libraries(program)
    for library in shared:
        loader = os.path.basename(library).startswith("ld-")
        with open(library, "rb") as file:
            archive.put(library[1:] if loader else
                        "libraries/" + os.path.basename(library), file.read())
    for name in ("proc", "sys", "dev", "tmp"):
        archive.folder(name)
    archive.put("programs", "".join(
        f"{os.path.basename(p)},{engine}\n" for p in programs).encode())
    script = INIT
    for word, value in (("MARK", MARK), ("SECONDS", str(seconds)),
                        ("ARGUMENTS", arguments)):
        script = script.replace(word, value)
    archive.put("init", script.encode())
    archive.close()


def boot(kernel, initrd, log, timeout, megabytes=2000):
    """Run the machine to its end; all that it says, also in @log meanwhile."""
    command = [QEMU, "-accel", "tcg", "-M", "q35", "-cpu", "max", "-smp", "2",
               "-m", str(megabytes), "-display", "none", "-nodefaults",
               "-serial", f"file:{log}", "-no-reboot", "-kernel", kernel,
               "-initrd", initrd, "-append", "console=ttyS0 panic=-1 quiet"]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(command, check=True, timeout=timeout,
                       stdin=subprocess.DEVNULL)
    with open(log, encoding="utf-8", errors="replace") as file:
        return file.read().replace("\r", "")


def outcomes(said):
    """By program: its exit code and what it said; None: it did not end."""
    found = {}
    for part in said.split(f"{MARK} begin ")[1:]:
        name, _, text = part.partition("\n")
        end = re.search(rf"{MARK} end {re.escape(name)} (\d+)", text)
        found[name] = (int(end[1]) if end else None,
                       text[:end.start()] if end else text)
    return found


def complaints(said):
    """Of the kernel, in its own log."""
    return re.findall(rf"^{MARK} kernel (.*)$", said, re.M)


def is_done(said):
    return f"{MARK} done" in said
