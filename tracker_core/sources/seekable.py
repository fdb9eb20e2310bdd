"""What video files and image lists have in common: a size, and notes on what the user should know."""

from __future__ import annotations

import logging

from tracker_core.types import Frame

logger = logging.getLogger(__name__)


class SeekableSource:
    """A source that any frame can be read from; `warnings` collects its notes, each one once."""

    is_live = False
    is_seekable = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.warnings: list[str] = []
        self._size: tuple[int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the first image, as it is shown."""
        assert self._size is not None
        return self._size

    def add_note(self, text: str) -> None:
        """Add what the user should know of how it was opened."""
        self._warn(text)

    def _note_size(self, frame: Frame) -> None:
        height, width = frame.image.shape[:2]
        if self._size is None:
            self._size = (width, height)
        elif (width, height) != self._size:
            self._warn(f"The images of '{self.name}' have different sizes; they are delivered as they are.")

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
            logger.warning("%s", text)
