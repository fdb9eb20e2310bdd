"""What was opened before, the newest first."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QObject, QSettings, pyqtSignal
from PyQt5.QtWidgets import QAction, QMenu

from tracker_core.sources.addresses import hide_credentials

MOST = 12
KEY = "recent/sources"


class RecentSources(QObject):
    """Specs of sources, without credentials; kept in the program's settings, if there are any."""

    changed = pyqtSignal(list)

    def __init__(self, kept: QSettings | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kept = kept
        stored = kept.value(KEY, []) if kept is not None else []
        # a single entry comes back as a text, and a damaged file as anything
        entries = [stored] if isinstance(stored, str) else stored if isinstance(stored, list) else []
        self.specs = [hide_credentials(entry) for entry in entries if isinstance(entry, str) and entry][:MOST]
        if self.specs != entries:
            self._keep()  # a password that an earlier version wrote goes

    def add(self, spec: str) -> None:
        """Put a source in front."""
        spec = hide_credentials(spec)
        self.specs = [spec, *(other for other in self.specs if other != spec)][:MOST]
        self._keep()
        self.changed.emit(self.specs)

    def _keep(self) -> None:
        if self._kept is not None:
            self._kept.setValue(KEY, self.specs)


def fill_recent_menu(menu: QMenu, before: QAction, recent: RecentSources, choose: Callable[[str], None]) -> None:
    """Put a menu of recent sources into `menu`, before an action; `choose` gets the one that is chosen."""
    submenu = QMenu(menu.tr("Open &recent"), menu)
    menu.insertMenu(before, submenu)

    def fill() -> None:
        submenu.clear()
        for spec in recent.specs:
            action = submenu.addAction(spec.replace("&", "&&"))
            assert action is not None
            action.triggered.connect(lambda _checked=False, which=spec: choose(which))
        submenu.setEnabled(bool(recent.specs))

    recent.changed.connect(lambda _specs: fill())
    fill()
