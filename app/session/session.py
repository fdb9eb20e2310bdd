"""What is open: a source, its targets with their trackers, and every result so far. No Qt; used by one thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from app.session.frame_view import Curve, FrameView, TargetView
from app.session.left_off import around
from app.session.live_run import LiveRun
from app.session.measures import GroundTruth
from app.session.run_table import RunTable
from app.session.runs import Runs
from app.session.seeking import read_at, read_or_last
from app.session.trackers import TrackerChoice, TrackerFactory, Trackers
from tracker_core.boxes import check_start_box
from tracker_core.config import TrackingConfig
from tracker_core.errors import InputError, SourceError
from tracker_core.results.identity import count_now, identify_source
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.run import BoxOrigin, Run
from tracker_core.results.targets import Target
from tracker_core.trackers.following import Found, SessionTracker, add_timings
from tracker_core.types import Frame, FrameSource, Image, TrackResult

Answer = TypeVar("Answer")

TRAIL_FRAMES = 60


class Session:
    """Frames in, views out: tracks where nothing is known yet, replays where it is.

    Results are kept for every frame of every target. Tracking starts again at each key frame and needs only the
    result before it to continue, so that it can be taken up anywhere. `is_tracking` lets `read_next` compute,
    `wants_debug` asks for the trackers' inner state as well. What was tracked before is computed again for that, of
    target `explained` alone, or of all of them where that is None.

    Raises the core's errors; after one, the session is as it was before the call, less the frame that failed.
    """

    def __init__(self, tracker_factory: TrackerFactory) -> None:
        self.trackers = Trackers(tracker_factory, self.key_image)
        self.source: FrameSource | None = None
        self.spec = ""
        self.serial = 0  # of openings
        self.truth = GroundTruth()
        self.runs = Runs(SourceIdentity(""))
        self.run_table = RunTable(self.trackers)
        self.position: int | None = None
        self.frame: Frame | None = None
        self.is_tracking = False
        self.wants_debug = False
        self.explained: int | None = None
        self.is_displaced = False  # the source was read elsewhere, and does not stand after the present frame
        self._key_images: dict[int, Image] = {}  # of live sources, which cannot go back for them
        self._skipped: set[int] = set()
        self._catch_up: list[Frame] = []

    # --- source -------------------------------------------------------------------------------------------

    def open(self, source: FrameSource, spec: str) -> FrameView | None:
        """Take `source` (closing the one before) and return its first frame, None if it has none."""
        self.close_source()
        self.source, self.spec = source, spec
        self.runs = Runs(identify_source(source, spec))
        self.serial += 1
        self.truth = GroundTruth(getattr(source, "sequence", None))
        return self.read_next()

    def close_source(self) -> None:
        """Close the source and forget its targets and results; harmless when nothing is open."""
        source, self.source = self.source, None
        self.spec, self.truth = "", GroundTruth()
        self.position, self.frame, self.is_tracking = None, None, False
        self.runs = Runs(SourceIdentity(""))
        self.trackers.clear()
        self._key_images.clear()
        self._skipped.clear()
        self._catch_up.clear()
        if source is not None:
            source.close()

    def read_next(self) -> FrameView | None:
        """Read the next frame, track or replay it, and return its view; None at the end."""
        source = self.require_source()
        if self.is_displaced and self.position is not None:
            source.seek(self.position + 1)
            self.is_displaced = False
        frame = self._catch_up.pop(0) if self._catch_up else source.read()
        return None if frame is None else self.take(frame)

    def take(self, frame: Frame) -> FrameView:
        """Track or replay a frame that was read from the source, the next one, and return its view."""
        if self.position is not None and not self.require_source().is_live:
            self._skipped.update(range(self.position + 1, frame.index))
        previous = self.position if self.is_tracking else None
        if previous is not None and any(previous in target.results for target in self.targets.values()):
            self.runs.continue_with(self.trackers.producer, previous)
        return self._stand_on(frame, previous)

    def seek(self, index: int) -> FrameView | None:
        """Show frame `index` (clamped to what exists) with its stored results, without tracking on."""
        source = self.require_source()
        if not source.is_seekable:
            raise SourceError(f"'{source.name}' is live; its earlier frames were not recorded.")
        frame = read_or_last(source, max(0, index))
        if frame is None:
            return None
        view, self.is_displaced = self.show(frame), False
        return view

    def show(self, frame: Frame) -> FrameView:
        """Stand on a frame that was read elsewhere, with its stored results; `read_next` continues from there."""
        self.is_displaced = True
        return self._stand_on(frame, None)

    def _stand_on(self, frame: Frame, previous: int | None) -> FrameView:
        """Make `frame` the present one and return its view; where that raises, the one before stays the present one."""
        before, self.position, self.frame = (self.position, self.frame), frame.index, frame
        try:
            return self._view(frame, previous)
        except BaseException:
            self.position, self.frame = before
            self.is_displaced = self.require_source().is_seekable
            raise

    def view(self) -> FrameView | None:
        """Return the present frame again, for overlays that were switched on after it was tracked."""
        return None if self.frame is None else self._view(self.frame, None)

    def catch_up(self) -> int:
        """Take over what a live source captured since the present frame and return how many frames wait."""
        frames_since = getattr(self.source, "frames_since", None)
        if frames_since is not None and self.position is not None:
            self._catch_up = list(frames_since(self.position))
        return len(self._catch_up)

    @property
    def has_caught_up_frames(self) -> bool:
        """Whether frames of a live source wait that `catch_up` took over; `read_next` gives them."""
        return bool(self._catch_up)

    # --- runs and targets ---------------------------------------------------------------------------------

    @property
    def run(self) -> LiveRun:
        """The active run."""
        return self.runs.active

    @property
    def targets(self) -> dict[int, Target]:
        """The targets by number, in the order they were added."""
        return self.run.targets

    def begin(self, frame: Frame, box_xywh: Any, number: int | None = None, by: BoxOrigin = BoxOrigin.USER) -> int:
        """Set the box of target `number` (None adds one) in `frame` and return its number.

        All that came before in the video stays; what followed up to the next key frame becomes the ghost. Where another
        tracker found what is there, this starts a run.
        """
        source = self.require_source()
        box = np.array(check_start_box(box_xywh, *frame.image.shape[1::-1]), np.float64)
        chosen = number if number in self.targets and number is not None else self.run.next_number
        self.trackers.start(chosen, frame, box)
        self.runs.continue_with(self.trackers.producer, frame.index - 1)
        with self.runs.edit(f"box of target {chosen}") as run:
            run.set_key(frame, chosen, box, by, self.trackers.producer)
            run.note(frame, source, math.nan)
        if source.is_seekable:
            source.seek(frame.index + 1)
        else:
            self._key_images[frame.index] = frame.image
        self.position, self.frame = frame.index, frame
        return chosen

    def remove(self, numbers: list[int]) -> None:
        """Forget targets and their results; undo brings them back."""
        known = [number for number in numbers if number in self.targets]
        if known:
            text = f"removal of target {known[0]}" if len(known) == 1 else f"removal of {len(known)} targets"
            with self.runs.edit(text) as run:
                run.remove(known)

    def undo(self) -> str:
        """Take back the last change of boxes, targets or runs and return what it was, "" for nothing."""
        return self.change_runs(lambda runs: runs.history.undo())

    def redo(self) -> str:
        """Do again what was taken back last and return what it was, "" for nothing."""
        return self.change_runs(lambda runs: runs.history.redo())

    def change_runs(self, change: Callable[[Runs], Answer]) -> Answer:
        """Activate, delete, rename or score runs: whatever `change` does; return what it returns."""
        answer = change(self.runs)
        self.trackers.clear()
        return answer

    def build_tracker(self) -> SessionTracker:
        """Build the chosen tracker now rather than at the first box; raises the core's errors."""
        return self.trackers.chosen.base

    def choose_tracker(self, choice: TrackerChoice, tracking: TrackingConfig | None = None) -> None:
        """Use another tracker, weights or device for what is computed next, as `Trackers.choose`."""
        self.trackers.choose(choice, tracking)

    def set_tracking_config(self, tracking: TrackingConfig) -> None:
        """Use other parameters for what is computed next; what was found stays."""
        self.trackers.set_tracking(tracking)

    def run_again(self) -> int | None:
        """Start a run from the same boxes with the chosen tracker; return the first key frame, None for no box."""
        start = self.runs.restart(self.trackers.producer)
        self.trackers.clear()
        return start

    def frontier(self) -> int | None:
        """Return the frame from which tracking has to continue: the earliest of the targets' last ones from here."""
        if self.position is None:
            return None
        ends = [target.frontier(self.position, self._skipped) for target in self.targets.values()]
        return min((end for end in ends if end is not None), default=None)

    def build_run(self) -> Run:
        """Return everything stored, for saving and export, with the length of the source where that can be told."""
        run, count = self.run.recorder.build(), None if self.source is None else count_now(self.source)
        return run if count is None else replace(run, source=replace(run.source, frame_count=count))

    def curves(self) -> Mapping[int, Curve]:
        """Return everything that the active run holds by target; the same object for as long as that stays the same."""
        return self.run_table.curves(self.run, self.truth)

    def _view(self, frame: Frame, previous: int | None) -> FrameView:
        """Return the view of `frame`; `previous` is the frame before it when tracking may compute, else None."""
        index = frame.index
        producer_of = self.run.recorder.producer_of
        asked = [t for t in self.targets.values() if index in t.results and self.explained in (None, t.number)]
        made = [(target, producer_of(index, target.number)) for target in asked]
        tracked = Found() if previous is None else self._track(frame, previous)
        explained = self.trackers.explain(made, frame) if self.wants_debug else Found()
        views = []
        for target in self.targets.values():
            result = tracked.results.get(target.number, target.results.get(index))
            if result is not None and target.number in explained.results:
                result = replace(result, debug=explained.results[target.number].debug)
            views.append(_target_view(target, index, result, self.truth, self.run))
        timings, others = add_timings(tracked.timings, explained.timings), self.runs.others_at(index)
        box, polygon = self.truth.box(index), self.truth.polygon(index)
        return FrameView(frame, tuple(views), box, polygon, timings, explained.remark, others)

    def _track(self, frame: Frame, previous: int) -> Found:
        """Track all targets that have a result in frame `previous` and none in this one, and store what is found."""
        targets = [t for t in self.targets.values() if frame.index not in t.results and previous in t.results]
        if not targets:
            return Found()
        found = self.trackers.chosen.follow([(target, previous) for target in targets], frame, self.wants_debug)
        for number, result in found.results.items():
            self.run.add(frame.index, number, result, self.trackers.producer)
        self.run.note(frame, self.require_source(), found.timings.update_ms / 1e3)
        return found

    def key_image(self, key: int) -> Image:
        """Return the image (uint8 BGR) of a key frame; raises `InputError` where it is gone."""
        if key in self._key_images:
            return self._key_images[key]
        source = self.require_source()
        if not source.is_seekable:
            raise InputError(f"The image of frame {key} is gone ('{source.name}' is live); draw the box again.")
        frame = read_at(source, key)
        if self.position is not None:  # the frame being tracked was read already; continue after it
            source.seek(self.position + 1)
        if frame is None:
            raise SourceError(f"Frame {key} of '{source.name}' can no longer be read; open it again.")
        return frame.image

    def require_source(self) -> FrameSource:
        """Return what is open; raises `SourceError` where nothing is."""
        if self.source is None:
            raise SourceError("Nothing is open; open a camera, a video or a folder first.")
        return self.source


def _target_view(
    target: Target, index: int, result: TrackResult | None, truth: GroundTruth, run: LiveRun
) -> TargetView:
    trail = target.trail(index, TRAIL_FRAMES)
    row = None if result is None else truth.row(run, target, index, result)
    ghost, is_key, record = target.ghost.get(index), index in target.key_frames, target.record
    missing = around(target, index) if result is None else None
    return TargetView(target.number, result, ghost, is_key, trail, row, record.name, record.color, missing)
