"""Asking with which tracker and parameters the same boxes are to be tracked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGridLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.buttons import make_buttons
from app.panels.fields import ComboBox
from app.panels.tracker import OF_SECOND, PARAMETERS, ParameterRow
from tracker_core.config import TrackerConfig, TrackingConfig

SHOWN_TRACKERS = 6  # without scrolling


class RerunDialog(QDialog):
    """A tracker, and its parameters as it was tuned, as they are now, or changed by hand.

    `tuned` returns the configuration that a tracker of that name came with; `current` are the parameters in the
    tracker panel, of the tracker `name`.
    """

    def __init__(
        self,
        trackers: Sequence[tuple[str, str]],
        name: str,
        current: TrackingConfig | None,
        tuned: Callable[[str], TrackerConfig],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Re-run with"))
        self._name, self._current, self._tuned = name, current, tuned
        self._base = TrackingConfig()
        self.tracker, self.parameters = ComboBox(), ComboBox()
        for place, (tracker, description) in enumerate(trackers):
            self.tracker.addItem(tracker, tracker)
            self.tracker.setItemData(place, description, Qt.ItemDataRole.ToolTipRole)
        self.tracker.setToolTip(self.tr("The tracker that tracks the same boxes again"))
        self.parameters.setToolTip(self.tr("Where its parameters begin; they can be changed below"))
        form = QFormLayout()
        form.addRow(self.tr("Tracker:"), self.tracker)
        form.addRow(self.tr("Parameters:"), self.parameters)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(self.tr("The same boxes are tracked again, as another run; this one stays.")))
        layout.addLayout(form)
        layout.addLayout(self._make_rows())
        layout.addWidget(QLabel(self.tr("Afterwards also with, as they were tuned:")))
        layout.addWidget(self._make_list(trackers))
        buttons = make_buttons(self, QDialogButtonBox.StandardButton.Cancel)
        start = buttons.addButton(self.tr("Track"), QDialogButtonBox.ButtonRole.AcceptRole)
        assert start is not None
        buttons.accepted.connect(self.accept)
        layout.addWidget(buttons)
        start.setDefault(True)  # only now the dialog hears of it
        self.tracker.setCurrentIndex(max(0, self.tracker.findData(name)))
        self._offer()
        self.tracker.currentIndexChanged.connect(lambda _place: self._offer())
        self.parameters.currentIndexChanged.connect(lambda _place: self._show())

    @property
    def tracker_name(self) -> str:
        """The tracker that was chosen."""
        return str(self.tracker.currentData() or "")

    @property
    def tracking(self) -> TrackingConfig:
        """The parameters that were chosen."""
        values: Mapping[str, float] = {name: row.value for name, row in self.rows.items()}
        return TrackingConfig(**{**asdict(self._base), **values})

    @property
    def further(self) -> list[str]:
        """The trackers that come after the first one, each with the parameters that it was tuned with."""
        items = [item for row in range(self.others.count()) if (item := self.others.item(row)) is not None]
        ticked = [item.text() for item in items if item.checkState() == Qt.CheckState.Checked]
        return [name for name in ticked if name != self.tracker_name or self.parameters.currentData() != "tuned"]

    def _make_list(self, trackers: Sequence[tuple[str, str]]) -> QListWidget:
        self.others = QListWidget()
        self.others.setAccessibleName(self.tr("Further trackers"))
        self.others.setToolTip(self.tr("They track one after another, as fast as possible, each as a run of its own"))
        self.others.setMaximumHeight(SHOWN_TRACKERS * self.others.fontMetrics().height() * 3 // 2)
        for name, description in trackers:
            item = QListWidgetItem(name)
            item.setCheckState(Qt.CheckState.Unchecked)
            item.setToolTip(description)
            self.others.addItem(item)
        return self.others

    def _make_rows(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        self.rows: dict[str, ParameterRow] = {}
        for place, parameter in enumerate(PARAMETERS):
            row = ParameterRow(parameter, self.tr(parameter.range.label), lambda: None)
            for column, widget in enumerate((row.label, row.slider, row.field)):
                widget.setToolTip(self.tr(parameter.range.text))
                grid.addWidget(widget, place, column)
            self.rows[parameter.name] = row
        return grid

    def _offer(self) -> None:
        """Offer the parameters that go with the tracker that is chosen."""
        self.parameters.clear()
        if self.tracker_name == self._name and self._current is not None:
            self.parameters.addItem(self.tr("as they are now"), "now")
        self.parameters.addItem(self.tr("as it was tuned"), "tuned")
        self._show()

    def _show(self) -> None:
        if self.parameters.currentData() is None:
            return  # they are being offered
        is_now = self.parameters.currentData() == "now" and self._current is not None
        tuned = self._tuned(self.tracker_name)
        self._base = self._current if is_now and self._current is not None else tuned.tracking
        for name in OF_SECOND:
            self.rows[name].set_visible(bool(tuned.second.network.kind))
        values = asdict(self._base)
        for name, row in self.rows.items():
            row.show(values[name])
