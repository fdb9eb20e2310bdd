"""ATOM: a classifier learned while tracking says where, a predicted overlap says how large (Danelljan et al. 2019).

The values of `OnlineConfig` and the rules around them are those of the published release (pytracking).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tracker_core.boxes import check_start_box, cxcywh_to_xywh
from tracker_core.candidates import make_layout
from tracker_core.config import TrackerConfig, TrackingConfig
from tracker_core.crops import is_blank
from tracker_core.errors import TrackerStateError
from tracker_core.runtime.base import Outputs, Runner
from tracker_core.trackers.atom.classifier import Classifier, Example
from tracker_core.trackers.atom.draws import Draws
from tracker_core.trackers.atom.localisation import Finding, Localisation, localise, upsample
from tracker_core.trackers.atom.refinement import Refinement, refine
from tracker_core.trackers.atom.samples import SHIFTED, Region, cut_region, first_samples
from tracker_core.trackers.base import NetworkTracker, check_image
from tracker_core.trackers.confidence import confidence
from tracker_core.trackers.state import StateMachine
from tracker_core.types import Image, OnlineDebug, Timings, TrackDebug, TrackResult

THUMBNAIL = 48  # pixels
SHOWN_SAMPLES = 12
NO_GUIDE = (0.0, 0.0, 0.0, 0.0)
INSIDE = 0.2  # share of the target that stays inside the image
FloatArray = NDArray[np.float64]


class AtomTracker(NetworkTracker):
    """Follows one target and learns it.

    `draws` supplies everything that is drawn at random; by default it follows `online.seed`. Of `tracking` it reads the
    search size, the smallest size and what decides the state.
    """

    def __init__(self, config: TrackerConfig, runner: Runner, draws: Draws | None = None) -> None:
        super().__init__(config, runner)
        self.draws = draws or Draws(config.online.seed)
        self._layout = make_layout(config)
        self._classifier: Classifier | None = None

    def set_tracking(self, tracking: TrackingConfig) -> None:
        """Take other parameters from the next frame on; raises `ConfigError` for a value out of range.

        The search region's size belongs to what was learned, so that its change waits for the next `init`.
        """
        super().set_tracking(tracking)
        if self._classifier is not None:
            self._state.high, self._state.low = tracking.score_high, tracking.score_low
            self._state.patience = tracking.patience

    def fork(self) -> AtomTracker:
        """Return an uninitialised tracker that shares this one's network and its draws."""
        other = super().fork()
        other.draws = self.draws
        return other

    def init(self, image: Image, box_xywh: Any) -> None:
        """Start on the target in `box_xywh` (x, y, w, h, image pixels) of a uint8 H×W×3 BGR image.

        Raises `InputError` for a box that no tracker can start on and for an image of another kind.
        """
        check_image(image)
        height, width = image.shape[:2]
        box = check_start_box(box_xywh, width, height)
        online = self.config.online
        self._search_size = self.tracking.search_size
        self._center, self._size = box[:2] + box[2:] / 2, box[2:].copy()
        region = self._region()
        drawn = self.draws.shifts(SHIFTED)
        samples = list(first_samples(image, region, self._search_size, online.border, drawn))
        self._exemplar_crop = samples[0].crop
        scale = self._search_size / region.side
        wh = (float(self._size[0] * scale), float(self._size[1] * scale))
        self._template = self.runner.template(self._exemplar_crop, wh)
        features = [self._tensor(self.runner.search(self._template, sample.crop, NO_GUIDE)[0]) for sample in samples]
        self._stride = self._search_size / features[0].shape[-1]
        shifts = np.array([sample.shift for sample in samples]) / self._stride
        deviation = online.label_deviation * float(np.sqrt(wh[0] * wh[1])) / self._stride
        self._classifier = Classifier(
            torch.cat(features), shifts, deviation, online, self.draws, _thumbnail(self._exemplar_crop)
        )
        self._frame = 0
        self._state = StateMachine(self.tracking.score_high, self.tracking.score_low, self.tracking.patience)

    def resume(self, box_xywh: Any, scores: Iterable[float] = ()) -> None:
        """Stand where an earlier run stood: at the box of its last frame, with the filter that it had there.

        `scores` are those of its frames since `init`. Filters of the last 1000 frames that this tracker has seen are
        kept; at another frame it stands with the last one known before. Raises `TrackerStateError` before `init`.
        """
        if self._classifier is None:
            raise TrackerStateError("The tracker was resumed before it was started; call init(image, box) first.")
        box = np.asarray(box_xywh, np.float64)
        self._center, self._size = box[:2] + box[2:] / 2, box[2:].copy()
        self._state = StateMachine(self.tracking.score_high, self.tracking.score_low, self.tracking.patience)
        self._frame = 0
        for score in scores:
            self._frame += 1
            self._state.step(score)
        self._classifier.stand_at(self._frame)

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        """Find the target in the next uint8 H×W×3 BGR image; `debug` asks for what was seen as well.

        Raises `TrackerStateError` before `init`, `InputError` for an image of another kind.
        """
        if self._classifier is None:
            raise TrackerStateError("The tracker was updated before it was started; call init(image, box) first.")
        check_image(image)
        started = time.perf_counter()
        self._frame += 1
        region, size = self._region(), self._size.copy()
        crop = cut_region(image, region, self._search_size, self.config.online.border)
        cropped = time.perf_counter()
        outputs = self.runner.search(self._template, crop, NO_GUIDE)
        ran = time.perf_counter()
        sample = self._classifier.project(self._tensor(outputs[0]))
        scores = self._classifier.scores(sample)
        found = self._locate(scores, region, image)
        refinement = self._move(found, outputs, region, image.shape[1], image.shape[0])
        self._learn(sample, found, crop)
        score = confidence(min(max(found.score, 0.0), 1.0), self.tracking)
        state = self._state.step(score)
        done = time.perf_counter()
        self.timings = Timings(
            crop_ms=(cropped - started) * 1e3, network_ms=(ran - cropped) * 1e3, select_ms=(done - ran) * 1e3
        )
        box_xywh = np.concatenate((self._center - self._size / 2, self._size))
        box_xywh.flags.writeable = False
        details = self._describe(scores, found, refinement, region, size, crop) if debug else None
        return TrackResult(box_xywh, score, state, details)

    def _region(self) -> Region:
        center = (float(self._center[0]), float(self._center[1]))
        return Region(center, self.config.online.area_scale * float(np.sqrt(self._size.prod())))

    def _tensor(self, array: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(array).to(self.device)

    def _locate(self, scores: NDArray[np.float32], region: Region, image: Image) -> Localisation:
        scale = self._search_size / region.side
        wh = (float(self._size[0] * scale), float(self._size[1] * scale))
        found = localise(upsample(scores, self._search_size), wh, self.config.online)
        if is_blank(image, region.xywh) or not np.isfinite(scores).all():
            return dataclasses.replace(found, score=0.0, finding=Finding.NOT_FOUND)  # nothing is known
        if self.config.online.classify:
            return found
        return dataclasses.replace(found, shift=(0.0, 0.0), finding=Finding.FOUND)

    def _move(
        self, found: Localisation, outputs: Outputs, region: Region, width: int, height: int
    ) -> Refinement | None:
        """Go to what was found and take the refined box; return how it came about."""
        if found.finding is Finding.NOT_FOUND:
            return None
        scale = self._search_size / region.side
        self._center = np.array(region.center) + np.array(found.shift) / scale
        refinement = None
        if self.config.online.refine:
            rough = np.concatenate((np.array(found.shift) - self._size * scale / 2, self._size * scale))
            refinement = self._refine(rough, outputs)
            if refinement.box_xywh is not None:
                box = refinement.box_xywh.cpu().numpy().astype(np.float64)
                center = box[:2] + box[2:] / 2 - (self._search_size - 1) / 2
                self._center = np.array(region.center) + center / scale
                self._size *= (box[2:] / scale / self._size) ** self.config.online.size_rate
        self._keep_inside(width, height)
        return refinement

    def _refine(self, rough_xywh: FloatArray, outputs: Outputs) -> Refinement:
        """Return the climb from a box in crop pixels around the crop's centre."""
        online = self.config.online
        box = rough_xywh.copy()
        box[:2] += (self._search_size - 1) / 2  # the predictor counts from the first pixel's centre
        maps = tuple(self._tensor(output) for output in outputs[1:])
        draws = torch.from_numpy(self.draws.jitter(self._frame, online.jitters)).float().to(self.device)
        rough = torch.from_numpy(box).float().to(self.device)
        overlap: Any = self.network.overlap  # Any: mypy takes the parts of an nn.Module for tensors
        return refine(lambda boxes: overlap(maps, boxes[None])[0], rough, draws, online)

    def _keep_inside(self, width: int, height: int) -> None:
        limits = np.array([width, height], np.float64)
        self._size = np.clip(self._size, np.minimum(self.tracking.minimum_size, limits), limits)
        margin = (INSIDE - 0.5) * self._size
        self._center = np.clip(self._center, margin, limits - margin)

    def _learn(self, sample: Tensor, found: Localisation, crop: Image) -> None:
        """Take the frame into the memory and improve the filter, as far as the finding allows."""
        assert self._classifier is not None
        online = self.config.online
        if not online.classify:
            return
        is_hard = found.finding is Finding.HARD_NEGATIVE
        example = None
        if found.finding not in (Finding.NOT_FOUND, Finding.UNCERTAIN):
            shift = (found.shift[0] / self._stride, found.shift[1] / self._stride)
            rate = online.hard_negative_rate if is_hard else online.rate
            example = Example(sample, shift, rate, _thumbnail(crop))
        is_due = is_hard or self._frame % online.update_every == 0
        self._classifier.learn(self._frame, example, steps=online.steps if is_due else 0)

    def _describe(
        self,
        scores: NDArray[np.float32],
        found: Localisation,
        refinement: Refinement | None,
        region: Region,
        size: FloatArray,
        crop: Image,
    ) -> TrackDebug:
        """Return what was seen: one candidate of the last size for each score, and the climbing boxes."""
        scale = region.side / self._search_size
        shape = (1, 1, *scores.shape)
        candidates = self._layout.lay_out(shape, size / scale, self._search_size)
        boxes_cxcywh = candidates.boxes_cxcywh * scale
        boxes_cxcywh[:, :2] += region.center
        candidates_xywh = np.asarray(cxcywh_to_xywh(boxes_cxcywh), np.float32)
        corner = np.array(region.center) - region.side / 2
        flat = np.clip(scores.ravel(), 0, 1)
        return TrackDebug(
            levels=candidates.levels,
            anchors_xywh=candidates_xywh,
            proposals_xywh=candidates_xywh,
            scores_raw=flat,
            scores_penalised=flat,
            scores_windowed=flat,
            best=int(flat.argmax()),
            search_window_xywh=np.array([*corner, region.side, region.side]),
            exemplar_crop=self._exemplar_crop,
            search_crop=crop,
            online=self._describe_online(found, refinement, region),
        )

    def _describe_online(self, found: Localisation, refinement: Refinement | None, region: Region) -> OnlineDebug:
        assert self._classifier is not None
        scale = region.side / self._search_size
        corner = np.array(region.center) - region.side / 2

        def in_image(boxes: Tensor) -> NDArray[np.float32]:
            boxes_xywh = boxes.cpu().numpy().astype(np.float64)
            boxes_xywh[:, :2] += 0.5
            boxes_xywh *= scale
            boxes_xywh[:, :2] += corner
            return boxes_xywh.astype(np.float32)

        none = np.zeros((0, 4), np.float32)
        memory = self._classifier.memory
        weights = memory.weighting.values[: memory.used]
        heaviest = weights.argsort(descending=True, stable=True)[:SHOWN_SAMPLES].tolist()
        return OnlineDebug(
            found.finding.value,
            in_image(refinement.started_xywh) if refinement else none,
            in_image(refinement.ended_xywh) if refinement else none,
            np.asarray((refinement.overlap.cpu().numpy() + 1) / 2, np.float32) if refinement else none[:, 0],
            tuple(memory.thumbnails[place] for place in heaviest),
            tuple(float(weights[place]) for place in heaviest),
        )


def _thumbnail(crop: Image) -> Image:
    return np.asarray(cv2.resize(crop, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA), np.uint8)
