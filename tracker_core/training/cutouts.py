"""Cut-outs: an object with its outline, pasted over any background, so that few pictures make endless pairs."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.crops import context_side
from tracker_core.types import Image


@dataclass(frozen=True)
class CutOut:
    """An object's picture (uint8 BGR), its coverage (uint8, 255 inside) and its outline (M, 2) in that picture."""

    picture: Image
    coverage: NDArray[np.uint8]
    outline: NDArray[np.float32]

    @classmethod
    def from_picture(cls, picture: Image, outline: NDArray[np.float32]) -> CutOut:
        """Cut the object out of a larger picture, with a margin for soft edges."""
        low = np.maximum(np.floor(outline.min(0)).astype(int) - 3, 0)
        high = np.minimum(np.ceil(outline.max(0)).astype(int) + 4, [picture.shape[1], picture.shape[0]])
        part = picture[low[1] : high[1], low[0] : high[0]]
        shifted = (outline - low).astype(np.float32)
        coverage = np.zeros(part.shape[:2], np.uint8)
        cv2.fillPoly(coverage, [np.round(shifted).astype(np.int32)], 255)
        return cls(part, coverage, shifted)


def composite(
    rng: np.random.Generator,
    background: Image,
    target: CutOut,
    size: int,
    *,
    angle: float,
    scale: float,
    shift: tuple[float, float],
    aspect: float = 1.0,
    distractor: tuple[CutOut, float] | None = None,
    occluder: tuple[CutOut, float] | None = None,
) -> tuple[Image, NDArray[np.float32], NDArray[np.float32]]:
    """Paste `target` over a random part of `background`, its box centred `shift` pixels from the middle.

    Args:
        size: side of the crop in pixels.
        angle: rotation in degrees. scale: crop pixels per picture pixel. aspect: stretch of width over height.
        distractor, occluder: another cut-out and its scale; the first goes beside and under the target, the second over
            a part of it.

    Returns:
        The crop uint8 (size, size, 3), the target's size in it, and its box cx, cy, w, h around the crop's centre.
    """
    canvas = _random_part(rng, background, size)
    extent = np.ptp(_turn(target.outline, angle, aspect), axis=0) * scale
    if distractor is not None:
        direction = rng.uniform(0, 2 * np.pi)
        offset = rng.uniform(0.8, 1.5) * extent * np.array([np.cos(direction), np.sin(direction)])
        spot = (shift[0] + float(offset[0]), shift[1] + float(offset[1]))
        _paste(canvas, distractor[0], angle + float(rng.uniform(-30, 30)), distractor[1], spot, 1.0)
    outline = _paste(canvas, target, angle, scale, shift, aspect)
    low, high = outline.min(0), outline.max(0)
    wh = high - low
    if occluder is not None:
        away = rng.uniform(0.3, 0.65, 2) * wh * rng.choice([-1.0, 1.0], 2)
        spot = (shift[0] + float(away[0]), shift[1] + float(away[1]))
        _paste(canvas, occluder[0], float(rng.uniform(0, 360)), occluder[1], spot, 1.0)
    center = (low + high) / 2 - size / 2
    return canvas, wh.astype(np.float32), np.concatenate((center, wh)).astype(np.float32)


def fitting_scale(cut: CutOut, angle: float, exemplar_size: int, context: float) -> float:
    """Return the scale at which the turned cut-out fills an exemplar crop as a target with context does."""
    width, height = np.ptp(_turn(cut.outline, angle, 1.0), axis=0) + 1e-3
    return exemplar_size / context_side(float(width), float(height), context)


def _matrix(angle: float, scale: float, aspect: float) -> NDArray[np.float64]:
    radians = np.deg2rad(angle)
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    stretch = np.diag([np.sqrt(aspect), 1 / np.sqrt(aspect)])
    return np.asarray(scale * stretch @ turn, np.float64)


def _turn(outline: NDArray[np.float32], angle: float, aspect: float) -> NDArray[np.float64]:
    return np.asarray(outline @ _matrix(angle, 1.0, aspect).T, np.float64)


def _paste(
    canvas: Image, cut: CutOut, angle: float, scale: float, shift: tuple[float, float], aspect: float
) -> NDArray[np.float64]:
    """Blend the cut-out into `canvas` in place, its box centred `shift` from the middle; return its outline there."""
    size = canvas.shape[0]
    linear = _matrix(angle, scale, aspect)
    moved = cut.outline @ linear.T
    offset = np.array(shift) + size / 2 - (moved.min(0) + moved.max(0)) / 2
    affine = np.hstack((linear, offset[:, None]))
    picture = cv2.warpAffine(cut.picture, affine, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    coverage = cv2.warpAffine(cut.coverage, affine, (size, size), flags=cv2.INTER_LINEAR)
    # a soft edge hides the seam, which a network would otherwise learn to look for
    alpha = cv2.GaussianBlur(coverage, (0, 0), 0.8).astype(np.float32)[..., None] / 255
    canvas[:] = (canvas * (1 - alpha) + picture * alpha).astype(np.uint8)
    return np.asarray(moved + offset, np.float64)


def _random_part(rng: np.random.Generator, background: Image, size: int) -> Image:
    height, width = background.shape[:2]
    side = max(16, int(min(height, width) * rng.uniform(0.5, 1.0)))
    left = int(rng.integers(0, max(1, width - side + 1)))
    top = int(rng.integers(0, max(1, height - side + 1)))
    part = background[top : top + side, left : left + side]
    return np.ascontiguousarray(cv2.resize(part, (size, size), interpolation=cv2.INTER_LINEAR))
