#!/bin/sh
# SPDX-License-Identifier: MIT
# format.sh ROOT - clang-format 14 would change nothing
#
# Another version formats otherwise, so it decides nothing: status 77.
set -eu

root=$1
for tool in clang-format-14 clang-format none; do
    if [ "$tool" = none ]; then
        echo "SKIP: clang-format is not installed"
        exit 77
    fi
    command -v "$tool" >/dev/null && break
done
case $("$tool" --version) in
    *version\ 14.*) ;;
    *) echo "SKIP: $("$tool" --version), and not version 14"; exit 77 ;;
esac

cd "$root"
find bench cli examples include runtime smtp spool tests \
    -name '*.[ch]' -exec "$tool" --style=file --dry-run -Werror {} +
