# SPDX-License-Identifier: MIT
"""How kernels cut links, as tests/README.md has it: a table of what they said.

A column is a kernel, as {name of the failure: CUT or NOT}; what it has not, or
cannot be made to do, is in no column. Failures that all kernels treat alike
share a row.
"""
import json
import os
import subprocess

from harness import PIRN

README = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "README.md")
HEAD = "| what failed, or moved less |"
CUT, NOT, NONE = "cut", "not", "-"


def rows(said):
    """Of `pirn probe --json`."""
    return [json.loads(line) for line in said.splitlines()
            if line.startswith("{")]


def cuts(probed):
    return {row["name"]: CUT if row["cut"] else NOT for row in probed
            if row["kind"] == "link"}


def here():
    """The running kernel's column, where a kernel of this name is written of,
    and gives us rings."""
    version = ".".join(os.uname().release.split(".")[:2])
    said = subprocess.run([PIRN, "probe", "--json"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    column = cuts(rows(said))
    return {version: column} if column and version in written() else {}


def table(columns):
    """As it is to be written."""
    versions = sorted(columns, key=lambda v: [int(n) for n in v.split(".")])
    names = dict.fromkeys(name for version in reversed(versions)
                          for name in columns[version])
    alike = {}
    for name in names:
        words = tuple(columns[v].get(name, NONE) for v in versions)
        alike.setdefault(words, []).append(name)
    lines = [f"{HEAD} " + " | ".join(versions) + " |",
             "|---" * (len(versions) + 1) + "|"]
    lines += ["| " + "; ".join(group) + " | " + " | ".join(words) + " |"
              for words, group in alike.items()]
    return "\n".join(lines) + "\n"


def written():
    """The columns of the table that is there."""
    with open(README, encoding="utf-8") as file:
        text = file.read()
    _, _, text = text.partition(HEAD)
    lines = text.partition("\n\n")[0].splitlines()
    versions = [word.strip() for word in lines[0].split("|") if word.strip()]
    columns = {version: {} for version in versions}
    for line in lines[2:]:
        names, *words = (part.strip() for part in line.split("|")[1:-1])
        for version, word in zip(versions, words):
            if word != NONE:
                columns[version] |= dict.fromkeys(names.split("; "), word)
    return columns


def is_written(now):
    with open(README, encoding="utf-8") as file:
        return now in file.read()
