#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh [QUESTION]... [--fs ext4|xfs] [--dir DIR] [OPTION]...
#
# Makes a file system for durable work, runs pirn-bench on it, takes it away.
# script/bench calls this; PIRN_BUILD and PIRN_PEERS say where things are.
#
#   --fs TYPE   ext4 (default) or xfs, fresh, in an image on a loop device with
#               direct I/O; needs root
#   --dir DIR   in a fresh directory under DIR instead
#
# The rest goes to pirn-bench, whose --help names it.
set -eu

: "${PIRN_BUILD:?is set by script/bench}"
: "${PIRN_PEERS:=build/peers/bin}"
here=$(dirname "$0")
image_mib=3072

fs=ext4
dir=
quick=false
work= # our own directory: the image and the mount point, or the work itself
device=
mounted=false
bench_pid=

say() {
    echo "script/bench: $*" >&2
}

# What was made is taken away, in whichever way the run ends.
clean_up() {
    trap '' INT TERM HUP
    if [ -n "$bench_pid" ]; then
        kill "$bench_pid" 2>/dev/null || true
        wait "$bench_pid" 2>/dev/null || true
    fi
    tries=0
    # pirn-bench may have been ended between taking it away and mounting anew.
    while [ "$mounted" = true ]; do
        if ! mountpoint -q "$work/mnt" || umount "$work/mnt" 2>/dev/null; then
            mounted=false
        elif [ "$tries" -ge 50 ]; then
            say "$work/mnt is still in use and stays mounted"
            return
        else
            tries=$((tries + 1))
            sleep 0.1
        fi
    done
    [ -z "$device" ] || losetup --detach "$device" || true
    [ -z "$work" ] || rm -rf "$work"
}

# Written once: blocks that the image's own file system has not got yet would
# be paid for in the first flushes.
make_image() {
    free_mib=$(df -Pm "$work" | awk 'NR == 2 { print $4 }')
    if [ "$free_mib" -lt $((image_mib + 512)) ]; then
        say "$work has $free_mib MiB free and $image_mib are needed;" \
            "TMPDIR may name another place"
        return 1
    fi
    dd if=/dev/zero of="$work/image" bs=1M count="$image_mib" 2>/dev/null
    sync "$work/image"
    case $fs in
        ext4)
            # An inode per 4 KiB: mails are small. Tables are written now, so
            # that the kernel does not write them during the run.
            mkfs.ext4 -q -F -i 4096 \
                -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 \
                "$work/image"
            ;;
        xfs) mkfs.xfs -q -f -K "$work/image" ;;
    esac
}

make_file_system() {
    make_image || return 1
    device=$(losetup --find --show --direct-io=on "$work/image") || return 1
    mkdir "$work/mnt"
    mount -t "$fs" "$device" "$work/mnt" || return 1
    mounted=true
    dir=$work/mnt
}

# Where durable work is done: $dir.
prepare() {
    if [ -n "$dir" ]; then
        work=$(mktemp -d "$dir/pirn-bench.XXXXXX")
        dir=$work
        return
    fi
    work=$(mktemp -d "${TMPDIR:-$PIRN_BUILD}/pirn-bench.XXXXXX")
    if [ "$(id -u)" -eq 0 ] && make_file_system; then
        return
    fi
    say "no loop device here (root is needed): durable work is done on the" \
        "file system of $work, and its figures say little"
    dir=$work
}

# The image is for those questions that work on files: all are asked where
# none is named.
files_asked=false
others_asked=false
left=$#
while [ "$left" -gt 0 ]; do
    arg=$1
    shift
    left=$((left - 1))
    case $arg in
        --fs | --dir)
            if [ "$left" -eq 0 ]; then
                say "$arg needs a value"
                exit 64
            fi
            arg=$arg=$1
            shift
            left=$((left - 1))
            ;;
    esac
    case $arg in
        --fs=ext4 | --fs=xfs) fs=${arg#*=} ;;
        --fs=*)
            say "--fs is ext4 or xfs, not ${arg#*=}"
            exit 64
            ;;
        --dir=*) dir=${arg#*=} ;;
        --quick)
            quick=true
            set -- "$@" "$arg"
            ;;
        --help | --usage | '-?') exec "$PIRN_BUILD/pirn-bench" "$arg" ;;
        *)
            case $arg in
                chain | commit | smtp | calls | files | files_*)
                    files_asked=true
                    ;;
                spool | log_* | in_and_out | lone_writer | drain* | restart* | \
                    sustained | queued | file_* | fsck | ls)
                    files_asked=true
                    image_mib=4096
                    ;;
                runtime | nop | read | timer32k | watch | watch_edge | \
                    post | post4 | post_latency | \
                    serial | serial_fast | serial_lone | serial1000 | \
                    gate | request | \
                    echo64 | echo1000 | echo_pipelined | echo_gathered | \
                    engine_echo | engine_copy | fixed_files | \
                    fixed_buffers | zero_copy* | memory) others_asked=true ;;
            esac
            set -- "$@" "$arg"
            ;;
    esac
done

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
[ "$quick" = false ] || image_mib=1536 # it takes time to write
if [ "$files_asked" = true ] || [ "$others_asked" = false ]; then
    prepare
    set -- "$@" --dir "$dir"
fi

commit=$(git -C "$here/.." describe --always --dirty 2>/dev/null) || commit=
mkdir -p "$here/out"
# In the background, so that a signal is handled when it comes.
"$PIRN_BUILD/pirn-bench" --server "$PIRN_BUILD/pirn" --peers "$PIRN_PEERS" \
    --commit "$commit" --json "$here/out/results.jsonl" "$@" &
bench_pid=$!
status=0
wait "$bench_pid" || status=$?
bench_pid=
exit "$status"
