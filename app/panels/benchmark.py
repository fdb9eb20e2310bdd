"""The benchmark panel: what to run on what, curves that grow, a table to dig in, and the worst moments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PyQt5.QtCore import QEvent, Qt, pyqtSignal
from PyQt5.QtGui import QShowEvent
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.panels.parts import color_plot, make_plots, with_browse
from app.session.replay import ReplayRequest
from app.window.status_bar import format_value
from tracker_core.evaluation.benchmarks import BENCHMARKS

# of Okabe and Ito: told apart with any kind of colour vision
CURVE_COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d00", "#777777")
NUMBER = int(Qt.ItemDataRole.UserRole)


@dataclass(frozen=True)
class BenchmarkOptions:
    """What the user wants to run; `trackers` empty is the default one, `sequences` empty is all."""

    benchmark: str
    root: str
    trackers: tuple[str, ...]
    sequences: str
    results: str

    def arguments(self) -> list[str]:
        """Return the command that carries it out."""
        command = ["eval", "--dataset", self.benchmark, "--root", self.root, "--out", self.results]
        for name in self.trackers:
            command += ["--tracker", name]
        if self.sequences:
            command += ["--sequences", self.sequences]
        return [*command, "--progress", "json"]


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


class BenchmarkPanel(QWidget):
    """Options on the left, curves in the middle, sequences on the right."""

    run_requested = pyqtSignal(object)  # BenchmarkOptions
    pause_requested = pyqtSignal()
    stop_requested = pyqtSignal()
    replay_requested = pyqtSignal(object)  # ReplayRequest
    frame_requested = pyqtSignal(int)

    def __init__(self, results: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("benchmark_panel")
        self._options: BenchmarkOptions | None = None
        self._colors: dict[str, str] = {}
        self._curves: dict[str, dict[str, Any]] = {}
        self._is_made = False
        self._plots: dict[str, Any] = {}
        self._lines: dict[tuple[str, str], Any] = {}
        self._state = "idle"
        splitter = QSplitter()
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self._make_form(results))
        splitter.addWidget(self._make_plot_area())
        splitter.addWidget(self._make_tables())
        splitter.setStretchFactor(1, 3)
        splitter.setStretchFactor(2, 2)
        splitter.setSizes([330, 500, 500])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(splitter)
        self._show_state()

    # --- what the user says -------------------------------------------------------------------------------

    def options(self) -> BenchmarkOptions:
        """Return what is to be run."""
        chosen = [self.trackers.item(i) for i in range(self.trackers.count())]
        names = tuple(item.text() for item in chosen if item is not None and item.checkState() == Qt.CheckState.Checked)
        sequences = ",".join(part.strip() for part in self.sequences.text().split(",") if part.strip())
        return BenchmarkOptions(
            str(self.data_set.currentData()), self.root.text().strip(), names, sequences, self.results.text().strip()
        )

    def set_trackers(self, names: Sequence[str]) -> None:
        """Offer trackers; the first one is ticked."""
        self.trackers.clear()
        for place, name in enumerate(names):
            item = QListWidgetItem(name)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable)
            item.setCheckState(Qt.CheckState.Checked if place == 0 else Qt.CheckState.Unchecked)
            self.trackers.addItem(item)

    # --- what is shown ------------------------------------------------------------------------------------

    def begin(self, options: BenchmarkOptions) -> None:
        """Show that a run started: an empty table and empty curves."""
        self._options = options
        self._protocol = BENCHMARKS[options.benchmark].protocol
        columns = self._protocol.columns
        titles = {
            "success_auc": self.tr("success"), "precision_20": self.tr("precision"),
            "average_overlap": self.tr("overlap"), "fps": self.tr("fps"), "accuracy": self.tr("accuracy"),
            "robustness": self.tr("robustness"), "failures": self.tr("failures"),
        }  # fmt: skip
        self.table.setSortingEnabled(False)
        self.table.setRowCount(0)
        self.table.setColumnCount(2 + len(columns))
        self.table.setHorizontalHeaderLabels(
            [self.tr("sequence"), self.tr("tracker"), *(titles[measure.key] for measure in columns)]
        )
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self._curves.clear()
        self._colors.clear()
        self._draw_curves()
        self.set_state("running")

    def take(self, message: dict[str, Any]) -> None:
        """Take one line of `eval`'s progress."""
        if message.get("event") == "sequence":
            self._add_row(message)
            so_far = message.get("so_far")
            if isinstance(so_far, dict):
                self._curves[str(message["tracker"])] = so_far
                self._draw_curves()
            self.status.setText(self.tr("{} of {} sequences").format(message.get("done"), message.get("total")))
        elif message.get("event") == "result":
            self._show_totals(message)

    def set_state(self, state: str, text: str = "") -> None:
        """Show "running", "paused" or "idle"."""
        self._state = state
        self._show_state()
        if text:
            self.status.setText(text)

    def set_moments(self, moments: Sequence[tuple[int, float]]) -> None:
        """List the worst moments of the sequence that is shown: frame and overlap."""
        self.moments.clear()
        for index, iou in moments:
            item = QListWidgetItem(self.tr("frame {}: IoU {}").format(index, format_value(iou)))
            item.setData(NUMBER, index)
            self.moments.addItem(item)

    # --- building -----------------------------------------------------------------------------------------

    def _make_form(self, results: Path) -> QWidget:
        holder = QWidget()
        form = QFormLayout(holder)
        form.setContentsMargins(4, 4, 4, 4)
        form.setVerticalSpacing(3)
        self.data_set, self.root, self.results, self.sequences = QComboBox(), QLineEdit(), QLineEdit(), QLineEdit()
        for name, rules in BENCHMARKS.items():
            if name not in ("otb100", "otb2015"):  # other names of the first
                self.data_set.addItem(rules.title, name)
        self.trackers = QListWidget()
        self.trackers.setMaximumHeight(64)
        self.trackers.setAccessibleName(self.tr("Trackers"))
        self.sequences.setPlaceholderText(self.tr("all, or names: Deer, David"))
        self.results.setText(str(results))
        self.root.setPlaceholderText(self.tr("folder of the data set"))
        form.addRow(self.tr("Data set:"), self.data_set)
        form.addRow(self.tr("Folder:"), with_browse(self.root, self.tr("Folder of the data set")))
        form.addRow(self.tr("Trackers:"), self.trackers)
        form.addRow(self.tr("Sequences:"), self.sequences)
        form.addRow(self.tr("Results:"), with_browse(self.results, self.tr("Folder of the results")))
        self.start, self.pause, self.stop = QPushButton(), QPushButton(self.tr("Pause")), QPushButton(self.tr("Stop"))
        self.start.clicked.connect(lambda: self.run_requested.emit(self.options()))
        self.pause.clicked.connect(self.pause_requested)
        self.stop.clicked.connect(self.stop_requested)
        line = QHBoxLayout()
        for button in (self.start, self.pause, self.stop):
            line.addWidget(button)
        form.addRow(line)
        self.status = QLabel()
        self.status.setWordWrap(True)
        form.addRow(self.status)
        return holder

    def _make_plot_area(self) -> QWidget:
        self._plot_holder = QWidget()
        QHBoxLayout(self._plot_holder).setContentsMargins(0, 0, 0, 0)
        self._plot_holder.setMinimumWidth(300)
        return self._plot_holder

    def _make_tables(self) -> QWidget:
        self._protocol = next(iter(BENCHMARKS.values())).protocol
        self.table = QTableWidget(0, 2 + len(self._protocol.columns))
        self.table.setAccessibleName(self.tr("Results of the sequences"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setHorizontalHeaderLabels(
            [self.tr(text) for text in ("sequence", "tracker", "success", "precision", "overlap", "fps")]
        )
        self.table.setToolTip(self.tr("Double-click a row to look at the sequence"))
        self.table.cellDoubleClicked.connect(self._replay)
        rows, header = self.table.verticalHeader(), self.table.horizontalHeader()
        assert rows is not None and header is not None
        rows.hide()
        rows.setDefaultSectionSize(20)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.moments = QListWidget()
        self.moments.setAccessibleName(self.tr("Worst moments"))
        self.moments.setMaximumWidth(150)
        self.moments.itemClicked.connect(lambda item: self.frame_requested.emit(int(item.data(NUMBER))))
        holder = QWidget()
        layout = QHBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table, 1)
        column = QVBoxLayout()
        column.addWidget(QLabel(self.tr("Worst moments")))
        column.addWidget(self.moments, 1)
        layout.addLayout(column)
        return holder

    def showEvent(self, event: QShowEvent | None) -> None:
        """Make the plots when they are seen first."""
        super().showEvent(event)
        layout = self._plot_holder.layout()
        if not self._is_made and layout is not None:
            self._is_made = True
            labels = ((self.tr("Success"), self.tr("overlap")), (self.tr("Precision"), self.tr("distance in pixels")))
            make_plots(self, labels, layout, self._take_plots)

    def changeEvent(self, event: QEvent | None) -> None:
        """Take up new colours."""
        if event is not None and event.type() == QEvent.Type.PaletteChange and self._plots:
            self._color_plots()
        super().changeEvent(event)

    def _take_plots(self, plots: list[Any]) -> None:
        for name, plot in zip(("success", "precision"), plots, strict=True):
            plot.setYRange(0, 1, padding=0.02)
            plot.setXRange(0, 1 if name == "success" else 50, padding=0.02)
            plot.addLegend(offset=(5, -5) if name == "success" else (-5, -5), labelTextSize="8pt")
            self._plots[name] = plot
        self._color_plots()
        self._draw_curves()

    def _color_plots(self) -> None:
        for plot in self._plots.values():
            color_plot(plot, self.palette())

    # --- filling ------------------------------------------------------------------------------------------

    def _add_row(self, message: dict[str, Any]) -> None:
        self.table.setSortingEnabled(False)  # a row that moves while it is filled would take cells of another
        row = self.table.rowCount()
        self.table.insertRow(row)
        name, tracker = QTableWidgetItem(str(message["sequence"])), QTableWidgetItem(str(message["tracker"]))
        if message.get("reason"):
            name.setText(f"{message['sequence']} ⚠")
            name.setToolTip(str(message["reason"]))
        name.setData(NUMBER, str(message["sequence"]))
        self.table.setItem(row, 0, name)
        self.table.setItem(row, 1, tracker)
        for column, measure in enumerate(self._protocol.columns, start=2):
            self.table.setItem(row, column, NumberItem(_number(message.get(measure.key)), measure.digits))
        self.table.setSortingEnabled(True)

    def _draw_curves(self) -> None:
        for name, plot in self._plots.items():
            legend = plot.getPlotItem().legend
            for tracker in [t for (which, t) in self._lines if which == name and t not in self._curves]:
                plot.removeItem(self._lines.pop((name, tracker)))
            for tracker, so_far in self._curves.items():
                values = (so_far.get("curves") or {}).get(name)
                if not values:
                    continue
                key = "success_auc" if name == "success" else "precision_20"
                label = f"{tracker} [{format_value(_number(so_far.get(key)), 3)}]"
                xs = np.linspace(0, 1 if name == "success" else len(values) - 1, len(values))
                line = self._lines.get((name, tracker))
                if line is None:
                    line = self._lines[name, tracker] = plot.plot([], [], pen=self._pen(tracker), name=label)
                line.setData(xs, np.array([_number(value) for value in values]))
                for item, text in legend.items:
                    if item.item is line:
                        text.setText(label)

    def _pen(self, tracker: str) -> Any:
        import pyqtgraph as pg

        color = self._colors.setdefault(tracker, CURVE_COLORS[len(self._colors) % len(CURVE_COLORS)])
        return pg.mkPen(color, width=2)

    def _show_totals(self, message: dict[str, Any]) -> None:
        parts = []
        for tracker, score in (message.get("trackers") or {}).items():
            values = (
                f"{measure.title} {format_value(_number(score.get(measure.key)), measure.digits)}"
                for measure in self._protocol.headline
            )
            text = f"{tracker}: {', '.join(values)}"
            parts.append(text)
        if parts:
            self.status.setText("\n".join(parts))

    def _replay(self, row: int, _column: int) -> None:
        name, tracker = self.table.item(row, 0), self.table.item(row, 1)
        if self._options is None or name is None or tracker is None:
            return
        options = self._options
        self.replay_requested.emit(
            ReplayRequest(options.benchmark, options.root, options.results, tracker.text(), str(name.data(NUMBER)))
        )

    def _show_state(self) -> None:
        is_running = self._state == "running"
        self.start.setText(self.tr("Resume") if self._state == "paused" else self.tr("Start"))
        self.start.setEnabled(not is_running)
        self.pause.setEnabled(is_running)
        self.stop.setEnabled(self._state != "idle")
        for widget in (self.data_set, self.root, self.trackers, self.sequences, self.results):
            widget.setEnabled(self._state == "idle")


def worst_moments(
    frames: Sequence[int], ious: Sequence[float], count: int = 8, apart: int = 15
) -> list[tuple[int, float]]:
    """Return the frames of least overlap, worst first, no two of them nearer than `apart` frames."""
    known = [(iou, index) for index, iou in zip(frames, ious, strict=True) if math.isfinite(iou)]
    chosen: list[tuple[int, float]] = []
    for iou, index in sorted(known):
        if all(abs(index - other) >= apart for other, _ in chosen):
            chosen.append((index, iou))
        if len(chosen) == count:
            break
    return chosen


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
