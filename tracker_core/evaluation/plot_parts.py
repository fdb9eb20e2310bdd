"""What the plots of a report share: figures, titles that say what is partial, axes, and sorted legends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from tracker_core.evaluation.plot_style import (
    GRID,
    INK,
    LINE_WIDTH,
    MUTED,
    PAPER,
    TrackerStyle,
    shorten_name,
    take_texts_literally,
)
from tracker_core.types import FloatArray

MOST_IN_AXES = 8  # trackers in a legend inside the axes; more are listed beside them


@dataclass(frozen=True)
class Curve:
    """One line of a plot: values `x` and `y` (N,), and the score that sorts it in the legend."""

    x: FloatArray
    y: FloatArray
    score: float


@dataclass(frozen=True)
class Look:
    """How trackers look in all plots: their styles, and of those that were measured on a part "9 of 100"."""

    styles: Mapping[str, TrackerStyle]
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawn:
    """The plots of a report under their file names: a caption and a figure each, and the curves by tracker."""

    figures: dict[str, tuple[str, Figure]]
    curves: dict[str, Mapping[str, Curve]]


def new_figure(width: float, height: float) -> Figure:
    """Return an empty white figure of that size in inches."""
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
    return Figure(figsize=(width, height), layout=layout, facecolor="white")


def tall_enough(height: float, trackers: int) -> float:
    """Return the height in inches of a figure whose legend of so many trackers is beside the axes."""
    return max(height, 1.0 + 0.225 * trackers)


def finish(figure: Figure) -> Figure:
    """Return the figure with all texts taken as they are."""
    take_texts_literally(figure)
    return figure


def dress(axes: Axes) -> None:
    """Give axes a light grid and quiet edges."""
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(MUTED)
    axes.xaxis.label.set_color(MUTED)
    axes.yaxis.label.set_color(MUTED)


def set_title(axes: Axes, title: str, parts: Mapping[str, str], trackers: int) -> None:
    """Write the title and, beneath, that results are partial if some are."""
    axes.set_title(add_partial_line(title, parts, trackers), fontsize=12, color=INK)


def add_partial_line(title: str, parts: Mapping[str, str], trackers: int) -> str:
    """Return the title with a line that says of which of so many trackers the results are partial, if of any."""
    if not parts:
        return title
    spans = sorted(set(parts.values()))
    if len(parts) == trackers and len(spans) == 1:
        return f"{title}\nPartial results: {spans[0]} sequences"
    return f"{title}\nPartial results of {', '.join(shorten_name(name) for name in sorted(parts)[:3])}" + (
        f" and {len(parts) - 3} more" if len(parts) > 3 else ""
    )


def name_entries(legend: Legend, texts: Sequence[str]) -> None:
    """Write the texts of a legend; some versions of matplotlib leave entries out whose text begins with `_`."""
    for entry, text in zip(legend.get_texts(), texts, strict=True):
        entry.set_text(text)


def add_legend(
    axes: Axes,
    ranked: Sequence[str],
    labels: Mapping[str, str],
    styles: Mapping[str, TrackerStyle],
    place: str,
    aside: bool,
    *,
    fontsize: float = 9,
    only_markers: bool = False,
) -> None:
    """Add a legend of the trackers in the order `ranked`, at `place` inside the axes or, if `aside`, at their right."""
    handles = [legend_handle(styles[name], with_marker=only_markers, with_line=not only_markers) for name in ranked]
    if aside:
        at: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
    else:
        at = {"loc": place}
    legend = axes.legend(
        handles,
        ["-"] * len(ranked),
        fontsize=fontsize,
        framealpha=0.85,
        facecolor=PAPER,
        edgecolor=GRID,
        labelcolor=INK,
        handlelength=1.0 if only_markers else 3.2,
        **at,
    )
    name_entries(legend, [labels[name] for name in ranked])
    legend.set_zorder(5)


def legend_handle(style: TrackerStyle, *, with_marker: bool = False, with_line: bool = True) -> Line2D:
    """Return the sample before a name in a legend."""
    return Line2D(
        [], [], color=style.colour, linestyle=style.linestyle if with_line else "none", linewidth=LINE_WIDTH,
        marker=style.marker if with_marker else "none", markersize=6,
    )  # fmt: skip


def legend_label(
    name: str, score: float, parts: Mapping[str, str], *, prefix: str = "", longest: int | None = None
) -> str:
    """Return "name [score]", and what part of the data set it is of, if it is partial."""
    short = shorten_name(name, longest) if longest else shorten_name(name)
    value = f"{score:.3f}" if math.isfinite(score) else "–"
    return with_part(f"{short} [{prefix}{value}]", name, parts)


def with_part(text: str, name: str, parts: Mapping[str, str]) -> str:
    """Return `text` with the part of the data set that tracker `name` was measured on, if it is partial."""
    return f"{text} ({parts[name]})" if name in parts else text


def by_score(curves: Mapping[str, Curve]) -> list[str]:
    """Return the names by the score of their curves, best first."""
    return by_value({name: curve.score for name, curve in curves.items()})


def by_value(scores: Mapping[str, float]) -> list[str]:
    """Return the names, best first; unknown scores last, equal ones by name."""
    return sorted(scores, key=lambda name: (-scores[name] if math.isfinite(scores[name]) else math.inf, name))
