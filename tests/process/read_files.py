#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""read_files.py SPOOL - what lives in a spool of files, by its format alone

A second reading of spool/file/README.md and of the formats in spool/text.h,
spool/superblock.h and spool/file/meta.h, that shares no line with the first. It
prints one line of JSON for each item, by queue and then by id. Nothing is
changed; what is damaged, or stands where it may not, ends it with an exception.

    pirn-spool                     the format, and how many shards there are
    QUEUE/XY/ID                    metadata, of what is ready
    QUEUE/.priority+N/ID           likewise, of a priority
    QUEUE/.held/ID                 of what is held
    QUEUE/.due/SECONDS[+N]/ID      of what is delayed
    QUEUE/.checkout/OWNER/ID       of what OWNER has
    .data/XY/ID                    the body; what several items share has a
                                   name for each

XY are the last two characters of ID. What stands in .tmp is being made or
removed, and is no item. The spool is to be quiet: what moves while it is read
may be met twice, which is an exception, or not at all.
"""
import calendar
import ctypes
import json
import re
import sys
import time
import typing
from pathlib import Path

ID = re.compile(r"[0-7][0-9a-v]{25}")
QUEUE = re.compile(r"[a-z_][a-z0-9_-]{0,62}")
PRIORITY = r"([+][1-7]|-[1-8])"
SHELF = re.compile(r"[.]priority" + PRIORITY)
BUCKET = re.compile(r"([0-9]{12})" + PRIORITY + "?")
SLOT = re.compile(r"[0-9]{4}")
DIGITS = "0123456789abcdefghijklmnopqrstuv"
SHARDS = 64

# The lines of metadata in their order: a name, what it looks like, whether it
# has to be there. Those that need not be are of format 2.
NUMBER = r"0|[1-9][0-9]*"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.]\d{9}Z"
LINES = [
    ("id", ID.pattern, True),
    ("version", NUMBER, True),
    ("created", TIME, True),
    ("size", NUMBER, True),
    ("digest", "[0-9a-f]{16}", True),
    ("attempts", NUMBER, True),
    ("queue", QUEUE.pattern, False),
    ("due", TIME, False),
    ("priority", "[1-7]|-[1-8]", False),
    ("held", "", False),
]

NUMBERS = {"version", "attempts", "size", "priority"}

lib = ctypes.CDLL("libxxhash.so.0")
lib.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
lib.XXH3_64bits.restype = ctypes.c_uint64


def xxh3(data):
    return lib.XXH3_64bits(data, len(data))


class Damaged(Exception):
    """What stands there is not of the format; the text names the file."""


def lines(path, magic, newest):
    """(format, lines between the first and the last) of a text of ours."""
    data = path.read_bytes()
    body, end = data[:-21], data[-21:]
    if end != b"end %016x\n" % xxh3(body):
        raise Damaged(f"{path}: torn or damaged")
    first, *rest = body[:-1].split(b"\n")
    word, _, number = first.partition(b" ")
    if word != magic or not number.isdigit() or body[-1:] != b"\n":
        raise Damaged(f"{path}: is not {magic.decode()}")
    if not 1 <= int(number) <= newest:
        raise Damaged(f"{path}: format {int(number)} is newer than this reader")
    return int(number), rest


def nanoseconds(text):
    """Of a time, since 1970."""
    whole = time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
    return calendar.timegm(whole) * 10**9 + int(text[20:29])


def moment(since):
    """A time as texts have it, of nanoseconds since 1970."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since // 10**9))
    return f"{whole}.{since % 10**9:09}Z"


def unescaped(value):
    return re.sub(rb"%(..)", lambda two: bytes([int(two[1], 16)]), value)


def fields_of(path, rest):
    """{name: [value, ...]} of the lines that are left."""
    fields = {}
    for line in rest:
        match = re.fullmatch(
            rb"field ([a-z0-9_.-]{1,63}) "
            rb"((?:[^\x00-\x1f\x7f%]|%[01][0-9A-F]|%25|%7F)*)", line)
        if match is None:
            raise Damaged(f"{path}: {line!r} is no field")
        value = unescaped(match[2]).decode("utf-8", "replace")
        fields.setdefault(match[1].decode(), []).append(value)
    return fields


