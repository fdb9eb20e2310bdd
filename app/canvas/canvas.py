"""The image with its overlays: zoom, pan, and drawing a box with mouse and keys."""

from __future__ import annotations

import time

from PyQt5.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import (
    QColor,
    QCursor,
    QFont,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PyQt5.QtWidgets import QSizePolicy, QWidget

from app.canvas.box_editing import Box, Handle, handle_points, hit_boxes
from app.canvas.box_editor import BoxEditor
from app.canvas.overlays import Overlay, OverlayScene, build_overlays
from app.canvas.overlays.base import draw_box, draw_label, target_color
from app.canvas.qimages import image_to_qimage, render_visible
from app.canvas.view_transform import ViewTransform, fit_view, keep_in_sight
from app.session.frame_view import FrameView

GRIP_POINTS = 9.0  # how near to a grip the mouse must be
ZOOM_STEP = 1.25
NUDGE_FAR = 10.0
EDITED = QColor(255, 255, 255)
BACKGROUND = QColor(24, 24, 27)
HINT = QColor(235, 235, 240)

_CURSORS = {
    Handle.TOP_LEFT: Qt.CursorShape.SizeFDiagCursor,
    Handle.BOTTOM_RIGHT: Qt.CursorShape.SizeFDiagCursor,
    Handle.TOP_RIGHT: Qt.CursorShape.SizeBDiagCursor,
    Handle.BOTTOM_LEFT: Qt.CursorShape.SizeBDiagCursor,
    Handle.LEFT: Qt.CursorShape.SizeHorCursor,
    Handle.RIGHT: Qt.CursorShape.SizeHorCursor,
    Handle.TOP: Qt.CursorShape.SizeVerCursor,
    Handle.BOTTOM: Qt.CursorShape.SizeVerCursor,
    Handle.INSIDE: Qt.CursorShape.SizeAllCursor,
}
_ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}


