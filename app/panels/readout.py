"""The line under the image: frame, state, score, overlap, centre error, and the sequence so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PyQt5.QtCore import QEvent, Qt
from PyQt5.QtGui import QFontDatabase, QPalette
from PyQt5.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from app.panels.parts import format_value
from app.panels.value_line import ValueLine

STATE_COLORS = {  # on a light ground, on a dark one
    "tracking": ("#1c7638", "#4fc274"),
    "key": ("#7d6000", "#e0b53a"),
    "uncertain": ("#9a5700", "#f0983a"),
    "lost": ("#c01818", "#ff7070"),
}
IMPORTANCE = ("frame", "state", "score", "mark", "iou", "fps", "success", "precision", "center_error")


class ReadoutPanel(QWidget):
    """Values of the frame that is shown, for the chosen target; nothing is shown that is not known."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("readout")
        self.setAccessibleName(self.tr("Read-out of the frame"))
        # a narrow window cuts the line at its end instead of growing
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        tips = {
            "frame": self.tr("Frame and time"),
            "state": self.tr("State of the tracker"),
            "mark": self.tr("Whether the target is seen, as you marked it"),
            "score": self.tr("The tracker's score for its box"),
            "iou": self.tr("Overlap of prediction and ground truth"),
            "center_error": self.tr("Distance between the centres of prediction and ground truth"),
            "success": self.tr("Success of the sequence so far: area under the success curve"),
            "precision": self.tr("Precision of the sequence so far: share of frames at most 20 pixels off"),
            "fps": self.tr("Images shown per second"),
        }
        self._tips = {name: tips[name] for name in ("success", "precision")}  # of what sums up the sequence
        self._line = ValueLine(tips, IMPORTANCE, spacing=14)
        for label in self._line.labels.values():
            label.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
            label.setTextFormat(Qt.TextFormat.PlainText)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 2, 8, 0)
        layout.addWidget(self._line)

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show the values; numbers that are NaN are left out."""
        frame, count, state = values.get("frame"), values.get("frame_count"), str(values.get("state", ""))
        last = "" if not count else f"/{count - 1}"
        texts = {
            "frame": "" if frame is None else f"{frame}{last}  {format_time(values.get('time_s', 0.0))}",
            "state": state,
            "mark": str(values.get("mark", "")),
            "score": _number(self.tr("score {}"), values.get("score")),
            "iou": _number(self.tr("IoU {}"), values.get("iou")),
            "center_error": _number(self.tr("centre {} px"), values.get("center_error"), 1),
            "success": _number(self.tr("success {}"), values.get("success"), 3),
            "precision": _number(self.tr("precision {}"), values.get("precision"), 3),
            "fps": _number(self.tr("{} fps"), values.get("fps"), 0),
        }
        self._line.set_texts(texts)
        self._color_state()

    def set_note(self, note: str) -> None:
        """Dim success and precision where they do not say what they seem to, and say why; "" for where they do."""
        for name, tip in self._tips.items():
            self._line.labels[name].setEnabled(not note)
            self._line.labels[name].setToolTip("\n".join(filter(None, (tip, note))))

    def changeEvent(self, event: QEvent | None) -> None:
        """Take up new colours."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._color_state()

    def text(self, name: str) -> str:
        """Return what is shown for one of the values."""
        return self._line.labels[name].text()

    def _color_state(self) -> None:
        label = self._line.labels["state"]
        is_dark = self.palette().color(QPalette.ColorRole.Window).lightnessF() < 0.5
        colors = STATE_COLORS.get(label.text())
        style = "" if colors is None else f"color: {colors[is_dark]}; font-weight: bold"
        if label.styleSheet() != style:  # a style costs more than all the texts
            label.setStyleSheet(style)
            self._line.fit()


def _number(form: str, value: float | None, digits: int = 2) -> str:
    return "" if value is None or math.isnan(value) else form.format(format_value(float(value), digits))


def format_time(seconds: float) -> str:
    """Return a time as minutes, seconds and hundredths: 83.456 s is 1:23.45."""
    hundredths = max(0, int(seconds * 100))
    return f"{hundredths // 6000}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"
