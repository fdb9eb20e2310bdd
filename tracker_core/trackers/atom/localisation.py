"""From the classifier's scores to a position, and how sure it is (the release's rules for hard cases)."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from tracker_core.config import OnlineConfig

Map = NDArray[np.float32]


class Finding(Enum):
    """What the scores say of the target."""

    FOUND = "found"
    NOT_FOUND = "not found"
    UNCERTAIN = "uncertain"
    HARD_NEGATIVE = "hard negative"


@dataclass(frozen=True)
class Localisation:
    """Where the target is.

    Attributes:
        shift: x and y from the search region's centre, in its pixels.
        score: the classifier's, about 1 for the target.
        finding: what the scores say. scores: the map, one value per pixel of the search region.
    """

    shift: tuple[float, float]
    score: float
    finding: Finding
    scores: Map


def upsample(scores: NDArray[np.floating], size: int) -> Map:
    """Return scores n×n as size × size, as the Fourier series through them; index i comes to i · size / n."""
    basis = _series(len(scores), size)
    return np.asarray(basis @ scores @ basis.T, np.float32)


@functools.lru_cache(maxsize=8)
def _series(count: int, size: int) -> NDArray[np.float64]:
    """Return size×count: the trigonometric polynomial that is 1 at one of `count` positions and 0 at the others.

    The frequency of half the count, which an even count has, is shared by both signs, so that the values are real.
    """
    distance = np.arange(size)[:, None] * (count / size) - np.arange(count)
    total = np.ones_like(distance)
    for frequency in range(1, (count - 1) // 2 + 1):
        total += 2 * np.cos(2 * np.pi * frequency * distance / count)
    if count % 2 == 0:
        total += np.cos(np.pi * distance)
    return np.asarray(total / count)


def localise(scores: Map, target_wh: tuple[float, float], config: OnlineConfig) -> Localisation:
    """Return where the target is in up-sampled scores S×S whose index S / 2 is the centre.

    `target_wh` is the target's size in pixels of the search region. A second peak outside the neighbourhood of the
    first makes the answer uncertain or a hard negative, or is the target itself, if the first is too far away.
    """
    size = len(scores)
    first, shift = _peak(scores)
    if first < config.not_found:
        return Localisation(shift, first, Finding.NOT_FOUND, scores)
    rival, rival_shift = _peak(_without_neighbourhood(scores, shift, target_wh, config.neighbourhood))
    if rival > config.distractor * first:
        limit = config.displacement * size / 2
        is_far, rival_is_far = np.hypot(*shift) > limit, np.hypot(*rival_shift) > limit
        if rival_is_far and not is_far:
            return Localisation(shift, first, Finding.HARD_NEGATIVE, scores)
        if is_far and not rival_is_far:
            return Localisation(rival_shift, rival, Finding.HARD_NEGATIVE, scores)
        return Localisation(shift, first, Finding.UNCERTAIN, scores)
    if rival > config.hard_negative * first and rival > config.not_found:
        return Localisation(shift, first, Finding.HARD_NEGATIVE, scores)
    return Localisation(shift, first, Finding.FOUND, scores)


def _peak(scores: Map) -> tuple[float, tuple[float, float]]:
    row, column = np.unravel_index(int(np.argmax(scores)), scores.shape)
    middle = len(scores) / 2
    return float(scores[row, column]), (float(column - middle), float(row - middle))


def _without_neighbourhood(scores: Map, shift: tuple[float, float], wh: tuple[float, float], scale: float) -> Map:
    """Return the scores with 0 in the box around a peak that is `scale` times the target's size."""
    middle = len(scores) / 2
    bounds = []
    for offset, side in zip(shift, wh, strict=True):
        low, high = round(middle + offset - scale * side / 2), round(middle + offset + scale * side / 2)
        bounds.append(slice(max(low, 0), max(high + 1, 0)))
    rest: Map = scores.copy()
    rest[bounds[1], bounds[0]] = 0
    return rest
