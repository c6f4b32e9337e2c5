#!/bin/sh
# SPDX-License-Identifier: MIT
# build.sh - how the scripts configure, build and test; read by `.`

# build_setup DIR OPTION... - configure DIR, or change what is otherwise now.
# Asking meson takes a second, so what was asked for is kept beside the build.
build_setup() {
    dir=$1
    shift
    if [ ! -f "$dir/build.ninja" ]; then
        echo "$0: configuring $dir" >&2
        said=$(meson setup "$dir" "$@" 2>&1)
    elif [ "$(cat "$dir/options" 2>/dev/null)" != "$*" ]; then
        echo "$0: configuring $dir anew" >&2
        said=$(meson setup --reconfigure "$dir" "$@" 2>&1)
    fi || {
        echo "$said" >&2
        return 1
    }
    echo "$*" >"$dir/options"
}

# build_ninja DIR TARGET... - bring it up to date, in silence where it is
build_ninja() {
    dir=$1
    shift
    said=$(ninja -C "$dir" --quiet "$@" 2>&1) || {
        echo "$said" >&2
        return 1
    }
    [ -z "$said" ] || [ "$said" = "ninja: no work to do." ] || echo "$said" >&2
}

# build_test DIR LOG TIMES OPTION... - run tests, with TIMES their time. Each
# failure is printed by script/summary; what counts is what it says.
build_test() {
    dir=$1
    log=$2
    times=$3
    shift 3
    rm -f "$dir/meson-logs/$log"*.json
    meson test -C "$dir" --no-rebuild --logbase "$log" \
        --timeout-multiplier "$times" "$@" </dev/null || true
}
