"""One-pass evaluation (OPE): started once, on the first box; success, precision and normalised precision.

The protocol of Wu, Lim and Yang (TPAMI 2015), and with `by_frame` that of GOT-10k (Huang et al., TPAMI 2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracker_core.errors import InputError, SiamscopeError
from tracker_core.evaluation.curves import (
    NORMALISED_AT,
    SequenceCurves,
    average_curves,
    group_by_attribute,
    measure_sequence,
    success_thresholds,
)
from tracker_core.evaluation.ground_truth import BoxTruth, box_truth_of, read_box_truth, size_of_images
from tracker_core.evaluation.protocols.protocol import (
    SPEED,
    EvaluationProtocol,
    Measure,
    Measured,
    Numbers,
    OnFrame,
    Tracked,
    number,
    plain,
)
from tracker_core.evaluation.result_files import (
    ResultFolder,
    find_one_pass_results,
    fit_to_frames,
    read_boxes_of_result,
)
from tracker_core.evaluation.running import format_box, read_frames, timed_update
from tracker_core.metrics import frame_overlaps
from tracker_core.results.loop import start
from tracker_core.sources.opening import SequenceSource
from tracker_core.sources.sequences import SequenceInfo, load
from tracker_core.sources.sequences.subsets import OTB_50, OTB_100, OTB_2013, clip_of
from tracker_core.types import FloatArray, Frame, Tracker

if TYPE_CHECKING:
    from tracker_core.evaluation.plot_parts import Drawn, Look

SAME_START = 0.5  # least overlap of the first box with the true one that it was given
SUCCESS_AUC = Measure("success_auc", "Success AUC", 3)
PRECISION_20 = Measure("precision_20", "Precision 20 px", 3)
NORMALISED_20 = Measure("normalised_precision", "Norm. precision 0.2", 3)
RATE_50 = Measure("success_rate_50", "Success rate 0.5", 3)
RATE_75 = Measure("success_rate_75", "Success rate 0.75", 3)
OVERLAP = Measure("average_overlap", "Average overlap", 3)
MEASURES = (SUCCESS_AUC, PRECISION_20, NORMALISED_20, RATE_50, RATE_75, OVERLAP, SPEED)


@dataclass(frozen=True)
class OnePass(EvaluationProtocol[BoxTruth, SequenceCurves]):
    """One-pass evaluation of a benchmark.

    Attributes:
        origin: coordinate of the first pixel in its annotation files, and so in its result files.
        by_frame: means are taken over frames, the first one of each sequence and those without a visible target left
            out, and boxes are cut at the image border, as GOT-10k has it.
        nested: results are `<sequence>/<sequence>_001.txt`, as GOT-10k's toolkit writes them.
        thresholds: of the success curve, 21 or 101.
    """

    origin: int = 1
    by_frame: bool = False
    nested: bool = False
    thresholds: int = 21

    name = "otb"
    title = "One-pass evaluation"
    whole = 100
    overall_measures = sequence_measures = attribute_measures = MEASURES
    columns = (SUCCESS_AUC, PRECISION_20, OVERLAP, SPEED)
    headline = (SUCCESS_AUC, PRECISION_20)

    def configured(self, *, thresholds: int = 21, year: str = "2018") -> OnePass:
        success_thresholds(thresholds)
        return replace(self, thresholds=thresholds)

    def read_truth(self, source: str | Path) -> dict[str, BoxTruth]:
        return read_box_truth(source)

    def truth_of(self, info: SequenceInfo) -> BoxTruth:
        sequence = load(info)
        truth = box_truth_of(sequence, self.origin)
        if not self.by_frame:
            return truth
        visible = truth.boxes_xywh.copy()
        visible[sequence.frame_attributes.get("hidden", [])] = np.nan
        return replace(truth, boxes_xywh=visible, image_size=size_of_images(sequence))

    def describe_part(self, names: Sequence[str]) -> str:
        # told by clips: some copies keep one target of a clip that has two
        clips = {clip if (clip := clip_of(name)) in OTB_100 else name for name in names}
        if not clips <= set(OTB_100) or clips in (set(OTB_2013), set(OTB_50), set(OTB_100)):
            return ""
        return f"the ground truth holds {len(clips)} of the {len(OTB_100)} clips of OTB-100."

    def track(self, tracker: Tracker, source: SequenceSource, on_frame: OnFrame = lambda: None) -> Tracked:
        truth = source.sequence.boxes_xywh
        if not np.isfinite(truth).all(axis=1).any():
            raise InputError(f"The ground truth of '{source.name}' has no box in any frame, so nothing can be tracked.")
        boxes, seconds = follow(tracker, read_frames(source, len(truth)), truth, on_frame)
        return Tracked([format_box(box) for box in boxes + np.array([self.origin, self.origin, 0, 0])], seconds)

    def find_results(self, folder: str | Path) -> list[ResultFolder]:
        return find_one_pass_results(folder)

    def result_path(self, folder: Path, sequence: str) -> Path:
        return folder / sequence / f"{sequence}_001.txt" if self.nested else folder / f"{sequence}.txt"

    def time_path(self, folder: Path, sequence: str) -> Path:
        return folder / (sequence if self.nested else "times") / f"{sequence}_time.txt"

    def read_boxes(self, path: Path) -> FloatArray:
        return np.asarray(read_boxes_of_result(path) - np.array([self.origin, self.origin, 0, 0]), np.float64)

    def first_box(self, truth: BoxTruth) -> FloatArray | None:
        return np.asarray(truth.boxes_xywh[0])

    def first_box_in(self, path: Path) -> FloatArray | None:
        try:
            return np.asarray(read_boxes_of_result(path)[0])
        except SiamscopeError:
            return None

    def measure(self, truth: BoxTruth, paths: Sequence[Path], fps: float | None) -> Measured[SequenceCurves]:
        boxes, surplus = fit_to_frames(truth.name, paths[0], read_boxes_of_result(paths[0]), len(truth))
        curves = measure_sequence(
            truth.name,
            boxes,
            truth.boxes_xywh,
            thresholds=self.thresholds,
            fps=fps,
            attributes=truth.attributes,
            image_size=truth.image_size if self.by_frame else None,
            skip_first=self.by_frame,
        )
        is_shifted = np.allclose(boxes[0] - truth.boxes_xywh[0], [-1, -1, 0, 0], atol=1e-3)
        parts = (
            surplus,
            _describe_other_start(truth, boxes),
            _describe_odd_boxes(truth.name, boxes),
            _describe_empty_truth(truth),
        )
        note = " ".join(filter(None, parts))
        return Measured(curves, note, bool(is_shifted))

    def describe_doubts(self, doubtful: Sequence[str], measured: int) -> str:
        if len(doubtful) * 2 <= measured:
            return ""
        return (
            f"{len(doubtful)} results begin exactly one pixel left of and above the ground truth; they seem to count "
            "pixels from 0 where the ground truth counts from 1, which lowers every number a little."
        )

    def overall(self, parts: Sequence[SequenceCurves]) -> SequenceCurves:
        return average_curves("overall", parts, by_frame=self.by_frame)

    def numbers(self, parts: Sequence[SequenceCurves]) -> Numbers:
        return _numbers(self.overall(parts))

    def numbers_of(self, part: SequenceCurves) -> Numbers:
        return {**_numbers(part), "frames": part.frames}

    def curves(self, parts: Sequence[SequenceCurves]) -> dict[str, list[float | None]]:
        mean = self.overall(parts)
        return {
            "success": plain(mean.success),
            "precision": plain(mean.precision),
            "normalised_precision": plain(mean.normalised_precision),
        }

    def attributes(self, parts: Sequence[SequenceCurves]) -> dict[str, Numbers]:
        groups = group_by_attribute(parts)
        return {name: {**self.numbers(group), "sequences": len(group)} for name, group in groups.items()}

    def tags(self, part: SequenceCurves) -> tuple[str, ...]:
        return part.attributes

    def draw(self, parts: Mapping[str, Sequence[SequenceCurves]], title: str, look: Look) -> Drawn:
        from tracker_core.evaluation.plots import draw_one_pass

        overall = {name: self.overall(own) for name, own in parts.items()}
        groups = {name: group_by_attribute(own) for name, own in parts.items()}
        by_attribute = {
            name: {attribute: self.overall(group) for attribute, group in own.items()} for name, own in groups.items()
        }
        return draw_one_pass(overall, by_attribute, _count_attributes(parts.values()), title, look)

    def describe_method(self, parts: Sequence[SequenceCurves]) -> tuple[str, ...]:
        mean = "frames (as GOT-10k has it)" if self.by_frame else "sequences, each alike"
        return (
            f"Success: share of frames whose overlap is greater than a threshold, at {len(parts[0].success)} "
            "thresholds from 0 to 1; its score is the mean over the thresholds (area under the curve).",
            "Precision: share of frames whose centre error is at most a number of pixels; its score is at 20.",
            "Normalised precision: the same with the error in units of the target's width and height; its score is at "
            "0.2.",
            f"Overall numbers are means over {mean}. Frames without ground truth do not count.",
        )


def follow(
    tracker: Tracker, frames: Iterable[tuple[int, Frame]], truth_xywh: FloatArray, on_frame: OnFrame = lambda: None
) -> tuple[FloatArray, FloatArray]:
    """Track from the first frame that has a box in `truth_xywh` (N, 4); return boxes (N, 4) and seconds (N,).

    `frames` come with their place. Boxes are NaN before the start and in frames that did not come.
    """
    boxes, seconds = np.full(truth_xywh.shape, np.nan), np.zeros(len(truth_xywh))
    is_started = False
    for index, frame in frames:
        if is_started:
            boxes[index], seconds[index] = timed_update(tracker, frame)
        elif np.isfinite(truth_xywh[index]).all():
            start([tracker], frame, [truth_xywh[index]])
            boxes[index], is_started = truth_xywh[index], True
        on_frame()
    return boxes, seconds


def _numbers(curves: SequenceCurves) -> Numbers:
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


def _count_attributes(parts: Iterable[Sequence[SequenceCurves]]) -> dict[str, int]:
    """Return how many measured sequences carry each attribute, over all trackers' sequences together."""
    sequences = {part.name: part for own in parts for part in own}
    return {name: len(group) for name, group in group_by_attribute(sequences.values()).items()}


