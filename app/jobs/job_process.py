"""One command of the command line as a job of the window: `python -m app.jobs.job_process export --run …`.

It stops, as after Ctrl-C, when its standard input comes to its end: the window, which holds the other end of that pipe,
closes it or is gone. That is so whenever the process comes to look, however early the window was. What it tells then
is for nobody, and no error.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

from tracker_core.cli.console import INTERRUPTED
from tracker_core.cli.main import main

AGAIN_S = 0.02
NICENESS = 10  # the window that shows something meanwhile, and what it tracks, go first
IMPORTING = "<frozen importlib._bootstrap>"


class _Told(io.FileIO):
    """What the window reads; a command that is to save what it has must not end because the window is gone."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


class _Stop:
    """Raises `KeyboardInterrupt` in the main thread when the window is gone.

    Where that would be lost, it comes again: in a module that is being imported, which may take it for a reason to do
    without another one, and in what is called as objects are destroyed, where exceptions are only printed.
    """

    def __init__(self) -> None:
        self._is_lost = False

    def listen(self) -> None:
        """Follow standard input from now on."""
        # a shell that starts programs in the background makes them deaf to Ctrl-C
        signal.signal(signal.SIGINT, self._take)
        sys.unraisablehook = self._take_unraisable
        threading.Thread(target=self._follow_window, name="end with the window", daemon=True).start()

    def _follow_window(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.read(sys.stdin.fileno(), 1024):
                pass
        _interrupt()
        while True:
            time.sleep(AGAIN_S)
            if self._is_lost:
                self._is_lost = False
                _interrupt()

    def _take(self, _number: int, frame: FrameType | None) -> None:
        while frame is not None:
            if frame.f_code.co_filename == IMPORTING:
                self._is_lost = True
                return
            frame = frame.f_back
        raise KeyboardInterrupt

    def _take_unraisable(self, lost: sys.UnraisableHookArgs) -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            self._is_lost = True
        else:
            sys.__unraisablehook__(lost)


def _interrupt() -> None:
    """Send SIGINT to the main thread, which wakes it up as well; the command keeps what is finished, and ends."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


def _told(stream: Any) -> io.TextIOWrapper:
    raw = _Told(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=True)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    sys.stdout, sys.stderr = _told(sys.stdout), _told(sys.stderr)
    try:
        _Stop().listen()
        return main(arguments)
    except KeyboardInterrupt:  # before it began, or after it was done
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    if hasattr(os, "nice"):  # not on Windows
        os.nice(NICENESS)
    sys.exit(run(sys.argv[1:]))
