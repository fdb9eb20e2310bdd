"""The log, as it is written."""

from __future__ import annotations

import contextlib
import logging

from PyQt5.QtCore import QObject, pyqtSignal
from PyQt5.QtGui import QFontDatabase, QTextCharFormat, QTextCursor
from PyQt5.QtWidgets import QApplication, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.panels.fields import ComboBox
from tracker_core.sources.addresses import hide_credentials_in

MOST_LINES = 2000
LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)


class PrivateFormatter(logging.Formatter):
    """Formats records without the credentials of the addresses in them."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one text."""
        return hide_credentials_in(super().format(record))


class LogRelay(QObject):
    """Carries records from whatever thread logs to the window's."""

    arrived = pyqtSignal(int, str)


class PanelHandler(logging.Handler):
    """A logging handler that hands formatted records to a relay; silent once the relay is gone."""

    def __init__(self, relay: LogRelay) -> None:
        super().__init__(logging.DEBUG)
        self._relay = relay
        self.setFormatter(PrivateFormatter("%(asctime)s  %(levelname)-7s  %(name)s: %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        # The window may be gone while a thread still logs. The logger goes through its handlers now: one that
        # took itself off their list here would keep the record from the next one.
        with contextlib.suppress(RuntimeError):
            self._relay.arrived.emit(record.levelno, self.format(record))


class LogPanel(QWidget):
    """The last lines of the log, from a level on, to be read and copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("log_panel")
        self._records: list[tuple[int, str]] = []
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(MOST_LINES)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setAccessibleName(self.tr("Log"))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.level = ComboBox()
        for level in LEVELS:
            self.level.addItem(logging.getLevelName(level).capitalize(), level)
        self.level.setCurrentIndex(1)
        self.level.setAccessibleName(self.tr("Lowest level that is shown"))
        self.level.currentIndexChanged.connect(lambda _index: self._show_all())
        copy, clear = QPushButton(self.tr("Copy")), QPushButton(self.tr("Clear"))
        self.level.setToolTip(self.tr("Show messages of this importance and above"))
        copy.setToolTip(self.tr("Copy the lines that are shown"))
        clear.setToolTip(self.tr("Empty this list; the log file keeps its lines"))
        copy.clicked.connect(self.copy)
        clear.clicked.connect(self.clear)
        line = QHBoxLayout()
        line.addWidget(self.level)
        line.addStretch(1)
        line.addWidget(copy)
        line.addWidget(clear)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(line)
        layout.addWidget(self.text, 1)
        self._relay = LogRelay(self)
        # from other threads it comes queued, as Qt connects by default
        self._relay.arrived.connect(self.add)
        self.handler = PanelHandler(self._relay)
        logging.getLogger().addHandler(self.handler)
        handler = self.handler  # not through self: the panel is gone by then
        self.destroyed.connect(lambda: logging.getLogger().removeHandler(handler))

    def add(self, level: int, line: str) -> None:
        """Append a line."""
        self._records.append((level, line))
        del self._records[:-MOST_LINES]
        if level >= self.level.currentData():
            self._append(level, line)

    def copy(self) -> None:
        """Copy the shown lines."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text.toPlainText())

    def clear(self) -> None:
        """Forget all lines; the file keeps them."""
        self._records.clear()
        self.text.clear()

    def _show_all(self) -> None:
        self.text.clear()
        for level, line in self._records:
            if level >= self.level.currentData():
                self._append(level, line)

    def _append(self, level: int, line: str) -> None:
        form = QTextCharFormat()
        if level >= logging.WARNING:
            form.setFontWeight(75)
        bar = self.text.verticalScrollBar()
        follows = bar is None or bar.value() == bar.maximum()
        document = self.text.document()
        assert document is not None
        cursor = QTextCursor(document)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        if not document.isEmpty():
            cursor.insertBlock()
        cursor.insertText(line, form)
        if follows and bar is not None:
            bar.setValue(bar.maximum())
