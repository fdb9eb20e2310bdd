"""What a Siamese tracker saw in a frame, in image pixels: for overlays, explanations and the memory of look-alikes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.boxes import cxcywh_to_xywh
from tracker_core.candidates import Choice, Chosen
from tracker_core.crops import Cutout
from tracker_core.trackers.association import ToImage
from tracker_core.types import Image, TrackDebug


def to_image(center: NDArray[np.float64], scales: NDArray[np.float64]) -> ToImage:
    """Return what brings boxes (N, 4) of a search region around `center`, cx, cy, w, h in crop pixels, to image pixels.

    `scales` are crop pixels per image pixel, across and down.
    """

    def in_image(boxes_cxcywh: NDArray[Any]) -> NDArray[np.float64]:
        boxes = boxes_cxcywh / np.concatenate((scales, scales))
        boxes[:, :2] += center
        return np.asarray(boxes, np.float64)

    return in_image


def describe_search(
    choice: Choice,
    chosen: Chosen,
    in_image: ToImage,
    cutout: Cutout,
    exemplar_crop: Image,
    guide_cxcywh: NDArray[np.float64] | None,
) -> TrackDebug:
    """Return what was seen in a search region, where `choice` was made of what was `chosen`.

    All candidates were asked for, and the guide is the last box.
    """

    def boxes_xywh(boxes_cxcywh: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cxcywh_to_xywh(in_image(boxes_cxcywh)), np.float32)

    found = choice.selection
    assert found is not None  # all candidates were asked for
    return TrackDebug(
        levels=chosen.candidates.levels,
        anchors_xywh=boxes_xywh(chosen.candidates.boxes_cxcywh),
        proposals_xywh=boxes_xywh(found.boxes_cxcywh),
        scores_raw=found.scores,
        scores_penalised=found.penalised,
        scores_windowed=found.windowed,
        best=found.best,
        search_window_xywh=np.array(cutout.region_xywh),
        exemplar_crop=exemplar_crop,
        search_crop=cutout.crop,
        guide_xywh=None if guide_cxcywh is None else cxcywh_to_xywh(guide_cxcywh),
        is_agreed=chosen.is_agreed,
    )
