"""Preferences at work: what the user chose takes effect at once and is there the next time."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt5.QtCore import QObject, QUrl
from PyQt5.QtGui import QDesktopServices
from PyQt5.QtWidgets import QApplication, QDialog

from app.dialogs.about import AboutDialog
from app.dialogs.preferences import PreferencesDialog
from app.dialogs.shortcuts import ShortcutSheet
from app.session.tracking_runs import TrackerChoice
from app.settings import Settings
from app.window.actions import apply_shortcuts
from app.window.theme import apply_theme
from tracker_core.checkpoints.weights import list_weights
from tracker_core.errors import OutputError

if TYPE_CHECKING:
    from app.window.main_window import MainWindow

logger = logging.getLogger(__name__)


class PreferenceControls(QObject):
    """Applies preferences to a window, and asks for others; `log_file` is shown where there is one."""

    def __init__(self, window: MainWindow, settings: Settings, log_file: Path | None = None) -> None:
        super().__init__(window)
        self._window, self.settings, self._log_file = window, settings, log_file
        self._sheet: ShortcutSheet | None = None

    def apply_at_start(self) -> None:
        """Take up everything that was kept."""
        window, settings = self._window, self.settings
        for name, (is_visible, opacity) in settings.overlays.items():
            if name in window.canvas.overlays:
                window.canvas.overlays[name].opacity = opacity
                window.actions_[f"overlay_{name}"].setChecked(is_visible)
        if settings.tracker:
            window.player.choose_tracker(TrackerChoice(settings.tracker, None, settings.device))
        self._apply()
        window.wiring.show_overlays()
        if settings.warning:
            window.show_notice(settings.warning)

    def ask(self) -> None:
        """Show the dialog; what is changed there takes effect."""
        names = [entry.name for entry in list_weights() if not entry.problem]
        dialog = PreferencesDialog(self.settings, names, self._window)
        if dialog.exec_() == QDialog.DialogCode.Accepted:
            before, self.settings = self.settings, dialog.settings()
            self._apply()
            if self.settings.tracker != before.tracker:
                choice = TrackerChoice(self.settings.tracker or None, None, self.settings.device)
                self._window.player.choose_tracker(choice)
            self.save()

    def save(self) -> None:
        """Keep the preferences, with what the overlays look like now."""
        overlays = self._window.canvas.overlays
        self.settings.overlays = {name: (one.is_visible, one.opacity) for name, one in overlays.items()}
        try:
            self.settings.save()
        except OutputError as error:
            logger.warning("%s", error)
            self._window.show_notice(str(error))

    def show_keys(self) -> None:
        """Show the sheet of all keys beside the window."""
        if self._sheet is None:
            self._sheet = ShortcutSheet(self._window.actions_, self._window)
            self._sheet.destroyed.connect(self._forget_sheet)
        self._sheet.show()
        self._sheet.raise_()
        self._sheet.activateWindow()

    def show_about(self) -> None:
        """Show versions and device."""
        summary = self._window.player.summary
        AboutDialog(summary.tracker, summary.device, str(self._log_file or ""), self._window).exec_()

    def open_log(self) -> None:
        """Open the log file in the desktop's own program."""
        if self._log_file is None or not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._log_file))):
            self._window.show_notice(self.tr("The log file is {}.").format(self._log_file or self.tr("not written")))

    def _forget_sheet(self) -> None:
        self._sheet = None

    def _apply(self) -> None:
        window, settings = self._window, self.settings
        application = QApplication.instance()
        if isinstance(application, QApplication) and settings.path is not None:
            apply_theme(application, settings.theme)
        apply_shortcuts(window.actions_, settings.shortcuts)
        window.wiring.show_keys()
        window.actions_["pause_on_lost"].setChecked(settings.pause_on_lost)
        window.actions_["loop"].setChecked(settings.loop)
        window.player.set_autosave(settings.autosave)
