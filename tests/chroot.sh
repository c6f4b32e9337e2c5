#!/bin/sh
# SPDX-License-Identifier: MIT
# chroot.sh [--under-long|--test] - from the bare checkout to the first mail
#
# Makes a Debian 12 that has nothing (debootstrap, minbase), copies the checkout
# into it, and does what README.md says: script/server, then the two commands
# that the server prints. With --test it goes on with script/test.
# With --under-long it is a part of script/test --long and otherwise skips.
set -eu

skip() {
    echo "SKIP: $1"
    exit 77
}
[ "${1:-}" != --under-long ] || [ -n "${PIRN_LONG:-}" ] ||
    skip "takes minutes and the network: script/test --long runs it"
[ "$(id -u)" -eq 0 ] || skip "making a chroot needs root"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"
command -v unshare >/dev/null || skip "unshare (util-linux) is not installed"

# In a mount namespace of its own: whatever happens, no mount is left behind.
# And in a process namespace: no process either.
if [ "${PIRN_CHROOT_INSIDE:-}" != yes ]; then
    temp=$(mktemp -d "${TMPDIR:-/tmp}/pirn-chroot.XXXXXX")
    trap 'rm -rf "$temp"' EXIT
    trap 'exit 1' HUP INT TERM
    PIRN_CHROOT_INSIDE=yes PIRN_CHROOT=$temp/root \
        unshare --mount --pid --fork --kill-child sh "$0" "$@"
    exit
fi
root=$PIRN_CHROOT
source=$(cd "$(dirname "$0")/.." && pwd)

# The mirror and apt's settings (proxies, dates) of this system.
mirror=$({
    sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/*.sources
    sed -n 's/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\) .*/\2/p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/*.list
} 2>/dev/null | grep -m 1 '/debian/*$' || echo http://deb.debian.org/debian)

echo "debootstrap from $mirror"
debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" 2>&1 ||
    { cat "$root.log"; exit 1; }
cp /etc/resolv.conf "$root/etc/resolv.conf"
for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
    # settings that run a program of this system mean nothing there
    [ ! -f "$file" ] || grep -qi -e invoke -e install-pkgs "$file" ||
        cp "$file" "$root/etc/apt/apt.conf.d/"
done
mount --make-rprivate /
mount --bind "$root" "$root" # a root that is a mount, as unshare wants it
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t sysfs sys "$root/sys"

mkdir "$root/pirn"
(cd "$source" && tar -c --exclude=./.git --exclude='./build*' \
    --exclude=./var --exclude=./bench/out --exclude=__pycache__ .) |
    tar -x -C "$root/pirn"

for command in git python3 gcc cc meson ninja curl; do
    ! chroot "$root" sh -c "command -v $command" ||
        { echo "this chroot is not bare: it has $command"; exit 1; }
done

inside() {
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/ TERM=dumb sh -c "cd /pirn && $1"
}

# Starts the server; what it prints goes to $out, its process id to $server.
out=$root/server.out
start_server() {
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/ TERM=dumb sh -c "cd /pirn && exec sh script/server" \
        >"$out" 2>&1 </dev/null &
    server=$!
}

# The server prints one line to paste: it sends a mail and reads it back.
echo "script/server"
start_server
seconds=0
until line=$(grep -m 1 'build/pirn cat' "$out"); do
    if [ $seconds -ge 600 ] || ! kill -0 $server 2>/dev/null; then
        cat "$out"
        echo "script/server does not say how to send a mail and read it"
        exit 1
    fi
    seconds=$((seconds + 1))
    sleep 1
done
echo "$line"

printf '%s\n' "$line" >"$root/pirn/pasted"
inside 'sh ./pasted' >"$root/mail" 2>&1 ||
    { cat "$root/mail"; echo "what the server printed does not work"; exit 1; }
[ -s "$root/mail" ] ||
    { echo "what the server printed shows no mail"; exit 1; }
cat "$root/mail"
rm "$root/pirn/pasted"
count=$(inside 'build/pirn ls --spool var/spool --json | wc -l')
[ "$count" -eq 1 ] || { echo "$count items are listed, not 1"; exit 1; }

for package in libcmocka-dev strace swaks clang-format-14 postfix; do
    ! inside "dpkg-query -W $package" >/dev/null 2>&1 ||
        { echo "script/server has installed $package"; exit 1; }
done

# A second start installs, configures and builds nothing.
kill $server
wait $server 2>/dev/null || true
before=$(date +%s)
start_server
until grep -q 'build/pirn cat' "$out"; do
    if ! kill -0 $server 2>/dev/null || [ $(($(date +%s) - before)) -ge 30 ]
    then
        cat "$out"
        echo "the second script/server does not start within 30 s"
        exit 1
    fi
    sleep 1
done
kill $server
wait $server 2>/dev/null || true

if [ "${1:-}" = --test ]; then
    echo "script/test"
    inside 'unset PIRN_LONG; sh script/test' </dev/null
fi
echo "from nothing to the first mail: done"
