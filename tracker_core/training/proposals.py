"""Boxes around a target, from which ATOM's overlap predictor learns (Danelljan et al. 2019, section 3.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker_core.boxes import cxcywh_to_xywh, iou_xywh

LEAST_OVERLAP = 0.1
DEVIATIONS = (0.01, 0.05, 0.1, 0.2, 0.3)  # of centre and size, over the square root of the target's area
TRIES = 100
CALMER = 0.9  # each further try deviates this much less


def draw_proposals(rng: np.random.Generator, box_cxcywh: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return `count` boxes (count, 4) around a box (4,), whose IoU with it is at least 0.1.

    Each has one of five deviations, by which its centre and its size differ as normal draws.
    """
    truth = np.asarray(box_cxcywh, np.float64)
    deviations = rng.choice(DEVIATIONS, count) * np.sqrt(truth[2] * truth[3])
    proposals = np.tile(truth, (count, 1))
    missing = np.arange(count)
    for _ in range(TRIES):
        if len(missing) == 0:
            break
        drawn = truth + deviations[missing, None] * rng.standard_normal((len(missing), 4))
        # a side below a pixel becomes a small part of the target's
        small = truth[2:] * rng.uniform(0.15, 0.5, (len(missing), 2))
        drawn[:, 2:] = np.where(drawn[:, 2:] <= 1, small, drawn[:, 2:])
        overlaps = iou_xywh(cxcywh_to_xywh(drawn), cxcywh_to_xywh(truth))
        proposals[missing] = np.where(overlaps[:, None] >= LEAST_OVERLAP, drawn, truth)
        missing = missing[overlaps < LEAST_OVERLAP]
        deviations = deviations * CALMER
    return proposals.astype(np.float32)
