"""The training panel: which recipe on which data, curves while it runs, and its weights in use with one click."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QShowEvent
from PyQt5.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.panels.fields import ComboBox, PathField, TextField, is_file, with_browse
from app.panels.parts import enable_buttons, scrolled
from app.panels.training_plots import TrainingPlots
from app.panels.training_progress import TrainingProgress
from tracker_core.results.provenance import TRAINED_NAMES

STATE_FILE = "state.safetensors"
WEIGHTS = tuple(f"{name}.safetensors" for name in TRAINED_NAMES)  # the first one that is there is used


@dataclass(frozen=True)
class TrainingOptions:
    """What the user wants to train, paths without `~`; `changes` are `key=value` texts, as on the command line."""

    config: str
    data: str
    out: str
    device: str
    changes: tuple[str, ...]

    @property
    def is_resumable(self) -> bool:
        """Whether the folder holds a training run that can be resumed."""
        return bool(self.out) and is_file(Path(self.out) / STATE_FILE)

    def arguments(self) -> list[str]:
        """Return the command that carries it out, or resumes it."""
        command = ["train", "--config", self.config, "--out", self.out]
        command += ["--device", self.device, "--progress", "json"]
        if self.is_resumable:
            command.append("--resume")
        data = [f"data.root={self.data}"] if self.data else []
        return [*command, *data, *self.changes]


class TrainingPanel(QWidget):
    """Options on the left, the loss and the validation beside them."""

    run_requested = pyqtSignal(object)  # TrainingOptions
    stop_requested = pyqtSignal()
    weights_chosen = pyqtSignal(str)
    back_requested = pyqtSignal()  # to the tracker before the run's weights
    data_named = pyqtSignal(str, str)  # recipe, folder

    def __init__(self, configs: Sequence[Path], out: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training_panel")
        self._is_running = self._is_stopping = False
        self._progress = TrainingProgress()
        self._earlier = ""
        splitter = QSplitter()
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(scrolled(self._make_form(configs, out)))
        self.plots = TrainingPlots()
        splitter.addWidget(self.plots)
        splitter.setStretchFactor(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(splitter)
        self._show_state()

    def options(self) -> TrainingOptions:
        """Return what is to be run; raises ValueError where a quote of the changes is not closed."""
        return TrainingOptions(
            self.recipe,
            self.data.path,
            self.out.path,
            self.device.currentText(),
            tuple(shlex.split(self.changes.text())),
        )

    @property
    def recipe(self) -> str:
        """The file of the chosen recipe."""
        return str(self.config.currentData() or self.config.currentText().strip())

    def set_devices(self, devices: Sequence[str]) -> None:
        """Offer devices; "auto" comes first."""
        self.device.clear()
        self.device.addItems(list(devices))

    # --- what is shown ------------------------------------------------------------------------------------

    def begin(self, is_resumed: bool) -> None:
        """Show that a run starts; the curves of a resumed one stay."""
        self._progress.begin(is_resumed)
        self._is_stopping = False
        self.plots.draw(*self.curves())
        self.set_running(True, self._progress.text)

    def take(self, message: dict[str, Any]) -> None:
        """Take one line of `train`'s progress."""
        self._progress.take(message)
        self.status.setText(self._progress.text)
        self.plots.draw(*self.curves())

    def show_stopping(self) -> None:
        """Show that the run was asked to stop."""
        self._is_stopping = True
        self._progress.note_stop()
        self.set_running(True, self._progress.text)

    def end(self, is_stopped: bool) -> None:
        """Show that the run came to its end, or was stopped before it did."""
        if not is_stopped or self._progress.is_complete:
            self.set_running(False)
        elif self._is_resumable:
            self.set_running(False, self.tr("Stopped; 'Resume' continues after the last step that was saved."))
        else:
            self.set_running(False, self.tr("Stopped before a step was saved; 'Start' begins again."))

    def set_running(self, is_running: bool, text: str = "") -> None:
        """Show whether a training run is in progress."""
        self._is_running = is_running
        self._is_stopping = self._is_stopping and is_running
        if text:
            self.status.setText(text)
        self._show_state()

    def curves(self) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        """Return (step, loss) and (step, success) so far."""
        return list(self._progress.losses), list(self._progress.scores)

    # --- building -----------------------------------------------------------------------------------------

    def _make_form(self, configs: Sequence[Path], out: Path) -> QWidget:
        holder = QWidget()
        form = QFormLayout(holder)
        form.setContentsMargins(4, 4, 4, 4)
        form.setVerticalSpacing(3)
        self.config, self.device = ComboBox(), ComboBox()
        self.data, self.out, self.changes = PathField(), PathField(), TextField()
        self.out.set_path(out)
        for path in configs:
            self.config.addItem(path.stem, str(path))
        self.config.setAccessibleName(self.tr("Recipe"))
        self.device.addItem("auto")
        self.device.setAccessibleName(self.tr("Device"))
        self.config.setToolTip(self.tr("What is trained and how: network, data, steps"))
        self.device.setToolTip(self.tr("Where it trains; auto takes a GPU if there is one"))
        self.out.setToolTip(self.tr("Checkpoints and curves go there; a run that is there already is continued"))
        self.data.setPlaceholderText(self.tr("folder of the data"))
        self.data.setToolTip(self.tr("The folder of the data, or the one around it"))
        self.changes.setPlaceholderText("loop.steps=2000")
        self.changes.setToolTip(self.tr("Settings of the recipe, with spaces between: loop.steps=2000 loop.batch=16"))
        self.changes.setAccessibleName(self.tr("Changes to the recipe"))
        self.other = QPushButton(self.tr("Other…"))
        self.other.setToolTip(self.tr("Choose a recipe of your own, a YAML file"))
        self.other.clicked.connect(self._browse_config)
        recipe = QHBoxLayout()
        recipe.addWidget(self.config, 1)
        recipe.addWidget(self.other)
        form.addRow(self.tr("Recipe:"), recipe)
        form.addRow(self.tr("Data:"), with_browse(self.data, self.tr("Folder of the training data")))
        self.data.editingFinished.connect(self._name_data)
        self.config.currentIndexChanged.connect(self._name_data)
        form.addRow(self.tr("Output:"), with_browse(self.out, self.tr("Folder of the training run")))
        form.addRow(self.tr("Device:"), self.device)
        form.addRow(self.tr("Changes:"), self.changes)
        self.start, self.stop = QPushButton(), QPushButton(self.tr("Stop"))
        self.use = QPushButton()
        self.start.clicked.connect(self._ask_run)
        self.stop.clicked.connect(self.stop_requested)
        self.use.clicked.connect(self._use_weights)
        self.out.textChanged.connect(lambda _text: self._show_state())
        line = QHBoxLayout()
        for button in (self.start, self.stop, self.use):
            line.addWidget(button)
        form.addRow(line)
        self.found = QLabel()  # below the buttons: a sentence that comes while one is pressed must not move it away
        self.found.setWordWrap(True)
        self.found.hide()
        form.addRow(self.found)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        form.addRow(self.status)
        return holder

    def _browse_config(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, self.tr("Recipe"), str(self.config.currentData() or ""), self.tr("Recipes (*.yaml *.yml)")
        )
        if path:
            self.add_config(Path(path))

    def add_config(self, path: Path) -> None:
        """Offer one more recipe, and choose it."""
        place = self.config.findData(str(path))
        if place < 0:
            self.config.addItem(path.stem, str(path))
            place = self.config.count() - 1
        self.config.setCurrentIndex(place)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Look at the folder again."""
        super().showEvent(event)
        self._show_state()  # the folder may have changed since

    def show_data(self, sentence: str, is_complete: bool) -> None:
        """Say what was found of the recipe's data."""
        self.found.setText(sentence if is_complete else "⚠ " + sentence)
        self.found.setVisible(bool(sentence))

    def show_way_back(self, tracker: str) -> None:
        """Offer the way back to a tracker from this run's weights; "" offers the weights."""
        self._earlier = tracker
        self._show_state()

    # --- acting -------------------------------------------------------------------------------------------

    def _ask_run(self) -> None:
        try:
            self.run_requested.emit(self.options())
        except ValueError:
            self.status.setText(self.tr("A quotation mark in the changes is not closed."))

    def _name_data(self) -> None:
        folder = self.data.path
        self.show_data("", True)
        if folder:
            self.data_named.emit(self.recipe, folder)

    def _use_weights(self) -> None:
        path = self._weights()
        if self._earlier:
            self.back_requested.emit()
        elif path is not None:
            self.weights_chosen.emit(str(path))

    def _weights(self) -> Path | None:
        folder = self.out.path
        paths = [Path(folder) / name for name in WEIGHTS] if folder else []
        return next((path for path in paths if is_file(path)), None)

    @property
    def _is_resumable(self) -> bool:
        return bool(self.out.path) and is_file(Path(self.out.path) / STATE_FILE)

    def _show_state(self) -> None:
        is_resumable = self._is_resumable
        self.start.setText(self.tr("Resume") if is_resumable else self.tr("Start"))
        self.start.setToolTip(
            self.tr("Continue the training run in the output folder") if is_resumable else self.tr("Start training")
        )
        enable_buttons({self.start: not self._is_running, self.stop: self._is_running})
        self.stop.setText(self.tr("Force…") if self._is_stopping else self.tr("Stop"))
        self.stop.setToolTip(
            self.tr("It finishes the step and saves it; click to end it without")
            if self._is_stopping
            else self.tr("Finish the step in progress, save it and stop")
        )
        self.use.setEnabled(bool(self._earlier) or self._weights() is not None)
        self.use.setText(
            self.tr("Back to {}").format(self._earlier) if self._earlier else self.tr("Track with its weights")
        )
        self.use.setToolTip(
            self.tr("Choose the tracker that was used before this run's weights")
            if self._earlier
            else self.tr("Choose the best weights of the training run in the output folder as tracker")
        )
        for widget in (self.config, self.other, self.data, self.out, self.device, self.changes):
            widget.setEnabled(not self._is_running)
