# SPDX-License-Identifier: MIT
"""The files that are looked at, and what every checker does with complaints."""
import os
import sys
from pathlib import Path

SKIPPED = {".git", "__pycache__", "var", "subprojects"}


def files(root, *suffixes):
    """Every file under root with one of the suffixes (all, if none is named),
    as (path, name relative to root). Build directories are passed over."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            f for f in folders
            if f not in SKIPPED
            and not (folder == str(root) and f.startswith("build"))
            and not (Path(folder) / f / "meson-private").exists()
            and (Path(folder) / f).relative_to(root).as_posix() != "bench/out")
        for name in sorted(names):
            path = Path(folder) / name
            if not suffixes or path.suffix in suffixes:
                yield path, path.relative_to(root).as_posix()


def text(path):
    """What stands in a file; of one that is not text, nothing."""
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, FileNotFoundError):
        return ""


def report(complaints):
    found = list(complaints)
    print("\n".join(found) or "clean")
    return 1 if found else 0


def main(check):
    """Run check(root) on the tree named by the first argument."""
    sys.exit(report(check(Path(sys.argv[1]).resolve())))
