#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Maildirs: delivery, export, import; read by mblaze and by mutt."""
import os
import pty
import re
import shutil
import subprocess

from command import body_path, each_layout, new_spool, objects, put, run, shown
from harness import (PIRN, Skip, cases, directory, read_terminal,
                     remove_indexes)

BODIES = [b"", b"one line\n", b"Subject: x\r\n\r\n" + b"y" * 80 + b"\r\n",
          bytes(range(256)) * 700, b"z" * 65536]
MAIL = b"From: a@b\r\nSubject: %b\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000" \
    b"\r\n\r\nthe body of %b\r\n"
OF_ITEM = r"\d+\.M\d+_%s\.[^/:,]+,S=%d"
OF_FILE = r"\d+\.M\d+P\d+V[0-9a-f]+I[0-9a-f]+_[0-9a-f]{16}\.[^/:,]+,S=%d"


def new_maildir(here, name="Maildir"):
    path = os.path.join(here, name)
    for part in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(path, part))
    return path


def messages(maildir, part="new"):
    """Bodies by name; nothing may be left in tmp/."""
    assert os.listdir(maildir + "/tmp") == []
    found = {}
    for name in os.listdir(os.path.join(maildir, part)):
        with open(os.path.join(maildir, part, name), "rb") as file:
            found[name] = file.read()
    return found


def is_empty(spool):
    return run("ls", spool=spool).exits(0).out == b""


def put_all(here, spool, bodies):
    paths = []
    for i, body in enumerate(bodies):
        paths.append(os.path.join(here, f"body{i}"))
        with open(paths[-1], "wb") as file:
            file.write(body)
    return run("put", *paths, spool=spool).exits(0).out.decode().split()


@each_layout
def take_delivers_each_item_and_removes_it(layout):
    with directory() as here:
        spool, maildir = new_spool(here, layout), new_maildir(here)
        ids = put_all(here, spool, BODIES)
        run("take", "--maildir", maildir, "--parallel", "3",
            spool=spool).exits(0)
        found = messages(maildir)
        assert sorted(found.values()) == sorted(BODIES)
        for item, body in zip(ids, BODIES):
            name, = [name for name in found if item in name]
            assert re.fullmatch(OF_ITEM % (item, len(body)), name), name
            assert found[name] == body
            assert os.stat(f"{maildir}/new/{name}").st_mode & 0o777 == 0o600
        assert is_empty(spool)
        run("take", "--maildir", maildir, spool=spool).exits(1)


@each_layout
def what_was_delivered_and_seen_is_not_delivered_again(layout):
    with directory() as here:
        spool, maildir = new_spool(here, layout), new_maildir(here)
        for i in range(200):  # more than one listing of the directory
            with open(f"{maildir}/cur/{i}.M0P1Q{i}.host:2,S", "wb"):
                pass
        items = put_all(here, spool, [b"%d" % i for i in range(20)])
        run("take", "--parallel", "5", "--", "sh", "-c", "exit 75",
            spool=spool).exits(0)
        run("release", *items, spool=spool).exits(0)
        assert shown(spool, items[0])["attempts"] == 1
        run("export", "--maildir", maildir, *items, spool=spool).exits(0)
        for name in messages(maildir):
            os.rename(f"{maildir}/new/{name}", f"{maildir}/cur/{name}:2,S")
        ran = run("export", "--maildir", maildir, "--all", spool=spool)
        assert ran.exits(0).out == b"0 exported, 20 there before\n"
        put(spool, b"another")
        run("take", "--maildir", maildir, spool=spool).exits(0)
        assert list(messages(maildir).values()) == [b"another"]
        assert len(messages(maildir, "cur")) == 220 and is_empty(spool)


def put_delivers_files_under_names_that_were_never_there():
    with directory() as here:
        maildir = new_maildir(here)
        path = here + "/f"
        with open(path, "wb") as file:
            file.write(BODIES[3])
        ran = run("put", "--maildir", maildir, path, "-", path,
                  text=b"input").exits(0)
        names = ran.out.decode().split()
        found = messages(maildir)
        assert sorted(names) == sorted("new/" + name for name in found)
        assert [found[name[4:]] for name in names] == \
            [BODIES[3], b"input", BODIES[3]]
        assert all(re.fullmatch(OF_FILE % len(body), name)
                   for name, body in found.items())
        ran = run("put", "--json", "--maildir", maildir, here + "/gone", path)
        told = objects(ran.exits(66).says("gone"))[0]
        assert told["name"] in messages(maildir) and told["file"] == path


