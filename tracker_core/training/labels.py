"""Labels of default boxes for a batch: which are positive, which negative, which are left out."""

from __future__ import annotations

import torch
from torch import Tensor

from tracker_core.anchors import encode, rpn_base_sizes
from tracker_core.config import AnchorConfig


def batch_anchors(config: AnchorConfig, exemplar_wh: Tensor, map_size: int) -> Tensor:
    """Return the anchors of a batch, B×N×4 as cx, cy, w, h in search-crop pixels around the centre.

    `exemplar_wh` is B×2. Candidates are ordered anchor by anchor, row by row, x fastest, as in `anchors.grid_anchors`.
    """
    device, dtype = exemplar_wh.device, exemplar_wh.dtype
    if config.style == "exemplar":
        ratios = torch.tensor([r for r in config.ratios for _ in config.scales], device=device, dtype=dtype).sqrt()
        scales = torch.tensor([s for _ in config.ratios for s in config.scales], device=device, dtype=dtype)
        sizes = torch.stack(
            (exemplar_wh[:, :1] * scales / ratios, exemplar_wh[:, 1:] * scales * ratios), dim=-1
        )  # B×K×2
    else:
        base = torch.from_numpy(rpn_base_sizes(config.stride, config.ratios, config.scales)).to(device, dtype)
        sizes = base.expand(len(exemplar_wh), -1, -1)
    line = (torch.arange(map_size, device=device, dtype=dtype) - map_size // 2) * config.stride
    ys, xs = torch.meshgrid(line, line, indexing="ij")
    centers = torch.stack((xs, ys), -1).reshape(1, 1, -1, 2)
    batch, count = sizes.shape[:2]
    anchors = torch.cat(
        (centers.expand(batch, count, -1, -1), sizes[:, :, None].expand(-1, -1, map_size * map_size, -1)), -1
    )
    return anchors.reshape(batch, -1, 4)


def corners(boxes_cxcywh: Tensor) -> tuple[Tensor, Tensor]:
    """Return the top-left and bottom-right corners (…, 2) of boxes (…, 4)."""
    half = boxes_cxcywh[..., 2:] / 2
    return boxes_cxcywh[..., :2] - half, boxes_cxcywh[..., :2] + half


def iou_cxcywh(boxes_a_cxcywh: Tensor, boxes_b_cxcywh: Tensor) -> Tensor:
    """Return the IoU of boxes (…, 4), with broadcasting."""
    (a_low, a_high), (b_low, b_high) = corners(boxes_a_cxcywh), corners(boxes_b_cxcywh)
    inner = (torch.minimum(a_high, b_high) - torch.maximum(a_low, b_low)).clamp_min(0).prod(-1)
    union = boxes_a_cxcywh[..., 2:].prod(-1) + boxes_b_cxcywh[..., 2:].prod(-1) - inner
    return inner / union.clamp_min(1e-6)


def label_batch(
    anchors_cxcywh: Tensor, boxes_cxcywh: Tensor, is_positive: Tensor, positive_from: float, negative_below: float
) -> Tensor:
    """Label anchors B×N×4 against one box each (B×4): 1 positive, 0 negative, −1 ignored, int64 B×N.

    The rule is that of `anchors.match`: the best anchor of a positive pair is always positive, as long as it
    overlaps. A negative pair (`is_positive` B bool) has none.
    """
    iou = iou_cxcywh(anchors_cxcywh, boxes_cxcywh[:, None])
    labels = torch.full_like(iou, -1, dtype=torch.int64)
    labels[iou < negative_below] = 0
    labels[iou >= positive_from] = 1
    best, where = iou.max(1)
    rows = torch.nonzero(best > 0).flatten()
    labels[rows, where[rows]] = 1
    labels[~is_positive] = 0
    return labels


def label_default_boxes(
    default_boxes_cxcywh: Tensor,
    boxes_cxcywh: Tensor,
    is_positive: Tensor,
    positive_from: float = 0.5,
    negative_below: float = 0.5,
    variances: tuple[float, float] = (0.1, 0.2),
) -> tuple[Tensor, Tensor]:
    """Match SSD's default boxes N×4 with one target each (B×4): labels int64 B×N and regression targets B×N×4.

    Both are in the same units (fractions of the crop, or pixels). Labels are those of `label_batch`; targets are
    zero where a default box is not positive (Liu et al. 2016, section 2.2; variances as in its release).
    """
    anchors = default_boxes_cxcywh.expand(len(boxes_cxcywh), -1, -1)
    labels = label_batch(anchors, boxes_cxcywh, is_positive, positive_from, negative_below)
    targets = encode(boxes_cxcywh[:, None].expand_as(anchors), anchors, variances)
    return labels, torch.where((labels == 1)[..., None], targets, torch.zeros_like(targets))
