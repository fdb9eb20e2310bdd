"""An image with its overlays, to zoom and to move."""

from __future__ import annotations

import time
from dataclasses import replace

from PyQt5.QtCore import QEvent, QPointF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QFont, QImage, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PyQt5.QtWidgets import QSizePolicy, QWidget

from app.canvas import edit_marks
from app.canvas.overlays import OverlayModel, OverlayScene
from app.canvas.qimages import image_to_qimage
from app.canvas.view_transform import ViewTransform
from app.canvas.viewport import BACKGROUND, Viewport
from app.session.frame_view import FrameView

ZOOM_STEP = 1.25


class ImageView(QWidget):
    """Shows a `FrameView` with the overlays of a model, a badge above and a hint below.

    `painted` comes after each new frame was painted.
    """

    painted = pyqtSignal()

    def __init__(self, overlays: OverlayModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 160)
        self.overlays = overlays
        overlays.changed.connect(self.update)
        self.active_target: int | None = None
        self.badge = ""
        self.hint = ""
        self.paint_ms = 0.0
        self.overlay_ms = 0.0
        self._view: FrameView | None = None
        self._viewport = Viewport()
        self._frame_is_new = False
        self._mouse: tuple[float, float] | None = None

    # --- what is shown ------------------------------------------------------------------------------------

    @property
    def frame_view(self) -> FrameView | None:
        """The view that is shown, None while nothing is open."""
        return self._view

    @property
    def transform(self) -> ViewTransform:
        """The present mapping from image pixels to widget points."""
        return self._viewport.transform

    def sizeHint(self) -> QSize:
        """An image of VGA size."""
        return QSize(640, 480)

    def show_view(self, view: FrameView | None) -> None:
        """Show a frame with its targets; None empties the canvas."""
        self._view = view
        self._frame_is_new = True
        self._viewport.set_image(None if view is None else view.frame.image)
        self.update()

    def render_image(self) -> QImage | None:
        """Return the frame in its own pixels with the visible overlays; None while nothing is open."""
        if self._view is None:
            return None
        qimage = image_to_qimage(self._view.frame.image)
        painter = QPainter(qimage)
        self._paint_overlays(painter, self._scene(self._view, ViewTransform()))
        painter.end()
        return qimage

    # --- zoom and pan -------------------------------------------------------------------------------------

    def zoom(self, factor: float, center: QPointF | None = None) -> None:
        """Zoom about a widget point, the middle if none is given."""
        if self._view is not None:
            point = center if center is not None else QPointF(self.width() / 2, self.height() / 2)
            self._viewport.zoom(factor, point.x(), point.y())
            self.update()

    def zoom_to_fit(self) -> None:
        """Show the whole image, and keep doing so when the window's size changes."""
        self._viewport.fit()
        self.update()

    def zoom_to_pixels(self) -> None:
        """Show one image pixel as one pixel of the screen."""
        self.zoom(1.0 / (self.transform.scale * self.devicePixelRatioF()))

    # --- painting -----------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the image, the overlays and the box being drawn."""
        started = time.perf_counter()
        painter = QPainter(self)
        size = (self.width(), self.height())
        if self._view is None:
            painter.fillRect(self.rect(), BACKGROUND)
            text = self.tr("Open a camera, a video or a folder,\nor drop one here.")
            edit_marks.paint_invitation(painter, text, size)
        else:
            self._viewport.paint(painter, self.devicePixelRatioF())
            before_overlays = time.perf_counter()
            self._paint_overlays(painter, self._scene(self._view, self.transform))
            self.overlay_ms = (time.perf_counter() - before_overlays) * 1e3
            self._paint_edited(painter)
        if self.badge:
            edit_marks.paint_badge(painter, self.badge, self._label_font(), size)
        if self.hint:
            edit_marks.paint_hint(painter, self.hint, self.font(), size)
        painter.end()
        if self._view is not None:
            self.paint_ms = (time.perf_counter() - started) * 1e3
            if self._frame_is_new:
                self._frame_is_new = False
                self.painted.emit()

    def _scene(self, view: FrameView, transform: ViewTransform) -> OverlayScene:
        hidden = self.overlays.hidden_targets
        if hidden:
            view = replace(view, targets=tuple(target for target in view.targets if target.number not in hidden))
        return OverlayScene(view, transform, self.active_target, self._mouse, self._label_font())

    def _paint_overlays(self, painter: QPainter, scene: OverlayScene) -> None:
        for overlay in self.overlays.painted:
            painter.setOpacity(overlay.opacity)
            overlay.paint(painter, scene)
        painter.setOpacity(1.0)

    def _paint_edited(self, painter: QPainter) -> None:
        """Paint what is drawn by hand over the overlays: nothing here."""

    def _label_font(self) -> QFont:
        font = QFont(self.font())
        font.setPointSizeF(max(8.0, font.pointSizeF()))
        return font

    # --- events -------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the image again, or keep it in sight."""
        self._viewport.resize(self.width(), self.height())
        super().resizeEvent(event)

    def leaveEvent(self, event: QEvent | None) -> None:
        """Forget where the mouse was."""
        self._mouse = None
        self.update()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom about the mouse."""
        if event is not None and event.angleDelta().y():
            self.zoom(ZOOM_STEP ** (event.angleDelta().y() / 120), QPointF(event.position()))
            event.accept()
