#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Planted defects are asked for by one test, and are in no normal build.

Each name that runtime/, spool/ and the model ask for stands in the table of
tests/sim/test_plants.py, once here and once there; nobody else asks; and no
object of this build holds a name, or the variable that chooses one.

plants.py SOURCE BUILD
"""
import re
import sys
from pathlib import Path

import objects
import tree

ROOMS = ("runtime/", "spool/", "tests/sim/model/")
HEADER = "runtime/plant.h"
TABLE = "tests/sim/test_plants.py"
SITE = re.compile(r'pirn__planted\(\s*("([a-z-]+)")?')
ROW = re.compile(r'^    "([a-z-]+)": \(\s*"(?:kernel|sim|unit)_', re.M)
VARIABLE = b"PIRN_PLANT"


def sites(root):
    """(file, line, name or None) of each question."""
    for path, name in tree.files(root, ".c", ".h"):
        if name != HEADER:
            text = tree.text(path)
            for m in SITE.finditer(text):
                yield name, text.count("\n", 0, m.start()) + 1, m[2]


def asked(root):
    known = ROW.findall(tree.text(root / TABLE))
    seen = {}
    for name, n, plant in sites(root):
        if not name.startswith(ROOMS):
            yield (f"{name}:{n}: plants grow in runtime/ and spool/, and in "
                   "the model")
        elif plant is None:
            yield f"{name}:{n}: a plant's name is a string of a-z and -"
        elif plant not in known:
            yield f"{name}:{n}: {TABLE} does not look for {plant}"
        elif plant in seen:
            yield f"{name}:{n}: {plant} is planted at {seen[plant]} already"
        seen[plant] = f"{name}:{n}"
    for plant in known:
        if plant not in seen:
            yield f"{TABLE}: {plant} is planted nowhere"


def built(root, build):
    names = {plant.encode() for _, _, plant in sites(root) if plant}
    for name, path in objects.objects(root, build, "runtime/", "spool/",
                                      "smtp/", "cli/"):
        content = path.read_bytes()
        for word in sorted(names | {VARIABLE}):
            if word + b"\0" in content:
                yield f"{name}: {word.decode()} is in its object"


def complaints(root, build):
    yield from asked(root)
    yield from built(root, build)


if __name__ == "__main__":
    source, build = [Path(a).resolve() for a in sys.argv[1:3]]
    sys.exit(tree.report(complaints(source, build)))
