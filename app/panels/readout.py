"""The line under the image: frame, state, score, overlap, centre error, and the sequence so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PyQt5.QtCore import Qt
from PyQt5.QtGui import QFontDatabase, QResizeEvent
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from app.panels.parts import format_value

STATE_COLORS = {"tracking": "#2e9e4f", "key": "#b08900", "uncertain": "#c77700", "lost": "#d02020"}
IMPORTANCE = ("frame", "state", "score", "mark", "iou", "fps", "success", "precision", "center_error")


class ReadoutPanel(QWidget):
    """Values of the frame that is shown, for the chosen target; nothing is shown that is not known."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("readout")
        self.setAccessibleName(self.tr("Read-out of the frame"))
        # a narrow window cuts the line at its end instead of growing
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 2, 8, 0)
        layout.setSpacing(14)
        fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        self._labels: dict[str, QLabel] = {}
        self._tips: dict[str, str] = {}  # of what sums up the sequence
        for name, tip in (
            ("frame", self.tr("Frame and time")),
            ("state", self.tr("State of the tracker")),
            ("mark", self.tr("Whether the target is seen, as you marked it")),
            ("score", self.tr("The tracker's score for its box")),
            ("iou", self.tr("Overlap of prediction and ground truth")),
            ("center_error", self.tr("Distance between the centres of prediction and ground truth")),
            ("success", self.tr("Success of the sequence so far: area under the success curve")),
            ("precision", self.tr("Precision of the sequence so far: share of frames at most 20 pixels off")),
            ("fps", self.tr("Images shown per second")),
        ):
            label = QLabel()
            label.setFont(fixed)
            label.setToolTip(tip)
            label.setAccessibleName(tip)
            label.setTextFormat(Qt.TextFormat.PlainText)
            self._labels[name] = label
            if name in ("success", "precision"):
                self._tips[name] = tip
            layout.addWidget(label)
        layout.addStretch(1)

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show the values; numbers that are NaN are left out."""
        frame, count, state = values.get("frame"), values.get("frame_count"), str(values.get("state", ""))
        last = "" if not count else f"/{count - 1}"
        if state != self._labels["state"].text():  # a style costs more than all the texts
            color = f"color: {STATE_COLORS[state]}; font-weight: bold" if state in STATE_COLORS else ""
            self._labels["state"].setStyleSheet(color)
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
        for name, text in texts.items():
            self._labels[name].setText(text)
        self._fit()

    def set_note(self, note: str) -> None:
        """Dim success and precision where they do not say what they seem to, and say why; "" for where they do."""
        for name, tip in self._tips.items():
            self._labels[name].setEnabled(not note)
            self._labels[name].setToolTip("\n".join(filter(None, (tip, note))))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show what there is room for."""
        self._fit()
        super().resizeEvent(event)

    def _fit(self) -> None:
        """Leave out whole values where the line is too short for all: the least important first, none in part."""
        layout = self.layout()
        assert layout is not None
        margins = layout.contentsMargins()
        room = self.width() - margins.left() - margins.right()
        for name in IMPORTANCE:
            label = self._labels[name]
            needed = label.sizeHint().width() + layout.spacing()
            is_shown = bool(label.text()) and needed <= room
            room -= needed if is_shown else 0
            label.setVisible(is_shown)

    def text(self, name: str) -> str:
        """Return what is shown for one of the values."""
        return self._labels[name].text()


def _number(form: str, value: float | None, digits: int = 2) -> str:
    return "" if value is None or math.isnan(value) else form.format(format_value(float(value), digits))


def format_time(seconds: float) -> str:
    """Return a time as minutes, seconds and hundredths: 83.456 s is 1:23.45."""
    hundredths = max(0, int(seconds * 100))
    return f"{hundredths // 6000}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"
