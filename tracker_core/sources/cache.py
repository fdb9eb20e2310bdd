"""Decoded frames kept for stepping back, bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict

from tracker_core.types import Frame

DEFAULT_CACHE_BYTES = 128 * 1024 * 1024


class FrameCache:
    """The most recently used frames by index, at most `capacity_bytes` of pixels together.

    One frame is always kept, even if it alone is larger than the capacity.
    """

    def __init__(self, capacity_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self.capacity_bytes = max(0, capacity_bytes)
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._frames)

    def __contains__(self, index: int) -> bool:
        return index in self._frames

    def capacity_in_frames(self, image_bytes: int) -> int:
        """Return how many frames of `image_bytes` each fit, at least 1."""
        return max(1, self.capacity_bytes // max(1, image_bytes))

    def get(self, index: int) -> Frame | None:
        """Return frame `index` and mark it as used, or None if it is not held."""
        frame = self._frames.get(index)
        if frame is not None:
            self._frames.move_to_end(index)
        return frame

    def put(self, frame: Frame) -> None:
        """Hold `frame`, dropping the least recently used ones where the capacity asks for it."""
        old = self._frames.pop(frame.index, None)
        if old is not None:
            self._bytes -= old.image.nbytes
        self._frames[frame.index] = frame
        self._bytes += frame.image.nbytes
        while self._bytes > self.capacity_bytes and len(self._frames) > 1:
            _, dropped = self._frames.popitem(last=False)
            self._bytes -= dropped.image.nbytes

    def clear(self) -> None:
        """Forget every frame."""
        self._frames.clear()
        self._bytes = 0
