"""SSD's default boxes on several maps (Liu et al. 2016), as SiamConcatRPN and SiamBroadcastRPN have them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.candidates.coding import constants, library_of
from tracker_core.candidates.layout import Arrays, BoxLayout, Candidates, Float32
from tracker_core.candidates.selection import probability
from tracker_core.config import TrackerConfig
from tracker_core.errors import ConfigError, TrackerStateError

if TYPE_CHECKING:  # both load torch
    from torch import Tensor

    from tracker_core.candidates.on_device import Ranking, Terms

GUIDED_SHARE = 0.25  # of the search crop's side: how far from the correlation's peak a default box may lie


@dataclass(frozen=True)
class DefaultBoxLevel:
    """One feature map of an SSD: `rows` × `columns` positions, sizes as fractions of the image, extra aspect ratios.

    `size` is s_k, `next_size` s_{k+1} of the extra square box √(s_k · s_{k+1}); `ratios` are those beside 1:
    each r gives two boxes, r and 1/r.
    """

    rows: int
    columns: int
    size: float
    next_size: float
    ratios: tuple[float, ...] = (2.0, 3.0)

    @property
    def boxes_per_position(self) -> int:
        """2 squares and two boxes for each ratio."""
        return 2 + 2 * len(self.ratios)


def default_boxes(levels: Sequence[DefaultBoxLevel], clip: bool = False) -> Float32:
    """Return SSD's default boxes float32 (N, 4), `cx, cy, w, h` in 0..1 (Liu et al. 2016, section 2.2).

    Per position: the square s_k, the extra square √(s_k·s_{k+1}), then for each ratio r the boxes
    (s_k·√r, s_k/√r) and (s_k/√r, s_k·√r). Centres are ((x + 0.5) / columns, (y + 0.5) / rows).
    """
    parts = []
    for level in levels:
        sizes = [(level.size, level.size), (math.sqrt(level.size * level.next_size),) * 2]
        for ratio in level.ratios:
            root = math.sqrt(ratio)
            sizes += [(level.size * root, level.size / root), (level.size / root, level.size * root)]
        boxes = np.empty((len(sizes), level.rows, level.columns, 4), np.float32)
        boxes[..., 0] = ((np.arange(level.columns) + 0.5) / level.columns)[None, None, :]
        boxes[..., 1] = ((np.arange(level.rows) + 0.5) / level.rows)[None, :, None]
        boxes[..., 2:] = np.array(sizes)[:, None, None, :]
        parts.append(boxes.reshape(-1, 4))
    result = np.concatenate(parts)
    return np.clip(result, 0.0, 1.0) if clip else result


class DefaultBoxes(BoxLayout):
    """Default boxes on the maps of `anchors.levels`.

    Where a network has a correlation map as its third output, only default boxes around its peak are kept.
    """

    variances = (0.1, 0.2)  # as in SSD's release

    def __init__(self, config: TrackerConfig) -> None:
        super().__init__(config)
        if not self.config.levels:
            raise ConfigError("anchors.style is 'ssd', but anchors.levels is empty; list the maps, finest first.")
        for number, level in enumerate(self.config.levels):
            sizes = (level.size, level.next_size, *level.ratios)
            if level.side < 1 or not all(value > 0 and math.isfinite(value) for value in sizes):
                raise ConfigError(f"anchors.levels[{number}] is {level}; its side and sizes must be numbers above 0.")
        self.levels = [
            DefaultBoxLevel(level.side, level.side, level.size, level.next_size, tuple(level.ratios))
            for level in self.config.levels
        ]
        self._fractions = default_boxes(self.levels)
        self._fractions[:, :2] -= 0.5

    def boxes(self, shape: Sequence[int], exemplar_wh: Any, search_size: int) -> Any:
        """Return the default boxes (…, N, 4) for an output B×2×N."""
        if shape[-1] != len(self._fractions):
            raise TrackerStateError(
                f"The network gives {shape[-1]} default boxes, but its configuration describes {len(self._fractions)}."
            )
        boxes = constants(self._fractions * np.float32(search_size), exemplar_wh)
        return library_of(exemplar_wh).broadcast_to(boxes, (*exemplar_wh.shape[:-1], *boxes.shape))

    def lay_out(self, shape: Sequence[int], exemplar_wh: NDArray[np.float64], search_size: int) -> Candidates:
        """Return the default boxes with a cosine window that maps of different sides share."""
        boxes = np.asfortranarray(self.boxes(shape, exemplar_wh, search_size))
        levels = tuple((level.boxes_per_position, level.rows, level.columns) for level in self.levels)
        return Candidates(levels, boxes, window_at(boxes, search_size), search_size)

    def scores(self, outputs: Arrays, logits: NDArray[Any], candidates: Candidates) -> Float32:
        """Return foreground probabilities (N,), 0 away from the correlation's peak where the network has one."""
        scores = probability(logits)
        if len(outputs) < 3:
            return scores
        near = near_peak(outputs[2][0, 0], candidates.boxes_cxcywh, candidates.search_size)
        return np.asarray(np.where(near, scores, 0.0), np.float32)

    def rank(self, outputs: Sequence[Tensor], terms: Terms) -> Ranking:
        """Rank the boxes, away from the correlation's peak with score 0 where the network has one."""
        from tracker_core.candidates.on_device import near_peaks, rank_boxes

        near = near_peaks(outputs[2], terms, GUIDED_SHARE) if len(outputs) > 2 else None
        return rank_boxes(outputs, terms, self.variances, near)


def window_at(boxes_cxcywh: Float32, size: int) -> Float32:
    """Return the Hann window (N,) over a crop of this side at the centres of boxes (N, 4)."""
    places = np.clip(boxes_cxcywh[:, :2].astype(np.float64) / size, -0.5, 0.5)
    return np.asarray(np.prod(0.5 + 0.5 * np.cos(2 * np.pi * places), axis=1), np.float32)


def near_peak(response: NDArray[Any], boxes_cxcywh: Float32, size: int) -> NDArray[np.bool_]:
    """Return which default boxes (N, 4) have their centre around the peak of a response h×w over the search crop.

    The response's middle cell stands for the crop's centre; NaN anywhere keeps every box.
    """
    if not np.isfinite(response).all():
        return np.ones(len(boxes_cxcywh), np.bool_)
    rows, columns = response.shape
    row, column = np.unravel_index(int(response.argmax()), response.shape)
    peak = np.array([(column - columns // 2) / columns, (row - rows // 2) / rows]) * size
    near: NDArray[np.bool_] = np.abs(boxes_cxcywh[:, :2] - peak).max(axis=1) <= GUIDED_SHARE * size
    return near
