"""The supervised VOT protocol: accuracy, robustness and expected average overlap (EAO).

A tracker is started again five frames after each failure; the ten frames after every start do not count for accuracy.
See Kristan et al., "A Novel Performance Evaluation Methodology for Single-Target Trackers", TPAMI 2016, section 4, and
"The Visual Object Tracking VOT2015 Challenge Results" for the EAO.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import InputError, nearest_name
from tracker_core.evaluation.regions import overlap_on_pixels
from tracker_core.types import FloatArray

REGION, SKIPPED, STARTED, FAILED = -1, 0, 1, 2  # what a line of a VOT result file says
RESTART_AFTER = 5  # frames from a failure to the next start
BURN_IN = 10  # frames after a start that do not count for accuracy
# Lengths of runs over which the expected overlap is averaged: those of typical sequences of the year.
EAO_INTERVALS = {
    "2015": (108, 371),
    "2016": (108, 371),
    "2017": (100, 356),
    "2018": (100, 356),
    "2019": (46, 291),
}
ALL_FRAMES = "all"


@dataclass(frozen=True)
class Trajectory:
    """One run over one sequence, as a VOT result file holds it.

    `codes` (N,) is REGION, SKIPPED, STARTED or FAILED; `polygons` (N, M, 2) are the regions, NaN elsewhere.
    """

    codes: NDArray[np.int64]
    polygons: FloatArray

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def boxes_xywh(self) -> FloatArray:
        """The upright boxes (N, 4) around the regions, NaN where there is none."""
        with np.errstate(invalid="ignore"):
            low, high = self.polygons.min(axis=1), self.polygons.max(axis=1)
        return np.hstack((low, high - low))


@dataclass(frozen=True)
class RunSummary:
    """What supervised evaluation measures over sequences: three numbers, failures, speed, and the expected overlap.

    `eao` is NaN where no run is as long as the interval begins, `fps` None where no sequence was timed.
    """

    eao: float
    accuracy: float
    robustness: float
    failures: float
    fps: float | None
    curve: FloatArray


@dataclass(frozen=True)
class SequenceRuns:
    """All repetitions on one sequence, measured.

    `overlaps` holds one (N,) array per repetition: overlap inside the image, NaN where there is no region; `failures`
    the frames of each repetition's failures; `starts` the same for starts; `frame_attributes` bool (N,) per tag.
    """

    name: str
    overlaps: tuple[FloatArray, ...]
    failures: tuple[NDArray[np.int64], ...]
    starts: tuple[NDArray[np.int64], ...]
    fps: float | None = None
    frame_attributes: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.overlaps[0])

    def settled_overlaps(self) -> FloatArray:
        """Return the overlaps (repetitions, N) without the burn-in, averaged nowhere; NaN where nothing counts."""
        settled = np.array(self.overlaps)
        for row, starts in zip(settled, self.starts, strict=True):
            for start in starts:
                row[start : start + BURN_IN] = np.nan
        return settled


def interval_of_year(year: str) -> tuple[int, int]:
    """Return the EAO interval of a challenge; raises `InputError` that names the nearest known year."""
    if year not in EAO_INTERVALS:
        known = ", ".join(EAO_INTERVALS)
        raise InputError(f"There is no EAO interval for VOT{year}.{nearest_name(year, EAO_INTERVALS)} Known: {known}.")
    return EAO_INTERVALS[year]


def measure_runs(
    name: str,
    runs: Sequence[Trajectory],
    truth_polygons: FloatArray,
    image_size: tuple[int, int] | None,
    *,
    frame_attributes: dict[str, NDArray[np.bool_]] | None = None,
    fps: float | None = None,
) -> SequenceRuns:
    """Measure the repetitions of one sequence against its ground truth (N, M, 2), overlap counted inside the image.

    A region with NaN overlaps nothing; a frame whose ground truth is NaN does not count. Raises `InputError` for runs
    of another length and for ground truth that is NaN throughout.
    """
    known = np.isfinite(truth_polygons).all(axis=(1, 2))
    if not known.any():
        raise InputError(f"'{name}' has no frame with ground truth to compare with.")
    overlaps = []
    for run in runs:
        if len(run) != len(truth_polygons):
            raise InputError(f"'{name}' has {len(run)} lines for {len(truth_polygons)} frames of ground truth.")
        overlap = np.full(len(run), np.nan)
        there = np.flatnonzero((run.codes == REGION) & known)
        overlap[there] = np.nan_to_num(overlap_on_pixels(run.polygons[there], truth_polygons[there], image_size))
        overlaps.append(overlap)
    return SequenceRuns(
        name=name,
        overlaps=tuple(overlaps),
        failures=tuple(np.flatnonzero(run.codes == FAILED) for run in runs),
        starts=tuple(np.flatnonzero(run.codes == STARTED) for run in runs),
        fps=fps,
        frame_attributes=dict(frame_attributes or {}),
    )


def summarise_runs(
    sequences: Sequence[SequenceRuns], interval: tuple[int, int], attribute: str = ALL_FRAMES
) -> RunSummary:
    """Return the summary over sequences, of all frames or of those that carry an attribute."""
    curve = expected_overlap(sequences, attribute)
    timed = [part for part in sequences if part.fps]
    seconds = sum(len(part) / part.fps for part in timed if part.fps)
    return RunSummary(
        eao=expected_average_overlap(curve, interval),
        accuracy=accuracy(sequences, attribute),
        robustness=robustness(sequences, attribute),
        failures=failures(sequences, attribute),
        fps=sum(map(len, timed)) / seconds if seconds else None,
        curve=curve,
    )


def accuracy(sequences: Iterable[SequenceRuns], attribute: str = ALL_FRAMES) -> float:
    """Return the mean overlap over all counted frames of all sequences, each frame alike; NaN where none counts."""
    parts = []
    for sequence in sequences:
        settled = sequence.settled_overlaps()
        # repetitions are averaged frame by frame first, so that a run with more starts does not weigh less
        parts.append(_mean_over_runs(settled)[_tagged(sequence, attribute)])
    values = np.concatenate(parts) if parts else np.empty(0)
    counted = values[np.isfinite(values)]
    return float(counted.mean()) if len(counted) else float("nan")


def failures(sequences: Iterable[SequenceRuns], attribute: str = ALL_FRAMES) -> float:
    """Return the number of failures of one run over all sequences (mean over repetitions)."""
    total = 0.0
    for sequence in sequences:
        tagged = _tagged(sequence, attribute)
        total += sum(int(tagged[failed].sum()) for failed in sequence.failures) / len(sequence.failures)
    return total


def robustness(sequences: Iterable[SequenceRuns], attribute: str = ALL_FRAMES) -> float:
    """Return the failures per hundred frames of all sequences together; smaller is better. NaN without frames."""
    parts = list(sequences)
    frames = sum(int(_tagged(part, attribute).sum()) for part in parts)
    return 100.0 * failures(parts, attribute) / frames if frames else float("nan")


def expected_overlap(sequences: Iterable[SequenceRuns], attribute: str = ALL_FRAMES) -> FloatArray:
    """Return the expected overlap (L,) of a run of 1, 2, …, L frames, L the longest sequence.

    Every failure ends a run: the frames after it count as zero, for as long as any sequence lasts. The run that
    follows begins five frames after the failure, and the last one ends where its sequence ends: it tells nothing of
    longer runs (NaN), also where it failed in the last five frames, so that no start follows (as in the toolkit of the
    challenges, `estimate_expected_overlap`). A run weighs as much as the share of its frames that carry the attribute;
    repetitions share one weight. The first frame counts as 1 and is left out of the means, because the box was given
    there.
    """
    parts = list(sequences)
    longest = max((len(part) for part in parts), default=0)
    runs: list[FloatArray] = []
    weights: list[float] = []
    for part in parts:
        tagged = _tagged(part, attribute)
        for overlap, failed in zip(part.overlaps, part.failures, strict=True):
            for run, weight in _split_at_failures(overlap, failed, tagged, longest):
                runs.append(run)
                weights.append(weight / len(part.overlaps))
    if not runs or longest < 2:
        return np.ones(longest)
    stacked, shares = np.array(runs), np.array(weights)[:, None]
    means = np.cumsum(np.nan_to_num(stacked[:, 1:]), axis=1) / np.arange(1, longest)
    present = shares * np.isfinite(stacked[:, 1:])
    total = present.sum(axis=0)
    curve = np.divide((present * means).sum(axis=0), total, out=np.full(longest - 1, np.nan), where=total > 0)
    return np.concatenate(([1.0], curve))


def expected_average_overlap(curve: FloatArray, interval: tuple[int, int]) -> float:
    """Return the mean of the expected overlap over run lengths `interval`, both included; NaN if no run is as long."""
    low, high = interval
    values = curve[low - 1 : high]
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def attributes_of(sequences: Iterable[SequenceRuns]) -> list[str]:
    """Return the frame attributes that any sequence knows, in alphabetical order."""
    return sorted({name for sequence in sequences for name in sequence.frame_attributes})


def _split_at_failures(
    overlap: FloatArray, failed: NDArray[np.int64], tagged: NDArray[np.bool_], longest: int
) -> list[tuple[FloatArray, float]]:
    values = np.nan_to_num(overlap)
    begins = [0, *(int(frame) + RESTART_AFTER for frame in failed if frame + RESTART_AFTER < len(values))]
    runs = []
    for number, begin in enumerate(begins):
        is_last = number == len(begins) - 1
        # a run that failed reaches to the start of the next one, whose line is that run's too
        end = len(values) if is_last else begins[number + 1] + 1
        run = np.full(longest, np.nan if is_last else 0.0)
        part = values[begin:end]
        run[: len(part)] = part
        runs.append((run, float(tagged[begin:end].mean())))
    return runs


def _mean_over_runs(values: FloatArray) -> FloatArray:
    counted = np.isfinite(values)
    total = counted.sum(axis=0)
    mean = np.full(values.shape[1], np.nan)
    np.divide(np.nansum(values, axis=0), total, out=mean, where=total > 0)
    return mean


def _tagged(sequence: SequenceRuns, attribute: str) -> NDArray[np.bool_]:
    if attribute == ALL_FRAMES:
        return np.ones(len(sequence), np.bool_)
    return sequence.frame_attributes.get(attribute, np.zeros(len(sequence), np.bool_))
