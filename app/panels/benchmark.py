"""The benchmark panel: what to run on what, curves that grow, a table to dig in, and the worst moments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.panels.benchmark_views import NUMBER, BenchmarkCurves, BenchmarkTable, number
from app.panels.fields import ComboBox, PathField, with_browse
from app.panels.parts import format_value
from app.session.replay import ReplayRequest
from tracker_core.evaluation.benchmarks import BENCHMARKS


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
        self._moments: list[tuple[int, float]] = []
        self._protocol = next(iter(BENCHMARKS.values())).protocol
        self._state = "idle"
        splitter = QSplitter()
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self._make_form(results))
        self.curves = BenchmarkCurves()
        splitter.addWidget(self.curves)
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
        return BenchmarkOptions(str(self.data_set.currentData()), self.root.path, names, sequences, self.results.path)

    def set_trackers(self, names: Sequence[str]) -> None:
        """Offer trackers; the first one is ticked."""
        self.trackers.clear()
        for place, name in enumerate(names):
            item = QListWidgetItem(name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if place == 0 else Qt.CheckState.Unchecked)
            self.trackers.addItem(item)

    # --- what is shown ------------------------------------------------------------------------------------

    def begin(self, options: BenchmarkOptions) -> None:
        """Show that a run started: an empty table and empty curves."""
        self._options = options
        self._protocol = BENCHMARKS[options.benchmark].protocol
        self.table.begin(self._protocol)
        self.curves.clear()
        self.set_state("running")

    def take(self, message: dict[str, Any]) -> None:
        """Take one line of `eval`'s progress."""
        if message.get("event") == "sequence":
            self.table.add(message)
            so_far = message.get("so_far")
            if isinstance(so_far, dict):
                self.curves.set_curves(str(message["tracker"]), so_far)
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
        if moments == self._moments:
            return  # what is chosen stays chosen
        self._moments = list(moments)
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
        self.data_set, self.root, self.results, self.sequences = ComboBox(), PathField(), PathField(), QLineEdit()
        for name, rules in BENCHMARKS.items():
            if name not in ("otb100", "otb2015"):  # other names of the first
                self.data_set.addItem(rules.title, name)
        self.trackers = QListWidget()
        self.trackers.setMinimumHeight(40)
        self.trackers.setMaximumHeight(64)
        self.trackers.setAccessibleName(self.tr("Trackers"))
        self.sequences.setPlaceholderText(self.tr("all, or names: Deer, David"))
        self.results.set_path(results)
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

    def _make_tables(self) -> QWidget:
        self.table = BenchmarkTable(self._protocol)
        self.table.replay_requested.connect(self._replay)
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

    def _show_totals(self, message: dict[str, Any]) -> None:
        parts = []
        for tracker, score in (message.get("trackers") or {}).items():
            values = (
                f"{measure.title} {format_value(number(score.get(measure.key)), measure.digits)}"
                for measure in self._protocol.headline
            )
            text = f"{tracker}: {', '.join(values)}"
            parts.append(text)
        if parts:
            self.status.setText("\n".join(parts))

    def _replay(self, sequence: str, tracker: str) -> None:
        options = self._options
        if options is not None:
            request = ReplayRequest(options.benchmark, options.root, options.results, tracker, sequence)
            self.replay_requested.emit(request)

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
