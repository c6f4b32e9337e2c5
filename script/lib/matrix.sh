#!/bin/sh
# SPDX-License-Identifier: MIT
# matrix.sh - the same tests under other eyes; read by `.`, behind build.sh
#
# matrix_PART builds and runs one part; `logs` grows by what script/summary is
# to sum. A part that does not build has no log, which counts as a failure.
# $werror is the caller's: true or false.

logs=

# All suites, as another compiler reads the code.
matrix_clang() {
    logs="$logs build-clang"
    rm -f build-clang/meson-logs/testlog.json
    CC=clang build_setup build-clang -Dresolve=enabled \
        -Dtests=enabled -Dserver=enabled \
        -Dbench=enabled -Dwerror=$werror &&
    build_ninja build-clang &&
    build_test build-clang testlog 2 || true
}

# libpirn without what it does not need.
matrix_alone() {
    logs="$logs build-alone"
    rm -f build-alone/meson-logs/testlog.json
    build_setup build-alone -Dtests=enabled -Dspool=disabled \
        -Dserver=disabled -Dbench=disabled -Dwerror=$werror &&
    build_ninja build-alone &&
    build_test build-alone testlog 2 || true
}

# Races, on both engines. They end a test at once; the time is for the ten-fold
# slowness.
matrix_tsan() {
    logs="$logs build-tsan:uring build-tsan:plain"
    rm -f build-tsan/meson-logs/*.json
    build_setup build-tsan -Dresolve=enabled \
        -Dtests=enabled -Dserver=enabled -Dbench=disabled \
        -Dwerror=$werror -Db_sanitize=thread -Dallocator=system &&
    build_ninja build-tsan || return 0
    for engine in uring plain; do
        TSAN_OPTIONS=halt_on_error=1 PIRN_ENGINE=$engine \
            build_test build-tsan $engine 10 \
            --suite unit --suite sim --suite kernel
    done
}

# Undefined bytes and leaks. valgrind runs one thread at a time, and does not
# let the others run while one waits in io_uring_enter(2) (3.19): of the kernel
# suite only what has one thread. It hides openat2(2), too.
matrix_memcheck() {
    logs="$logs build-memcheck:unit-valgrind build-memcheck:kernel-valgrind"
    rm -f build-memcheck/meson-logs/*.json
    build_setup build-memcheck -Dresolve=enabled \
        -Dtests=enabled -Dserver=enabled \
        -Dbench=disabled -Dwerror=$werror -Dallocator=system -Dchecks=true &&
    build_ninja build-memcheck || return 0
    set -- --wrapper 'valgrind --quiet --error-exitcode=1 --leak-check=full
        --errors-for-leak-kinds=definite'
    build_test build-memcheck unit 20 "$@" --suite unit --suite sim
    PIRN_ENGINE=uring build_test build-memcheck kernel 20 "$@" --suite kernel \
        chain file host path session_fault signal spool_fault stream
}

# Hostile input: libFuzzer looks for new inputs of each target, for $seconds
# each. What it finds is kept in build-fuzz/corpus, what stops a target in
# build-fuzz/crash-TARGET-*. It says 77 of a crash, which is to skip elsewhere,
# unless told otherwise.
matrix_fuzz() {
    seconds=${seconds:-3600}
    logs="$logs build-fuzz"
    rm -f build-fuzz/meson-logs/testlog.json
    CC=clang build_setup build-fuzz -Dfuzzer=true -Dtests=enabled \
        -Dserver=enabled -Dbench=disabled -Dwerror=$werror \
        -Db_sanitize=address,undefined -Db_lundef=false -Dallocator=system &&
    build_ninja build-fuzz fuzz || return 0
    for folder in tests/fuzz/corpus/*; do
        mkdir -p "build-fuzz/corpus/${folder##*/}"
    done
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
        build_test build-fuzz testlog $((seconds / 60 + 2)) --suite fuzz \
        "--test-args=-max_total_time=$seconds"
}
