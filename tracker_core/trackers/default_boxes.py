"""The tracking loop of networks over default boxes on several maps: SiamConcatRPN and SiamBroadcastRPN.

The loop and the selection are those of SiamRPN; what differs is where the candidates sit, the guide box, and the
correlation guide.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.anchors import configured_default_boxes
from tracker_core.errors import TrackerStateError
from tracker_core.runtime.base import Outputs
from tracker_core.trackers.selection import foreground_scores
from tracker_core.trackers.siamrpn import Candidates, SiamRPNTracker
from tracker_core.types import Image, TrackDebug

GUIDED_SHARE = 0.25  # of the search crop's side: how far from the correlation's peak a default box may lie


class DefaultBoxTracker(SiamRPNTracker):
    """Follows one target with a network whose candidates are SSD's default boxes.

    Networks that take a guide are given the box of the frame before. Where a network has a correlation map as its
    third output, only default boxes around its peak are kept.
    """

    def _run(self, crop: Image, scale: float) -> Outputs:
        if not getattr(self.network, "takes_guide", False):
            return self.runner.search(self._template, crop)
        # the search region is cut around the last box, which therefore lies in its middle
        guide_cxcywh = (0.0, 0.0, float(self._size[0]) * scale, float(self._size[1]) * scale)
        return self.runner.search(self._template, crop, guide_cxcywh)

    def _candidates(self, outputs: Outputs) -> Candidates:
        count = outputs[0].shape[-1]
        size = self._search_size()
        if (count, size) not in self._grids:
            config = self.config.anchors
            boxes_cxcywh = configured_default_boxes(config, size)
            if len(boxes_cxcywh) != count:
                raise TrackerStateError(
                    f"The network gives {count} default boxes, but its configuration describes {len(boxes_cxcywh)}."
                )
            levels = tuple((2 + 2 * len(level.ratios), level.side, level.side) for level in config.levels)
            self._grids[(count, size)] = Candidates(levels, boxes_cxcywh, window_at(boxes_cxcywh, size))
        return self._grids[(count, size)]

    def _scores(self, outputs: Outputs, candidates: Candidates) -> NDArray[np.float32]:
        scores = foreground_scores(outputs[0])
        if len(outputs) < 3:
            return scores
        size = self._search_size()
        near = near_peak(outputs[2][0, 0], candidates.boxes_cxcywh, size)
        return np.asarray(np.where(near, scores, 0.0), np.float32)

    def _describe(self, *arguments: Any) -> TrackDebug:
        details = super()._describe(*arguments)
        if not getattr(self.network, "takes_guide", False):
            return details
        return dataclasses.replace(details, guide_xywh=self._guide_xywh)

    def update(self, image: Image, *, debug: bool = False) -> Any:
        """Find the target in the next uint8 H×W×3 BGR image; see `SiamRPNTracker.update`."""
        if self._template is not None:
            self._guide_xywh = np.concatenate((self._center - self._size / 2, self._size))
        return super().update(image, debug=debug)


def window_at(boxes_cxcywh: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the Hann window (N,) at the centres of default boxes, which maps of different sides share."""
    places = np.clip(boxes_cxcywh[:, :2].astype(np.float64) / size, -0.5, 0.5)
    return np.asarray(np.prod(0.5 + 0.5 * np.cos(2 * np.pi * places), axis=1), np.float32)


def near_peak(response: NDArray[Any], boxes_cxcywh: NDArray[np.float32], size: int) -> NDArray[np.bool_]:
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
