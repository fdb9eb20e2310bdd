"""From result files and ground truth to one score per tracker, with everything that did not go in named beside it."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tracker_core.errors import InputError, SiamscopeError
from tracker_core.evaluation.protocols import AnyProtocol
from tracker_core.evaluation.result_files import ResultFolder, list_names, match_sequences, read_speed


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
            lines.append(f"Not on disk: {list_names(self.absent)}.")
        if self.missing:
            lines.append(f"No result file for {list_names(self.missing)}.")
        lines.extend(f"Left out: {reason}" for reason in self.left_out.values())
        lines.extend(f"Note: {note}" for note in self.notes.values())
        if self.unknown:
            lines.append(f"Not in the data set, so not scored: {list_names(self.unknown)}.")
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


@dataclass(frozen=True)
class Score:
    """One tracker's evaluation: what the protocol measured on its sequences, out of `total`, and remarks."""

    protocol: AnyProtocol
    tracker: str
    sequences: tuple[Any, ...]
    total: int
    remarks: Remarks = field(default_factory=Remarks)

    @property
    def is_complete(self) -> bool:
        """Whether every sequence of the whole benchmark is in the score."""
        return len(self.sequences) == self.total and not self.remarks.part

    @property
    def span(self) -> str:
        """How many of the benchmark's sequences are in the score: "9 of 100"."""
        return f"{len(self.sequences)} of {max(self.total, self.remarks.whole)}"

    @property
    def overall(self) -> Any:
        """The protocol's summary over all measured sequences."""
        return self.protocol.overall(self.sequences)

    def mark_part(self, part: str, whole: int) -> Score:
        """Return the score with the remark `part`: how its ground truth is only some of a benchmark's sequences."""
        return replace(self, remarks=replace(self.remarks, part=part, whole=whole if part else 0))

    def only(self, names: Container[str]) -> Score:
        """Return the score on the sequences in `names` alone."""
        return replace(self, sequences=tuple(part for part in self.sequences if part.name in names))

    def describe_remarks(self) -> list[str]:
        """Return sentences on what is not in the score or is odd in it."""
        return self.remarks.describe(len(self.sequences), self.total)

    def to_json(self) -> dict[str, Any]:
        """Return plain values: the overall numbers, curves, attributes, sequences with their tags, and remarks."""
        protocol, parts = self.protocol, self.sequences
        return {
            **protocol.numbers(parts),
            **protocol.facts(parts),
            "sequences": len(parts),
            "sequences_total": self.total,
            "complete": self.is_complete,
            "remarks": self.remarks.to_json(),
            "curves": protocol.curves(parts),
            "attributes": protocol.attributes(parts),
            "per_sequence": {part.name: protocol.numbers_of(part) for part in parts},
            "tags": {part.name: list(tags) for part in parts if (tags := protocol.tags(part))},
        }


def keep_common(scores: Sequence[Score]) -> list[Score]:
    """Return the scores on the sequences that all of them have; raises `InputError` where there is none."""
    names = set.intersection(*({part.name for part in score.sequences} for score in scores))
    if not names:
        raise InputError("There is no sequence that every tracker has results for; leave out a tracker.")
    return [score.only(names) for score in scores]


def score_results(protocol: AnyProtocol, results: ResultFolder, truths: Mapping[str, Any]) -> Score:
    """Score one tracker's result files against the ground truth of a whole data set.

    A result that cannot be counted is left out and named; what is odd about one that is counted is noted. Raises
    `InputError` if nothing could be scored.
    """
    known = {name: protocol.first_box(truth) for name, truth in truths.items()}
    matched, unknown = match_sequences(results.files, known, lambda name: protocol.first_box_in(results.files[name][0]))
    remarks = Remarks(missing=sorted(set(truths) - set(matched)), unknown=unknown)
    parts, doubtful = [], []
    for name, truth in truths.items():
        if name not in matched:
            continue
        try:
            speed = read_speed(results.times.get(matched[name]))
            measured = protocol.measure(truth, results.files[matched[name]], speed)
        except (SiamscopeError, OSError) as error:
            remarks.left_out[name] = f"{name}: {error}"
            continue
        parts.append(measured.part)
        if measured.note:
            remarks.notes[name] = measured.note
        if measured.is_doubtful:
            doubtful.append(name)
    if not parts:
        reason = next(iter(remarks.left_out.values()), None)
        detail = f" The first one: {reason}" if reason else f" Its files are {list_names(remarks.unknown)}."
        raise InputError(
            f"None of the {len(truths)} sequences could be scored from the results of '{results.tracker}' in "
            f"'{results.folder}'.{detail}"
        )
    if doubts := protocol.describe_doubts(doubtful, len(parts)):
        remarks.notes["*"] = doubts
    return Score(protocol, results.tracker, tuple(parts), len(truths), remarks)