def _describe_other_start(truth: BoxTruth, boxes: FloatArray) -> str:
    """Return what to know of a result that does not begin on the box that every tracker is given, else ""."""
    if not frame_overlaps(boxes[:1], truth.boxes_xywh[:1])[0] < SAME_START or not np.isfinite(boxes[0]).all():
        return ""
    (mine, true) = (", ".join(f"{value:g}" for value in row) for row in (boxes[0], truth.boxes_xywh[0]))
    return (
        f"The result of {truth.name} begins on {mine} and its ground truth on {true} (x, y, width, height): it may be "
        "of another target, or hold corners, centres or shares of the image."
    )


def _describe_empty_truth(truth: BoxTruth) -> str:
    """Return what to know of true boxes without area, which nothing can overlap, "" where there are none."""
    lines = np.flatnonzero(np.isfinite(truth.boxes_xywh).all(axis=1) & ~(truth.boxes_xywh[:, 2:] > 0).all(axis=1)) + 1
    if not len(lines):
        return ""
    return (
        f"The ground truth of {truth.name} has {len(lines)} boxes without area (the first is line {lines[0]}), whose "
        "frames count as missed, as in OTB's own analysis."
    )


def _describe_odd_boxes(name: str, boxes: FloatArray) -> str:
    found = np.isfinite(boxes).all(axis=1)
    flat = found & ~(boxes[:, 2:] > 0).all(axis=1)
    parts = []
    if not found.all():
        lines = np.flatnonzero(~found) + 1
        parts.append(f"{len(lines)} lines with NaN or infinity (the first is line {lines[0]}), counted as misses")
    if flat.any():
        lines = np.flatnonzero(flat) + 1
        parts.append(f"{len(lines)} boxes without area (the first is line {lines[0]}), counted as overlapping nothing")
    return f"{name} has {' and '.join(parts)}." if parts else ""
