"""From result files and ground truth to one score per tracker, with everything that did not go in named beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.errors import InputError, SiamscopeError
from tracker_core.evaluation.ground_truth import BoxTruth, RegionTruth
from tracker_core.evaluation.one_pass import (
    NORMALISED_AT,
    SequenceCurves,
    average_curves,
    group_by_attribute,
    measure_sequence,
)
from tracker_core.evaluation.result_files import (
    ResultFolder,
    fit_to_frames,
    match_sequences,
    read_boxes_of_result,
    read_speed,
    read_trajectory,
)
from tracker_core.evaluation.supervised import (
    REGION,
    STARTED,
    SequenceRuns,
    Trajectory,
    accuracy,
    attributes_of,
    expected_average_overlap,
    expected_overlap,
    failures,
    measure_runs,
    robustness,
)
from tracker_core.types import FloatArray

DIGITS = 6  # of the numbers in JSON


@dataclass
class Remarks:
    """What a reader of a score must know: sequences that are not in it, and sequences that are in it with a flaw.

    Attributes:
        missing: sequences of the data set without a result file.
        left_out: sequence → why its result could not be counted.
        notes: sequence → what is odd about a result that was counted.
        unknown: result files that belong to no sequence of the data set.
        absent: sequences of the benchmark that are not on disk, where their names are known.
        benchmark: what the sequences are counted of, "" for the ground truth that was given.
        part: how the ground truth itself is only a part of a benchmark, "" if it is not.
        whole: number of sequences of that benchmark, 0 without a `part`.
    """

    missing: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    benchmark: str = ""
    part: str = ""
    whole: int = 0

    def describe(self, counted: int, total: int) -> list[str]:
        """Return sentences for people; none if every sequence was counted as it should be."""
        lines = []
        if counted < total:
            whole = f" of {self.benchmark}" if self.benchmark else ""
            lines.append(f"Partial: {counted} of {total} sequences{whole} are in this score.")
        if self.part:
            lines.append(f"Partial: {self.part}")
        if self.absent:
            lines.append(f"Not on disk: {_list_names(self.absent)}.")
        if self.missing:
            lines.append(f"No result file for {_list_names(self.missing)}.")
        lines.extend(f"Left out: {reason}" for reason in self.left_out.values())
        lines.extend(f"Note: {note}" for note in self.notes.values())
        if self.unknown:
            lines.append(f"Not in the data set, so not scored: {_list_names(self.unknown)}.")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "missing": self.missing,
            "left_out": self.left_out,
            "notes": self.notes,
            "unknown": self.unknown,
            "absent": self.absent,
            "part": self.part,
        }


class CountedScore:
    """What every score tells of the sequences that are in it."""

    sequences: tuple[Any, ...]
    total: int
    remarks: Remarks

    @property
    def is_complete(self) -> bool:
        """Whether every sequence of the whole benchmark is in the score."""
        return len(self.sequences) == self.total and not self.remarks.part

    @property
    def span(self) -> str:
        """How many of the benchmark's sequences are in the score: "9 of 100"."""
        return f"{len(self.sequences)} of {max(self.total, self.remarks.whole)}"


@dataclass(frozen=True)
class OnePassScore(CountedScore):
    """One tracker's one-pass evaluation: its measured sequences out of `total`, and remarks.

    `by_frame` averages over frames instead of sequences (GOT-10k).
    """

    tracker: str
    sequences: tuple[SequenceCurves, ...]
    total: int
    remarks: Remarks = field(default_factory=Remarks)
    by_frame: bool = False

    @property
    def overall(self) -> SequenceCurves:
        """The mean over all measured sequences."""
        return average_curves(self.tracker, self.sequences, by_frame=self.by_frame)

    def attributes(self) -> dict[str, SequenceCurves]:
        """Return the mean over the sequences that carry each attribute."""
        groups = group_by_attribute(self.sequences)
        return {name: average_curves(name, group, by_frame=self.by_frame) for name, group in groups.items()}

    def to_json(self) -> dict[str, Any]:
        """Return plain values: the overall numbers, curves, attributes, sequences and remarks."""
        overall = self.overall
        groups = group_by_attribute(self.sequences)
        return {
            **one_pass_numbers(overall),
            "sequences": len(self.sequences),
            "sequences_total": self.total,
            "complete": self.is_complete,
            "remarks": self.remarks.to_json(),
            "curves": curves_of(overall),
            "attributes": {
                name: {**one_pass_numbers(mean), "sequences": len(groups[name])}
                for name, mean in self.attributes().items()
            },
            "per_sequence": {part.name: {**one_pass_numbers(part), "frames": part.frames} for part in self.sequences},
        }