def metadata(path):
    """What an item's file of metadata says."""
    number, rest = lines(path, b"pirn-item", 2)
    said = {}
    for name, form, required in LINES:
        head = rest[0].decode("utf-8", "replace") if rest else ""
        match = re.fullmatch(f"{name} ({form})" if form else name, head)
        if match:
            said[name] = match[1] if form else True
            rest = rest[1:]
        elif required:
            raise Damaged(f"{path}: no line `{name}'")
    placed = any(name in said for name, _, must in LINES if not must)
    if placed != (number == 2):
        raise Damaged(f"{path}: format {number} does not say where it belongs")
    if said["id"] != path.name:
        raise Damaged(f"{path}: metadata of {said['id']}")
    return {**said, "fields": fields_of(path, rest)}


def ids_in(folder):
    """The items in a directory; other names are not ours."""
    names = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in names if ID.fullmatch(path.name))


def named(folder, form):
    """(match, path) of the directories in another whose names have a form."""
    found = folder.iterdir() if folder.is_dir() else ()
    for path in sorted(found):
        match = form.fullmatch(path.name)
        if match and path.is_dir():
            yield match, path


class Place(typing.NamedTuple):
    """A directory of items, and what its name says of them."""

    queue: str
    folder: Path
    state: str
    priority: int = 0
    owner: typing.Optional[int] = None
    shard: typing.Optional[str] = None


def places(queue):
    name = queue.name
    for i in range(SHARDS):
        shard = DIGITS[i >> 5] + DIGITS[i & 31]
        if not (queue / shard).is_dir():
            raise Damaged(f"{queue / shard}: is not there")
        yield Place(name, queue / shard, "ready", shard=shard)
    for match, path in named(queue, SHELF):
        yield Place(name, path, "ready", int(match[1]))
    yield Place(name, queue / ".held", "held")
    for match, path in named(queue / ".due", BUCKET):
        yield Place(name, path, "delayed", int(match[2] or 0))
    for match, path in named(queue / ".checkout", SLOT):
        yield Place(name, path, "claimed", owner=int(match[0]))


def check_place(path, place, said):
    """The place says what an item is, and the metadata say the place."""
    if place.state in ("ready", "delayed") and (
            int(said.get("priority", 0)) != place.priority or "held" in said):
        raise Damaged(f"{path}: its metadata name another place")
    if place.state == "held" and "held" not in said:
        raise Damaged(f"{path}: its metadata say that it is not held")
    if place.state == "delayed":
        bucket = int(path.parent.name[:12])
        if "due" not in said or nanoseconds(said["due"]) > bucket * 10**9:
            raise Damaged(f"{path}: is due after its bucket")
    if place.shard not in (None, path.name[-2:]):
        raise Damaged(f"{path}: in another's shard")
    if place.state != "claimed" and said.get("queue") not in (None,
                                                             place.queue):
        raise Damaged(f"{path}: its metadata name another queue")


class Spool:
    def __init__(self, path):
        self.root = Path(path).resolve()
        _, rest = lines(self.root / "pirn-spool", b"pirn-spool", 1)
        if rest != [b"layout file", b"shards %d" % SHARDS]:
            raise Damaged(f"{self.root}: another layout")

    def item(self, path, place):
        said = metadata(path)
        check_place(path, place, said)
        body = self.root / ".data" / path.name[-2:] / path.name
        data = body.read_bytes()
        if len(data) != int(said["size"]):
            raise Damaged(f"{body}: not as long as its metadata say")
        item = {"id": said["id"], "queue": place.queue, "state": place.state}
        if place.owner is not None:
            item["owner"] = place.owner
            item["claimed"] = moment(path.stat().st_ctime_ns)
        for name in NUMBERS & said.keys():
            item[name] = int(said[name])
        for name in ("created", "due", "digest", "fields"):
            if name in said:
                item[name] = said[name]
        item["digest_ok"] = "%016x" % xxh3(data) == said["digest"]
        item["names"] = body.stat().st_nlink  # one of each that shares it
        return item

    def items(self):
        met = set()
        for _, queue in named(self.root, QUEUE):
            if not (queue / ".checkout").is_dir():
                continue  # no queue
            for place in places(queue):
                for path in ids_in(place.folder):
                    if path.name in met:
                        raise Damaged(f"{path}: has another name")
                    met.add(path.name)
                    yield self.item(path, place)


def main(spool):
    for item in Spool(spool).items():
        print(json.dumps(item))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: read_files.py SPOOL")
    main(sys.argv[1])
