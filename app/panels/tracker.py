"""The tracker panel: which tracker, with which weights, on which device, and its parameters while it tracks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from PyQt5.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.panels.fields import ComboBox, DecimalField, PathField, Slider, WholeField, with_browse
from tracker_core.config import Range, TrackingConfig, ranges_of


@dataclass(frozen=True)
class Parameter:
    """One line of the panel: a field of `TrackingConfig` with the ends and the step of its slider."""

    name: str
    low: float
    high: float
    step: float
    range: Range

    @property
    def is_whole(self) -> bool:
        """Whether it counts pixels."""
        return self.step >= 1


OF_SECOND = ("second_weight", "second_box_weight")  # of a network that not every tracker has
FIRST = ("window_influence", "penalty_k", "size_lr")  # what is tried first when a target gets lost
PARAMETERS = tuple(
    sorted(
        (Parameter(name, *found.by_hand, found) for name, found in ranges_of(TrackingConfig).items() if found.by_hand),
        key=lambda one: FIRST.index(one.name) if one.name in FIRST else len(FIRST),
    )
)
PRESETS: dict[str, dict[str, float]] = {
    "steady": {"window_influence": 0.5, "penalty_k": 0.2, "size_lr": 0.3},
    "agile": {"window_influence": 0.2, "penalty_k": 0.05, "size_lr": 0.7},
    "wide": {"search_size": 319, "window_influence": 0.4},
}


class ParameterRow:
    """A slider and a number field for one parameter, always of the same value."""

    def __init__(self, parameter: Parameter, text: str, changed: Callable[[], None]) -> None:
        self.parameter = parameter
        self.label = QLabel(text)
        self.slider = Slider()
        self.slider.setRange(0, round((parameter.high - parameter.low) / parameter.step))
        self.slider.setMinimumWidth(60)
        low, high = parameter.range.low, parameter.range.high
        self.field: WholeField | DecimalField
        if parameter.is_whole:
            self.field = WholeField()
            self.field.setRange(int(low), int(high))
            self.field.setSingleStep(int(parameter.step))
        else:
            self.field = DecimalField()
            self.field.setDecimals(2)
            self.field.setRange(low, high)
            self.field.setSingleStep(0.05)
        for widget in (self.slider, self.field):
            widget.setAccessibleName(text)
        self._changed = changed
        self.slider.valueChanged.connect(self._from_slider)
        self.field.valueChanged.connect(self._from_field)

    @property
    def value(self) -> float:
        """The value as the configuration has it."""
        return int(self.field.value()) if self.parameter.is_whole else round(float(self.field.value()), 4)

    def show(self, value: float) -> None:
        """Show a value; says nothing back."""
        with QSignalBlocker(self.slider), QSignalBlocker(self.field):
            if isinstance(self.field, WholeField):
                self.field.setValue(int(value))
            else:
                self.field.setValue(value)
            self.slider.setValue(self._place(value))

    def set_visible(self, is_visible: bool) -> None:
        """Show the row, or leave it out where a tracker has no such parameter."""
        for widget in (self.label, self.slider, self.field):
            widget.setVisible(is_visible)

    def _place(self, value: float) -> int:
        return round((value - self.parameter.low) / self.parameter.step)

    def _from_slider(self, place: int) -> None:
        self.show(self.parameter.low + place * self.parameter.step)
        self._changed()

    def _from_field(self, value: float) -> None:
        self.show(value)
        self._changed()


class TrackerPanel(QWidget):
    """Choice of tracker, weights and device above; parameters below, which count from the next frame on."""

    tracker_chosen = pyqtSignal(str, str, str)  # name, weights, device
    tracking_changed = pyqtSignal(object)  # TrackingConfig
    reset_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tracker_panel")
        self._tracking: TrackingConfig | None = None
        self._told: tuple[str, str, str] | None = None
        layout = QVBoxLayout(self)
        layout.addLayout(self._make_choice())
        layout.addLayout(self._make_parameters())
        layout.addLayout(self._make_presets())
        layout.addStretch(1)
        self._enable(False)

    def set_trackers(self, entries: Sequence[tuple[str, str]], current: str = "") -> None:
        """Offer trackers, each a name and a description."""
        with QSignalBlocker(self.tracker):
            self.tracker.clear()
            for place, (name, description) in enumerate(entries):
                self.tracker.addItem(name, name)
                self.tracker.setItemData(place, description, Qt.ItemDataRole.ToolTipRole)
        self.set_choice(current)

    def set_devices(self, devices: Sequence[str]) -> None:
        """Offer devices; "auto" stands first."""
        with QSignalBlocker(self.device):
            chosen = self.device.currentText() or "auto"
            self.device.clear()
            self.device.addItems(["auto", *devices])
            self.device.setCurrentText(chosen)

    def set_choice(self, name: str, weights: str = "", device: str = "auto") -> None:
        """Show what was chosen; says nothing back."""
        with QSignalBlocker(self.tracker), QSignalBlocker(self.weights), QSignalBlocker(self.device):
            place = self.tracker.findData(name)
            if place >= 0:
                self.tracker.setCurrentIndex(place)
            self.weights.set_path(weights)
            if self.device.findText(device) >= 0:
                self.device.setCurrentText(device)
        self._told = self._choice()

    def set_tracker(self, tracking: TrackingConfig, has_second: bool) -> None:
        """Show the parameters of another tracker, that of a second network only where it has one; says nothing back."""
        for name in OF_SECOND:
            self.rows[name].set_visible(has_second)
        self.set_tracking(tracking)

    def set_tracking(self, tracking: TrackingConfig) -> None:
        """Show parameters; says nothing back."""
        self._tracking = tracking
        for row in self.rows.values():
            row.show(getattr(tracking, row.parameter.name))
        self._enable(True)

    @property
    def tracking(self) -> TrackingConfig | None:
        """The parameters as they are shown, None before a tracker was built."""
        if self._tracking is None:
            return None
        return _with(self._tracking, {name: row.value for name, row in self.rows.items()})

    def _make_choice(self) -> QFormLayout:
        form = QFormLayout()
        self.tracker, self.weights, self.device = ComboBox(), PathField(), ComboBox()
        self.tracker.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.tracker.setMinimumContentsLength(16)
        self.weights.setPlaceholderText(self.tr("built-in"))
        self.device.addItems(["auto", "cpu"])
        line = with_browse(self.weights, self.tr("Weights file"), self._browse)
        form.addRow(self.tr("Tracker:"), self.tracker)
        form.addRow(self.tr("Weights:"), line)
        form.addRow(self.tr("Device:"), self.device)
        self.tracker.setToolTip(self.tr("The tracker that is used from the next frame on, as a further run"))
        self.device.setToolTip(self.tr("Where the networks run; auto takes a GPU if there is one"))
        self.weights.setToolTip(self.tr("A .safetensors file; empty for the weights that come with the tracker"))
        self.tracker.currentIndexChanged.connect(self._on_tracker)
        self.weights.editingFinished.connect(self._on_weights)
        self.device.currentIndexChanged.connect(lambda _index: self._tell_choice())
        return form

    def _make_parameters(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        self.rows: dict[str, ParameterRow] = {}
        for place, parameter in enumerate(PARAMETERS):
            text, tip = self.tr(parameter.range.label), self.tr(parameter.range.text)
            row = ParameterRow(parameter, text, self._tell_tracking)
            for column, widget in enumerate((row.label, row.slider, row.field)):
                widget.setToolTip(tip)
                grid.addWidget(widget, place, column)
            self.rows[parameter.name] = row
        return grid

    def _make_presets(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self.presets = ComboBox()
        self.presets.addItem(self.tr("Presets …"))
        for name, text in (
            ("steady", self.tr("Steady: slow target, much clutter")),
            ("agile", self.tr("Agile: fast target that changes")),
            ("wide", self.tr("Wide: jumps, low frame rate")),
        ):
            self.presets.addItem(text, name)
        self.presets.setAccessibleName(self.tr("Presets of the parameters"))
        self.presets.setToolTip(self.tr("Set several parameters at once, for a kind of video"))
        self.presets.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.presets.activated.connect(self._use_preset)
        self.reset = QPushButton(self.tr("Reset"))
        self.reset.setToolTip(self.tr("The parameters that the tracker was tuned with"))
        self.reset.clicked.connect(self.reset_requested)
        line.addWidget(self.presets, 1)
        line.addWidget(self.reset)
        return line

    def _use_preset(self, place: int) -> None:
        name = self.presets.itemData(place)
        self.presets.setCurrentIndex(0)
        if name in PRESETS and self._tracking is not None:
            self.set_tracking(_with(self._tracking, PRESETS[name]))
            self._tell_tracking()

    def _browse(self, parent: QWidget, title: str, path: str) -> str:
        kinds = self.tr("Weights (*.safetensors);;All files (*)")
        return QFileDialog.getOpenFileName(parent, title, path, kinds)[0]

    def _on_tracker(self, _place: int) -> None:
        self.weights.clear()  # another network's weights would not fit
        self._tell_choice()

    def _on_weights(self) -> None:
        if self.weights.isModified() or self.weights.text():
            self.weights.setModified(False)
            self._tell_choice()

    def _choice(self) -> tuple[str, str, str]:
        return str(self.tracker.currentData() or ""), self.weights.path, self.device.currentText()

    def _tell_choice(self) -> None:
        choice = self._choice()
        if choice != self._told:
            self._told = choice
            self._enable(False)  # until it is loaded: the parameters shown are those of the tracker before
            self.tracker_chosen.emit(*choice)

    def _tell_tracking(self) -> None:
        tracking = self.tracking
        if tracking is not None and tracking != self._tracking:
            self._tracking = tracking
        if tracking is not None:
            self.tracking_changed.emit(tracking)

    def _enable(self, is_on: bool) -> None:
        for row in self.rows.values():
            row.slider.setEnabled(is_on)
            row.field.setEnabled(is_on)
        self.presets.setEnabled(is_on)
        self.reset.setEnabled(is_on)


def _with(tracking: TrackingConfig, values: Mapping[str, float]) -> TrackingConfig:
    return TrackingConfig(**{**asdict(tracking), **values})
