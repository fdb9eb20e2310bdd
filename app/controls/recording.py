"""Recording the camera or stream that is open, and opening the recording afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import QObject

from app.commands import Command
from app.controls.conditions import Conditions
from app.worker.player import Player


class RecordingControls(QObject):
    """Starts and completes a recording; the newest one can be opened with what was found in it."""

    def __init__(self, player: Player, open_source: Callable[[str], None], parent: QObject) -> None:
        super().__init__(parent)
        self._player, self._open = player, open_source
        self._newest = ""
        player.worker.recorded.connect(self._keep)

    def commands(self) -> list[Command]:
        """Return what can be done with a live source, and with what was kept of it."""
        player = self._player
        return [
            Command("record", "file", "&Record camera or stream", self.toggle, "Ctrl+Shift+R",
                    "Keep the frames of the live source in a video", Conditions(player).is_live,
                    lambda: player.recording is not None),
            Command("open_recording", "file", "Open the newest recordin&g", self.open_newest, "",
                    "Go through what was recorded last, with what was tracked in it", self.has_recording),
        ]  # fmt: skip

    def toggle(self) -> None:
        """Begin to record, or complete the recording."""
        self._player.record(self._player.recording is None)

    def has_recording(self) -> bool:
        """Whether something was recorded that is still there."""
        return bool(self._newest) and Path(self._newest).exists()

    def open_newest(self) -> None:
        """Open what was recorded last."""
        self._open(self._newest)

    def _keep(self, opens: str) -> None:
        self._newest = opens
