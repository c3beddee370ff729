#!/bin/sh
# Print the path of a Python 3.10 that runs, or say in two lines what to install and exit 1.
# Rasa 3.6 needs Python 3.10 at most. Order: PYTHON if set, pyenv (its root, then ~/.pyenv), PATH, the ones uv installed.
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
wanted=$(sed -n '1{s/[[:space:]]//g;p;}' "$here/.python-version")

# A `python3.10` on PATH may be pyenv's shim, which exists and fails when the version is not switched on;
# a Python built without OpenSSL or SQLite, or Debian's without python3.10-venv, cannot make the environment.
# So each candidate has to run.
serves() {
    [ -x "$1" ] || return 1
    found=$("$1" -c 'import sys, ssl, sqlite3, venv, ensurepip; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || return 1
    [ "$found" = "$wanted" ]
}

try() {
    if serves "$1"; then
        printf '%s\n' "$1"
        exit 0
    fi
}

if [ -n "${PYTHON:-}" ]; then
    chosen=$(command -v -- "$PYTHON") || chosen=$PYTHON
    try "$chosen"
    echo "PYTHON=$PYTHON is not a working Python $wanted." >&2
    echo "Unset PYTHON to let the set-up look for one, or point it at a Python $wanted." >&2
    exit 1
fi

for root in "${PYENV_ROOT:-}" "${HOME:-}/.pyenv"; do
    [ -d "$root/versions" ] || continue
    # Newest patch release first; sort -V orders 3.10.9 before 3.10.13.
    for name in $(ls "$root/versions" 2>/dev/null | grep -E "^${wanted}(\.[0-9]+)?\$" | sort -rV); do
        try "$root/versions/$name/bin/python"
        try "$root/versions/$name/bin/python$wanted"
    done
done

# Every directory of PATH, not only the first hit: a failing shim may stand before a Python that works.
rest=${PATH:-}:
while [ -n "$rest" ]; do
    directory=${rest%%:*}
    rest=${rest#*:}
    [ -n "$directory" ] || continue
    try "$directory/python$wanted"
    try "$directory/python3"
done

for directory in "${UV_PYTHON_INSTALL_DIR:-}" "${XDG_DATA_HOME:-${HOME:-}/.local/share}/uv/python"; do
    [ -d "$directory" ] || continue
    for python in "$directory"/cpython-"$wanted"*/bin/python"$wanted"; do
        try "$python"
    done
done

echo "Kneewise needs Python $wanted (Rasa 3.6 does not run on newer ones), and no working one was found." >&2
echo "Install one with 'pyenv install $wanted' or 'uv python install $wanted', then run the same command again." >&2
exit 1
