"""`python -m app [source]` opens the window."""

from __future__ import annotations

import sys

from app.window.application import run_window

if __name__ == "__main__":
    sys.exit(run_window(sys.argv[1:]))
