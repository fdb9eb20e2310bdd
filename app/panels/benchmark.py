"""The benchmark panel: what to run on what, curves that grow, and tables to dig in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtWidgets import (
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.panels.benchmark_form import BenchmarkForm, BenchmarkOptions
from app.panels.benchmark_views import AttributeTable, BenchmarkCurves, SequenceTable, number
from app.panels.fields import Tabs
from app.panels.parts import format_value, scrolled
from app.panels.tracker_colors import TrackerColors
from app.session.benchmark_scores import BenchmarkScores
from app.session.replay import ReplayRequest
from tracker_core.evaluation.benchmarks import BENCHMARKS

REFRESH_MS = 100
NUMBER = int(Qt.ItemDataRole.UserRole)


class BenchmarkPanel(QWidget):
    """Options on the left, curves in the middle, sequences and attributes on the right."""

    replay_requested = pyqtSignal(object)  # ReplayRequest

    def __init__(self, results: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("benchmark_panel")
        self._options: BenchmarkOptions | None = None
        self._hidden: set[str] = set()
        self._place = ""
        self._refresh = QTimer(self)  # a resumed run tells hundreds of finished sequences at once
        self._refresh.setSingleShot(True)
        self._refresh.timeout.connect(self._show_next)
        self._due: deque[Callable[[], None]] = deque()  # what of it shows older scores
        self.scores = BenchmarkScores(next(iter(BENCHMARKS.values())).protocol)
        self.colors = TrackerColors()
        self.form = BenchmarkForm(results)
        self.curves = BenchmarkCurves(self.colors)
        self.curves.curve_clicked.connect(self._replay_worst)
        self.curves.bars.attribute_chosen.connect(self._filter_by)
        splitter = QSplitter()
        splitter.setChildrenCollapsible(False)
        for widget in (scrolled(self.form), self.curves, self._make_tables()):
            splitter.addWidget(widget)
        splitter.setStretchFactor(1, 1)
        splitter.setStretchFactor(2, 1)
        splitter.setSizes([330, 450, 550])  # the tables' numbers are in sight beside the names
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(splitter)
        self._show()

    def set_trackers(self, names: Sequence[str]) -> None:
        """Offer trackers; each has its colour from now on."""
        for name in names:
            self.colors.look(name)
        self.form.set_trackers(names)

    # --- what is shown ------------------------------------------------------------------------------------

    def begin(self, options: BenchmarkOptions) -> None:
        """Show that a run started: what is finished comes again, and trackers of the same benchmark stay."""
        before = self._options
        is_same = before is not None and (before.benchmark, before.root) == (options.benchmark, options.root)
        if not is_same or not options.only_score:
            self.scores = BenchmarkScores(BENCHMARKS[options.benchmark].protocol)
        self._options = options
        self._place = ""
        self._show()
        self.form.set_state("running", self.tr("Reading the ground truth …"))

    def take(self, message: dict[str, Any]) -> None:
        """Take one line of `eval`'s progress."""
        self.scores.take(message)
        if message.get("event") == "sequence":
            self._show_place(message)
            if not self._refresh.isActive():
                self._due.extend((self._show_sequences, self._show_attributes, self._show_curves))
                self._refresh.start(REFRESH_MS)
        elif message.get("event") == "result":
            self._show_totals(message)
            self._show()

    def set_state(self, state: str, text: str = "") -> None:
        """Show "running", "paused" or "idle"."""
        self.form.set_state(state, text)

    # --- building -----------------------------------------------------------------------------------------

    def _make_tables(self) -> Tabs:
        self.sequences, self.attributes = SequenceTable(self.colors), AttributeTable(self.colors)
        self.sequences.replay_requested.connect(self._replay)
        self.sequences.tracker_chosen.connect(self.curves.choose)
        self.sequences.tracker_shown.connect(self._show_tracker)
        self.attributes.attribute_chosen.connect(self._filter_by)
        self.attributes.measure_chosen.connect(self._show)
        self.tabs = Tabs()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.sequences, self.tr("Sequences"))
        self.tabs.addTab(self.attributes, self.tr("Attributes"))
        self.tabs.currentChanged.connect(lambda _place: self._choose_plot())
        return self.tabs

    def _show(self) -> None:
        self._refresh.stop()
        self._due.clear()
        self._show_sequences()
        self._show_attributes()
        self._show_curves()

    def _show_next(self) -> None:
        """Show one part at a time: all together would hold up the image."""
        if self._due:
            self._due.popleft()()
        if self._due:
            self._refresh.start(0)

    def _show_sequences(self) -> None:
        self.sequences.set_scores(self.scores, frozenset(self._hidden))
        for button in (self.form.table, self.form.plot):
            button.setEnabled(bool(self.scores.trackers))

    def _show_attributes(self) -> None:
        self.attributes.set_scores(self.scores)

    def _show_curves(self) -> None:
        self.curves.set_scores(self.scores, frozenset(self._hidden), self.attributes.measure)
        self._choose_plot()

    def _choose_plot(self) -> None:
        """Show the bars beside the table of attributes, if there are any, else the curves."""
        self.curves.show_bars(self.tabs.currentWidget() is self.attributes and bool(self.scores.attributes()))

    def _show_tracker(self, tracker: str, is_shown: bool) -> None:
        self._hidden.discard(tracker) if is_shown else self._hidden.add(tracker)
        self._show_sequences()
        self._show_curves()

    def _show_place(self, message: dict[str, Any]) -> None:
        trackers = () if self._options is None else self._options.trackers
        text = self.tr("{} of {} sequences").format(message.get("done"), message.get("total"))
        if len(trackers) > 1 and message.get("tracker") in trackers:
            place = trackers.index(str(message["tracker"])) + 1
            text += self.tr(", tracker {} of {}").format(place, len(trackers))
        self.form.status.setText(text)

    def _show_totals(self, message: dict[str, Any]) -> None:
        lines = list(message.get("problems") or ())
        for tracker, score in (message.get("trackers") or {}).items():
            values = (
                f"{measure.title} {format_value(number(score.get(measure.key)), measure.digits)}"
                for measure in self.scores.protocol.headline
            )
            lines.append(f"{tracker}: {', '.join(values)}")
        if lines:
            self.form.status.setText("\n".join(lines))

    # --- what the user asks for ---------------------------------------------------------------------------

    def _filter_by(self, attribute: str) -> None:
        self.sequences.filter.setText(attribute)
        self.tabs.setCurrentWidget(self.sequences)

    def _replay_worst(self, tracker: str) -> None:
        sequence = self.scores.worst_sequence(tracker)
        if sequence is not None:
            self.tabs.setCurrentWidget(self.sequences)
            self.sequences.table.choose((sequence, tracker))
            self._replay(sequence, tracker)

    def _replay(self, sequence: str, tracker: str) -> None:
        options, folder = self._options, self.scores.folders.get(tracker)
        if options is not None and folder is not None:
            self.replay_requested.emit(ReplayRequest(options.benchmark, options.root, folder, sequence))
