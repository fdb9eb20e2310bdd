"""Bars of what every tracker reaches on the sequences of each attribute."""

from __future__ import annotations

import math
from typing import Any

from PyQt5.QtCore import QEvent, pyqtSignal
from PyQt5.QtGui import QShowEvent, QTransform
from PyQt5.QtWidgets import QHBoxLayout, QWidget

from app.panels.parts import END, PlotMaker, color_plot, curve_pen, make_plot, set_title
from app.panels.tracker_colors import TrackerColors
from app.session.benchmark_scores import BenchmarkScores
from tracker_core.evaluation.protocols import Measure

GROUP = 0.8  # height of the bars of an attribute; the rest is the gap to the next


class AttributeBars(QWidget):
    """A group of bars for each attribute, the trackers in the order of the legend; a click asks for its sequences."""

    attribute_chosen = pyqtSignal(str)

    def __init__(self, colors: TrackerColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self._scores: BenchmarkScores | None = None
        self._hidden: frozenset[str] = frozenset()
        self._measure: Measure | None = None
        self._is_made = False
        self._plot: Any = None
        self.bars: dict[str, Any] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)

    def set_scores(self, scores: BenchmarkScores, hidden: frozenset[str], measure: Measure) -> None:
        """Draw `measure` of all trackers that are not `hidden`."""
        self._scores, self._hidden, self._measure = scores, hidden, measure
        self._draw()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Make the plot when it is seen first."""
        super().showEvent(event)
        layout = self.layout()
        if not self._is_made and layout is not None:
            self._is_made = True
            PlotMaker(self, [self._make_plot], layout, self._take_plots)

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
        plot.getViewBox().sigTransformChanged.connect(self._fit_patterns)
        return plot

    def _take_plots(self, plots: list[Any]) -> None:
        (self._plot,) = plots
        self._draw()

    def _draw(self) -> None:
        if self._plot is None or self._scores is None or self._measure is None:
            return
        values, protocol = self._scores.attribute_values(self._measure), self._scores.protocol
        for bars in self.bars.values():
            self._plot.removeItem(bars)
        trackers = [tracker for tracker in self._scores.trackers if tracker not in self._hidden]
        self.bars = {tracker: self._make_bars(place, len(trackers), [row[tracker] for row in values.values()])
                     for place, tracker in enumerate(trackers)}  # fmt: skip
        self._fit_patterns(self._plot.getViewBox())
        for bars in self.bars.values():
            self._plot.addItem(bars)
        titles = [(place, protocol.attribute_title(attribute)) for place, attribute in enumerate(values)]
        self._plot.getAxis("left").setTicks([titles])
        set_title(self._plot, self.tr("{} by attribute").format(self._measure.title), self.palette())
        self._plot.setYRange(-0.5, len(values) - 0.5, padding=0)
        known = [value for row in values.values() for value in row.values() if not math.isnan(value)]
        self._plot.setXRange(0, max(1.0, *known) if known else 1.0, padding=END)

    def _make_bars(self, place: int, count: int, values: list[float]) -> Any:
        """Return the bars of one of `count` trackers, by attribute."""
        import pyqtgraph as pg

        height = GROUP / count
        known = [row for row, value in enumerate(values) if not math.isnan(value)]
        middles = [row + (place + 0.5) * height - GROUP / 2 for row in known]
        return pg.BarGraphItem(x0=0, y=middles, width=[values[row] for row in known], height=height)

    def _fit_patterns(self, box: Any) -> None:
        """Give the patterns of the bars their size on the screen: Qt stretches those of a brush with the axes."""
        width, height = box.viewPixelSize()
        for tracker, bars in self.bars.items():
            look = self._colors.look(tracker)
            brush = look.brush()
            brush.setTransform(QTransform.fromScale(width, height))
            bars.setOpts(brush=brush, pen=curve_pen(self._plot, look.color, 1.0))

    def _choose(self, where: Any) -> None:
        """Ask for the sequences of the attribute at a place of the plot's scene."""
        row = round(float(self._plot.getViewBox().mapSceneToView(where).y()))
        attributes = [] if self._scores is None else list(self._scores.attributes())
        if 0 <= row < len(attributes):
            self.attribute_chosen.emit(attributes[row])
