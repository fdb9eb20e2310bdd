"""Where targets moved, how fast and how far, by the real times of the frames.

A speed is the way from the centre in the frame before to the centre in this one, by the time between them. It is not
known (NaN) where that way is not one: in the first frame, across frames in which the target was lost, outside or has no
box, onto a key frame, whose box somebody set, and where tracking backwards ended at what had been tracked forwards.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import InputError
from tracker_core.results.run import Run, TargetTrack
from tracker_core.results.smoothing import smooth
from tracker_core.types import FloatArray, ResultOrigin, TrackingState, TrackResult

MOTION_COLUMNS = ("frame", "time_s", "target", "label", "state", "centre_x", "centre_y", "velocity_x", "velocity_y")

_NUMBER = r"[\d.,]+(?:e[+-]?\d+)?"
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+")  # or a decimal comma: nobody can tell


@dataclass(frozen=True)
class LengthScale:
    """How long a pixel is: `per_pixel` of a `unit`. It holds where the target moves across the line of sight.

    `said` are the words that it was read from, if any.
    """

    per_pixel: float = 1.0
    unit: str = "px"
    said: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Return what `parse_length_scale` reads, as it was said, "" for pixels."""
        return self.said or ("" if self == LengthScale() else f"1 px = {self.per_pixel!r} {self.unit}")


@dataclass(frozen=True)
class Motion:
    """One target's motion over the N frames of a run; NaN where it is not known.

    Attributes:
        centers: float64 (N, 2), x and y in image pixels.
        velocities: float64 (N, 2), pixels per second since the frame before.
        path: float64 (N,), pixels gone up to this frame, as far as they are known.
    """

    centers: FloatArray
    velocities: FloatArray
    path: FloatArray

    @property
    def speeds(self) -> FloatArray:
        """float64 (N,), pixels per second."""
        return np.asarray(np.hypot(*self.velocities.T), np.float64)


def parse_length_scale(text: str) -> LengthScale:
    """Return the scale that "120 px = 1.8 m" means, with a decimal point or comma; raises `InputError`."""
    match = re.fullmatch(rf"\s*({_NUMBER})\s*(?:px|pixels?)?\s*=\s*({_NUMBER})\s*([^\d\s=.,][^=,;]*?)\s*", text)
    typed = match.groups()[:2] if match else ()
    numbers = ["" if _THOUSANDS.fullmatch(part) else part.replace(",", ".") for part in typed]
    try:
        pixels, length = (float(number) for number in numbers)
    except ValueError:
        pixels, length = 0.0, 0.0
    if match is None or pixels <= 0 or length <= 0:
        raise InputError(f"The scale '{text}' is not of the form 'N px = M unit', for example '120 px = 1.8 m'.")
    return LengthScale(length / pixels, match[3], f"{numbers[0]} px = {numbers[1]} {match[3]}")


def known_scale(text: str) -> str:
    """Return a scale as it stands in a file, "" where it cannot be read: what was found does not hang on it."""
    try:
        return str(parse_length_scale(text)) if text else ""
    except InputError:
        return ""


def measure_motion(run: Run, target: TargetTrack, smooth_s: float = 0.0) -> Motion:
    """Return the motion of a target of `run`.

    With `smooth_s` the centres of each stretch without a gap are smoothed first, by straight lines fitted with Gaussian
    weights of that standard deviation in seconds.
    """
    seen = run.seen(target)
    centers = np.where(seen[:, None], target.boxes_xywh[:, :2] + target.boxes_xywh[:, 2:] / 2, np.nan)
    follows = _follows(run, target, seen)
    if smooth_s > 0:
        for rows in _stretches(seen, follows):
            centers[rows] = smooth(run.times_s[rows], centers[rows], smooth_s)
    velocities, steps = np.full((len(run), 2), np.nan), np.zeros(len(run))
    rows = np.flatnonzero(follows)
    ways = centers[rows] - centers[rows - 1]
    velocities[rows] = ways / (run.times_s[rows] - run.times_s[rows - 1])[:, None]
    steps[rows] = np.hypot(*ways.T)
    return Motion(centers, velocities, np.where(seen, np.cumsum(steps), np.nan))


def is_way(before: ResultOrigin, here: ResultOrigin, is_key: bool) -> bool:
    """Tell whether a target went from the box of the frame before to this one, by where they come from.

    It did not go onto a key frame, whose box somebody set, nor from what was tracked forwards to what was backwards.
    """
    return before is not ResultOrigin.TRACKED or not (is_key or here is ResultOrigin.BACKWARDS)


def speed_onto(before: TrackResult | None, here: TrackResult, seconds: float, is_key: bool = False) -> float:
    """Return the speed, pixels per second, of a target that had the result `before` in the frame before this one.

    NaN where it is not known, as in `measure_motion`.
    """
    if before is None or seconds <= 0 or TrackingState.LOST in (before.state, here.state):
        return math.nan
    if not is_way(before.origin, here.origin, is_key):
        return math.nan
    way = here.box_xywh - before.box_xywh
    return float(np.hypot(*(way[:2] + way[2:] / 2))) / seconds


def write_motion(run: Run, scale: LengthScale | None = None, smooth_s: float = 0.0) -> str:
    """Return a table as CSV: `MOTION_COLUMNS`, speed and path in pixels, and with `scale` in its unit as well.

    A line for each target in each frame of `run`; a cell is empty where nothing is known.
    """
    scales = [LengthScale(), *([] if scale is None else [scale])]
    lengths = [name for s in scales for name in (f"speed_{s.unit}_per_s", f"path_{s.unit}")]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*MOTION_COLUMNS, *lengths])
    motions = [(target, measure_motion(run, target, smooth_s)) for target in run.targets]
    for row, index in enumerate(run.frame_indices):
        for target, motion in motions:
            state = target.states[row]
            lengths = [v * s.per_pixel for s in scales for v in (motion.speeds[row], motion.path[row])]
            numbers = [*motion.centers[row], *motion.velocities[row], *lengths]
            cells = [f"{number:.4f}" if np.isfinite(number) else "" for number in numbers]
            told = [index, f"{run.times_s[row]:.6f}", target.number, target.name, state.value if state else ""]
            writer.writerow([*told, *cells])
    return buffer.getvalue()


def _follows(run: Run, target: TargetTrack, seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (N,) whether a row's centre was reached from the one in the row before."""
    follows = np.zeros(len(run), bool)
    # live sources number what they captured, and not all of that is tracked
    is_next = np.diff(run.frame_indices) == 1 if not run.source.is_live else np.full(max(0, len(run) - 1), True)
    follows[1:] = seen[1:] & seen[:-1] & is_next & (np.diff(run.times_s) > 0)
    is_key = np.isin(run.frame_indices, [key.index for key in target.key_frames])
    # what was tracked forwards throughout goes on from box to box but onto key frames
    for row in range(1, len(run)) if target.origins else np.flatnonzero(is_key).tolist():
        follows[row] &= row > 0 and is_way(target.origin(row - 1), target.origin(row), bool(is_key[row]))
    return np.asarray(follows, np.bool_)


def _stretches(seen: NDArray[np.bool_], follows: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Return the rows of each stretch in which a target was followed without a gap."""
    rows = np.flatnonzero(seen)
    return [part for part in np.split(rows, np.flatnonzero(~follows[rows])) if len(part)]
