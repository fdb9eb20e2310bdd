"""Tables of benchmark scores on the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tracker_core.cli.console import errors, output
from tracker_core.evaluation.comparison import Comparison
from tracker_core.evaluation.protocols import Measure
from tracker_core.evaluation.score_tables import tabulate_comparison
from tracker_core.evaluation.scoring import Score


def show_scores(scores: Sequence[Score]) -> None:
    """Print one table with a line per tracker, the best first, then the remarks on each score."""
    if scores:
        measures = scores[0].protocol.overall_measures
        table = _table("Tracker", *(measure.title.replace(" ", "\n") for measure in measures), "Sequences")
        rows = [(score, score.protocol.numbers(score.sequences)) for score in scores]
        for score, values in sorted(rows, key=lambda row: -_rank(row[1][measures[0].key])):
            table.add_row(score.tracker, *_cells(values, measures), f"{len(score.sequences)} of {score.total}")
        _print(table)
    for score in scores:
        for line in score.describe_remarks():
            errors.print(f"{score.tracker}: {line}", style="yellow")


def show_sequences(score: Score) -> None:
    """Print one line per sequence."""
    columns = score.protocol.columns
    table = _table(score.tracker, *(measure.title for measure in columns), "Frames")
    for part in score.sequences:
        values = score.protocol.numbers_of(part)
        table.add_row(part.name, *_cells(values, columns), str(values["frames"]))
    _print(table)
    output.print()


def show_attributes(score: Score) -> None:
    """Print one line per attribute, if there are any."""
    columns = [measure for measure in score.protocol.columns if measure in score.protocol.attribute_measures]
    table = _table(f"{score.tracker} by attribute", *(measure.title for measure in columns))
    for name, values in score.protocol.attributes(score.sequences).items():
        table.add_row(name, *_cells(values, columns))
    if table.row_count:
        _print(table)
        output.print()


def show_comparison(comparison: Comparison) -> None:
    """Print a table with a line for each sequence and a column for each tracker, and one of what they gain."""
    for content in tabulate_comparison(comparison):
        table = _table(content.title, *content.head[1:], *(measure.title for measure in content.measures))
        for texts, values in content.rows:
            cells = [measure.show(value) for measure, value in zip(content.measures, values, strict=True)]
            table.add_row(*texts, *cells)
        _print(table)
        output.print()


def _rank(value: float | None) -> float:
    return -math.inf if value is None else value


def _cells(values: Mapping[str, Any], measures: Sequence[Measure]) -> list[str]:
    """Return numbers as text, shares with a digit more than in a report, counts as they are."""
    cells = []
    for measure in measures:
        value, digits = values[measure.key], measure.digits + (measure.digits > 2)
        cells.append("–" if value is None else f"{value:.{digits}f}" if digits else f"{value:g}")
    return cells


def _print(table: Table) -> None:
    # what is not a terminal has no width, and nothing must be cut off there
    (output if output.is_terminal else Console(file=output.file, width=200, markup=False, emoji=False)).print(table)


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    table.add_column(first, no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table
