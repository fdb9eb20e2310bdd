#!/bin/sh
# Sets up .venv for `make run` ("run") or additionally for `make test` ("test"). Can be run again at any time.
set -eu
what="$1"
python="${PYTHON:-python3}"

if ! command -v "$python" >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 python3-venv
    else
        echo "Python 3.10 or newer is needed. Type:  sudo apt-get install -y python3 python3-venv" >&2
        exit 1
    fi
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "Python 3.10 or newer is needed, this is $("$python" --version); choose another with: make run PYTHON=python3.12" >&2
    exit 1
fi

if [ "$what" = run ]; then
    "$python" resources/setup/system_libraries.py || exit 1
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        rm -rf .venv
        if ! "$python" -m venv .venv 2>/dev/null; then
            rm -rf .venv
            package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
            if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
                apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package"
                "$python" -m venv .venv
            else
                echo "Python's venv module is missing. Type:  sudo apt-get install -y $package" >&2
                exit 1
            fi
        fi
    fi
    echo "Installing the pinned packages into .venv (a few minutes, once) …"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
else
    "$python" resources/setup/system_libraries.py --xvfb
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
fi
