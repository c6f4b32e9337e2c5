# SPDX-License-Identifier: MIT
"""The object files of a build, each with the source it was made from."""
import json
import subprocess
from pathlib import Path


def objects(root, build, *rooms):
    """(source's name relative to root, object) for each compiled file of the
    rooms. The compiler's own list says which, so archives may be thin and
    libraries static or shared."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        folder = Path(entry["directory"])
        source = (folder / entry["file"]).resolve()
        if not source.is_relative_to(root):
            continue
        name = source.relative_to(root).as_posix()
        if name.startswith(rooms):
            yield name, folder / entry["output"]


def symbols(path, *options):
    """The names that nm lists of a file, without their versions."""
    out = subprocess.run(["nm", *options, str(path)], capture_output=True,
                         text=True, check=True).stdout
    return sorted({line.split()[-1].split("@")[0]
                   for line in out.splitlines() if line.strip()})
