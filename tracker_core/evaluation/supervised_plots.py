"""The plots of the VOT challenges (Kristan et al., TPAMI 2016): accuracy–robustness, expected overlap, ranking."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from tracker_core.evaluation.failures import RunSummary
from tracker_core.evaluation.plot_parts import (
    MOST_IN_AXES,
    Curve,
    Drawn,
    Look,
    add_legend,
    by_score,
    by_value,
    dress,
    finish,
    legend_label,
    new_figure,
    set_title,
    tall_enough,
)
from tracker_core.evaluation.plot_style import BAND, GRID, LINE_WIDTH, MUTED, PAPER


def draw_supervised(
    overall: Mapping[str, RunSummary], interval: tuple[int, int], sensitivity: int, title: str, look: Look
) -> Drawn:
    """Return the plots of trackers (name → summary); reliability is that over `sensitivity` frames."""
    eao = {name: summary.eao for name, summary in overall.items()}
    points = {
        name: (math.exp(-sensitivity * summary.robustness / 100), summary.accuracy) for name, summary in overall.items()
    }
    curves = {
        name: Curve(np.arange(1.0, len(summary.curve) + 1), summary.curve, summary.eao)
        for name, summary in overall.items()
    }
    headings = {
        "accuracy_robustness": f"Accuracy and robustness – {title}",
        "expected_overlap": f"Expected overlap – {title}",
        "eao_ranking": f"Expected average overlap – {title}",
    }
    figures = (
        plot_accuracy_robustness(points, eao, sensitivity, headings["accuracy_robustness"], look),
        plot_expected_overlap(curves, interval, headings["expected_overlap"], look),
        plot_ranking(eao, "Expected average overlap", headings["eao_ranking"], look),
    )
    return Drawn(
        {name: (heading, figure) for (name, heading), figure in zip(headings.items(), figures, strict=True)},
        {"expected_overlap": curves},
    )


def plot_accuracy_robustness(
    points: Mapping[str, tuple[float, float]],
    eao: Mapping[str, float],
    sensitivity: int,
    title: str,
    look: Look,
) -> Figure:
    """Return VOT's plot of accuracy over reliability; `points` maps trackers to (reliability, accuracy).

    Reliability is the chance to follow the target for `sensitivity` frames without a failure.
    """
    aside = len(points) > MOST_IN_AXES
    figure = new_figure(8.4 if aside else 5.6, tall_enough(5.4, len(points)))
    axes = figure.add_subplot()
    set_title(axes, title, look.parts, len(points))
    ranked = by_value(eao)
    for name in reversed(ranked):
        style = look.styles[name]
        axes.plot(*points[name], style.marker, color=style.colour, markersize=10, markeredgecolor=PAPER)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=f"Robustness (reliability over {sensitivity} frames)", ylabel="Accuracy")
    axes.set_aspect("equal")
    dress(axes)
    labels = {name: legend_label(name, eao[name], look.parts, prefix="EAO ") for name in ranked}
    add_legend(axes, ranked, labels, look.styles, "lower left", aside, only_markers=True)
    return finish(figure)


def plot_expected_overlap(
    curves: Mapping[str, Curve],
    interval: tuple[int, int],
    title: str,
    look: Look,
) -> Figure:
    """Return the expected average overlap by length of sequence, with the interval that the EAO is the mean over."""
    aside = len(curves) > MOST_IN_AXES
    figure = new_figure(9.6 if aside else 7.2, tall_enough(4.6, len(curves)))
    axes = figure.add_subplot()
    set_title(axes, title, look.parts, len(curves))
    axes.axvspan(*interval, color=BAND, zorder=0)
    for edge in interval:
        axes.axvline(edge, color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)), zorder=1)
    longest = max((int(curve.x[-1]) for curve in curves.values() if len(curve.x)), default=1)
    for name in reversed(by_score(curves)):
        style, curve = look.styles[name], curves[name]
        axes.plot(curve.x, curve.y, color=style.colour, linestyle=style.linestyle, linewidth=LINE_WIDTH)
    axes.set(xlim=(1, max(2, longest)), ylim=(0, 1), ylabel="Expected overlap")
    axes.set_xlabel(f"Sequence length (frames); the EAO is the mean over {interval[0]} to {interval[1]}")
    dress(axes)
    labels = {name: legend_label(name, curve.score, look.parts) for name, curve in curves.items()}
    add_legend(axes, by_score(curves), labels, look.styles, "upper right", aside)
    return finish(figure)


def plot_ranking(
    scores: Mapping[str, float],
    y_label: str,
    title: str,
    look: Look,
) -> Figure:
    """Return VOT's ranking plot: one marker per tracker, the best at the right."""
    aside = len(scores) > MOST_IN_AXES
    ranked = by_value(scores)
    figure = new_figure(9.6 if aside else 7.2, tall_enough(4.6, len(scores)))
    axes = figure.add_subplot()
    set_title(axes, title, look.parts, len(scores))
    known = [score for score in scores.values() if math.isfinite(score)]
    for rank, name in enumerate(ranked, start=1):
        style = look.styles[name]
        axes.vlines(rank, 0, scores[name], color=GRID, linewidth=1)
        axes.plot(rank, scores[name], style.marker, color=style.colour, markersize=10, clip_on=False)
    axes.set(xlim=(len(ranked) + 0.5, 0.5), ylim=(0, max(known, default=1.0) * 1.15 or 1.0), xlabel="Rank")
    axes.set_ylabel(y_label)
    axes.set_xticks(range(1, len(ranked) + 1))
    dress(axes)
    labels = {name: legend_label(name, scores[name], look.parts) for name in ranked}
    add_legend(axes, ranked, labels, look.styles, "upper left", True, only_markers=True)
    return finish(figure)
