"""What is open: a source, its targets with their trackers, and every result so far. No Qt; used by one thread."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from app.session.frame_view import FrameView, ResultRow, TargetView
from app.session.live_scores import center_error, iou_of, state_name
from app.session.targets import Target
from app.session.tracking_runs import SessionTracker, TrackerChoice, TrackerFactory, TrackingRuns
from tracker_core.boxes import check_start_box
from tracker_core.config import TrackingConfig
from tracker_core.errors import InputError, SourceError
from tracker_core.types import FloatArray, Frame, FrameSource, Image, Sequence, Timings, TrackResult

TRAIL_FRAMES = 60
UNDO_DEPTH = 20
SAME_BOX_PIXELS = 0.5


class Session:
    """Frames in, views out: tracks where nothing is known yet, replays where it is.

    Results are kept for every frame of every target. Tracking starts anew at each key frame and needs only the
    result before it to go on, so that it can be taken up anywhere. `is_tracking` lets `read_next` compute,
    `wants_debug` asks for the trackers' inner state as well.

    Raises the core's errors; after one, the session is as it was before the call, less the frame that failed.
    """

    def __init__(self, tracker_factory: TrackerFactory) -> None:
        self.runs = TrackingRuns(tracker_factory, self._key_image)
        self.source: FrameSource | None = None
        self.spec = ""
        self.serial = 0  # of openings
        self.sequence: Sequence | None = None
        self.targets: dict[int, Target] = {}
        self.position: int | None = None
        self.frame: Frame | None = None
        self.is_tracking = False
        self.wants_debug = False
        self.restored = 0
        self._next_number = 1
        self._key_images: dict[int, Image] = {}  # of live sources, which cannot go back for them
        self._undo: list[tuple[dict[int, Target], int]] = []
        self._skipped: set[int] = set()
        self._catch_up: list[Frame] = []

    # --- source -------------------------------------------------------------------------------------------

    def open(self, source: FrameSource, spec: str) -> FrameView | None:
        """Take `source` (closing the one before) and return its first frame, None if it has none."""
        self.close_source()
        self.source, self.spec = source, spec
        self.serial += 1
        self.sequence = getattr(source, "sequence", None)
        return self.read_next()

    def close_source(self) -> None:
        """Close the source and forget its targets and results; harmless when nothing is open."""
        source, self.source = self.source, None
        self.spec, self.sequence = "", None
        self.position, self.frame, self.is_tracking, self.restored = None, None, False, 0
        self.targets, self._next_number = {}, 1
        self.runs.clear()
        self._key_images.clear()
        self._undo.clear()
        self._skipped.clear()
        self._catch_up.clear()
        if source is not None:
            source.close()

    def read_next(self) -> FrameView | None:
        """Read the next frame, track or replay it, and return its view; None at the end."""
        source = self._require_source()
        frame = self._catch_up.pop(0) if self._catch_up else source.read()
        return None if frame is None else self.take(frame)

    def take(self, frame: Frame) -> FrameView:
        """Track or replay a frame that was read from the source, the next one, and return its view."""
        source = self._require_source()
        if self.position is not None and not source.is_live:
            self._skipped.update(range(self.position + 1, frame.index))
        previous, self.position, self.frame = self.position, frame.index, frame
        return self._view(frame, previous if self.is_tracking else None)

    def seek(self, index: int) -> FrameView | None:
        """Show frame `index` (clamped to what exists) with its stored results, without tracking on."""
        source = self._require_source()
        if not source.is_seekable:
            raise SourceError(f"'{source.name}' is live; there is no going back to frame {index}.")
        count = source.frame_count
        index = max(0, index if count is None else min(index, count - 1))
        frame = self._read_at(index)
        if frame is None and source.frame_count and source.frame_count <= index:
            frame = self._read_at(source.frame_count - 1)  # the count was an estimate; the end came earlier
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

    @property
    def has_caught_up_frames(self) -> bool:
        """Whether frames of a live source wait that `catch_up` took over; `read_next` gives them."""
        return bool(self._catch_up)

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
        source = self._require_source()
        height, width = frame.image.shape[:2]
        box = np.array(check_start_box(box_xywh, width, height), np.float64)
        is_new = number is None or number not in self.targets
        chosen = self._next_number if number is None or is_new else number
        self.runs.start(chosen, frame, box)
        self._remember()
        if is_new:
            self._next_number += 1
            self.targets[chosen] = Target(chosen)
        self.targets[chosen].set_key(frame.index, box)
        if source.is_seekable:
            source.seek(frame.index + 1)
        else:
            self._key_images[frame.index] = frame.image
        self.position, self.frame = frame.index, frame
        return chosen

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
        self.runs.clear()
        return True

    @property
    def can_undo(self) -> bool:
        """Whether there is a box or a removal to take back."""
        return bool(self._undo)

    def restore(self, targets: dict[int, Target]) -> None:
        """Take over the targets of an earlier session with the same source."""
        self.targets = targets
        self._next_number = max(targets, default=0) + 1
        self.restored = sum(len(target.results) for target in targets.values())

    # --- tracking -----------------------------------------------------------------------------------------

    def build_tracker(self) -> SessionTracker:
        """Build the chosen tracker now rather than at the first box; raises the core's errors."""
        return self.runs.base()

    def choose_tracker(self, choice: TrackerChoice) -> None:
        """Use another tracker, weights or device from the next frame on; on an error the present one stays."""
        self.runs.choose(choice)
        self._retire_following()

    def set_tracking_config(self, tracking: TrackingConfig) -> None:
        """Use other parameters from the next frame on; while tracking, stored results after it become the ghost."""
        self.runs.set_config(tracking)
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
        self.runs.clear()
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

    def rows(self) -> list[ResultRow]:
        """Return the plot lines of everything stored, ordered by frame."""
        rows = [
            self.row(target, index, result, is_new=False)
            for target in self.targets.values()
            for index, result in target.results.items()
        ]
        return sorted(rows, key=lambda row: (row.index, row.number))

    def row(self, target: Target, index: int, result: TrackResult, is_new: bool) -> ResultRow:
        """Return the plot line of one result of a target."""
        truth = self.truth_for(target.number, index)
        return ResultRow(
            index,
            target.number,
            float(result.score),
            iou_of(result.box_xywh, truth),
            center_error(result.box_xywh, truth),
            state_name(result, index in target.key_boxes),
            is_new,
        )

    def truth_for(self, number: int, index: int) -> FloatArray | None:
        """Return the true box for target `number`: ground truth speaks of the first target alone."""
        return self.ground_truth(index) if number == next(iter(self.targets), None) else None

    # --- one frame ----------------------------------------------------------------------------------------

    def _view(self, frame: Frame, previous: int | None) -> FrameView:
        """Return the view of `frame`; `previous` is the frame before it when tracking may compute, else None."""
        views, timings, is_recomputed = [], Timings(), False
        for target in self.targets.values():
            result = target.results.get(frame.index)
            computed = None
            if result is None and previous is not None and previous in target.results:
                computed = self.runs.follow(target, frame, previous, self.wants_debug)
                result = computed[0]
                target.results[frame.index] = replace(result, debug=None)
            elif result is not None and self.wants_debug:
                computed = self.runs.explain(target, frame)
                if computed is not None:
                    moved = np.abs(computed[0].box_xywh - result.box_xywh).max()
                    is_recomputed = is_recomputed or bool(moved > SAME_BOX_PIXELS)
                    result = replace(result, debug=computed[0].debug)
            if computed is not None:
                timings = _add_timings(timings, computed[1])
            views.append(self._target_view(target, frame.index, result))
        polygons = None if self.sequence is None else self.sequence.polygons
        polygon = polygons[frame.index] if polygons is not None and frame.index < len(polygons) else None
        return FrameView(frame, tuple(views), self.ground_truth(frame.index), polygon, timings, is_recomputed)

    def _target_view(self, target: Target, index: int, result: TrackResult | None) -> TargetView:
        trail = target.trail(index, TRAIL_FRAMES)
        row = None if result is None else self.row(target, index, result, is_new=False)
        return TargetView(target.number, result, target.ghost.get(index), index in target.key_boxes, trail, row)

    def _key_image(self, key: int) -> Image:
        if key in self._key_images:
            return self._key_images[key]
        source = self._require_source()
        if not source.is_seekable:
            raise InputError(f"The image of frame {key} is gone ('{source.name}' is live); draw the box again.")
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
