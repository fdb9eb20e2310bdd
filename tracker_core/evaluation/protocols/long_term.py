"""Long-term evaluation: started once; a tracker says in each frame how sure it is that the target is there.

The protocol of the VOT-LT challenges, see `tracker_core.evaluation.detections`. Results are VOT's files,
`<tracker>/longterm/<sequence>/<sequence>_001.txt`, and beside each `<sequence>_001_confidence.value`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracker_core.errors import DataSetError, InputError
from tracker_core.evaluation.detections import (
    DetectionCurves,
    SequenceDetections,
    detect,
    summarise_detections,
)
from tracker_core.evaluation.failures import STARTED
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
    LONG_TERM_EXPERIMENT,
    ResultFolder,
    find_long_term_results,
    read_trajectory,
    refuse_length,
)
from tracker_core.evaluation.running import format_box, read_frames, timed_step
from tracker_core.results.loop import start
from tracker_core.sources.opening import SequenceSource
from tracker_core.sources.sequences import SequenceInfo, load
from tracker_core.sources.sequences.annotation import read_lines
from tracker_core.types import FloatArray, Tracker

if TYPE_CHECKING:
    from tracker_core.evaluation.plot_parts import Drawn, Look

F_SCORE = Measure("f_score", "F-score", 3)
PRECISION = Measure("precision", "Precision", 3)
RECALL = Measure("recall", "Recall", 3)
THRESHOLD = Measure("threshold", "Threshold", 3)


@dataclass(frozen=True)
class LongTerm(EvaluationProtocol[BoxTruth, SequenceDetections]):
    """The unsupervised long-term protocol."""

    name = "votlt"
    title = "Long-term evaluation"
    whole = 50
    overall_measures = (F_SCORE, PRECISION, RECALL, THRESHOLD, SPEED)
    sequence_measures = (F_SCORE, PRECISION, RECALL, SPEED)
    attribute_measures = (F_SCORE, PRECISION, RECALL)
    columns = (F_SCORE, PRECISION, RECALL, SPEED)
    headline = (F_SCORE, PRECISION, RECALL)

    def configured(self, *, thresholds: int = 21, year: str = "2018") -> LongTerm:
        return self

    def read_truth(self, source: str | Path) -> dict[str, BoxTruth]:
        return read_box_truth(source)

    def truth_of(self, info: SequenceInfo) -> BoxTruth:
        sequence = load(info)
        truth = box_truth_of(sequence, origin=0)
        return BoxTruth(truth.name, truth.boxes_xywh, truth.attributes, size_of_images(sequence))

    def describe_part(self, names: Sequence[str]) -> str:
        return ""

    def track(self, tracker: Tracker, source: SequenceSource, on_frame: OnFrame = lambda: None) -> Tracked:
        truth = source.sequence.boxes_xywh
        if not len(truth) or not np.isfinite(truth[0]).all():
            raise InputError(
                f"The ground truth of '{source.name}' has no box in its first frame, so nothing can be tracked."
            )
        lines, scores, seconds = [str(STARTED)], np.full(len(truth), np.nan), np.zeros(len(truth))
        for index, frame in read_frames(source, len(truth)):
            if index == 0:
                start([tracker], frame, [truth[0]])
            else:
                result, seconds[index] = timed_step(tracker, frame)
                scores[index] = result.score
                lines.append(format_box(result.box_xywh))
            on_frame()
        return Tracked(lines, seconds, scores)

    def find_results(self, folder: str | Path) -> list[ResultFolder]:
        return find_long_term_results(folder)

    def result_path(self, folder: Path, sequence: str) -> Path:
        return folder / LONG_TERM_EXPERIMENT / sequence / f"{sequence}_001.txt"

    def time_path(self, folder: Path, sequence: str) -> Path:
        return folder / LONG_TERM_EXPERIMENT / sequence / f"{sequence}_time.txt"

    def score_path(self, folder: Path, sequence: str) -> Path | None:
        return score_path_of(self.result_path(folder, sequence))

    def read_boxes(self, path: Path) -> FloatArray:
        return read_trajectory(path).boxes_xywh

    def read_starts(self, path: Path) -> list[int]:
        return [0]

    def measure(self, truth: BoxTruth, paths: Sequence[Path], fps: float | None) -> Measured[SequenceDetections]:
        boxes = self.read_boxes(paths[0])
        scores = read_scores(score_path_of(paths[0]))
        for rows, path in ((boxes, paths[0]), (scores, score_path_of(paths[0]))):
            if len(rows) != len(truth):
                refuse_length(truth.name, path, len(rows), len(truth))
        part = detect(truth.name, boxes, scores, truth.boxes_xywh, truth.image_size, fps)
        return Measured(part, _describe_odd_scores(part), truth.image_size is None)

    def describe_doubts(self, doubtful: Sequence[str], measured: int) -> str:
        if not doubtful:
            return ""
        return f"The image size of {len(doubtful)} sequences is not known, so boxes were not cut at the image border."

    def overall(self, parts: Sequence[SequenceDetections]) -> DetectionCurves:
        return summarise_detections(parts)

    def numbers(self, parts: Sequence[SequenceDetections]) -> Numbers:
        curves = self.overall(parts)
        return {
            "f_score": number(curves.f_score[curves.best]),
            "precision": number(curves.precision[curves.best]),
            "recall": number(curves.recall[curves.best]),
            "threshold": number(curves.thresholds[curves.best]),
            "fps": number(curves.fps),
        }

    def numbers_of(self, part: SequenceDetections) -> Numbers:
        return {**self.numbers([part]), "frames": len(part), "absent": len(part) - part.visible}

    def curves(self, parts: Sequence[SequenceDetections]) -> dict[str, list[float | None]]:
        curves = self.overall(parts)
        return {
            "threshold": plain(curves.thresholds),
            "precision": plain(curves.precision),
            "recall": plain(curves.recall),
            "f_score": plain(curves.f_score),
        }

    def attributes(self, parts: Sequence[SequenceDetections]) -> dict[str, Numbers]:
        return {}

    def tags(self, part: SequenceDetections) -> tuple[str, ...]:
        return ()

    def draw(self, parts: Mapping[str, Sequence[SequenceDetections]], title: str, look: Look) -> Drawn:
        from tracker_core.evaluation.long_term_plots import draw_long_term

        return draw_long_term({name: self.overall(own) for name, own in parts.items()}, title, look)

    def describe_method(self, parts: Sequence[SequenceDetections]) -> tuple[str, ...]:
        return (
            "A tracker is started once and says in each frame how sure it is that the target is there.",
            "Precision: mean overlap of the frames whose score reaches a threshold, 0 where the target is away.",
            "Recall: the sum of their overlaps over the number of frames that show the target.",
            "F-score: 2 · precision · recall / (precision + recall) at the threshold where it is largest.",
            "Curves are means over sequences, each alike.",
        )


def score_path_of(result: Path) -> Path:
    """Return the file of scores beside a result file, as the VOT toolkit names it."""
    return result.with_name(f"{result.stem}_confidence.value")


def read_scores(path: Path) -> FloatArray:
    """Return the scores (N,) of a file with one a line; an empty line, as that of the start, is NaN.

    Raises `InputError` where there is no such file and `DataSetError` for a line that is no number.
    """
    if not path.is_file():
        raise InputError(
            f"'{path}' is not there; a long-term result needs the tracker's score of each frame beside it."
        )
    scores = []
    for index, line in enumerate(read_lines(path), start=1):
        try:
            scores.append(float(line) if line.strip() else np.nan)
        except ValueError:
            raise DataSetError(f"Line {index} of '{path}' is not a number: '{line[:60]}'.") from None
    return np.array(scores, np.float64)


def _describe_odd_scores(part: SequenceDetections) -> str:
    unknown = int(np.isnan(part.scores[1:]).sum())
    return f"{part.name} has {unknown} frames without a score, which count as absent." if unknown else ""
