"""Reading training images: shrunk while decoding, checked for truncation, kept in a bounded cache."""

from __future__ import annotations

from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.types import Image

SHRINKS = (8, 4, 2)
_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
# what ends a complete file; decoders fill the rest of a truncated one with grey instead of failing
_ENDS = {b"\xff\xd8": b"\xff\xd9", b"\x89P": b"IEND"}
_TAIL = 4096


class UnreadableImageError(Exception):
    """An image of the training data is absent, cut short or not an image; its text is the path."""


def decode_image(path: str, shrink: int = 1) -> Image:
    """Return the image in a file as uint8 BGR, `shrink` (1, 2, 4 or 8) times smaller in both directions.

    A pixel of the answer covers exactly `shrink` × `shrink` pixels of the image. Raises `UnreadableImageError`.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise UnreadableImageError(path) from error
    if content.size == 0 or not _is_complete(content):
        raise UnreadableImageError(path)
    is_jpeg = content[:2].tobytes() == b"\xff\xd8"
    try:
        # a JPEG is decoded at a fraction of its size for a fraction of the time
        image = cv2.imdecode(content, _REDUCED[shrink] if is_jpeg and shrink > 1 else cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise UnreadableImageError(path) from error
    if image is None:
        raise UnreadableImageError(path)
    if shrink > 1 and not is_jpeg:
        rows, columns = max(1, image.shape[0] // shrink), max(1, image.shape[1] // shrink)
        whole = image[: rows * shrink, : columns * shrink]
        image = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(image, np.uint8)


def choose_shrink(scale: float) -> int:
    """Return how much smaller an image may be decoded that will be resized by `scale`; never below the final size."""
    return next((shrink for shrink in SHRINKS if scale * shrink <= 1.0), 1)


def _is_complete(content: NDArray[np.uint8]) -> bool:
    end = _ENDS.get(content[:2].tobytes())
    return end is None or end in content[-_TAIL:].tobytes()


class ImageCache:
    """Decoded images, the least recently used dropped first; `limit_bytes` 0 keeps nothing."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._images: OrderedDict[tuple[str, int], Image] = OrderedDict()
        self._bytes = 0

    def read(self, path: str, shrink: int = 1) -> Image:
        """Return an image as `decode_image` does; it must not be written to."""
        key = (path, shrink)
        image = self._images.get(key)
        if image is not None:
            self._images.move_to_end(key)
            return image
        image = decode_image(path, shrink)
        if image.nbytes <= self.limit_bytes // 4:
            self._images[key] = image
            self._bytes += image.nbytes
            while self._bytes > self.limit_bytes:
                self._bytes -= self._images.popitem(last=False)[1].nbytes
        return image
