"""Results drawn into images as the window shows them: boxes, labels, trails, and what the network saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike

from tracker_core.errors import InputError
from tracker_core.rendering.drawing import (
    DASHED,
    EDGE_COLOR,
    GROUND_TRUTH_COLOR,
    LOST_COLOR,
    LOST_DASHES,
    PREDICTION_COLOR,
    SOLID,
    UNCERTAIN_COLOR,
    UNCERTAIN_DASHES,
    Color,
    draw_label,
    draw_line,
    draw_outline,
    label_anchor,
    line_width,
    outline_of,
    target_color,
    touches,
)
from tracker_core.rendering.heat_map import BEST_ANCHOR, HEAT_MAP_KINDS, blend_heat_map, heat_map_of
from tracker_core.rendering.inner_state import (
    draw_anchor,
    draw_guide,
    draw_memory,
    draw_proposals,
    draw_refinement,
    draw_search_window,
)
from tracker_core.types import FloatArray, Image, TrackDebug, TrackingState, TrackResult

KEY_MARK = "\N{BLACK DIAMOND}"
_FAINT = 0.45  # opacity of a trail's older half
LOST_CHOICES = ("dotted", "hidden")
DEFAULT_OVERLAYS = ("prediction", "ground_truth", "labels")
INNER_OVERLAYS = ("heat_map", "search_window", "anchor", "proposals", "guide", "refinement", "memory")
BESIDE_OVERLAYS = ("ghost", "runs")  # of what is given beside the run
OVERLAYS = (*DEFAULT_OVERLAYS, "names", "trail", *BESIDE_OVERLAYS, *INNER_OVERLAYS)


@dataclass(frozen=True)
class DrawOptions:
    """What to draw.

    Attributes:
        prediction, ground_truth, anchor, guide: the boxes.
        labels: name or number at each box, with `scores` score and state as well.
        heat_map: "", or which scores to lay over the search window: "raw", "penalised" or "windowed".
        heat_map_opacity: 0 to 1.
        heat_map_anchor: of which anchor, `BEST_ANCHOR` for the best at each position.
        line_scale: factor on line widths and text.
        search_window: the part of the image that the network was shown.
        proposals: how many of the best proposals, with their scores.
        refinement, memory: what a tracker that learns while it tracks adds.
        trail: where the targets went, as far as their looks say it.
        lost: boxes of lost targets grey and "dotted", or "hidden" together with their labels.
    """

    prediction: bool = True
    ground_truth: bool = True
    anchor: bool = True
    guide: bool = True
    labels: bool = True
    heat_map: str = ""
    heat_map_opacity: float = 0.5
    line_scale: float = 1.0
    search_window: bool = False
    proposals: int = 0
    refinement: bool = False
    memory: bool = False
    trail: bool = False
    scores: bool = True
    lost: str = "dotted"
    heat_map_anchor: int = BEST_ANCHOR

    def __post_init__(self) -> None:
        if self.heat_map and self.heat_map not in HEAT_MAP_KINDS:
            raise InputError(f"There is no heat map '{self.heat_map}'; known are {', '.join(HEAT_MAP_KINDS)}.")
        if self.lost not in LOST_CHOICES:
            raise InputError(f"Lost boxes can be {' or '.join(LOST_CHOICES)}, not '{self.lost}'.")

    @property
    def needs_debug(self) -> bool:
        """Whether anything is to be drawn that only `TrackResult.debug` tells."""
        boxes = (self.anchor, self.guide, self.search_window, self.refinement, self.memory)
        return bool(self.heat_map) or self.proposals > 0 or any(boxes)


@dataclass(frozen=True)
class BesideLook:
    """A box of another run, or one that was replaced, dashed and below the others: x, y, w, h in pixels, colour BGR.

    `title` stands below the box, where no prediction's label is.
    """

    box_xywh: FloatArray
    color: Color
    dashes: tuple[float, ...]
    title: str = ""


@dataclass(frozen=True)
class TargetLook:
    """How a target is drawn, beside its result.

    Attributes:
        title: its name or number, "" for neither.
        color: of its box, BGR.
        trail: float64 (N, 2), centres x, y that it passed, oldest first.
        is_key: whether somebody set the box in this frame.
    """

    title: str = ""
    color: Color = PREDICTION_COLOR
    trail: FloatArray | None = None
    is_key: bool = False


def draw_result(
    image: Image,
    results: Sequence[TrackResult | None],
    ground_truth: Sequence[ArrayLike | None] = (),
    options: DrawOptions | None = None,
    *,
    looks: Sequence[TargetLook] = (),
    beside: Sequence[BesideLook] = (),
    caption: str = "",
) -> Image:
    """Return a copy of `image` (uint8 BGR) with results and ground truth drawn into it, in the window's order.

    `results` has one entry per target, None where a target has none in this frame; `looks` has as many, or none: then
    several targets are numbered from 1. `ground_truth` entries are boxes x, y, w, h or polygons of 8 numbers, in image
    pixels; None or NaN is not drawn. What the network saw is drawn of results with `debug`, `beside` what other runs
    found. `caption` is written into the lower left corner.
    """
    options = options or DrawOptions()
    canvas: Image = np.array(image, np.uint8, order="C")
    width = line_width(canvas, options.line_scale)
    looks = looks or looks_of([""] * len(results))
    saw = [result.debug for result in results if result is not None and result.debug is not None]
    for debug in saw:
        _draw_scores(canvas, debug, options, width)
    for look in looks if options.trail else ():
        _draw_trail(canvas, look, width)
    for other in beside:
        _draw_beside(canvas, other, width)
    for debug in saw:
        _draw_candidates(canvas, debug, options, width)
    for truth in ground_truth if options.ground_truth else ():
        if truth is not None:
            draw_outline(canvas, outline_of(truth), GROUND_TRUTH_COLOR, width, DASHED)
    for result, look in zip(results, looks, strict=True):
        if result is not None:
            _draw_prediction(canvas, result, look, options, width)
    if caption:
        draw_label(canvas, caption, (0.0, float(canvas.shape[0])), EDGE_COLOR, width)
    return canvas


def looks_of(names: Sequence[str]) -> list[TargetLook]:
    """Return the looks of targets 1, 2, …; one without a name is called by its number."""
    return [TargetLook(name or str(number), target_color(number)) for number, name in enumerate(names, 1)]


def _draw_prediction(canvas: Image, result: TrackResult, look: TargetLook, options: DrawOptions, width: int) -> None:
    is_lost = result.state is TrackingState.LOST
    if is_lost and options.lost == "hidden":
        return
    if options.prediction:
        color, pattern = (LOST_COLOR, LOST_DASHES) if is_lost else (look.color, SOLID)
        pattern = UNCERTAIN_DASHES if result.state is TrackingState.UNCERTAIN else pattern
        draw_outline(canvas, outline_of(result.box_xywh), color, width, pattern)
    if options.labels and touches(canvas, result.box_xywh):
        text = describe_result(result, look.title, look.is_key) if options.scores else look.title
        draw_label(canvas, text, label_anchor(result.box_xywh), badge_color(result.state, look.color), width)


def describe_result(result: TrackResult, title: str = "", is_key: bool = False) -> str:
    """Return the text at a target's box, in window and exports: "2  0.87", "2  LOST  0.10", "2  ◆" on key frames.

    A score is followed by "?" where the tracker is uncertain, and left out where it is not known.
    """
    is_lost, is_uncertain = result.state is TrackingState.LOST, result.state is TrackingState.UNCERTAIN
    score = f"{result.score:.2f}" if math.isfinite(result.score) else ""  # none in a replayed result file
    found = KEY_MARK if is_key else score
    seen = f"{found} ?".strip() if is_uncertain else found
    return "  ".join(filter(None, (title, "LOST" if is_lost else "", score if is_lost else seen)))


def badge_color(state: TrackingState, color: Color) -> Color:
    """Return the colour of the plate behind a label: the target's own, orange when uncertain, grey when lost."""
    return {TrackingState.UNCERTAIN: UNCERTAIN_COLOR, TrackingState.LOST: LOST_COLOR}.get(state, color)


