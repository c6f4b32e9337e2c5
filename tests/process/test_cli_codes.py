#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How the program fails: one sentence with the path and the cause, and the
exit code that cli/README.md's table gives it."""
import ctypes
import errno
import fcntl
import os
import platform
import re
import shutil
import signal
import struct
import subprocess
import sys

from command import Ran, body_path, each_layout, new_spool, put, run
from harness import PIRN, Skip, cases, directory

# What prctl(2) and seccomp(2) want, by number.
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
IO_URING_SETUP = 425  # on every architecture
F_OFD_SETLK = 37
NOBODY = 65534


def every_verb(spool):
    """The verbs that open a spool, each with what it needs."""
    item = "0" * 26
    return [run(*words, spool=spool) for words in
            (("ls",), ("put",), ("show", item), ("cat", item), ("rm", item),
             ("status",), ("serve", "--smtp", "127.0.0.1:1"))]


def a_wrong_command_line_is_64():
    for words in (("nothing",), ("ls", "--wrong"), ("cat",), ("show",),
                  ("rm",), ("rm", "--queue", "x"),
                  ("rm", "--all", "0" * 26), ("rm", "--all", "--older", "1d"),
                  ("put", "-", "-"),
                  ("put", "--field", "novalue"), ("put", "--field", "A B=x"),
                  ("put", "--field", "x=" + "y" * 70000),
                  ("put", "--queue", "Not A Name"), ("cat", "shortid"),
                  ("show", "Z" * 26), ("create", "extra"), ("status", "x"),
                  ("create", "--layout", "heap"), ("probe", "--engine", "x"),
                  ("serve", "--smtp", "nowhere"), ("serve", "--threads", "0"),
                  ("serve", "--threads", "-1"), ("serve", "--threads", "2x"),
                  ("serve", "--smtp", "unix:/x"), ("serve", "--max-size", ""),
                  ("serve", "--max-size", "0"), ("serve", "--max-size", "2T"),
                  ("serve", "--timeout", "0"), ("serve", "--timeout", "0s"),
                  ("serve", "--timeout", "25h"), ("serve", "--timeout", ""),
                  ("ls", "--spool", ""),
                  ("serve", "--hostname", "a b\r\n")):
        ran = run(*words) if words[0] != "cat" else run(*words, spool=".")
        ran.exits(64)
        assert ran.out == b"" and ran.err, words


def what_is_not_there_is_66():
    with directory() as here:
        for ran in every_verb(here + "/gone"):
            ran.exits(66).says(here + "/gone", "no such directory")
        spool = new_spool(here)
        for verb in ("show", "cat", "rm"):
            run(verb, "0" * 26, spool=spool).exits(66).says("0" * 26)
        for words in (("put",), ("ls",), ("status",), ("rm", "--all")):
            run(*words, "--queue", "none",
                spool=spool).exits(66).says("queue none")
        run("put", here + "/no-file", spool=spool).exits(66).says("no-file")
        os.symlink("nowhere", here + "/link")
        run("create", spool=here + "/link").exits(66).says(
            here + "/link", "cannot be made")


def a_name_is_one_line_and_moves_no_screen():
    with directory() as here:
        name = here + "/sp ace\nnl\x1b[2J\x07\x7f"
        shown = here + "/sp ace\\x0anl\\x1b[2J\\x07\\x7f: "
        run("ls", spool=name).exits(66).says("spool " + shown)
        run("put", name, spool=new_spool(here)).exits(66).says("file " + shown)


def a_foreign_directory_is_65_and_left_alone():
    with directory() as here:
        foreign = here + "/foreign"
        os.mkdir(foreign)
        with open(foreign + "/letter", "wb") as file:
            file.write(b"mine")
        for ran in every_verb(foreign):
            ran.exits(65).says(foreign, "not a spool")
        for words in (("create",), ("put", "--create"),
                      ("serve", "--create", "--smtp", "127.0.0.1:1")):
            run(*words, spool=foreign).exits(65).says(foreign, "other things")
        assert os.listdir(foreign) == ["letter"]
        for ran in every_verb(foreign + "/letter"):
            ran.exits(65).says(foreign + "/letter", "not a directory")


