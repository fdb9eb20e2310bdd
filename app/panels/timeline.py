"""The timeline under the image: where one is, how good the tracking was, key frames, lost spans, a range."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PyQt5.QtCore import QEvent, QRect, QSize, Qt, pyqtSignal
from PyQt5.QtGui import (
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PyQt5.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.panels import timeline_painting
from app.panels.fields import WheelGuard
from app.panels.parts import format_value
from app.panels.timeline_painting import GAP, RIGHT, STRIP, TRACK, FrameValues, TimelineGeometry
from app.session.frame_view import STATES, Span

LEFT = 48  # least room for the strips' names


class Timeline(QWidget):
    """A slider with strips above it; a click or drag asks for a frame, Shift and drag marks a range.

    The strips are kept as an image: a new result paints only its own columns of it.
    """

    seek_requested = pyqtSignal(int)
    range_changed = pyqtSignal(object)  # (first, last), both included, or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline")
        self.setAccessibleName(self.tr("Timeline"))
        self.setAccessibleDescription(self.tr("Click to go to a frame; Shift and drag marks the range A–B"))
        WheelGuard(self)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._length: int | None = None
        self._position = 0
        self._keys: list[int] = []
        self._marks: Sequence[Span] = ()
        self._ways: Sequence[Span] = ()
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
            geometry = self._geometry
            for place in (before, index):
                self.update(QRect(int(geometry.x(place)) - 8, 0, int(geometry.frame_width) + 17, self.height()))

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
            first, last = self._geometry.columns(index)
            self._paint_columns(self._strips, first, last)
            self.update(QRect(self._left + first, 0, last - first + 1, self.height()))

    def set_results(self, values: FrameValues) -> None:
        """Show the results of many frames in place of all others."""
        self._values, self._has_truth = values, bool(np.isfinite(values.ious).any())
        self.updateGeometry()
        self._redraw()

    def set_key_frames(self, indices: list[int]) -> None:
        """Mark the frames whose box a person set."""
        if indices != self._keys:
            self._keys = list(indices)
            self.update()

    def set_spans(self, marks: Sequence[Span], ways: Sequence[Span]) -> None:
        """Show what a person marked, above the track, and which boxes were not tracked forwards, below it."""
        if (marks, ways) != (self._marks, self._ways):
            self._marks, self._ways = marks, ways
            self.update()

    def set_range(self, first: int | None, last: int | None) -> None:
        """Shade what is outside the range; None is the video's own end."""
        if (first, last) != self._range:
            self._range = (first, last)
            self.update()

    def clear(self) -> None:
        """Forget all results."""
        self._keys, self._marks, self._ways = [], (), ()
        self.set_results(FrameValues())

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
        return self._geometry.frame_at(x)

    @property
    def _geometry(self) -> TimelineGeometry:
        return TimelineGeometry(self._left, max(1, self.width() - self._left - RIGHT), self.height(), self.frame_count)

    @property
    def _left(self) -> int:
        """Where the frames begin: the strips' names stand before, in whatever font."""
        metrics = self.fontMetrics()
        return max(LEFT, max(metrics.horizontalAdvance(name) for name in self._names()) + 12)

    def _names(self) -> list[str]:
        return [self.tr("score")] + ([self.tr("IoU")] if self._has_truth else [])

    # --- painting -----------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the strips' image, the track and the playhead."""
        painter = QPainter(self)
        palette, geometry = self.palette(), self._geometry
        ink = palette.color(QPalette.ColorRole.WindowText)
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Window))
        if self._strips is None:
            self._strips = self._make_strips()
        painter.drawPixmap(geometry.left, 0, self._strips)
        timeline_painting.paint_names(painter, self._names(), geometry.left, ink)
        timeline_painting.paint_track(painter, geometry, self._range, self._keys, palette)
        timeline_painting.paint_spans(painter, geometry, self._marks, self._ways)
        timeline_painting.paint_playhead(painter, geometry, self._position, ink)
        if self.hasFocus():
            timeline_painting.paint_focus(painter, self.rect(), palette)
        painter.end()

    def _redraw(self) -> None:
        self._strips = None
        self.update()

    def _make_strips(self) -> QPixmap:
        ratio, width = self.devicePixelRatioF(), self._geometry.width
        pixmap = QPixmap(max(1, round(width * ratio)), max(1, round(self.height() * ratio)))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(self.palette().color(QPalette.ColorRole.Window))
        self._paint_columns(pixmap, 0, width - 1)
        return pixmap

    def _paint_columns(self, strips: QPixmap, first: int, last: int) -> None:
        painter = QPainter(strips)
        ground = self.palette().color(QPalette.ColorRole.Base)
        timeline_painting.paint_columns(painter, self._values, self._has_truth, self._geometry, (first, last), ground)
        painter.end()

    # --- events -------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Draw the strips for the new width."""
        self._redraw()
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:
        """Draw the strips in new colours."""
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._redraw()
        super().changeEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Go to a frame, or start a range."""
        if event is None or event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
            return
        index = self.frame_at(event.localPos().x())
        if event.button() == Qt.MouseButton.RightButton:  # the menu that comes is about this frame
            self.seek_requested.emit(index)
            return
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
        """Go by frames, where the timeline has the focus."""
        if event is not None and event.angleDelta().y():
            self._go_by(-1 if event.angleDelta().y() > 0 else 1)
            event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Go by a frame with the arrow keys, by a tenth of the video with Page Up and Page Down."""
        tenth = max(1, self.frame_count // 10)
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_PageDown: -tenth, Qt.Key.Key_PageUp: tenth,
        }  # fmt: skip
        step = 0 if event is None or event.modifiers() else steps.get(Qt.Key(event.key()), 0)
        if step:
            self._go_by(step)
        else:
            super().keyPressEvent(event)

    def _go_by(self, step: int) -> None:
        self.seek_requested.emit(int(np.clip(self._position + step, 0, self.frame_count - 1)))

    def event(self, event: QEvent | None) -> bool:
        """Describe the frame under the mouse."""
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
        parts += [self.tr("marked as {}").format(mark.word) for mark in self._marks if mark.first <= index <= mark.last]
        parts += [way.word for way in self._ways if way.first <= index <= way.last]
        return " · ".join(parts)
