"""Which part of an image a widget shows, and its pixels, scaled once for as long as nothing changes."""

from __future__ import annotations

from PyQt5.QtCore import QPointF, QRectF
from PyQt5.QtGui import QColor, QImage, QPainter

from app.canvas.qimages import render_visible
from app.canvas.view_transform import ViewTransform, fit_view, keep_in_sight
from tracker_core.types import Image

BACKGROUND = QColor(24, 24, 27)


class Viewport:
    """An image in a widget of `size` (width, height in widget points), zoomed and moved by the user or fitted."""

    def __init__(self) -> None:
        self.transform = ViewTransform()
        self.size = (1, 1)
        self._image: Image | None = None
        self._is_fitted = True
        self._rendered: tuple[QImage, QPointF] | None = None
        self._is_stale = True

    @property
    def image_size(self) -> tuple[int, int]:
        """Width and height of the image in its own pixels, (1, 1) without one."""
        return (1, 1) if self._image is None else (self._image.shape[1], self._image.shape[0])

    def set_image(self, image: Image | None) -> None:
        """Show another image; one of another size is fitted."""
        before = self.image_size
        self._image, self._is_stale = image, True
        if image is not None and (self._is_fitted or self.image_size != before):
            self.fit()

    def resize(self, width: int, height: int) -> None:
        """Take another size of the widget: fit the image again, or keep it in sight."""
        self.size, self._is_stale = (width, height), True
        if self._is_fitted:
            self.fit()
        else:
            self.transform = keep_in_sight(self.transform, self.image_size, self.size)

    def fit(self) -> None:
        """Show the whole image, and keep doing so when the size changes."""
        self._is_fitted = self._is_stale = True
        self.transform = fit_view(self.image_size, self.size)

    def zoom(self, factor: float, x: float, y: float) -> None:
        """Zoom about a widget point."""
        self._set(self.transform.zoomed(factor, x, y))

    def pan(self, dx: float, dy: float) -> None:
        """Move the image by widget points; one that is seen as a whole stays where it is."""
        if not self._is_fitted:
            self._set(self.transform.panned(dx, dy))

    def paint(self, painter: QPainter, ratio: float) -> None:
        """Paint the image and what it leaves uncovered; `ratio` is device pixels per widget point."""
        if self._rendered is not None and self._rendered[0].devicePixelRatioF() != ratio:
            self._is_stale = True  # the window went to another screen
        if self._is_stale:
            self._rendered = None
            if self._image is not None:
                self._rendered = render_visible(self._image, self.transform, self.size, ratio)
            self._is_stale = False
        area = QRectF(0, 0, *self.size)
        if self._rendered is None:
            painter.fillRect(area, BACKGROUND)
            return
        image, corner = self._rendered
        if not QRectF(corner.x(), corner.y(), image.width() / ratio, image.height() / ratio).contains(area):
            painter.fillRect(area, BACKGROUND)
        painter.drawImage(corner, image)

    def _set(self, transform: ViewTransform) -> None:
        self._is_fitted, self._is_stale = False, True
        self.transform = keep_in_sight(transform, self.image_size, self.size)
