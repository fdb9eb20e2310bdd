"""What a protocol is to the rest of the program: one object that runs, files, measures and reports."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np

from tracker_core.evaluation.ground_truth import BoxTruth, RegionTruth
from tracker_core.evaluation.result_files import ResultFolder
from tracker_core.sources.opening import SequenceSource
from tracker_core.sources.sequences import SequenceInfo
from tracker_core.types import FloatArray, Tracker

if TYPE_CHECKING:
    from tracker_core.evaluation.plot_parts import Drawn, Look

DIGITS = 6  # of the numbers in JSON
Truth = TypeVar("Truth", BoxTruth, RegionTruth)
Part = TypeVar("Part")
OnFrame = Callable[[], None]
Numbers = dict[str, float | None]


@dataclass(frozen=True)
class Measure:
    """A column of numbers: its name in data, its title, digits after the point, and which end is the good one."""

    key: str
    title: str
    digits: int
    higher_is_better: bool = True

    def show(self, value: float | None) -> str:
        """Return the number for people, a dash where it is not known."""
        return "–" if value is None or not math.isfinite(value) else f"{value:.{self.digits}f}"


SPEED = Measure("fps", "fps", 1)


@dataclass(frozen=True)
class Tracked:
    """One tracker on one sequence: the lines of its result file, and seconds (N,) of each update, else 0.

    `scores` (N,), NaN in the frame of the start, are kept where the protocol counts them.
    """

    lines: list[str]
    seconds: FloatArray
    scores: FloatArray | None = None


@dataclass(frozen=True)
class Measured(Generic[Part]):
    """The results on one sequence: what they measure, what is odd about them, and whether the protocol doubts them."""

    part: Part
    note: str = ""
    is_doubtful: bool = False


class EvaluationProtocol(ABC, Generic[Truth, Part]):
    """A way to evaluate trackers, and everything in which it differs from another.

    `Truth` is the ground truth of a sequence, `Part` what is measured on one; to everybody else both are opaque.

    Attributes:
        name: as `score` and files of scores call it.
        title: of the reports.
        whole: number of sequences of the benchmark that is meant where nothing else is said.
        overall_measures: columns of a table of trackers; the first one ranks them.
        sequence_measures: what is known per sequence; `attribute_measures` per attribute.
        columns: the sequence measures of a narrow table; `headline` those overall that fit in a line.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    whole: ClassVar[int]
    overall_measures: ClassVar[tuple[Measure, ...]]
    sequence_measures: ClassVar[tuple[Measure, ...]]
    attribute_measures: ClassVar[tuple[Measure, ...]]
    columns: ClassVar[tuple[Measure, ...]]
    headline: ClassVar[tuple[Measure, ...]]

    @property
    def edition(self) -> str:
        """What is added to the benchmark's title, such as the year of a challenge."""
        return ""

    @abstractmethod
    def configured(self, *, thresholds: int = 21, year: str = "2018") -> AnyProtocol:
        """Return the protocol with the user's choices; raises `InputError` for one that there is not."""

    # --- ground truth -----------------------------------------------------------------------------------------

    @abstractmethod
    def read_truth(self, source: str | Path) -> dict[str, Truth]:
        """Read ground truth without images, from a JSON file or a data set's folder; raises `DataSetError`."""

    @abstractmethod
    def truth_of(self, info: SequenceInfo) -> Truth:
        """Return the ground truth of a benchmark's sequence; raises `DataSetError` or `SourceError`."""

    @abstractmethod
    def describe_part(self, names: Sequence[str]) -> str:
        """Return how sequences are only a part of the benchmark that is meant, "" if they are not."""

    # --- running and files ------------------------------------------------------------------------------------

    @abstractmethod
    def track(self, tracker: Tracker, source: SequenceSource, on_frame: OnFrame = lambda: None) -> Tracked:
        """Run a tracker over a sequence; only its updates are timed. Raises `InputError` or `SourceError`."""

    @abstractmethod
    def find_results(self, folder: str | Path) -> list[ResultFolder]:
        """Return the trackers whose results a folder holds; raises `InputError` if there are none."""

    @abstractmethod
    def result_path(self, folder: Path, sequence: str) -> Path:
        """Return the file of a sequence's results in a tracker's folder."""

    @abstractmethod
    def time_path(self, folder: Path, sequence: str) -> Path:
        """Return the file of seconds per frame."""

    def score_path(self, folder: Path, sequence: str) -> Path | None:
        """Return the file of scores, None where they do not count."""
        return None

    @abstractmethod
    def read_boxes(self, path: Path) -> FloatArray:
        """Return what a result file holds as upright boxes (N, 4), 0-based, NaN where there is none."""

    def read_starts(self, path: Path) -> list[int]:
        """Return the frames in which the tracker of a result file was started: the first that has a box."""
        starts: list[int] = np.flatnonzero(np.isfinite(self.read_boxes(path)).all(axis=1)).tolist()[:1]
        return starts

    # --- measuring --------------------------------------------------------------------------------------------

    def first_box(self, truth: Truth) -> FloatArray | None:
        """Return the box (4,) that results begin on, by which they are told apart; None where that is not done."""
        return None

    def first_box_in(self, path: Path) -> FloatArray | None:
        """Return the first box (4,) of a result file, None where results are not told apart by it."""
        return None

    @abstractmethod
    def measure(self, truth: Truth, paths: Sequence[Path], fps: float | None) -> Measured[Part]:
        """Measure the results of one sequence, one file per repetition; raises `DataSetError` or `InputError`."""

    @abstractmethod
    def describe_doubts(self, doubtful: Sequence[str], measured: int) -> str:
        """Return a sentence on doubtful sequences of all that were measured, "" if they are not worth one."""

    @abstractmethod
    def overall(self, parts: Sequence[Part]) -> Any:
        """Return the summary over measured sequences, of which there must be one at least."""

    @abstractmethod
    def numbers(self, parts: Sequence[Part]) -> Numbers:
        """Return the single numbers of `overall` under the names of the output."""

    @abstractmethod
    def numbers_of(self, part: Part) -> Numbers:
        """Return the numbers of one sequence."""

    @abstractmethod
    def curves(self, parts: Sequence[Part]) -> dict[str, list[float | None]]:
        """Return the curves of `overall` as plain lists."""

    @abstractmethod
    def attributes(self, parts: Sequence[Part]) -> dict[str, Numbers]:
        """Return the numbers per attribute, attributes in alphabetical order."""

    def facts(self, parts: Sequence[Part]) -> dict[str, Any]:
        """Return what a file of scores says besides."""
        return {}

    # --- reporting --------------------------------------------------------------------------------------------

    @abstractmethod
    def tags(self, part: Part) -> tuple[str, ...]:
        """Return the attributes that a sequence carries."""

    def attribute_title(self, attribute: str) -> str:
        """Return an attribute's name for people."""
        return attribute

    @abstractmethod
    def draw(self, parts: Mapping[str, Sequence[Part]], title: str, look: Look) -> Drawn:
        """Return the plots of trackers (name → its measured sequences, best first)."""

    @abstractmethod
    def describe_method(self, parts: Sequence[Part]) -> tuple[str, ...]:
        """Return sentences on how the numbers are measured."""


AnyProtocol = EvaluationProtocol[Any, Any]


def number(value: float | None) -> float | None:
    """Return a rounded float, or None for what JSON cannot hold."""
    return None if value is None or not math.isfinite(value) else round(float(value), DIGITS)


def plain(values: FloatArray) -> list[float | None]:
    """Return a curve as a plain list."""
    return [number(value) for value in values]
