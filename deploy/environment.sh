#!/bin/sh
# Make or bring up to date the Python environment in .venv.
#   deploy/environment.sh        what Kneewise needs to run     (requirements.lock)
#   deploy/environment.sh dev    and what checks it             (requirements-dev.lock)
# Does nothing when .venv already holds exactly what the lock files name.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$here"
venv=$here/.venv
python=$venv/bin/python

# One stamp a lock file: its text is the hash of everything the installation depends on.
state() {
    cat "$@" .python-version pyproject.toml deploy/environment.sh | sha256sum | cut -d' ' -f1
}
# What was asked for last time counts only if the environment's Python still runs and is still here
# (a moved checkout has an environment whose scripts point at the old place).
current() {
    [ -f "$venv/$1.stamp" ] && [ "$(cat "$venv/$1.stamp")" = "$here $2" ] && "$python" -c '' 2>/dev/null
}

product=$(state requirements.lock)
checks=$(state requirements.lock requirements-dev.lock)

install() {
    # --no-deps and --require-hashes: nothing that is not in the lock is downloaded, nothing unexpected is installed.
    if command -v uv >/dev/null 2>&1; then
        VIRTUAL_ENV=$venv uv pip install --no-config --quiet --no-deps --require-hashes --no-build-isolation -r "$1"
    else
        "$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
            --no-build-isolation -r "$1"
    fi
}

if ! current product "$product"; then
    if ! "$python" -c '' 2>/dev/null || [ "$(cat "$venv/place.stamp" 2>/dev/null)" != "$here" ]; then
        found=$(sh deploy/find-python.sh)
        echo "Making the environment in .venv with $found"
        rm -rf "$venv"
        "$found" -m venv "$venv"
        printf '%s' "$here" >"$venv/place.stamp"
    fi
    rm -f "$venv"/product.stamp "$venv"/dev.stamp
    echo "Installing the packages of requirements.lock (the first time takes a minute or two)"
    # A few packages come as source only and are built with the setuptools of the lock, so that goes first.
    lines=$(mktemp)
    trap 'rm -f "$lines"' EXIT INT TERM
    sed -n '/^\(setuptools\|wheel\)==/,/[^\\]$/p' requirements.lock >"$lines"
    install "$lines"
    install requirements.lock
    # Kneewise runs from its checkout: nothing to build, only to be found by this Python.
    "$python" -c 'import sys, sysconfig, pathlib
pathlib.Path(sysconfig.get_path("purelib"), "kneewise.pth").write_text(sys.argv[1] + "\n")' "$here"
    # The first line of a script cannot name a Python whose path has a space or more than 127 characters.
    # So a shell starts it; to Python, the shell's two lines are a string.
    cat >"$venv/bin/kneewise" <<-END
	#!/bin/sh
	'''exec' "$python" "\$0" "\$@"
	' '''
	from bot.cli import main

	main()
	END
    chmod +x "$venv/bin/kneewise"
    printf '%s' "$here $product" >"$venv/product.stamp"
fi

if [ "${1:-}" = dev ] && ! current dev "$checks"; then
    echo "Installing the packages of requirements-dev.lock (they check Kneewise, they never run it)"
    install requirements-dev.lock
    printf '%s' "$here $checks" >"$venv/dev.stamp"
fi
