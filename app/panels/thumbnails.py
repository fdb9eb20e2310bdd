"""What the network is shown: the exemplar, the search region, and its answer as a heat map."""

from __future__ import annotations

import numpy as np
from PyQt5.QtCore import QRectF, QSize, Qt
from PyQt5.QtGui import QImage, QPainter, QPaintEvent, QPalette
from PyQt5.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.canvas.qimages import image_to_qimage
from app.panels.pace import Pace
from tracker_core.rendering.heat_map import color_heat_map, score_map
from tracker_core.types import Image, TrackDebug

REFRESH_MS = 100


class Thumbnail(QWidget):
    """One image with its name below, as large as the panel is wide, never distorted."""

    def __init__(self, name: str, empty: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._empty = empty
        self._image: QImage | None = None
        self.setAccessibleName(name)
        self.setMinimumSize(QSize(64, 48))
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setSizePolicy(policy)

    def set_image(self, image: QImage | None) -> None:
        """Show an image, or that there is none."""
        self._image = image
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the image as large as it fits."""
        painter = QPainter(self)
        if self._image is None:
            painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.AlternateBase))
            painter.setPen(self.palette().color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty)
        else:
            size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
            area = QRectF((self.width() - size.width()) / 2, 0, size.width(), size.height())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
            painter.drawImage(area, self._image)
        painter.end()


class ThumbnailsPanel(QWidget):
    """Exemplar, search region and heat map of the chosen target's last update, a few times per second."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("thumbnails")
        layout = QVBoxLayout(self)
        layout.setSpacing(2)
        empty = self.tr("Track a target to see what the network sees")
        self.exemplar = Thumbnail(self.tr("Exemplar crop"), empty)
        self.search = Thumbnail(self.tr("Search crop"), "")
        self.heat = Thumbnail(self.tr("Scores with cosine window"), "")
        self._captions: dict[str, QLabel] = {}
        for name, widget in (("exemplar", self.exemplar), ("search", self.search), ("heat", self.heat)):
            caption = self._captions[name] = QLabel()
            caption.setWordWrap(True)
            layout.addWidget(caption)
            layout.addWidget(widget, 1)
        self._debug: TrackDebug | None = None
        self._pace = Pace(self._show, REFRESH_MS, self)
        self._show()

    def set_debug(self, debug: TrackDebug | None) -> None:
        """Show an update's crops; None where nothing is known."""
        if debug is not self._debug:
            self._debug = debug
            self._pace.ask()

    def _show(self) -> None:
        debug = self._debug
        if debug is None:
            self._show_nothing()
            return
        self.exemplar.set_image(image_to_qimage(debug.exemplar_crop))
        self.search.set_image(image_to_qimage(debug.search_crop))
        exemplar, search, scores_of = self._forms(debug.is_agreed)
        self._captions["exemplar"].setText(exemplar.format(*_size(debug.exemplar_crop)))
        self._captions["search"].setText(search.format(*_size(debug.search_crop)))
        scores = score_map(debug) if debug.levels and len(debug.scores_windowed) else None
        self.heat.set_image(None if scores is None else image_to_qimage(color_heat_map(np.asarray(scores, np.float64))))
        best = float(np.nanmax(debug.scores_windowed)) if len(debug.scores_windowed) else float("nan")
        self._captions["heat"].setText(scores_of.format(best))

    def _show_nothing(self) -> None:
        for widget in (self.exemplar, self.search, self.heat):
            widget.set_image(None)
        texts = (self.tr("Exemplar"), self.tr("Search region"), self.tr("Scores with cosine window"))
        for caption, text in zip(self._captions.values(), texts, strict=True):
            caption.setText(text)

    def _forms(self, is_agreed: bool) -> tuple[str, str, str]:
        """Return the captions, which say whose crops and scores these are where two networks looked."""
        if is_agreed:
            return (
                self.tr("Exemplar {}×{}, first network"), self.tr("Search region {}×{}, first network"),
                self.tr("Scores of both networks together, with cosine window, best {:.2f}"),
            )  # fmt: skip
        return (
            self.tr("Exemplar {}×{}"), self.tr("Search region {}×{}"), self.tr("Scores with cosine window, best {:.2f}")
        )  # fmt: skip


def _size(image: Image) -> tuple[int, int]:
    return image.shape[1], image.shape[0]
