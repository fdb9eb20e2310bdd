"""The tracking loop of every anchor-based Siamese tracker: one target, its template and its last box.

Follows SiamRPN (Li et al. 2018, section 4.4) with the conventions of the two published implementations where
the configuration asks for them: see `boxes.published_center` and `crops.crop_square`.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.anchors import box_variances, decode, exemplar_base_sizes, grid_anchors, rpn_base_sizes
from tracker_core.boxes import check_start_box, cxcywh_to_xywh, published_center
from tracker_core.config import TrackerConfig, TrackingConfig, check_tracking
from tracker_core.crops import channel_mean, context_side, crop_square
from tracker_core.errors import InputError, TrackerStateError
from tracker_core.runtime.base import Outputs, Runner
from tracker_core.trackers.selection import Selection, box_deltas, cosine_window, foreground_scores, select
from tracker_core.trackers.state import StateMachine
from tracker_core.types import Image, Timings, TrackDebug, TrackingState, TrackResult


@dataclass(frozen=True)
class Candidates:
    """The N default boxes of one frame (cx, cy, w, h in search-crop pixels around the centre) and where they sit.

    `levels` are as in `TrackDebug`, `window` is the cosine window (N,).
    """

    levels: tuple[tuple[int, int, int], ...]
    boxes_cxcywh: NDArray[np.float32]
    window: NDArray[np.float32]


class SiamRPNTracker:
    """Follows one target with a region proposal network.

    `init` before `update`; `fork` makes a second tracker for another target that shares the network. `timings`
    holds the milliseconds of the last call.
    """

    def __init__(self, config: TrackerConfig, runner: Runner, network: Any = None) -> None:
        self.name = config.name
        self.config = config
        self.runner = runner
        self.network = network
        self.timings = Timings()
        self.weights_path: Path | None = None  # of the checkpoint, None where the network came from memory
        self._template: Any = None
        self._current = config.tracking  # what this target is followed with
        self._grids: dict[tuple[int, ...], Candidates] = {}
        self._variances = box_variances(config.anchors)

    @property
    def device(self) -> str:
        """Where the network runs, for example "cpu" or "cuda:0"."""
        return self.runner.device

    @property
    def tracking(self) -> TrackingConfig:
        """The parameters of the loop."""
        return self.config.tracking

    def set_tracking(self, tracking: TrackingConfig) -> None:
        """Take other parameters from the next frame on; raises `ConfigError` for a value out of range.

        The exemplar's size and context belong to the template, so that changes of these two wait for the next `init`.
        """
        check_tracking(tracking)
        self.config = dataclasses.replace(self.config, tracking=tracking)
        if self._template is not None:
            self._current = dataclasses.replace(
                tracking, exemplar_size=self._current.exemplar_size, context=self._current.context
            )
            self._state.high, self._state.low = tracking.score_high, tracking.score_low
            self._state.patience = tracking.patience

    def fork(self) -> SiamRPNTracker:
        """Return an uninitialised tracker with the same configuration that shares this one's network."""
        other = type(self)(self.config, self.runner, self.network)
        other.weights_path = self.weights_path
        return other

    def init(self, image: Image, box_xywh: Any) -> None:
        """Start on the target in `box_xywh` (x, y, w, h, image pixels) of a uint8 H×W×3 BGR image.

        Raises `InputError` for a box that no tracker can start on and for an image of another kind.
        """
        check_image(image)
        height, width = image.shape[:2]
        box = check_start_box(box_xywh, width, height)
        cfg = self.tracking
        self._current = cfg
        self._center = published_center(box, cfg.convention)
        self._size = box[2:].copy()
        self._padding = channel_mean(image)
        self._image_share = float(box[2] * box[3]) / (width * height)
        side = float(round(context_side(box[2], box[3], cfg.context)))
        self._exemplar_crop, _ = self._crop(image, side, cfg.exemplar_size)
        scale = cfg.exemplar_size / context_side(box[2], box[3], cfg.context)
        self._exemplar_wh = (float(box[2]) * scale, float(box[3]) * scale)
        self._template = self.runner.template(self._exemplar_crop, self._exemplar_wh)
        self._state = StateMachine(cfg.score_high, cfg.score_low, cfg.patience)
        self._grids.clear()

    def resume(self, box_xywh: Any, scores: Iterable[float] = ()) -> None:
        """Stand where an earlier run stood, so that the next `update` gives what it would have given there.

        The template stays that of `init`. `box_xywh` (x, y, w, h, image pixels) is the last result of that run,
        `scores` are those of its frames since `init`, from which the state follows. Raises `TrackerStateError`
        before `init`.
        """
        if self._template is None:
            raise TrackerStateError("The tracker was resumed before it was started; call init(image, box) first.")
        box = np.asarray(box_xywh, np.float64)
        self._center = box[:2] + box[2:] / 2  # `update` reports centre − size / 2, whatever the convention
        self._size = box[2:].copy()
        cfg = self._current
        self._state = StateMachine(cfg.score_high, cfg.score_low, cfg.patience)
        for score in scores:
            self._state.step(score)

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        """Find the target in the next uint8 H×W×3 BGR image; `debug` asks for the candidates as well.

        Raises `TrackerStateError` before `init`, `InputError` for an image of another kind.
        """
        if self._template is None:
            raise TrackerStateError("The tracker was updated before it was started; call init(image, box) first.")
        check_image(image)
        cfg = self._current
        started = time.perf_counter()
        exemplar_side = context_side(self._size[0], self._size[1], cfg.context)
        scale = cfg.exemplar_size / exemplar_side
        widening = cfg.lost_search_scale if self._state.state is TrackingState.LOST else 1.0
        search_size = self._search_size()
        side = self._search_side(exemplar_side, scale, search_size) * widening
        crop, window_square = self._crop(image, round(side), search_size)
        scale /= widening
        cropped = time.perf_counter()
        outputs = self._run(crop, scale)
        ran = time.perf_counter()
        candidates = self._candidates(outputs)
        chosen = select(
            self._scores(outputs, candidates),
            decode(box_deltas(outputs[1]), candidates.boxes_cxcywh, self._variances),
            candidates.window,
            (self._size[0] * scale, self._size[1] * scale),
            cfg.penalty_k,
            cfg.window_influence,
        )
        search_center = self._center.copy()
        score = float(chosen.scores[chosen.best])
        is_sound = math.isfinite(score)
        if not is_sound:
            score = 0.0  # nothing is known, so the box stays
        if is_sound and score >= cfg.hold_below:
            self._move(chosen, scale, image.shape[1], image.shape[0])
        state = self._state.step(score)
        done = time.perf_counter()
        self.timings = Timings(
            crop_ms=(cropped - started) * 1e3, network_ms=(ran - cropped) * 1e3, select_ms=(done - ran) * 1e3
        )
        box_xywh = np.concatenate((self._center - self._size / 2, self._size))
        box_xywh.flags.writeable = False
        details = self._describe(chosen, candidates, scale, search_center, window_square, crop) if debug else None
        return TrackResult(box_xywh, score, state, details)

    def _search_size(self) -> int:
        """Return the side of the search crop in pixels: another one for small targets, where the network has it."""
        cfg = self._current
        if cfg.small_target_search_size and self._image_share < cfg.small_target_fraction:
            return cfg.small_target_search_size
        return cfg.search_size

    def _search_side(self, exemplar_side: float, scale: float, search_size: int) -> float:
        cfg = self._current
        if cfg.convention == "dasiamrpn":
            return exemplar_side + 2 * ((search_size - cfg.exemplar_size) / 2 / scale)
        return exemplar_side * (search_size / cfg.exemplar_size)

    def _crop(self, image: Image, side: float, output_size: int) -> tuple[Image, tuple[float, float, float]]:
        rounding = "round" if self._current.convention == "dasiamrpn" else "floor"
        center = (float(self._center[0]), float(self._center[1]))
        return crop_square(image, center, side, output_size, self._padding, rounding)

    def _run(self, crop: Image, scale: float) -> Outputs:
        """Return the network's outputs for a search crop; `scale` is crop pixels per image pixel."""
        return self.runner.search(self._template, crop)

    def _scores(self, outputs: Outputs, candidates: Candidates) -> NDArray[np.float32]:
        """Return the foreground probability of each candidate (N,)."""
        return foreground_scores(outputs[0])

    def _candidates(self, outputs: Outputs) -> Candidates:
        """Return the anchors of the map that came out; kept until the next `init`."""
        _, planes, rows, columns = outputs[0].shape
        shape = (planes // 2, rows, columns)
        if shape not in self._grids:
            anchors = self.config.anchors
            if anchors.style == "exemplar":
                sizes = exemplar_base_sizes(self._exemplar_wh, anchors.ratios, anchors.scales)
            else:
                sizes = rpn_base_sizes(anchors.stride, anchors.ratios, anchors.scales)
            if len(sizes) != shape[0]:
                raise TrackerStateError(
                    f"The network gives {shape[0]} anchors per position, but its configuration describes {len(sizes)}."
                )
            # published trackers put an even map half a stride aside; a map that is centred has its middle at 0
            first = -(columns - 1) / 2 * anchors.stride if self._current.convention == "exact" else None
            grid = grid_anchors(sizes, (rows, columns), anchors.stride, first)
            self._grids[shape] = Candidates((shape,), grid, cosine_window(rows, columns, shape[0]))
        return self._grids[shape]

    def _move(self, chosen: Selection, scale: float, width: int, height: int) -> None:
        """Take over the winner: its centre as it is, its size smoothed; both kept inside the image."""
        best_cxcywh = chosen.boxes_cxcywh[chosen.best].astype(np.float64) / scale
        if not np.isfinite(best_cxcywh).all():
            return
        rate = float(chosen.penalty[chosen.best] * chosen.scores[chosen.best]) * self._current.size_lr
        center = self._center + best_cxcywh[:2]
        size = self._size * (1 - rate) + best_cxcywh[2:] * rate
        limits = np.array([width, height], np.float64)
        self._center = np.clip(center, 0.0, limits)
        self._size = np.maximum(self._current.minimum_size, np.minimum(size, limits))

    def _describe(
        self,
        chosen: Selection,
        candidates: Candidates,
        scale: float,
        center: NDArray[np.float64],
        window_square: tuple[float, float, float],
        crop: Image,
    ) -> TrackDebug:
        def in_image(boxes_cxcywh: NDArray[np.float32]) -> NDArray[np.float32]:
            boxes = boxes_cxcywh / np.float32(scale)
            boxes[:, :2] += center.astype(np.float32)
            return np.asarray(cxcywh_to_xywh(boxes), np.float32)

        left, top, side = window_square
        return TrackDebug(
            levels=candidates.levels,
            anchors_xywh=in_image(candidates.boxes_cxcywh),
            proposals_xywh=in_image(chosen.boxes_cxcywh),
            scores_raw=chosen.scores,
            scores_penalised=chosen.penalised,
            scores_windowed=chosen.windowed,
            best=chosen.best,
            search_window_xywh=np.array([left, top, side, side]),
            exemplar_crop=self._exemplar_crop,
            search_crop=crop,
        )


def check_image(image: Image) -> None:
    """Raise `InputError` unless `image` is uint8 H×W×3."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 1:
        raise InputError(
            f"A tracker takes uint8 images of height × width × 3 in BGR order, not {image.dtype} {image.shape}."
        )
