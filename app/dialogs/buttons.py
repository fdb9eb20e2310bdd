"""The row of buttons at the lower edge of a dialog."""

from __future__ import annotations

from PyQt5.QtWidgets import QDialog, QDialogButtonBox


def make_buttons(dialog: QDialog, *kinds: QDialogButtonBox.StandardButton) -> QDialogButtonBox:
    """Return a dialog's buttons; those that don't accept it close it."""
    buttons = QDialogButtonBox()
    for kind in kinds:
        buttons.addButton(kind)
    buttons.rejected.connect(dialog.reject)
    return buttons
