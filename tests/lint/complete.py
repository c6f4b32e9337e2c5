#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Nothing stands in the tree that no list of a meson.build names.

A source that is not compiled rots; a test that is not run is worse, because it
is believed. complete.py SOURCE BUILD
"""
import re
import sys
from pathlib import Path

import objects
import tree

ROOMS = ("runtime/", "spool/", "smtp/", "cli/", "bench/", "examples/",
         "tests/")
TEST = re.compile(r"tests/(unit|sim|kernel|kernels|crash|process|interop|"
                  r"fuzz)/"
                  r"(test_.*\.(?:c|py))")


def complaints(root, build):
    compiled = {name for name, _ in objects.objects(root, build, *ROOMS)}
    for _, name in tree.files(root, ".c"):
        if name.startswith(ROOMS) and name not in compiled:
            yield f"{name}: is not compiled, no meson.build names it"
    table = tree.text(root / "tests" / "meson.build")
    for _, name in tree.files(root, ".c", ".py"):
        if (m := TEST.fullmatch(name)) and f"'{m[2]}':" not in table:
            yield f"{name}: is not run, tests/meson.build does not name it"
    headers = tree.text(root / "include" / "meson.build")
    for path, name in tree.files(root / "include", ".h"):
        if f"'{name}'" not in headers:
            yield f"include/{name}: include/meson.build does not name it"


if __name__ == "__main__":
    source, build = [Path(a).resolve() for a in sys.argv[1:3]]
    sys.exit(tree.report(complaints(source, build)))
