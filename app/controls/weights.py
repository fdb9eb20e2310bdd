"""The list of weights: read, imported, measured and deleted in the background, by the command line's own `weights`."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import QObject, pyqtSignal
from PyQt5.QtWidgets import QWidget

from app.commands import Command
from app.dialogs.weights import WeightsDialog
from app.jobs.jobs import CANCELLED, Job, Jobs
from app.session.trackers import TrackerChoice
from app.worker.player import Player
from tracker_core.checkpoints.weights import remove_weights
from tracker_core.errors import SiamscopeError
from tracker_core.presets.published import PUBLISHED


class WeightsControls(QObject):
    """Between the dialog of weights, the jobs and the player."""

    changed = pyqtSignal()  # weights came or went

    def __init__(self, player: Player, jobs: Jobs, window: QWidget) -> None:
        super().__init__(window)
        self._player, self._jobs, self._window = player, jobs, window
        self._dialog: WeightsDialog | None = None
        self._entries: dict[str, dict[str, Any]] = {}
        self._imported: dict[str, Any] = {}
        self._job: Job | None = None

    def commands(self) -> list[Command]:
        """Return the list of weights."""
        return [
            Command("weights", "tools", "&Weights…", self.show, "",
                    "The networks that are here: licence, score, speed; import and verify"),
        ]  # fmt: skip

    def show(self) -> WeightsDialog:
        """Show the dialog, and read what is there."""
        if self._dialog is None:
            dialog = self._dialog = WeightsDialog(tuple(PUBLISHED), self._window)
            dialog.check_requested.connect(self.check)
            dialog.import_requested.connect(self.import_)
            dialog.measure_requested.connect(self.measure)
            dialog.remove_requested.connect(self.remove)
            dialog.use_requested.connect(self.use)
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()
        self.check()
        return self._dialog

    def check(self) -> None:
        """Read every file, and compare it with the catalogue."""
        self._entries = {}
        self._start(self.tr("Reading the weights …"), ["list"], self._tell_checked)

    def import_(self, path: str, name: str) -> None:
        """Check a checkpoint entry by entry and store it."""
        arguments = ["import", path, *(["--name", name] if name else [])]
        self._start(self.tr("Importing {} …").format(path), arguments, self._tell_imported)

    def measure(self, name: str) -> None:
        """Measure how fast weights are here."""
        device = self._player.choice.device
        arguments = ["measure", name, "--device", device]
        self._start(self.tr("Measuring {} …").format(name), arguments, lambda: self._end(self.tr("Measured.")))

    def remove(self, name: str) -> None:
        """Delete imported weights."""
        try:
            remove_weights(name)
        except SiamscopeError as error:
            self._end(str(error), is_wrong=True)
            return
        self._entries.pop(name, None)
        self._end(self.tr("{} was deleted.").format(name))
        self.changed.emit()

    def use(self, name: str) -> None:
        """Track with weights from the next frame on."""
        self._player.choose_tracker(TrackerChoice(name, None, self._player.choice.device))
        self._end(self.tr("{} tracks from the next frame on.").format(name))

    def _start(self, text: str, arguments: list[str], done: Any) -> None:
        dialog = self._dialog
        if self._job is not None or dialog is None:
            return
        dialog.begin(text)
        job = self._job = Job(self.tr("Weights"), ["weights", *arguments, "--progress", "json"])
        job.message.connect(self._take)
        job.progress.connect(lambda _share, said: dialog.show_progress(said))
        job.finished.connect(lambda code, sentence: self._on_finished(code, sentence, done))
        self._jobs.start(job)

    def _take(self, message: dict[str, Any]) -> None:
        kind = message.get("event")
        if kind == "weights":
            self._entries[str(message["name"])] = message
        elif kind == "imported":
            self._imported = message
        elif kind == "speed" and message["name"] in self._entries:
            self._entries[message["name"]] = {**self._entries[message["name"]], "speed": message}

    def _on_finished(self, code: int, sentence: str, done: Any) -> None:
        self._job = None
        if code == 0:
            done()
        else:
            self._end(self.tr("Stopped.") if code == CANCELLED else sentence, is_wrong=code != CANCELLED)

    def _tell_checked(self) -> None:
        bad = [name for name, entry in self._entries.items() if entry.get("problem")]
        if bad:
            text = self.tr("{} of {} have a problem: {}").format(len(bad), len(self._entries), ", ".join(bad))
        else:
            text = self.tr("All {} are as the catalogue says.").format(len(self._entries))
        new = str(self._imported.get("name") or "")
        note, self._imported = str(self._imported.get("note") or ""), {}
        if new:
            text = self.tr("Imported as {}.").format(new) + f" {note}"
        self._end(text, is_wrong=bool(bad))
        if new and self._dialog is not None:
            self._dialog.choose(new)

    def _tell_imported(self) -> None:
        self.changed.emit()
        self.check()

    def _end(self, text: str, is_wrong: bool = False) -> None:
        if self._dialog is not None:
            self._dialog.set_entries(self._entries)
            self._dialog.end(text.strip(), is_wrong)
