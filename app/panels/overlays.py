"""The overlays panel: what is painted over the image, how strongly, and in which form; it is the legend too."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PyQt5.QtCore import QCoreApplication, QPointF, QSignalBlocker, QSize
from PyQt5.QtGui import QColor, QPainter, QPaintEvent
from PyQt5.QtWidgets import QCheckBox, QFormLayout, QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.canvas.overlays.base import HALO, Option, Overlay, make_pen
from app.canvas.overlays.model import OverlayModel
from app.commands import plain
from app.panels.fields import ComboBox, Slider, WholeField
from tracker_core.types import TrackDebug


class Swatch(QWidget):
    """A short line in an overlay's colour and dashes, or a gradient."""

    def __init__(self, overlay: Overlay, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._overlay = overlay
        self.setFixedSize(QSize(26, 14))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the line over a dark one, as it stands on images."""
        painter = QPainter(self)
        if self._overlay.is_gradient:
            for x in range(self.width()):
                hue = int(240 * (1 - x / self.width()))
                painter.fillRect(x, 2, 1, 10, QColor.fromHsv(hue, 220, 235))
        else:
            y, style = self.height() / 2, self._overlay.line
            start, end = QPointF(1, y), QPointF(self.width() - 1, y)
            painter.setPen(make_pen(HALO, 4))
            painter.drawLine(start, end)
            painter.setPen(make_pen(style.color, 2, style.dashes))
            painter.drawLine(start, end)
        painter.end()


class OverlayPanel(QWidget):
    """A check box and an opacity for every overlay of a model, and below them their further options."""

    def __init__(self, model: OverlayModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("overlay_panel")
        self.model = model
        self._boxes: dict[str, QCheckBox] = {}
        self._sliders: dict[str, Slider] = {}
        self._keys: dict[str, QLabel] = {}
        self._options: dict[tuple[str, str], ComboBox | WholeField] = {}
        layout = QVBoxLayout(self)
        grid, form = QGridLayout(), QFormLayout()
        grid.setColumnStretch(3, 1)
        grid.setVerticalSpacing(2)
        for row, name in enumerate(model):
            self._add_row(grid, row, model[name])
            for option in model[name].options:
                self._add_option(form, name, option)
        layout.addLayout(grid)
        layout.addLayout(form)
        layout.addStretch(1)
        model.changed.connect(self._follow)
        self._follow()

    def set_keys(self, keys: Mapping[str, str]) -> None:
        """Name the key of every overlay beside it."""
        for name, label in self._keys.items():
            label.setText(keys.get(name, ""))

    def _add_row(self, grid: QGridLayout, row: int, overlay: Overlay) -> None:
        name, text = overlay.name, plain(_translated(overlay.title or overlay.name.replace("_", " ").capitalize()))
        box, slider, key = QCheckBox(text), Slider(), QLabel()
        box.setToolTip(_translated(overlay.help))
        box.toggled.connect(lambda is_on: self.model.show(name, is_on))
        slider.setRange(0, 100)
        slider.setMinimumWidth(40)
        slider.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        slider.setAccessibleName(self.tr("Opacity of: {}").format(text))
        slider.setToolTip(self.tr("Opacity"))
        slider.valueChanged.connect(lambda value: self.model.set_opacity(name, value / 100))
        key.setEnabled(False)  # grey: it is only a reminder
        for column, widget in enumerate((Swatch(overlay), box, key, slider)):
            grid.addWidget(widget, row, column)
        self._boxes[name], self._sliders[name], self._keys[name] = box, slider, key

    def _add_option(self, form: QFormLayout, overlay: str, option: Option) -> None:
        field: ComboBox | WholeField
        if option.choices:
            field = ComboBox()
            field.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            field.setMinimumContentsLength(10)
            chosen = field
            field.currentIndexChanged.connect(lambda _index: self._set(overlay, option, chosen.currentData()))
        else:
            field = WholeField()
            field.setRange(option.low, option.high)
            field.valueChanged.connect(lambda value: self._set(overlay, option, value))
        title = _translated(option.title)
        field.setAccessibleName(title)
        field.setToolTip(_translated(option.help))
        form.addRow(f"{title}:", field)
        self._options[overlay, option.name] = field

    def _set(self, overlay: str, option: Option, value: int | str) -> None:
        self.model.set_value(overlay, option.name, value)

    def _follow(self) -> None:
        """Show what the model holds; says nothing back."""
        for name, box in self._boxes.items():
            overlay, slider = self.model[name], self._sliders[name]
            with QSignalBlocker(box), QSignalBlocker(slider):
                box.setChecked(overlay.is_visible)
                slider.setValue(round(overlay.opacity * 100))
            for option in overlay.options:
                field = self._options[name, option.name]
                with QSignalBlocker(field):
                    if isinstance(field, ComboBox):
                        _fill(field, option, overlay.values[option.name])
                    else:
                        field.setValue(int(overlay.values[option.name]))


def anchor_choices(debug: TrackDebug) -> tuple[tuple[str, str], ...]:
    """Return the anchors of a position of the first map: place and form, width : height."""
    return tuple((str(place), ratio) for place, ratio in enumerate(anchor_ratios(debug)))


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


def _fill(field: ComboBox, option: Option, value: int | str) -> None:
    if [field.itemData(i) for i in range(field.count())] != [key for key, _ in option.choices]:
        field.clear()
        for key, text in option.choices:
            field.addItem(_translated(text), key)
    for place, (_, text) in enumerate(option.choices):
        field.setItemText(place, _translated(text))
    field.setCurrentIndex(field.findData(value))


def _translated(text: str) -> str:
    return QCoreApplication.translate("overlays", text)
