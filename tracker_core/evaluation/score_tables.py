"""The tables of a benchmark (trackers, attributes, sequences) as CSV, Markdown or LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracker_core.errors import InputError
from tracker_core.evaluation.comparison import Comparison
from tracker_core.evaluation.protocols import AnyProtocol, Measure
from tracker_core.files import write_text
from tracker_core.metrics import Gain

LATEX = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}", "\\": r"\textbackslash{}",
         "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--"}  # fmt: skip


GAIN_MEASURES = (
    Measure("common", "Sequences", 0), Measure("won", "Won", 0), Measure("lost", "Lost", 0, False),
    Measure("gain", "Mean gain", 3), Measure("low", "From", 3), Measure("high", "To", 3),
)  # fmt: skip


@dataclass(frozen=True)
class ScoreTable:
    """A table of numbers.

    Attributes:
        title: above the table.
        head: titles of the columns that come first, as texts.
        measures: the columns of numbers behind them.
        rows: the texts and the numbers (None where one is not known) of each line.
    """

    title: str
    head: tuple[str, ...]
    measures: tuple[Measure, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[float | None, ...]], ...]


def tabulate(protocol: AnyProtocol, scores: Mapping[str, Mapping[str, Any]]) -> list[ScoreTable]:
    """Return the tables of trackers (name → what `Score.to_json` returns), those without a line left out.

    Trackers come best first; sequences with a line for each tracker's mean at the end, which says of how many it is.
    """
    overall, attribute, sequence = (
        protocol.overall_measures, protocol.attribute_measures, protocol.sequence_measures,
    )  # fmt: skip
    names = rank(protocol, scores)
    means = [((_mean_title(scores[name]), name), _numbers(scores[name], sequence)) for name in names]
    by_sequence = [
        ((title, name), _numbers(values, sequence)) for title, name, values in _entries(scores, names, "per_sequence")
    ]
    by_attribute = [
        ((protocol.attribute_title(title), name), _numbers(values, attribute))
        for title, name, values in _entries(scores, names, "attributes")
    ]
    trackers = [((name, _span(scores[name])), _numbers(scores[name], overall)) for name in names]
    tables = [
        ScoreTable("Trackers", ("Tracker", "Sequences"), overall, tuple(trackers)),
        ScoreTable("Attributes", ("Attribute", "Tracker"), attribute, tuple(by_attribute)),
        ScoreTable("Sequences", ("Sequence", "Tracker"), sequence, tuple(by_sequence + means if by_sequence else ())),
    ]
    return [table for table in tables if table.rows]


def tabulate_comparison(comparison: Comparison) -> list[ScoreTable]:
    """Return a table with a line for each sequence and a column for each tracker, and one of what they gain.

    The means at the end of the first are over the sequences that all trackers have: others cannot be compared.
    """
    measure, names = comparison.measure, list(next(iter(comparison.values.values()), {}))
    columns = tuple(Measure(name, name, measure.digits, measure.higher_is_better) for name in names)
    rows = [((sequence,), tuple(row[name] for name in names)) for sequence, row in comparison.values.items()]
    common = [row for row in comparison.values.values() if None not in row.values()]
    title = "mean" if len(common) == len(rows) else f"mean of {len(common)} in common"
    means = tuple(_mean([row[name] for row in common]) for name in names)
    gains = [
        ((one.tracker, one.verdict), (one.common, one.won, one.lost, *_interval(one.gain)))
        for one in comparison.others
    ]  # fmt: skip
    return [
        ScoreTable(f"{measure.title} by sequence", ("Sequence",), columns, (*rows, ((title,), means))),
        ScoreTable(f"{measure.title} over {comparison.against}", ("Tracker", "Verdict"), GAIN_MEASURES, tuple(gains)),
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _interval(gain: Gain | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if gain is None else (gain.mean, gain.low, gain.high)


def rank(protocol: AnyProtocol, scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of trackers, best first by the protocol's first measure; those without a number last."""
    best = protocol.overall_measures[0]

    def place(name: str) -> tuple[bool, float, str]:
        value = scores[name].get(best.key)
        return value is None, 0.0 if value is None else value * (-1 if best.higher_is_better else 1), name

    return sorted(scores, key=place)