@dataclass(frozen=True)
class SupervisedScore(CountedScore):
    """One tracker's supervised evaluation: its measured sequences out of `total`, the EAO interval, and remarks."""

    tracker: str
    sequences: tuple[SequenceRuns, ...]
    total: int
    interval: tuple[int, int]
    remarks: Remarks = field(default_factory=Remarks)

    @property
    def eao(self) -> float:
        """Expected average overlap; NaN where no sequence is as long as the interval begins."""
        return expected_average_overlap(self.curve(), self.interval)

    def curve(self) -> FloatArray:
        """Return the expected overlap by length of run."""
        return expected_overlap(self.sequences)

    def to_json(self) -> dict[str, Any]:
        """Return plain values: the overall numbers, the curve, attributes, sequences and remarks."""
        parts, curve = self.sequences, self.curve()
        timed = [part for part in parts if part.fps]
        seconds = sum(len(part) / part.fps for part in timed if part.fps)
        return {
            "eao": number(expected_average_overlap(curve, self.interval)),
            "accuracy": number(accuracy(parts)),
            "robustness": number(robustness(parts)),
            "failures": _whole(failures(parts)),
            "fps": number(sum(map(len, timed)) / seconds if seconds else None),
            "frames": sum(map(len, parts)),
            "repetitions": max((len(part.overlaps) for part in parts), default=0),
            "eao_interval": list(self.interval),
            "sequences": len(parts),
            "sequences_total": self.total,
            "complete": self.is_complete,
            "remarks": self.remarks.to_json(),
            "curves": {"expected_overlap": [number(value) for value in curve]},
            "attributes": {
                name: {
                    "eao": number(expected_average_overlap(expected_overlap(parts, name), self.interval)),
                    "accuracy": number(accuracy(parts, name)),
                    "robustness": number(robustness(parts, name)),
                    "failures": _whole(failures(parts, name)),
                }
                for name in attributes_of(parts)
            },
            "per_sequence": {
                part.name: {
                    "accuracy": number(accuracy([part])),
                    "robustness": number(robustness([part])),
                    "failures": _whole(part.failure_count),
                    "fps": number(part.fps),
                    "frames": len(part),
                }
                for part in parts
            },
        }


def score_one_pass(
    results: ResultFolder,
    truths: Mapping[str, BoxTruth],
    *,
    thresholds: int = 21,
    by_frame: bool = False,
    skip_first: bool = False,
) -> OnePassScore:
    """Score one tracker's result files against the ground truth of a whole data set.

    A result with too few or too many lines, or that is not numbers, is left out and named; boxes with NaN count as
    misses and are named too. With `by_frame` and `skip_first` the rules are GOT-10k's. Raises `InputError` if nothing
    could be scored.
    """

    def first_box(name: str) -> FloatArray | None:
        try:
            first: FloatArray = read_boxes_of_result(results.files[name][0])[0]
            return first
        except SiamscopeError:
            return None

    known: dict[str, FloatArray] = {name: truth.boxes_xywh[0] for name, truth in truths.items()}
    matched, unknown = match_sequences(results.files, known, first_box)
    remarks = Remarks(missing=sorted(set(truths) - set(matched)), unknown=unknown)
    measured, shifted = [], []
    for name, truth in truths.items():
        if name not in matched:
            continue
        path = results.files[matched[name]][0]
        try:
            boxes, surplus = fit_to_frames(name, path, read_boxes_of_result(path), len(truth))
            measured.append(
                measure_sequence(
                    name,
                    boxes,
                    truth.boxes_xywh,
                    thresholds=thresholds,
                    fps=read_speed(results.times.get(matched[name])),
                    attributes=truth.attributes,
                    image_size=truth.image_size if by_frame else None,
                    skip_first=skip_first,
                )
            )
        except (SiamscopeError, OSError) as error:
            remarks.left_out[name] = f"{name}: {error}"
            continue
        if note := " ".join(filter(None, (surplus, _odd_boxes(name, boxes)))):
            remarks.notes[name] = note
        if np.allclose(boxes[0] - truth.boxes_xywh[0], [-1, -1, 0, 0], atol=1e-3):
            shifted.append(name)
    if shifted and len(shifted) * 2 > len(measured):
        remarks.notes["*"] = (
            f"{len(shifted)} results begin exactly one pixel left of and above the ground truth; they seem to count "
            "pixels from 0 where the ground truth counts from 1, which lowers every number a little."
        )
    _require_some(results, measured, len(truths), remarks)
    return OnePassScore(results.tracker, tuple(measured), len(truths), remarks, by_frame)


