"""Cutting search regions, and the first frame's augmented samples (ATOM, section 3.3)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.crops import channel_mean
from tracker_core.types import Image

SHIFTS = ((0.6, 0.6), (-0.6, 0.6), (0.6, -0.6), (-0.6, -0.6))  # x and y, of half the region's side
BLURS = ((0.2, 2.0), (2.0, 0.2), (1.0, 3.0), (3.0, 1.0), (2.0, 2.0))  # standard deviation along x and y, in pixels
ROTATIONS = (5, -5, 10, -10, 20, -20, 30, -30, 45, -45, 60, -60)  # degrees
RANDOM_SHIFT = 1 / 3  # range of the shift of flipped, blurred and turned samples, of the region's side
SHIFTED = 1 + len(BLURS) + len(ROTATIONS)
DROPOUTS, DROPPED = 7, 0.2  # samples with channels left out, and the share of channels


@dataclass(frozen=True)
class Region:
    """A square of an image: its centre in image pixels (pixel edges at whole numbers) and its side."""

    center: tuple[float, float]
    side: float

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """Left, top, width and height."""
        return self.center[0] - self.side / 2, self.center[1] - self.side / 2, self.side, self.side


@dataclass(frozen=True)
class Sample:
    """A crop, uint8 (S, S, 3) BGR, whose target lies `shift` (x, y) crop pixels from its centre."""

    crop: Image
    shift: tuple[float, float] = (0.0, 0.0)


def cut_region(
    image: Image,
    region: Region,
    size: int,
    border: str,
    *,
    shift: tuple[float, float] = (0.0, 0.0),
    turn: NDArray[np.float64] | None = None,
) -> Image:
    """Return a region of a uint8 BGR image as size × size, without rounding its place to whole pixels.

    Args:
        border: "edge" or "mean", see `OnlineConfig`.
        shift: where the region's centre goes, x and y from the crop's centre in crop pixels.
        turn: 2×2, applied around the region's centre.
    """
    shrink = max(1, int(region.side // size))
    offset = (0, 0)
    if shrink > 1:
        image, offset = _shrink_around(image, region, shrink, border)
    linear = np.eye(2) if turn is None else turn
    scale = size / region.side * shrink
    # pixel centres of the (shrunk) image to pixel edges, relative to the region's centre, and back in the crop
    start = (np.array(offset) - np.array(region.center)) / shrink + 0.5
    moved = scale * (linear @ start) + size / 2 + np.array(shift) - 0.5
    matrix = np.hstack((scale * linear, moved[:, None]))
    mode = cv2.BORDER_REPLICATE if border == "edge" else cv2.BORDER_CONSTANT
    crop = cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=mode, borderValue=channel_mean(image)
    )
    return np.asarray(crop, np.uint8)


def _shrink_around(image: Image, region: Region, shrink: int, border: str) -> tuple[Image, tuple[int, int]]:
    """Return the part of the image that a region may need, `shrink` times smaller, and its corner in image pixels."""
    reach = region.side  # turned and shifted regions need more than half a side
    height, width = image.shape[:2]
    left, top = (max(0, math.floor(c - reach) // shrink * shrink) for c in region.center)
    left, top = min(left, (width - 1) // shrink * shrink), min(top, (height - 1) // shrink * shrink)
    right = min(width, max(left + shrink, math.ceil(region.center[0] + reach)))
    bottom = min(height, max(top + shrink, math.ceil(region.center[1] + reach)))
    part = image[top:bottom, left:right]
    extra_x, extra_y = -part.shape[1] % shrink, -part.shape[0] % shrink
    if extra_x or extra_y:
        part = np.asarray(cv2.copyMakeBorder(part, 0, extra_y, 0, extra_x, cv2.BORDER_REPLICATE), np.uint8)
    size = (part.shape[1] // shrink, part.shape[0] // shrink)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8), (left, top)


def first_samples(image: Image, region: Region, size: int, border: str, draws: NDArray[np.float64]) -> Iterator[Sample]:
    """Yield the 23 crops that the classifier starts from: as it is, shifted, flipped, blurred, turned.

    `draws` is 18×2, uniform in −0.5..0.5: flipped, blurred and turned samples are shifted by them at random.
    """
    yield Sample(cut_region(image, region, size, border))
    for x, y in SHIFTS:
        shift = (x * size / 2, y * size / 2)
        yield Sample(cut_region(image, region, size, border, shift=shift), shift)
    shifts = [(float(x), float(y)) for x, y in draws * size * RANDOM_SHIFT]
    flip = np.diag([-1.0, 1.0])
    yield Sample(cut_region(image, region, size, border, shift=shifts[0], turn=flip), shifts[0])
    for (along_x, along_y), shift in zip(BLURS, shifts[1:], strict=False):
        crop = cut_region(image, region, size, border, shift=shift)
        blurred = cv2.GaussianBlur(crop, (0, 0), sigmaX=along_x, sigmaY=along_y)
        yield Sample(np.asarray(blurred, np.uint8), shift)
    for degrees, shift in zip(ROTATIONS, shifts[1 + len(BLURS) :], strict=True):
        angle = math.radians(degrees)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        yield Sample(cut_region(image, region, size, border, shift=shift, turn=turn), shift)
