#!/bin/sh
# SPDX-License-Identifier: MIT
# apt.sh - what script/bootstrap and script/peers ask of apt; read by `.`

# Those of the named packages that are not installed, sorted, once each.
apt_missing() {
    {
        printf '%s\n' "$@" | sort -u
        dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
            sed -n 's/ installed$//p' | sort -u
    } | sort | uniq -u
}

# Run a command of apt's that writes to the system: as root, or else by sudo.
apt_as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@" </dev/null
    elif command -v sudo >/dev/null; then
        sudo env DEBIAN_FRONTEND=noninteractive "$@" </dev/null
    else
        return 1
    fi
}

# Install packages. The lists are fetched only where those here do not do: a
# fresh system has none, and old ones name files which the mirror has dropped.
apt_install() {
    if ! apt_as_root true; then
        echo "$0: without root or sudo: please have these installed:" "$@" >&2
        exit 69
    fi
    echo "$0: installing" "$@" >&2
    set -- apt-get -qq -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install "$@"
    log=$(mktemp)
    if ! apt_as_root "$@" >"$log" 2>&1; then
        apt_as_root apt-get -qq -o DPkg::Lock::Timeout=300 update \
            >>"$log" 2>&1 || true
        if ! apt_as_root "$@" >>"$log" 2>&1; then
            cat "$log" >&2
            rm -f "$log"
            exit 69
        fi
    fi
    rm -f "$log"
}
