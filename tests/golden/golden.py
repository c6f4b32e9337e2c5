#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""golden.py pack SPOOL - a spool as text, to be kept; pack is undone by unpack

    dirs .data 00 01 02 ...        directories below one (. is the spool)
    file incoming/03/ID 222        a regular file, and how many bytes it has;
    :pirn-item 2                   lines of it, each with its newline,
    =4096 70697274... 5*00         or from byte 4096 on: in hex, and of what is
                                   there again and again, N*XX
    link .data/03/ID .data/07/ID   another name of a file that stood above

What is not written there is zeros, and is made as a hole. `make DIR' makes the
spools of this directory anew, with the program of today: for a new format, and
beside those which are there; ids, times and salts are others then.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

LINE = 39  # bytes
RUN = re.compile(rb"(.)\1{4,}", re.S)
AGAIN = re.compile(rb"\0{32,}|(.{8})\1{7,}", re.S)
TEXT = re.compile(rb"(?:[\x20-\x7e]{0,200}\n)+")


def words(data):
    """Hex, with runs of one byte as N*XX."""
    at, out = 0, []
    for run in RUN.finditer(data):
        out += [data[at:run.start()].hex(), f"{len(run[0])}*{run[1].hex()}"]
        at = run.end()
    return " ".join(filter(None, out + [data[at:].hex()]))


def bytes_of(text):
    out = b""
    for word in text.split():
        count, star, byte = word.partition("*")
        out += bytes.fromhex(byte) * int(count) if star else bytes.fromhex(word)
    return out


def file_lines(data):
    if data and TEXT.fullmatch(data):
        return [":" + line for line in data.decode().splitlines()]
    lines, at = [], 0
    for run in AGAIN.finditer(data):
        lines += hex_lines(data, at, run.start())
        at = run.end()
        if any(run[0]):
            times = len(run[0]) // 8
            lines.append(f"={run.start()} {times}*{run[1].hex()}")
    return lines + hex_lines(data, at, len(data))


def hex_lines(data, at, end):
    return [f"={i} {words(data[i:min(i + LINE, end)])}"
            for i in range(at, end, LINE)]


def folder_lines(root):
    """Those in which others are, each with what is in it."""
    for folder, below, _ in sorted(os.walk(root)):
        name = os.path.relpath(folder, root)
        below.sort()
        for i in range(0, len(below), 16):
            yield " ".join(["dirs", name, *below[i:i + 16]])


def pack(root):
    lines, met = list(folder_lines(root)), {}
    for path in sorted(p for p in Path(root).rglob("*") if p.is_file()):
        name, key = path.relative_to(root), path.stat().st_ino
        if key in met:
            lines.append(f"link {met[key]} {name}")
            continue
        met[key] = name
        data = path.read_bytes()
        lines += [f"file {name} {len(data)}", *file_lines(data)]
    return "\n".join(lines) + "\n"


def unpack(text, root):
    root = Path(root)
    root.mkdir(mode=0o750)
    file = None
    for line in text.splitlines():
        if line[0] == ":":
            file.write(line[1:].encode() + b"\n")
        elif line[0] == "=":
            at, data = line[1:].split(" ", 1)
            file.seek(int(at))
            file.write(bytes_of(data))
        else:
            if file:
                file.close()
            file = make(root, *line.split())
    file.close()


def make(root, what, name, *rest):
    """What a line says; the file, if it is one."""
    file = open(root / name, "xb") if what == "file" else None
    if what == "file":
        os.truncate(file.fileno(), int(rest[0]))
    elif what == "link":
        os.link(root / name, root / rest[0])
    else:
        for below in rest:
            (root / name / below).mkdir(mode=0o750)
    return file


def make_all(here):
    for layout in ("file", "log"):
        spool = os.path.join(here, layout)
        maker = os.environ.get("PIRN_GOLDEN_MAKER", "build/tests/golden_maker")
        subprocess.run([maker, spool, layout], check=False, timeout=60)
        with open(spool + ".golden", "w", encoding="ascii") as out:
            out.write(pack(spool))
    with open(here + "/log/.log/index", encoding="ascii") as text:
        os.unlink(re.search(r"(?m)^path (.*)$", text.read())[1])


if __name__ == "__main__":
    verb, place = sys.argv[1:]
    if verb == "make":
        make_all(place)
    else:
        sys.stdout.write(pack(place))
