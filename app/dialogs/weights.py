"""The list of weights: what is here, where it comes from, how good and how fast it is; importing and checking."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.asking import ask_choice
from app.dialogs.buttons import make_buttons, resize_to_text
from app.panels.number_table import Column, NumberTable, Row


class WeightsDialog(QDialog):
    """Shows entries of `weights list` and asks for what shall be done with them; it stays open beside the window."""

    check_requested = pyqtSignal()
    import_requested = pyqtSignal(str, str)  # file, name ("" is the network's own)
    measure_requested = pyqtSignal(str)
    remove_requested = pyqtSignal(str)
    use_requested = pyqtSignal(str)

    def __init__(self, known_names: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Weights"))
        self._known_names = known_names
        self._entries: dict[str, Mapping[str, Any]] = {}
        self._is_busy = False
        self._folder = ""
        self.table = NumberTable(1, self.tr("Weights"), widest=30)
        self.table.row_chosen.connect(lambda _name: self._show_chosen())
        self.table.row_activated.connect(lambda _name: self._use())
        self.table.setToolTip(self.tr("Double-click weights, or press Return, to track with them"))
        self.facts, self.status = QLabel(), QLabel()
        for label in (self.facts, self.status):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.facts.setAccessibleName(self.tr("About the chosen weights"))
        self.status.setAccessibleName(self.tr("State"))
        self.buttons = make_buttons(self, QDialogButtonBox.StandardButton.Close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.facts)
        layout.addLayout(self._make_actions())
        layout.addWidget(self.status)
        layout.addWidget(self.buttons)
        resize_to_text(self, 172, 28)
        self._show_chosen()

    def begin(self, text: str) -> None:
        """Show that something is in progress."""
        self._is_busy = True
        self.status.setText(text)
        self._show_chosen()

    def end(self, text: str, is_wrong: bool = False) -> None:
        """Show what came of it."""
        self._is_busy = False
        self.status.setText(text)
        self.status.setStyleSheet("font-weight: bold" if is_wrong else "")
        self._show_chosen()

    def show_progress(self, text: str) -> None:
        """Show how far it is."""
        self.status.setText(text)

    def set_entries(self, entries: Mapping[str, Mapping[str, Any]]) -> None:
        """Show weights: name → entry of `weights list`, with `speed`."""
        self._entries = dict(entries)
        names = [
            self.tr("name"), self.tr("network"), self.tr("success / precision"), self.tr("licence"), self.tr("origin"),
        ]  # fmt: skip
        columns = [
            Column(self.tr("updates/s"), 0, tip=self.tr("Speed on this machine; 'Measure speed' finds it")),
            Column(self.tr("MB"), 1, tip=self.tr("Size of the file, in megabytes")),
            Column(self.tr("params (M)"), 2, tip=self.tr("Parameters, in millions")),
        ]
        self.table.set_rows(names, columns, [self._row(name, entry) for name, entry in entries.items()])
        if self.table.chosen is None and entries:
            self.table.choose(next(iter(entries)))
        self._show_chosen()

    def choose(self, name: str) -> None:
        """Choose weights."""
        self.table.choose(name)

    def _row(self, name: str, entry: Mapping[str, Any]) -> Row:
        speed = entry.get("speed") or {}
        problem = str(entry.get("problem") or "")
        texts = (
            f"{name} ⚠" if problem else name,
            str(entry["network"]),
            _first(entry.get("score") or "–"),
            _first(entry["licence"]),
            self.tr("shipped") if entry.get("is_shipped") else self.tr("imported"),
        )
        numbers = (
            float(speed.get("updates_per_second", math.nan)),
            float(entry["bytes"]) / 1e6,
            float(entry["parameters"]) / 1e6 if entry["parameters"] else math.nan,
        )
        return Row(texts, numbers, name, tip=f"{name}\n{problem}".strip())

    def _make_actions(self) -> QHBoxLayout:
        self.use = QPushButton(self.tr("&Track with them"))
        self.measure = QPushButton(self.tr("&Measure speed"))
        self.check = QPushButton(self.tr("&Verify all"))
        self.import_ = QPushButton(self.tr("&Import…"))
        self.remove = QPushButton(self.tr("&Delete…"))
        self.use.setToolTip(self.tr("Use these weights from the next frame on"))
        self.measure.setToolTip(self.tr("Track the bundled clip for a moment and keep the speed"))
        self.check.setToolTip(self.tr("Read every file and compare its SHA-256 with the catalogue"))
        self.import_.setToolTip(self.tr("Bring in a checkpoint of PySOT or DaSiamRPN, or one of your own training"))
        self.remove.setToolTip(self.tr("Delete imported weights"))
        self.use.clicked.connect(self._use)
        self.measure.clicked.connect(lambda: self.measure_requested.emit(self._chosen()))
        self.check.clicked.connect(self.check_requested)
        self.import_.clicked.connect(self._ask_import)
        self.remove.clicked.connect(self._ask_remove)
        line = QHBoxLayout()
        for button in (self.use, self.measure, self.check, self.import_, self.remove):
            button.setAutoDefault(False)  # Return belongs to the table
            line.addWidget(button)
        return line

    def _chosen(self) -> str:
        return str(self.table.chosen or "")

    def _show_chosen(self) -> None:
        entry = self._entries.get(self._chosen())
        is_good = entry is not None and not entry.get("problem")
        self.use.setEnabled(is_good)
        self.measure.setEnabled(is_good and not self._is_busy)
        self.remove.setEnabled(entry is not None and not entry.get("is_shipped") and not self._is_busy)
        self.check.setEnabled(not self._is_busy)
        self.import_.setEnabled(not self._is_busy)
        self.facts.setText("" if entry is None else self._describe(entry))

    def _describe(self, entry: Mapping[str, Any]) -> str:
        speed = entry.get("speed") or {}
        lines = [
            str(entry.get("problem") or ""),
            self.tr("Source: {}").format(entry["source"]),
            self.tr("Success / precision: {}").format(entry["score"]) if entry.get("score") else "",
            self.tr("Licence: {}; used by: {}").format(entry["licence"], entry["used_by"]),
            self.tr("File: {}").format(entry["path"]),
            self.tr("SHA-256: {}").format(entry["sha256"] or "–"),
        ]
        if speed:
            measured = self.tr("Speed: {:.0f} updates/s, one target ({}, {})")
            lines.append(measured.format(speed["updates_per_second"], speed["device"], speed["runtime"]))
        return "\n".join(filter(None, lines))

    def _use(self) -> None:
        if self.use.isEnabled():
            self.use_requested.emit(self._chosen())

    def _ask_import(self) -> None:
        kinds = self.tr("Checkpoints (*.pth *.pth.tar *.tar *.pt *.model *.safetensors);;All files (*)")
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Import weights"), self._folder, kinds)
        if not path:
            return
        self._folder = path
        text = self.tr(
            "Store as (empty: the network's own name, with a number where it is taken; a published name also says "
            "which network it is):"
        )
        name = ask_choice(self, self.tr("Import weights"), text, ["", *self._known_names], is_editable=True)
        if name is not None:
            self.import_requested.emit(path, name.strip())

    def _ask_remove(self) -> None:
        name = self._chosen()
        question = self.tr(
            "Delete the weights '{}'?\n\nResults that were tracked with them stay, but can no longer be explained "
            "(heat map, anchors) or tracked again."
        )
        answer = QMessageBox.question(self, self.tr("Delete weights"), question.format(name))
        if answer == QMessageBox.StandardButton.Yes:
            self.remove_requested.emit(name)


def _first(text: object) -> str:
    """Return a text without what stands in brackets after it; the facts below the table have all of it."""
    return str(text).partition(" (")[0]
