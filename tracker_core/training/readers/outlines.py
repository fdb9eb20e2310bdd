"""Masks of data sets: run-length codes, and the outlines of objects."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
LEAST_AREA = 64.0  # pixels; a speck is nothing to cut out
ONE_PIECE = 0.95  # share of the mask that its largest piece must hold to stand for the object


def decode_rle(counts: str | Sequence[int], size: Sequence[int]) -> Mask:
    """Return the mask uint8 (H, W), 1 inside, of a COCO run-length code.

    `counts` are run lengths, column by column, starting with background, or their compressed text: numbers of five
    bits a character from "0" on, the sixth bit says that more follow, the sign is in the last five bits, and from
    the fourth run on they are differences to the run before the last. Raises `ValueError` if they do not fill `size`.
    """
    height, width = int(size[0]), int(size[1])
    runs = _decompress(counts) if isinstance(counts, str) else [int(count) for count in counts]
    if min(runs, default=-1) < 0 or sum(runs) != height * width:
        raise ValueError("the runs do not fill the image")
    flat = np.repeat(np.arange(len(runs)) % 2, runs).astype(np.uint8)
    return np.ascontiguousarray(flat.reshape(width, height).T)


def _decompress(text: str) -> list[int]:
    runs: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs


def outline_of_mask(mask: Mask) -> NDArray[np.float32] | None:
    """Return the outer contour (M, 2), in pixel edges, of a mask (H, W); None for several pieces or a speck."""
    contours, _ = cv2.findContours(np.ascontiguousarray(mask), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    areas = [cv2.contourArea(contour) for contour in contours]
    if max(areas, default=0.0) < max(ONE_PIECE * sum(areas), LEAST_AREA):
        return None
    points = contours[int(np.argmax(areas))].reshape(-1, 2).astype(np.float32)
    # the contour runs through the centres of the border's pixels; their outer edges are one pixel further apart
    low, span = points.min(0), np.ptp(points, axis=0)
    return np.asarray(low + (points - low) * (span + 1) / np.maximum(span, 1), np.float32)
