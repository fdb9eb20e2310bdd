"""Labels of default boxes for a batch: which are positive, which negative, which are left out."""

from __future__ import annotations

import torch
from torch import Tensor

from tracker_core.config import AnchorConfig


def batch_anchors(config: AnchorConfig, exemplar_wh: Tensor, map_size: int) -> Tensor:
    """Return the anchors of a batch, B×N×4 as cx, cy, w, h in search-crop pixels around the centre.

    `exemplar_wh` is B×2. Candidates are ordered anchor by anchor, row by row, x fastest, as in `anchors.grid_anchors`.
    """
    from tracker_core.anchors import rpn_base_sizes

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


def iou_cxcywh(boxes_a_cxcywh: Tensor, boxes_b_cxcywh: Tensor) -> Tensor:
    """Return the IoU of boxes (…, 4), with broadcasting."""
    a_low = boxes_a_cxcywh[..., :2] - boxes_a_cxcywh[..., 2:] / 2
    a_high = boxes_a_cxcywh[..., :2] + boxes_a_cxcywh[..., 2:] / 2
    b_low = boxes_b_cxcywh[..., :2] - boxes_b_cxcywh[..., 2:] / 2
    b_high = boxes_b_cxcywh[..., :2] + boxes_b_cxcywh[..., 2:] / 2
    inner = (torch.minimum(a_high, b_high) - torch.maximum(a_low, b_low)).clamp_min(0).prod(-1)
    union = boxes_a_cxcywh[..., 2:].prod(-1) + boxes_b_cxcywh[..., 2:].prod(-1) - inner
    return inner / union.clamp_min(1e-6)


def label_batch(
    anchors_cxcywh: Tensor, boxes_cxcywh: Tensor, is_positive: Tensor, positive_from: float, negative_below: float
) -> Tensor:
    """Label anchors B×N×4 against one box each (B×4): 1 positive, 0 negative, −1 ignored, int64 B×N.

    The best anchor of a positive pair is always positive. A negative pair (`is_positive` B bool) has none.
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
