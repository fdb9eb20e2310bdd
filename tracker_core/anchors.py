"""Default boxes: RPN anchors, anchors shaped by the exemplar, SSD default boxes; encode, decode, match.

Candidates are ordered anchor by anchor, row by row, x fastest: index `((k * h) + y) * w + x` within a
feature map of `k` anchors and `h` × `w` positions. Boxes are `cx, cy, w, h`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.config import AnchorConfig

FloatArray32 = NDArray[np.float32]


def rpn_base_sizes(stride: int, ratios: Sequence[float], scales: Sequence[float]) -> NDArray[np.float64]:
    """Return widths and heights (K, 2) of SiamRPN's anchors in search-region pixels (DaSiamRPN, PySOT `Anchors`).

    For each ratio r = h / w: w = int(√(stride² / r)), h = int(w · r), both times each scale.
    """
    sizes = []
    for ratio in ratios:
        width = int(math.sqrt(stride * stride / ratio))
        height = int(width * ratio)
        sizes += [(width * scale, height * scale) for scale in scales]
    return np.array(sizes, np.float64)


def exemplar_base_sizes(
    exemplar_wh: Sequence[float], ratios: Sequence[float], scales: Sequence[float]
) -> NDArray[np.float64]:
    """Return widths and heights (K, 2) of anchors that take the exemplar's own shape, in the units of `exemplar_wh`.

    A ratio r makes the exemplar's shape r times taller for its width at the same area: (w·s/√r, h·s·√r). A thin
    target so has thin anchors; SiamRPN's fixed ratios ignore what the first box already told.
    """
    width, height = float(exemplar_wh[0]), float(exemplar_wh[1])
    sizes = [
        (width * scale / math.sqrt(ratio), height * scale * math.sqrt(ratio)) for ratio in ratios for scale in scales
    ]
    return np.array(sizes, np.float64)


def grid_anchors(
    base_sizes: NDArray[np.float64], map_size: tuple[int, int], stride: float, first: float | None = None
) -> FloatArray32:
    """Lay anchors (K, 2) on an `h` × `w` grid around the origin (the search region's centre) → float32 (K·h·w, 4).

    Centres run from `first` (default −(n // 2) · stride, as published) in steps of `stride`, separately in x and y.
    """
    rows, columns = map_size
    xs = (first if first is not None else -(columns // 2) * stride) + stride * np.arange(columns)
    ys = (first if first is not None else -(rows // 2) * stride) + stride * np.arange(rows)
    anchors = np.empty((len(base_sizes), rows, columns, 4), np.float32)
    anchors[..., 0] = xs[None, None, :]
    anchors[..., 1] = ys[None, :, None]
    anchors[..., 2:] = base_sizes[:, None, None, :]
    return anchors.reshape(-1, 4)


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


def default_boxes(levels: Sequence[DefaultBoxLevel], clip: bool = False) -> FloatArray32:
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


SSD_VARIANCES = (0.1, 0.2)


def configured_default_boxes(config: AnchorConfig, search_size: int) -> FloatArray32:
    """Return the default boxes float32 (N, 4) of a configuration's levels: pixels around the search crop's centre."""
    levels = [
        DefaultBoxLevel(level.side, level.side, level.size, level.next_size, tuple(level.ratios))
        for level in config.levels
    ]
    boxes = default_boxes(levels)
    boxes[:, :2] -= 0.5
    return np.asarray(boxes * np.float32(search_size), np.float32)


def box_variances(config: AnchorConfig) -> tuple[float, float]:
    """Return the variances that a configuration's regression is scaled by: SSD's, or 1 for an RPN."""
    return SSD_VARIANCES if config.style == "ssd" else (1.0, 1.0)


def encode(boxes_cxcywh: Any, anchors_cxcywh: Any, variances: tuple[float, float] = (1.0, 1.0)) -> Any:
    """Return the regression targets (…, 4) that lead from the anchors to the boxes (Faster R-CNN, equation 2).

    ((cx − cx_a) / w_a, (cy − cy_a) / h_a) / v₀ and (log(w / w_a), log(h / h_a)) / v₁; SSD's variances are
    (0.1, 0.2), an RPN has (1, 1). NumPy arrays and torch tensors alike; `decode` is the inverse.
    """
    log, stack = _functions_for(anchors_cxcywh)
    return stack(
        [
            (boxes_cxcywh[..., 0] - anchors_cxcywh[..., 0]) / anchors_cxcywh[..., 2] / variances[0],
            (boxes_cxcywh[..., 1] - anchors_cxcywh[..., 1]) / anchors_cxcywh[..., 3] / variances[0],
            log(boxes_cxcywh[..., 2] / anchors_cxcywh[..., 2]) / variances[1],
            log(boxes_cxcywh[..., 3] / anchors_cxcywh[..., 3]) / variances[1],
        ],
        -1,
    )


def decode(deltas: Any, anchors_cxcywh: Any, variances: tuple[float, float] = (1.0, 1.0)) -> Any:
    """Return the boxes `cx, cy, w, h` (…, 4) that the regression outputs (…, 4) make of the anchors."""
    if isinstance(anchors_cxcywh, np.ndarray):
        result = np.empty(np.broadcast_shapes(deltas.shape, anchors_cxcywh.shape), np.float32)
        result[..., :2] = deltas[..., :2] * variances[0] * anchors_cxcywh[..., 2:] + anchors_cxcywh[..., :2]
        with np.errstate(over="ignore"):
            result[..., 2:] = np.exp(deltas[..., 2:] * variances[1]) * anchors_cxcywh[..., 2:]
        return result
    import torch

    centers = deltas[..., :2] * variances[0] * anchors_cxcywh[..., 2:] + anchors_cxcywh[..., :2]
    return torch.cat((centers, torch.exp(deltas[..., 2:] * variances[1]) * anchors_cxcywh[..., 2:]), -1)


def pairwise_iou_cxcywh(boxes_a_cxcywh: NDArray[Any], boxes_b_cxcywh: NDArray[Any]) -> NDArray[np.float64]:
    """Return the IoU of every box of (N, 4) with every box of (M, 4) → (N, M)."""
    from tracker_core.boxes import cxcywh_to_xywh, iou_xywh

    return iou_xywh(cxcywh_to_xywh(boxes_a_cxcywh)[:, None], cxcywh_to_xywh(boxes_b_cxcywh)[None])


def match(iou: NDArray[np.float64], positive_from: float, negative_below: float) -> NDArray[np.int8]:
    """Label candidates by their IoU (N,) with the target: 1 positive, 0 negative, −1 ignored → int8 (N,).

    The best candidate is positive whatever its IoU (as long as it overlaps), so that a target that fits no
    default box still teaches (SSD, section 2.2; SiamRPN uses 0.6 and 0.3).
    """
    labels = np.full(iou.shape, -1, np.int8)
    labels[iou < negative_below] = 0
    labels[iou >= positive_from] = 1
    if iou.size and iou.max() > 0:
        labels[int(iou.argmax())] = 1
    return labels


def _functions_for(array: Any) -> tuple[Any, Any]:
    if isinstance(array, np.ndarray):
        return np.log, np.stack
    import torch

    return torch.log, torch.stack
