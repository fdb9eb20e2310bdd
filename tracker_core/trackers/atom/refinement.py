"""From a rough box to the target's: boxes around it climb the predicted overlap (ATOM, section 3.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tracker_core.config import OnlineConfig

SMALLEST_SIDE = 1.0  # crop pixels
SMALLEST_SHARE = 1 / 3  # of the rough box's shorter side, for the boxes that the climb starts from


@dataclass(frozen=True)
class Refinement:
    """The climb of N boxes (x, y, w, h in crop pixels): where they began, where they ended, their predicted overlap.

    `box_xywh` is the mean of the best ones, None where no box was plausible.
    """

    started_xywh: Tensor
    ended_xywh: Tensor
    overlap: Tensor
    box_xywh: Tensor | None


def start_boxes(box_xywh: Tensor, draws: Tensor, config: OnlineConfig) -> Tensor:
    """Return the rough box (4,) and one more for each row of `draws` (N×4, uniform in −0.5..0.5): (1 + N)×4.

    Centre and size differ by draws times `jitter_position` and `jitter_size` of the square root of the area.
    """
    middle, size = box_xywh[:2] + box_xywh[2:] / 2, box_xywh[2:]
    reach = size.prod().sqrt()
    sizes = (size + draws[:, 2:] * config.jitter_size * reach).clamp_min(SMALLEST_SHARE * float(size.min()))
    middles = middle + draws[:, :2] * config.jitter_position * reach
    return torch.cat((box_xywh[None], torch.cat((middles - sizes / 2, sizes), 1)))


def climb(overlap_of: Callable[[Tensor], Tensor], boxes_xywh: Tensor, config: OnlineConfig) -> tuple[Tensor, Tensor]:
    """Return boxes N×4 after gradient ascent on their overlap, and the overlaps N predicted before the last step.

    `overlap_of` takes corners N×4. A step is the gradient times the box's own width or height.
    """
    boxes = boxes_xywh.detach()
    overlap = boxes.new_zeros(len(boxes))
    for _ in range(config.ascent_steps):
        variable = boxes.clone().requires_grad_()
        overlap = overlap_of(torch.cat((variable[:, :2], variable[:, :2] + variable[:, 2:]), 1))
        (gradient,) = torch.autograd.grad(overlap.sum(), variable)
        boxes = boxes + config.step_length * gradient * boxes[:, 2:].repeat(1, 2)
    return boxes, overlap.detach()


def refine(overlap_of: Callable[[Tensor], Tensor], box_xywh: Tensor, draws: Tensor, config: OnlineConfig) -> Refinement:
    """Return the climb from a rough box (4,); see `start_boxes` and `climb`."""
    started = start_boxes(box_xywh, draws, config)
    ended, overlap = climb(overlap_of, started, config)
    ended[:, 2:].clamp_(min=SMALLEST_SIDE)
    return Refinement(started, ended, overlap, _mean_of_best(ended, overlap, config))


def _mean_of_best(boxes_xywh: Tensor, overlap: Tensor, config: OnlineConfig) -> Tensor | None:
    """Return the mean of the `averaged` best boxes that are finite and no more than `largest_aspect` long."""
    aspect = boxes_xywh[:, 2] / boxes_xywh[:, 3]
    plausible = (aspect < config.largest_aspect) & (aspect > 1 / config.largest_aspect)
    plausible &= boxes_xywh.isfinite().all(1) & overlap.isfinite()
    kept, scores = boxes_xywh[plausible], overlap[plausible]
    if len(kept) == 0:
        return None
    best = scores.topk(min(config.averaged, len(kept))).indices
    return kept[best].mean(0)
