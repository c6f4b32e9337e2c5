#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every global symbol carries our prefix, and the exported ones are promised.

Visibility hides internal names in a shared library. A static archive hides
nothing: `ring_create` would meet the user's own ring_create at link time.

symbols.py SOURCE BUILD LIBRARY.so...
"""
import re
import sys
from pathlib import Path

import layers
import objects
import tree

DECLARED = re.compile(r"^PIRN_API\b[^;{]*?\b(pirn_\w+)\s*\(", re.M)


def prefixes(root, build):
    rooms = ("runtime/", "spool/", "smtp/")
    for name, path in objects.objects(root, build, *rooms):
        for symbol in objects.symbols(path, "-g", "--defined-only"):
            if not symbol.startswith(("pirn_", "__odr_asan.pirn_")):
                yield f"{name}: {symbol} lacks the prefix pirn_ or pirn__"


def promises(root, libraries):
    """What the public headers declare and what the shared libraries export
    are the same names. (pirn__ names are exported for libpirn-spool.)"""
    with_spool = any("pirn-spool" in library.name for library in libraries)
    headers = [tree.text(path) for path, name in
               tree.files(root / "include", ".h")
               if with_spool or name not in layers.SPOOL_HEADERS]
    declared = {m[1] for h in headers for m in DECLARED.finditer(h)}
    exported = {s for library in libraries
                for s in objects.symbols(library, "-D", "--defined-only")
                if not s.startswith("pirn__")}
    for symbol in sorted(exported - declared):
        yield f"{symbol} is exported, and no public header declares it"
    for symbol in sorted(declared - exported):
        yield f"{symbol} is declared in a public header, and nowhere defined"


def complaints(root, build, libraries):
    yield from prefixes(root, build)
    if libraries:
        yield from promises(root, libraries)


if __name__ == "__main__":
    source, build, *libraries = [Path(a).resolve() for a in sys.argv[1:]]
    sys.exit(tree.report(complaints(source, build, libraries)))
