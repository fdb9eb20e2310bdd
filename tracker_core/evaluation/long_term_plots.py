"""The plots of the long-term challenges: precision over recall, and the F-score over how much is let through."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from tracker_core.evaluation.detections import DetectionCurves
from tracker_core.evaluation.plot_parts import (
    MOST_IN_AXES,
    Curve,
    Drawn,
    Look,
    add_legend,
    by_score,
    dress,
    finish,
    legend_label,
    new_figure,
    set_title,
    tall_enough,
)
from tracker_core.evaluation.plot_style import GRID, LINE_WIDTH, PAPER

F_LINES = (0.2, 0.4, 0.6, 0.8)


def draw_long_term(overall: Mapping[str, DetectionCurves], title: str, look: Look) -> Drawn:
    """Return the plots of trackers (name → curves)."""
    curves = {
        name: Curve(summary.recall, summary.precision, float(summary.f_score[summary.best]))
        for name, summary in overall.items()
    }
    heading = f"Precision and recall – {title}"
    best = {name: (summary.recall[summary.best], summary.precision[summary.best]) for name, summary in overall.items()}
    figure = plot_precision_recall(curves, best, heading, look)
    return Drawn({"precision_recall": (heading, figure)}, {"precision_recall": curves})


def plot_precision_recall(
    curves: Mapping[str, Curve], best: Mapping[str, tuple[float, float]], title: str, look: Look
) -> Figure:
    """Return precision over recall; a marker where the F-score is largest, thin lines of equal F-score behind."""
    aside = len(curves) > MOST_IN_AXES
    figure = new_figure(8.4 if aside else 5.6, tall_enough(5.4, len(curves)))
    axes = figure.add_subplot()
    set_title(axes, title, look.parts, len(curves))
    for value in F_LINES:
        recall = np.linspace(value / (2 - value), 1, 100)
        axes.plot(recall, value * recall / (2 * recall - value), color=GRID, linewidth=0.8, zorder=0)
        axes.annotate(f"F {value:g}", (1, value / (2 - value)), xytext=(-4, 3), textcoords="offset points",
                      ha="right", fontsize="x-small", color=GRID)  # fmt: skip
    for name in reversed(by_score(curves)):
        style, curve = look.styles[name], curves[name]
        axes.plot(curve.x, curve.y, color=style.colour, linestyle=style.linestyle, linewidth=LINE_WIDTH)
        axes.plot(*best[name], style.marker, color=style.colour, markersize=8, markeredgecolor=PAPER)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="Recall", ylabel="Precision")
    axes.set_aspect("equal")
    dress(axes)
    labels = {name: legend_label(name, curve.score, look.parts, prefix="F ") for name, curve in curves.items()}
    add_legend(axes, by_score(curves), labels, look.styles, "lower left", aside)
    return finish(figure)
