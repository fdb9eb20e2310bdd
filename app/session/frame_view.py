"""What the worker hands to the window for one frame: everything that is painted or read out, immutable."""

from __future__ import annotations

from dataclasses import dataclass, field

from tracker_core.types import FloatArray, Frame, Timings, TrackResult


@dataclass(frozen=True)
class ResultRow:
    """One line of the plots: what was found for target `number` in frame `index` (NaN without ground truth)."""

    index: int
    number: int
    score: float
    iou: float
    center_error: float
    state: str
    is_new: bool = True


@dataclass(frozen=True)
class TargetView:
    """One target in one frame.

    Attributes:
        number: the target's number, from 1.
        result: what was found, None where it was not tracked.
        ghost: what the run before found here, None if nothing was replaced.
        is_key: whether a person set the box in this frame.
        trail: float64 (N, 2), past centres, oldest first.
        row: its line of the plots, None where it was not tracked.
    """

    number: int
    result: TrackResult | None
    ghost: TrackResult | None
    is_key: bool
    trail: FloatArray
    row: ResultRow | None = None


@dataclass(frozen=True)
class FrameView:
    """One frame with its targets, in the order they were added.

    `remark` is one sentence where a stored result cannot be explained by what made it, else empty.
    """

    frame: Frame
    targets: tuple[TargetView, ...] = ()
    ground_truth_xywh: FloatArray | None = None
    ground_truth_polygon: FloatArray | None = None
    timings: Timings = field(default_factory=Timings)
    remark: str = ""

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
class TargetSummary:
    """One target for lists and the timeline: its key frames, and how far it was tracked."""

    number: int
    key_frames: tuple[int, ...]
    first: int | None
    last: int | None
    count: int
    has_ghost: bool


@dataclass(frozen=True)
class SessionSummary:
    """What is open and what was found so far, for the window's widgets."""

    source: SourceSummary | None = None
    targets: tuple[TargetSummary, ...] = ()
    tracker: str = ""
    weights: str = ""
    device: str = ""
    can_undo: bool = False
    restored: int = 0
    next_number: int = 1
