"""The timeline under the image: where one is, how good the tracking was, key frames, lost spans, a range."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPixmap,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PyQt5.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.canvas.overlays.base import GROUND_TRUTH, LOST, PREDICTION
from app.window.status_bar import format_value

LEFT, RIGHT = 48, 12  # least room for the strips' names, and for the playhead's half
STRIP, GAP, TRACK = 22, 3, 16
STATES = ("", "tracking", "uncertain", "lost", "key")
LOST_STATE = STATES.index("lost")
FEW_FRAMES = 8192


class FrameValues:
    """Score, overlap and state by frame, in arrays that grow; NaN and state 0 where nothing is known."""

    def __init__(self) -> None:
        self.scores = np.full(FEW_FRAMES, np.nan, np.float32)
        self.ious = np.full(FEW_FRAMES, np.nan, np.float32)
        self.states = np.zeros(FEW_FRAMES, np.uint8)
        self.count = 0  # one more than the last frame with a value

    def put(self, index: int, score: float, iou: float, state: str) -> None:
        """Set the values of one frame."""
        while index >= len(self.scores):
            self.scores = np.concatenate((self.scores, np.full(len(self.scores), np.nan, np.float32)))
            self.ious = np.concatenate((self.ious, np.full(len(self.ious), np.nan, np.float32)))
            self.states = np.concatenate((self.states, np.zeros(len(self.states), np.uint8)))
        self.scores[index], self.ious[index] = score, iou
        self.states[index] = STATES.index(state) if state in STATES else 0
        self.count = max(self.count, index + 1)


class Timeline(QWidget):
    """A slider with strips above it; a click or drag asks for a frame, Shift and drag marks a range.

    The strips are kept as a image: a new result paints only its own columns of it.
    """

    seek_requested = pyqtSignal(int)
    range_changed = pyqtSignal(object)  # (first, last), both included, or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline")
        self.setAccessibleName(self.tr("Timeline"))
        self.setAccessibleDescription(self.tr("Click to go to a frame; Shift and drag marks the range A–B"))
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._length: int | None = None
        self._position = 0
        self._keys: list[int] = []
        self._range: tuple[int | None, int | None] = (None, None)
        self._values = FrameValues()
        self._has_truth = False
        self._strips: QPixmap | None = None
        self._range_from: int | None = None
        self._is_dragging = False

    # --- what is shown ------------------------------------------------------------------------------------

    def set_length(self, count: int | None) -> None:
        """Set the number of frames; None where it is not known."""
        if count != self._length:
            self._length = count
            self._redraw()

    def set_position(self, index: int) -> None:
        """Put the playhead on a frame."""
        if index != self._position:
            before, self._position = self._position, index
            for place in (before, index):
                self.update(QRect(int(self._x(place)) - 8, 0, int(self._frame_width()) + 17, self.height()))

    def append_result(self, index: int, score: float, iou: float, state: str) -> None:
        """Take the result of one frame; one that was known is replaced."""
        grows = self._length is None and index >= self._values.count
        self._values.put(index, score, iou, state)
        if (math.isfinite(iou) and not self._has_truth) or grows:
            self._has_truth = self._has_truth or math.isfinite(iou)
            self.updateGeometry()
            self._redraw()
            return
        if self._strips is not None:
            first, last = self._columns(index)
            painter = QPainter(self._strips)
            self._paint_columns(painter, first, last)
            painter.end()
            self.update(QRect(self._left + first, 0, last - first + 1, self.height()))

    def set_key_frames(self, indices: list[int]) -> None:
        """Mark the frames whose box a person set."""
        if indices != self._keys:
            self._keys = list(indices)
            self.update()

    def set_range(self, first: int | None, last: int | None) -> None:
        """Shade what is outside the range; None is the video's own end."""
        if (first, last) != self._range:
            self._range = (first, last)
            self.update()

    def clear(self) -> None:
        """Forget all results."""
        self._values = FrameValues()
        self._has_truth = False
        self._keys = []
        self.updateGeometry()
        self._redraw()

    @property
    def frame_count(self) -> int:
        """Frames that the width stands for, at least 1."""
        return max(1, self._length or 0, self._values.count, self._position + 1 if self._length is None else 0)

    def values(self) -> FrameValues:
        """The values that the strips show."""
        return self._values

    # --- geometry -----------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """One or two strips and the track."""
        return QSize(400, 2 * GAP + STRIP + GAP + (STRIP + GAP) * self._has_truth + TRACK)

    def minimumSizeHint(self) -> QSize:
        """As high as needed, as narrow as one likes."""
        return QSize(120, self.sizeHint().height())

    def frame_at(self, x: float) -> int:
        """Return the frame at a horizontal place in the widget."""
        return int(np.clip(math.floor((x - self._left) / self._frame_width()), 0, self.frame_count - 1))

    @property
    def _left(self) -> int:
        """Where the frames begin: the strips' names stand before, in whatever font."""
        metrics = self.fontMetrics()
        return max(LEFT, max(metrics.horizontalAdvance(name) for name in self._names()) + 12)

    def _names(self) -> list[str]:
        return [self.tr("score")] + ([self.tr("IoU")] if self._has_truth else [])

    def _width(self) -> int:
        return max(1, self.width() - self._left - RIGHT)

    def _frame_width(self) -> float:
        return self._width() / self.frame_count

    def _x(self, index: float) -> float:
        return self._left + index * self._frame_width()

    def _columns(self, index: int) -> tuple[int, int]:
        """Return the first and last column of the strips' image in which frame `index` has a share."""
        first = int(index * self._frame_width())
        last = math.ceil((index + 1) * self._frame_width()) - 1
        return min(first, self._width() - 1), min(max(first, last), self._width() - 1)

    def _track_top(self) -> int:
        return self.height() - TRACK - GAP

    # --- painting -----------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the strips' image, the track and the playhead."""
        painter = QPainter(self)
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Window))
        if self._strips is None:
            self._strips = self._make_strips()
        painter.drawPixmap(self._left, 0, self._strips)
        self._paint_names(painter)
        self._paint_track(painter)
        self._paint_playhead(painter)
        painter.end()

    def _redraw(self) -> None:
        self._strips = None
        self.update()

    def _make_strips(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(max(1, round(self._width() * ratio)), max(1, round(self.height() * ratio)))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(self.palette().color(QPalette.ColorRole.Window))
        painter = QPainter(pixmap)
        self._paint_columns(painter, 0, self._width() - 1)
        painter.end()
        return pixmap

    def _paint_columns(self, painter: QPainter, first: int, last: int) -> None:
        """Draw some columns of the strips: what is worst among a column's frames, so that no dip is lost."""
        count = self.frame_count
        columns = np.arange(first, last + 1)
        begin = np.minimum((columns / self._width() * count).astype(np.int64), count - 1)
        end = np.maximum(np.ceil((columns + 1) / self._width() * count).astype(np.int64), begin + 1)
        values, top = self._values, GAP
        is_lost = _reduce(values.states == LOST_STATE, begin, end, np.any, False)
        rows: list[tuple[NDArray[np.float32], QColor]] = [(values.scores, PREDICTION)]
        if self._has_truth:
            rows.append((values.ious, GROUND_TRUTH))
        base = self.palette().color(QPalette.ColorRole.Base)
        for numbers, color in rows:
            painter.fillRect(QRect(first, top, last - first + 1, STRIP), base)
            lowest = _reduce(numbers, begin, end, _least, math.nan)
            for column, value, lost in zip(columns, lowest, is_lost, strict=True):
                x = int(column)
                if lost:
                    painter.fillRect(QRect(x, top, 1, STRIP), QColor(LOST.red(), LOST.green(), LOST.blue(), 90))
                if not math.isnan(value):
                    height = max(1, round(min(1.0, max(0.0, float(value))) * (STRIP - 2)))
                    painter.fillRect(QRect(x, top + STRIP - height, 1, height), color)
            top += STRIP + GAP

    def _paint_names(self, painter: QPainter) -> None:
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        font = painter.font()
        font.setPointSizeF(max(7.0, font.pointSizeF() - 1))
        painter.setFont(font)
        for place, name in enumerate(self._names()):
            area = QRect(0, GAP + place * (STRIP + GAP), self._left - 6, STRIP)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), name)

    def _paint_track(self, painter: QPainter) -> None:
        palette, top = self.palette(), self._track_top()
        groove = QRectF(self._left, top + TRACK / 2 - 2, self._width(), 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(palette.color(QPalette.ColorRole.Mid))
        painter.drawRect(groove)
        first, last = self._range
        if first is not None or last is not None:
            a, b = self._x(first or 0), self._x((self.frame_count - 1 if last is None else last) + 1)
            painter.fillRect(QRectF(a, groove.top(), b - a, 4), palette.color(QPalette.ColorRole.Highlight))
            veil = QColor(palette.color(QPalette.ColorRole.Window))
            veil.setAlpha(170)
            painter.fillRect(QRectF(self._left, 0, a - self._left, top), veil)
            painter.fillRect(QRectF(b, 0, self._left + self._width() - b, top), veil)
            painter.setPen(palette.color(QPalette.ColorRole.WindowText))
            for x, name in ((a, "A"), (b, "B")):
                painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
                painter.drawText(
                    QRectF(x + 2 if name == "A" else x - 12, top, 10, TRACK), int(Qt.AlignmentFlag.AlignCenter), name
                )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(palette.color(QPalette.ColorRole.Window))
        painter.setBrush(QColor(255, 196, 0))
        for key in self._keys:
            x, y, r = self._x(key + 0.5), top + TRACK / 2, 5.0
            painter.drawPolygon(QPolygonF([QPointF(x, y - r), QPointF(x + r, y), QPointF(x, y + r), QPointF(x - r, y)]))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_playhead(self, painter: QPainter) -> None:
        x = self._x(self._position + 0.5)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        painter.setPen(ink)
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        painter.drawPolygon(QPolygonF([QPointF(x - 5, 0), QPointF(x + 5, 0), QPointF(x, 6)]))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    # --- events -------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Draw the strips anew for the new width."""
        self._redraw()
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:
        """Draw the strips anew in new colours."""
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._redraw()
        super().changeEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Go to a frame, or start a range."""
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        index = self.frame_at(event.localPos().x())
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._range_from = index
            self.set_range(index, index)
        else:
            self._is_dragging = True
            self.seek_requested.emit(index)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Follow the mouse."""
        if event is None:
            return
        index = self.frame_at(event.localPos().x())
        if self._range_from is not None:
            self.set_range(min(self._range_from, index), max(self._range_from, index))
        elif self._is_dragging and index != self._position:
            self.seek_requested.emit(index)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Finish a range; a range of one frame is none."""
        if self._range_from is not None:
            first, last = self._range
            is_range = first is not None and last is not None and last > first
            self._range_from = None
            if not is_range:
                self.set_range(None, None)
            self.range_changed.emit((first, last) if is_range else None)
        self._is_dragging = False

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Go by frames."""
        if event is not None and event.angleDelta().y():
            step = -1 if event.angleDelta().y() > 0 else 1
            self.seek_requested.emit(int(np.clip(self._position + step, 0, self.frame_count - 1)))
            event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Go by a tenth of the video with Page Up and Page Down."""
        if event is not None and event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            step = max(1, self.frame_count // 10) * (1 if event.key() == Qt.Key.Key_PageUp else -1)
            self.seek_requested.emit(int(np.clip(self._position + step, 0, self.frame_count - 1)))
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent | None) -> bool:
        """Tell of the frame under the mouse."""
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.describe(self.frame_at(event.pos().x())), self)
            return True
        return super().event(event)

    def describe(self, index: int) -> str:
        """Return one line about a frame: what is known of it."""
        parts = [self.tr("frame {}").format(index)]
        values = self._values
        if index < values.count and values.states[index]:
            parts.append(self.tr("score {}").format(format_value(float(values.scores[index]))))
            if self._has_truth:
                parts.append(self.tr("IoU {}").format(format_value(float(values.ious[index]))))
            parts.append(STATES[values.states[index]])
        return " · ".join(parts)


def _least(values: NDArray[np.float32]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.min()) if len(finite) else math.nan


def _reduce(values: NDArray, begin: NDArray[np.int64], end: NDArray[np.int64], function, empty) -> list:
    """Return `function` of the values of every column's frames."""
    known = len(values)
    return [function(values[b : min(e, known)]) if b < known else empty for b, e in zip(begin, end, strict=True)]
