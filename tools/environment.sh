#!/bin/sh
# Makes the virtual environment named by $1 from the lock. Needs Python 3.11 or newer, says so if there is none.
set -eu
venv=$1

for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3 python; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "${python:-}" ]; then
    echo "Jishi needs Python 3.11 or newer, and there is none on the PATH." >&2
    echo "Install it (python.org, 'brew install python@3.12', 'apt install python3'), or name it: PYTHON=/path/to/python3 make run" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2
    exit 1
fi

if [ -L "$venv" ]; then
    echo "$venv is a link to another environment, which would be emptied. Remove the link, then run the same command again." >&2
    exit 1
fi
echo "Making $venv with $("$python" --version) ..."
"$python" -m venv --clear "$venv"
echo "Installing the locked dependencies (about a minute the first time) ..."
if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt; then
    echo "The dependencies could not be installed; the message above says why. Then run the same command again." >&2
    exit 1
fi
