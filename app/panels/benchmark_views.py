"""What a benchmark came to: curves of all trackers with their legend, tables of sequences and attributes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from PyQt5.QtCore import QEvent, QSignalBlocker, Qt, pyqtSignal
from PyQt5.QtGui import QIcon, QPen, QShowEvent
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from app.panels.attribute_bars import AttributeBars
from app.panels.fields import ComboBox, TextField
from app.panels.number_table import WIDEST_NAME, Column, NumberTable, Row
from app.panels.parts import PlotMaker, color_plot, curve_pen, format_value, legend_entry, make_plot, set_home
from app.panels.tracker_colors import TrackerColors
from app.session.benchmark_scores import BenchmarkScores
from tracker_core.evaluation.protocols import Measure

CLICK_PIXELS = 8  # how near to a curve a click counts


class SequenceTable(QWidget):
    """A row for each sequence and tracker below the means; a double-click asks for the sequence."""

    replay_requested = pyqtSignal(str, str)  # sequence, tracker
    tracker_chosen = pyqtSignal(str)
    tracker_shown = pyqtSignal(str, bool)

    def __init__(self, colors: TrackerColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self._scores: BenchmarkScores | None = None
        self._hidden: frozenset[str] = frozenset()
        self._made: dict[tuple[str, str], tuple[tuple[Any, ...], Row]] = {}  # by tracker and sequence, what they show
        self.filter = TextField()
        self.filter.setPlaceholderText(self.tr("Filter"))
        self.filter.setAccessibleName(self.tr("Show only rows whose sequence, tracker or attribute contains"))
        self.filter.setToolTip(self.tr("A part of the name of a sequence, a tracker or an attribute"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(lambda _text: self._fill())
        self.table = NumberTable(2, self.tr("Results of the sequences"))
        self.table.setToolTip(self.tr("Double-click a row, or press Return, to look at the sequence"))
        self.table.row_activated.connect(lambda key: self.replay_requested.emit(*key) if key[0] else None)
        self.table.row_chosen.connect(lambda key: self.tracker_chosen.emit(key[1]))
        self.table.numbers.ticked.connect(lambda key, is_on: self.tracker_shown.emit(key[1], is_on))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.filter)
        layout.addWidget(self.table, 1)

    def set_scores(self, scores: BenchmarkScores, hidden: frozenset[str]) -> None:
        """Show scores; the curves of the trackers in `hidden` are not shown."""
        if scores is not self._scores:
            self._made.clear()
        self._scores, self._hidden = scores, hidden
        self._fill()

    def _fill(self) -> None:
        if self._scores is None:
            return
        protocol = self._scores.protocol
        titles = {
            "success_auc": self.tr("success"), "precision_20": self.tr("precision"),
            "average_overlap": self.tr("overlap"), "fps": self.tr("fps"), "accuracy": self.tr("accuracy"),
            "robustness": self.tr("robustness"), "failures": self.tr("failures"),
        }  # fmt: skip
        columns = [Column(titles.get(measure.key, measure.title), measure.digits) for measure in protocol.columns]
        rows = [row for tracker, data in self._scores.trackers.items() for row in self._rows(tracker, data)]
        self.table.set_rows([self.tr("sequence"), self.tr("tracker")], columns, rows)

    def _rows(self, tracker: str, data: Mapping[str, Any]) -> list[Row]:
        assert self._scores is not None
        icon, wanted = self._colors.look(tracker).icon(), self.filter.text().casefold()
        count, total = data.get("sequences", 0), data.get("sequences_total")
        mean = self.tr("mean of {}").format(
            count if total in (None, count) else self.tr("{} of {}").format(count, total)
        )
        rows = [
            Row((mean, tracker), self._numbers(data), ("", tracker), icon=icon, is_summary=True,
                is_on=tracker not in self._hidden, tip=self.tr("{}; the box shows its curves").format(tracker)),
        ]  # fmt: skip
        rows += [
            self._row(tracker, name, values, icon)
            for name, values in data.get("per_sequence", {}).items()
            if not wanted
            or any(wanted in text.casefold() for text in (name, tracker, *self._scores.tags.get(name, ())))
        ]
        return rows

    def _row(self, tracker: str, name: str, values: Mapping[str, Any], icon: QIcon) -> Row:
        """Return the row of a sequence: the one that was made before, while what it shows is the same."""
        assert self._scores is not None
        tags, reason = self._scores.tags.get(name, ()), self._scores.reasons.get((name, tracker), "")
        shown, row = self._made.get((tracker, name), (None, None))
        if row is None or shown is None or shown[0] is not values or shown[1:] != (tags, reason):
            tip = "\n".join(filter(None, (name, " ".join(tags), reason)))
            row = Row((f"{name} ⚠" if reason else name, tracker), self._numbers(values), (name, tracker), tip, icon)
            self._made[tracker, name] = (values, tags, reason), row
        return row

    def _numbers(self, values: Mapping[str, Any]) -> tuple[float, ...]:
        assert self._scores is not None
        return tuple(number(values.get(measure.key)) for measure in self._scores.protocol.columns)


class AttributeTable(QWidget):
    """One of the protocol's measures of every tracker on the sequences of each attribute; the best one in bold."""

    attribute_chosen = pyqtSignal(str)
    measure_chosen = pyqtSignal()

    def __init__(self, colors: TrackerColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self._measures: tuple[Measure, ...] = ()
        self.measures = ComboBox()
        self.measures.setAccessibleName(self.tr("Measure by attribute"))
        self.measures.setToolTip(self.tr("What the table and the bars show of each attribute"))
        self.measures.currentIndexChanged.connect(lambda _place: self.measure_chosen.emit())
        self.table = NumberTable(2, self.tr("Scores by attribute"))
        self.table.setToolTip(self.tr("Double-click an attribute to see its sequences"))
        self.table.row_activated.connect(lambda key: self.attribute_chosen.emit(str(key)))
        self._empty = QLabel(self.tr("These sequences have no attributes, or nothing is finished yet."))
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for widget in (self.measures, self.table):
            layout.addWidget(widget)
            widget.hide()
        layout.addWidget(self._empty, 1)

    @property
    def measure(self) -> Measure:
        """The measure that is chosen; there is one once there are scores."""
        return self._measures[max(0, self.measures.currentIndex())]

    def set_scores(self, scores: BenchmarkScores) -> None:
        """Show scores."""
        self._offer(scores.protocol.attribute_measures)
        measure = self.measure
        columns = [
            Column(tracker, measure.digits, self._colors.look(tracker).icon(), f"{tracker}: {measure.title}")
            for tracker in scores.trackers
        ]
        rows = []
        values_by = scores.attribute_values(measure)
        for attribute, by_tracker in scores.attributes().items():
            numbers = tuple(values_by[attribute].values())
            known = [value for value in numbers if not math.isnan(value)]
            top = (max if measure.higher_is_better else min)(known, default=math.nan)
            best = frozenset(place for place, value in enumerate(numbers) if value == top and len(known) > 1)
            counts = [int(values["sequences"]) for values in by_tracker.values() if "sequences" in values]
            title = scores.protocol.attribute_title(attribute)
            rows.append(Row((title, str(max(counts, default=0))), numbers, attribute, best=best))
        self.table.set_rows([self.tr("attribute"), self.tr("sequences")], columns, rows)
        for widget in (self.measures, self.table):
            widget.setVisible(bool(rows))
        self._empty.setVisible(not rows)

    def _offer(self, measures: tuple[Measure, ...]) -> None:
        """Offer a protocol's measures; the one that is chosen stays where the protocol has it."""
        if measures == self._measures:
            return
        key, self._measures = self.measures.currentData(), measures
        with QSignalBlocker(self.measures):
            self.measures.clear()
            for measure in measures:
                self.measures.addItem(measure.title, measure.key)
            self.measures.setCurrentIndex(max(0, self.measures.findData(key)))


class BenchmarkCurves(QWidget):
    """Success and precision of every tracker so far, or bars by attribute, with one legend below.

    A click on a curve asks for its sequence. The plots are made when they are seen first.
    """

    curve_clicked = pyqtSignal(str)  # tracker

    def __init__(self, colors: TrackerColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = colors
        self.bars = AttributeBars(colors)
        curves, self._stack = QWidget(), QStackedWidget()
        self._layout = QHBoxLayout(curves)
        self._layout.setContentsMargins(0, 0, 0, 0)
        for page in (curves, self.bars):
            self._stack.addWidget(page)
        self.legend = QLabel()
        self.legend.setWordWrap(True)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setAccessibleName(self.tr("Legend: success and precision of every tracker"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.legend)
        self.setMinimumWidth(300)
        self._widest = WIDEST_NAME * self.fontMetrics().averageCharWidth()
        self._is_made = False
        self._curves: dict[str, Mapping[str, Any]] = {}
        self._headline: tuple[Measure, ...] = ()
        self._chosen = ""
        self._plots: dict[str, Any] = {}
        self.lines: dict[tuple[str, str], Any] = {}
        self._drawn: dict[tuple[str, str], Any] = {}  # what the lines show

    def set_scores(self, scores: BenchmarkScores, hidden: frozenset[str], measure: Measure) -> None:
        """Draw the curves, and the bars of `measure`, of all trackers that are not `hidden`."""
        self.bars.set_scores(scores, hidden, measure)
        self._headline = scores.protocol.headline
        self._curves = {tracker: data for tracker, data in scores.trackers.items() if tracker not in hidden}
        self._draw()

    def show_bars(self, is_shown: bool) -> None:
        """Show the bars by attribute instead of the curves."""
        self._stack.setCurrentIndex(int(is_shown))

    def choose(self, tracker: str) -> None:
        """Make one tracker's curves stand out."""
        self._chosen = tracker
        for (name, other), line in self.lines.items():
            line.setPen(self._pen(name, other))

    def showEvent(self, event: QShowEvent | None) -> None:
        """Make the plots when they are seen first."""
        super().showEvent(event)
        if not self._is_made:
            self._is_made = True
            PlotMaker(self, (self._make_success, self._make_precision), self._layout, self._take_plots)

    def changeEvent(self, event: QEvent | None) -> None:
        """Take up new colours."""
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._color_plots()
        super().changeEvent(event)

    def _make_success(self) -> Any:
        return self._make_curves(self.tr("Success"), self.tr("overlap"), 1)

    def _make_precision(self) -> Any:
        return self._make_curves(self.tr("Precision"), self.tr("distance in pixels"), 50)

    def _make_curves(self, title: str, bottom: str, widest: float) -> Any:
        plot = make_plot(title, bottom)
        set_home(plot, x=(0, widest), y=(0, 1))
        plot.setToolTip(self.tr("Click a curve to see the sequence in which that tracker did worst"))
        return plot

    def _take_plots(self, plots: list[Any]) -> None:
        self._plots = dict(zip(("success", "precision"), plots, strict=True))
        self._draw()

    def _color_plots(self) -> None:
        for plot in self._plots.values():
            color_plot(plot, self.palette())

    def _draw(self) -> None:
        self.legend.setText("&nbsp; ".join(map(self._legend_of, self._curves)))
        for name, plot in self._plots.items():
            for tracker in [t for (which, t) in self.lines if which == name and t not in self._curves]:
                plot.removeItem(self.lines.pop((name, tracker)))
                del self._drawn[name, tracker]
            for tracker, data in self._curves.items():
                curves = data.get("curves") or {}
                if "success" in curves and (values := curves.get(name)):  # the curves of other protocols are other ones
                    self._draw_line(name, tracker, values)

    def _draw_line(self, name: str, tracker: str, values: Sequence[float | None]) -> None:
        if self._drawn.get((name, tracker)) is not values:
            self._drawn[name, tracker] = values
            xs = np.linspace(0, 1 if name == "success" else len(values) - 1, len(values))
            self._line(name, tracker).setData(xs, np.array([number(value) for value in values]))

    def _line(self, name: str, tracker: str) -> Any:
        line = self.lines.get((name, tracker))
        if line is None:
            line = self.lines[name, tracker] = self._plots[name].plot([], [], pen=self._pen(name, tracker))
            line.setCurveClickable(True, CLICK_PIXELS)
            line.sigClicked.connect(lambda _line, _event: self.curve_clicked.emit(tracker))
        return line

    def _pen(self, name: str, tracker: str) -> QPen:
        look = self._colors.look(tracker)
        return curve_pen(self._plots[name], look.color, 3.5 if tracker == self._chosen else 2.0, look.style)

    def _legend_of(self, tracker: str) -> str:
        look, data = self._colors.look(tracker), self._curves[tracker]
        numbers = "&nbsp;/&nbsp;".join(format_value(number(data.get(one.key)), one.digits) for one in self._headline)
        name = self.fontMetrics().elidedText(tracker, Qt.TextElideMode.ElideMiddle, self._widest)
        shown = escape(name).replace("-", "&#8209;")  # it does not break there
        return legend_entry(look.color, look.style, f"{shown}&nbsp;{numbers}")


def number(value: Any) -> float:
    """Return a number of a JSON line, NaN where there is none."""
    return math.nan if value is None else float(value)
