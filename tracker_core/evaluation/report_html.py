"""One self-contained HTML page of a benchmark report: plots as inline SVG, tables that can be sorted, no network.

The page follows the reader's light or dark colours, prints on white paper, and shows all its numbers without scripts.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources

from tracker_core.evaluation.plot_parts import MOST_IN_AXES
from tracker_core.evaluation.plot_style import (
    BAND,
    DARK_PALETTE,
    GRID,
    INK,
    LIGHT_PALETTE,
    MUTED,
    PAPER,
    TrackerStyle,
)
from tracker_core.evaluation.protocols import Measure
from tracker_core.evaluation.report_content import Report
from tracker_core.evaluation.score_tables import tabulate_comparison

# colours of a figure that follow the reader's scheme → CSS variable
_INK_VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--grid", BAND: "--band", PAPER: "--paper"}
_SERIES_VARIABLES = {colour: f"--series-{index}" for index, colour in enumerate(LIGHT_PALETTE, start=1)}
_TEMPLATE_PACKAGE = "tracker_core.evaluation"
_TEMPLATE = "report_template.html"


def render_page(report: Report, svgs: Mapping[str, str]) -> str:
    """Return the page as HTML text."""
    template = resources.files(_TEMPLATE_PACKAGE).joinpath(_TEMPLATE).read_text(encoding="utf-8")
    fields = {
        "title": escape(report.title),
        "subtitle": escape(report.subtitle),
        "palette_light": _palette(LIGHT_PALETTE),
        "palette_dark": _palette(DARK_PALETTE),
        "partial": _partial_banner(report),
        "overall": _overall_table(report),
        "wide": " wide" if len(report.trackers) > MOST_IN_AXES else "",
        "figures": "\n".join(_figure(name, caption, svgs[name]) for name, (caption, _) in report.drawn.figures.items()),
        "measure_options": "".join(
            f'<option value="{escape(m.key)}">{escape(m.title)}</option>' for m in report.protocol.sequence_measures
        ),
        "sequences": _sequence_table(report),
        "comparison": _comparison(report),
        "remarks": _remarks(report),
        "method": "".join(f"<li>{escape(sentence)}</li>" for sentence in report.method),
        "data": _script_data(report),
    }
    # one pass: a field's text that looks like another placeholder stays as it is
    return re.sub(r"\{\{(\w+)\}\}", lambda match: fields[match.group(1)], template)


def adapt_svg(svg: str, name: str, caption: str) -> str:
    """Return a figure's SVG for use inside the page: coloured by the page's variables, with identifiers of its own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = svg.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    for colour, variable in {**_INK_VARIABLES, **_SERIES_VARIABLES}.items():
        svg = svg.replace(colour, f"var({variable})")
    # the page scales it; width and height in points would fix its size
    head, rest = svg.split(">", 1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{escape(caption)}">{rest}'


def _palette(colours: Sequence[str]) -> str:
    return " ".join(f"--series-{index}: {colour};" for index, colour in enumerate(colours, start=1))


def _partial_banner(report: Report) -> str:
    if not report.look.parts:
        return ""
    spans = ", ".join(f"{escape(name)}: {escape(part)} sequences" for name, part in report.look.parts.items())
    return f'<p class="partial" role="note"><strong>Partial results.</strong> {spans}. See the remarks below.</p>'


def _figure(name: str, caption: str, svg: str) -> str:
    return f'<figure id="{name}">{adapt_svg(svg, name, caption)}<figcaption>{escape(caption)}</figcaption></figure>'


def _swatch(style: TrackerStyle) -> str:
    dashes = f' stroke-dasharray="{" ".join(str(2 * length) for length in style.dashes)}"' if style.dashes else ""
    colour = f"var({_SERIES_VARIABLES[style.colour]})"
    return (
        '<svg class="swatch" viewBox="0 0 36 8" aria-hidden="true">'
        f'<path d="M0 4H36" style="stroke: {colour}" stroke-width="3"{dashes}/></svg>'
    )


def _heading(text: str, *, numeric: bool = True) -> str:
    kind = ' class="number"' if numeric else ""
    return f'<th scope="col"{kind}><button type="button">{escape(text)}</button></th>'


def _cell(value: float | None, text: str, best: bool) -> str:
    known = value is not None and math.isfinite(value)
    return f'<td class="number{" best" if best else ""}" data-value="{value if known else ""}">{text}</td>'


def _overall_table(report: Report) -> str:
    measures = report.protocol.overall_measures
    heads = [_heading("Tracker", numeric=False), *(_heading(m.title) for m in measures)]
    columns = {m.key: [_number(report.overall[name].get(m.key)) for name in report.trackers] for m in measures}
    # a score of a part of the data set is not compared with scores of more of it
    counts = [_count_sequences(report, name) for name in report.trackers]
    complete = [count == max(counts) for count in counts]
    best = {
        m.key: _best([value for value, counts in zip(columns[m.key], complete, strict=True) if counts], m)
        for m in measures
    }
    rows = []
    for row, name in enumerate(report.trackers):
        cells = [f'<th scope="row">{_swatch(report.look.styles[name])} {escape(name)}</th>']
        for measure in measures:
            value = columns[measure.key][row]
            cells.append(
                _cell(value, measure.show(value), complete[row] and value is not None and value == best[measure.key])
            )
        counted = str(report.overall[name].get("sequences", ""))
        mark = ' <span class="badge">partial</span>' if name in report.look.parts else ""
        cells.append(f'<td class="number" data-value="{escape(counted.split(" ")[0])}">{escape(counted)}{mark}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return _table("overall", [*heads, _heading("Sequences")], rows)


def _sequence_table(report: Report) -> str:
    measure = report.protocol.sequence_measures[0]
    heads = [_heading("Sequence", numeric=False), *(_heading(name) for name in report.trackers)]
    with_tags = any(report.sequence_tags.values())
    if with_tags:
        heads.append(_heading("Attributes", numeric=False))
    rows = []
    for sequence, by_tracker in report.per_sequence.items():
        values = [_number(by_tracker.get(name, {}).get(measure.key)) for name in report.trackers]
        best = _best(values, measure)
        cells = [f'<th scope="row">{escape(sequence)}</th>']
        cells.extend(_cell(value, measure.show(value), value is not None and value == best) for value in values)
        if with_tags:
            cells.append(f'<td class="tags">{escape(", ".join(report.sequence_tags.get(sequence, ())))}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return _table("sequences", heads, rows)


def _comparison(report: Report) -> str:
    """Return the section on what the trackers gain over one of them, nothing where they are not compared."""
    if report.comparison is None:
        return ""
    gains = tabulate_comparison(report.comparison)[1]
    heads = [_heading(title, numeric=False) for title in gains.head] + [_heading(m.title) for m in gains.measures]
    rows = []
    for (name, verdict), values in gains.rows:
        numbers = (_cell(value, m.show(value), False) for m, value in zip(gains.measures, values, strict=True))
        title = f'<th scope="row">{_swatch(report.look.styles[name])} {escape(name)}</th>'
        rows.append(f"<tr>{title}<td>{escape(verdict)}</td>{''.join(numbers)}</tr>")
    meaning = "Mean gain per sequence with its 95 % interval (paired bootstrap); one that holds zero is a draw."
    return f"<section><h2>{escape(gains.title)}</h2>{_table('gains', heads, rows)}<p>{meaning}</p></section>"


def _table(name: str, heads: Sequence[str], rows: Sequence[str]) -> str:
    return (
        f'<div class="scroll"><table id="{name}-table"><thead><tr>{"".join(heads)}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _remarks(report: Report) -> str:
    parts = []
    for name in report.trackers:
        sentences = report.remarks.get(name, ())
        if sentences:
            items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
            parts.append(f"<h3>{escape(name)}</h3><ul>{items}</ul>")
    return "".join(parts) or "<p>Every tracker was measured on every sequence.</p>"


def _script_data(report: Report) -> str:
    measures = report.protocol.sequence_measures
    data = {
        "measures": {m.key: {"digits": m.digits, "higher": m.higher_is_better} for m in measures},
        "trackers": list(report.trackers),
        "values": {
            sequence: {
                m.key: [_number(by_tracker.get(name, {}).get(m.key)) for name in report.trackers] for m in measures
            }
            for sequence, by_tracker in report.per_sequence.items()
        },
    }
    # "</script>" in a name would end the script; JSON may write < as an escape
    return json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _best(values: Sequence[float | None], measure: Measure) -> float | None:
    """Return the best of several values; None where there is no choice."""
    known = [value for value in values if value is not None]
    if len(values) < 2 or not known:
        return None
    return max(known) if measure.higher_is_better else min(known)


def _count_sequences(report: Report, name: str) -> float:
    """Return how many sequences a tracker's overall numbers are of, infinity if of all."""
    return float(report.look.parts[name].split(" ")[0]) if name in report.look.parts else math.inf


def _number(value: float | str | None) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
