"""What the kinds of pairs share: drawing clips by weight, choosing another object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker_core.config.training import AugmentConfig
from tracker_core.training.clips import Clip
from tracker_core.types import Image


@dataclass(frozen=True)
class Crops:
    """A pair before its colours are changed."""

    exemplar: Image
    search: Image
    exemplar_wh: NDArray[np.float32]
    box_cxcywh: NDArray[np.float32]
    is_positive: bool
    box_weight: float


class Pool:
    """Clips drawn in proportion to weights."""

    def __init__(self, clips: Sequence[Clip], weights: Sequence[float]) -> None:
        self.clips = list(clips)
        self.cumulated = np.cumsum(np.asarray(weights, np.float64))

    def __len__(self) -> int:
        return len(self.clips)

    def draw(self, rng: np.random.Generator) -> Clip:
        """Return one clip."""
        place = np.searchsorted(self.cumulated, rng.random() * self.cumulated[-1], side="right")
        return self.clips[min(int(place), len(self.clips) - 1)]


class Others:
    """Chooses other objects than a pair's target, by a share of its own kind.

    `pools` are drawn from with equal chances, whatever their sizes.
    """

    def __init__(self, pools: Sequence[Pool], same_kind_share: float) -> None:
        self.pools = [pool for pool in pools if len(pool)]
        self.kinds = group_by_kind([clip for pool in self.pools for clip in pool.clips])
        self.same_kind_share = same_kind_share

    def choose(self, rng: np.random.Generator, clip: Clip) -> Clip | None:
        """Return a clip of another object, by `same_kind_share` of the same kind; None where none is found."""
        alike = self.kinds.get(clip.category, []) if rng.random() < self.same_kind_share else []
        for attempt in range(10):
            if alike and attempt < 5:
                other = alike[int(rng.integers(len(alike)))]
            else:
                other = self.pools[int(rng.integers(len(self.pools)))].draw(rng)
            # another object of the same image may have the target itself in its search region
            if not clip.may_show_same(other):
                return other
        return None


def place_beside(
    rng: np.random.Generator, box_cxcywh: NDArray[np.float32], extent_wh: tuple[float, float]
) -> tuple[float, float]:
    """Return a centre at which a thing of this size touches the box at most with its margin."""
    direction = rng.uniform(0, 2 * np.pi)
    ray = np.array([np.cos(direction), np.sin(direction)])
    reach = (box_cxcywh[2:] + np.array(extent_wh)) / 2
    # along the ray, as far as the boxes need to part in one of the two directions; a little less, or more
    distance = float(np.min(reach / np.maximum(np.abs(ray), 1e-3)))
    distance += float(rng.uniform(-0.15, 0.75) * min(box_cxcywh[2:]))
    return float(box_cxcywh[0] + ray[0] * distance), float(box_cxcywh[1] + ray[1] * distance)


def group_by_kind(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """Return the clips of every kind that has more than one."""
    kinds: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.category:
            kinds[clip.category].append(clip)
    return {kind: alike for kind, alike in kinds.items() if len(alike) > 1}


def draw_shift(rng: np.random.Generator, limit: float) -> tuple[float, float]:
    """Return x and y, each uniform in −limit..limit."""
    return float(rng.uniform(-limit, limit)), float(rng.uniform(-limit, limit))


def draw_factor(rng: np.random.Generator, strength: float) -> float:
    """Return exp(uniform(−strength, strength))."""
    return float(np.exp(rng.uniform(-strength, strength)))


def draw_search_shift(rng: np.random.Generator, augment: AugmentConfig) -> tuple[float, float]:
    """Return how far the target lies from the search region's centre: near, or by `far_shift_probability` far."""
    is_far = rng.random() < augment.far_shift_probability
    return draw_shift(rng, augment.far_shift if is_far else augment.shift)
