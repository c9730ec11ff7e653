#!/bin/sh
# Forgets the local shop in folder $1: only if it is one, and only if it is not running.
set -eu
folder=$1

if [ ! -e "$folder" ]; then
    echo "There is no local shop in $folder; make run starts one."
    exit 0
fi
if [ ! -e "$folder/lock" ]; then
    echo "$folder does not look like a local shop (it has no lock file), so it is left alone." >&2
    exit 1
fi
if ! python3 -c 'import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)' "$folder/lock" 2>/dev/null; then
    echo "The shop in $folder is running. Stop make run with Ctrl-C first, then make reset again." >&2
    exit 1
fi
rm -rf "$folder"
echo "The local shop's data are gone; make run starts a new one."
