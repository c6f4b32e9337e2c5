#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A spool in which something else stands where a file or a directory was.

FIFOs, of which one has a writer, sockets, directories, links: no verb waits for
them or follows them; the thing is named, and the neighbours are as ever. A verb
that hangs fails by its time (command.run).
"""
import contextlib
import os
import shutil
import socket

from command import each_layout, new_spool, objects, put, run
from harness import LONG, cases, directory

KINDS = ("fifo", "written", "socket", "directory", "link")
BODY = b"x" * 100000  # in the log it has a file of its own


@contextlib.contextmanager
def replaced(here, path, kind):
    """@path is of another kind; what it was, in its place again afterwards.
    A link leads to what it was."""
    kept = f"{here}/kept-{os.path.basename(path)}"
    os.rename(path, kept)
    opened = None
    if kind in ("fifo", "written"):
        os.mkfifo(path)
        if kind == "written":
            opened = os.open(path, os.O_RDWR)
    elif kind == "socket":
        at = os.open(os.path.dirname(path), os.O_PATH)
        with socket.socket(socket.AF_UNIX) as sock:  # its path is short
            sock.bind(f"/proc/self/fd/{at}/{os.path.basename(path)}")
        os.close(at)
    elif kind == "directory":
        os.mkdir(path)
    else:
        os.symlink(kept, path)
    try:
        yield kept
    finally:
        if opened is not None:
            os.close(opened)
        if os.path.lexists(path):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        if os.path.isdir(os.path.dirname(path)):
            os.rename(kept, path)


def two_queues(here, layout):
    """The one that is tried, `other', and `incoming'."""
    spool = new_spool(here, "log")
    run("create", "--queue", "other", "--layout", layout,
        spool=spool).exits(0)
    return spool


def found(spool, *arguments):
    """The findings of a check, by path, or id where it has none."""
    ran = run("fsck", "--grace", "0", "--json", *arguments, spool=spool)
    assert ran.code in (0, 1), (ran.code, ran.err)
    return {event.get("path") or event["id"]: event["fault"]
            for event in objects(ran) if event["event"] == "finding"}


def item_file(spool, layout, what, item):
    if what == "body":
        data = ".log/data" if layout == "log" else ".data"
        return f"{data}/{item[-2:]}/{item}"
    return f"other/{item[-2:]}/{item}"


def damaged_items(here, layout, what):
    """Items of which each has something else, and one that is well."""
    spool = two_queues(here, layout)
    paths = []
    for at in range(len(KINDS) + 1):
        with open(f"{here}/body-{at}", "wb") as file:
            file.write(BODY)
        paths.append(file.name)
    ids = run("put", "--queue", "other", *paths,
              spool=spool).exits(0).out.decode().split()
    neighbour, *items = ids
    stack = contextlib.ExitStack()
    for item, kind in zip(items, KINDS):
        stack.enter_context(replaced(
            here, f"{spool}/{item_file(spool, layout, what, item)}", kind))
    return spool, neighbour, items, stack


def an_item_is_damaged(layout, what):
    with directory() as here:
        spool, neighbour, items, stack = damaged_items(here, layout, what)
        with stack:
            run("status", spool=spool).exits(0)
            assert neighbour.encode() in run("ls", spool=spool).out
            ran = run("cat", *items, spool=spool).exits(74)
            assert all(item in ran.err for item in items), ran.err
            for deep in ((), ("--deep",)) if LONG else (("--deep",),):
                told = found(spool, *deep)
                for item in items:
                    assert any(item in path for path in told), told
                assert not any(neighbour in path for path in told), told
            ran = run("take", "--queue", "other", "--", "cat",
                      spool=spool)
            assert BODY in ran.out
            assert neighbour.encode() not in run("ls", spool=spool).out
            run("rm", "--all", "--queue", "other", spool=spool)
            found(spool, "--deep", "--repair")
            item = put(spool)
            run("take", "--", "true", spool=spool).exits(0)
            assert item.encode() not in run("ls", spool=spool).out


def metadata_that_are_no_file_are_damage():
    an_item_is_damaged("file", "metadata")


@each_layout
def a_body_that_is_no_file_is_damage(layout):
    an_item_is_damaged(layout, "body")


def everything(path):
    return sorted(os.path.join(at, name) for at, dirs, files in os.walk(path)
                  for name in dirs + files)