def score_supervised(
    results: ResultFolder, truths: Mapping[str, RegionTruth], interval: tuple[int, int]
) -> SupervisedScore:
    """Score one tracker's supervised result files; rules and errors as in `score_one_pass`."""
    matched, unknown = match_sequences(results.files, dict.fromkeys(truths), lambda _name: None)
    remarks = Remarks(missing=sorted(set(truths) - set(matched)), unknown=unknown)
    measured, unbounded = [], []
    for name, truth in truths.items():
        if name not in matched:
            continue
        try:
            runs = []
            for path in results.files[matched[name]]:
                run = read_trajectory(path)
                _check_length(name, path, len(run), len(truth))
                runs.append(run)
            measured.append(
                measure_runs(
                    name,
                    runs,
                    truth.polygons,
                    truth.image_size,
                    frame_attributes=truth.frame_attributes,
                    fps=read_speed(results.times.get(matched[name])),
                )
            )
        except (SiamscopeError, OSError) as error:
            remarks.left_out[name] = f"{name}: {error}"
            continue
        note = _odd_runs(name, runs)
        if note:
            remarks.notes[name] = note
        if truth.image_size is None:
            unbounded.append(name)
    if unbounded:
        remarks.notes["*"] = (
            f"The image size of {_list_names(unbounded)} is not known, so regions were not cut at the image border."
        )
    _require_some(results, measured, len(truths), remarks)
    return SupervisedScore(results.tracker, tuple(measured), len(truths), interval, remarks)


def one_pass_numbers(curves: SequenceCurves) -> dict[str, float | None]:
    """Return the single numbers of one-pass curves under the names of the output."""
    return {
        "success_auc": number(curves.success_auc),
        "precision_20": number(curves.precision_20),
        "normalised_precision": number(float(curves.normalised_precision[NORMALISED_AT])),
        "normalised_precision_auc": number(float(curves.normalised_precision.mean())),
        "success_rate_50": number(curves.success_rate_50),
        "success_rate_75": number(curves.success_rate_75),
        "average_overlap": number(curves.overlap),
        "fps": number(curves.fps),
    }


def curves_of(curves: SequenceCurves) -> dict[str, list[float | None]]:
    """Return the three curves as plain lists."""
    return {
        "success": [number(value) for value in curves.success],
        "precision": [number(value) for value in curves.precision],
        "normalised_precision": [number(value) for value in curves.normalised_precision],
    }


def number(value: float | None) -> float | None:
    """Return a rounded float, or None for what JSON cannot hold."""
    return None if value is None or not math.isfinite(value) else round(float(value), DIGITS)


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else round(value, DIGITS)


def _check_length(name: str, path: Path, lines: int, frames: int) -> None:
    if lines != frames:
        relation = "fewer" if lines < frames else "more"
        raise InputError(f"'{path}' has {relation} lines than '{name}' has frames ({lines} lines, {frames} frames).")


def _require_some(results: ResultFolder, measured: Sequence[object], total: int, remarks: Remarks) -> None:
    if measured:
        return
    reason = next(iter(remarks.left_out.values()), None)
    detail = f" The first one: {reason}" if reason else f" Its files are {_list_names(remarks.unknown)}."
    raise InputError(
        f"None of the {total} sequences could be scored from the results of '{results.tracker}' in "
        f"'{results.folder}'.{detail}"
    )


def _odd_boxes(name: str, boxes: FloatArray) -> str | None:
    found = np.isfinite(boxes).all(axis=1)
    flat = found & ~(boxes[:, 2:] > 0).all(axis=1)
    parts = []
    if not found.all():
        lines = np.flatnonzero(~found) + 1
        parts.append(f"{len(lines)} lines with NaN or infinity (the first is line {lines[0]}), counted as misses")
    if flat.any():
        lines = np.flatnonzero(flat) + 1
        parts.append(f"{len(lines)} boxes without area (the first is line {lines[0]}), counted as overlapping nothing")
    return f"{name} has {' and '.join(parts)}." if parts else None


def _odd_runs(name: str, runs: Sequence[Trajectory]) -> str | None:
    parts = []
    damaged = sum(int((~np.isfinite(run.polygons[run.codes == REGION])).any(axis=(1, 2)).sum()) for run in runs)
    if damaged:
        parts.append(f"{damaged} regions with NaN or infinity, counted as overlapping nothing")
    if any(run.codes[0] != STARTED for run in runs):
        parts.append("a first line that is not 1 (a start)")
    return f"{name} has {' and '.join(parts)}." if parts else None


def _list_names(names: Sequence[str], shown: int = 12) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
