"""What the timeline shows, and how it is painted: strips of score and overlap, a track with key frames, a playhead."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QPointF, QRect, QRectF, Qt
from PyQt5.QtGui import QBrush, QColor, QPainter, QPalette, QPolygonF

from app.canvas.overlays.base import GROUND_TRUTH, LOST, PREDICTION
from app.session.frame_view import LOST_STATE, PLACE_OF_STATE, Curve, Span

RIGHT = 12  # room for the playhead's half
STRIP, GAP, TRACK = 22, 3, 16
FEW_FRAMES = 8192
KEY_FRAME = QColor(255, 196, 0)

SPAN_LOOKS = {  # colour and pattern by word
    "visible": (QColor(46, 158, 79), Qt.BrushStyle.SolidPattern),
    "occluded": (QColor(216, 130, 0), Qt.BrushStyle.Dense3Pattern),
    "outside": (QColor(208, 32, 32), Qt.BrushStyle.SolidPattern),
    "backwards": (QColor(140, 90, 220), Qt.BrushStyle.SolidPattern),
    "filled": (QColor(0, 150, 170), Qt.BrushStyle.Dense3Pattern),
}

T = TypeVar("T")


class FrameValues:
    """Score, overlap and state by frame, in arrays that grow; NaN and state 0 where nothing is known."""

    def __init__(self) -> None:
        self.scores = np.full(FEW_FRAMES, np.nan, np.float32)
        self.ious = np.full(FEW_FRAMES, np.nan, np.float32)
        self.states = np.zeros(FEW_FRAMES, np.uint8)
        self.count = 0  # one more than the last frame with a value

    def put(self, index: int, score: float, iou: float, state: str) -> None:
        """Set the values of one frame."""
        self._make_room(index)
        self.scores[index], self.ious[index] = score, iou
        self.states[index] = PLACE_OF_STATE[state]
        self.count = max(self.count, index + 1)

    def put_all(self, curve: Curve) -> None:
        """Set the values of many frames."""
        if len(curve):
            last = int(curve.frames[-1])
            self._make_room(last)
            self.scores[curve.frames], self.ious[curve.frames] = curve.scores, curve.ious
            self.states[curve.frames] = curve.states
            self.count = max(self.count, last + 1)

    def _make_room(self, index: int) -> None:
        while index >= len(self.scores):
            self.scores = np.concatenate((self.scores, np.full(len(self.scores), np.nan, np.float32)))
            self.ious = np.concatenate((self.ious, np.full(len(self.ious), np.nan, np.float32)))
            self.states = np.concatenate((self.states, np.zeros(len(self.states), np.uint8)))


@dataclass(frozen=True)
class TimelineGeometry:
    """Where `frame_count` frames lie in `width` points from `left` on, in a widget of `height`."""

    left: int
    width: int
    height: int
    frame_count: int

    @property
    def frame_width(self) -> float:
        """Points per frame."""
        return self.width / self.frame_count

    @property
    def track_top(self) -> int:
        """Where the track begins, below the strips."""
        return self.height - TRACK - GAP

    def x(self, index: float) -> float:
        """Return where frame `index` begins."""
        return self.left + index * self.frame_width

    def frame_at(self, x: float) -> int:
        """Return the frame at a horizontal place in the widget."""
        return int(np.clip(math.floor((x - self.left) / self.frame_width), 0, self.frame_count - 1))

    def columns(self, index: int) -> tuple[int, int]:
        """Return the first and last column of the strips' image in which frame `index` has a share."""
        first = int(index * self.frame_width)
        last = math.ceil((index + 1) * self.frame_width) - 1
        return min(first, self.width - 1), min(max(first, last), self.width - 1)


def paint_columns(
    painter: QPainter,
    values: FrameValues,
    has_truth: bool,
    geometry: TimelineGeometry,
    columns: tuple[int, int],
    ground: QColor,
) -> None:
    """Paint columns (first and last) of the strips: the worst of each column's frames, so that no dip is lost."""
    first, last = columns
    count = geometry.frame_count
    places = np.arange(first, last + 1)
    begin = np.minimum((places / geometry.width * count).astype(np.int64), count - 1)
    end = np.maximum(np.ceil((places + 1) / geometry.width * count).astype(np.int64), begin + 1)
    top = GAP
    is_lost = _reduce(values.states, begin, end, lambda states: bool((states == LOST_STATE).any()), False)
    rows = [(values.scores, PREDICTION), (values.ious, GROUND_TRUTH)]
    for numbers, color in rows if has_truth else rows[:1]:
        painter.fillRect(QRect(first, top, last - first + 1, STRIP), ground)
        lowest = _reduce(numbers, begin, end, _least, math.nan)
        for column, value, lost in zip(places.tolist(), lowest, is_lost, strict=True):
            if lost:
                painter.fillRect(QRect(column, top, 1, STRIP), QColor(LOST.red(), LOST.green(), LOST.blue(), 90))
            if not math.isnan(value):
                height = max(1, round(min(1.0, max(0.0, value)) * (STRIP - 2)))
                painter.fillRect(QRect(column, top + STRIP - height, 1, height), color)
        top += STRIP + GAP


