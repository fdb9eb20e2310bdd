"""Cut-outs: an object with its outline, pasted over any background, so that few images make endless pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.training.augment import motion_kernel
from tracker_core.types import Image

SOFT_EDGE = 0.8  # pixels; it hides the seam, which a network would otherwise learn to look for
MARGIN = 6  # pixels around a pasted object for its soft edge


@dataclass(frozen=True)
class CutOut:
    """An object's image (uint8 BGR), its coverage (uint8, 255 inside) and its outline (M, 2) in that image."""

    image: Image
    coverage: NDArray[np.uint8]
    outline: NDArray[np.float32]

    @classmethod
    def from_image(cls, image: Image, outline: NDArray[np.float32]) -> CutOut | None:
        """Cut the object out of a larger image, with a margin for soft edges; None if it lies outside."""
        low = np.maximum(np.floor(outline.min(0)).astype(int) - 3, 0)
        high = np.minimum(np.ceil(outline.max(0)).astype(int) + 4, [image.shape[1], image.shape[0]])
        if (high - low < 8).any():
            return None
        part = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
        shifted = (outline - low).astype(np.float32)
        coverage = np.zeros(part.shape[:2], np.uint8)
        # outlines are in pixel edges, fillPoly's points are pixel centres in 16ths
        cv2.fillPoly(coverage, [np.round((shifted - 0.5) * 16).astype(np.int32)], 255, shift=4)
        return cls(part, coverage, shifted)


@dataclass(frozen=True)
class Placement:
    """How a cut-out lies in a crop.

    Attributes:
        angle: rotation in degrees. scale: crop pixels per image pixel. aspect: stretch of width over height.
        shift: distance of its box's centre from the crop's centre, x and y in pixels.
        smear: length in pixels and direction in degrees of its motion while the shutter was open; length 0 is none.
    """

    angle: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    aspect: float = 1.0
    smear: tuple[int, float] = (0, 0.0)


def paste(canvas: Image, cut: CutOut, placement: Placement) -> NDArray[np.float32]:
    """Blend the cut-out into a uint8 (S, S, 3) canvas in place; return its box cx, cy, w, h around the centre."""
    linear = _matrix(placement.angle, placement.scale, placement.aspect)
    moved = cut.outline @ linear.T
    low, high = moved.min(0), moved.max(0)
    wh = high - low
    box = np.concatenate((placement.shift, wh)).astype(np.float32)
    middle = np.array([canvas.shape[1], canvas.shape[0]]) / 2
    offset = np.array(placement.shift) + middle - (low + high) / 2
    reach = MARGIN + placement.smear[0]
    first = np.maximum(np.floor(low + offset).astype(int) - reach, 0)
    last = np.minimum(np.ceil(high + offset).astype(int) + reach, [canvas.shape[1], canvas.shape[0]])
    if (last <= first).any():
        return box
    # warpAffine counts in pixel centres: an outline point p lies at p − 0.5 in both images
    shift = offset - first + linear @ np.array([0.5, 0.5]) - 0.5
    affine = np.hstack((linear, shift[:, None]))
    size = (int(last[0] - first[0]), int(last[1] - first[1]))
    image = cv2.warpAffine(cut.image, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    coverage = cv2.warpAffine(cut.coverage, affine, size, flags=cv2.INTER_LINEAR)
    if placement.smear[0] > 1:
        kernel = motion_kernel(*placement.smear)
        image, coverage = cv2.filter2D(image, -1, kernel), cv2.filter2D(coverage, -1, kernel)
    else:
        coverage = cv2.GaussianBlur(coverage, (0, 0), SOFT_EDGE)
    alpha = coverage.astype(np.float32) * np.float32(1 / 255)
    region = canvas[first[1] : last[1], first[0] : last[0]]
    region[:] = cv2.blendLinear(image, np.ascontiguousarray(region), alpha, 1 - alpha)
    return box


def composite(
    canvas: Image,
    target: CutOut,
    placement: Placement,
    under: Sequence[tuple[CutOut, Placement]] = (),
    over: Sequence[tuple[CutOut, Placement]] = (),
) -> NDArray[np.float32]:
    """Paste distractors, then the target, then occluders into `canvas`; return the target's box around its centre.

    The box is that of the whole target, also where an occluder or the crop's edge hides a part of it.
    """
    for cut, place in under:
        paste(canvas, cut, place)
    box = paste(canvas, target, placement)
    for cut, place in over:
        paste(canvas, cut, place)
    return box


def extent(cut: CutOut, angle: float, aspect: float = 1.0, scale: float = 1.0) -> tuple[float, float]:
    """Return width and height of the box around the turned, stretched and scaled cut-out."""
    width, height = np.ptp(cut.outline @ _matrix(angle, scale, aspect).T, axis=0)
    return float(width), float(height)


def draw_background(rng: np.random.Generator, image: Image, size: int) -> Image:
    """Return a random square of an image, between half and all of its shorter side, resized to `size`."""
    height, width = image.shape[:2]
    side = min(height, width, max(16, int(min(height, width) * rng.uniform(0.5, 1.0))))
    left = int(rng.integers(0, width - side + 1))
    top = int(rng.integers(0, height - side + 1))
    part = image[top : top + side, left : left + side]
    return np.array(cv2.resize(part, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)


def _matrix(angle: float, scale: float, aspect: float) -> NDArray[np.float64]:
    radians = np.deg2rad(angle)
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    stretch = np.diag([np.sqrt(aspect), 1 / np.sqrt(aspect)])
    return np.asarray(scale * stretch @ turn, np.float64)
