"""A benchmark report: what it holds, and writing it as PNG, PDF, CSV and one self-contained HTML page."""

from __future__ import annotations

import contextlib
import csv
import io
import logging
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from tracker_core.evaluation.comparison import compare
from tracker_core.evaluation.plot_parts import Curve, Look
from tracker_core.evaluation.plot_style import assign_styles
from tracker_core.evaluation.plots import plot_radar
from tracker_core.evaluation.protocols import Measure
from tracker_core.evaluation.report_content import Report, Values
from tracker_core.evaluation.report_html import render_page
from tracker_core.evaluation.score_tables import ScoreTable, tabulate_comparison
from tracker_core.evaluation.scoring import Score
from tracker_core.files import check_writable, whole_file, write_text

logger = logging.getLogger(__name__)
PNG_DPI = 160
CSV_DIGITS = 6
FEWEST_FOR_RADAR = 3  # axes below which a radar shows no area


def build_report(scores: Sequence[Score], title: str, against: str | None = None) -> Report:
    """Return the report of one or more trackers' scores, which must stem from one protocol and ground truth.

    With `against` the others are compared with the tracker of that name; raises `InputError` where there is none.
    """
    protocol, total = scores[0].protocol, scores[0].total
    data = {score.tracker: score.to_json() for score in scores}
    by = protocol.overall_measures[0]
    ranked = sorted(scores, key=lambda score: (-_known(data[score.tracker], by), score.tracker))
    names = tuple(score.tracker for score in ranked)
    # colours follow the order in which trackers were given, not their rank: another tracker changes no colour
    parts = {score.tracker: score.span for score in scores if not score.is_complete}
    look = Look(assign_styles(score.tracker for score in scores), parts)
    drawn = protocol.draw({score.tracker: score.sequences for score in ranked}, title, look)
    tags = {part.name: protocol.tags(part) for score in scores for part in score.sequences}
    attributes = {
        protocol.attribute_title(attribute): _collect(names, data, "attributes", attribute)
        for attribute in sorted({attribute for values in data.values() for attribute in values["attributes"]})
    }
    if len(attributes) >= FEWEST_FOR_RADAR:
        measure = protocol.attribute_measures[0]
        radar = {
            attribute: {name: _known(values, measure, math.nan) for name, values in by_tracker.items()}
            for attribute, by_tracker in attributes.items()
        }
        heading = f"{measure.title} by attribute – {title}"
        figure = plot_radar(radar, heading, look, names)
        drawn.figures["attribute_radar"] = (heading, figure)
    return Report(
        title=title,
        subtitle=f"{protocol.title} of {_count(len(scores), 'tracker')} on {_count(total, 'sequence')}.",
        protocol=protocol,
        trackers=names,
        look=look,
        overall={score.tracker: {**data[score.tracker], "sequences": score.span} for score in scores},
        per_sequence={name: _collect(names, data, "per_sequence", name) for name in sorted(tags, key=str.casefold)},
        per_attribute=attributes,
        sequence_tags=tags,
        drawn=drawn,
        remarks={score.tracker: score.describe_remarks() for score in ranked},
        method=protocol.describe_method(scores[0].sequences),
        comparison=compare(protocol, {name: data[name] for name in names}, against) if against else None,
    )


