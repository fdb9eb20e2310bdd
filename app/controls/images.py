"""Saving and copying the image as it is shown."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from PyQt5.QtCore import QObject, QStandardPaths, pyqtSignal
from PyQt5.QtGui import QGuiApplication, QImage
from PyQt5.QtWidgets import QFileDialog, QWidget

from app.canvas.canvas import Canvas
from app.canvas.qimages import qimage_to_image
from app.commands import Command
from app.controls.conditions import Conditions
from app.worker.player import Player
from tracker_core.errors import OutputError
from tracker_core.files import write_bytes

logger = logging.getLogger(__name__)


class ImageControls(QObject):
    """Screenshots in the image's own pixels, with the visible overlays; files are written in another thread."""

    notice = pyqtSignal(str)
    failed = pyqtSignal(str)

    def __init__(self, canvas: Canvas, player: Player, window: QWidget) -> None:
        super().__init__(window)
        self._canvas, self._player, self._window = canvas, player, window
        self._folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation) or str(
            Path.home()
        )

    def commands(self) -> list[Command]:
        """Return what can be done with the image that is shown."""
        has_source = Conditions(self._player).has_source
        return [
            Command("screenshot", "file", "&Screenshot", self.ask_screenshot, "S", "Save the image as it is shown",
                    has_source, icon="screenshot"),
            Command("copy_image", "file", "C&opy image", self.copy, "Ctrl+C", "Copy the image as it is shown",
                    has_source, icon="copy"),
        ]  # fmt: skip

    def ask_screenshot(self) -> None:
        """Ask where to and save the image."""
        image, view = self._canvas.render_image(), self._canvas.frame_view
        if image is None or view is None:
            return
        proposal = str(Path(self._folder) / f"siamscope_{view.frame.index:06d}.png")
        path, _ = QFileDialog.getSaveFileName(
            self._window, self.tr("Save image"), proposal, self.tr("Images (*.png *.jpg *.webp)")
        )
        if path:
            self._folder = str(Path(path).parent)
            self.save(image, Path(path if Path(path).suffix else path + ".png"))

    def save(self, image: QImage, path: Path) -> threading.Thread:
        """Write an image to a file in another thread and return that; `notice` or `failed` follows."""
        writer = threading.Thread(target=self._write, args=(image, path), name="save image")
        writer.start()
        return writer

    def copy(self) -> None:
        """Put the image on the clipboard."""
        image, clipboard = self._canvas.render_image(), QGuiApplication.clipboard()
        if image is not None and clipboard is not None:
            clipboard.setImage(image)
            self.notice.emit(self.tr("Image copied to the clipboard."))

    def _write(self, image: QImage, path: Path) -> None:
        import cv2

        try:
            done, content = cv2.imencode(path.suffix, qimage_to_image(image))
            if not done:
                raise OutputError(f"The image '{path}' could not be encoded; choose .png.")
            write_bytes(path, content.tobytes())
        except OutputError as error:
            self.failed.emit(str(error))
        except cv2.error:
            self.failed.emit(f"'{path.suffix}' is not an image format that can be written; choose .png or .jpg.")
        else:
            self.notice.emit(self.tr("Image saved to {}.").format(path))
