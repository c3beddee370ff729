#!/bin/sh
# Resolve requirements.in, requirements-dev.in and bench/stock.in into lock files (exact versions, hashes, no address).
# `make lock` runs this; `make lock UPGRADE=1` takes newer versions. Needs uv, which everything else does without.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$here"
if ! command -v uv >/dev/null 2>&1; then
    echo "make lock needs uv (https://docs.astral.sh/uv/), and it is not on PATH." >&2
    echo "Install it with 'pipx install uv' or 'pip install uv' in an environment of its own." >&2
    exit 1
fi
python=$(sh deploy/find-python.sh)

resolve() {
    uv pip compile --quiet --python "$python" --python-version "$(cat .python-version)" \
        --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
        ${UPGRADE:+--upgrade} "$@"
}
resolve requirements.in --output-file requirements.lock
resolve requirements-dev.in --constraint requirements.lock --output-file requirements-dev.lock
# What the benchmark compares with is Rasa as its maker pins it: none of our overrides.
resolve --no-config bench/stock.in --output-file bench/stock.lock
if grep -nE '(https?|file)://' requirements.lock requirements-dev.lock bench/stock.lock; then
    echo "A lock file holds an address; it must not." >&2
    exit 1
fi