def paint_names(painter: QPainter, names: Sequence[str], left: int, ink: QColor) -> None:
    """Write the strips' names before them."""
    painter.setPen(ink)
    font = painter.font()
    font.setPointSizeF(max(7.0, font.pointSizeF() - 1))
    painter.setFont(font)
    for place, name in enumerate(names):
        area = QRect(0, GAP + place * (STRIP + GAP), left - 6, STRIP)
        painter.drawText(area, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), name)


def paint_track(
    painter: QPainter,
    geometry: TimelineGeometry,
    bounds: tuple[int | None, int | None],
    key_frames: Sequence[int],
    palette: QPalette,
) -> None:
    """Paint the groove, the range A–B with what lies outside it veiled, and the key frames."""
    top = geometry.track_top
    groove = QRectF(geometry.left, top + TRACK / 2 - 2, geometry.width, 4)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(palette.color(QPalette.ColorRole.Mid))
    painter.drawRect(groove)
    first, last = bounds
    if first is not None or last is not None:
        a = geometry.x(first or 0)
        b = geometry.x((geometry.frame_count - 1 if last is None else last) + 1)
        painter.fillRect(QRectF(a, groove.top(), b - a, 4), palette.color(QPalette.ColorRole.Highlight))
        veil = QColor(palette.color(QPalette.ColorRole.Window))
        veil.setAlpha(170)
        painter.fillRect(QRectF(geometry.left, 0, a - geometry.left, top), veil)
        painter.fillRect(QRectF(b, 0, geometry.left + geometry.width - b, top), veil)
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        for x, name in ((a, "A"), (b, "B")):
            painter.drawLine(QPointF(x, 0), QPointF(x, geometry.height))
            area = QRectF(x + 2 if name == "A" else x - 12, top, 10, TRACK)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), name)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(palette.color(QPalette.ColorRole.Window))
    painter.setBrush(KEY_FRAME)
    for key in key_frames:
        x, y, r = geometry.x(key + 0.5), top + TRACK / 2, 5.0
        painter.drawPolygon(QPolygonF([QPointF(x, y - r), QPointF(x + r, y), QPointF(x, y + r), QPointF(x - r, y)]))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def paint_spans(painter: QPainter, geometry: TimelineGeometry, marks: Sequence[Span], ways: Sequence[Span]) -> None:
    """Paint what was marked above the groove, and below it which boxes were tracked backwards or filled in."""
    middle = geometry.track_top + TRACK / 2
    for spans, top in ((marks, middle - 7), (ways, middle + 4)):
        for span in spans:
            color, pattern = SPAN_LOOKS[span.word]
            left, width = geometry.x(span.first), max(2.0, (span.last - span.first + 1) * geometry.frame_width)
            painter.fillRect(QRectF(left, top, width, 4), QBrush(color, pattern))


def paint_playhead(painter: QPainter, geometry: TimelineGeometry, position: int, ink: QColor) -> None:
    """Paint a line with a head through the frame that is shown."""
    x = geometry.x(position + 0.5)
    painter.setPen(ink)
    painter.drawLine(QPointF(x, 0), QPointF(x, geometry.height))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawPolygon(QPolygonF([QPointF(x - 5, 0), QPointF(x + 5, 0), QPointF(x, 6)]))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def paint_focus(painter: QPainter, area: QRect, palette: QPalette) -> None:
    """Paint the frame of a widget that keys and wheel go to."""
    painter.setPen(palette.color(QPalette.ColorRole.Highlight))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(area.adjusted(0, 0, -1, -1))


def _least(values: NDArray[np.float32]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.min()) if len(finite) else math.nan


def _reduce(
    values: NDArray[Any],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    function: Callable[[NDArray[Any]], T],
    empty: T,
) -> list[T]:
    """Return `function` of the values of every column's frames, `empty` where none is known."""
    known = len(values)
    pairs = zip(begin.tolist(), end.tolist(), strict=True)
    return [function(values[first : min(last, known)]) if first < known else empty for first, last in pairs]
