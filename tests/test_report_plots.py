"""Plots of a report: sorted legends with scores, one look per tracker, nothing cut off."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tracker_core.evaluation.plot_parts import Look
from tracker_core.evaluation.plot_style import DARK_PALETTE, LIGHT_PALETTE, assign_styles, shorten_name
from tracker_core.evaluation.plots import (
    ONE_PASS_KINDS,
    SUCCESS,
    Curve,
    CurveKind,
    plot_attribute_grid,
    plot_curves,
    plot_radar,
)
from tracker_core.evaluation.report_html import adapt_svg
from tracker_core.evaluation.supervised_plots import plot_accuracy_robustness, plot_expected_overlap, plot_ranking

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", TVCG 2009
COLOUR_BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


def linear_rgb(colour: str) -> np.ndarray:
    values = np.array([int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(first: str, second: str) -> float:
    light, dark = sorted((float(linear_rgb(c) @ [0.2126, 0.7152, 0.0722]) for c in (first, second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def falling(score: float, kind: CurveKind = SUCCESS) -> Curve:
    ends = {"success": 1.0, "precision": 50.0, "normalised_precision": 0.5}
    x = np.linspace(0, ends[kind.key], 51)
    return Curve(x, np.linspace(min(1.0, 2 * score), 0, 51), score)


def legend_texts(figure: Figure) -> list[str]:
    legend = figure.axes[0].get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def draw(figure: Figure) -> FigureCanvasAgg:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas


def test_legend_is_sorted_with_the_score_in_brackets() -> None:
    curves = {"a": falling(0.2), "b": falling(0.5), "c": falling(0.3)}
    figure = plot_curves(curves, SUCCESS, "t", Look(assign_styles(curves)))
    assert legend_texts(figure) == ["b [0.500]", "c [0.300]", "a [0.200]"]


@pytest.mark.parametrize("name", ["_hidden", "$x^2$", r"\frac", "a_b", "x" * 80])
def test_names_are_drawn_as_they_are(name: str) -> None:
    figure = plot_curves({name: falling(0.5)}, SUCCESS, name, Look(assign_styles([name])))
    draw(figure)
    assert legend_texts(figure) == [f"{shorten_name(name)} [0.500]"]


@pytest.mark.parametrize("trackers", [1, 8, 9, 20, 40])
@pytest.mark.parametrize("kind", ONE_PASS_KINDS, ids=lambda kind: kind.key)
def test_legend_is_not_cut_off(trackers: int, kind: CurveKind) -> None:
    curves = {f"A tracker of a long name {n:02d} x": falling(0.01 * n + 0.1, kind) for n in range(trackers)}
    figure = plot_curves(curves, kind, "t", Look(assign_styles(curves), {"A tracker of a long name 00 x": "12 of 100"}))
    draw(figure)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    box, page = legend.get_window_extent(), figure.bbox
    assert (box.x0 >= page.x0, box.y0 >= page.y0, box.x1 <= page.x1, box.y1 <= page.y1) == (True,) * 4


def test_every_tracker_has_a_look_of_its_own() -> None:
    styles = assign_styles(str(number) for number in range(32))
    looks = [(style.colour, style.dashes) for style in styles.values()]
    assert len(set(looks)) == 32
    assert all(first[1] != second[1] for first, second in itertools.pairwise(looks))


def test_another_tracker_changes_no_look() -> None:
    few, more = assign_styles(["a", "b"]), assign_styles(["a", "b", "c"])
    assert few == {name: more[name] for name in few}


@pytest.mark.parametrize(("palette", "paper"), [(LIGHT_PALETTE, "#ffffff"), (DARK_PALETTE, "#14171c")])
def test_colours_stand_out_from_the_paper(palette: tuple[str, ...], paper: str) -> None:
    assert min(contrast(colour, paper) for colour in palette) >= 3.0


@pytest.mark.parametrize("palette", [LIGHT_PALETTE, DARK_PALETTE])
@pytest.mark.parametrize("blindness", COLOUR_BLINDNESS)
def test_colours_differ_for_colour_blind_people(palette: tuple[str, ...], blindness: str) -> None:
    seen = [np.clip(COLOUR_BLINDNESS[blindness] @ linear_rgb(colour), 0, 1) ** (1 / 2.2) for colour in palette]
    assert min(float(np.abs(a - b).max()) for a, b in itertools.combinations(seen, 2)) > 0.1


def test_attribute_grid_has_a_panel_for_each_attribute() -> None:
    names = ["a", "b"]
    groups = {tag: {name: falling(0.4) for name in names} for tag in ("IV", "SV", "OCC", "DEF", "MB")}
    sizes = dict.fromkeys(groups, 3)
    figure = plot_attribute_grid(groups, SUCCESS, "t", sizes, Look(assign_styles(names)))
    titles = [axes.get_title() for axes in figure.axes if axes.get_visible()]
    assert titles == ["IV (3)", "SV (3)", "OCC (3)", "DEF (3)", "MB (3)"]


def test_radar_gives_worst_and_best_and_bears_unknown_values() -> None:
    values = {"A": {"x": 0.2, "y": 0.4}, "B": {"x": 0.3}, "C": {"x": float("nan"), "y": 0.1}}
    figure = plot_radar(values, "t", Look(assign_styles("xy")), ["y", "x"])
    draw(figure)
    labels = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert labels == ["A\n(0.200, 0.400)", "B\n(0.300)", "C\n(0.100)"]


def test_supervised_plots_bear_unknown_scores() -> None:
    look = Look(assign_styles(["known", "unknown"]))
    nan = float("nan")
    eao = {"unknown": nan, "known": 0.3}
    curves = {
        "known": Curve(np.arange(1.0, 60), np.linspace(1, 0.2, 59), 0.3),
        "unknown": Curve(np.ones(1), np.ones(1), nan),
    }
    figures = [
        plot_accuracy_robustness({"known": (0.9, 0.6), "unknown": (nan, nan)}, eao, 30, "t", look),
        plot_expected_overlap(curves, (100, 356), "t", look),
        plot_ranking(eao, "EAO", "t", look),
    ]
    for figure in figures:
        draw(figure)
        assert [text.split(" ")[0] for text in legend_texts(figure)] == ["known", "unknown"]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("SiamRPN", "SiamRPN"),  # fits
        ("x" * 30, "x" * 30),  # just fits
        ("a" * 20 + "b" * 20, "a" * 14 + "…" + "b" * 15),  # both ends stay
    ],
)
def test_long_names_are_shortened_in_the_middle(name: str, short: str) -> None:
    assert shorten_name(name) == short


def test_svg_takes_the_colours_and_identifiers_of_the_page() -> None:
    svg = (
        '<?xml version="1.0"?><svg width="9pt" height="9pt" viewBox="0 0 9 9"><metadata>x</metadata>'
        f'<path id="p" clip-path="url(#c)" style="stroke: {LIGHT_PALETTE[0]}; fill: #ffffff"/>'
        '<use xlink:href="#p"/></svg>'
    )
    adapted = adapt_svg(svg, "plot", 'a "caption"')
    assert adapted == (
        '<svg viewBox="0 0 9 9" role="img" aria-label="a &quot;caption&quot;">'
        '<path id="plot-p" clip-path="url(#plot-c)" '
        'style="stroke: var(--series-1); fill: var(--paper)"/><use xlink:href="#plot-p"/></svg>'
    )
