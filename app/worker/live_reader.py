"""Reads a live source in a thread of its own, one image at a time, so that nothing else waits for a camera."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from tracker_core.types import Frame, FrameSource


class LiveReader:
    """Waits for the next image of `source` when asked to; `arrived` is called in the reader's thread.

    Between two wishes nothing is read: the source itself keeps what it captures meanwhile. The thread ends at
    `stop`, or when the source is closed.
    """

    def __init__(self, source: FrameSource, arrived: Callable[[LiveReader], None]) -> None:
        self._source, self._arrived = source, arrived
        self._wish = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._is_reading = self._is_stopped = False
        self._frame: Frame | None = None
        self._error: Exception | None = None
        threading.Thread(target=self._run, name=f"read {source.name}", daemon=True).start()

    def want(self) -> None:
        """Ask for the next image; harmless while one is on its way."""
        with self._lock:
            if not self._is_reading:
                self._is_reading = True
                self._wish.release()

    def take(self) -> Frame | None:
        """Return the image that arrived, None at the end; raises what reading raised."""
        with self._lock:
            frame, error = self._frame, self._error
            self._frame = self._error = None
        if error is not None:
            raise error
        return frame

    def stop(self) -> None:
        """Call `arrived` no more, and let the thread end as soon as the source lets it."""
        self._is_stopped = True
        self._wish.release()

    def _run(self) -> None:
        while self._wish.acquire() and not self._is_stopped:
            frame = error = None
            try:
                frame = self._source.read()
            except Exception as caught:  # handed to whoever takes the image
                error = caught
            with self._lock:
                self._frame, self._error, self._is_reading = frame, error, False
            if not self._is_stopped:
                with contextlib.suppress(RuntimeError):  # the listener was deleted
                    self._arrived(self)
