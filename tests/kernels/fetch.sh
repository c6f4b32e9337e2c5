#!/bin/sh
# SPDX-License-Identifier: MIT
# fetch.sh DIRECTORY SUITE... - kernels of Debian, without installing them
#
# Of each suite the package that linux-image-cloud-amd64 depends on is unpacked;
# DIRECTORY/SUITE is its kernel. Lists and packages stay below DIRECTORY, so
# neither root nor the system's sources are needed. What is there is not
# fetched again. A suite that the mirror does not have is left out.
set -eu

to=$1
shift
mkdir -p "$to"
to=$(cd "$to" && pwd)

if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
    echo "$0: there is no apt-get here: Debian's kernels stay away" >&2
    exit 69
fi

keys=/usr/share/keyrings/debian-archive-keyring.gpg
for suite in "$@"; do
    [ ! -s "$to/$suite" ] || continue
    work=$to/work-$suite
    rm -rf "$work"
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    echo "deb [signed-by=$keys] http://deb.debian.org/debian $suite main" \
        >"$work/sources"
    apt() {
        command=$1
        shift
        "apt-$command" -qq -o Dir::Etc::sourcelist="$work/sources" \
            -o Dir::Etc::sourceparts=/dev/null -o Dir::Cache="$work/cache" \
            -o Dir::State::lists="$work/lists" -o APT::Sandbox::User= \
            -o Acquire::Languages=none "$@" </dev/null 2>>"$work/log"
    }
    echo "$0: fetching the kernel of $suite" >&2
    if apt get update &&
        package=$(apt cache show linux-image-cloud-amd64 |
            sed -n 's/^Depends: \([^ ,]*\).*/\1/p' | head -1) &&
        [ -n "$package" ] && (cd "$work" && apt get download "$package") &&
        dpkg -x "$work/$package"_*.deb "$work/unpacked"; then
        mv "$work"/unpacked/boot/vmlinuz-* "$to/$suite"
    else
        cat "$work/log" >&2
    fi
    rm -rf "$work"
done
