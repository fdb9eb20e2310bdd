"""The frame that was asked for last: of many wishes in a row only one is served."""

from __future__ import annotations

import threading


class SeekWish:
    """Put in by one thread, taken by another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._index: int | None = None

    def put(self, index: int) -> bool:
        """Wish for a frame instead of what was wished for; True if nothing was."""
        with self._lock:
            was_idle, self._index = self._index is None, index
            return was_idle

    def take(self) -> int | None:
        """Return the frame that was wished for, None if it was taken already."""
        with self._lock:
            index, self._index = self._index, None
            return index
