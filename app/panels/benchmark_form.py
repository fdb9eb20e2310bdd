"""What to run on what: the form of the benchmark panel."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QWidget,
)

from app.panels.fields import ComboBox, PathField, TextField, browse_folder, expand, with_browse
from app.panels.parts import enable_buttons
from tracker_core.evaluation.benchmarks import BENCHMARKS
from tracker_core.sources.sequences import SequenceInfo


@dataclass(frozen=True)
class BenchmarkOptions:
    """What the user wants to run; `trackers` empty is the default one, `sequences` empty is all.

    `compare` are folders of anyone's results, `only_score` tracks nothing.
    """

    benchmark: str
    root: str
    trackers: tuple[str, ...]
    sequences: str
    results: str
    compare: tuple[str, ...] = ()
    only_score: bool = False

    def arguments(self) -> list[str]:
        """Return the command that carries it out."""
        command = ["eval", "--dataset", self.benchmark, "--root", self.root, "--out", self.results]
        for folder in self.compare:
            command += ["--compare", folder]
        if self.only_score:
            command.append("--only-score")
        else:
            for name in self.trackers:
                command += ["--tracker", name]
        if self.sequences:
            command += ["--sequences", self.sequences]
        return [*command, "--progress", "json"]


class BenchmarkForm(QWidget):
    """Data set, trackers, sequences, folders, and the buttons that start and stop."""

    run_requested = pyqtSignal(object)  # BenchmarkOptions
    pause_requested = pyqtSignal()
    stop_requested = pyqtSignal()
    table_requested = pyqtSignal()
    plot_requested = pyqtSignal()

    def __init__(self, results: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = "idle"
        self._proposed = ""
        self.data_set, self.root, self.results, self.sequences = ComboBox(), PathField(), PathField(), TextField()
        self.compare, self.trackers, self.status = TextField(), QListWidget(), QLabel()
        for name, rules in BENCHMARKS.items():
            if name not in ("otb100", "otb2015"):  # other names of the first
                self.data_set.addItem(rules.title, name)
        self.trackers.setMinimumHeight(2 * self.fontMetrics().lineSpacing() + 8)
        self.trackers.setMaximumHeight(4 * self.fontMetrics().lineSpacing())
        self.trackers.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.results.set_path(results)
        self._explain()
        form = QFormLayout(self)
        form.setContentsMargins(4, 4, 4, 4)
        form.setVerticalSpacing(3)
        form.addRow(self.tr("Data set:"), self.data_set)
        form.addRow(self.tr("Folder:"), with_browse(self.root, self.tr("Folder of the data set")))
        form.addRow(self.tr("Trackers:"), self.trackers)
        form.addRow(self.tr("Sequences:"), self.sequences)
        form.addRow(self.tr("Results:"), with_browse(self.results, self.tr("Folder of the results")))
        form.addRow(self.tr("Compare:"), self._make_compare())
        form.addRow(self._make_buttons())
        form.addRow(self.status)
        self._show_state()

    @property
    def options(self) -> BenchmarkOptions:
        """What is to be run."""
        chosen = [self.trackers.item(i) for i in range(self.trackers.count())]
        names = tuple(item.text() for item in chosen if item is not None and item.checkState() == Qt.CheckState.Checked)
        sequences = ",".join(part.strip() for part in self.sequences.text().split(",") if part.strip())
        others = tuple(expand(part) for part in self.compare.text().split(";") if part.strip())
        return BenchmarkOptions(
            str(self.data_set.currentData()), self.root.path, names, sequences, self.results.path, others
        )

    def set_trackers(self, names: Sequence[str]) -> None:
        """Offer trackers; the first one is ticked, and those that were ticked before."""
        ticked = {*self.options.trackers, *names[:1]} if self.trackers.count() == 0 else {*self.options.trackers}
        self.trackers.clear()
        for name in names:
            item = QListWidgetItem(name)
            item.setToolTip(name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if name in ticked else Qt.CheckState.Unchecked)
            self.trackers.addItem(item)

    def propose(self, sequences: Sequence[SequenceInfo]) -> None:
        """Offer the data set that was opened, unless the user named a folder of their own or one is in progress."""
        root = os.path.commonpath([info.folder.parent for info in sequences]) if sequences else ""
        names = [name for name, rules in BENCHMARKS.items() if sequences and rules.layout == sequences[0].layout]
        if self._state == "idle" and names and self.root.text() in ("", self._proposed):
            self._proposed = root
            self.root.set_path(root)
            self.data_set.setCurrentIndex(max(0, self.data_set.findData(names[0])))

    def set_state(self, state: str, text: str = "") -> None:
        """Show "running", "paused" or "idle"."""
        self._state = state
        self._show_state()
        if text:
            self.status.setText(text)

    def _explain(self) -> None:
        self.status.setWordWrap(True)
        self.trackers.setAccessibleName(self.tr("Trackers"))
        self.data_set.setAccessibleName(self.tr("Data set"))
        self.data_set.setToolTip(self.tr("The benchmark, which says how trackers are scored"))
        self.trackers.setToolTip(self.tr("Those that are ticked track every sequence, one after another"))
        self.root.setToolTip(self.tr("The folder that holds the sequences"))
        self.results.setToolTip(self.tr("Result files go there; what is finished there is not tracked again"))
        self.sequences.setAccessibleName(self.tr("Sequences"))
        self.sequences.setPlaceholderText(self.tr("all"))
        self.sequences.setToolTip(self.tr("All sequences, or names with commas between: Deer, David"))
        self.root.setPlaceholderText(self.tr("data set"))
        self.compare.setAccessibleName(self.tr("Folders of other results"))
        self.compare.setPlaceholderText(self.tr("result files"))
        self.compare.setToolTip(
            self.tr(
                "Folders of result files, with ; between: a tracker's, or a folder of such folders, "
                "as the OTB, GOT-10k and VOT toolkits and pytracking write them"
            )
        )

    def _make_compare(self) -> QWidget:
        holder, button = QWidget(), QPushButton(self.tr("Add…"))
        button.setToolTip(self.tr("Add a folder of result files and score it"))
        button.clicked.connect(self._add_compared)
        layout = QHBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.compare, 1)
        layout.addWidget(button)
        self.add = button
        return holder

    def _add_compared(self) -> None:
        folder = browse_folder(self, self.tr("Folder of result files"), self.results.path)
        if folder:
            self.compare.setText(";".join(filter(None, (self.compare.text().strip("; "), folder))))
            self._ask_scores()

    def _ask_scores(self) -> None:
        options = self.options
        self.run_requested.emit(
            BenchmarkOptions(
                options.benchmark, options.root, (), options.sequences, options.results, options.compare, True
            )
        )

    def _make_buttons(self) -> QWidget:
        self.start, self.pause, self.stop = QPushButton(), QPushButton(self.tr("Pause")), QPushButton(self.tr("Stop"))
        self.score, self.table = QPushButton(self.tr("Show results")), QPushButton(self.tr("Save table…"))
        self.plot = QPushButton(self.tr("Save plot…"))
        self.plot.setToolTip(self.tr("Save the curves, or the bars by attribute, as they are shown: PNG, SVG, PDF"))
        self.start.setToolTip(self.tr("Track the sequences that are not finished, and score them"))
        self.pause.setToolTip(self.tr("Stop for now; the sequence in progress begins again later"))
        self.stop.setToolTip(self.tr("Stop; finished sequences are kept"))
        self.score.setToolTip(self.tr("Score the results that are there, without tracking"))
        self.table.setToolTip(self.tr("Save the tables of trackers, attributes and sequences: CSV, Markdown, LaTeX"))
        self.start.clicked.connect(lambda: self.run_requested.emit(self.options))
        self.score.clicked.connect(self._ask_scores)
        self.pause.clicked.connect(self.pause_requested)
        self.stop.clicked.connect(self.stop_requested)
        self.table.clicked.connect(self.table_requested)
        self.plot.clicked.connect(self.plot_requested)
        holder = QWidget()
        form = QFormLayout(holder)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(3)
        for buttons in ((self.start, self.pause, self.stop), (self.score, self.table, self.plot)):
            line = QHBoxLayout()
            for button in buttons:
                line.addWidget(button)
            form.addRow(line)
        return holder

    def _show_state(self) -> None:
        is_running = self._state == "running"
        self.start.setText(self.tr("Resume") if self._state == "paused" else self.tr("Start"))
        is_idle = self._state == "idle"
        states = {self.start: not is_running, self.pause: is_running, self.stop: not is_idle}
        enable_buttons({**states, self.score: is_idle, self.add: is_idle})
        for widget in (
            self.data_set, self.root, self.trackers, self.sequences, self.results, self.compare,
        ):  # fmt: skip
            widget.setEnabled(is_idle)