@each_layout
def export_copies_what_is_meant_and_leaves_it(layout):
    with directory() as here:
        spool, maildir = new_spool(here, layout), new_maildir(here)
        ids = put_all(here, spool, BODIES)
        words = ("export", "--maildir", maildir)
        ran = run(*words, "-n", "--all", spool=spool).exits(0)
        assert ran.out == b"would be: 5 exported\n" and not messages(maildir)
        assert run(*words, "--larger", "60K", spool=spool).out == \
            b"2 exported\n"
        ran = run(*words, "--json", "--all", spool=spool).exits(0)
        assert objects(ran) == [{"exported": 3, "there_before": 2,
                                 "missing": 0}]
        assert sorted(messages(maildir).values()) == sorted(BODIES)
        assert len(run("ls", spool=spool).out.splitlines()) == 5
        assert run(*words, "--larger", "1M", spool=spool).code == 1
        run("rm", ids[0], spool=spool).exits(0)
        run(*words, ids[0], ids[1], spool=spool).exits(66).says(ids[0])
        run(*words, spool=spool).exits(64)


@each_layout
def import_stores_new_and_seen_messages_and_may_remove_them(layout):
    with directory() as here:
        spool, maildir = new_spool(here, layout), new_maildir(here)
        files = {"new/1.a.host": b"first", "new/2.b.host,S=2": b"22",
                 "cur/3.c.host:2,S": b"seen" * 50000}
        for name, body in {**files, "new/.hidden": b"no",
                           "cur/.x": b"no", "tmp/4.d": b"no"}.items():
            with open(f"{maildir}/{name}", "wb") as file:
                file.write(body)
        words = ("put", "--from-maildir", maildir, "--field", "x=y")
        for more in ((), ("--remove",)):
            ran = run(*words, *more, "--json", spool=spool).exits(0)
            stored = {item["file"]: item["id"] for item in objects(ran)}
            assert stored.keys() == files.keys()
            for name, item in stored.items():
                assert run("cat", item, spool=spool).out == files[name]
                assert shown(spool, item)["fields"] == \
                    {"x": ["y"], "maildir": [name[4:]]}
            there = {name: os.path.exists(f"{maildir}/{name}")
                     for name in files}
            assert set(there.values()) == {not more}, there
        assert os.listdir(maildir + "/new") == [".hidden"]
        assert run(*words, spool=spool).exits(0).out == b""


@each_layout
def what_is_no_file_in_a_maildir_is_said_and_stays(layout):
    with directory() as here:
        spool, maildir = new_spool(here, layout), new_maildir(here)
        os.mkdir(maildir + "/new/directory")
        os.mkfifo(maildir + "/new/fifo")
        os.symlink("/etc/passwd", maildir + "/cur/link")
        os.mkdir(maildir + "/new/.hidden")
        with open(maildir + "/cur/1.a.host:2,S", "wb") as file:
            file.write(b"seen")
        ran = run("put", "--from-maildir", maildir, "--remove",
                  spool=spool).exits(66)
        assert run("cat", ran.line(), spool=spool).out == b"seen"
        said = sorted(ran.err.splitlines())
        for line, name in zip(said, ("cur/link", "new/directory",
                                     "new/fifo")):
            assert f"file {name}: this is no regular file" in line, line
        assert len(said) == 3 and os.listdir(maildir + "/cur") == ["link"]
        assert sorted(os.listdir(maildir + "/new")) == [".hidden", "directory",
                                                        "fifo"]


