"""How a decoded video image is shown: turned, mirrored and with square pixels, as FFmpeg's own player shows it."""

from __future__ import annotations

import struct
from fractions import Fraction

import cv2
import numpy as np
from av.sidedata.sidedata import SideData, SideDataContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tracker_core.sources.images import freeze
from tracker_core.types import Image

# Beyond these a sample aspect ratio is a fault of the header; the widest that is in use is 64:45.
LARGEST_ASPECT = 8

Matrix = tuple[int, int, int, int]


class PixelAspect:
    """Which shape a stream's pixels have: width : height, as FFmpeg's program takes it.

    The container's ratio counts where it has one of its own, else the codec's. That is taken once for every image
    size: one that changes alone in mid-video doesn't change the shape of the images.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._of_codec = stream.codec_context.sample_aspect_ratio
        self._by_size: dict[tuple[int, int], Fraction | None] = {}

    def of(self, decoded: VideoFrame) -> Fraction | None:
        """Return the ratio for an image that was just decoded, None where nothing says it."""
        if self._stream.sample_aspect_ratio != self._of_codec:
            return self._stream.sample_aspect_ratio
        now = self._stream.codec_context.sample_aspect_ratio
        return self._by_size.setdefault((decoded.width, decoded.height), now)


def to_display_bgr(decoded: VideoFrame, aspect: Fraction | None) -> Image:
    """Return a decoded image as uint8 H×W×3 BGR, read-only, as it is meant to be seen.

    `aspect` is width : height of one stored pixel; an absurd one counts as 1. The display matrix turns and mirrors
    (angles between the quarter turns, which no camera writes, go to the nearest); the height that is shown is kept
    and the width multiplied by the aspect, as FFmpeg's program does with `scale=iw*sar:ih`.
    """
    matrix = display_matrix(decoded)
    width, height = decoded.width, decoded.height
    if aspect and Fraction(1, LARGEST_ASPECT) <= aspect <= LARGEST_ASPECT:
        if is_transposing(matrix):
            height = max(1, int(height / aspect))
        else:
            width = max(1, int(width * aspect))
    if (width, height) != (decoded.width, decoded.height):
        decoded = decoded.reformat(width=width, height=height, interpolation="BICUBIC", format="bgr24")
    image: Image = np.asarray(decoded.to_ndarray(format="bgr24"), np.uint8)
    return freeze(apply_display_matrix(image, matrix))


def display_matrix(decoded: VideoFrame) -> Matrix | None:
    """Return the linear part (a, b, c, d) of an image's display matrix, None where it has none.

    A stored pixel (x, y) is shown at (a·x + c·y, b·x + d·y), up to a shift (ISO/IEC 14496-12, 8.3.2).
    """
    # `decoded.side_data` would keep the container in the image that it points to: a circle, which holds the image's
    # buffers until Python collects garbage, 3 GB of them in a video of 4K
    data = SideDataContainer(decoded).get("DISPLAYMATRIX")  # type: ignore[call-arg]  # a gap of the stub
    if not isinstance(data, SideData):
        return None
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data)[:36])
    return a, b, c, d


def is_transposing(matrix: Matrix | None) -> bool:
    """Tell whether a display matrix makes columns of rows."""
    return matrix is not None and abs(matrix[1]) + abs(matrix[2]) > abs(matrix[0]) + abs(matrix[3])


def apply_display_matrix(image: Image, matrix: Matrix | None) -> Image:
    """Return `image` laid down in that of the eight ways which is nearest to `matrix`."""
    if matrix is None:
        return image
    a, b, c, d = matrix
    if is_transposing(matrix):
        image = np.asarray(cv2.transpose(image), np.uint8)
        flips_x, flips_y = c < 0, b < 0
    else:
        flips_x, flips_y = a < 0, d < 0
    if flips_x or flips_y:
        image = np.asarray(cv2.flip(image, -1 if flips_x and flips_y else int(flips_x)), np.uint8)
    return image
