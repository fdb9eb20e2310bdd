"""What is open: a source, its targets with their trackers, and every result so far. No Qt; used by one thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from app.frame_view import FrameView, ResultRow, SessionSummary, SourceSummary, TargetSummary, TargetView
from app.live_scores import center_error, iou_of, state_name
from app.targets import Target
from tracker_core.boxes import check_start_box
from tracker_core.config import TrackingConfig
from tracker_core.errors import InputError, SourceError
from tracker_core.types import FloatArray, Frame, FrameSource, Image, Sequence, Timings, TrackResult

logger = logging.getLogger(__name__)

TRAIL_FRAMES = 60
UNDO_DEPTH = 20


class SessionTracker(Protocol):
    """What a session needs of a tracker: to start, follow, copy itself for another target, and resume."""

    name: str
    timings: Timings

    @property
    def device(self) -> str: ...
    @property
    def tracking(self) -> TrackingConfig: ...
    def set_tracking(self, tracking: TrackingConfig) -> None: ...
    def fork(self) -> Any: ...
    def init(self, image: Image, box_xywh: Any) -> None: ...
    def update(self, image: Image, *, debug: bool = False) -> TrackResult: ...
    def resume(self, box_xywh: Any, scores: list[float]) -> None: ...


@dataclass(frozen=True)
class TrackerChoice:
    """Which tracker to build; None and "auto" leave the choice to the core."""

    name: str | None = None
    weights: str | None = None
    device: str = "auto"


TrackerFactory = Callable[[TrackerChoice], SessionTracker]


@dataclass
class _Run:
    """A tracker started on one key frame; `at` is the last frame it saw."""

    tracker: SessionTracker
    at: int


class Session:
    """Frames in, views out: tracks where nothing is known yet, replays where it is.

    Results are kept for every frame of every target. Tracking starts anew at each key frame and needs only the
    result before it to go on, so that it can be taken up anywhere.

    Raises the core's errors; after one, the session is as it was before the call, less the frame that failed.
    """

    def __init__(self, tracker_factory: TrackerFactory) -> None:
        self._factory = tracker_factory
        self._choice = TrackerChoice()
        self._base: SessionTracker | None = None
        self._tracking_config: TrackingConfig | None = None
        self._runs: dict[tuple[int, int], _Run] = {}
        self._key_images: dict[int, Image] = {}  # of live sources, which cannot go back for them
        self._undo: list[tuple[dict[int, Target], int]] = []
        self._skipped: set[int] = set()
        self._next_number = 1
        self.source: FrameSource | None = None
        self.spec = ""
        self.sequence: Sequence | None = None
        self.targets: dict[int, Target] = {}
        self.position: int | None = None
        self.frame: Frame | None = None
        self.is_tracking = False
        self.wants_debug = False
        self.restored = 0
        self._catch_up: list[Frame] = []

    # --- source -------------------------------------------------------------------------------------------

    def open(self, source: FrameSource, spec: str) -> FrameView | None:
        """Take `source` (closing the one before) and return its first frame, None if it has none."""
        self.close_source()
        self.source, self.spec = source, spec
        self.sequence = getattr(source, "sequence", None)
        return self.read_next()

    def close_source(self) -> None:
        """Close the source and forget its targets and results; harmless when nothing is open."""
        if self.source is not None:
            self.source.close()
        self.source, self.spec, self.sequence = None, "", None
        self.position, self.frame, self.is_tracking, self.restored = None, None, False, 0
        self.targets, self._next_number = {}, 1
        self._runs.clear()
        self._key_images.clear()
        self._undo.clear()
        self._skipped.clear()
        self._catch_up.clear()

    def read_next(self) -> FrameView | None:
        """Read the next frame, track or replay it, and return its view; None at the end."""
        if self._catch_up:
            return self._process(self._catch_up.pop(0))
        source = self._require_source()
        frame = source.read()
        if frame is None:
            return None
        if self.position is not None and not source.is_live:
            self._skipped.update(range(self.position + 1, frame.index))
        return self._process(frame)

    def seek(self, index: int) -> FrameView | None:
        """Show frame `index` (clamped to what exists) with its stored results, without tracking on."""
        source = self._require_source()
        if not source.is_seekable:
            raise SourceError(f"'{source.name}' is live; there is no going back to frame {index}.")
        count = source.frame_count
        index = max(0, index if count is None else min(index, count - 1))
        frame = self._read_at(index)
        if frame is None:  # the count was an estimate and the end came earlier
            count = source.frame_count
            frame = self._read_at(max(0, (count or 1) - 1)) if count is not None and count <= index else None
        if frame is None:
            return None
        self.position, self.frame = frame.index, frame
        return self._view(frame, None)

    def view(self) -> FrameView | None:
        """Return the present frame again, for overlays that were switched on after it was tracked."""
        return None if self.frame is None else self._view(self.frame, None)

    def catch_up(self) -> int:
        """Take over what a live source captured since the present frame and return how many frames wait."""
        frames_since = getattr(self.source, "frames_since", None)
        if frames_since is not None and self.position is not None:
            self._catch_up = list(frames_since(self.position))
        return len(self._catch_up)

    def ground_truth(self, index: int) -> FloatArray | None:
        """Return the true box (x, y, w, h) of frame `index`, None where there is none."""
        if self.sequence is None or not 0 <= index < len(self.sequence.boxes_xywh):
            return None
        box = self.sequence.boxes_xywh[index]
        return box if np.isfinite(box).all() and box[2] > 0 and box[3] > 0 else None

    # --- targets ------------------------------------------------------------------------------------------

    def begin(self, frame: Frame, box_xywh: Any, number: int | None = None) -> int:
        """Set the box of target `number` (None adds one) in `frame` and return its number.

        All that came before in the video stays; what followed up to the next key frame becomes the ghost.
        """
        height, width = frame.image.shape[:2]
        box = np.array(check_start_box(box_xywh, width, height), np.float64)
        tracker = self._require_base().fork()
        if self._tracking_config is not None:
            tracker.set_tracking(self._tracking_config)
        tracker.init(frame.image, box)
        self._remember()
        if number is None or number not in self.targets:
            number = self._next_number
            self._next_number += 1
            self.targets[number] = Target(number)
        self.targets[number].set_key(frame.index, box)
        self._runs[number, frame.index] = _Run(tracker, frame.index)
        if self.source is not None and not self.source.is_seekable:
            self._key_images[frame.index] = frame.image
        self.position, self.frame = frame.index, frame
        return number

    def remove_target(self, number: int) -> None:
        """Forget a target and its results; undo brings it back."""
        if number in self.targets:
            self._remember()
            del self.targets[number]

    def clear_targets(self) -> None:
        """Forget every target; undo brings them back."""
        if self.targets:
            self._remember()
            self.targets = {}

    def undo(self) -> bool:
        """Take back the last box or removal, with the results that it replaced; False if there is nothing."""
        if not self._undo:
            return False
        self.targets, self._next_number = self._undo.pop()
        self._runs.clear()
        return True

    def restore(self, targets: dict[int, Target]) -> None:
        """Take over the targets of an earlier session with the same source."""
        self.targets = targets
        self._next_number = max(targets, default=0) + 1
        self.restored = sum(len(target.results) for target in targets.values())

    # --- tracker ------------------------------------------------------------------------------------------

    @property
    def choice(self) -> TrackerChoice:
        """Which tracker is used or will be built."""
        return self._choice

    def build(self) -> SessionTracker:
        """Build the chosen tracker now rather than at the first box; raises the core's errors."""
        return self._require_base()

    def choose_tracker(self, choice: TrackerChoice) -> None:
        """Use another tracker, weights or device from the next frame on; on an error the present one stays."""
        tracker = self._factory(choice)
        self._base, self._choice, self._tracking_config = tracker, choice, None
        self._runs.clear()
        self._retire_following()

    def set_tracking_config(self, tracking: TrackingConfig) -> None:
        """Use other parameters from the next frame on; while tracking, stored results after it become the ghost."""
        self._require_base().set_tracking(tracking)
        for run in self._runs.values():
            run.tracker.set_tracking(tracking)
        self._tracking_config = tracking
        self._retire_following()

    def run_again(self) -> int | None:
        """Make all computed results the ghost, so that tracking computes them anew; return the first key frame."""
        starts = [target.start_index for target in self.targets.values() if target.start_index is not None]
        if not starts:
            return None
        self._remember()
        for target in self.targets.values():
            if target.start_index is not None:
                target.retire_after(target.start_index)
        self._runs.clear()
        return min(starts)

    def frontier(self) -> int | None:
        """Return the frame from which tracking has to go on: the earliest of the targets' last ones from here."""
        if self.position is None:
            return None
        ends = [target.frontier(self.position, self._skipped) for target in self.targets.values()]
        return min((end for end in ends if end is not None), default=None)

    def is_tracked_here(self) -> bool:
        """Tell whether any target has a result in the present frame."""
        return any(self.position in target.results for target in self.targets.values())

    def row(self, view: TargetView, index: int, is_new: bool) -> ResultRow | None:
        """Return the plot line of a target in a view, None where it was not tracked."""
        if view.result is None:
            return None
        state = state_name(view.result, view.is_key)
        return ResultRow(index, view.number, view.result.score, view.iou, view.center_error, state, is_new)

    def rows(self) -> list[ResultRow]:
        """Return the plot lines of everything stored, ordered by frame."""
        rows = []
        for target in self.targets.values():
            for index, result in target.results.items():
                truth = self._truth_for(target.number, index)
                state = state_name(result, index in target.key_boxes)
                iou, error = iou_of(result.box_xywh, truth), center_error(result.box_xywh, truth)
                rows.append(ResultRow(index, target.number, result.score, iou, error, state))
        return sorted(rows, key=lambda row: (row.index, row.number))

    def summary(self) -> SessionSummary:
        """Return what is open as plain values."""
        targets = tuple(
            TargetSummary(
                target.number,
                tuple(sorted(target.key_boxes)),
                target.start_index,
                max(target.results, default=None),
                len(target.results),
                bool(target.ghost),
            )
            for target in self.targets.values()
        )
        return SessionSummary(
            self.source_summary(),
            targets,
            self._base.name if self._base else (self._choice.name or ""),
            self._choice.weights or "",
            self._base.device if self._base else self._choice.device,
            bool(self._undo),
            self.restored,
        )

    def source_summary(self) -> SourceSummary | None:
        """Return the open source as plain values, with the box to start from where the ground truth has one."""
        source = self.source
        if source is None:
            return None
        offered, index = None, 0
        if self.sequence is not None:
            usable = (i for i in range(len(self.sequence.boxes_xywh)) if self.ground_truth(i) is not None)
            index = next(usable, 0)
            truth = self.ground_truth(index)
            offered = None if truth is None else (float(truth[0]), float(truth[1]), float(truth[2]), float(truth[3]))
        return SourceSummary(
            self.spec,
            source.name,
            source.size,
            source.fps,
            source.frame_count,
            source.is_live,
            source.is_seekable,
            self.sequence is not None,
            offered,
            index,
            tuple(getattr(source, "warnings", ())),
        )

    # --- one frame ----------------------------------------------------------------------------------------

    def _process(self, frame: Frame) -> FrameView:
        previous, self.position, self.frame = self.position, frame.index, frame
        return self._view(frame, previous if self.is_tracking else None)

    def _view(self, frame: Frame, previous: int | None) -> FrameView:
        """Return the view of `frame`; `previous` is the frame before it when tracking may compute, else None."""
        views, timings, recomputed = [], Timings(), False
        for target in self.targets.values():
            stored = target.results.get(frame.index)
            result = stored
            if stored is None and previous is not None:
                result, spent = self._follow(target, frame, previous)
                timings = _add_timings(timings, spent)
            elif stored is not None and self.wants_debug:
                explained, spent = self._explain(target, frame)
                if explained is not None:
                    recomputed = recomputed or _differs(explained, stored)
                    result = replace(stored, debug=explained.debug)
                    timings = _add_timings(timings, spent)
            truth = self._truth_for(target.number, frame.index)
            box = None if result is None else result.box_xywh
            views.append(
                TargetView(
                    target.number,
                    result,
                    target.ghost.get(frame.index),
                    frame.index in target.key_boxes,
                    target.trail(frame.index, TRAIL_FRAMES),
                    iou_of(box, truth),
                    center_error(box, truth),
                )
            )
        polygons = None if self.sequence is None else self.sequence.polygons
        polygon = polygons[frame.index] if polygons is not None and frame.index < len(polygons) else None
        return FrameView(frame, tuple(views), self.ground_truth(frame.index), polygon, timings, recomputed)

    def _follow(self, target: Target, frame: Frame, previous: int) -> tuple[TrackResult | None, Timings]:
        """Compute and store the result of a frame that follows `previous`; None if the target is not there yet."""
        key = target.key_at_or_before(previous)
        if key is None or previous not in target.results:
            return None, Timings()
        run = self._run_standing_at(target, key, previous)
        result = run.tracker.update(frame.image, debug=self.wants_debug)
        run.at = frame.index
        target.results[frame.index] = replace(result, debug=None)
        return result, run.tracker.timings

    def _explain(self, target: Target, frame: Frame) -> tuple[TrackResult | None, Timings]:
        """Compute a stored frame again for its debug output; None for a key frame, which nothing was computed for."""
        previous = target.result_before(frame.index)
        key = target.key_at_or_before(frame.index)
        if previous is None or key is None or key == frame.index:
            return None, Timings()
        run = self._run_standing_at(target, key, previous)
        run.at = frame.index
        return run.tracker.update(frame.image, debug=True), run.tracker.timings

    def _run_standing_at(self, target: Target, key: int, index: int) -> _Run:
        """Return the tracker of the key frame `key`, standing where the result of frame `index` left it."""
        run = self._runs.get((target.number, key))
        if run is None or (index == key and run.at != key):
            tracker = self._require_base().fork()
            if self._tracking_config is not None:
                tracker.set_tracking(self._tracking_config)
            tracker.init(self._key_image(key), target.key_boxes[key])
            run = self._runs[target.number, key] = _Run(tracker, key)
        if run.at != index:
            run.tracker.resume(target.results[index].box_xywh, target.scores_since_key(index))
            run.at = index
        return run

    def _key_image(self, key: int) -> Image:
        if key in self._key_images:
            return self._key_images[key]
        source = self._require_source()
        if not source.is_seekable:
            raise InputError(f"The picture of frame {key} is gone ('{source.name}' is live); draw the box again.")
        frame = self._read_at(key)
        if self.position is not None:  # the frame being tracked was read already; go on after it
            source.seek(self.position + 1)
        if frame is None:
            raise SourceError(f"Frame {key} of '{source.name}' cannot be read any more; open it again.")
        return frame.image

    def _read_at(self, index: int) -> Frame | None:
        source = self._require_source()
        source.seek(index)
        return source.read()

    def _truth_for(self, number: int, index: int) -> FloatArray | None:
        """Return the true box for target `number`: ground truth speaks of the first target alone."""
        first = next(iter(self.targets), None)
        return self.ground_truth(index) if number == first else None

    def _require_base(self) -> SessionTracker:
        if self._base is None:
            self._base = self._factory(self._choice)
            if self._tracking_config is not None:
                self._base.set_tracking(self._tracking_config)
        return self._base

    def _require_source(self) -> FrameSource:
        if self.source is None:
            raise SourceError("Nothing is open; open a camera, a video or a folder first.")
        return self.source

    def _remember(self) -> None:
        self._undo.append(({n: target.copy() for n, target in self.targets.items()}, self._next_number))
        del self._undo[:-UNDO_DEPTH]

    def _retire_following(self) -> None:
        if self.is_tracking and self.position is not None:
            for target in self.targets.values():
                target.retire_after(self.position)


def _add_timings(one: Timings, other: Timings) -> Timings:
    return Timings(
        crop_ms=one.crop_ms + other.crop_ms,
        network_ms=one.network_ms + other.network_ms,
        select_ms=one.select_ms + other.select_ms,
    )


def _differs(one: TrackResult, other: TrackResult) -> bool:
    """Tell whether two results of one frame lie further apart than rounding explains."""
    return bool(np.abs(one.box_xywh - other.box_xywh).max() > 0.5)