def _draw_scores(canvas: Image, debug: TrackDebug, options: DrawOptions, width: int) -> None:
    """Draw what lies below everything else: the heat map and the search window."""
    if options.heat_map and debug.levels and len(debug.anchors_xywh):
        values, region_xywh = heat_map_of(debug, options.heat_map, anchor=options.heat_map_anchor)
        blend_heat_map(canvas, values, region_xywh, options.heat_map_opacity)
    if options.search_window:
        draw_search_window(canvas, debug, width)


def _draw_candidates(canvas: Image, debug: TrackDebug, options: DrawOptions, width: int) -> None:
    """Draw the boxes that the tracker chose from, in the window's order."""
    draw_proposals(canvas, debug, options.proposals, width)
    if options.refinement:
        draw_refinement(canvas, debug, width)
    if options.memory:
        draw_memory(canvas, debug, width)
    if options.anchor:
        draw_anchor(canvas, debug, width)
    if options.guide:
        draw_guide(canvas, debug, width)


def _draw_beside(canvas: Image, other: BesideLook, width: int) -> None:
    draw_outline(canvas, outline_of(other.box_xywh), other.color, width, other.dashes)
    if other.title and touches(canvas, other.box_xywh):
        x, y, _, h = map(float, other.box_xywh)
        draw_label(canvas, other.title, (x, y + h), other.color, width, is_below=True)


def _draw_trail(canvas: Image, look: TargetLook, width: int) -> None:
    """Draw the path of a target, its older half fainter."""
    if look.trail is None or len(look.trail) < 2:
        return
    half = len(look.trail) // 2
    faded = canvas.copy()
    draw_line(faded, look.trail[: half + 1], look.color, width)
    canvas[:] = cv2.addWeighted(canvas, 1 - _FAINT, faded, _FAINT, 0)
    draw_line(canvas, look.trail[half:], look.color, width)
