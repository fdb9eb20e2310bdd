#!/bin/sh
# Finds a Python that is new enough (PYTHON names another one) and lets it set up .venv; arguments go to environment.py.
set -eu
here=$(dirname "$0")
line="sudo apt-get install -y python3 python3-venv"

is_new_enough() {
    command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
}

if [ -n "${PYTHON:-}" ]; then
    if ! is_new_enough "$PYTHON"; then
        echo "PYTHON=$PYTHON is not Python 3.10 or newer." >&2
        exit 1
    fi
    exec "$PYTHON" "$here/environment.py" --exactly "$@"
fi
python=$(find_python)
if [ -z "$python" ] && ! command -v python3 >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing system packages: python3 python3-venv" >&2
    apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 python3-venv >/dev/null
    python=$(find_python)
fi
if [ -z "$python" ]; then
    if command -v python3 >/dev/null 2>&1; then
        echo "Python 3.10 or newer is needed and this is $(python3 --version 2>&1); install a newer one, then: make run PYTHON=python3.12" >&2
    else
        echo "Python 3.10 or newer is needed. Type:  $line" >&2
    fi
    exit 1
fi
exec "$python" "$here/environment.py" "$@"
