"""Preferences: theme, what happens on loss, what is used by default, and every key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.commands import Command, find_conflicts, plain, translated
from app.dialogs.buttons import make_buttons, resize_to_text
from app.panels.fields import ComboBox, PathField, Tabs, WholeField
from app.settings import RECORD_MOST, Settings


class PreferencesDialog(QDialog):
    """Shows preferences and returns changed ones from `settings()`; nothing is changed in place.

    `trackers` can be the default one, `commands` can be given other keys.
    """

    def __init__(
        self,
        settings: Settings,
        trackers: Sequence[str],
        commands: Sequence[Command],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._commands = commands
        self._defaults = {command.id: command.default_key for command in commands}
        self.setWindowTitle(self.tr("Preferences"))
        self._settings = settings
        tabs = Tabs()
        tabs.addTab(self._make_general(trackers), self.tr("General"))
        tabs.addTab(self._make_keys(), self.tr("Keys"))
        self.buttons = make_buttons(self, QDialogButtonBox.StandardButton.Ok, QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.addWidget(tabs, 1)
        layout.addWidget(self.buttons)
        resize_to_text(self, 84, 32)
        self._check_conflicts()

    def settings(self) -> Settings:
        """Return the preferences as they stand in the dialog."""
        return replace(
            self._settings,
            theme=str(self.theme.currentData()),
            pause_on_lost=self.pause_on_lost.isChecked(),
            loop=self.loop.isChecked(),
            autosave=self.autosave.isChecked(),
            record=self.record.isChecked(),
            record_minutes=self.record_minutes.value(),
            record_gigabytes=self.record_gigabytes.value(),
            tracker=str(self.tracker.currentData() or ""),
            shortcuts=self.shortcuts(),
        )

    def shortcuts(self) -> dict[str, str]:
        """Return the keys that are not the default ones, by action."""
        return {name: key for name, key in self._keys.items() if key != self._defaults[name]}

    def _make_general(self, trackers: Sequence[str]) -> QWidget:
        page = QWidget()
        form = QFormLayout(page)
        self.theme = ComboBox()
        for name, text in (
            ("auto", self.tr("follow system")),
            ("light", self.tr("light")),
            ("dark", self.tr("dark")),
        ):
            self.theme.addItem(text, name)
        self.theme.setCurrentIndex(max(0, self.theme.findData(self._settings.theme)))
        self.tracker = ComboBox()
        self.tracker.addItem(self.tr("built-in"), "")
        for name in trackers:
            self.tracker.addItem(name, name)
        self.tracker.setCurrentIndex(max(0, self.tracker.findData(self._settings.tracker)))
        self.pause_on_lost = QCheckBox(self.tr("Pause when a target is lost"))
        self.pause_on_lost.setChecked(self._settings.pause_on_lost)
        self.loop = QCheckBox(self.tr("Loop"))
        self.loop.setChecked(self._settings.loop)
        self.autosave = QCheckBox(self.tr("Keep results after a crash, and reopen them with the file"))
        self.autosave.setChecked(self._settings.autosave)
        self.record = QCheckBox(self.tr("Record cameras and streams from when they are opened"))
        self.record.setChecked(self._settings.record)
        self.record_minutes = self._amount("record_minutes", self.tr(" min"), self.tr("Minutes that are kept"))
        self.record_gigabytes = self._amount("record_gigabytes", self.tr(" GB"), self.tr("Gigabytes that are kept"))
        kept = QHBoxLayout()
        for part in (self.record_minutes, QLabel(self.tr("and at most")), self.record_gigabytes):
            kept.addWidget(part)
        kept.addStretch()
        for widget, tip in (
            (self.theme, self.tr("Colours of the window")),
            (self.tracker, self.tr("The tracker that is chosen when the window opens")),
            (self.pause_on_lost, self.tr("Stop playing in the frame in which a target is lost")),
            (self.loop, self.tr("Begin again at the end, or at the end of the range A–B")),
            (self.autosave, self.tr("Save every result as it is found")),
            (self.record, self.tr("Into your Videos folder; without it, File → Record camera or stream does")),
        ):
            widget.setToolTip(tip)
        form.addRow(self.tr("Theme:"), self.theme)
        form.addRow(self.tr("Default tracker:"), self.tracker)
        form.addRow("", self.pause_on_lost)
        form.addRow("", self.loop)
        form.addRow("", self.autosave)
        form.addRow("", self.record)
        form.addRow(self.tr("Keep of recordings:"), kept)
        if self._settings.path is not None:
            where = PathField()
            where.set_path(self._settings.path)
            where.setReadOnly(True)
            where.setAccessibleName(self.tr("File of these preferences"))
            where.setToolTip(self.tr("The file of these preferences"))
            form.addRow(self.tr("Kept in:"), where)
        return page

    def _amount(self, name: str, unit: str, title: str) -> WholeField:
        """Return a field for one of the recording's limits."""
        field = WholeField()
        field.setAccessibleName(title)
        field.setToolTip(self.tr("What is older goes, so that a recording never fills the disk"))
        field.setRange(1, RECORD_MOST[name])
        field.setSuffix(unit)
        field.setValue(getattr(self._settings, name))
        return field

    def _make_keys(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        self._ids = [command.id for command in self._commands]
        self._keys = {**self._defaults, **{k: v for k, v in self._settings.shortcuts.items() if k in self._defaults}}
        self.table = QTableWidget(len(self._ids), 2)
        self.table.setHorizontalHeaderLabels([self.tr("Action"), self.tr("Key")])
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setAccessibleName(self.tr("Keys of the actions"))
        self.table.setToolTip(self.tr("Choose an action, then press its new key in the field below"))
        self.table.setTabKeyNavigation(False)
        rows, header = self.table.verticalHeader(), self.table.horizontalHeader()
        assert rows is not None and header is not None
        rows.hide()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for row, command in enumerate(self._commands):
            self.table.setItem(row, 0, QTableWidgetItem(plain(translated(command.text))))
            self.table.setItem(row, 1, QTableWidgetItem())
            self._show_key(row)
        self.table.currentCellChanged.connect(lambda *_cells: self._show_editor())
        layout.addWidget(self.table, 1)
        line = QHBoxLayout()
        self.editor = QKeySequenceEdit()
        self.editor.setAccessibleName(self.tr("New key of the chosen action"))
        self.editor.keySequenceChanged.connect(self._take_key)
        clear, default = QPushButton(self.tr("No key")), QPushButton(self.tr("Default"))
        every = QPushButton(self.tr("All defaults"))
        self.editor.setToolTip(self.tr("Click here and press the new key of the chosen action"))
        clear.setToolTip(self.tr("Leave the chosen action without a key"))
        default.setToolTip(self.tr("Give the chosen action the key that it came with"))
        every.setToolTip(self.tr("Give every action the key that it came with"))
        clear.clicked.connect(lambda: self._set_key(""))
        default.clicked.connect(lambda: self._set_key(self._defaults[self._current()]))
        every.clicked.connect(self._reset_all)
        line.addWidget(QLabel(self.tr("New key:")))
        line.addWidget(self.editor, 1)
        for button in (clear, default, every):
            line.addWidget(button)
        layout.addLayout(line)
        self.conflicts = QLabel()
        self.conflicts.setWordWrap(True)
        layout.addWidget(self.conflicts)
        self.table.selectRow(0)
        return page

    def choose(self, action: str) -> None:
        """Select the line of an action."""
        self.table.selectRow(self._ids.index(action))

    def _current(self) -> str:
        return self._ids[max(0, self.table.currentRow())]

    def _show_editor(self) -> None:
        self.editor.blockSignals(True)
        self.editor.setKeySequence(QKeySequence(self._keys[self._current()]))
        self.editor.blockSignals(False)

    def _take_key(self, sequence: QKeySequence) -> None:
        # a sequence of several keys would leave the first of them dead for everything else
        self._set_key(QKeySequence(sequence[0]).toString() if sequence.count() else "")

    def _set_key(self, key: str) -> None:
        self._keys[self._current()] = key
        self._show_key(max(0, self.table.currentRow()))
        self._show_editor()
        self._check_conflicts()

    def _reset_all(self) -> None:
        self._keys = dict(self._defaults)
        for row in range(len(self._ids)):
            self._show_key(row)
        self._show_editor()
        self._check_conflicts()

    def _show_key(self, row: int) -> None:
        item = self.table.item(row, 1)
        if item is not None:
            item.setText(QKeySequence(self._keys[self._ids[row]]).toString(QKeySequence.SequenceFormat.NativeText))

    def _check_conflicts(self) -> None:
        twice = find_conflicts(self._commands, self._keys)
        names = {command.id: plain(translated(command.text)) for command in self._commands}
        texts = [
            self.tr("{}: {}").format(key, ", ".join(names[name] for name in actions)) for key, actions in twice.items()
        ]
        self.conflicts.setText(self.tr("Shortcut conflict: {}").format("; ".join(texts)) if texts else "")
        button = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        if button is not None:
            button.setEnabled(not twice)
