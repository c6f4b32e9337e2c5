#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tests that docs/features.md and tests/README.md name are there.

In a table `folder/test_x.c: case, case; test_y.c` names files and their cases.
A file without a folder is in the folder of the one before it, or in the one
that stands in the column's heading.
"""
import re

import tree

TABLES = ("docs/features.md", "tests/README.md")
HEADING = re.compile(r"`(\w+)/`")
FILE = re.compile(r"(?:(\w+)/)?(test_\w+\.(?:c|py))(?:: ([\w, ]*))?")
CASE = re.compile(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b")


def references(text):
    """(line, path below tests/, case or None) of each name in a table."""
    headings = []
    before = ""
    for n, line in enumerate(text.split("\n"), 1):
        cells = line.split("|") if line.startswith("|") else []
        if cells and not before.startswith("|"):
            headings = [HEADING.search(cell) for cell in cells]
        before = line
        for cell, heading in zip(cells, headings):
            folder = heading and heading[1]
            for match in FILE.finditer(cell):
                folder = match[1] or folder
                path = f"{folder}/{match[2]}"
                yield n, path, None
                for case in CASE.findall(match[3] or ""):
                    yield n, path, case


def has(text, case):
    return re.search(rf"^(?:static void|def|    def) (?:test_)?{case}\(", text,
                     re.M)


def complaints(root):
    for name in TABLES:
        for n, path, case in references(tree.text(root / name)):
            file = root / "tests" / path
            if not file.exists():
                yield f"{name}:{n}: there is no tests/{path}"
            elif case and not has(tree.text(file), case):
                yield f"{name}:{n}: tests/{path} has no {case}"


if __name__ == "__main__":
    tree.main(complaints)