def what_the_spool_refuses_stays_in_the_maildir():
    with directory() as here:
        spool, maildir = here + "/spool", new_maildir(here)
        run("create", "--items", "64", spool=spool).exits(0)
        for i in range(200):
            with open(f"{maildir}/new/{i}", "wb") as file:
                file.write(b"%d" % i)
        ran = run("put", "--from-maildir", maildir, "--remove", spool=spool)
        told = ran.exits(75).out.split()
        left = messages(maildir)
        stored = [run("cat", item.decode(), spool=spool).out for item in told]
        assert told and left and len(told) + len(left) == 200
        assert sorted([*stored, *left.values()]) == \
            sorted(b"%d" % i for i in range(200))


def mblaze_reads_what_was_delivered():
    for tool in ("mlist", "mshow"):
        if not shutil.which(tool):
            raise Skip("mblaze is not installed")
    with directory() as here:
        spool, maildir = new_spool(here), new_maildir(here)
        put_all(here, spool, [MAIL % (b"one", b"one"), MAIL % (b"2", b"2")])
        run("take", "--maildir", maildir, spool=spool).exits(0)
        env = {**os.environ, "HOME": here, "MBLAZE": here}
        listed = subprocess.run(["mlist", "-N", maildir], env=env, check=True,
                                stdout=subprocess.PIPE).stdout
        assert len(listed.splitlines()) == 2, listed
        said = subprocess.run(["mshow", "-h", "subject", *listed.split()],
                              env=env, check=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE).stdout.decode()
        for text in ("Subject: one", "Subject: 2", "the body of one"):
            assert text in said, said


def mutt_reads_what_was_delivered():
    if not shutil.which("mutt"):
        raise Skip("mutt is not installed")
    with directory() as here:
        spool, maildir = new_spool(here), new_maildir(here)
        put_all(here, spool, [MAIL % (b"one", b"one"), MAIL % (b"2", b"2")])
        run("take", "--maildir", maildir, spool=spool).exits(0)
        os.mkdir(here + "/Mail")  # or it asks whether it may
        pipe = "<pipe-message>cat >> seen<enter>"
        keys = f"<first-entry>{pipe}<next-entry>{pipe}<exit>"
        ours, theirs = pty.openpty()
        mutt = subprocess.Popen(
            ["mutt", "-n", "-F", "/dev/null", "-R", "-f", maildir,
             "-e", "set wait_key=no pipe_split=no", "-e", f'push "{keys}"'],
            stdin=theirs, stdout=theirs, stderr=theirs, cwd=here,
            env={**os.environ, "HOME": here, "TERM": "xterm"})
        os.close(theirs)
        read_terminal(ours)
        assert mutt.wait(20) == 0
        with open(here + "/seen", encoding="ascii") as file:
            seen = file.read()
        for text in ("Subject: one", "Subject: 2", "the body of one",
                     "the body of 2"):
            assert text in seen, seen


STEPS = "pwritev2,fsync,linkat,unlinkat"


def traced(trace, spool, maildir, *inject):
    """take, whose steps are system calls; those of STEPS are counted."""
    return subprocess.run(
        ["strace", "-f", "-qq", "-o", trace, "-e", "trace=openat," + STEPS, *inject,
         PIRN, "take", "--spool", spool, "--maildir", maildir],
        env={**os.environ, "PIRN_ENGINE": "plain"}, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)


def points(trace):
    """The steps of a delivery: each call, and the how many-eth of its name.

    One thread makes them all: no two are ever asked for at once.
    """
    with open(trace, encoding="ascii", errors="replace") as file:
        calls = [line.split(None, 1)[1] for line in file]
    begin = next(i for i, call in enumerate(calls)
                 if '/Maildir", O_RDONLY' in call)
    counts = dict.fromkeys(STEPS.split(","), 0)
    for i, call in enumerate(calls):
        name = call.partition("(")[0]
        if name in counts:
            counts[name] += 1
            if i > begin:
                yield name, counts[name]


def fresh(here, body):
    """A spool with one item, and an empty Maildir; what was there goes."""
    remove_indexes(here)
    for name in ("spool", "Maildir"):
        shutil.rmtree(os.path.join(here, name), ignore_errors=True)
    spool, maildir = new_spool(here), new_maildir(here)
    return spool, maildir, put(spool, body)


