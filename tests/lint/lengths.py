#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long functions, files and lines may be."""
import tree

FUNCTION_MAX = 70
COLUMN_MAX = 80
FILE_MAX = {".c": 800, ".h": 400}
EXAMPLE_MAX = 59  # the first code a newcomer reads


def complaints(root):
    for path, name in tree.files(root, ".c", ".h"):
        lines = tree.text(path).split("\n")
        if lines[-1] == "":
            lines.pop()
        limit = FILE_MAX[path.suffix]
        if name.startswith("examples/"):
            limit = EXAMPLE_MAX
        if len(lines) > limit:
            yield f"{name}: {len(lines)} lines, limit {limit}"
        start = None
        for n, line in enumerate(lines, 1):
            columns = len(line.expandtabs(8))
            if columns > COLUMN_MAX:
                yield f"{name}:{n}: {columns} columns, limit {COLUMN_MAX}"
            # clang-format puts the brace of a function, and no other, alone
            # into the first column.
            if line == "{":
                start = n
            if line == "}" and start:
                if n - start - 1 > FUNCTION_MAX:
                    yield (f"{name}:{start}: function of {n - start - 1} "
                           f"lines, limit {FUNCTION_MAX}")
                start = None


if __name__ == "__main__":
    tree.main(complaints)
