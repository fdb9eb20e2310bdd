"""The image with its overlays: zoom, pan, and drawing a box with mouse and keys."""

from __future__ import annotations

from PyQt5.QtCore import QEvent, QPoint, Qt, pyqtSignal
from PyQt5.QtGui import QContextMenuEvent, QCursor, QKeyEvent, QMouseEvent, QPainter
from PyQt5.QtWidgets import QWidget

from app.canvas import edit_marks
from app.canvas.box_editing import Box, Handle, hit_boxes
from app.canvas.box_editor import BoxEditor
from app.canvas.image_view import ImageView
from app.canvas.overlays import OverlayModel
from app.session.frame_view import FrameView

GRIP_POINTS = 9.0  # how near to a grip the mouse must be
NUDGE_FAR = 10.0
CLICK_POINTS = 4  # a press that moved no further is a click
BESIDE = Qt.KeyboardModifier.AltModifier  # a click with it, or with the right button, is beside the object

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


class Canvas(ImageView):
    """An image on which boxes are drawn; states what the user did through signals and knows nothing of the worker.

    `draw_began` comes with the first press on a new box, `box_drawn` when a box was let go or adjusted,
    `draw_ended` when it was cancelled, `accepted` on Return, `pan_changed` when a drag that draws nothing
    begins or ends, `clicked` with an image point and whether it is on the object, where a click can propose a box.
    """

    draw_began = pyqtSignal()
    box_drawn = pyqtSignal(object)
    draw_ended = pyqtSignal()
    accepted = pyqtSignal()
    target_clicked = pyqtSignal(int)
    pan_changed = pyqtSignal()
    clicked = pyqtSignal(float, float, bool)

    def __init__(self, overlays: OverlayModel, parent: QWidget | None = None) -> None:
        super().__init__(overlays, parent)
        self.setObjectName("canvas")
        self.setAccessibleName(self.tr("Image"))
        self.setAccessibleDescription(self.tr("The present frame; drag to draw a box around the object to follow."))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.editor = BoxEditor()
        self.edited_target: int | None = None  # whose box is drawn; None: the first
        self._panned_from: QPoint | None = None
        self._may_click = False
        self._pressed_at = QPoint()
        self.click_marks: tuple[tuple[float, float, bool], ...] = ()  # image points, and whether on the object

    def show_view(self, view: FrameView | None) -> None:
        """Show a frame with its targets; None empties the canvas."""
        super().show_view(view)
        if view is None:
            self.editor.clear()

    # --- drawing a box ------------------------------------------------------------------------------------

    @property
    def is_panning(self) -> bool:
        """Whether the mouse is moving the image (or would, if there were anything to move)."""
        return self._panned_from is not None and not self._may_click

    @property
    def box(self) -> Box | None:
        """The box that is being drawn or adjusted (x, y, w, h, image pixels)."""
        return self.editor.box

    def arm_drawing(self) -> None:
        """Make the next drag draw a box."""
        if self._view is not None:
            self.editor.arm()
            self.setFocus()
            self._show_edit()

    def offer_box(self, box: Box | None) -> None:
        """Show a box that the user can accept, adjust or ignore."""
        self.editor.offer(box)
        self._show_edit()

    def propose_box(self, box: Box) -> None:
        """Show a box around what was clicked on, which further clicks and the mouse can change."""
        self.editor.propose(box)
        self._show_edit()

    @property
    def takes_clicks(self) -> bool:
        """Whether a click now asks for a box around what is under it."""
        return self.editor.is_armed or self.editor.is_proposed

    def take_box(self) -> Box | None:
        """Return the finished box and leave drawing; None if there is none."""
        if self.editor.is_dragging:
            self.editor.release()
        box = self.editor.box
        self.editor.clear()
        self._show_edit()
        return box

    def cancel_drawing(self) -> bool:
        """Leave drawing without a box (only a drag in progress is taken back first); False if nothing was drawn."""
        if not self.editor.is_active:
            return False
        if not (self.editor.cancel_drag() and self.editor.box is not None):
            self.editor.clear()
            self.draw_ended.emit()
        self._show_edit()
        return True

    def undo_drawing(self) -> bool:
        """Take back the last change of the box that is being drawn; False if there is none."""
        undone = self.editor.undo()
        if undone:
            self._show_edit()
        return undone

    def _paint_edited(self, painter: QPainter) -> None:
        box = self.editor.box
        if box is not None:
            number, font = self.edited_target or 1, self._label_font()
            edit_marks.paint_edited_box(painter, box, self.transform, number, self.editor.is_offered, font)
            edit_marks.paint_clicks(painter, self.click_marks, self.transform)
        elif self.editor.is_active and self._mouse is not None:
            point = self.transform.to_widget(*self._mouse)
            edit_marks.paint_crosshair(painter, *point, (self.width(), self.height()))

    def _show_edit(self) -> None:
        self._update_cursor()
        self.update()

    # --- events -------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Start a box, take hold of one, or start to pan; a right click chooses what its menu is about."""
        if event is None or self._view is None:
            return
        x, y = self._image_point(event)
        self._pressed_at = event.pos()
        if event.button() == Qt.MouseButton.LeftButton:
            had_box = self.editor.box is not None and not self.editor.is_offered
            if self.editor.press(x, y, GRIP_POINTS / self.transform.scale):
                if not had_box:
                    self.draw_began.emit()
            else:
                self._panned_from, self._may_click = event.pos(), True
        elif event.button() == Qt.MouseButton.MiddleButton:
            self._panned_from, self._may_click = event.pos(), False
        elif event.button() == Qt.MouseButton.RightButton and (self.editor.is_offered or not self.editor.is_active):
            self._choose_target(x, y)
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
            if not self._may_click or moved.manhattanLength() > CLICK_POINTS:
                if self._may_click:
                    self._may_click = False
                    self.pan_changed.emit()
                self._panned_from = event.pos()
                self._viewport.pan(moved.x(), moved.y())
                self.update()
        elif self.editor.is_dragging:
            self.editor.move(x, y, self._viewport.image_size)
        self._update_cursor(x, y)
        if self.editor.is_active or self.overlays.follows_mouse:
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Let go of the box or the image; a click without a move chooses a target."""
        if event is None or self._view is None:
            return
        x, y = self._image_point(event)
        if self.takes_clicks and self._is_click(event):
            self.editor.cancel_drag()
            is_object = event.button() == Qt.MouseButton.LeftButton and not event.modifiers() & BESIDE
            self.clicked.emit(x, y, is_object)
        elif event.button() == Qt.MouseButton.LeftButton and self.editor.is_dragging:
            self.editor.move(x, y, self._viewport.image_size)
            if self.editor.release() and self.editor.box is not None:
                self.box_drawn.emit(self.editor.box)
            elif self.editor.box is None:
                self.draw_ended.emit()
        elif self._panned_from is not None:
            if self._may_click and event.button() == Qt.MouseButton.LeftButton:
                self._choose_target(x, y)
            self._panned_from = None
            self.pan_changed.emit()
        self._update_cursor(x, y)
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Fit the image into the window."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton and not self.editor.is_active:
            self.zoom_to_fit()
        else:
            self.mousePressEvent(event)

    def event(self, event: QEvent | None) -> bool:
        """Claim the arrow keys before the window's shortcuts while there is a box to move, and right clicks on it."""
        if isinstance(event, QContextMenuEvent) and self.takes_clicks:
            event.accept()  # a right click cuts a proposed box back
            return True
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
            self.editor.nudge(dx * step, dy * step, resizes, self._viewport.image_size)
            self.box_drawn.emit(self.editor.box)
            self.update()
        elif self.editor.box is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accepted.emit()
        else:
            super().keyPressEvent(event)

    def _image_point(self, event: QMouseEvent) -> tuple[float, float]:
        point = event.localPos()
        return self.transform.to_image(point.x(), point.y())

    def _is_click(self, event: QMouseEvent) -> bool:
        """Tell whether a button was let go where it was pressed: the left one, or the right one alone."""
        is_left = event.button() == Qt.MouseButton.LeftButton and self.editor.is_dragging
        is_right = event.button() == Qt.MouseButton.RightButton and not self.editor.is_dragging
        return (is_left or is_right) and (event.pos() - self._pressed_at).manhattanLength() <= CLICK_POINTS

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
                handle = self.editor.handle_at(x, y, GRIP_POINTS / self.transform.scale)
            shape = _CURSORS[handle] if handle is not None else Qt.CursorShape.CrossCursor
        self.setCursor(QCursor(shape))