def killed_at_any_step_nothing_or_all_of_it_is_there():
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    with directory() as here:
        body, trace = b"0123456789" * 10000, here + "/trace"
        spool, maildir, _ = fresh(here, body)
        if traced(trace, spool, maildir).returncode != 0:
            raise Skip("strace may not trace here")
        assert list(messages(maildir).values()) == [body]
        kills = there = 0
        for step, count in list(points(trace)):
            spool, maildir, item = fresh(here, body)
            ran = traced(trace, spool, maildir, "-e",
                         f"inject={step}:signal=KILL:when={count}")
            kills += ran.returncode != 0
            new = os.listdir(maildir + "/new")
            for name in new:
                with open(f"{maildir}/new/{name}", "rb") as file:
                    assert file.read() == body, (step, count)
            there += len(new)
            if not is_empty(spool):
                run("take", "--maildir", maildir, spool=spool).exits(0)
            shutil.rmtree(maildir + "/tmp")
            os.mkdir(maildir + "/tmp")  # as who reads it does, after 36 hours
            name, = messages(maildir)
            assert item in name and is_empty(spool)
        print(f"{kills} kills, {there} with the message there")
        assert kills >= 6 and 0 < there < kills


def a_step_that_fails_keeps_the_item_and_leaves_nothing():
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    with directory() as here:
        trace = here + "/trace"
        spool, maildir, _ = fresh(here, b"body")
        if traced(trace, spool, maildir).returncode != 0:
            raise Skip("strace may not trace here")
        steps = list(points(trace))
        at = {step: [n for name, n in steps if name == step]
              for step, _ in steps}
        file_synced, new_synced = at["fsync"][:2]
        for call, error, code in (
                (f"pwritev2:error=ENOSPC:when={at['pwritev2'][0]}",
                 "no room", 75),
                (f"fsync:error=EIO:when={file_synced}", "EIO", 74),
                (f"linkat:error=EIO:when={at['linkat'][0]}", "EIO", 74),
                (f"fsync:error=ENOSPC:when={new_synced}", "no room", 75)):
            spool, maildir, item = fresh(here, b"body")
            ran = traced(trace, spool, maildir, "-e", "inject=" + call)
            said = ran.stderr.decode()
            assert ran.returncode == code and error in said, (call, said)
            assert maildir in said, said
            state = shown(spool, item)
            assert state["state"] == "ready" and state["attempts"] == 0
            left = len(messages(maildir))  # not known to be durable
            assert left == call.endswith(f"={new_synced}"), call


def a_damaged_body_is_not_delivered():
    with directory() as here:
        spool, maildir = new_spool(here, "file"), new_maildir(here)
        item = put(spool, b"12345")
        with open(body_path(spool, item), "r+b") as file:
            file.write(b"X")
        run("take", "--maildir", maildir, spool=spool)
        assert messages(maildir) == {}
        run("export", "--maildir", maildir, "--all",
            spool=spool).exits(74).says(item, "checksum")
        assert messages(maildir) == {}


def what_is_no_maildir_is_66_and_says_how_to_make_one():
    with directory() as here:
        spool, maildir = new_spool(here), new_maildir(here)
        put(spool)
        os.rmdir(maildir + "/cur")
        for path in (maildir, here + "/gone", here):
            for words in (("take", "--maildir", path),
                          ("export", "--all", "--maildir", path),
                          ("put", "--from-maildir", path)):
                run(*words, spool=spool).exits(66).says(path, "mkdir -p")
            run("put", "--maildir", path).exits(66).says(path, "mkdir -p")
        assert not is_empty(spool)
        for words in (("take", "--maildir", here, "--", "true"), ("take",),
                      ("put", "--remove"), ("export", "--all"),
                      ("put", "--from-maildir", here, "file"),
                      ("put", "--from-maildir", here, "--maildir", here),
                      ("put", "--maildir", here, "--field", "a=b"),
                      ("put", "--maildir", here, "--queue", "q")):
            run(*words).exits(64)


if __name__ == "__main__":
    cases(*[value for name, value in list(globals().items())
            if callable(value) and value.__module__ == "__main__"
            and value.__code__.co_argcount == 0])
