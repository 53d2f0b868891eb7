#!/bin/sh
# Makes the Python environment that the interoperability tests need, and prints its interpreter:
#
#     UPS_TRACK_PYTHON="$(tests/interop/setup.sh)" cargo test -p ups-track-tests --features interop
#
# The environment is `.venv` in the repository root. A second call finds it there and does nothing.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv=$(dirname -- "$(dirname -- "$here")")/.venv
python=$venv/bin/python
pinned=$here/requirements.txt

if ! cmp -s "$pinned" "$venv/requirements.txt"; then
    if ! command -v python3 >/dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        { apt-get update && apt-get install --yes --no-install-recommends python3 python3-venv; } >&2
    fi
    python3 -m venv "$venv" >&2
    "$python" -m pip install --quiet --disable-pip-version-check --requirement "$pinned" >&2
    # The copy is the mark of a finished installation, and of which one.
    cp "$pinned" "$venv/requirements.txt"
fi

printf '%s\n' "$python"
