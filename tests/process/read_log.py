#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""read_log.py SPOOL - what lives in a log, by its format and nothing else

A second reading of spool/log/{record,batch,tomb}.h and of the rules in
spool/log/README.md, that shares no line with the first. It prints one line of
JSON for each live item, in the order of their first commits. Nothing is
changed; what is damaged, and not merely unfinished, ends it with an exception.

What it uses, all little endian, at the bytes that the headers say:

    .log/log      how many segments, and how long they are
    .log/queues   the name of each queue's number
    .log/tombstones  656 words a segment {generation, check, 25 records}; from the
                  next 4 KiB on one each, its bound {generation, check, flags,
                  record}: CUT: the first that is none; no CUT, or EXACT: how
                  many there have to be
    .log/seg/N    header; batches, each with its heads; of the last batch, whose
                  write may not have ended, also each part's sum and body's
    .log/data     a body, where the head's flag says that it is a file

Of each id the newest version counts, dead ones too; it lives if its record is
not dead and the one that it names as its body's is there and is not dead. One
behind the cut, or of a turn before its words', does not exist. Of a log in use,
or whose last owner was killed, it says what a restart without its index finds:
what was removed within the last second may be there still.
"""
import ctypes
import json
import struct
import sys
from pathlib import Path

UNIT, BLOCK = 64, 4096
SEGMENT_WORDS, WORD_RECORDS = 656, 25  # of tombstones
CUT, EXACT = 1 << 16, 1 << 17
CODES = [v for v in range(128) if v.bit_count() % 2 and v.bit_count() > 1]
GENERATION_BITS = 0x3fff  # so much of it a place has
PUT, META, BODY_FILE = 1, 2, 1
ALIVE, DEAD, ABSENT = "alive", "dead", "absent"
DIGITS = "0123456789abcdefghijklmnopqrstuv"

with_seed = ctypes.CDLL("libxxhash.so.0").XXH3_64bits_withSeed
with_seed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
with_seed.restype = ctypes.c_uint64


def xxh3(data, seed=0):
    return with_seed(bytes(data), len(data), seed)


def up(n, unit):
    return (n + unit - 1) // unit * unit


def id_text(raw):
    value = int.from_bytes(raw, "big")
    return "".join(DIGITS[value >> 5 * i & 31] for i in reversed(range(26)))


def lines(path):
    """A text file of ours, whose sum is right: what each line says."""
    data = path.read_bytes()
    body, end = data[:-21], data[-21:]
    if end != b"end %016x\n" % xxh3(body):
        raise ValueError(f"{path}: torn or damaged")
    return dict(line.split(" ", 1) for line in body.decode().splitlines())


class Head:
    """64 bytes: what an item is from one version on."""

    def __init__(self, raw):
        self.raw = raw
        self.id = raw[:16]
        (self.version, self.kind, zero, self.priority, self.flags, self.queue,
         self.attempts, self.part_bytes, self.due, self.body_bytes,
         self.part_at, self.body_segment, self.body_at, self.body_record,
         self.body_generation) = struct.unpack("<IBBBBHHIQQIIIHH", raw[16:])
        if (self.kind not in (PUT, META) or zero or self.priority > 15
                or self.flags & ~3 or not 0 < self.version < 1 << 24):
            raise ValueError("a head that is none of ours")


class Segment:
    """Its header, and of each batch, as far as they go: heads and times."""

    def __init__(self, path, size):
        self.data = path.read_bytes()
        self.generation = 0
        self.records, self.last = [], 0  # (head, written, whole)
        magic, self.number, generation, self.salt, length = struct.unpack(
            "<8sIIQQ", self.data[:32])
        total, = struct.unpack("<Q", self.data[48:56])
        if magic != b"pirnseg1" or total != xxh3(self.data[:48]):
            return
        if length != size or self.number != int(path.name):
            raise ValueError(f"{path}: the header is another segment's")
        self.generation = generation
        at, sequence = BLOCK, 1
        while at is not None:
            at, sequence = self.batch(at, sequence), sequence + 1
        self.records[self.last:] = [(head, written, self.is_whole(head))
                                    for head, written, _
                                    in self.records[self.last:]]

    def batch(self, at, sequence):
        """Reads the one that begins here; returns where the next one does."""
        front = self.data[at:at + 64]
        if len(front) < 64:
            return None
        (magic, total, number, generation, count, first, length, _, got,
         written) = struct.unpack("<8sQIIIIIIQQ", front[:56])
        heads = at + 64
        if (magic != b"pirnbat1" or number != self.number
                or generation != self.generation or got != sequence
                or first != len(self.records) or not 0 < count <= 512
                or at + length > len(self.data) or total != xxh3(
                    self.data[at + 16:heads + 64 * count], self.salt)):
            return None
        self.last = first
        for i in range(count):
            head = Head(self.data[heads + 64 * i:heads + 64 * i + 64])
            self.records.append((head, written, True))
        return at + length

    def part(self, head):
        """(fields, digest) of a record, or None: torn."""
        begin = head.part_at * UNIT
        part = self.data[begin:begin + head.part_bytes]
        total = int.from_bytes(part[:8], "little")
        if part[8:72] != head.raw or total != xxh3(part[8:], self.salt):
            return None
        digest, _, length = struct.unpack("<QQI", part[72:92])
        return part[96:96 + length], digest

    def body(self, at, length):
        return self.data[at * UNIT:at * UNIT + length]

    def is_whole(self, head):
        part = self.part(head)
        at = head.part_at + head.part_bytes // UNIT
        is_here = head.kind == PUT and not head.flags & BODY_FILE
        return part is not None and (
            not is_here or xxh3(self.body(at, head.body_bytes)) == part[1])


class Log:
    def __init__(self, spool):
        self.root = Path(spool) / ".log"
        said = lines(self.root / "log")
        self.bounds_at = up(int(said["segments"]) * SEGMENT_WORDS, BLOCK // 8)
        self.tombs = (self.root / "tombstones").read_bytes()
        self.queues = {
            int(p.name): lines(p).get("name")
            for p in (self.root / "queues").iterdir() if p.name.isdigit()}
        self.segments = {
            int(p.name): Segment(p, int(said["segment_bytes"]))
            for p in sorted((self.root / "seg").iterdir())
            if p.name.isdigit() and p.stat().st_size >= BLOCK}

    def word(self, i):
        """(generation, low 25 bits) of the i-th word of the tombstones."""
        low, high = struct.unpack("<II", self.tombs[8 * i:8 * i + 8])
        said, check = low & 0x1ffffff | high << 25, 0x0f
        for bit, code in enumerate(CODES):
            check ^= code * (said >> bit & 1)
        if check != low >> 25:
            raise ValueError(f"word {i} of the tombstones is damaged")
        return high, low & 0x1ffffff

    def is_kept(self, segment, record):
        """Whether its segment's bound says that it was committed."""
        generation, low = self.word(self.bounds_at + segment.number)
        return (generation == segment.generation and record < low & 0xffff
                and low & (CUT | EXACT) != CUT)

    def verdict(self, segment, record):
        bound_of, low = self.word(self.bounds_at + segment.number)
        bits_of, bits = self.word(
            segment.number * SEGMENT_WORDS + record // WORD_RECORDS)
        is_cut = low & CUT and bound_of == segment.generation
        if (max(bound_of, bits_of) > segment.generation  # it was free since
                or is_cut and low & 0xffff <= record):
            return ABSENT
        if bits_of == segment.generation and bits >> record % WORD_RECORDS & 1:
            return DEAD
        return ALIVE

    def body_keeper(self, head):
        """The segment that has the item's body, or None."""
        segment = self.segments.get(head.body_segment)
        if (segment is None or head.body_generation
                != segment.generation & GENERATION_BITS
                or head.body_record >= len(segment.records)):
            return None
        keeper, _, whole = segment.records[head.body_record]
        alive = self.verdict(segment, head.body_record) == ALIVE
        return segment if whole and alive and keeper.id == head.id else None

    def items(self):
        newest, first = {}, {}
        for number, segment in sorted(self.segments.items()):
            end = len(segment.records)
            if self.is_kept(segment, end) and ALIVE == self.verdict(segment, end):
                raise ValueError(f"segment {number} misses record {end}")
            for record, (head, written, whole) in enumerate(segment.records):
                verdict = self.verdict(segment, record)
                whole = whole or self.is_kept(segment, record)
                if verdict == ABSENT or not whole:
                    continue
                when = (written, number, record)
                first[head.id] = min(first.get(head.id, when), when)
                key = (head.version, verdict == ALIVE)
                if head.id not in newest or newest[head.id][0] < key:
                    newest[head.id] = key, head, segment
        for raw in sorted(newest, key=first.get):
            (_, alive), head, segment = newest[raw]
            keeper = self.body_keeper(head)
            if alive and keeper is not None:
                yield head, segment, keeper

    def body_of(self, head, keeper):
        if not head.flags & BODY_FILE:
            return keeper.body(head.body_at, head.body_bytes)
        text = id_text(head.id)
        path = self.root / "data" / text[-2:] / text
        return path.read_bytes() if path.exists() else b""


def main(spool):
    log = Log(spool)
    for head, segment, keeper in log.items():
        part = segment.part(head)
        body = log.body_of(head, keeper)
        print(json.dumps({
            "id": id_text(head.id), "version": head.version,
            "queue": log.queues.get(head.queue, head.queue),
            "attempts": head.attempts, "size": head.body_bytes,
            "digest": part and "%016x" % part[1],
            "digest_ok": part is not None and len(body) == head.body_bytes
            and xxh3(body) == part[1],
        }))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: read_log.py SPOOL")
    main(sys.argv[1])
