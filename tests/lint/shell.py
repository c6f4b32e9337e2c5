#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every shell script is one for the shell that its first line names."""
import re
import shutil
import subprocess

import tree


def complaints(root):
    for path, name in tree.files(root):
        first = tree.text(path).split("\n", 1)[0]
        m = re.fullmatch(r"#!\s*(?:/usr)?/bin/(?:env )?(sh|bash|dash)", first)
        if not m:
            if path.suffix == ".sh" or (name.startswith("script/")
                                        and not first.startswith("#!")):
                yield f"{name}:1: no shell is named"
            continue
        shell = m[1]
        # sh is dash where there is dash: it knows nothing beyond POSIX
        if shell == "sh":
            shell = shutil.which("dash") or "sh"
        run = subprocess.run([shell, "-n", str(path)], capture_output=True,
                             text=True)
        if run.returncode != 0:
            yield f"{name}: {run.stderr.strip()}"
        if m[1] == "sh":
            yield from bashisms(path, name)


# What dash -n reads without complaint and then does not do.
BASHISMS = re.compile(
    r"\[\[ |\blocal -|\bpipefail\b|<\(|<<<|(?<=[\s=(])\$'|\bfunction \w+\b.*\{|"
    r"\becho -[ne]\b|\$\{\w+//|(?:^|[;&|])\s*source \b|&>|\(\( ")


def bashisms(path, name):
    for n, line in enumerate(tree.text(path).split("\n"), 1):
        if not line.lstrip().startswith("#") and (m := BASHISMS.search(line)):
            yield f"{name}:{n}: {m[0].strip()} is not POSIX"


if __name__ == "__main__":
    tree.main(complaints)
