"""What training draws from: a clip is one object in one or more pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Clip:
    """One object: a sequence of pictures, or a single still.

    Attributes:
        name: for messages, unique within its data set.
        frames: paths of the pictures, in order.
        boxes_xywh: float64 (N, 4) in image pixels; NaN rows where the object is absent.
        category: kind of the object, "" where unknown; objects of one kind are each other's distractors.
        polygons: outline of the object per frame, float32 (M, 2) points, or None; needed for cutting it out.
        box_weight: weight of the box in the regression loss, below 1 for boxes that a machine made.
        step: largest distance between the two frames of a pair.
    """

    name: str
    frames: tuple[str, ...]
    boxes_xywh: NDArray[np.float64]
    category: str = ""
    polygons: tuple[NDArray[np.float32] | None, ...] | None = None
    box_weight: float = 1.0
    step: int = 100

    @property
    def usable(self) -> NDArray[np.intp]:
        """Indices of the frames whose box is finite and has an area."""
        boxes = self.boxes_xywh
        return np.flatnonzero(np.isfinite(boxes).all(axis=1) & (boxes[:, 2] >= 2) & (boxes[:, 3] >= 2))