def change_superblock(spool, change):
    path = spool + "/pirn-spool"
    with open(path, "rb") as file:
        text = file.read()
    with open(path, "wb") as file:
        file.write(change(text))
    return text


def newer(text):
    """The superblock of a format of the future; its last line still is the
    checksum of the others, or nobody could tell it from a damaged one."""
    try:
        xxh3 = ctypes.CDLL("libxxhash.so.0").XXH3_64bits
    except OSError as why:
        raise Skip(str(why)) from None
    xxh3.restype = ctypes.c_uint64
    lines = text.splitlines(keepends=True)[:-1]
    body = b"pirn-spool 999\nwhat nobody knows yet\n" + b"".join(lines[1:])
    return body + b"end %016x\n" % xxh3(body, ctypes.c_size_t(len(body)))


def a_newer_format_is_65():
    with directory() as here:
        spool = new_spool(here)
        item = put(spool)
        old = change_superblock(spool, newer)
        for ran in every_verb(spool):
            ran.exits(65).says(spool, "newer")
        change_superblock(spool, lambda _: old)
        run("ls", item, spool=spool).exits(0)


def a_damaged_superblock_is_65():
    with directory() as here:
        spool = new_spool(here)
        old = change_superblock(spool, lambda text: text[:-2])
        for text in (old[:-2], b"", old.replace(b"file", b"fire"), b"\0" * 80):
            change_superblock(spool, lambda _: text)
            for ran in every_verb(spool):
                ran.exits(65).says(spool)


def a_body_that_changed_is_74():
    with directory() as here:
        spool = new_spool(here, "file")
        for size, at in ((1, 0), (200000, 199999), (3 << 20, 5)):
            item = put(spool, bytes(size))
            with open(body_path(spool, item), "r+b") as file:
                file.seek(at)
                file.write(b"X")
            run("cat", item, spool=spool).exits(74).says(item, "checksum")
        for change in (-1, 1):
            item = put(spool, b"12345")
            os.truncate(body_path(spool, item), 5 + change)
            run("cat", item, spool=spool).exits(74).says(item, "checksum")


def a_body_that_is_missing_is_74():
    with directory() as here:
        spool = new_spool(here, "file")
        item = put(spool, b"body")
        os.unlink(body_path(spool, item))
        ran = run("cat", item, spool=spool).exits(74)
        ran.says(item, "missing", "pirn fsck")
        run("show", item, spool=spool).exits(0)


def metadata_that_changed_are_74():
    with directory() as here:
        spool = new_spool(here, "file")
        item, whole = put(spool), put(spool)
        path = os.path.join(spool, "incoming", item[-2:], item)
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            file.write(b"#")
        for verb in ("show", "cat"):
            run(verb, item, spool=spool).exits(74).says(item, "checksum")
        listed = run("ls", spool=spool).exits(74).says(item)
        assert listed.out.startswith(whole.encode()), "the others are listed"


def an_index_that_is_not_to_be_seen_here_is_78():
    """Somebody has the spool open, but not with an index of this boot."""
    with directory() as here:
        spool = new_spool(here)
        with open(spool + "/.owners", "r+b") as owners:
            fcntl.fcntl(owners, F_OFD_SETLK,
                        struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 7, 1, 0))
            for ran in every_verb(spool):
                ran.exits(78).says(spool, "index", "/dev/shm")
        run("ls", spool=spool).exits(0)


