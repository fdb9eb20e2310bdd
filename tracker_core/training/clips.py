"""What training draws from: a clip is one object in one or more images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_SIDE = 2.0  # pixels; a thinner box is a mistake or nothing to learn from


@dataclass(frozen=True)
class Clip:
    """One object: a sequence of images, or a single still.

    Attributes:
        name: for messages, unique within its data set.
        frames: paths of the images, in order.
        boxes_xywh: float64 (N, 4) in image pixels; NaN rows where the object is absent.
        category: kind of the object, "" where unknown; objects of one kind are each other's distractors.
        polygons: outline of the object per frame, float32 (M, 2) points, or None; needed for cutting it out.
        box_weight: weight of the box in the regression loss, below 1 for boxes that a machine made.
        step: largest distance between the two frames of a pair.
        identity: clips that share it show the same object and are never each other's negatives; "" is nobody else's.
        weight: how much more often the clip is drawn than its like.
    """

    name: str
    frames: tuple[str, ...]
    boxes_xywh: NDArray[np.float64]
    category: str = ""
    polygons: tuple[NDArray[np.float32] | None, ...] | None = None
    box_weight: float = 1.0
    step: int = 100
    identity: str = ""
    weight: float = 1.0

    @property
    def usable(self) -> NDArray[np.intp]:
        """Indices of the frames whose box is finite and has an area."""
        return np.flatnonzero(usable_rows(self.boxes_xywh))

    @property
    def outlined(self) -> list[int]:
        """Indices of the frames with an outline."""
        return [index for index, polygon in enumerate(self.polygons or ()) if polygon is not None]

    def may_show_same(self, other: Clip) -> bool:
        """Tell whether the other clip may show this object: the same clip, identity or image."""
        if other is self or (self.identity and self.identity == other.identity):
            return True
        return not set(self.frames).isdisjoint(other.frames)


def usable_rows(boxes_xywh: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which boxes (N, 4) are finite and not empty or inverted."""
    with np.errstate(invalid="ignore"):
        sized = (boxes_xywh[:, 2] >= LEAST_SIDE) & (boxes_xywh[:, 3] >= LEAST_SIDE)
    return np.asarray(np.isfinite(boxes_xywh).all(axis=1) & sized, np.bool_)
