"""Saving and copying the picture as it is shown."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from PyQt5.QtCore import QObject, QStandardPaths, pyqtSignal
from PyQt5.QtGui import QGuiApplication, QImage
from PyQt5.QtWidgets import QFileDialog, QWidget

from app.canvas import Canvas
from app.picture import qimage_to_image
from tracker_core.errors import OutputError
from tracker_core.files import atomic_path

logger = logging.getLogger(__name__)


class PictureControls(QObject):
    """Screenshots in the picture's own pixels, with the visible overlays; files are written in another thread."""

    saved = pyqtSignal(str)
    failed = pyqtSignal(str)

    def __init__(self, canvas: Canvas, window: QWidget) -> None:
        super().__init__(window)
        self._canvas, self._window = canvas, window
        self._folder = QStandardPaths.writableLocation(QStandardPaths.PicturesLocation) or str(Path.home())

    def ask_screenshot(self) -> None:
        """Ask where to and save the picture."""
        picture, view = self._canvas.render_picture(), self._canvas.frame_view
        if picture is None or view is None:
            return
        proposal = str(Path(self._folder) / f"siamscope_{view.frame.index:06d}.png")
        path, _ = QFileDialog.getSaveFileName(
            self._window, self.tr("Save picture"), proposal, self.tr("Pictures (*.png *.jpg *.webp)")
        )
        if path:
            self._folder = str(Path(path).parent)
            self.save(picture, Path(path if Path(path).suffix else path + ".png"))

    def save(self, picture: QImage, path: Path) -> threading.Thread:
        """Write a picture to a file in another thread and return that; `saved` or `failed` follows."""
        writer = threading.Thread(target=self._write, args=(picture, path), name="save picture")
        writer.start()
        return writer

    def copy(self) -> None:
        """Put the picture on the clipboard."""
        picture, clipboard = self._canvas.render_picture(), QGuiApplication.clipboard()
        if picture is not None and clipboard is not None:
            clipboard.setImage(picture)
            self.saved.emit(self.tr("the clipboard"))

    def _write(self, picture: QImage, path: Path) -> None:
        import cv2

        try:
            done, content = cv2.imencode(path.suffix, qimage_to_image(picture))
            if not done:
                raise OutputError(f"The picture '{path}' could not be encoded; choose .png.")
            with atomic_path(path) as temporary:
                temporary.write_bytes(content.tobytes())
        except OutputError as error:
            self.failed.emit(str(error))
        except cv2.error:
            self.failed.emit(f"'{path.suffix}' is no picture format that can be written; choose .png or .jpg.")
        else:
            self.saved.emit(str(path))
