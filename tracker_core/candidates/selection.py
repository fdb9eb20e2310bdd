"""From network outputs to one box: scores, the scale and ratio penalty, the cosine window (SiamRPN, section 4.4)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.candidates.coding import library_of

UPSAMPLING = 16  # of SiamFC's response
Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Selection:
    """The N candidates of one frame and the winner; boxes are in search-region pixels around the region's centre."""

    boxes_cxcywh: Float32
    scores: Float32
    penalised: Float32
    windowed: Float32
    penalty: Float32
    best: int

    @classmethod
    def of(cls, planes: Float32, best: int) -> Selection:
        """Return the selection of planes (8, N): cx, cy, w, h, scores, penalised, windowed, penalty."""
        scores, penalised, windowed, penalty = planes[4:]
        return cls(planes[:4].T, scores, penalised, windowed, penalty, best)

    def favouring(self, favour: Float32) -> Selection:
        """Return the selection after what speaks for or against each candidate beside the network (N,) was added."""
        windowed = self.windowed + favour
        return dataclasses.replace(self, windowed=windowed, best=int(np.argmax(windowed)))


def probability(logits: NDArray[Any]) -> Float32:
    """Return the logistic function of logits, float32."""
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-logits)), np.float32)


def cosine_window(rows: int, columns: int, anchors: int) -> Float32:
    """Return the outer product of two Hann windows, once per anchor, as float32 (anchors·rows·columns,)."""
    window = np.outer(np.hanning(rows), np.hanning(columns)).astype(np.float32)
    return np.tile(window.ravel(), anchors)


def select(
    scores: Float32,
    boxes_cxcywh: Float32,
    window: Float32,
    previous_wh: tuple[float, float],
    penalty_k: float,
    window_influence: float,
) -> Selection:
    """Choose the candidate with the best penalised and windowed score.

    penalty = exp(−(max(r/r′, r′/r) · max(s/s′, s′/s) − 1) · k) with s(w, h) = √((w + p)(h + p)), p = (w + h) / 2;
    score′ = penalty · score · (1 − influence) + window · influence. `previous_wh` is the last size in the same pixels.
    """
    w, h = boxes_cxcywh[:, 2].astype(np.float64), boxes_cxcywh[:, 3].astype(np.float64)
    penalty = change_penalty(w, h, *previous_wh, penalty_k)
    penalised = (penalty * scores).astype(np.float32)
    windowed = (penalised * (1 - window_influence) + window * window_influence).astype(np.float32)
    best = int(np.argmax(windowed))
    return Selection(boxes_cxcywh, scores, penalised, windowed, penalty.astype(np.float32), best)


def change_penalty(w: Any, h: Any, previous_w: Any, previous_h: Any, penalty_k: Any) -> Any:
    """Return the penalty on sizes, arrays or tensors of doubles, for their change of scale and ratio; see `select`.

    It is 0 where a size is not finite, or nothing.
    """
    library = library_of(w)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale_change = _change(_padded_size(w, h) / _padded_size(previous_w, previous_h), library)
        ratio_change = _change((previous_w / previous_h) / (w / h), library)
        penalty = library.exp(-(scale_change * ratio_change - 1) * penalty_k)
    if library is np and np.isfinite(penalty.sum()):
        return penalty  # nearly always, and quickly; a tensor's sum would have to be waited for
    return library.nan_to_num(penalty, nan=0.0, posinf=0.0, neginf=0.0)


def _change(ratio: Any, library: Any) -> Any:
    return library.maximum(ratio, 1.0 / ratio)


def _padded_size(w: Any, h: Any) -> Any:
    padding = (w + h) * 0.5
    return ((w + padding) * (h + padding)) ** 0.5
