"""What was opened before, the newest first."""

from __future__ import annotations

from PyQt5.QtCore import QObject, QSettings, pyqtSignal

MOST = 12
KEY = "recent/sources"


class RecentSources(QObject):
    """Specs of sources; kept in the program's settings, if there are any."""

    changed = pyqtSignal(list)

    def __init__(self, kept: QSettings | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kept = kept
        stored = kept.value(KEY, []) if kept is not None else []
        # one entry alone comes back as a text, and a damaged file as anything
        entries = [stored] if isinstance(stored, str) else stored if isinstance(stored, list) else []
        self.specs = [entry for entry in entries if isinstance(entry, str) and entry][:MOST]

    def add(self, spec: str) -> None:
        """Put a source in front."""
        self.specs = [spec, *(other for other in self.specs if other != spec)][:MOST]
        self._tell()

    def clear(self) -> None:
        """Forget all."""
        self.specs = []
        self._tell()

    def _tell(self) -> None:
        if self._kept is not None:
            self._kept.setValue(KEY, self.specs)
        self.changed.emit(self.specs)
