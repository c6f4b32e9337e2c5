#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What may not stand in a file of this tree."""
import re

import tree

# Spelt with brackets, so that this file does not complain about itself.
PATHS = re.compile(r"/w[o]rk/|/r[o]ot/|/f[a]rm/")
PLANT = re.compile(r"PIRN_P[L]ANT")
PLANTS = ("tests/", "runtime/plant.h", "meson.build")
SLEEP = re.compile(r"\b(u|nano|clock_nano)?sleep\s*\(")
SLEEPLESS = ("tests/unit/", "tests/sim/", "tests/fuzz/")


def complaints(root):
    for path, name in tree.files(root):
        for n, line in enumerate(tree.text(path).split("\n"), 1):
            if m := PATHS.search(line):
                yield f"{name}:{n}: {m[0]} is a path of one machine"
            if not name.startswith(PLANTS) and PLANT.search(line):
                yield f"{name}:{n}: a planted defect was left behind"
            if name.startswith(SLEEPLESS) and SLEEP.search(line):
                yield f"{name}:{n}: a test here may not sleep"
        if path.suffix in (".c", ".h"):
            first = tree.text(path).split("\n", 1)[0]
            if first != "/* SPDX-License-Identifier: MIT */":
                yield f"{name}:1: the first line names the license (SPDX)"


if __name__ == "__main__":
    tree.main(complaints)
