#!/bin/sh
# SPDX-License-Identifier: MIT
# worker.sh SPOOL DIRECTORY - file each item's body by its sender
#
# `pirn take' claims the items, runs this script again on each, four at once,
# and does with the item what its exit code says: 0 it is removed; 75 it comes
# again later; else it comes again too, and after five times it is `dead', with
# the last line of standard error as the reason. PIRN names the program.
set -eu

if [ "$1" != --item ]; then
    self=$(cd "$(dirname "$0")" && pwd)/${0##*/}
    exec "${PIRN:-pirn}" take --spool "$1" --parallel 4 -- \
        sh "$self" --item "$2"
fi

# Here the body is on standard input, whole: its checksum was right.
case $PIRN_SENDER in
    '') sender=nobody ;;
    */* | .*)
        echo "no directory can be called $PIRN_SENDER" >&2
        exit 1
        ;;
    *) sender=$PIRN_SENDER ;;
esac
mkdir -p "$2/$sender" || exit 75
sync "$2" || exit 75
cat >"$2/.$PIRN_ID" || exit 75

# An item that comes again, after a crash, has the same id: no second file.
sync "$2/.$PIRN_ID"
mv "$2/.$PIRN_ID" "$2/$sender/$PIRN_ID"
sync "$2/$sender"
