"""What a network learns about its candidates: their labels, and the losses of scores and boxes (torch)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from tracker_core.candidates.coding import decode, encode
from tracker_core.config.training import LossConfig

RESPONSE_RADIUS = 16.0  # search-crop pixels around the target's centre that count as the target (SiamFC, section 2.2)


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

    The best anchor of a positive pair is positive whatever its IoU, as long as it overlaps, so that a target that fits
    no anchor still teaches (SSD, section 2.2; SiamRPN's thresholds are 0.6 and 0.3). A negative pair (`is_positive`
    B bool) has none.
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


def mined_cross_entropy(
    logits: Tensor, labels: Tensor, targets: Tensor, negatives_per_positive: int, least_negatives: int
) -> Tensor:
    """Return binary cross entropy over the positives and, per image, the hardest negatives (SSD: 3 to 1).

    `labels` B×N (1, 0, −1), `targets` B×N in 0..1 for the positives. A pair without positives keeps `least_negatives`.
    """
    loss = functional.binary_cross_entropy_with_logits(logits, torch.where(labels == 1, targets, 0.0), reduction="none")
    positive = labels == 1
    counts = positive.sum(1, keepdim=True)
    allowed = (counts * negatives_per_positive).clamp_min(least_negatives)
    hardness = torch.where(labels == 0, loss.detach(), -1.0)
    rank = hardness.argsort(1, descending=True).argsort(1)
    negative = (rank < allowed) & (labels == 0)
    # per image, so that one with many positives does not drown the others
    per_image = (loss * positive).sum(1) / counts[:, 0].clamp_min(1) + (loss * negative).sum(1) / negative.sum(
        1
    ).clamp_min(1)
    return per_image.mean()


def sampled_cross_entropy(
    logits: Tensor, labels: Tensor, positives: int = 16, negatives: int = 48, generator: torch.Generator | None = None
) -> Tensor:
    """Return the mean of the log-softmax losses of sampled positives and negatives, half each (SiamRPN++, PySOT).

    At most so many of each per image, drawn with `generator` (on the CPU, so that every device draws the same).
    """
    dice = torch.rand(labels.shape, generator=generator).to(labels.device)
    losses = []
    for value, limit in ((1, positives), (0, negatives)):
        mask = labels == value
        rank = torch.where(mask, dice, 2.0).argsort(1).argsort(1)
        chosen = mask & (rank < limit)
        loss = functional.softplus(-logits if value == 1 else logits)
        losses.append((loss * chosen).sum() / chosen.sum().clamp_min(1))
    return (losses[0] + losses[1]) * 0.5


def giou_loss(boxes_a_cxcywh: Tensor, boxes_b_cxcywh: Tensor) -> Tensor:
    """Return 1 − GIoU of boxes (…, 4) (Rezatofighi et al. 2019)."""
    (a_low, a_high), (b_low, b_high) = corners(boxes_a_cxcywh), corners(boxes_b_cxcywh)
    inner = (torch.minimum(a_high, b_high) - torch.maximum(a_low, b_low)).clamp_min(0).prod(-1)
    union = boxes_a_cxcywh[..., 2:].prod(-1) + boxes_b_cxcywh[..., 2:].prod(-1) - inner
    hull = (torch.maximum(a_high, b_high) - torch.minimum(a_low, b_low)).clamp_min(0).prod(-1)
    return 1 - inner / union.clamp_min(1e-6) + (hull - union) / hull.clamp_min(1e-6)


def candidate_loss(
    logits: Tensor,
    deltas: Tensor,
    anchors_cxcywh: Tensor,
    labels: Tensor,
    boxes_cxcywh: Tensor,
    box_weights: Tensor,
    config: LossConfig,
    teacher_probability: Tensor | None = None,
    *,
    variances: tuple[float, float] = (1.0, 1.0),
    generator: torch.Generator | None = None,
    average: Callable[[Tensor], Tensor] = lambda value: value,
) -> dict[str, Tensor]:
    """Return the terms of the loss of candidates with boxes, and their weighted sum `total`.

    Foreground logits B×N and deltas B×N×4 of anchors B×N×4; labels B×N; boxes B×4 and their weights B. `variances`
    scale the deltas (SSD has 0.1 and 0.2). The other arguments are those of `layout.Layout.loss`.
    """
    positive = labels == 1
    target_boxes = boxes_cxcywh[:, None].expand_as(anchors_cxcywh)
    # far-off deltas would overflow in the exponential; their own loss draws them back
    limits = 4 / torch.tensor(variances, device=deltas.device).repeat_interleave(2)
    proposals = decode(torch.minimum(torch.maximum(deltas, -limits), limits), anchors_cxcywh, variances)
    if config.quality_target:
        # from one half up: a wrong start of the regression must not teach that the target is absent
        quality = iou_cxcywh(proposals.detach(), target_boxes).clamp(0.5, 1.0)
    else:
        quality = torch.ones_like(logits)
    if config.classification == "mined":
        cls_loss = mined_cross_entropy(logits, labels, quality, config.negatives_per_positive, config.least_negatives)
    else:
        cls_loss = sampled_cross_entropy(logits, labels, config.sampled_positives, config.sampled_negatives, generator)
    per_image = positive.sum(1, keepdim=True).clamp_min(1)
    weights = positive * box_weights[:, None] / per_image
    normaliser = average((box_weights * positive.any(1)).sum()).clamp_min(1e-3)
    wanted = encode(target_boxes, anchors_cxcywh, variances)
    wanted = torch.where(positive[..., None], wanted, torch.zeros_like(wanted))  # far anchors have huge targets
    l1 = (functional.smooth_l1_loss(deltas, wanted, reduction="none", beta=0.1).sum(-1) * weights).sum() / normaliser
    giou = (giou_loss(proposals, target_boxes) * weights).sum() / normaliser
    terms = {"cls": cls_loss, "l1": l1, "giou": giou}
    total = config.cls_weight * cls_loss + config.l1_weight * l1 + config.giou_weight * giou
    if teacher_probability is not None and config.distill_weight > 0:
        best = logits.reshape(len(logits), -1, teacher_probability[0].numel()).amax(1)
        distill = functional.binary_cross_entropy_with_logits(best, teacher_probability.flatten(1), reduction="none")
        # confident positions are few: without a weight the background would be all that is distilled
        emphasis = 1 + 8 * teacher_probability.flatten(1)
        terms["distill"] = (distill * emphasis).sum() / emphasis.sum()
        total = total + config.distill_weight * terms["distill"]
    terms["total"] = total
    return terms


def response_loss(
    logits: Tensor, positions_cxcywh: Tensor, boxes_cxcywh: Tensor, is_positive: Tensor
) -> dict[str, Tensor]:
    """Return SiamFC's balanced logistic loss of responses B×N (Bertinetto et al. 2016, equations 3 to 5).

    Positions B×N×4 within 16 pixels of the target's centre (B×4) are positive; positives and negatives weigh the same,
    and a negative pair has only negatives.
    """
    away = ((positions_cxcywh[..., :2] - boxes_cxcywh[:, None, :2]) ** 2).sum(-1)
    positive = (away <= RESPONSE_RADIUS**2) & is_positive[:, None]
    losses = functional.softplus(torch.where(positive, -logits, logits))
    per_side = [(losses * mask).sum(1) / mask.sum(1).clamp_min(1) for mask in (positive, ~positive)]
    total = (0.5 * (per_side[0] + per_side[1])).mean()
    return {"cls": total, "total": total}


def overlap_loss(
    predicted: Tensor, proposals_cxcywh: Tensor, box_cxcywh: Tensor, box_weight: Tensor
) -> dict[str, Tensor]:
    """Return the mean squared error of predicted overlaps B×N, −1..1, to 2 · IoU − 1 of the proposals B×N×4.

    As in ATOM's release; `box_weight` B weighs the pairs. `error` is the mean distance in IoU, which is not minimised.
    """
    overlap = iou_cxcywh(proposals_cxcywh, box_cxcywh[:, None])
    distance = predicted - (2 * overlap - 1)
    weight = box_weight / box_weight.sum().clamp_min(1e-6)
    total = (distance.square().mean(1) * weight).sum()
    return {"error": (distance.detach().abs().mean(1) * weight).sum() / 2, "total": total}
