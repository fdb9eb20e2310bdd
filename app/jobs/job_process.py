"""One command of the command line as a job of the window: `python -m app.jobs.job_process export --run …`.

The process gets a session of its own, so that it can be ended together with everything it started, and it ends itself
when the window is gone: its standard input, a pipe that the window holds, comes to its end then.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

from tracker_core.cli.main import main


def _end_with_window() -> None:
    with contextlib.suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 1024):
            pass
    # as Ctrl-C: the command keeps what is finished and removes what is not
    signal.raise_signal(signal.SIGINT)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    if hasattr(os, "setsid"):
        with contextlib.suppress(OSError):
            os.setsid()
    # a shell that starts programs in the background makes them deaf to Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with_window, name="end with the window", daemon=True).start()
    return main(arguments)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
