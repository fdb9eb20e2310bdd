"""What a batch's outputs are held against: default boxes of a detector, or the response map of SiamFC."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from tracker_core.anchors import box_variances, configured_default_boxes
from tracker_core.config import AnchorConfig
from tracker_core.training.batches import Batch
from tracker_core.training.labels import batch_anchors, label_batch
from tracker_core.training.losses import LossConfig, candidate_loss, split_outputs

RESPONSE_RADIUS = 16.0  # search-crop pixels around the target's centre that count as the target (SiamFC, section 2.2)


def compute_loss(
    outputs: Sequence[Tensor],
    batch: Batch,
    anchors: AnchorConfig,
    loss: LossConfig,
    teacher_probability: Tensor | None = None,
    *,
    generator: torch.Generator | None = None,
    average: Callable[[Tensor], Tensor] = lambda value: value,
) -> dict[str, Tensor]:
    """Return the terms of the loss of a network's outputs, by the style of its default boxes; `total` is their sum.

    `outputs` are cls and loc (see `losses.split_outputs`), or one response map for the style "none". The other
    arguments are those of `losses.candidate_loss`.
    """
    if anchors.style == "none":
        return response_loss(outputs[0].float(), batch, anchors.stride)
    logits, deltas = split_outputs(outputs[0].float(), outputs[1].float())
    boxes_cxcywh = training_boxes(anchors, batch, outputs[0].shape[-1])
    labels = label_batch(boxes_cxcywh, batch.box_cxcywh, batch.is_positive, loss.positive_from, loss.negative_below)
    return candidate_loss(
        logits, deltas, boxes_cxcywh, labels, batch.box_cxcywh, batch.box_weight, loss, teacher_probability,
        variances=box_variances(anchors), generator=generator, average=average,
    )  # fmt: skip


def training_boxes(anchors: AnchorConfig, batch: Batch, map_size: int) -> Tensor:
    """Return a batch's default boxes B×N×4 as cx, cy, w, h in search-crop pixels around the centre.

    `map_size` is the side of the map of an RPN; default boxes on several maps are those of the configuration.
    """
    if anchors.style != "ssd":
        return batch_anchors(anchors, batch.exemplar_wh, map_size)
    boxes = torch.from_numpy(configured_default_boxes(anchors, batch.search.shape[-1]))
    return boxes.to(batch.box_cxcywh.device).expand(len(batch.box_cxcywh), -1, -1)


def response_loss(response: Tensor, batch: Batch, stride: int) -> dict[str, Tensor]:
    """Return SiamFC's balanced logistic loss of responses B×1×n×n (Bertinetto et al. 2016, equations 3 to 5).

    Positions within 16 pixels of the target's centre are positive; positives and negatives weigh the same, and a
    negative pair has negatives alone.
    """
    side = response.shape[-1]
    line = (torch.arange(side, device=response.device, dtype=response.dtype) - (side - 1) / 2) * stride
    dx = line[None, None, :] - batch.box_cxcywh[:, 0, None, None]
    dy = line[None, :, None] - batch.box_cxcywh[:, 1, None, None]
    positive = (dx**2 + dy**2 <= RESPONSE_RADIUS**2) & batch.is_positive[:, None, None]
    logits = response[:, 0]
    losses = functional.softplus(torch.where(positive, -logits, logits))
    per_side = [(losses * mask).sum((1, 2)) / mask.sum((1, 2)).clamp_min(1) for mask in (positive, ~positive)]
    total = (0.5 * (per_side[0] + per_side[1])).mean()
    return {"cls": total, "total": total}
