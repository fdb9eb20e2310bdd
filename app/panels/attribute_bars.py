"""Bars of what every tracker reaches on the sequences of each attribute."""

from __future__ import annotations

import math
from typing import Any

from PyQt5.QtCore import QEvent, pyqtSignal
from PyQt5.QtGui import QShowEvent
from PyQt5.QtWidgets import QHBoxLayout, QWidget

from app.panels.parts import END, color_plot, make_plot, make_plots, set_title
from app.panels.tracker_colors import TrackerColors
from app.session.benchmark_scores import BenchmarkScores

GROUP = 0.8  # height of the bars of an attribute; the rest is the gap to the next


class AttributeBars(QWidget):
    """A group of bars for each attribute, the trackers in the order of the legend; a click asks for its sequences."""

    attribute_chosen = pyqtSignal(str)

    def __init__(self, colors: TrackerColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self._scores: BenchmarkScores | None = None
        self._hidden: frozenset[str] = frozenset()
        self._is_made = False
        self._plot: Any = None
        self.bars: dict[str, Any] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)

    def set_scores(self, scores: BenchmarkScores, hidden: frozenset[str]) -> None:
        """Draw the bars of all trackers that are not `hidden`."""
        self._scores, self._hidden = scores, hidden
        self._draw()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Make the plot when it is seen first."""
        super().showEvent(event)
        layout = self.layout()
        if not self._is_made and layout is not None:
            self._is_made = True
            make_plots(self, [self._make_plot], layout, self._take_plots)

    def changeEvent(self, event: QEvent | None) -> None:
        """Take up new colours."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange and self._plot is not None:
            color_plot(self._plot, self.palette())

    def _make_plot(self) -> Any:
        plot = make_plot(self.tr("Attributes"), "")
        plot.invertY(True)  # the first attribute on top, as in the table
        plot.setMouseEnabled(x=False, y=False)
        plot.showGrid(x=True, y=False, alpha=0.2)
        plot.setToolTip(self.tr("Click the bars of an attribute to see its sequences"))
        plot.scene().sigMouseClicked.connect(lambda event: self._choose(event.scenePos()))
        return plot

    def _take_plots(self, plots: list[Any]) -> None:
        (self._plot,) = plots
        self._draw()

    def _draw(self) -> None:
        if self._plot is None or self._scores is None:
            return
        values, protocol = self._scores.attribute_values(), self._scores.protocol
        for bars in self.bars.values():
            self._plot.removeItem(bars)
        trackers = [tracker for tracker in self._scores.trackers if tracker not in self._hidden]
        self.bars = {tracker: self._make_bars(place, tracker, trackers) for place, tracker in enumerate(trackers)}
        for bars in self.bars.values():
            self._plot.addItem(bars)
        titles = [(place, protocol.attribute_title(attribute)) for place, attribute in enumerate(values)]
        self._plot.getAxis("left").setTicks([titles])
        set_title(self._plot, self.tr("{} by attribute").format(protocol.attribute_measures[0].title), self.palette())
        self._plot.setYRange(-0.5, len(values) - 0.5, padding=0)
        known = [value for row in values.values() for value in row.values() if not math.isnan(value)]
        self._plot.setXRange(0, max(1.0, *known) if known else 1.0, padding=END)

    def _make_bars(self, place: int, tracker: str, trackers: list[str]) -> Any:
        import pyqtgraph as pg

        assert self._scores is not None
        height = GROUP / len(trackers)
        values = [row[tracker] for row in self._scores.attribute_values().values()]
        known = [row for row, value in enumerate(values) if not math.isnan(value)]
        middles = [row + (place + 0.5) * height - GROUP / 2 for row in known]
        widths, brush = [values[row] for row in known], self._colors.look(tracker).brush()
        return pg.BarGraphItem(x0=0, y=middles, width=widths, height=height, brush=brush, pen=None)

    def _choose(self, where: Any) -> None:
        """Ask for the sequences of the attribute at a place of the plot's scene."""
        row = round(float(self._plot.getViewBox().mapSceneToView(where).y()))
        attributes = [] if self._scores is None else list(self._scores.attribute_values())
        if 0 <= row < len(attributes):
            self.attribute_chosen.emit(attributes[row])