class Canvas(QWidget):
    """Shows a `FrameView`; states what the user did through signals and knows nothing of the worker.

    `draw_began` comes with the first press on a new box, `box_drawn` when a box was let go or adjusted,
    `draw_ended` when it was cancelled, `accepted` on Return, `painted` after each new frame was painted.
    """

    draw_began = pyqtSignal()
    box_drawn = pyqtSignal(object)
    draw_ended = pyqtSignal()
    accepted = pyqtSignal()
    target_clicked = pyqtSignal(int)
    zoom_changed = pyqtSignal(float)
    painted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("canvas")
        self.setAccessibleName(self.tr("Image"))
        self.setAccessibleDescription(self.tr("The present frame; drag to draw a box around the object to follow."))
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 160)
        self.overlays: dict[str, Overlay] = build_overlays()
        self.editor = BoxEditor()
        self.active_target: int | None = None
        self.hides_overlays = False
        self.badge = ""
        self.hint = ""
        self.paint_ms = 0.0
        self.overlay_ms = 0.0
        self._view: FrameView | None = None
        self._transform = ViewTransform()
        self._is_fitted = True
        self._image: tuple[QImage, QPointF] | None = None
        self._image_is_stale = True
        self._frame_is_new = False
        self._mouse: tuple[float, float] | None = None
        self._panned_from: QPoint | None = None
        self._may_click = False

    # --- what is shown ------------------------------------------------------------------------------------

    @property
    def frame_view(self) -> FrameView | None:
        """The view that is shown, None while nothing is open."""
        return self._view

    @property
    def transform(self) -> ViewTransform:
        """The present mapping from image pixels to widget points."""
        return self._transform

    def sizeHint(self) -> QSize:
        """A image of VGA size."""
        return QSize(640, 480)

    def show_view(self, view: FrameView | None) -> None:
        """Show a frame with its targets; None empties the canvas."""
        before = self._image_size()
        self._view = view
        self._image_is_stale = self._frame_is_new = True
        if view is None:
            self.editor.clear()
            self._image = None
        elif self._is_fitted or self._image_size() != before:
            self._fit()
        self.update()

    def render_image(self) -> QImage | None:
        """Return the frame in its own pixels with the visible overlays; None while nothing is open."""
        if self._view is None:
            return None
        qimage = image_to_qimage(self._view.frame.image)
        if not self.hides_overlays:
            scene = OverlayScene(self._view, ViewTransform(), self.active_target, self._mouse, self._label_font())
            painter = QPainter(qimage)
            self._paint_overlays(painter, scene)
            painter.end()
        return qimage

    def needs_debug(self) -> bool:
        """Tell whether a visible overlay reads the tracker's inner state."""
        if self.hides_overlays:
            return False
        return any(overlay.is_visible and overlay.needs_debug for overlay in self.overlays.values())

    def set_overlay(self, name: str, is_visible: bool, opacity: float) -> None:
        """Show or hide an overlay and set its opacity (0..1)."""
        overlay = self.overlays[name]
        overlay.is_visible, overlay.opacity = is_visible, min(1.0, max(0.0, opacity))
        self.update()

    def set_hidden(self, hides: bool) -> None:
        """Hide all overlays, for as long as a key is held."""
        self.hides_overlays = hides
        self.update()

    # --- drawing a box ------------------------------------------------------------------------------------

    @property
    def box(self) -> Box | None:
        """The box that is being drawn or adjusted (x, y, w, h, image pixels)."""
        return self.editor.box

    def arm_drawing(self) -> None:
        """Make the next drag draw a box."""
        if self._view is not None:
            self.editor.arm()
            self._update_cursor()
            self.setFocus()
            self.update()

    def offer_box(self, box: Box | None) -> None:
        """Show a box that the user can accept, adjust or ignore."""
        self.editor.offer(box)
        self._update_cursor()
        self.update()

    def take_box(self) -> Box | None:
        """Return the finished box and leave drawing; None if there is none."""
        if self.editor.is_dragging:
            self.editor.release()
        box = self.editor.box
        self.editor.clear()
        self._update_cursor()
        self.update()
        return box

    def cancel_drawing(self) -> bool:
        """Leave drawing without a box (a drag in progress alone is taken back first); False if none was going on."""
        if not self.editor.is_active:
            return False
        if not (self.editor.cancel_drag() and self.editor.box is not None):
            self.editor.clear()
            self.draw_ended.emit()
        self._update_cursor()
        self.update()
        return True

    def undo_drawing(self) -> bool:
        """Take back the last change of the box that is being drawn; False if there is none."""
        undone = self.editor.undo()
        if undone:
            self._update_cursor()
            self.update()
        return undone

    # --- zoom and pan -------------------------------------------------------------------------------------

    def zoom(self, factor: float, center: QPointF | None = None) -> None:
        """Zoom about a widget point, the middle if none is given."""
        if self._view is None:
            return
        point = center if center is not None else QPointF(self.width() / 2, self.height() / 2)
        self._set_transform(self._transform.zoomed(factor, point.x(), point.y()))

    def zoom_to_fit(self) -> None:
        """Show the whole image, and keep doing so when the window's size changes."""
        self._fit()
        self.update()

    def zoom_to_pixels(self) -> None:
        """Show one image pixel as one pixel of the screen."""
        self.zoom(1.0 / (self._transform.scale * self.devicePixelRatioF()))

    def _set_transform(self, transform: ViewTransform) -> None:
        self._is_fitted = False
        self._transform = keep_in_sight(transform, self._image_size(), (self.width(), self.height()))
        self._image_is_stale = True
        self.zoom_changed.emit(self._transform.scale)
        self.update()

    def _fit(self) -> None:
        self._is_fitted = True
        self._transform = fit_view(self._image_size(), (self.width(), self.height()))
        self._image_is_stale = True
        self.zoom_changed.emit(self._transform.scale)

    def _image_size(self) -> tuple[int, int]:
        if self._view is None:
            return 1, 1
        height, width = self._view.frame.image.shape[:2]
        return width, height

    # --- painting -----------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the image, the overlays and the box being drawn."""
        started = time.perf_counter()
        painter = QPainter(self)
        if self._view is None:
            self._paint_empty(painter)
            painter.end()
            return
        self._paint_image(painter)
        before_overlays = time.perf_counter()
        scene = self.scene()
        if scene is not None and not self.hides_overlays:
            self._paint_overlays(painter, scene)
        self.overlay_ms = (time.perf_counter() - before_overlays) * 1e3
        if self.editor.is_active:
            self._paint_edited(painter)
        self._paint_notes(painter)
        painter.end()
        self.paint_ms = (time.perf_counter() - started) * 1e3
        if self._frame_is_new:
            self._frame_is_new = False
            self.painted.emit()

    def scene(self) -> OverlayScene | None:
        """Return what the overlays look at now, None while nothing is open."""
        if self._view is None:
            return None
        return OverlayScene(self._view, self._transform, self.active_target, self._mouse, self._label_font())

    def _paint_image(self, painter: QPainter) -> None:
        assert self._view is not None
        ratio = self.devicePixelRatioF()
        if self._image is not None and self._image[0].devicePixelRatioF() != ratio:
            self._image_is_stale = True  # the window went to another screen
        if self._image_is_stale:
            size = (self.width(), self.height())
            self._image = render_visible(self._view.frame.image, self._transform, size, ratio)
            self._image_is_stale = False
        if self._image is None:
            painter.fillRect(self.rect(), BACKGROUND)
            return
        image, corner = self._image
        covered = QRectF(corner.x(), corner.y(), image.width() / ratio, image.height() / ratio)
        if not covered.contains(QRectF(self.rect())):
            painter.fillRect(self.rect(), BACKGROUND)
        painter.drawImage(corner, image)

    def _paint_overlays(self, painter: QPainter, scene: OverlayScene) -> None:
        for overlay in self.overlays.values():
            if overlay.is_visible and overlay.opacity > 0:
                painter.setOpacity(overlay.opacity)
                overlay.paint(painter, scene)
        painter.setOpacity(1.0)

    def _paint_edited(self, painter: QPainter) -> None:
        box = self.editor.box
        if box is None:
            if self._mouse is not None:
                self._paint_crosshair(painter)
            return
        rect = QRectF(*self._transform.box_to_widget(box))
        number = self.active_target or 1
        draw_box(painter, rect, EDITED, (4, 3) if self.editor.is_offered else (), 2.0)
        draw_label(
            painter, QPointF(rect.left(), rect.top()), f"{box[2]:.0f} × {box[3]:.0f}", EDITED, self._label_font()
        )
        painter.setPen(QColor(0, 0, 0))
        painter.setBrush(target_color(number))
        for x, y in handle_points(box).values():
            grip = QPointF(*self._transform.to_widget(x, y))
            painter.drawRect(QRectF(grip.x() - 3.5, grip.y() - 3.5, 7, 7))
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_crosshair(self, painter: QPainter) -> None:
        assert self._mouse is not None
        x, y = self._transform.to_widget(*self._mouse)
        for color, width in ((QColor(0, 0, 0, 120), 3), (QColor(255, 255, 255, 200), 1)):
            pen = painter.pen()
            pen.setColor(color)
            pen.setWidthF(width)
            painter.setPen(pen)
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
            painter.drawLine(QPointF(0, y), QPointF(self.width(), y))

    def _paint_notes(self, painter: QPainter) -> None:
        font = self._label_font()
        if self.badge:
            font.setPointSizeF(font.pointSizeF() + 3)
            font.setBold(True)
            self._paint_plate(painter, self.badge, font, QColor(200, 30, 30), QColor(255, 255, 255), top=True)
        if self.hint:
            self._paint_plate(painter, self.hint, self.font(), QColor(0, 0, 0, 190), HINT, top=False)

    def _paint_plate(self, painter: QPainter, text: str, font: QFont, ground: QColor, ink: QColor, top: bool) -> None:
        painter.setFont(font)
        room = QRectF(0, 0, self.width() - 24, self.height())
        bounds = painter.boundingRect(room, int(Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap), text)
        plate = QRectF(0, 0, bounds.width() + 24, bounds.height() + 12)
        plate.moveCenter(QPointF(self.width() / 2, 0))
        plate.moveTop(12 if top else self.height() - plate.height() - 12)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(plate, 6, 6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(ink)
        painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), text)

    def _paint_empty(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), BACKGROUND)
        painter.setPen(QColor(200, 200, 206))
        text = self.tr("Open a camera, a video or a folder,\nor drop one here.")
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), text)
        self._paint_notes(painter)

    def _label_font(self) -> QFont:
        font = QFont(self.font())
        font.setPointSizeF(max(8.0, font.pointSizeF()))
        return font

    # --- events -------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the image again, or keep it in sight."""
        if self._is_fitted:
            self._fit()
        else:
            self._transform = keep_in_sight(self._transform, self._image_size(), (self.width(), self.height()))
        self._image_is_stale = True
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Start a box, take hold of one, or start to pan."""
        if event is None or self._view is None:
            return
        x, y = self._image_point(event)
        if event.button() == Qt.MouseButton.LeftButton:
            had_box = self.editor.box is not None and not self.editor.is_offered
            if self.editor.press(x, y, GRIP_POINTS / self._transform.scale):
                if not had_box:
                    self.draw_began.emit()
            else:
                self._panned_from, self._may_click = event.pos(), True
        elif event.button() == Qt.MouseButton.MiddleButton:
            self._panned_from, self._may_click = event.pos(), False
        self._update_cursor(x, y)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Follow the mouse with the box or the image."""
        if event is None or self._view is None:
            return
        x, y = self._image_point(event)
        self._mouse = (x, y)
        if self._panned_from is not None:
            moved = event.pos() - self._panned_from
            if not self._may_click or moved.manhattanLength() > 4:
                self._may_click = False
                self._panned_from = event.pos()
                self._set_transform(self._transform.panned(moved.x(), moved.y()))
        elif self.editor.is_dragging:
            self.editor.move(x, y, self._image_size())
        self._update_cursor(x, y)
        if self.editor.is_active or self._mouse_matters():
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Let go of the box or the image; a click without a move chooses a target."""
        if event is None or self._view is None:
            return
        x, y = self._image_point(event)
        if event.button() == Qt.MouseButton.LeftButton and self.editor.is_dragging:
            self.editor.move(x, y, self._image_size())
            if self.editor.release() and self.editor.box is not None:
                self.box_drawn.emit(self.editor.box)
            elif self.editor.box is None:
                self.draw_ended.emit()
        elif self._panned_from is not None:
            if self._may_click and event.button() == Qt.MouseButton.LeftButton:
                self._choose_target(x, y)
            self._panned_from = None
        self._update_cursor(x, y)
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Fit the image into the window."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton and not self.editor.is_active:
            self.zoom_to_fit()
        else:
            self.mousePressEvent(event)

    def leaveEvent(self, event: QEvent | None) -> None:
        """Forget where the mouse was."""
        self._mouse = None
        self.update()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom about the mouse."""
        if event is not None and event.angleDelta().y():
            self.zoom(ZOOM_STEP ** (event.angleDelta().y() / 120), QPointF(event.position()))
            event.accept()

    def event(self, event: QEvent | None) -> bool:
        """Claim the arrow keys before the window's shortcuts while there is a box to move."""
        if (
            event is not None
            and event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self.editor.box is not None
            and event.key() in (*_ARROWS, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move the box with arrows (Shift: ten pixels; Ctrl: its size), accept it with Return."""
        if event is None:
            return
        if self.editor.box is not None and event.key() in _ARROWS:
            dx, dy = _ARROWS[Qt.Key(event.key())]
            step = NUDGE_FAR if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1.0
            resizes = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self.editor.nudge(dx * step, dy * step, resizes, self._image_size())
            self.box_drawn.emit(self.editor.box)
            self.update()
        elif self.editor.box is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accepted.emit()
        else:
            super().keyPressEvent(event)

    def _image_point(self, event: QMouseEvent) -> tuple[float, float]:
        point = event.localPos()
        return self._transform.to_image(point.x(), point.y())

    def _mouse_matters(self) -> bool:
        return self.overlays["anchors_at_mouse"].is_visible

    def _choose_target(self, x: float, y: float) -> None:
        assert self._view is not None
        boxes: list[tuple[int, Box]] = []
        for target in self._view.targets:
            if target.result is not None:
                left, top, w, h = (float(value) for value in target.result.box_xywh)
                boxes.append((target.number, (left, top, w, h)))
        number = hit_boxes(boxes, x, y)
        if number is not None:
            self.target_clicked.emit(number)

    def _update_cursor(self, x: float | None = None, y: float | None = None) -> None:
        shape = Qt.CursorShape.ArrowCursor
        if self._panned_from is not None:
            shape = Qt.CursorShape.ClosedHandCursor
        elif self.editor.is_active:
            handle = None
            if x is not None and y is not None:
                handle = self.editor.handle_at(x, y, GRIP_POINTS / self._transform.scale)
            shape = _CURSORS[handle] if handle is not None else Qt.CursorShape.CrossCursor
        self.setCursor(QCursor(shape))
