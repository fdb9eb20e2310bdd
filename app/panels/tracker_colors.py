"""One colour and dash pattern for each tracker, the same in every plot and table, whatever is beside it."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QBrush, QColor, QIcon, QPainter, QPen, QPixmap

# The first three are of Okabe and Ito. All have a contrast of 3 or more on the plots' light and dark backgrounds, and
# are told apart with any kind of colour vision (simulated as in Machado et al., TVCG 2009).
COLORS = ("#d55e00", "#0072b2", "#009e73", "#9c3cfc", "#cc78a8", "#846048", "#c02490", "#a878e4")
STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DashDotLine, Qt.PenStyle.DotLine)
FILLS = (
    Qt.BrushStyle.SolidPattern, Qt.BrushStyle.BDiagPattern, Qt.BrushStyle.DiagCrossPattern, Qt.BrushStyle.Dense4Pattern,
)  # fmt: skip
SWATCH = QSize(22, 10)


@dataclass(frozen=True)
class Look:
    """How a tracker's curve is drawn."""

    color: str
    style: Qt.PenStyle

    def brush(self) -> QBrush:
        """Return what fills its bars: plain, or a pattern where others have the same colour."""
        return QBrush(QColor(self.color), FILLS[STYLES.index(self.style)])

    def icon(self) -> QIcon:
        """Return a piece of its curve, for tables."""
        image = QPixmap(SWATCH)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        painter.setPen(QPen(QColor(self.color), 3.0, self.style))
        painter.drawLine(0, SWATCH.height() // 2, SWATCH.width(), SWATCH.height() // 2)
        painter.end()
        return QIcon(image)


class TrackerColors:
    """Gives trackers their looks in the order in which they are first named; a tracker keeps the one that it has."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def look(self, tracker: str) -> Look:
        """Return the look of a tracker."""
        place = self._places.setdefault(tracker, len(self._places))
        return Look(COLORS[place % len(COLORS)], STYLES[(place // len(COLORS)) % len(STYLES)])
