"""Masks of data sets: run-length codes and label images to boxes and outlines."""

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


def box_of_mask(mask: Mask) -> NDArray[np.float64]:
    """Return the box x, y, w, h around all of a mask (H, W); NaN for an empty one."""
    x, y, w, h = cv2.boundingRect(mask)
    return np.array([x, y, w, h], np.float64) if w and h else np.full(4, np.nan)


def split_labels(labels: NDArray[np.uint8]) -> dict[int, Mask]:
    """Return the mask of every object of a label image.

    Grey images (H, W) hold the objects' numbers. Colour images (H, W, 3) in BGR are coloured by the PASCAL VOC
    palette, as palette images are when they are read; other colours get numbers from 256 on.
    """
    if labels.ndim == 2:
        numbers = labels.astype(np.int32)
    else:
        codes = labels.astype(np.int32)
        packed = (codes[..., 2] << 16) | (codes[..., 1] << 8) | codes[..., 0]  # as 0xRRGGBB
        numbers = np.zeros_like(packed)
        for other, code in enumerate(np.unique(packed)[np.unique(packed) != 0]):
            numbers[packed == code] = _PALETTE.get(int(code), 256 + other)
    return {int(number): (numbers == number).astype(np.uint8) for number in np.unique(numbers) if number != 0}


def _voc_palette() -> dict[int, int]:
    """Return number by colour 0xRRGGBB: the bits of the number go to red, green and blue in turn, high bits first."""
    palette = {}
    for number in range(1, 256):
        red = green = blue = 0
        for place in range(8):
            bits = number >> (3 * place)
            red |= (bits & 1) << (7 - place)
            green |= (bits >> 1 & 1) << (7 - place)
            blue |= (bits >> 2 & 1) << (7 - place)
        palette[red << 16 | green << 8 | blue] = number
    return palette


_PALETTE = _voc_palette()
