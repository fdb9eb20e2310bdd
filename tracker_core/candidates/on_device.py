"""Choosing candidates where the network runs: what layouts do in NumPy, for a batch of searches in tensors.

Nothing here waits for the device, so that it can be recorded as a CUDA graph.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from tracker_core.candidates.coding import decode, split_outputs
from tracker_core.candidates.selection import UPSAMPLING, change_penalty


@dataclass(frozen=True)
class Terms:
    """By what candidates of B searches are chosen, tensors on the network's device.

    Attributes:
        boxes_cxcywh: float32 B×N×4, the candidates in search-crop pixels around the centre. window: float32 B×N.
        expected_wh: float64 B×2, the last size in search-crop pixels.
        penalty_k, window_influence: float64 B×1, as in the tracking configuration.
        search_size: side of the search crop in pixels.
    """

    boxes_cxcywh: Tensor
    window: Tensor
    expected_wh: Tensor
    penalty_k: Tensor
    window_influence: Tensor
    search_size: int


@dataclass(frozen=True)
class Ranking:
    """The candidates of B searches as in `Selection`, and the winners.

    Attributes:
        boxes_cxcywh: float32 B×N×4. scores, penalised, windowed, penalty: float32 B×N.
        best: int64 B×1. box_cxcywh: float64 B×4, of the winner. score: B×1.
        rate: B×1, how far the size may move towards the winner's before `size_lr` slows it.
        peak: B×1, the highest logit.
    """

    boxes_cxcywh: Tensor
    scores: Tensor
    penalised: Tensor
    windowed: Tensor
    penalty: Tensor
    best: Tensor
    box_cxcywh: Tensor
    score: Tensor
    rate: Tensor
    peak: Tensor

    def winners(self) -> Tensor:
        """Return float64 B×8: the winner's box, its score and rate, the peak, the winner's index."""
        parts = (self.box_cxcywh, self.score, self.rate, self.peak, self.best)
        return torch.cat([part.double() for part in parts], 1)

    def candidates(self) -> Tensor:
        """Return float32 B×8×N: planes of cx, cy, w, h, scores, penalised, windowed, penalty."""
        single = (self.scores, self.penalised, self.windowed, self.penalty)
        return torch.cat((self.boxes_cxcywh.transpose(1, 2), torch.stack(single, 1)), 1)


def rank_boxes(
    outputs: Sequence[Tensor], terms: Terms, variances: tuple[float, float], kept: Tensor | None = None
) -> Ranking:
    """Rank regressed boxes by score, penalty and window (`select`); `kept` B×N says which may have a score at all."""
    logits, deltas = split_outputs(outputs[0], outputs[1])
    boxes = decode(deltas, terms.boxes_cxcywh, variances)
    scores = _probability(logits)
    if kept is not None:
        scores = torch.where(kept, scores, torch.zeros_like(scores))
    w, h = boxes[..., 2].double(), boxes[..., 3].double()
    penalty = change_penalty(w, h, terms.expected_wh[:, :1], terms.expected_wh[:, 1:], terms.penalty_k)
    penalised = (penalty * scores).float()
    windowed = _mix(penalised, terms)
    penalty = penalty.float()
    best = windowed.argmax(1, keepdim=True)
    score = scores.gather(1, best)
    box = boxes.gather(1, best[..., None].expand(-1, -1, 4))[:, 0]
    rate = penalty.gather(1, best) * score
    peak = logits.amax(1, keepdim=True)
    return Ranking(boxes, scores, penalised, windowed, penalty, best, box.double(), score, rate, peak)


def rank_response(response: Tensor, terms: Terms, stride: float) -> Ranking:
    """Rank the positions of response maps B×1×n×n, whose winner lies between positions (`find_peak`)."""
    logits = response.flatten(1)
    scores = _probability(logits)
    windowed = _mix(scores, terms)
    sizes = terms.expected_wh.float()[:, None].expand(-1, logits.shape[1], -1)
    boxes = torch.cat((terms.boxes_cxcywh[..., :2], sizes), -1)
    score = scores.amax(1, keepdim=True)
    box = torch.cat((_find_peaks(response[:, 0], terms.window_influence) * stride, terms.expected_wh), 1)
    ones = torch.ones_like(scores)
    best, peak = windowed.argmax(1, keepdim=True), logits.amax(1, keepdim=True)
    return Ranking(boxes, scores, scores, windowed, ones, best, box, score, ones[:, :1], peak)


def near_peaks(responses: Tensor, terms: Terms, share: float) -> Tensor:
    """Return which candidates B×N lie around the peak of their response B×1×h×w, see `default_boxes.near_peak`."""
    rows, columns = responses.shape[-2:]
    flat = responses.flatten(1)
    place = flat.argmax(1, keepdim=True)
    x = (place % columns - columns // 2).double() / columns
    y = (place // columns - rows // 2).double() / rows
    peaks = torch.stack((x, y), -1) * terms.search_size  # B×1×2
    near = (terms.boxes_cxcywh[..., :2] - peaks).abs().amax(-1) <= share * terms.search_size
    return near | ~flat.isfinite().all(1, keepdim=True)


def _probability(logits: Tensor) -> Tensor:
    return 1.0 / (1.0 + torch.exp(-logits))


def _mix(scores: Tensor, terms: Terms) -> Tensor:
    """Return scores B×N mixed with the window, in single precision as in NumPy."""
    return scores * (1 - terms.window_influence).float() + terms.window * terms.window_influence.float()


def _find_peaks(responses: Tensor, influence: Tensor) -> Tensor:
    """Return float64 B×2: how far the peaks of responses B×n×n lie from the middle, x and y in cells."""
    enlarge, hann = _fine_grid(responses.shape[-1], responses.device)
    fine = enlarge @ responses.double() @ enlarge.T
    fine = fine - fine.amin((1, 2), keepdim=True)
    fine = fine / fine.sum((1, 2), keepdim=True).clamp(min=1e-12)
    share = influence[..., None]
    place = ((1 - share) * fine + share * hann).flatten(1).argmax(1, keepdim=True)
    size = len(enlarge)
    return (torch.cat((place % size, place // size), 1) - (size - 1) / 2) / UPSAMPLING


@functools.cache  # for good: recorded runs read from these tensors
def _fine_grid(side: int, device: Any) -> tuple[Tensor, Tensor]:
    """Return what enlarges a response of `side` cells bicubically along one axis, and the Hann window after it."""
    size = side * UPSAMPLING
    # enlarging is linear: what OpenCV makes of each single cell says what it makes of any response
    cells = cv2.resize(np.eye(side, dtype=np.float32), (side, size), interpolation=cv2.INTER_CUBIC)
    hann = np.outer(np.hanning(size), np.hanning(size))
    return torch.from_numpy(cells).double().to(device), torch.from_numpy(hann / hann.sum()).to(device)
