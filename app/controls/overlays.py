"""Showing and hiding overlays from the menu, and all of them by a key that is held."""

from __future__ import annotations

from PyQt5.QtCore import QCoreApplication, QEvent, QObject
from PyQt5.QtGui import QKeyEvent
from PyQt5.QtWidgets import QWidget

from app.canvas.overlays.model import OverlayModel
from app.commands import HOLD_TO_HIDE_KEY, Command

PREFIX = "overlay_"


def overlay_commands(model: OverlayModel) -> list[Command]:
    """Return a command for every overlay of a model."""
    return [_command(model, name) for name in model]


def _command(model: OverlayModel, name: str) -> Command:
    overlay = model[name]
    return Command(
        f"{PREFIX}{name}",
        "overlays",
        overlay.title or name.replace("_", " ").capitalize(),
        lambda: model.show(name, not overlay.is_visible),
        overlay.key,
        overlay.help,
        is_on=lambda: overlay.is_visible,
    )


class HoldToHide(QObject):
    """Hides all overlays for as long as a key is held, wherever the focus is in `window`."""

    def __init__(self, window: QWidget, model: OverlayModel) -> None:
        super().__init__(window)
        self._window, self._model = window, model
        self._application = QCoreApplication.instance()
        if self._application is not None:
            self._application.installEventFilter(self)

    def stop(self) -> None:
        """Watch no longer: the window goes."""
        if self._application is not None:
            self._application.removeEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the key."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
            and event.text() == HOLD_TO_HIDE_KEY
            and not event.isAutoRepeat()
            and self._window.isActiveWindow()
        ):
            self._model.hide_all(event.type() == QEvent.Type.KeyPress)
        return False
