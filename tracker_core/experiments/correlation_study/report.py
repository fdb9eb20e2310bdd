"""The findings on disk: the figure as PNG and PDF, the numbers as CSV and JSON, and a page of Markdown."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tracker_core.evaluation.plot_parts import (
    add_partial_line,
    by_score,
    dress,
    finish,
    legend_handle,
    name_entries,
    new_figure,
)
from tracker_core.evaluation.plot_style import INK, LINE_WIDTH, MUTED, TrackerStyle, assign_styles, shorten_name
from tracker_core.evaluation.plots import PRECISION, SUCCESS, CurveKind
from tracker_core.evaluation.report import save_figure
from tracker_core.experiments.correlation_study.seed_scores import MEASURES, Spread, TrackerSummary
from tracker_core.files import write_text

ENDS = {SUCCESS.key: 1.0, PRECISION.key: 50.0}
FIGURE = "correlation_study"


@dataclass(frozen=True)
class Findings:
    """Everything that the experiment found.

    Attributes:
        benchmark: title of what was evaluated on. sequences: those that count. total: of the whole benchmark.
        summaries: of every tracker, and the baseline's last.
        differences: conditions that are not the same for all, dotted key → tracker → value.
        conditions: those that all have in common and that a reader asks for first.
        remarks: sentences on what is not in the numbers.
    """

    benchmark: str
    sequences: tuple[str, ...]
    total: int
    summaries: tuple[TrackerSummary, ...]
    differences: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    remarks: Sequence[str] = ()

    @property
    def part(self) -> str:
        """ "10 of 100", or "" if every sequence of the benchmark counts."""
        return f"{len(self.sequences)} of {self.total}" if len(self.sequences) < self.total else ""


def write_findings(findings: Findings, folder: Path) -> list[Path]:
    """Write all files into `folder` and return their paths, the Markdown page first."""
    written = [folder / name for name in ("results.md", "results.csv", "results.json")]
    figure = plot_findings(findings)
    for suffix in ("png", "pdf"):
        written.append(folder / f"{FIGURE}.{suffix}")
        save_figure(figure, written[-1])
    write_text(folder / "results.csv", to_csv(findings))
    write_text(folder / "results.json", json.dumps(to_json(findings), indent=1) + "\n")
    # last, so that a page that is there stands beside complete files
    write_text(written[0], to_markdown(findings))
    return written


def plot_findings(findings: Findings) -> Figure:
    """Return success and precision side by side: mean curves, and bands from the lowest to the highest seed."""
    figure = new_figure(11.5, 5.6)
    styles = assign_styles(summary.tracker for summary in findings.summaries)
    for axes, kind in zip(figure.subplots(1, 2), (SUCCESS, PRECISION), strict=True):
        _draw(axes, findings.summaries, kind, styles)
    title = f"{findings.benchmark}: mean of seeds, band from the lowest to the highest"
    parts = {summary.tracker: findings.part for summary in findings.summaries if findings.part}
    figure.suptitle(add_partial_line(title, parts, len(findings.summaries)), fontsize=12, color=INK)
    return finish(figure)


def _draw(axes: Axes, summaries: Sequence[TrackerSummary], kind: CurveKind, styles: Mapping[str, TrackerStyle]) -> None:
    curves = {summary.tracker: summary.curves[kind.key] for summary in summaries}
    for summary in summaries:
        style, curve, (low, high) = styles[summary.tracker], curves[summary.tracker], summary.bands[kind.key]
        if len(summary.seeds) > 1:
            axes.fill_between(curve.x, low, high, color=style.colour, alpha=0.16, linewidth=0)
        axes.plot(curve.x, curve.y, color=style.colour, linestyle=style.linestyle, linewidth=LINE_WIDTH)
    if kind is PRECISION:
        # where the number in the legend is read off
        axes.axvline(20.0, color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)), zorder=1)
    measure = "success_auc" if kind is SUCCESS else "precision_20"
    labels = {
        summary.tracker: f"{shorten_name(summary.tracker)} [{_with_spread(summary.spreads[measure], plain=True)}]"
        for summary in summaries
    }
    ranked = by_score(curves)
    # beneath the axes: inside, it would hide curves, whatever the corner
    legend = axes.legend(
        [legend_handle(styles[name]) for name in ranked], ["-"] * len(ranked), loc="upper center",
        bbox_to_anchor=(0.5, -0.13), ncols=2, fontsize=9, frameon=False, labelcolor=INK, handlelength=3.2,
    )  # fmt: skip
    name_entries(legend, [labels[name] for name in ranked])
    axes.set(xlim=(0, ENDS[kind.key]), ylim=(0, 1), xlabel=kind.x_label, ylabel=kind.y_label)
    dress(axes)


def to_csv(findings: Findings) -> str:
    """Return one row per tracker: of each measure mean, lowest, highest and standard deviation over seeds."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    kinds = ("mean", "low", "high", "deviation")
    head = [f"{measure}_{kind}" for measure in MEASURES for kind in kinds]
    writer.writerow(
        ["tracker", "seeds", *head, "gain_over_baseline", "gain_standard_error", "sequences", "sequences_total"]
    )
    for summary in findings.summaries:
        cells: list[object] = [summary.tracker, " ".join(summary.seeds)]
        for measure in MEASURES:
            spread = summary.spreads.get(measure)
            cells += ["" if spread is None else _cell(getattr(spread, kind)) for kind in kinds]
        gain = summary.gain
        cells += ["", ""] if gain is None else [_cell(gain.mean), _cell(gain.standard_error)]
        writer.writerow([*cells, len(findings.sequences), findings.total])
    return buffer.getvalue()


