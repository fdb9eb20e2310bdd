"""The one square crop with context around a target (SiamFC, section 2.1 of its supplement; SiamRPN, section 4)."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from tracker_core.types import Image

BLANK_DEVIATION = 1.0  # grey levels: a target of a sixteenth of the square that differs by 4 levels is seen
SAMPLES, CELLS = 64, 8  # along a side of the square: pixels that are looked at, means that they become


def context_side(width: float, height: float, context: float = 0.5) -> float:
    """Return the side √((w + 2c)(h + 2c)) with c = context · (w + h) / 2 of the square around a w × h target.

    With the usual context of 0.5 this is √((w + p)(h + p)), p = (w + h) / 2.
    """
    margin = context * (width + height)
    return math.sqrt((width + margin) * (height + margin))


def channel_mean(image: Image) -> tuple[int, ...]:
    """Return the per-channel mean of a uint8 H×W×C image, truncated to integers as the published trackers pad."""
    return tuple(int(value) for value in cv2.mean(image)[: image.shape[2]])


def crop_square(
    image: Image,
    center: tuple[float, float],
    side: float,
    output_size: int,
    padding: tuple[int, ...],
    rounding: str = "floor",
) -> tuple[Image, tuple[float, float, float]]:
    """Cut a square around `center` out of a uint8 H×W×3 image, pad it with `padding`, resize it (bilinear).

    Args:
        center: x and y in image pixels.
        side: side of the square in image pixels; an integer for the published conventions.
        output_size: side of the answer in pixels.
        rounding: how the left edge centre − (side + 1) / 2 becomes an integer: "floor" of it plus 0.5 (PySOT) or
            "round", half to even (DaSiamRPN).

    Returns:
        The crop, uint8 (output_size, output_size, 3), and the square that was cut: left, top, side in image pixels.
    """
    span = max(1, round(side))
    half = (span + 1) / 2
    if rounding == "floor":
        left, top = math.floor(center[0] - half + 0.5), math.floor(center[1] - half + 0.5)
    elif rounding == "round":
        left, top = round(center[0] - half), round(center[1] - half)
    else:
        raise ValueError(f"unknown rounding {rounding!r}")
    height, width = image.shape[:2]
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + span, width), min(top + span, height)
    if x1 >= x2 or y1 >= y2:
        patch: Any = np.full((1, 1, image.shape[2]), padding, np.uint8)
    else:
        patch = image[y1:y2, x1:x2]
        if (x2 - x1, y2 - y1) != (span, span):
            patch = cv2.copyMakeBorder(
                patch, y1 - top, top + span - y2, x1 - left, left + span - x2, cv2.BORDER_CONSTANT, value=padding
            )
    if patch.shape[:2] != (output_size, output_size):
        patch = cv2.resize(patch, (output_size, output_size))
    return np.ascontiguousarray(patch), (float(left), float(top), float(span))


def is_blank(image: Image, square: tuple[float, float, float]) -> bool:
    """Return whether an image shows nothing within a square (left, top, side in image pixels): one colour, or noise.

    So does a lens that is covered, a black frame between two shots, and a square outside the image. The square is
    averaged to 8 × 8 cells, which leaves no noise; their standard deviation is compared with `BLANK_DEVIATION`.
    """
    left, top, side = square
    x1, y1 = max(int(left), 0), max(int(top), 0)
    seen = image[y1 : max(int(top + side), 0), x1 : max(int(left + side), 0)]
    if seen.size == 0:
        return True
    step = max(1, min(seen.shape[:2]) // SAMPLES)
    cells = cv2.resize(seen[::step, ::step], (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return bool(cv2.meanStdDev(cells)[1].max() < BLANK_DEVIATION)
