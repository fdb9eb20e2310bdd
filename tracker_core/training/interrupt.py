"""Ending a run gently: the first signal finishes the step, or breaks off the validation, the second ends it at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Stopped(Exception):
    """Work was broken off because a stop was requested."""


class StopRequest:
    """A wish to end that signals set; `signal_number` is the one that came, 0 before."""

    def __init__(self) -> None:
        self.signal_number = 0

    @property
    def is_set(self) -> bool:
        """Whether the run shall end."""
        return self.signal_number != 0

    @property
    def exit_code(self) -> int:
        """The exit code of a process that a signal ended: 130 after Ctrl-C."""
        return 128 + self.signal_number

    def check(self) -> None:
        """Raise `Stopped` if the run shall end."""
        if self.is_set:
            raise Stopped

    @contextlib.contextmanager
    def listen(self) -> Iterator[StopRequest]:
        """Take SIGINT and SIGTERM as wishes inside the block; a second SIGINT raises `KeyboardInterrupt`."""
        if threading.current_thread() is not threading.main_thread():
            yield self  # only the main thread is told of signals
            return
        before = {number: signal.signal(number, self._take) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, _: FrameType | None) -> None:
        if self.is_set and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal_number = number
