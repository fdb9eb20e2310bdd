"""What the worker hands to the window for one frame: everything that is painted or read out, immutable."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from tracker_core.types import FloatArray, Frame, Timings, TrackResult

STATES = ("", "tracking", "uncertain", "lost", "key")  # of a target in a frame; "" where nothing is known
PLACE_OF_STATE = {state: place for place, state in enumerate(STATES)}
LOST_STATE, KEY_STATE = PLACE_OF_STATE["lost"], PLACE_OF_STATE["key"]


@dataclass(frozen=True)
class ResultRow:
    """One line of the plots: what was found for target `number` in frame `index` (NaN without ground truth).

    `box_xywh` is (x, y, w, h) in image pixels, None where it is not known; `speed` is in pixels per second, NaN where
    it is not known.
    """

    index: int
    number: int
    score: float
    iou: float
    center_error: float
    state: str
    is_new: bool = True
    box_xywh: FloatArray | None = field(default=None, compare=False)
    speed: float = field(default=math.nan, compare=False)


@dataclass(frozen=True)
class Untracked:
    """Where a target has results around a frame in which it has none: the last frame before and the first one after.

    None where there is none on that side.
    """

    before: int | None
    after: int | None


@dataclass(frozen=True)
class TargetView:
    """One target in one frame.

    Attributes:
        number: the target's number, from 1.
        result: what was found, None where it was not tracked.
        ghost: what a new box replaced here, None if nothing was.
        is_key: whether a person set the box in this frame.
        trail: float64 (N, 2), past centres, oldest first.
        row: its line of the plots, None where it was not tracked.
        name: for people, "" if it has none.
        color: "#rrggbb" as the user chose it, "" for the one that goes with the number.
        untracked: where it has results instead, None where it has one here or was marked as outside.
    """

    number: int
    result: TrackResult | None
    ghost: TrackResult | None
    is_key: bool
    trail: FloatArray
    row: ResultRow | None = None
    name: str = ""
    color: str = ""
    untracked: Untracked | None = None


@dataclass(frozen=True)
class OtherRun:
    """What another visible run found in a frame: its number, its name, its results by target, its colour's place."""

    number: int
    name: str
    results: Mapping[int, TrackResult]
    color: int = 0


@dataclass(frozen=True)
class FrameView:
    """One frame with its targets, in the order they were added, and what other visible runs found there.

    `remark` is one sentence where a stored result cannot be explained by what made it, else empty.
    """

    frame: Frame
    targets: tuple[TargetView, ...] = ()
    ground_truth_xywh: FloatArray | None = None
    ground_truth_polygon: FloatArray | None = None
    timings: Timings = field(default_factory=Timings)
    remark: str = ""
    others: tuple[OtherRun, ...] = ()

    def name_of(self, number: int) -> str:
        """Return the name of a target, its number where it has none."""
        target = self.target(number)
        return (target.name if target is not None else "") or str(number)

    def target(self, number: int) -> TargetView | None:
        """Return the view of target `number`, None if there is none."""
        return next((target for target in self.targets if target.number == number), None)


@dataclass(frozen=True)
class SourceSummary:
    """What is open: `spec` opens it again (addresses lack credentials), `frame_count` is None for a live one.

    `serial` tells this opening from every other, of the same source too.
    """

    serial: int
    spec: str
    name: str
    size: tuple[int, int]
    fps: float
    frame_count: int | None
    is_live: bool
    is_seekable: bool
    has_ground_truth: bool
    offered_box_xywh: tuple[float, float, float, float] | None = None
    offered_index: int = 0
    warnings: tuple[str, ...] = ()
    is_recorded: bool = False


@dataclass(frozen=True)
class Span:
    """Frames `first` to `last`, both included, and what is to be said of them in a word."""

    first: int
    last: int
    word: str


@dataclass(frozen=True)
class TargetSummary:
    """One target for lists and the timeline: its key frames, how far it was tracked, its name and colour.

    `marks` are where a person said that it is visible, occluded or outside, `ways` where its boxes were tracked
    backwards or filled in.
    """

    number: int
    key_frames: tuple[int, ...]
    first: int | None
    last: int | None
    count: int
    has_ghost: bool
    name: str = ""
    color: str = ""
    marks: tuple[Span, ...] = ()
    ways: tuple[Span, ...] = ()


