#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coverage.py FILE - what script/coverage prints of gcovr's summary"""
import json
import re
import sys
from collections import defaultdict

WANTED = 90.0
# What makes an item durable, and what brings it back.
CAREFUL = re.compile(
    r"spool/(group_sync|spool|owner|registry|fence|lease)\.c|"
    r"spool/file/(aside|back|body|claim_end|commit|draft|meta|recover|survey)"
    r"\.c|spool/log/(attach|batch|catalogue|claim_end|compact|copy|draft|heal|"
    r"keeper|lane|log|rebuild\w*|record|replay|rescue|segments|slot|tomb|"
    r"tomb_format_1|tombs_file|writer)\.c|runtime/(chain|file)\.c|smtp/(mail|session)\.c")


def share(part, whole):
    return 100.0 * part / whole if whole else 100.0


def main(path):
    with open(path, encoding="utf-8") as file:
        files = json.load(file)["files"]
    sums = defaultdict(lambda: [0, 0, 0, 0])
    low = []
    for entry in files:
        name = entry["filename"]
        lines = entry["line_covered"], entry["line_total"]
        branches = entry["branch_covered"], entry["branch_total"]
        careful = CAREFUL.fullmatch(name) is not None
        groups = [name.split("/")[0], "all"]
        groups += ["commit and recovery"] if careful else []
        for group in groups:
            for i, value in enumerate(lines + branches):
                sums[group][i] += value
        if share(*lines) < WANTED:
            low.append((share(*lines), "lines", name, *lines))
        if careful and share(*branches) < WANTED:
            low.append((share(*branches), "branches", name, *branches))
    for part, what, name, hit, all_of in sorted(low):
        print(f"{part:5.1f} % {what:8} {hit:4} of {all_of:4}  {name}")
    for group, (lines, lines_all, branches, branches_all) in sums.items():
        print(f"{group}: {share(lines, lines_all):.1f} % of {lines_all} "
              f"lines, {share(branches, branches_all):.1f} % of "
              f"{branches_all} branches")


if __name__ == "__main__":
    main(sys.argv[1])
