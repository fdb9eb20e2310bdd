"""SiamFC's response map: positions without boxes of their own (Bertinetto et al. 2016).

Section 3.2 with the values of its release: window 0.176, damping 0.59, and the response upsampled sixteen times.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.candidates.anchor_grid import grid_anchors
from tracker_core.candidates.layout import Arrays, Candidates, Choice, Favour, Layout, Size, Targets
from tracker_core.candidates.selection import UPSAMPLING, Selection, cosine_window, probability
from tracker_core.config import TrackingConfig

if TYPE_CHECKING:
    from torch import Tensor

    from tracker_core.candidates.on_device import Ranking, Terms


class ResponseMap(Layout):
    """One logit per position; a search at several scales gives the size, and the first box's ratio is kept."""

    def boxes(self, shape: Sequence[int], exemplar_wh: Any, search_size: int) -> Any:
        """Return a box of the exemplar's size at every position of an output B×1×h×w."""
        return grid_anchors(exemplar_wh[..., None, :], (shape[-2], shape[-1]), self.config.stride, is_centred=True)

    def lay_out(self, shape: Sequence[int], exemplar_wh: NDArray[np.float64], search_size: int) -> Candidates:
        """Return the positions of one target with the cosine window of the map."""
        rows, columns = shape[-2:]
        boxes = np.asfortranarray(self.boxes(shape, exemplar_wh, search_size))
        return Candidates(((1, rows, columns),), boxes, cosine_window(rows, columns, 1), search_size)

    def peak(self, outputs: Arrays) -> float:
        """Return the highest response."""
        return float(outputs[0].max())

    def choose(
        self,
        outputs: Arrays,
        candidates: Candidates,
        expected_wh: Size,
        tracking: TrackingConfig,
        favour: Favour | None = None,
    ) -> Choice:
        """Take the peak of the upsampled, windowed response; its score is the highest probability of the map."""
        response = outputs[0][0, 0]
        boxes_cxcywh = candidates.boxes_cxcywh.copy()
        boxes_cxcywh[:, 2:] = expected_wh
        scores = probability(response).ravel()
        influence = tracking.window_influence
        windowed = (scores * (1 - influence) + candidates.window * influence).astype(np.float32)
        shift = find_peak(response, influence) * self.config.stride
        found = Selection(boxes_cxcywh, scores, scores, windowed, np.ones_like(scores), int(np.argmax(windowed)))
        choice = Choice(found, np.concatenate((shift, expected_wh)), float(scores.max()), tracking.size_lr)
        return self.favoured(choice, favour, tracking)

    def rank(self, outputs: Sequence[Tensor], terms: Terms) -> Ranking:
        """Rank the positions, see `on_device.rank_response`."""
        from tracker_core.candidates.on_device import rank_response

        return rank_response(outputs[0], terms, self.config.stride)

    def retake(self, choice: Choice, selection: Selection, tracking: TrackingConfig) -> Choice:
        """Take the selection's winner: the peak between positions, unless that belongs to another candidate."""
        best = selection.best
        if choice.selection is not None and choice.selection.best == best:
            return dataclasses.replace(choice, selection=selection)
        box_cxcywh = np.concatenate((selection.boxes_cxcywh[best, :2], choice.box_cxcywh[2:])).astype(np.float64)
        return Choice(selection, box_cxcywh, float(selection.scores[best]), choice.rate)

    def read(self, outputs: Sequence[Tensor], batch: Targets) -> tuple[Tensor, Tensor, Tensor]:
        """Return the positions, which are the boxes as well, and the response."""
        boxes = self.boxes(outputs[0].shape, batch.exemplar_wh, batch.search.shape[-1])
        return boxes, boxes, outputs[0].float().flatten(1)

    def loss(self, outputs: Sequence[Tensor], batch: Targets, *_: Any, **__: Any) -> dict[str, Tensor]:
        """Return the balanced logistic loss, see `losses.response_loss`; there is nothing to regress or to sample."""
        from tracker_core.candidates.losses import response_loss

        boxes, logits = self.read(outputs, batch)[1:]
        return response_loss(logits, boxes, batch.box_cxcywh, batch.is_positive)


def find_peak(response: NDArray[Any], influence: float) -> NDArray[np.float64]:
    """Return how far the peak of a response n×n lies from its middle, x and y in cells of the response.

    The response is upsampled bicubically, brought to a sum of 1, and mixed with a Hann window of the same sum.
    """
    size = response.shape[0] * UPSAMPLING
    fine = np.asarray(cv2.resize(response.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC), np.float64)
    fine -= fine.min()
    fine /= max(float(fine.sum()), 1e-12)
    hann = np.outer(np.hanning(size), np.hanning(size))
    fine = (1 - influence) * fine + influence * hann / hann.sum()
    row, column = np.unravel_index(int(fine.argmax()), fine.shape)
    shift: NDArray[np.float64] = (np.array([column, row]) - (size - 1) / 2) / UPSAMPLING
    return shift