def write_report(report: Report, folder: str | Path) -> list[Path]:
    """Write all files of `report` into `folder` and return their paths, the page first; raises `OutputError`."""
    folder = check_writable(folder)
    written = [folder / "report.html"]
    svgs = {}
    for name, (_, figure) in report.drawn.figures.items():
        # laid out once: finding a place for every text takes longer than drawing them
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for suffix in ("png", "pdf"):
            written.append(folder / f"{name}.{suffix}")
            save_figure(figure, written[-1])
        svgs[name] = figure_to_svg(figure, name)
    for name, rows in _tables(report).items():
        written.append(folder / f"{name}.csv")
        write_text(written[-1], _to_csv(rows))
    # last, so that a page that exists has complete files beside it
    write_text(written[0], render_page(report, svgs))
    return written


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as its suffix says, without the date, so that the same scores give the same file."""
    metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(path.suffix[1:], {})
    with whole_file(path) as content, _drawing({"pdf.fonttype": 42}):
        figure.savefig(content, format=path.suffix[1:], dpi=PNG_DPI, metadata=metadata)


def figure_to_svg(figure: Figure, name: str) -> str:
    """Return a figure as SVG text; `name` makes its identifiers the same in every run."""
    buffer = io.StringIO()
    with _drawing({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    return buffer.getvalue()


@contextlib.contextmanager
def _drawing(settings: Any) -> Iterator[None]:
    """Draw with these settings of matplotlib; letters that no font has become boxes, which is logged at most."""
    with matplotlib.rc_context(settings), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        logger.debug("matplotlib: %s", text)


def _known(values: Mapping[str, float | None], measure: Measure, otherwise: float = -math.inf) -> float:
    value = values[measure.key]
    return otherwise if value is None else value


def _collect(names: Iterable[str], data: Mapping[str, Any], table: str, row: str) -> dict[str, Values]:
    """Return one row of every tracker's table, those left out that do not have it."""
    return {name: data[name][table][row] for name in names if row in data[name][table]}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _tables(report: Report) -> dict[str, list[list[object]]]:
    measures = report.protocol.overall_measures
    overall: list[list[object]] = [["tracker", *(m.key for m in measures), "complete"]]
    for name in report.trackers:
        values = report.overall[name]
        overall.append([name, *(values.get(m.key) for m in measures), name not in report.look.parts])
    tables = {
        "trackers": overall,
        "sequences": _long_table("sequence", report.per_sequence, report.protocol.sequence_measures, report),
    }
    if report.per_attribute:
        measures = report.protocol.attribute_measures
        tables["attributes"] = _long_table("attribute", report.per_attribute, measures, report)
    if report.comparison:
        by_sequence, gains = (_plain_rows(table) for table in tabulate_comparison(report.comparison))
        tables.update({"by_sequence": by_sequence, "gains": gains})
    for name, curves in report.drawn.curves.items():
        tables[f"{name}_curve"] = _curve_table(curves, report)
    return tables


def _plain_rows(table: ScoreTable) -> list[list[object]]:
    rows: list[list[object]] = [[*(title.lower() for title in table.head), *(one.key for one in table.measures)]]
    rows.extend([*texts, *numbers] for texts, numbers in table.rows)
    return rows


def _long_table(
    first: str, table: Mapping[str, Mapping[str, Values]], measures: Sequence[Measure], report: Report
) -> list[list[object]]:
    """One line per sequence (or attribute) and tracker; a tracker that has no result there has no numbers."""
    rows: list[list[object]] = [[first, "tracker", *(measure.key for measure in measures), "complete"]]
    for name, by_tracker in table.items():
        for tracker in report.trackers:
            values = by_tracker.get(tracker, {})
            numbers = (values.get(measure.key) for measure in measures)
            rows.append([name, tracker, *numbers, tracker not in report.look.parts])
    return rows


def _curve_table(curves: Mapping[str, Curve], report: Report) -> list[list[object]]:
    parts = report.look.parts
    names = [name for name in report.trackers if name in curves]
    longest = max((curves[name] for name in names), key=lambda curve: len(curve.x))
    heads = [f"{name} (partial: {parts[name]})" if name in parts else name for name in names]
    rows: list[list[object]] = [["x", *heads]]
    for index, x in enumerate(longest.x):
        row: list[object] = [float(x)]
        row.extend(float(curves[name].y[index]) if index < len(curves[name].y) else None for name in names)
        rows.append(row)
    return rows


def _to_csv(rows: Iterable[Iterable[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return round(value, CSV_DIGITS) if math.isfinite(value) else ""
    return "" if value is None else value
