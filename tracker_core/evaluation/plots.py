"""Plots of benchmark scores in the style of the field, as matplotlib figures; nothing here is drawn on a screen.

Success and precision plots are those of Wu, Lim and Yang (TPAMI 2015). Legends are sorted, best first, with the score
in brackets. A figure says itself which of its trackers were measured on a part of the data set only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from tracker_core.evaluation.curves import (
    NORMALISED_AT,
    NORMALISED_THRESHOLDS,
    PRECISION_AT,
    SequenceCurves,
)
from tracker_core.evaluation.plot_parts import (
    MOST_IN_AXES,
    Curve,
    Drawn,
    Look,
    add_legend,
    add_partial_line,
    by_score,
    dress,
    finish,
    legend_handle,
    legend_label,
    name_entries,
    new_figure,
    set_title,
    tall_enough,
    with_part,
)
from tracker_core.evaluation.plot_style import (
    GRID,
    INK,
    LINE_WIDTH,
    MUTED,
    TrackerStyle,
    shorten_name,
)
from tracker_core.metrics import PRECISION_THRESHOLDS

MOST_IN_PANEL = 4  # in a small panel of a grid


@dataclass(frozen=True)
class CurveKind:
    """One of the one-pass plots: its titles, and where its legend does not hide the curves."""

    key: str
    title: str
    x_label: str
    y_label: str
    legend_at: str


SUCCESS = CurveKind("success", "Success", "Overlap threshold", "Success rate", "lower left")
PRECISION = CurveKind("precision", "Precision", "Location error threshold (pixels)", "Precision", "lower right")
NORMALISED = CurveKind(
    "normalised_precision", "Normalised precision", "Normalised location error threshold", "Precision", "lower right"
)
ONE_PASS_KINDS = (SUCCESS, PRECISION, NORMALISED)


def curve_of(measured: SequenceCurves, kind: CurveKind) -> Curve:
    """Return one of the three curves; its score is the success AUC, precision at 20 pixels, or at a fifth."""
    if kind is SUCCESS:
        return Curve(np.linspace(0.0, 1.0, len(measured.success)), measured.success, measured.success_auc)
    if kind is PRECISION:
        return Curve(PRECISION_THRESHOLDS, measured.precision, measured.precision_20)
    score = float(measured.normalised_precision[NORMALISED_AT])
    return Curve(NORMALISED_THRESHOLDS, measured.normalised_precision, score)


def draw_one_pass(
    overall: Mapping[str, SequenceCurves],
    by_attribute: Mapping[str, Mapping[str, SequenceCurves]],
    sizes: Mapping[str, int],
    title: str,
    look: Look,
) -> Drawn:
    """Return the plots of trackers (name → curves, best first), also by attribute (tracker → attribute → curves)."""
    drawn = Drawn({}, {})
    for kind in ONE_PASS_KINDS:
        curves = drawn.curves[kind.key] = {name: curve_of(curves, kind) for name, curves in overall.items()}
        figure = plot_curves(curves, kind, f"{kind.title} – {title}", look)
        drawn.figures[kind.key] = (f"{kind.title} plot of one-pass evaluation: {title}", figure)
    for kind in (SUCCESS, PRECISION) if sizes else ():
        groups = {
            attribute: {name: curve_of(own[attribute], kind) for name, own in by_attribute.items() if attribute in own}
            for attribute in sizes
        }
        heading = f"{kind.title} by attribute – {title}"
        figure = plot_attribute_grid(groups, kind, heading, sizes, look)
        drawn.figures[f"{kind.key}_by_attribute"] = (f"{heading} (number of sequences in brackets)", figure)
    return drawn


def plot_curves(
    curves: Mapping[str, Curve],
    kind: CurveKind,
    title: str,
    look: Look,
) -> Figure:
    """Return the plot of one curve per tracker; `parts` says of partial trackers what they were measured on."""
    aside = len(curves) > MOST_IN_AXES
    figure = new_figure(9.6 if aside else 6.4, tall_enough(4.8, len(curves)))
    axes = figure.add_subplot()
    set_title(axes, title, look.parts, len(curves))
    _draw_curves(axes, curves, kind, look.styles)
    axes.set(xlabel=kind.x_label, ylabel=kind.y_label)
    labels = {name: legend_label(name, curve.score, look.parts) for name, curve in curves.items()}
    add_legend(axes, by_score(curves), labels, look.styles, kind.legend_at, aside)
    return finish(figure)


def plot_attribute_grid(
    groups: Mapping[str, Mapping[str, Curve]],
    kind: CurveKind,
    title: str,
    sizes: Mapping[str, int],
    look: Look,
) -> Figure:
    """Return one small plot per attribute: `groups` maps attribute → tracker → curve, `sizes` counts its sequences."""
    columns = min(4, len(groups))
    rows = math.ceil(len(groups) / columns)
    names = [name for name in look.styles if any(name in curves for curves in groups.values())]
    figure = new_figure(3.3 * columns, 2.9 * rows + 0.8)
    all_axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, (attribute, curves) in zip(all_axes, groups.items(), strict=False):
        _draw_curves(axes, curves, kind, look.styles)
        axes.set_title(f"{attribute} ({sizes[attribute]})", fontsize=10, color=INK)
        ranked = by_score(curves)
        labels = {name: legend_label(name, curves[name].score, {}, longest=16) for name in ranked}
        add_legend(axes, ranked[:MOST_IN_PANEL], labels, look.styles, kind.legend_at, aside=False, fontsize=7)
    for axes in all_axes[len(groups) :]:
        axes.set_visible(False)
    for column in range(columns):
        bottom = max(index for index in range(column, len(groups), columns))
        all_axes[bottom].tick_params(labelbottom=True)
        all_axes[bottom].set_xlabel(kind.x_label, fontsize=8)
    for axes in all_axes[::columns]:
        axes.set_ylabel(kind.y_label, fontsize=8)
    figure.suptitle(add_partial_line(title, look.parts, len(names)), fontsize=12, color=INK)
    if look.parts or len(names) > MOST_IN_PANEL:
        handles = [legend_handle(look.styles[name]) for name in names]
        texts = [with_part(shorten_name(name), name, look.parts) for name in names]
        legend = figure.legend(
            handles, ["-"] * len(names), loc="outside lower center", ncols=4, frameon=False, fontsize=8, labelcolor=INK
        )
        name_entries(legend, texts)
    return finish(figure)


def plot_radar(
    values: Mapping[str, Mapping[str, float]],
    title: str,
    look: Look,
    order: Sequence[str],
) -> Figure:
    """Return the attribute radar: `values` maps attribute → tracker → score; worst and best are printed by its name.

    `order` sorts the legend. A tracker without a value on some attribute has a gap there.
    """
    figure = new_figure(8.2, 6.2)
    axes = figure.add_subplot(projection="polar")
    assert isinstance(axes, PolarAxes)  # what the projection asks for; matplotlib's types do not say it
    attributes = list(values)
    angles = np.linspace(0.0, 2 * np.pi, len(attributes), endpoint=False)
    for name in reversed(order):
        scores = np.array([values[attribute].get(name, math.nan) for attribute in attributes])
        style = look.styles[name]
        axes.plot(
            np.append(angles, angles[0]), np.append(scores, scores[0]), color=style.colour, linestyle=style.linestyle,
            linewidth=LINE_WIDTH, marker=style.marker, markersize=5,
        )  # fmt: skip
    known = [score for row in values.values() for score in row.values() if math.isfinite(score)]
    top = max(known, default=1.0)
    axes.set_ylim(0.0, max(0.1, math.ceil(top * 10 + 0.2) / 10))
    axes.set(theta_offset=np.pi / 2, theta_direction=-1)
    axes.set_xticks(angles, [_range_label(attribute, values[attribute]) for attribute in attributes])
    axes.tick_params(axis="x", pad=6, labelsize=9, labelcolor=INK)
    for angle, label in zip(angles, axes.get_xticklabels(), strict=True):
        side = np.sin(angle)  # angles run clockwise from the top
        label.set_horizontalalignment("center" if abs(side) < 0.1 else "left" if side > 0 else "right")
    axes.tick_params(axis="y", labelsize=7, labelcolor=MUTED)
    axes.set_rlabel_position(180.0 / max(len(attributes), 1))
    axes.grid(color=GRID, linewidth=0.8)
    axes.spines["polar"].set_color(GRID)
    figure.suptitle(add_partial_line(title, look.parts, len(order)), fontsize=12, color=INK)
    handles = [legend_handle(look.styles[name], with_marker=True) for name in order]
    legend = figure.legend(
        handles, ["-"] * len(order), loc="outside lower center", ncols=3, frameon=False, fontsize=9, labelcolor=INK
    )
    name_entries(legend, [with_part(shorten_name(name), name, look.parts) for name in order])
    return finish(figure)


def _draw_curves(axes: Axes, curves: Mapping[str, Curve], kind: CurveKind, styles: Mapping[str, TrackerStyle]) -> None:
    # the best one is drawn last, on top
    for name in reversed(by_score(curves)):
        style, curve = styles[name], curves[name]
        axes.plot(curve.x, curve.y, color=style.colour, linestyle=style.linestyle, linewidth=LINE_WIDTH)
    ends = {"success": 1.0, "precision": 50.0, "normalised_precision": 0.5}
    marks = {"precision": float(PRECISION_AT), "normalised_precision": float(NORMALISED_THRESHOLDS[NORMALISED_AT])}
    if kind.key in marks:
        # where the number in the legend is read off
        axes.axvline(marks[kind.key], color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)), zorder=1)
    axes.set(xlim=(0, ends[kind.key]), ylim=(0, 1))
    dress(axes)


def _range_label(attribute: str, scores: Mapping[str, float]) -> str:
    known = [score for score in scores.values() if math.isfinite(score)]
    if not known:
        return attribute
    if len(known) == 1:
        return f"{attribute}\n({known[0]:.3f})"
    return f"{attribute}\n({min(known):.3f}, {max(known):.3f})"
