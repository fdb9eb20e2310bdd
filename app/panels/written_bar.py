"""What an export wrote, over the read-out, with buttons that open it; it stays until it is closed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import Qt, QUrl
from PyQt5.QtGui import QDesktopServices, QResizeEvent
from PyQt5.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget


class _Line(QLabel):
    """A line that is cut to the width it gets; the tooltip has all of it."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_line(self, text: str, details: str) -> None:
        """Show a text, and `details` in the tooltip."""
        self._whole = text
        self.setToolTip(details)
        self._cut()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Cut the text to another width."""
        super().resizeEvent(event)
        self._cut()

    def _cut(self) -> None:
        self.setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, self.width()))


class WrittenBar(QFrame):
    """One sentence about the newest export, *Open* and *Show in folder*."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._paths: list[Path] = []
        self.text = _Line()
        self.open = QPushButton(self.tr("Open"))
        self.open.setToolTip(self.tr("Open it with the program that the desktop has for it"))
        self.open.clicked.connect(self._open)
        self.show_in_folder = QPushButton(self.tr("Show in folder"))
        self.show_in_folder.clicked.connect(self._show_in_folder)
        close = QToolButton()
        close.setText("✕")
        close.setAutoRaise(True)
        close.setToolTip(self.tr("Close this message"))
        close.setAccessibleName(self.tr("Close this message"))
        close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 3, 4, 3)
        layout.addWidget(self.text, 1)
        for button in (self.open, self.show_in_folder, close):
            layout.addWidget(button)
        self.hide()

    def show_written(self, paths: Sequence[str], remarks: Sequence[str]) -> None:
        """Name the files that were written, and what the user should know of them."""
        self._paths = [Path(path) for path in paths]
        if not self._paths:
            return
        first = self._paths[0]
        if len(self._paths) > 1:
            said = self.tr("Wrote {} files to {}.").format(len(self._paths), first.parent.name)
        else:
            said = self.tr("Wrote {}.").format(first.name)
        self.text.show_line(" ".join([said, *remarks]), "\n".join([str(first), *remarks]))
        self.show()

    def _open(self) -> None:
        # of many images the folder: a viewer shows them all
        shown = self._paths[0] if len(self._paths) == 1 else self._paths[0].parent
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(shown)))

    def _show_in_folder(self) -> None:
        path = self._paths[0]
        if sys.platform == "win32":
            subprocess.Popen(["explorer", f"/select,{path}"])
        elif sys.platform == "darwin":
            subprocess.Popen(["open", "-R", str(path)])
        else:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))
