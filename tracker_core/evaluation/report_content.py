"""Everything that is shown of one benchmark, before it becomes files or a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tracker_core.evaluation.comparison import Comparison
from tracker_core.evaluation.plot_parts import Drawn, Look
from tracker_core.evaluation.protocols import AnyProtocol

Values = Mapping[str, float | None]


@dataclass(frozen=True)
class Report:
    """Everything that is shown of one benchmark.

    Attributes:
        title: what the report is called. subtitle: one sentence on protocol and data set.
        protocol: says which measures are the columns of the tables.
        trackers: names, best first. look: how they look, and which were measured on a part only.
        overall: tracker → measure → value.
        per_sequence: sequence → tracker → measure → value; `per_attribute` the same by attribute.
        sequence_tags: attributes of each sequence.
        drawn: the plots and their curves.
        remarks: per tracker, sentences on what is not in its score.
        method: sentences on how the numbers are measured.
        comparison: the trackers beside one of them, if that is asked for.
    """

    title: str
    subtitle: str
    protocol: AnyProtocol
    trackers: tuple[str, ...]
    look: Look
    overall: Mapping[str, Mapping[str, float | str | None]]
    per_sequence: Mapping[str, Mapping[str, Values]]
    per_attribute: Mapping[str, Mapping[str, Values]]
    sequence_tags: Mapping[str, Sequence[str]]
    drawn: Drawn
    remarks: Mapping[str, Sequence[str]]
    method: Sequence[str]
    comparison: Comparison | None = None
