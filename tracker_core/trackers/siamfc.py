"""SiamFC's own tracking protocol: a response map at several scales, a cosine window, damped sizes.

Bertinetto et al. 2016, section 3.2, with the values of its release: three scales of 1.0375, penalty 0.9745,
window 0.176, damping 0.59, and the response upsampled sixteen times.
"""

from __future__ import annotations

import math
import time
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.crops import context_side
from tracker_core.errors import TrackerStateError
from tracker_core.trackers.selection import Selection, cosine_window
from tracker_core.trackers.siamrpn import Candidates, SiamRPNTracker, check_image
from tracker_core.types import Image, Timings, TrackingState, TrackResult

UPSAMPLING = 16


class SiamFCTracker(SiamRPNTracker):
    """Follows one target with a network that answers with one response map; its shape keeps the first box's ratio.

    `tracking.scale_count` sizes are searched, `penalty_k` is what a change of scale costs, `size_lr` how fast the
    size follows.
    """

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        """Find the target in the next uint8 H×W×3 BGR image; `debug` asks for the response as candidates as well.

        Raises `TrackerStateError` before `init`, `InputError` for an image of another kind.
        """
        if self._template is None:
            raise TrackerStateError("The tracker was updated before it was started; call init(image, box) first.")
        check_image(image)
        cfg = self._current
        exemplar_side = context_side(self._size[0], self._size[1], cfg.context)
        widening = cfg.lost_search_scale if self._state.state is TrackingState.LOST else 1.0
        side = exemplar_side * (cfg.search_size / cfg.exemplar_size) * widening
        factors = cfg.scale_step ** (np.arange(cfg.scale_count) - cfg.scale_count // 2)
        began = time.perf_counter()
        crops = [self._crop(image, round(side * factor), cfg.search_size) for factor in factors]
        cropped = time.perf_counter()
        responses = [self.runner.search(self._template, crop)[0][0, 0] for crop, _ in crops]
        ran = time.perf_counter()
        number = best_scale(responses, cfg.penalty_k)
        response, (crop, window_square) = responses[number], crops[number]
        scale = cfg.search_size / (side * factors[number])
        shift = find_peak(response, cfg.window_influence) * self.config.anchors.stride
        score = _probability(response).max()
        is_sound = math.isfinite(score)
        score = float(score) if is_sound else 0.0
        center, size = self._center.copy(), self._size.copy()
        if is_sound and score >= cfg.hold_below:
            limits = np.array([image.shape[1], image.shape[0]], np.float64)
            self._center = np.clip(center + shift / scale, 0.0, limits)
            resized = size * (1 - cfg.size_lr + cfg.size_lr * factors[number])
            self._size = np.maximum(cfg.minimum_size, np.minimum(resized, limits))
        state = self._state.step(score)
        done = time.perf_counter()
        self.timings = Timings(
            crop_ms=(cropped - began) * 1e3, network_ms=(ran - cropped) * 1e3, select_ms=(done - ran) * 1e3
        )
        box_xywh = np.concatenate((self._center - self._size / 2, self._size))
        box_xywh.flags.writeable = False
        details = None
        if debug:
            candidates = self._response_boxes(response, size * scale)
            chosen = self._as_selection(response, candidates)
            details = self._describe(chosen, candidates, scale, center, window_square, crop)
        return TrackResult(box_xywh, score, state, details)

    def _response_boxes(self, response: NDArray[Any], size_wh: NDArray[np.float64]) -> Candidates:
        """Return one box of the target's size for each position of the response."""
        rows, columns = response.shape
        stride = self.config.anchors.stride
        ys, xs = np.mgrid[:rows, :columns]
        boxes_cxcywh = np.empty((rows * columns, 4), np.float32)
        boxes_cxcywh[:, 0] = (xs.ravel() - (columns - 1) / 2) * stride
        boxes_cxcywh[:, 1] = (ys.ravel() - (rows - 1) / 2) * stride
        boxes_cxcywh[:, 2:] = size_wh
        return Candidates(((1, rows, columns),), boxes_cxcywh, cosine_window(rows, columns, 1))

    def _as_selection(self, response: NDArray[Any], candidates: Candidates) -> Selection:
        scores = _probability(response).ravel().astype(np.float32)
        influence = self._current.window_influence
        windowed = (scores * (1 - influence) + candidates.window * influence).astype(np.float32)
        best = int(np.argmax(windowed))
        return Selection(candidates.boxes_cxcywh, scores, scores, windowed, np.ones_like(scores), best)


def best_scale(responses: list[NDArray[Any]], penalty: float) -> int:
    """Return which response has the highest peak, once those of changed sizes have lost `penalty` of theirs."""
    peaks = np.array([float(response.max()) for response in responses])
    middle = len(peaks) // 2
    changed = np.arange(len(peaks)) != middle
    peaks = peaks - changed * penalty * np.abs(peaks)
    return int(np.argmax(peaks)) if np.isfinite(peaks).all() else middle


def find_peak(response: NDArray[Any], influence: float) -> NDArray[np.float64]:
    """Return how far the peak of a response n×n lies from its middle, x and y in cells of the response.

    The response is upsampled bicubically, brought to a sum of 1, and mixed with a Hann window of the same sum.
    """
    size = response.shape[0] * UPSAMPLING
    fine = np.asarray(cv2.resize(response.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC), np.float64)
    fine -= fine.min()
    fine /= max(float(fine.sum()), 1e-12)
    hann = np.outer(np.hanning(size), np.hanning(size))
    fine = (1 - influence) * fine + influence * hann / hann.sum()
    row, column = np.unravel_index(int(fine.argmax()), fine.shape)
    shift: NDArray[np.float64] = (np.array([column, row]) - (size - 1) / 2) / UPSAMPLING
    return shift


def _probability(response: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-response)))
