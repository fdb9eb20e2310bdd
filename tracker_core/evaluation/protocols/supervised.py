"""The supervised protocol of the VOT challenges: a tracker that fails is started again; accuracy, robustness, EAO."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker_core.boxes import polygon_to_equal_area_xywh
from tracker_core.errors import InputError
from tracker_core.evaluation.failures import (
    FAILED,
    REGION,
    RESTART_AFTER,
    SKIPPED,
    STARTED,
    RunSummary,
    SequenceRuns,
    Trajectory,
    attributes_of,
    interval_of_year,
    measure_runs,
    summarise_runs,
)
from tracker_core.evaluation.ground_truth import RegionTruth, read_region_truth, region_truth_of, size_of_images
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
from tracker_core.evaluation.regions import overlap_on_pixels, xywh_to_polygon
from tracker_core.evaluation.result_files import (
    EXPERIMENT,
    ResultFolder,
    find_supervised_results,
    list_names,
    read_trajectory,
    refuse_length,
)
from tracker_core.evaluation.running import format_box, read_frames, timed_update
from tracker_core.results.loop import start
from tracker_core.sources.opening import SequenceSource
from tracker_core.sources.sequences import SequenceInfo, load
from tracker_core.types import FloatArray, Tracker
from tracker_core.types import Sequence as FrameSequence

if TYPE_CHECKING:
    from tracker_core.evaluation.plot_parts import Drawn, Look

EAO = Measure("eao", "EAO", 3)
ACCURACY = Measure("accuracy", "Accuracy", 3)
ROBUSTNESS = Measure("robustness", "Robustness", 3, higher_is_better=False)
FAILURES = Measure("failures", "Failures", 0, higher_is_better=False)
SENSITIVITY = 30  # frames; what the VOT toolkit plots reliability for
ATTRIBUTE_NAMES = {
    "camera_motion": "Camera motion",
    "illum_change": "Illumination change",
    "motion_change": "Motion change",
    "size_change": "Size change",
    "occlusion": "Occlusion",
    "empty": "Unassigned",
}


@dataclass(frozen=True)
class Supervised(EvaluationProtocol[RegionTruth, SequenceRuns]):
    """The supervised protocol, with the EAO interval of a challenge's `year`."""

    year: str = "2018"

    name = "vot"
    title = "Supervised evaluation"
    whole = 60
    overall_measures = (EAO, ACCURACY, ROBUSTNESS, FAILURES, SPEED)
    sequence_measures = (ACCURACY, FAILURES, ROBUSTNESS, SPEED)
    attribute_measures = (EAO, ACCURACY, ROBUSTNESS, FAILURES)
    columns = (ACCURACY, ROBUSTNESS, FAILURES, SPEED)
    headline = (EAO, ACCURACY, ROBUSTNESS)

    @property
    def edition(self) -> str:
        return self.year

    @property
    def interval(self) -> tuple[int, int]:
        """Shortest and longest run that the EAO is the mean over."""
        return interval_of_year(self.year)

    def configured(self, *, thresholds: int = 21, year: str = "2018") -> Supervised:
        interval_of_year(year)
        return replace(self, year=year)

    def read_truth(self, source: str | Path) -> dict[str, RegionTruth]:
        return read_region_truth(source)

    def truth_of(self, info: SequenceInfo) -> RegionTruth:
        sequence = load(info)
        return region_truth_of(sequence, size_of_images(sequence))

    def describe_part(self, names: Sequence[str]) -> str:
        count = len(set(names))
        if count >= self.whole:
            return ""
        return (
            f"the ground truth holds {count} sequences, VOT{self.year} has {self.whole}; the interval of its EAO is "
            "that of all."
        )

    def track(self, tracker: Tracker, source: SequenceSource, on_frame: OnFrame = lambda: None) -> Tracked:
        truth = region_truth_of(source.sequence, source.size)
        known: NDArray[np.bool_] = np.all(np.isfinite(truth.polygons), axis=(1, 2))
        if not known.any():
            raise InputError(
                f"The ground truth of '{truth.name}' has no region in any frame, so nothing can be tracked."
            )
        lines, seconds = [str(SKIPPED)] * len(truth), np.zeros(len(truth))
        convention = center_convention(tracker)
        next_start: int | None = 0  # None while the target is being tracked
        for index, frame in read_frames(source, len(truth)):
            if next_start is None:
                box, seconds[index] = timed_update(tracker, frame)
                region = xywh_to_polygon(box)[None]
                overlap = overlap_on_pixels(region, truth.polygons[index][None], truth.image_size)[0]
                # a box with NaN overlaps nothing; without ground truth there is nothing to fail against
                if known[index] and not overlap > 0:
                    lines[index], next_start = str(FAILED), index + RESTART_AFTER
                else:
                    lines[index] = format_box(box)
            elif index >= next_start and known[index]:
                # a start that falls on a frame without ground truth waits for the next one with it
                start([tracker], frame, [start_box_of(source.sequence, index, convention)])
                lines[index], next_start = str(STARTED), None
            on_frame()
        return Tracked(lines, seconds)

    def find_results(self, folder: str | Path) -> list[ResultFolder]:
        return find_supervised_results(folder)

    def result_path(self, folder: Path, sequence: str) -> Path:
        return folder / EXPERIMENT / sequence / f"{sequence}_001.txt"

    def time_path(self, folder: Path, sequence: str) -> Path:
        return folder / EXPERIMENT / sequence / f"{sequence}_time.txt"

    def read_boxes(self, path: Path) -> FloatArray:
        return read_trajectory(path).boxes_xywh

    def read_starts(self, path: Path) -> list[int]:
        starts: list[int] = np.flatnonzero(read_trajectory(path).codes == STARTED).tolist()
        return starts

    def measure(self, truth: RegionTruth, paths: Sequence[Path], fps: float | None) -> Measured[SequenceRuns]:
        runs = [read_trajectory(path) for path in paths]
        for path, run in zip(paths, runs, strict=True):
            if len(run) != len(truth):
                refuse_length(truth.name, path, len(run), len(truth))
        attributes = truth.frame_attributes
        measured = measure_runs(
            truth.name, runs, truth.polygons, truth.image_size, frame_attributes=attributes, fps=fps
        )
        return Measured(measured, _describe_odd_runs(truth.name, runs), truth.image_size is None)

    def describe_doubts(self, doubtful: Sequence[str], measured: int) -> str:
        if not doubtful:
            return ""
        names = list_names(doubtful)
        return f"The image size of {names} is not known, so regions were not cut at the image border."

    def overall(self, parts: Sequence[SequenceRuns]) -> RunSummary:
        return summarise_runs(parts, self.interval)

    def numbers(self, parts: Sequence[SequenceRuns]) -> Numbers:
        return self._numbers(self.overall(parts))

    def numbers_of(self, part: SequenceRuns) -> Numbers:
        alone = self.numbers([part])
        return {key: value for key, value in alone.items() if key != "eao"} | {"frames": len(part)}

    def curves(self, parts: Sequence[SequenceRuns]) -> dict[str, list[float | None]]:
        return {"expected_overlap": plain(self.overall(parts).curve)}

    def attributes(self, parts: Sequence[SequenceRuns]) -> dict[str, Numbers]:
        found = {}
        for tag in attributes_of(parts):
            values = self._numbers(summarise_runs(parts, self.interval, tag))
            found[tag] = {measure.key: values[measure.key] for measure in self.attribute_measures}
        return found

    def facts(self, parts: Sequence[SequenceRuns]) -> dict[str, object]:
        return {
            "frames": sum(map(len, parts)),
            "repetitions": max((len(part.overlaps) for part in parts), default=0),
            "eao_interval": list(self.interval),
        }

    def tags(self, part: SequenceRuns) -> tuple[str, ...]:
        return tuple(self.attribute_title(tag) for tag, flags in sorted(part.frame_attributes.items()) if flags.any())

    def attribute_title(self, attribute: str) -> str:
        return ATTRIBUTE_NAMES.get(attribute, attribute.replace("_", " ").capitalize())

    def draw(self, parts: Mapping[str, Sequence[SequenceRuns]], title: str, look: Look) -> Drawn:
        from tracker_core.evaluation.supervised_plots import draw_supervised

        overall = {name: self.overall(own) for name, own in parts.items()}
        return draw_supervised(overall, self.interval, SENSITIVITY, title, look)

    def describe_method(self, parts: Sequence[SequenceRuns]) -> tuple[str, ...]:
        low, high = self.interval
        return (
            "A tracker is started again five frames after each failure (no overlap with the ground truth).",
            "Accuracy: mean overlap inside the image, without the ten frames after each start.",
            "Robustness: failures per hundred frames; smaller is better.",
            f"Expected average overlap (EAO): mean expected overlap over lengths {low} to {high}.",
            f"Reliability: exp(−{SENSITIVITY} × failures per frame), the chance to follow for {SENSITIVITY} frames.",
        )

    def _numbers(self, summary: RunSummary) -> Numbers:
        whole = math.isfinite(summary.failures) and summary.failures == int(summary.failures)
        return {
            "eao": number(summary.eao),
            "accuracy": number(summary.accuracy),
            "robustness": number(summary.robustness),
            "failures": int(summary.failures) if whole else number(summary.failures),
            "fps": number(summary.fps),
        }


