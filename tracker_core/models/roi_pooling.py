"""Precise RoI pooling in integral form: plain tensor algebra, differentiable in the features and in the boxes.

The features are taken as a continuous surface, interpolated bilinearly between positions and falling to 0 within one
position outside the map; a bin's value is the surface's mean over the bin (Jiang et al. 2018, equation 4). A bilinear
surface is a sum of products of triangles, so the integral splits into one factor per axis, each with a closed form.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SMALLEST_BIN = 1e-6  # positions; a bin without extent has the value 0


def pool_regions(features: Tensor, boxes_xyxy: Tensor, bins: int, stride: float) -> Tensor:
    """Return the mean of the features over each of `bins` × `bins` equal parts of each box.

    Args:
        features: B×C×H×W; position (row, column) lies at (column, row) · `stride` pixels.
        boxes_xyxy: B×N×4, corners in pixels, pixel centres at whole numbers. An inverted box has no extent.
        bins: parts along each side.
        stride: pixels from one position to the next.

    Returns:
        B×N×C×bins×bins, on the device and in the type of the features.
    """
    boxes = boxes_xyxy / stride
    columns, rows = (_covered(boxes[..., axis::2], features.shape[3 - axis]) for axis in (0, 1))
    features = features[:, :, rows, columns]  # what no box reaches adds nothing
    across = _bin_weights(boxes[..., 0], boxes[..., 2], bins, columns)  # B×N×bins×W
    down = _bin_weights(boxes[..., 1], boxes[..., 3], bins, rows)  # B×N×bins×H
    batch, channels, height, _ = features.shape
    count = boxes.shape[1]
    # first along the rows of all boxes at once, then down the columns box by box
    strips = features.flatten(1, 2) @ across.flatten(1, 2).transpose(1, 2)  # B × C·H × N·bins
    strips = strips.reshape(batch, channels, height, count, bins).permute(0, 3, 2, 1, 4)  # B×N×H×C×bins
    pooled = down @ strips.reshape(batch, count, height, channels * bins)
    return pooled.reshape(batch, count, bins, channels, bins).transpose(2, 3)


def _covered(bounds: Tensor, length: int) -> slice:
    """Return the positions of a map's axis that boxes with these bounds can reach, one at least."""
    low, high = bounds.detach().aminmax()
    if not bool(torch.isfinite(low + high)):
        return slice(0, length)
    first = min(max(math.floor(float(low)), 0), length - 1)
    return slice(first, max(min(math.ceil(float(high)) + 1, length), first + 1))


def _bin_weights(start: Tensor, end: Tensor, bins: int, reached: slice) -> Tensor:
    """Return each position's share of each bin's mean along one axis: (…) in positions → (…)×bins×length."""
    side = (end - start).clamp_min(0) / bins
    edges = start[..., None] + side[..., None] * torch.arange(bins + 1, device=start.device, dtype=start.dtype)
    positions = torch.arange(reached.start, reached.stop, device=start.device, dtype=start.dtype)
    covered = _triangle_integral(edges[..., None] - positions)  # (…)×(bins + 1)×length
    return (covered[..., 1:, :] - covered[..., :-1, :]) / side.clamp_min(SMALLEST_BIN)[..., None, None]


def _triangle_integral(t: Tensor) -> Tensor:
    """Return the integral of max(0, 1 − |u|) over u up to `t`."""
    t = t.clamp(-1, 1)
    return 0.5 + t - 0.5 * t * t.abs()