def check_table(path: str | Path) -> None:
    """Raise `InputError` for a file whose ending says no form of table."""
    if Path(path).suffix.lower() not in FORMS:
        raise InputError(f"'{path}' does not say which table to write; end it in {', '.join(FORMS)}.")


def write_tables(
    path: str | Path,
    protocol: AnyProtocol,
    scores: Mapping[str, Mapping[str, Any]],
    comparison: Comparison | None = None,
) -> None:
    """Write the tables, and those of a comparison, in the form that the ending of `path` says.

    Raises `InputError` or `OutputError`.
    """
    check_table(path)
    tables = tabulate(protocol, scores) + (tabulate_comparison(comparison) if comparison else [])
    write_text(path, FORMS[Path(path).suffix.lower()](tables))


def _entries(
    scores: Mapping[str, Mapping[str, Any]], names: Sequence[str], table: str
) -> list[tuple[str, str, Mapping[str, Any]]]:
    titles = sorted({title for values in scores.values() for title in values.get(table, {})}, key=str.casefold)
    return [(title, name, scores[name].get(table, {}).get(title, {})) for title in titles for name in names]


def _numbers(values: Mapping[str, Any], measures: Sequence[Measure]) -> tuple[float | None, ...]:
    return tuple(values.get(measure.key) for measure in measures)


def _mean_title(values: Mapping[str, Any]) -> str:
    total = values.get("sequences_total")
    return "mean" if total in (None, values.get("sequences")) else f"mean of {_span(values)}"


def _span(values: Mapping[str, Any]) -> str:
    counted, total = values.get("sequences"), values.get("sequences_total")
    return str(counted) if total in (None, counted) else f"{counted} of {total}"


def _to_csv(tables: Sequence[ScoreTable]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for place, table in enumerate(tables):
        if place:
            writer.writerow([])
        writer.writerow([*(title.lower() for title in table.head), *(measure.key for measure in table.measures)])
        for texts, numbers in table.rows:
            writer.writerow([*texts, *("" if value is None else value for value in numbers)])
    return buffer.getvalue()


def _to_markdown(tables: Sequence[ScoreTable]) -> str:
    parts = []
    for table in tables:
        lines = [
            f"## {table.title}",
            "",
            _line([*table.head, *(measure.title for measure in table.measures)]),
            "|" + "---|" * len(table.head) + "---:|" * len(table.measures),
            *(_line([text.replace("|", r"\|") for text in cells]) for cells in _cells(table)),
        ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _to_latex(tables: Sequence[ScoreTable]) -> str:
    parts = ["% needs \\usepackage{booktabs}\n"]
    for table in tables:
        titles = [*table.head, *(measure.title for measure in table.measures)]
        lines = [
            r"\begin{tabular}{" + "l" * len(table.head) + "r" * len(table.measures) + "}",
            r"\toprule",
            _latex_line(titles),
            r"\midrule",
            *map(_latex_line, _cells(table)),
            r"\bottomrule",
            r"\end{tabular}",
        ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _latex_line(cells: Sequence[str]) -> str:
    return " & ".join("".join(LATEX.get(letter, letter) for letter in cell) for cell in cells) + r" \\"


def _cells(table: ScoreTable) -> list[list[str]]:
    return [
        [*texts, *(measure.show(value) for measure, value in zip(table.measures, numbers, strict=True))]
        for texts, numbers in table.rows
    ]


FORMS: dict[str, Callable[[Sequence[ScoreTable]], str]] = {".csv": _to_csv, ".md": _to_markdown, ".tex": _to_latex}
