"""The tracking loop of every Siamese tracker: one target, its template and its last box.

What the outputs mean is the layout's affair (`candidates`), how many sizes are searched that of `scale_search`.
Follows SiamRPN (Li et al. 2018, section 4.4) with the conventions of the two published implementations where
the configuration asks for them: see `boxes.published_center` and `crops.Cutout.around`.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.boxes import check_start_box, published_center
from tracker_core.candidates import Asking, Candidates, Choice, Favour, make_layout
from tracker_core.config import TrackerConfig, TrackingConfig
from tracker_core.crops import Cutout, Framing, channel_mean, is_blank
from tracker_core.errors import TrackerStateError
from tracker_core.trackers.association import Association
from tracker_core.trackers.base import NetworkTracker, check_image
from tracker_core.trackers.confidence import confidence
from tracker_core.trackers.describing import describe_search, to_image
from tracker_core.trackers.lost_search import lost_search_size, sweep_center
from tracker_core.trackers.scale_search import scale_factors
from tracker_core.trackers.searching import Searching, SearchRequest, choose_answer, update_together
from tracker_core.trackers.second_opinion import SecondOpinion
from tracker_core.trackers.state import StateMachine
from tracker_core.types import Image, Timings, TrackingState, TrackResult

if TYPE_CHECKING:  # it loads torch
    from tracker_core.runtime.base import Runner


OF_THE_TEMPLATE = ("exemplar_size", "context", "crop_shape")


class SiameseTracker(NetworkTracker):
    """Follows one target with a Siamese network, or with two of them that have to agree."""

    def __init__(self, config: TrackerConfig, runner: Runner, second_runner: Runner | None = None) -> None:
        super().__init__(config, runner)
        self._second = SecondOpinion(config, second_runner) if second_runner else None
        self._template: Any = None
        self._current = config.tracking  # what this target is followed with
        self._layout = make_layout(config)
        self._laid_out: dict[tuple[int, ...], Candidates] = {}

    @property
    def runners(self) -> list[Runner]:
        """What runs its network, and the second one if it has one."""
        return [self.runner, *([self._second.runner] if self._second else [])]

    def set_tracking(self, tracking: TrackingConfig) -> None:
        """Take other parameters from the next frame on; raises `ConfigError` for a value out of range.

        How the exemplar is cut belongs to the template, so that changes of that wait for the next `init`.
        """
        super().set_tracking(tracking)
        self._layout = make_layout(self.config)
        if self._template is not None:
            kept = {name: getattr(self._current, name) for name in OF_THE_TEMPLATE}
            self._current = dataclasses.replace(tracking, **kept)
            self._state.high, self._state.low = tracking.score_high, tracking.score_low
            self._state.patience = tracking.patience

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
        framing = Framing.of(cfg)
        sides = framing.exemplar_sides(box[2], box[3])
        self._exemplar_crop = self._cutout(image, self._center, sides, cfg.exemplar_size).crop
        scales = framing.exemplar_scales(box[2], box[3])
        self._exemplar_wh = (float(box[2]) * scales[0], float(box[3]) * scales[1])
        self._template = self.runner.template(self._exemplar_crop, self._exemplar_wh)
        if self._second:
            self._second.start(image, box, self._padding)
        self._state = StateMachine(cfg.score_high, cfg.score_low, cfg.patience)
        self._laid_out.clear()
        self._association = Association(np.concatenate((self._center, self._size)))

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
        frame = 0
        for score in scores:
            self._state.step(score)
            frame += 1
        self._association.stand_at(frame, np.concatenate((self._center, self._size)))

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        """Find the target in the next uint8 H×W×3 BGR image; `debug` asks for the candidates as well.

        Raises `TrackerStateError` before `init`, `InputError` for an image of another kind.
        """
        return update_together([self], image, debug=debug)[0]

    @classmethod
    def update_all(cls, trackers: Sequence[Any], image: Image, *, debug: bool = False) -> list[TrackResult]:
        """Update the trackers of several targets, which share a network, in one batch."""
        return update_together(trackers, image, debug=debug)

    def searching(self, image: Image, debug: bool) -> Searching:
        """Do what `update` does, but for the network's part: that is asked for, and answered by who drives this."""
        if self._template is None:
            raise TrackerStateError("The tracker was updated before it was started; call init(image, box) first.")
        check_image(image)
        cfg, started = self._current, time.perf_counter()
        center, size = self._center.copy(), self._size.copy()
        widening = cfg.lost_search_scale if (is_lost := self._state.state is TrackingState.LOST) else 1.0
        search_size = self._search_size()
        sides = self._search_sides(search_size) * widening
        scales = np.array(Framing.of(cfg).search_scales(size[0], size[1])) / widening
        if is_lost and cfg.lost_sweep:
            center = sweep_center(center, sides, (image.shape[1], image.shape[0]), self._state.lost_frames)
        factors = scale_factors(cfg)
        cutouts = [self._cutout(image, center, sides * factor, search_size) for factor in factors]
        if not self.runner.is_cutting:
            for cutout in cutouts:
                cutout.crop  # noqa: B018 it is cut here and not while the network is waited for
        second = self._second if cfg.second_weight else None
        more = [second.request(image, center, size, self._padding)] if second else []
        cropped = time.perf_counter()
        # the search region is cut around the last box, which therefore lies in its middle
        expected_wh = (float(size[0] * scales[0]), float(size[1] * scales[1]))
        selecting, wants_all = self._selecting(is_lost), debug or self._remembers() or second is not None
        asking = Asking(self._layout, self._candidates, expected_wh, selecting, wants_all)
        guide = (0.0, 0.0, *expected_wh)
        asked = [SearchRequest(self.runner, self._template, cutout, guide, asking) for cutout in cutouts]
        found = yield asked + more
        ran = time.perf_counter()
        number, chosen = choose_answer(found.answers[: len(asked)], asking, search_size)
        scales /= factors[number]
        if second:
            chosen = second.revise(chosen, found.answers[-1], center, scales, asking)
        choice = self._layout.favoured(chosen.choice, self._favour(center, scales), selecting)
        # a network answers to a single colour as well, but its answer says nothing: the box stays
        is_evidence = math.isfinite(choice.score) and not is_blank(image, cutouts[number].region_xywh)
        score = confidence(choice.score, cfg) if is_evidence else 0.0
        # elsewhere in the image a weak answer is another object's
        is_enough = choice.score >= cfg.hold_below and not (is_lost and cfg.lost_sweep and score < cfg.score_high)
        coasted = self._association.coast(choice.score, cfg.coast_frames) if is_evidence else None
        if coasted is not None:
            self._center, self._size = self._clip(coasted[:2], coasted[2:], image)
        elif is_evidence and is_enough and not self._is_refused(choice):
            self._move(choice, center, scales, image)
        self._learn(choice, center, scales)
        state = self._state.step(score)
        done = time.perf_counter()
        self.timings = Timings(
            crop_ms=(cropped - started) * 1e3, network_ms=found.network_ms, select_ms=(done - ran) * 1e3
        )
        found_center, found_size = self._center, self._size
        if not cfg.keeps_in_image:
            found_center, found_size = self._clip(found_center, found_size, image)
        box_xywh = np.concatenate((found_center - found_size / 2, found_size))
        box_xywh.flags.writeable = False
        details = None
        if debug:
            last, view = np.concatenate((center, size)) if self.network.takes_guide else None, to_image(center, scales)
            details = describe_search(choice, chosen, view, cutouts[number], self._exemplar_crop, last)
        return TrackResult(box_xywh, score, state, details)

    def _favour(self, center: NDArray[np.float64], scales: NDArray[np.float64]) -> Favour | None:
        """Return what the memory says of candidates in a region around `center`; None where it is turned off."""
        weight = self._current.rival_weight
        if not weight:
            return None
        return lambda boxes_cxcywh: self._association.favour(boxes_cxcywh, to_image(center, scales), weight)

    def _learn(self, choice: Choice, center: NDArray[np.float64], scales: NDArray[np.float64]) -> None:
        """Let the memory take over a frame."""
        found = choice.selection
        if found is not None and self._remembers():
            box_cxcywh = np.concatenate((self._center, self._size))
            self._association.learn(box_cxcywh, found.boxes_cxcywh, to_image(center, scales), found.scores, found.best)

    def _is_refused(self, choice: Choice) -> bool:
        """Return whether look-alikes left nothing that could be the target."""
        found = choice.selection
        if found is None or not self._current.rival_weight:
            return False
        return self._association.is_refused(found.scores, found.best)

    def _remembers(self) -> bool:
        cfg = self._current
        return bool(cfg.coast_frames or cfg.rival_weight or cfg.rival_guard or cfg.cover_frames)

    def _search_size(self) -> int:
        """Return the side of the search crop in pixels: another one for small targets, where the network has it."""
        cfg = self._current
        is_small = cfg.small_target_search_size and self._image_share < cfg.small_target_fraction
        usual = cfg.small_target_search_size if is_small else cfg.search_size
        return lost_search_size(cfg, usual, self._state.lost_frames)

    def _selecting(self, is_lost: bool) -> TrackingConfig:
        """Return the settings by which a candidate is chosen in this frame."""
        cfg = self._current
        if not is_lost or cfg.lost_window_influence < 0:
            return cfg
        return dataclasses.replace(cfg, window_influence=cfg.lost_window_influence)

    def _search_sides(self, search_size: int) -> NDArray[np.float64]:
        """Return width and height of the search region in image pixels."""
        cfg, framing = self._current, Framing.of(self._current)
        if cfg.search_context:
            return search_size / np.array(framing.search_scales(*self._size))
        exemplar_sides = np.array(framing.exemplar_sides(*self._size))
        if cfg.convention == "dasiamrpn":
            scales = cfg.exemplar_size / exemplar_sides
            return np.asarray(exemplar_sides + 2 * ((search_size - cfg.exemplar_size) / 2 / scales), np.float64)
        return exemplar_sides * (search_size / cfg.exemplar_size)

    def _cutout(self, image: Image, center: NDArray[np.float64], sides: Any, output_size: int) -> Cutout:
        rounding = "round" if self._current.convention == "dasiamrpn" else "floor"
        return Cutout.around(
            image, (float(center[0]), float(center[1])), (sides[0], sides[1]), output_size, self._padding, rounding
        )

    def _candidates(self, shape: Sequence[int], search_size: int) -> Candidates:
        """Return the candidates of the shape of the network's first output; kept until the next `init`."""
        key = (*shape[1:], search_size)
        if key not in self._laid_out:
            exemplar_wh = np.array(self._exemplar_wh, np.float64)
            self._laid_out[key] = self._layout.lay_out(shape, exemplar_wh, search_size)
        return self._laid_out[key]

    def _move(self, choice: Choice, center: NDArray[np.float64], scales: NDArray[np.float64], image: Image) -> None:
        """Take over the box that was chosen in a region around `center`: its centre as it is, its size smoothed."""
        found_cxcywh = choice.box_cxcywh / np.concatenate((scales, scales))
        if not np.isfinite(found_cxcywh.sum()):
            return
        found_cxcywh[:2] += center
        cfg = self._current
        found_cxcywh = self._association.guard(found_cxcywh, cfg.rival_guard, cfg.cover_frames)
        self._size = self._size * (1 - choice.rate) + found_cxcywh[2:] * choice.rate
        self._center = found_cxcywh[:2]
        if cfg.keeps_in_image:
            self._center, self._size = self._clip(self._center, self._size, image)

    def _clip(
        self, center: NDArray[np.float64], size: NDArray[np.float64], image: Image
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return centre and size kept inside the image, the size above its lower bound."""
        limits = np.array([image.shape[1], image.shape[0]], np.float64)
        return np.clip(center, 0.0, limits), np.maximum(self._current.minimum_size, np.minimum(size, limits))
