"""What an export wrote, over the read-out, with buttons that open it; it stays until it is closed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import Qt, QUrl
from PyQt5.QtGui import QDesktopServices, QResizeEvent
from PyQt5.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

NAMED = 20  # files in the tooltip


class _Line(QLabel):
    """A line that is cut in the middle to the width it gets: names often differ only at their ends."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_line(self, text: str) -> None:
        """Show a text."""
        self._whole = text
        self._cut()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Cut the text to another width."""
        super().resizeEvent(event)
        self._cut()

    def _cut(self) -> None:
        self.setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideMiddle, self.width()))


class WrittenBar(QFrame):
    """What the newest export wrote and what should be known of it, *Open* and *Show in folder*."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._paths: list[Path] = []
        self.text = _Line()
        self.remarks = QLabel()
        self.remarks.setWordWrap(True)
        self.open = QPushButton(self.tr("Open"))
        self.open.setToolTip(self.tr("Open it with the program that the desktop has for it"))
        self.open.clicked.connect(self._open)
        self.show_in_folder = QPushButton(self.tr("Show in folder"))
        self.show_in_folder.setToolTip(self.tr("Open the folder that it is in"))
        self.show_in_folder.clicked.connect(self._show_in_folder)
        close = QToolButton()
        close.setText("✕")
        close.setAutoRaise(True)
        close.setToolTip(self.tr("Close this message"))
        close.setAccessibleName(self.tr("Close this message"))
        close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 3, 4, 3)
        lines = QVBoxLayout()
        lines.setSpacing(0)
        lines.addWidget(self.text)
        lines.addWidget(self.remarks)
        layout.addLayout(lines, 1)
        for button in (self.open, self.show_in_folder, close):
            layout.addWidget(button)
        self.hide()

    def show_written(self, paths: Sequence[str], remarks: Sequence[str]) -> None:
        """Name the files that were written, and what the user should know of them."""
        self._paths = [Path(path) for path in paths]
        if not self._paths:
            return
        first = self._paths[0]
        said = self.tr("Wrote {}.").format(first.name)
        if len(self._paths) > 1:
            said = self.tr("Wrote {} and {} more to {}.").format(first.name, len(self._paths) - 1, first.parent.name)
        self.text.show_line(said)
        self.text.setToolTip("\n".join(map(str, self._paths[:NAMED])) + ("\n…" if len(self._paths) > NAMED else ""))
        self._remark(" ".join(remarks))
        self.show()

    def _remark(self, text: str) -> None:
        self.remarks.setText(text)
        self.remarks.setVisible(bool(text))

    def _open(self) -> None:
        # of many images the folder: a viewer shows them all
        self._show(self._paths[0] if len(self._paths) == 1 else self._paths[0].parent)

    def _show_in_folder(self) -> None:
        path = self._paths[0]
        if sys.platform == "win32":
            subprocess.Popen(["explorer", f"/select,{path}"])
        elif sys.platform == "darwin":
            subprocess.Popen(["open", "-R", str(path)])
        else:
            self._show(path.parent)

    def _show(self, path: Path) -> None:
        """Let the desktop show a file or folder, or say why it cannot."""
        if not path.exists():
            self._remark(self.tr("'{}' is no longer there.").format(path))
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self._remark(self.tr("The desktop knows no program that opens '{}'.").format(path))
