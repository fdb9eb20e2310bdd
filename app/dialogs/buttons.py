"""The row of buttons at the lower edge of a dialog, and a dialog's size."""

from __future__ import annotations

from PyQt5.QtCore import QSize
from PyQt5.QtGui import QIcon
from PyQt5.QtWidgets import QApplication, QDialog, QDialogButtonBox

FRAME = QSize(16, 56)  # around a window, by the desktop


def make_buttons(dialog: QDialog, *kinds: QDialogButtonBox.StandardButton) -> QDialogButtonBox:
    """Return a dialog's buttons; those that don't accept it close it."""
    buttons = QDialogButtonBox()
    for kind in kinds:
        button = buttons.addButton(kind)
        if button is not None:
            button.setIcon(QIcon())  # the desktop's are dark on dark, and beside texts that say the same
    buttons.rejected.connect(dialog.reject)
    return buttons


def resize_to_text(dialog: QDialog, letters: int, lines: int) -> None:
    """Make a dialog as wide and high as that much text in its own font, where the screen is large enough."""
    metrics, screen = dialog.fontMetrics(), QApplication.primaryScreen()
    wanted = QSize(letters * metrics.averageCharWidth(), lines * metrics.lineSpacing())
    dialog.resize(wanted if screen is None else wanted.boundedTo(screen.availableSize() - FRAME))