def a_queue_that_is_a_link_is_a_stray_and_not_followed():
    with directory() as here:
        spool = two_queues(here, "file")
        item, neighbour = put(spool, b"a", "--queue", "other"), put(spool)
        queue = spool + "/other"
        os.rename(queue, here + "/moved")
        os.symlink(here + "/moved", queue)
        before = everything(here + "/moved")
        run("put", "--queue", "other", spool=spool).exits(66).says("other")
        assert run("ls", spool=spool).exits(0).out.count(b"\n") == 1
        run("status", spool=spool).exits(0)
        assert found(spool)["other"] == "stray"
        run("rm", item, spool=spool)
        run("rm", "--all", spool=spool).exits(0)
        for _ in range(2):
            assert found(spool, "--deep", "--repair") == {"other": "stray"}
        assert before == everything(here + "/moved")
        assert neighbour.encode() not in run("ls", spool=spool).out
        os.unlink(queue)
        os.rename(here + "/moved", queue)
        assert run("take", "--queue", "other", "--", "cat",
                   spool=spool).exits(0).out == b"a"
        os.symlink(here, spool + "/notes")
        os.symlink("nowhere", spool + "/broken")
        assert found(spool, "--repair") == {"notes": "stray",
                                            "broken": "stray"}
        assert os.path.islink(spool + "/notes")
        assert not os.path.lexists(spool + "/broken")


def what_is_no_shard_is_a_stray_and_the_others_are_taken():
    with directory() as here:
        spool = two_queues(here, "file")
        item, neighbour = put(spool, b"a", "--queue", "other"), put(spool)
        shard = f"{spool}/other/{item[-2:]}"
        for kind in ("fifo", "link"):
            with replaced(here, shard, kind) as kept:
                run("status", spool=spool).exits(0)
                ran = run("ls", spool=spool).exits(0)
                assert neighbour.encode() in ran.out
                assert item.encode() not in ran.out
                told = found(spool, "--deep")
                assert told[f"other/{item[-2:]}"] == "stray", told
                run("take", "--queue", "other", "--", "true", spool=spool)
                assert os.listdir(kept) == [item]
        assert run("take", "--queue", "other", "--", "cat",
                   spool=spool).exits(0).out == b"a"
        run("rm", neighbour, spool=spool).exits(0)


OWN = ("pirn-spool", ".owners", ".log/log", ".log/tombstones",
       ".log/seg/000000")


def a_spool_whose_own_file_is_none_is_refused_at_once():
    verbs = ("status", "ls", "fsck") if LONG else ("status",)
    kinds = KINDS if LONG else ("written", "link")
    with directory() as here:
        spool = two_queues(here, "file")
        item = put(spool)
        os.unlink(index_of(spool))  # as after a restart: segments are read
        for path in OWN:
            for kind in kinds:
                with replaced(here, f"{spool}/{path}", kind):
                    for verb in verbs:
                        ran = run(verb, spool=spool)
                        assert ran.code in (65, 74), (path, kind, ran.code)
                        ran.says(spool)
        assert run("cat", item, spool=spool).exits(0).out == b"hello\n"


def index_of(spool):
    with open(spool + "/.log/index", encoding="ascii") as file:
        return next(line[5:].strip() for line in file
                    if line.startswith("path "))


def an_index_text_that_is_no_file_is_made_anew():
    with directory() as here:
        spool = two_queues(here, "file")
        items = [put(spool)]
        for kind in KINDS if LONG else ("directory", "written", "link"):
            path = spool + "/.log/index"
            os.rename(path, here + "/index")
            with contextlib.ExitStack() as stack:
                if kind == "directory":
                    os.mkdir(path)
                elif kind == "link":
                    os.symlink(here + "/index", path)
                elif kind == "socket":
                    with socket.socket(socket.AF_UNIX) as sock:
                        at = os.open(spool + "/.log", os.O_PATH)
                        stack.callback(os.close, at)
                        sock.bind(f"/proc/self/fd/{at}/index")
                else:
                    os.mkfifo(path)
                    if kind == "written":
                        stack.callback(os.close, os.open(path, os.O_RDWR))
                items.append(put(spool))
            assert os.path.isfile(path) and not os.path.islink(path), kind
        out = run("ls", spool=spool).exits(0).out
        assert all(item.encode() in out for item in items)


cases(metadata_that_are_no_file_are_damage,
      a_body_that_is_no_file_is_damage,
      a_queue_that_is_a_link_is_a_stray_and_not_followed,
      what_is_no_shard_is_a_stray_and_the_others_are_taken,
      a_spool_whose_own_file_is_none_is_refused_at_once,
      an_index_text_that_is_no_file_is_made_anew)
