"""The overlays panel: what is painted over the image, how strongly, and in which form; it is the legend too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PyQt5.QtCore import QPointF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QPainter, QPaintEvent
from PyQt5.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.canvas.overlays.base import (
    ANCHOR,
    DASHES,
    GHOST,
    GROUND_TRUTH,
    GUIDE,
    HALO,
    PREDICTION,
    PROPOSAL,
    SEARCH_WINDOW,
    make_pen,
)
from app.canvas.overlays.candidates import DEFAULT_TOP_K
from app.canvas.overlays.heat_map import BEST_ANCHOR, HeatMode
from tracker_core.types import TrackDebug

COLORS: dict[str, QColor] = {
    "prediction": PREDICTION,
    "ground_truth": GROUND_TRUTH,
    "anchor": ANCHOR,
    "proposals": PROPOSAL,
    "anchors_at_mouse": ANCHOR,
    "search_window": SEARCH_WINDOW,
    "trail": PREDICTION,
    "guide": GUIDE,
    "ghost": GHOST,
}
MOST_PROPOSALS = 50


class Swatch(QWidget):
    """A short line in an overlay's colour and dashes; a gradient for the heat map."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.setFixedSize(QSize(26, 14))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the line over a dark one, as it stands on images."""
        painter = QPainter(self)
        if self._name not in COLORS:
            for x in range(self.width()):
                hue = int(240 * (1 - x / self.width()))
                painter.fillRect(x, 2, 1, 10, QColor.fromHsv(hue, 220, 235))
        else:
            y = self.height() / 2
            line = (QPointF(1, y), QPointF(self.width() - 1, y))
            painter.setPen(make_pen(HALO, 4))
            painter.drawLine(*line)
            painter.setPen(make_pen(COLORS[self._name], 2, DASHES.get(self._name, ())))
            painter.drawLine(*line)
        painter.end()


