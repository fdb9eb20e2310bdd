"""Drawing results into images, for exported videos.

Colours and dash patterns belong together, so that colour alone never carries the meaning: prediction red and
solid, ground truth blue and dashed, winning anchor yellow and dotted, guide green and dash-dotted. Every line has
a dark edge and every text a dark plate, so that both can be read on any background; sizes follow the image's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike

from tracker_core.errors import InputError
from tracker_core.rendering.heat_map import HEAT_MAP_KINDS, blend_heat_map, heat_map_of
from tracker_core.types import FloatArray, Image, TrackingState, TrackResult

Color = tuple[int, int, int]  # BGR

PREDICTION_COLOR: Color = (48, 48, 235)
GROUND_TRUTH_COLOR: Color = (255, 130, 30)
ANCHOR_COLOR: Color = (40, 225, 255)
GUIDE_COLOR: Color = (70, 200, 60)
EDGE_COLOR: Color = (16, 16, 16)
TEXT_COLOR: Color = (255, 255, 255)
UNCERTAIN_COLOR: Color = (0, 150, 240)
LOST_COLOR: Color = (150, 150, 150)

# The first target is red; further ones keep clear of the blue, yellow and green that mean something else.
TARGET_COLORS: tuple[Color, ...] = (
    PREDICTION_COLOR,
    (220, 60, 220),
    (200, 200, 0),
    (110, 110, 200),
    (255, 255, 255),
    (180, 105, 255),
    (140, 60, 130),
    (60, 90, 140),
)

# Lengths of stroke and gap in line widths, repeated along the outline; empty is solid.
SOLID: tuple[float, ...] = ()
DASHED: tuple[float, ...] = (6.0, 4.0)
DOTTED: tuple[float, ...] = (1.0, 3.0)
DASH_DOTTED: tuple[float, ...] = (7.0, 3.0, 1.0, 3.0)

_SHIFT = 4  # OpenCV draws at sixteenths of a pixel
_FAR = 16_000.0  # pixels; beyond this OpenCV's fixed-point coordinates overflow
_MOST_STROKES = 4000


@dataclass(frozen=True)
class DrawOptions:
    """What to draw.

    Attributes:
        prediction, ground_truth, anchor, guide: the boxes.
        labels: number, score and state at each box.
        heat_map: "", or which scores to lay over the search window: "raw", "penalised" or "windowed".
        heat_map_opacity: 0 to 1.
        line_scale: factor on line widths and text.
    """

    prediction: bool = True
    ground_truth: bool = True
    anchor: bool = True
    guide: bool = True
    labels: bool = True
    heat_map: str = ""
    heat_map_opacity: float = 0.5
    line_scale: float = 1.0

    def __post_init__(self) -> None:
        if self.heat_map and self.heat_map not in HEAT_MAP_KINDS:
            raise InputError(f"There is no heat map '{self.heat_map}'; known are {', '.join(HEAT_MAP_KINDS)}.")


def draw_result(
    image: Image,
    results: Sequence[TrackResult | None],
    ground_truth: Sequence[ArrayLike | None] = (),
    options: DrawOptions | None = None,
    *,
    caption: str = "",
) -> Image:
    """Return a copy of `image` (uint8 BGR) with results and ground truth drawn into it.

    `results` has one entry per target, None where a target has none in this frame. `ground_truth` entries are
    boxes x, y, w, h or polygons of 8 numbers, in image pixels; None or NaN is not drawn. Anchor, guide and heat
    map need results with `debug`. `caption` is written into the lower left corner.
    """
    options = options or DrawOptions()
    canvas: Image = np.array(image, np.uint8, order="C")
    width = line_width(canvas, options.line_scale)
    if options.heat_map:
        for result in results:
            if result is not None and result.debug is not None:
                values, region_xywh = heat_map_of(result.debug, options.heat_map)
                blend_heat_map(canvas, values, region_xywh, options.heat_map_opacity)
    if options.ground_truth:
        for truth in ground_truth:
            if truth is not None:
                draw_outline(canvas, outline_of(truth), GROUND_TRUTH_COLOR, width, DASHED)
    for number, result in enumerate(results):
        if result is None:
            continue
        if result.debug is not None and options.guide and result.debug.guide_xywh is not None:
            draw_outline(canvas, outline_of(result.debug.guide_xywh), GUIDE_COLOR, width, DASH_DOTTED)
        if result.debug is not None and options.anchor and len(result.debug.anchors_xywh):
            anchor_xywh = result.debug.anchors_xywh[result.debug.best]
            draw_outline(canvas, outline_of(anchor_xywh), ANCHOR_COLOR, width, DOTTED)
        if options.prediction:
            color = TARGET_COLORS[number % len(TARGET_COLORS)]
            draw_outline(canvas, outline_of(result.box_xywh), color, width, SOLID)
            if options.labels:
                text = describe_result(result, number + 1 if len(results) > 1 else None)
                draw_label(canvas, text, label_anchor(result.box_xywh), badge_color(result.state, color), width)
    if caption:
        draw_label(canvas, caption, (0.0, float(canvas.shape[0])), EDGE_COLOR, width)
    return canvas


def describe_result(result: TrackResult, number: int | None = None) -> str:
    """Return the text at a box: the target's number among several, the score, and the state unless it is tracking."""
    parts = [] if number is None else [f"{number}"]
    if math.isfinite(result.score):
        parts.append(f"{result.score:.2f}")
    if result.state is not TrackingState.TRACKING:
        parts.append(result.state.value.upper())
    return "  ".join(parts)


