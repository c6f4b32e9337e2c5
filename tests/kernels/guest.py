# SPDX-License-Identifier: MIT
"""A kernel that is not the running one, with programs and nothing else.

qemu emulates the machine (TCG: no hardware is asked for), its memory is the
disk, its serial line is what is heard. The first process is a script; it runs
each program, says before and after it a line that no program says, with the
machine's clock, and ends the machine.
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

# One processor: to wake another that is emulated takes as long as the machine
# below lets it wait, and a handover between threads is most of what tests do.
# What costs time and protects nobody here is left out: the kernel's guards of
# memory, of which some end each piece of translated code, and watchdogs, to
# whom a processor that a busy machine takes away is one that hangs. And no
# CMPXCHG16B: qemu 7.2 leaves behind it any flags, of which 6.12 dies at times.
CPU = "max,-smap,-smep,-umip,-pku,-la57,-cx16"
KERNEL = ("console=ttyS0 panic=-1 quiet nowatchdog mitigations=off "
          "tsc=reliable init_on_alloc=0 hardened_usercopy=0 audit=0 lsm=")

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
echo "MARK release $(uname -r)"
export TMPDIR=/tmp HOME=/tmp LD_LIBRARY_PATH=/libraries PIRN_SPARSE=7
for line in $(cat /programs); do
    name=${line%%,*}
    engine=${line#*,}
    echo
    echo "MARK begin $name"
    read -r begun rest </proc/uptime
    PIRN_ENGINE=$engine timeout -s KILL SECONDS /tests/$name ARGUMENTS 2>&1
    code=$?
    read -r ended rest </proc/uptime
    echo "MARK end $name $code $begun $ended"
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


# What a system has that knows itself by name.
ETC = {
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "hosts: files dns\n",
    "passwd": "root:x:0:0:root:/tmp:/bin/sh\n",
    "group": "root:x:0:\n",
}


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
    for name, text in ETC.items():
        archive.put(f"etc/{name}", text.encode(), 0o100644)
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
    command = [QEMU, "-accel", "tcg", "-M", "q35", "-cpu", CPU, "-smp", "1",
               "-m", str(megabytes), "-display", "none", "-nodefaults",
               "-serial", f"file:{log}", "-no-reboot", "-kernel", kernel,
               "-initrd", initrd, "-append", KERNEL]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(command, check=True, timeout=timeout,
                       stdin=subprocess.DEVNULL)
    with open(log, encoding="utf-8", errors="replace") as file:
        return file.read().replace("\r", "")


class Outcome:
    """What became of a program; its code is None where it did not end."""

    def __init__(self, text, end):
        self.text = text[:end.start()] if end else text
        self.code = int(end[1]) if end else None
        self.seconds = float(end[3]) - float(end[2]) if end else None


def outcomes(said):
    """By the program's name."""
    found = {}
    for part in said.split(f"{MARK} begin ")[1:]:
        name, _, text = part.partition("\n")
        end = re.search(rf"{MARK} end {re.escape(name)} (\d+) (\S+) (\S+)$",
                        text, re.M)
        found[name] = Outcome(text, end)
    return found


def release(said):
    """What the machine's kernel calls itself."""
    found = re.search(rf"^{MARK} release (.*)$", said, re.M)
    return found[1] if found else "?"


def complaints(said):
    """Of the kernel, in its own log."""
    return re.findall(rf"^{MARK} kernel (.*)$", said, re.M)


def is_done(said):
    return f"{MARK} done" in said
