"""Asking for one thing: a whole number, a line of text, one of several."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QWidget

from app.dialogs.buttons import make_buttons
from app.panels.fields import ComboBox, WholeField

LETTERS = 64  # in a line of text: an address, or a name with a folder before it, is seen whole
FRAME = 26  # letters beside a title: the program's name, and the buttons of a window's frame


class AskingDialog(QDialog):
    """One `field` with a question, beside it or above it where it `is_wide`."""

    def __init__(
        self, title: str, question: str, field: QWidget, parent: QWidget | None = None, *, is_wide: bool = False
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth((LETTERS if is_wide else len(title) + FRAME) * self.fontMetrics().averageCharWidth())
        buttons = make_buttons(self, QDialogButtonBox.StandardButton.Ok, QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        label = QLabel(question)
        label.setBuddy(field)
        form = QFormLayout(self)
        if is_wide:
            label.setWordWrap(True)
            form.addRow(label)
            form.addRow(field)
        else:
            form.addRow(label, field)
        form.addRow(buttons)
        field.setFocus()

    def ask(self) -> bool:
        """Show the dialog, once; whether the user said yes."""
        is_given = self.exec_() == QDialog.DialogCode.Accepted
        self.deleteLater()
        return is_given


def ask_number(parent: QWidget, title: str, text: str, value: int, low: int, high: int) -> int | None:
    """Let the user change `value` within `low` to `high`; None if they would rather not."""
    field = WholeField()
    field.setRange(low, high)
    field.setValue(value)
    field.selectAll()
    return field.value() if AskingDialog(title, text, field, parent).ask() else None


def ask_text(parent: QWidget, title: str, question: str, known: str = "") -> str | None:
    """Let the user type a line, beginning with what is `known`; None if they would rather not."""
    field = QLineEdit(known)
    field.selectAll()
    return field.text() if AskingDialog(title, question, field, parent, is_wide=True).ask() else None


def ask_choice(
    parent: QWidget, title: str, question: str, choices: Sequence[str], is_editable: bool = False
) -> str | None:
    """Let the user choose, of `choices` or whatever they type where it `is_editable`; None if they would rather not."""
    field = ComboBox()
    field.addItems(choices)
    field.setEditable(is_editable)
    return field.currentText() if AskingDialog(title, question, field, parent, is_wide=True).ask() else None
