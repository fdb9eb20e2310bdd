"""A main window that opens what is dropped on it, and whose tabs a wheel leaves alone."""

from __future__ import annotations

from PyQt5.QtCore import QChildEvent, QEvent
from PyQt5.QtGui import QDragEnterEvent, QDropEvent
from PyQt5.QtWidgets import QMainWindow, QTabBar

from app.controls.sources import SourceControls
from app.panels.fields import WheelGuard


class DropWindow(QMainWindow):
    """Takes files and addresses that `sources` can open."""

    sources: SourceControls

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self._guards: list[WheelGuard] = []  # of widgets that Qt made: nobody else keeps them

    def childEvent(self, event: QChildEvent | None) -> None:
        """Guard the tabs of docks, which Qt makes whenever docks are moved onto each other."""
        super().childEvent(event)
        child = None if event is None or event.type() != QEvent.Type.ChildPolished else event.child()
        if isinstance(child, QTabBar):
            self._guards.append(WheelGuard(child))

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files and addresses."""
        if event is not None and self.sources.can_drop(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped."""
        if event is not None:
            self.sources.drop(event.mimeData())
            event.acceptProposedAction()