def start_box_of(sequence: FrameSequence, index: int, convention: str = "exact") -> FloatArray:
    """Return the axis-aligned box x, y, w, h on which a tracker is started in a frame; `convention` is its own."""
    polygon = None if sequence.polygons is None else sequence.polygons[index]
    if polygon is None or not np.isfinite(polygon).all():
        return np.asarray(sequence.boxes_xywh[index], np.float64)
    return start_box_of_polygon(polygon, convention)


def start_box_of_polygon(polygon: ArrayLike, convention: str) -> FloatArray:
    """Return the upright box x, y, w, h of the centre and area of a polygon (8,), as the published trackers take it.

    "pysot" trackers take a box for one of pixels, whose centre is at x + (w − 1) / 2: for them the corner is shifted
    by half a pixel, so that they start on the polygon's centre.
    """
    box = polygon_to_equal_area_xywh(polygon)
    if convention == "pysot":
        box[:2] += 0.5
    return box


def center_convention(tracker: Tracker) -> str:
    """Return how a tracker takes the centre of a box, see `published_center`; "exact" where it does not say."""
    tracking = getattr(getattr(tracker, "config", None), "tracking", None)
    return str(getattr(tracking, "convention", "exact"))


def _describe_odd_runs(name: str, runs: Sequence[Trajectory]) -> str:
    parts = []
    damaged = sum(int((~np.isfinite(run.polygons[run.codes == REGION])).any(axis=(1, 2)).sum()) for run in runs)
    if damaged:
        parts.append(f"{damaged} regions with NaN or infinity, counted as overlapping nothing")
    if any(run.codes[0] != STARTED for run in runs):
        parts.append("a first line that is not 1 (a start)")
    return f"{name} has {' and '.join(parts)}." if parts else ""
