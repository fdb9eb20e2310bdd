"""Preferences at work: what the user chose takes effect at once and is there the next time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs
from PyQt5.QtCore import QObject, QTimer, QUrl, pyqtSignal
from PyQt5.QtGui import QDesktopServices
from PyQt5.QtWidgets import QDialog, QWidget

from app.canvas.overlays.model import OverlayModel
from app.commands import Command
from app.controls.playback import PlaybackControls
from app.dialogs.about import AboutDialog
from app.dialogs.preferences import PreferencesDialog
from app.dialogs.shortcuts import ShortcutSheet
from app.session.trackers import TrackerChoice
from app.settings import Settings
from app.worker.player import Player
from tracker_core.checkpoints.weights import list_weights
from tracker_core.errors import OutputError
from tracker_core.rendering.recording import RecordingLimits

logger = logging.getLogger(__name__)


class PreferenceControls(QObject):
    """Applies preferences to player, playback and overlays, and asks for others.

    `all_commands` are those whose keys can be chosen, `log_file` is shown where there is one. `applied` comes with the
    settings whenever they change; theme and keys are set by its receiver.
    """

    applied = pyqtSignal(object)  # Settings
    notice = pyqtSignal(str)
    failed = pyqtSignal(str, str, str)  # title, sentence, details

    def __init__(
        self,
        window: QWidget,
        player: Player,
        playback: PlaybackControls,
        overlays: OverlayModel,
        all_commands: Callable[[], Sequence[Command]],
        settings: Settings,
        log_file: Path | None = None,
    ) -> None:
        super().__init__(window)
        self._window, self._player, self._playback, self._overlays = window, player, playback, overlays
        self._all_commands, self.settings, self._log_file = all_commands, settings, log_file
        self._sheet: ShortcutSheet | None = None

    def commands(self) -> list[Command]:
        """Return the preferences and what explains the program."""
        return [
            Command("preferences", "edit", "&Preferences…", self.ask, "Ctrl+,",
                    "Theme, keys, and what is used by default", icon="preferences"),
            Command("shortcuts", "help", "&Keys", self.show_keys, "F1", "All keys on one sheet", icon="help"),
            Command("open_log", "help", "&Log file", self.open_log, "", "Where the program writes what happened"),
            Command("about", "help", "&About Siamscope", self.show_about, "", "Version, device, licences"),
        ]  # fmt: skip

    def apply_at_start(self) -> None:
        """Take up everything that was kept."""
        settings = self.settings
        self._overlays.restore(settings)
        if settings.tracker:
            self._player.choose_tracker(TrackerChoice(settings.tracker, None, settings.device))
        self._apply()
        if settings.warning:  # once the window is there: a notice would give way to that of restored results
            QTimer.singleShot(0, self._tell_damage)

    def _tell_damage(self) -> None:
        self.failed.emit(self.tr("Preferences"), self.settings.warning, self.settings.warning)

    def ask(self) -> None:
        """Show the dialog; what is changed there takes effect."""
        names = [entry.name for entry in list_weights() if not entry.problem]
        dialog = PreferencesDialog(self.settings, names, self._all_commands(), self._window)
        if dialog.exec_() == QDialog.DialogCode.Accepted:
            before, self.settings = self.settings, dialog.settings()
            self._apply()
            if self.settings.tracker != before.tracker:
                choice = TrackerChoice(self.settings.tracker or None, None, self.settings.device)
                self._player.choose_tracker(choice)
            self.save()

    def save(self) -> None:
        """Keep the preferences, with what the overlays look like now."""
        self._overlays.keep(self.settings)
        try:
            self.settings.save()
        except OutputError as error:
            logger.warning("%s", error)
            self.notice.emit(str(error))

    def show_keys(self) -> None:
        """Show the sheet of all keys beside the window."""
        if self._sheet is None:
            self._sheet = ShortcutSheet(self._all_commands(), self.settings.shortcuts, self._window)
            self._sheet.destroyed.connect(self._forget_sheet)
        self._sheet.show()
        self._sheet.raise_()
        self._sheet.activateWindow()

    def show_about(self) -> None:
        """Show versions and device."""
        summary = self._player.summary
        AboutDialog(summary.tracker, summary.device, str(self._log_file or ""), self._window).exec_()

    def open_log(self) -> None:
        """Open the log file in the desktop's own program."""
        if self._log_file is None or not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._log_file))):
            self.notice.emit(self.tr("The log file is {}.").format(self._log_file or self.tr("not written")))

    def _forget_sheet(self) -> None:
        self._sheet = None

    def _apply(self) -> None:
        settings = self.settings
        self._playback.set_pause_on_lost(settings.pause_on_lost)
        self._playback.set_loop(settings.loop)
        self._player.set_autosave(settings.autosave)
        limits = RecordingLimits(60.0 * settings.record_minutes, settings.record_gigabytes * 1024**3)
        self._player.set_recording(Path(platformdirs.user_videos_dir()), limits, settings.record)
        self.applied.emit(settings)
