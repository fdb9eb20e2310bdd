"""What a benchmark run looks like while it grows: curves of all trackers, and a table of the sequences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PyQt5.QtCore import QEvent, Qt, pyqtSignal
from PyQt5.QtGui import QShowEvent
from PyQt5.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from app.panels.parts import color_plot, format_value, make_plots
from tracker_core.evaluation.protocols.protocol import AnyProtocol

# of Okabe and Ito: told apart with any kind of colour vision
CURVE_COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d00", "#777777")
NUMBER = int(Qt.ItemDataRole.UserRole)


class NumberItem(QTableWidgetItem):
    """A cell that sorts by its number; what has none comes last."""

    def __init__(self, value: float, digits: int) -> None:
        super().__init__(format_value(value, digits))
        self.setData(NUMBER, value)
        self.setTextAlignment(int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))

    def __lt__(self, other: QTableWidgetItem) -> bool:
        mine, others = self.data(NUMBER), other.data(NUMBER)
        if mine is None or others is None:
            return super().__lt__(other)
        return (math.isnan(mine), mine) < (math.isnan(others), others)


class BenchmarkTable(QTableWidget):
    """A row for each sequence and tracker; a double-click asks for the sequence."""

    replay_requested = pyqtSignal(str, str)  # sequence, tracker

    def __init__(self, protocol: AnyProtocol, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns = protocol.columns
        self.setAccessibleName(self.tr("Results of the sequences"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setToolTip(self.tr("Double-click a row to look at the sequence"))
        self.cellDoubleClicked.connect(self._ask_replay)
        rows, header = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None and header is not None
        rows.hide()
        rows.setDefaultSectionSize(20)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.begin(protocol)

    def begin(self, protocol: AnyProtocol) -> None:
        """Empty the table and show the columns of a protocol."""
        self._columns = protocol.columns
        titles = {
            "success_auc": self.tr("success"), "precision_20": self.tr("precision"),
            "average_overlap": self.tr("overlap"), "fps": self.tr("fps"), "accuracy": self.tr("accuracy"),
            "robustness": self.tr("robustness"), "failures": self.tr("failures"),
        }  # fmt: skip
        self.setSortingEnabled(False)
        self.setRowCount(0)
        self.setColumnCount(2 + len(self._columns))
        names = [self.tr("sequence"), self.tr("tracker"), *(titles[measure.key] for measure in self._columns)]
        self.setHorizontalHeaderLabels(names)
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)

    def add(self, message: dict[str, Any]) -> None:
        """Add what `eval` says of one sequence."""
        self.setSortingEnabled(False)  # a row that moves while it is filled would take cells of another
        row = self.rowCount()
        self.insertRow(row)
        name, tracker = QTableWidgetItem(str(message["sequence"])), QTableWidgetItem(str(message["tracker"]))
        if message.get("reason"):
            name.setText(f"{message['sequence']} ⚠")
            name.setToolTip(str(message["reason"]))
        name.setData(NUMBER, str(message["sequence"]))
        self.setItem(row, 0, name)
        self.setItem(row, 1, tracker)
        for column, measure in enumerate(self._columns, start=2):
            self.setItem(row, column, NumberItem(number(message.get(measure.key)), measure.digits))
        self.setSortingEnabled(True)

    def _ask_replay(self, row: int, _column: int) -> None:
        name, tracker = self.item(row, 0), self.item(row, 1)
        if name is not None and tracker is not None:
            self.replay_requested.emit(str(name.data(NUMBER)), tracker.text())


class BenchmarkCurves(QWidget):
    """Success and precision of every tracker so far; the plots are made when they are seen first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.setMinimumWidth(300)
        self._is_made = False
        self._curves: dict[str, dict[str, Any]] = {}
        self._colors: dict[str, str] = {}
        self._plots: dict[str, Any] = {}
        self.lines: dict[tuple[str, str], Any] = {}

    def clear(self) -> None:
        """Forget all curves."""
        self._curves.clear()
        self._colors.clear()
        self._draw()

    def set_curves(self, tracker: str, so_far: dict[str, Any]) -> None:
        """Take the scores and curves of a tracker over the sequences so far."""
        self._curves[tracker] = so_far
        self._draw()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Make the plots when they are seen first."""
        super().showEvent(event)
        if not self._is_made:
            self._is_made = True
            labels = ((self.tr("Success"), self.tr("overlap")), (self.tr("Precision"), self.tr("distance in pixels")))
            make_plots(self, labels, self._layout, self._take_plots)

    def changeEvent(self, event: QEvent | None) -> None:
        """Take up new colours."""
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._color_plots()
        super().changeEvent(event)

    def _take_plots(self, plots: list[Any]) -> None:
        for name, plot in zip(("success", "precision"), plots, strict=True):
            plot.setYRange(0, 1, padding=0.02)
            plot.setXRange(0, 1 if name == "success" else 50, padding=0.02)
            plot.addLegend(offset=(5, -5) if name == "success" else (-5, -5), labelTextSize="8pt")
            self._plots[name] = plot
        self._color_plots()
        self._draw()

    def _color_plots(self) -> None:
        for plot in self._plots.values():
            color_plot(plot, self.palette())

    def _draw(self) -> None:
        for name, plot in self._plots.items():
            legend = plot.getPlotItem().legend
            for tracker in [t for (which, t) in self.lines if which == name and t not in self._curves]:
                plot.removeItem(self.lines.pop((name, tracker)))
            for tracker, so_far in self._curves.items():
                values = (so_far.get("curves") or {}).get(name)
                if not values:
                    continue
                key = "success_auc" if name == "success" else "precision_20"
                label = f"{tracker} [{format_value(number(so_far.get(key)), 3)}]"
                xs = np.linspace(0, 1 if name == "success" else len(values) - 1, len(values))
                line = self.lines.get((name, tracker))
                if line is None:
                    line = self.lines[name, tracker] = plot.plot([], [], pen=self._pen(tracker), name=label)
                line.setData(xs, np.array([number(value) for value in values]))
                for item, text in legend.items:
                    if item.item is line:
                        text.setText(label)

    def _pen(self, tracker: str) -> Any:
        import pyqtgraph as pg

        color = self._colors.setdefault(tracker, CURVE_COLORS[len(self._colors) % len(CURVE_COLORS)])
        return pg.mkPen(color, width=2)


def number(value: Any) -> float:
    """Return a number of a JSON line, NaN where there is none."""
    return math.nan if value is None else float(value)