class OverlayPanel(QWidget):
    """A check box and an opacity for every overlay, and the heat map's and the proposals' own settings."""

    overlay_changed = pyqtSignal(str, bool, float)
    heat_mode_changed = pyqtSignal(str, int)
    top_k_changed = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("overlay_panel")
        self._boxes: dict[str, QCheckBox] = {}
        self._sliders: dict[str, QSlider] = {}
        self._keys: dict[str, QLabel] = {}
        layout = QVBoxLayout(self)
        grid = QGridLayout()
        grid.setColumnStretch(3, 1)
        grid.setVerticalSpacing(2)
        for row, (name, text) in enumerate(self._texts()):
            box, slider = QCheckBox(text), QSlider(Qt.Orientation.Horizontal)
            slider.setRange(0, 100)
            slider.setValue(100)
            slider.setMinimumWidth(40)
            slider.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            slider.setAccessibleName(self.tr("Opacity of: {}").format(text))
            slider.setToolTip(self.tr("Opacity"))
            box.toggled.connect(lambda _on, which=name: self._tell(which))
            slider.valueChanged.connect(lambda _value, which=name: self._tell(which))
            grid.addWidget(Swatch(name), row, 0)
            grid.addWidget(box, row, 1)
            key = QLabel()
            key.setEnabled(False)  # grey: it is no more than a reminder
            grid.addWidget(key, row, 2)
            grid.addWidget(slider, row, 3)
            self._keys[name] = key
            self._boxes[name], self._sliders[name] = box, slider
        layout.addLayout(grid)
        layout.addLayout(self._make_details())
        layout.addStretch(1)

    def set_overlay(self, name: str, is_visible: bool, opacity: float) -> None:
        """Show an overlay's state; says nothing back."""
        if name not in self._boxes:
            return
        box, slider = self._boxes[name], self._sliders[name]
        for widget in (box, slider):
            widget.blockSignals(True)
        box.setChecked(is_visible)
        slider.setValue(round(opacity * 100))
        for widget in (box, slider):
            widget.blockSignals(False)

    def set_visible(self, name: str, is_visible: bool) -> None:
        """Show whether an overlay is on; says nothing back."""
        if name in self._sliders:
            self.set_overlay(name, is_visible, self._sliders[name].value() / 100)

    def set_keys(self, keys: dict[str, str]) -> None:
        """Name the key of every overlay beside it."""
        for name in self._boxes:
            key = keys.get(name, "")
            self._boxes[name].setToolTip(self.tr("Key: {}").format(key) if key else "")
            self._keys[name].setText(key)

    def set_anchor_ratios(self, ratios: Sequence[str]) -> None:
        """Offer the anchors of a position by their form, such as "1 : 2"."""
        names = [self.tr("best of all"), *ratios]
        if names != [self._anchor.itemText(i) for i in range(self._anchor.count())]:
            chosen = self._anchor.currentIndex()
            self._anchor.blockSignals(True)
            self._anchor.clear()
            self._anchor.addItems(names)
            self._anchor.setCurrentIndex(chosen if chosen < len(names) else 0)
            self._anchor.blockSignals(False)
            if chosen >= len(names):
                self._tell_heat()

    def _make_details(self) -> QFormLayout:
        form = QFormLayout()
        self._mode, self._anchor, self._top_k = QComboBox(), QComboBox(), QSpinBox()
        for mode, text in (
            (HeatMode.RAW, self.tr("as the network says")),
            (HeatMode.PENALISED, self.tr("after the penalty")),
            (HeatMode.WINDOWED, self.tr("after the window")),
        ):
            self._mode.addItem(text, mode.value)
        self._mode.setCurrentIndex(2)
        for combo in (self._mode, self._anchor):
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(10)
        self._anchor.addItem(self.tr("best of all"))
        self._top_k.setRange(1, MOST_PROPOSALS)
        self._top_k.setValue(DEFAULT_TOP_K)
        form.addRow(self.tr("Heat map:"), self._mode)
        form.addRow(self.tr("Anchor:"), self._anchor)
        form.addRow(self.tr("Proposals:"), self._top_k)
        for widget, name in (
            (self._mode, self.tr("Scores of the heat map")),
            (self._anchor, self.tr("Anchor of the heat map")),
            (self._top_k, self.tr("Number of proposals")),
        ):
            widget.setAccessibleName(name)
        self._mode.currentIndexChanged.connect(lambda _index: self._tell_heat())
        self._anchor.currentIndexChanged.connect(lambda _index: self._tell_heat())
        self._top_k.valueChanged.connect(self.top_k_changed)
        return form

    def set_top_k(self, count: int) -> None:
        """Show how many proposals are drawn; says nothing back."""
        self._top_k.blockSignals(True)
        self._top_k.setValue(count)
        self._top_k.blockSignals(False)

    def _tell(self, name: str) -> None:
        self.overlay_changed.emit(name, self._boxes[name].isChecked(), self._sliders[name].value() / 100)

    def _tell_heat(self) -> None:
        anchor = self._anchor.currentIndex() - 1
        self.heat_mode_changed.emit(str(self._mode.currentData()), anchor if anchor >= 0 else BEST_ANCHOR)

    def _texts(self) -> list[tuple[str, str]]:
        return [
            ("prediction", self.tr("Prediction")),
            ("ground_truth", self.tr("Ground truth")),
            ("anchor", self.tr("Winning anchor")),
            ("proposals", self.tr("Top proposals")),
            ("anchors_at_mouse", self.tr("Anchors at mouse")),
            ("heat_map", self.tr("Heat map")),
            ("search_window", self.tr("Search window")),
            ("trail", self.tr("Trail")),
            ("guide", self.tr("Guide")),
            ("ghost", self.tr("Ghost: run before")),
        ]


def anchor_ratios(debug: TrackDebug) -> tuple[str, ...]:
    """Return the anchors of a position of the first map by their form, width : height."""
    if not debug.levels or not len(debug.anchors_xywh):
        return ()
    anchors, rows, columns = debug.levels[0]
    sizes = np.asarray(debug.anchors_xywh[: anchors * rows * columns : rows * columns, 2:], np.float64)
    names = []
    for width, height in sizes.tolist():
        wide = width >= height
        ratio = max(width, height) / max(1e-6, min(width, height))
        names.append(f"{ratio:.2g} : 1" if wide else f"1 : {ratio:.2g}")
    return tuple(names)
