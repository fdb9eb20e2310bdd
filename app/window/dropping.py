"""A main window that opens what is dropped on it."""

from __future__ import annotations

from PyQt5.QtGui import QDragEnterEvent, QDropEvent
from PyQt5.QtWidgets import QMainWindow

from app.controls.sources import SourceControls


class DropWindow(QMainWindow):
    """Takes files and addresses that `sources` can open."""

    sources: SourceControls

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files and addresses."""
        if event is not None and self.sources.can_drop(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped."""
        if event is not None:
            self.sources.drop(event.mimeData())
            event.acceptProposedAction()
