"""Showing and hiding overlays from the menu, and all of them by a key that is held."""

from __future__ import annotations

from PyQt5.QtGui import QKeyEvent, QKeySequence
from PyQt5.QtWidgets import QShortcut, QWidget

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


class HoldToHide(QShortcut):
    """Hides all overlays for as long as a key is held; in a field where text is typed, the key types.

    A filter of the whole program's events would meet every one of them in Python, also while objects are destroyed.
    """

    def __init__(self, window: QWidget, model: OverlayModel) -> None:
        super().__init__(QKeySequence(HOLD_TO_HIDE_KEY), window)
        self._model = model
        self.setAutoRepeat(False)
        self.activated.connect(lambda: model.hide_all(True))

    def release(self, event: QKeyEvent) -> None:
        """Show the overlays again if it is this key that was let go."""
        if self.key().matches(QKeySequence(event.key())) and not event.isAutoRepeat():
            self._model.hide_all(False)