def to_json(findings: Findings) -> dict[str, Any]:
    """Return plain values; what is not finite is None."""
    return {
        "benchmark": findings.benchmark,
        "sequences": list(findings.sequences),
        "sequences_total": findings.total,
        "conditions": dict(findings.conditions),
        "differences": {key: dict(values) for key, values in findings.differences.items()},
        "remarks": list(findings.remarks),
        "trackers": {summary.tracker: _summary_to_json(summary) for summary in findings.summaries},
    }


def _summary_to_json(summary: TrackerSummary) -> dict[str, Any]:
    gain = summary.gain
    return {
        "seeds": list(summary.seeds),
        **summary.facts,
        **{
            measure: {key: _finite(value) for key, value in dataclasses.asdict(spread).items()}
            for measure, spread in summary.spreads.items()
        },
        "gain_over_baseline": None
        if gain is None
        else {
            "mean": gain.mean, "standard_error": _finite(gain.standard_error), "sequences_won": gain.sequences_won,
            "is_clear": gain.is_clear,
        },
        "curves": {key: [round(float(value), 6) for value in curve.y] for key, curve in summary.curves.items()},
    }  # fmt: skip


def to_markdown(findings: Findings) -> str:
    """Return the page: what was measured, the table, the conditions, and what is not equal or not in the numbers."""
    count = len(findings.sequences)
    part = f" ({findings.part} sequences of the benchmark)" if findings.part else ""
    lines = [
        f"### {findings.benchmark}, {count} sequence{'s' if count != 1 else ''}{part}",
        "",
        f"![Success and precision]({FIGURE}.png)",
        "",
        "| tracker | runs | parameters | training pairs | success AUC | precision 20 px | over the baseline | fps |",
        "|---|---|---|---|---|---|---|---|",
    ]
    order = sorted(findings.summaries, key=lambda summary: -summary.spreads["success_auc"].mean)
    for summary in order:
        facts, gain, speed = summary.facts, summary.gain, summary.spreads.get("fps")
        over = "" if gain is None else f"{gain.mean:+.3f} ± {_error(gain.standard_error)}, won {gain.sequences_won}"
        cells = [
            summary.tracker,
            ", ".join(summary.seeds),
            _thousands(facts.get("parameters")),
            _thousands(facts.get("training_pairs")),
            _with_spread(summary.spreads["success_auc"]),
            _with_spread(summary.spreads["precision_20"]),
            over,
            "" if speed is None else f"{speed.mean:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "Means over sequences, each alike, and then over seeds; in brackets the lowest and the highest seed. "
        "“Over the baseline”: gain in success AUC over the box that stays where it was, mean over sequences ± its "
        f"standard error, and on how many of the {count} sequences it is positive. Frames a second are those of this "
        "run, on whatever else the computer did.",
        "",
        f"Sequences: {', '.join(findings.sequences)}.",
    ]
    if findings.conditions:
        lines += ["", "Alike for all: " + "; ".join(f"{k} {v}" for k, v in findings.conditions.items()) + "."]
    if findings.differences:
        lines += ["", "Not alike:", ""]
        for key, values in findings.differences.items():
            lines.append(f"- `{key}`: " + ", ".join(f"{name} {value}" for name, value in values.items()))
    if findings.remarks:
        lines += ["", *(f"- {remark}" for remark in findings.remarks)]
    return "\n".join(lines) + "\n"


def _with_spread(spread: Spread, plain: bool = False) -> str:
    text = f"{spread.mean:.3f}"
    if not math.isfinite(spread.deviation):
        return text
    return f"{text}, {spread.low:.3f}–{spread.high:.3f}" if plain else f"{text} ({spread.low:.3f}–{spread.high:.3f})"


def _error(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "?"


def _thousands(value: Any) -> str:
    return "" if value is None else f"{int(value):,}".replace(",", " ")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _cell(value: float) -> object:
    return round(value, 6) if math.isfinite(value) else ""