def in_a_mount(mount, script, spool):
    """Run @script in a mount namespace of its own, so nothing is left."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        raise Skip("mounting needs root and unshare")
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
               f'set -e; {mount}; {script}', "sh", PIRN, spool]
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, check=False)
    if b"permission denied" in done.stderr or done.returncode == 32:
        raise Skip("this sandbox does not mount")
    return Ran(command, done)


@each_layout
def a_read_only_spool_is_77(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        item = put(spool)
        mount = 'mount --bind "$2" "$2"; mount -o remount,bind,ro "$2"'
        for words in ("ls", "put", f"cat {item}", f"rm {item}", "status",
                      "create", "serve --smtp 127.0.0.1:1"):
            verb, *rest = words.split()
            script = f'echo | "$1" {verb} --spool "$2" {" ".join(rest)}'
            ran = in_a_mount(mount, script, spool)
            ran.exits(77).says(spool, "read-only", "copy")
        run("ls", item, spool=spool).exits(0)
        copy = os.path.join(here, "copy")
        subprocess.run(["cp", "-a", spool, copy], check=True)
        run("cat", item, spool=copy).exits(0)


@each_layout
def a_full_spool_is_75_and_nothing_is_visible(layout):
    with directory() as here:
        spool = here + "/mount"
        os.mkdir(spool)
        mount = 'mount -t tmpfs -o size=40m none "$2"'
        script = '''
            "$1" create --spool "$2"/s --layout $LAYOUT
            whole=$(head -c 1000 /dev/zero | "$1" put --spool "$2"/s)
            code=0
            head -c 50000000 /dev/zero | "$1" put --spool "$2"/s || code=$?
            "$1" ls --spool "$2"/s | cut -c 1-26
            echo $whole
            "$1" status --spool "$2"/s --json
            head -c 1000 /dev/zero | "$1" put --spool "$2"/s >/dev/null
            exit $code'''
        ran = in_a_mount(f"LAYOUT={layout}; {mount}", script, spool)
        ran.exits(75).says(spool + "/s", "no room")
        listed, whole, status = ran.out.decode().splitlines()
        assert listed == whole, "only the whole item is listed"
        assert '"drafts":0,"leftovers":0,"body_bytes":1000' in status, status


def a_spool_of_somebody_else_is_77():
    if os.geteuid() != 0:
        raise Skip("another user is needed: run as root")
    with directory() as here:
        spool = new_spool(here)
        os.chmod(here, 0o755)
        os.chmod(spool, 0o700)
        try:
            ran = run("ls", spool=spool, user=NOBODY, group=NOBODY,
                      extra_groups=[])
        except PermissionError:
            raise Skip("the program is where others may not go") from None
        if ran.code == 127 or "no such directory" in ran.err:
            raise Skip("the test stands where others may not go")
        ran.exits(77).says(spool, "permission denied")


def an_index_of_somebody_else_is_77_and_the_sentence_says_where_it_is():
    if os.geteuid() != 0:
        raise Skip("another user is needed: run as root")
    with directory() as here:
        os.chmod(here, 0o755)
        spool = new_spool(here)
        for at, below, names in os.walk(spool):
            for name in (".", *below, *names):
                os.chown(os.path.join(at, name), NOBODY, NOBODY)
        put(spool)  # as root, who opens it first
        try:
            ran = run("ls", spool=spool, user=NOBODY, group=NOBODY,
                      extra_groups=[])
        except PermissionError:
            raise Skip("the program is where others may not go") from None
        if ran.code == 127 or "no such directory" in ran.err:
            raise Skip("the test stands where others may not go")
        ran.exits(77).says(spool, "another user", "chown", ".log/index")


def refuse_io_uring(error):
    """For the child: io_uring_setup fails with @error, by seccomp."""
    libc = ctypes.CDLL(None, use_errno=True)

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]

    # ld nr; jeq io_uring_setup ? errno : allow
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in
                    ((0x20, 0, 0, 0), (0x15, 0, 1, IO_URING_SETUP),
                     (0x06, 0, 0, 0x50000 | error), (0x06, 0, 0, 0x7FFF0000)))
    memory = ctypes.create_string_buffer(code)
    program = Program(4, ctypes.addressof(memory))

    def install():
        if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
                or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                              ctypes.byref(program)) != 0):
            os._exit(99)
    install.memory = memory  # the filter points to it
    return install


def io_uring_refused_is_69_and_says_who_refused():
    with directory() as here:
        spool = new_spool(here)
        item = put(spool)
        for number, who in ((errno.EPERM, "seccomp"), (errno.ENOSYS, "seccomp")):
            refused = {"preexec_fn": refuse_io_uring(number),
                       "env": {"PIRN_ENGINE": "uring"}}
            for words in (("ls",), ("put",), ("cat", item), ("rm", item),
                          ("show", item), ("status",), ("create",),
                          ("serve", "--smtp", "127.0.0.1:1")):
                ran = run(*words, spool=spool, **refused)
                ran.exits(69).says("io_uring", who)
        run("ls", item, spool=spool).exits(0)


def io_uring_refused_leaves_plain():
    with directory() as here:
        spool = new_spool(here)
        item = put(spool)
        for number in (errno.EPERM, errno.ENOSYS):
            refused = {"preexec_fn": refuse_io_uring(number),
                       "env": {"PIRN_ENGINE": "auto"}}
            run("ls", item, spool=spool, **refused).exits(0)


def probe_works_where_io_uring_is_refused():
    refused = {"preexec_fn": refuse_io_uring(errno.EPERM)}
    auto = {"env": {"PIRN_ENGINE": "auto"}, **refused}
    ran = run("probe", **auto).exits(0)
    assert re.match(rb"engine: plain: plain, because io_uring is refused "
                    rb".*seccomp", ran.out)
    ran = run("probe", "--json", **auto).exits(0)
    assert b'"name":"plain"' in ran.out
    assert b'"present":false' in ran.out and len(ran.out.splitlines()) == 1
    run("probe", env={"PIRN_ENGINE": "uring"}, **refused).exits(69)


def an_engine_that_is_none_is_78():
    with directory() as here:
        run("create", spool=here + "/s",
            env={"PIRN_ENGINE": "steam"}).exits(78).says("PIRN_ENGINE")
        run("probe", env={"PIRN_ENGINE": "steam"}).exits(78)


def what_this_version_cannot_do_yet_is_78():
    with directory() as here:
        spool = new_spool(here)
        run("serve", "--lmtp", "127.0.0.1:24", spool=spool).exits(78).says(
            "--lmtp", "yet")
        run("serve", "--config", "file", spool=spool).exits(78).says(
            "--config", "yet")


def a_reader_that_has_gone_is_74_where_sigpipe_is_ignored():
    with directory() as here:
        spool = new_spool(here)
        put(spool)
        for verb in ("ls", "status"):
            reads, writes = os.pipe()
            os.close(reads)
            ran = run(verb, spool=spool, stdout=writes, preexec_fn=lambda:
                      signal.signal(signal.SIGPIPE, signal.SIG_IGN))
            os.close(writes)
            ran.exits(74).says("standard output", "has gone;", "SIGPIPE")


def output_that_goes_nowhere_is_not_success():
    with directory() as here:
        spool = new_spool(here)
        item = put(spool, os.urandom(1 << 20))
        with open("/dev/full", "wb") as full:
            for words in (("ls",), ("cat", item), ("status", "--json")):
                run(*words, spool=spool, stdout=full).exits(75).says(
                    "standard output")


def without_streams(words):
    """Run with 0, 1 and 2 closed, as cron and daemons do it; its exit code."""
    child = os.fork()
    if child == 0:
        for fd in range(3):
            os.close(fd)
        os.execve(PIRN, [PIRN, *words], {**os.environ})
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@each_layout
def closed_streams_are_not_files_of_the_spool(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        item = put(spool)
        body = os.path.join(here, "body")
        with open(body, "wb") as file:
            file.write(b"hello\n")
        code = without_streams(["put", "--spool", spool, body, "/nonexistent"])
        assert code in (66, 74), code  # no such file; or nobody hears the id
        empty = without_streams(["put", "--spool", spool])
        assert empty != 0, "nothing was stored, and nobody told"
        listed = without_streams(["ls", "--spool", spool])
        assert listed != 0, "a list that nobody has seen is no success"
        shutil.copytree(spool, spool + "2", copy_function=shutil.copy2)
        ids = run("ls", spool=spool + "2").exits(0).out.split(b"\n")
        assert len(ids) == 3, ids
        run("cat", item, spool=spool + "2").exits(0)


if __name__ == "__main__":
    if sys.platform != "linux" or platform.architecture()[0] != "64bit":
        sys.exit(77)
    cases(*[value for name, value in list(globals().items())
            if callable(value) and value.__module__ == "__main__"
            and value.__code__.co_argcount == 0])
