"""Asking for a whole number."""

from __future__ import annotations

from PyQt5.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QWidget

from app.dialogs.buttons import make_buttons
from app.panels.fields import WholeField


class NumberDialog(QDialog):
    """One field with a text before it."""

    def __init__(self, title: str, text: str, value: int, low: int, high: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.field = WholeField()
        self.field.setRange(low, high)
        self.field.setValue(value)
        self.field.selectAll()
        buttons = make_buttons(self, QDialogButtonBox.StandardButton.Ok, QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        form = QFormLayout(self)
        form.addRow(text, self.field)
        form.addRow(buttons)


def ask_number(parent: QWidget, title: str, text: str, value: int, low: int, high: int) -> int | None:
    """Let the user change `value` within `low` to `high`; None if they would rather not."""
    dialog = NumberDialog(title, text, value, low, high, parent)
    return dialog.field.value() if dialog.exec_() == QDialog.DialogCode.Accepted else None