class Scoring(Enum):
    """Whether a run is measured against the ground truth, and if not why."""

    NO_TRUTH = "no ground truth"
    ELSEWHERE = "started elsewhere"
    ON_TRUTH = "started on the ground truth"
    ANYWAY = "scored anyway"


class Stale(Enum):
    """What changed since a run was tracked, so that its numbers no longer say what they seem to."""

    NO = ""
    TRACKER = "tracker"
    TRUTH = "ground truth"


@dataclass(frozen=True, eq=False)  # whether two are the same one is all that is ever asked
class Curve:
    """One target over the N frames of a run in which something was found for it; NaN where a number is not known.

    Attributes:
        frames: int64 (N,), in order.
        scores: float64 (N,).
        ious: float64 (N,), overlaps with the ground truth.
        center_errors: float64 (N,), pixels from the centre of the ground truth.
        speeds: float64 (N,), pixels per second since the frame before.
        states: uint8 (N,), places in `STATES`.
        boxes_xywh: float64 (N, 4), image pixels.
    """

    frames: NDArray[np.int64]
    scores: FloatArray
    ious: FloatArray
    center_errors: FloatArray
    speeds: FloatArray
    states: NDArray[np.uint8]
    boxes_xywh: FloatArray

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def is_lost(self) -> NDArray[np.bool_]:
        """True (N,) where the target was lost."""
        return np.asarray(self.states == LOST_STATE, np.bool_)

    @property
    def losses(self) -> NDArray[np.bool_]:
        """True (N,) where a loss begins: the target was not lost in what was found before."""
        was_lost = np.concatenate([[False], self.is_lost])[:-1]
        return np.asarray(self.is_lost & ~was_lost, np.bool_)


@dataclass(frozen=True)
class RunSummary:
    """One run for the list of runs.

    Attributes:
        number: the run's number, from 1.
        title: its name, "" if it has none.
        tracker: what found it, with a precision that is not exact; several, joined by commas, where it was changed.
        changes: parameters that are not as the tracker was tuned: name, tuned value and value.
        begins_at: the frame from which a change of tracker or parameters counts, None if from the start.
        frame_count: frames with a result.
        lost_count: how often a target was lost.
        success: area under the success curve, NaN where it is not scored.
        precision: share of frames at most 20 pixels off, NaN where it is not scored.
        fps: frames per second that the tracker alone would reach, NaN if not measured.
        color: the place of its colour among those of runs.
        curves: by target, of a run that is visible beside the active one; else empty.
    """

    number: int
    title: str = ""
    tracker: str = ""
    changes: tuple[tuple[str, float, float], ...] = ()
    begins_at: int | None = None
    frame_count: int = 0
    lost_count: int = 0
    success: float = math.nan
    precision: float = math.nan
    fps: float = math.nan
    is_active: bool = False
    is_visible: bool = True
    scoring: Scoring = Scoring.NO_TRUTH
    stale: Stale = Stale.NO
    created: str = ""
    color: int = 0
    curves: Mapping[int, Curve] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class SessionSummary:
    """What is open and what was found so far, for the window's widgets.

    `undo_text` and `redo_text` name what can be taken back and done again, "" for nothing. `length_scale` says how long
    a pixel is, "" where nobody said. `tracker_title` is the tracker's name, with weights and precision that are not its
    own.
    """

    source: SourceSummary | None = None
    targets: tuple[TargetSummary, ...] = ()
    tracker: str = ""
    weights: str = ""
    device: str = ""
    next_number: int = 1
    undo_text: str = ""
    redo_text: str = ""
    runs: tuple[RunSummary, ...] = ()
    length_scale: str = ""
    tracker_title: str = ""

    def name_of(self, number: int) -> str:
        """Return the name of a target, its number where it has none."""
        names = {target.number: target.name for target in self.targets}
        return names.get(number) or str(number)
