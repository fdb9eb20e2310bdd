"""Losses of region proposal networks: hard-mined or sampled classification, smooth L1 and GIoU for the boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tracker_core.anchors import decode, encode
from tracker_core.training.labels import corners, iou_cxcywh


@dataclass
class LossConfig:
    """How the loss is made.

    Attributes:
        classification: "mined" (binary cross entropy, `negatives_per_positive` hardest negatives; SSD, section 2.2),
            or "sampled" (`sampled_positives` + `sampled_negatives` at most, log-softmax; SiamRPN++ as published).
        least_negatives: hardest negatives of a pair without positives, and of any pair at least.
        quality_target: train the score of positives towards the IoU of their box instead of towards 1.
        positive_from, negative_below: IoU thresholds of the labels.
        cls_weight, l1_weight, giou_weight: weights of the terms.
        distill_weight: weight of the teacher's scores, 0 without a teacher.
    """

    classification: str = "mined"
    negatives_per_positive: int = 3
    least_negatives: int = 16
    sampled_positives: int = 16
    sampled_negatives: int = 48
    quality_target: bool = False
    positive_from: float = 0.5
    negative_below: float = 0.35
    cls_weight: float = 1.0
    l1_weight: float = 1.0
    giou_weight: float = 1.0
    distill_weight: float = 0.0


def split_outputs(cls: Tensor, loc: Tensor) -> tuple[Tensor, Tensor]:
    """Return foreground logits B×N and deltas B×N×4 of outputs in the published layout (B×2K×h×w, B×4K×h×w)."""
    planes = cls.reshape(len(cls), 2, -1)  # B×2×N
    deltas = loc.reshape(len(loc), 4, -1)  # B×4×N
    return planes[:, 1] - planes[:, 0], deltas.transpose(1, 2)


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


def rpn_loss(
    cls: Tensor,
    loc: Tensor,
    anchors_cxcywh: Tensor,
    labels: Tensor,
    boxes_cxcywh: Tensor,
    box_weights: Tensor,
    config: LossConfig,
    teacher_probability: Tensor | None = None,
    *,
    generator: torch.Generator | None = None,
    average: Callable[[Tensor], Tensor] = lambda value: value,
) -> dict[str, Tensor]:
    """Return the terms of the loss and their weighted sum `total`.

    cls B×2K×h×w, loc B×4K×h×w; anchors B×N×4; labels B×N; boxes B×4 and their weights B. `teacher_probability` is
    B×h×w in 0..1: what a teacher thinks of each position; the best anchor of the position is held against it.
    `average` returns the mean of a number over several processes, whose boxes then share one normaliser.
    """
    logits, deltas = split_outputs(cls, loc)
    return candidate_loss(
        logits, deltas, anchors_cxcywh, labels, boxes_cxcywh, box_weights, config,
        teacher_probability, generator=generator, average=average,
    )  # fmt: skip


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
    """Return the terms of the loss of any detector over default boxes: foreground logits B×N and deltas B×N×4.

    The other arguments are those of `rpn_loss`; `variances` scale the deltas (SSD has 0.1 and 0.2).
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
