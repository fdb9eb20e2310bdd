"""A source that costs nothing to read: a patch that wanders over noise, in memory, as many frames as one likes."""

from __future__ import annotations

import cv2
import numpy as np

from tracker_core.types import Frame, Image, Sequence

PATTERN, LONG = "pattern", "long pattern"
SIZE = (1280, 720)
FRAMES, MANY_FRAMES = 200, 10_000


class PatternSource:
    """A square that wanders over noise, in memory: costs nothing to read and has ground truth."""

    is_live = False
    is_seekable = True
    frame_names = None
    fps = 1000.0

    def __init__(self, name: str = PATTERN, size: tuple[int, int] = SIZE) -> None:
        self.name, self.size = name, size
        self.frame_count = count = MANY_FRAMES if name == LONG else FRAMES
        self._next = 0
        width, height = size
        rng = np.random.default_rng(1)
        ground = rng.integers(60, 140, (height // 8, width // 8, 3), np.uint8)
        self._ground = cv2.resize(ground, size, interpolation=cv2.INTER_CUBIC)
        self._patch = cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (160, 120), interpolation=cv2.INTER_CUBIC)
        steps = np.arange(count)
        x = (width - 160) * (0.5 + 0.45 * np.sin(steps / 30))
        y = (height - 120) * (0.5 + 0.45 * np.sin(steps / 47))
        boxes = np.stack([x.round(), y.round(), np.full(count, 160.0), np.full(count, 120.0)], axis=1)
        self.sequence = Sequence(name, (name,), boxes)

    def read(self) -> Frame | None:
        """Return the next frame."""
        if self._next >= self.frame_count:
            return None
        image: Image = self._ground.copy()
        x, y, w, h = self.sequence.boxes_xywh[self._next].astype(int)
        image[y : y + h, x : x + w] = self._patch
        image.flags.writeable = False
        self._next += 1
        return Frame(self._next - 1, (self._next - 1) / self.fps, image)

    def last_index(self) -> int:
        """Return the index of the last frame."""
        return self.frame_count - 1

    def seek(self, index: int) -> None:
        """Go to a frame."""
        self._next = index

    def close(self) -> None:
        """Nothing to release."""