def badge_color(state: TrackingState, color: Color) -> Color:
    """Return the colour of the plate behind a label: the target's own, orange when uncertain, grey when lost."""
    return {TrackingState.UNCERTAIN: UNCERTAIN_COLOR, TrackingState.LOST: LOST_COLOR}.get(state, color)


def line_width(image: Image, scale: float = 1.0) -> int:
    """Return the width of a line in pixels for an image of that size: 2 up to 540 rows, 3 at 720, 4 at 1080.

    Never 1: video has half as many pixels for colour as for brightness, a thinner line would turn grey.
    """
    return max(2, round(float(min(image.shape[:2])) / 270 * scale))


def outline_of(region: ArrayLike) -> FloatArray:
    """Return the corners (P, 2) of a box x, y, w, h or of a polygon x1, y1, …, in order."""
    numbers = np.asarray(region, np.float64).reshape(-1)
    if numbers.size == 4:
        x, y, w, h = numbers
        return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
    if numbers.size < 6 or numbers.size % 2:
        raise InputError(f"A region to draw needs 4 numbers or the points of a polygon, not {numbers.size} numbers.")
    return numbers.reshape(-1, 2)


def draw_outline(
    canvas: Image, corners: FloatArray, color: Color, width: int, pattern: tuple[float, ...] = SOLID
) -> None:
    """Draw a closed outline (P, 2) into `canvas`, in a dash pattern, with a dark edge; NaN corners draw nothing."""
    if not np.isfinite(corners).all():
        return
    closed = np.clip(np.vstack([corners, corners[:1]]), -_FAR, _FAR)
    strokes = [closed] if not pattern else split_into_strokes(closed, [length * width for length in pattern])
    # OpenCV puts the centre of a pixel at whole numbers, boxes have their corners there
    points = [np.rint((stroke - 0.5) * 2**_SHIFT).astype(np.int32) for stroke in strokes]
    for stroke_color, thickness in ((EDGE_COLOR, width + 2 * max(1, round(width / 2))), (color, width)):
        cv2.polylines(canvas, points, False, stroke_color, thickness, cv2.LINE_AA, _SHIFT)


def split_into_strokes(line: FloatArray, pattern: Sequence[float]) -> list[FloatArray]:
    """Return the strokes (each (S, 2), S ≥ 2) of a poly-line (P, 2) dashed by `pattern`: stroke, gap, stroke, …

    The pattern runs on around corners, and grows where a line would need thousands of strokes.
    """
    lengths = np.hypot(*np.diff(line, axis=0).T)
    ends = np.concatenate([[0.0], np.cumsum(lengths)])
    total, period = float(ends[-1]), float(sum(pattern))
    if total <= 0 or period <= 0:
        return []
    stretch = max(1.0, total / period / _MOST_STROKES)
    strokes = []
    position, step = 0.0, 0
    while position < total:
        stop = min(total, position + max(0.5, pattern[step % len(pattern)] * stretch))
        if step % 2 == 0:
            inner = ends[(ends > position) & (ends < stop)]
            stations = np.concatenate([[position], inner, [stop]])
            strokes.append(np.stack([np.interp(stations, ends, line[:, axis]) for axis in (0, 1)], axis=1))
        position, step = stop, step + 1
    return strokes


def label_anchor(box_xywh: FloatArray) -> tuple[float, float]:
    """Return where the lower left corner of a box's label goes: on the box's upper left corner."""
    return float(box_xywh[0]), float(box_xywh[1])


def draw_label(canvas: Image, text: str, lower_left: tuple[float, float], plate: Color, width: int) -> None:
    """Write one line of text on a plate of colour `plate`, moved as far as needed to lie inside the image.

    OpenCV's font knows ASCII only; other characters become "?".
    """
    if not text or not all(math.isfinite(value) for value in lower_left):
        return
    text = text.encode("ascii", "replace").decode("ascii")
    rows, columns = canvas.shape[:2]
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.3 + 0.33 * min(rows, columns) / 480
    thickness = max(1, round(width * 0.6))
    (text_width, text_height), baseline = cv2.getTextSize(text, font, scale, thickness)
    margin = 1 + width
    plate_width, plate_height = text_width + 2 * margin, text_height + baseline + margin
    left = round(min(max(0.0, lower_left[0]), max(0.0, columns - plate_width)))
    bottom = round(min(max(float(plate_height), lower_left[1]), float(rows)))
    cv2.rectangle(canvas, (left, bottom - plate_height), (left + plate_width, bottom), plate, cv2.FILLED)
    light = sum(weight * value for weight, value in zip((0.114, 0.587, 0.299), plate, strict=True)) > 140
    ink = EDGE_COLOR if light else TEXT_COLOR
    cv2.putText(canvas, text, (left + margin, bottom - baseline), font, scale, ink, thickness, cv2.LINE_AA)
