"""Lines and texts that are drawn into images, for exported videos: colours, dash patterns, sizes.

Colours and dash patterns belong together, so that colour alone never carries the meaning: prediction red and
solid, ground truth blue and dashed, winning anchor yellow and dotted, guide green and dash-dotted. Every line has
a dark edge and every text a dark plate, so that both can be read on any background; sizes follow the image's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike

from tracker_core.errors import InputError
from tracker_core.types import FloatArray, Image

Color = tuple[int, int, int]  # BGR

PREDICTION_COLOR: Color = (48, 48, 235)
GROUND_TRUTH_COLOR: Color = (255, 130, 30)
ANCHOR_COLOR: Color = (40, 225, 255)
GUIDE_COLOR: Color = (70, 200, 60)
EDGE_COLOR: Color = (16, 16, 16)
TEXT_COLOR: Color = (255, 255, 255)
UNCERTAIN_COLOR: Color = (0, 150, 240)
LOST_COLOR: Color = (150, 150, 150)
SEARCH_WINDOW_COLOR: Color = (245, 235, 235)
PROPOSAL_COLOR: Color = (0, 149, 255)
GHOST_COLOR: Color = (255, 140, 214)
STARTED_COLOR: Color = (255, 200, 150)  # boxes before they were refined

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

# Of runs beside the one that is shown; the first ones keep clear of prediction, ground truth and further targets.
RUN_COLORS: tuple[Color, ...] = (
    (255, 124, 176),
    (0, 159, 230),
    (163, 179, 43),
    (184, 122, 255),
    (0, 139, 156),
    (255, 143, 111),
    (74, 115, 184),
)

LONGEST_TITLE = 21  # letters

# Lengths of stroke and gap in line widths, repeated along the outline; empty is solid.
SOLID: tuple[float, ...] = ()
DASHED: tuple[float, ...] = (6.0, 4.0)
DOTTED: tuple[float, ...] = (1.0, 3.0)
DASH_DOTTED: tuple[float, ...] = (7.0, 3.0, 1.0, 3.0)
LONG_DASHED: tuple[float, ...] = (10.0, 4.0)
UNCERTAIN_DASHES: tuple[float, ...] = (3.0, 2.0)
RUN_DASHES: tuple[float, ...] = (6.0, 3.0)
GHOST_DASHES: tuple[float, ...] = (2.0, 2.0)
LOST_DASHES: tuple[float, ...] = (2.0, 4.0)
STARTED_DASHES: tuple[float, ...] = (2.0, 2.0)

_SHIFT = 4  # OpenCV draws at sixteenths of a pixel
_FAR = 16_000.0  # pixels; beyond this OpenCV's fixed-point coordinates overflow
_MOST_STROKES = 4000
_KNOWS_UNICODE = hasattr(cv2, "FontFace")  # from OpenCV 5 on


def target_color(number: int, chosen: str = "") -> Color:
    """Return the colour of target `number`, counted from 1, or the `chosen` one ("#rrggbb")."""
    if re.fullmatch(r"#[0-9a-fA-F]{6}", chosen):
        red, green, blue = bytes.fromhex(chosen[1:])
        return blue, green, red
    return TARGET_COLORS[(number - 1) % len(TARGET_COLORS)]


def run_color(place: int) -> Color:
    """Return the colour of a run that is shown beside another one, by its place in `RUN_COLORS`."""
    return RUN_COLORS[place % len(RUN_COLORS)]


def run_title(number: int, name: str) -> str:
    """Return what stands at the boxes of a run beside another one: its name, shortened in the middle, or its number."""
    if len(name) <= LONGEST_TITLE:
        return name or f"run {number}"
    half = (LONGEST_TITLE - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


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
    draw_line(canvas, np.vstack([corners, corners[:1]]), color, width, pattern)


def draw_line(canvas: Image, points: FloatArray, color: Color, width: int, pattern: tuple[float, ...] = SOLID) -> None:
    """Draw a poly-line (P, 2) into `canvas`, in a dash pattern, with a dark edge; NaN points draw nothing."""
    if not np.isfinite(points).all():
        return
    line = np.clip(points, -_FAR, _FAR)
    strokes = [line] if not pattern else split_into_strokes(line, [length * width for length in pattern])
    # OpenCV puts the centre of a pixel at whole numbers, boxes have their corners there
    marks = [np.rint((stroke - 0.5) * 2**_SHIFT).astype(np.int32) for stroke in strokes]
    for stroke_color, thickness in ((EDGE_COLOR, width + 2 * max(1, round(width / 2))), (color, width)):
        cv2.polylines(canvas, marks, False, stroke_color, thickness, cv2.LINE_AA, _SHIFT)


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


def touches(canvas: Image, box_xywh: FloatArray) -> bool:
    """Tell whether any of a box (x, y, w, h) lies inside the image; a label of any other would be moved to its edge."""
    x, y, w, h = box_xywh
    return bool(x + w > 0 and y + h > 0 and x < canvas.shape[1] and y < canvas.shape[0])


def label_anchor(box_xywh: FloatArray) -> tuple[float, float]:
    """Return where the lower left corner of a box's label goes: on the box's upper left corner."""
    return float(box_xywh[0]), float(box_xywh[1])


def draw_label(
    canvas: Image, text: str, corner: tuple[float, float], plate: Color, width: int, *, is_below: bool = False
) -> None:
    """Write one line of text on a plate of colour `plate`, moved as far as needed to lie inside the image.

    `corner` is the lower left one of the plate, with `is_below` the upper left one.

    The fonts of OpenCV before version 5 know ASCII only; there, other characters become "?".
    """
    if not text or not all(math.isfinite(value) for value in corner):
        return
    if not _KNOWS_UNICODE:
        text = text.encode("ascii", "replace").decode("ascii")
    rows, columns = canvas.shape[:2]
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.3 + 0.33 * min(rows, columns) / 480
    thickness = max(1, round(width * 0.6))
    (text_width, text_height), baseline = cv2.getTextSize(text, font, scale, thickness)
    margin = 1 + width
    plate_width, plate_height = text_width + 2 * margin, text_height + baseline + margin
    left = round(min(max(0.0, corner[0]), max(0.0, columns - plate_width)))
    bottom = round(min(max(float(plate_height), corner[1] + is_below * plate_height), float(rows)))
    cv2.rectangle(canvas, (left, bottom - plate_height), (left + plate_width, bottom), plate, cv2.FILLED)
    ink = EDGE_COLOR if takes_dark_text(plate) else TEXT_COLOR
    cv2.putText(canvas, text, (left + margin, bottom - baseline), font, scale, ink, thickness, cv2.LINE_AA)


def takes_dark_text(plate: Color) -> bool:
    """Tell whether black text is easier to read than white on `plate`: has the higher contrast (WCAG 2)."""
    linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in (value / 255 for value in plate)]
    luminance = sum(weight * value for weight, value in zip((0.0722, 0.7152, 0.2126), linear, strict=True))
    return (luminance + 0.05) ** 2 > 1.05 * 0.05
