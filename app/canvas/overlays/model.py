"""What is painted over the image, in one place: canvas, panel, menu and settings read it and write it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from PyQt5.QtCore import QObject, pyqtSignal

from app.canvas.overlays.base import Option, Overlay
from app.canvas.overlays.registry import build_overlays
from app.settings import Settings


class OverlayModel(QObject):
    """All overlays by name, the uppermost first; every change goes through here, and `changed` follows."""

    changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._overlays = build_overlays()
        self.is_hidden = False  # all of them, for as long as a key is held
        self.hidden_targets: frozenset[int] = frozenset()

    def __getitem__(self, name: str) -> Overlay:
        return self._overlays[name]

    def __iter__(self) -> Iterator[str]:
        return reversed(self._overlays)

    def __contains__(self, name: object) -> bool:
        return name in self._overlays

    @property
    def painted(self) -> list[Overlay]:
        """The overlays that can be seen now, in the order in which they are painted."""
        overlays = () if self.is_hidden else self._overlays.values()
        return [overlay for overlay in overlays if overlay.is_visible and overlay.opacity > 0]

    @property
    def needs_debug(self) -> bool:
        """Whether a visible overlay reads the tracker's inner state."""
        return any(overlay.needs_debug for overlay in self.painted)

    @property
    def follows_mouse(self) -> bool:
        """Whether a visible overlay depends on where the mouse is."""
        return any(overlay.follows_mouse for overlay in self.painted)

    def show(self, name: str, is_visible: bool) -> None:
        """Show or hide an overlay."""
        if self[name].is_visible != is_visible:
            self[name].is_visible = is_visible
            self.changed.emit()

    def show_target(self, number: int, is_visible: bool) -> None:
        """Show or hide all that overlays say of a target."""
        hidden = self.hidden_targets - {number} if is_visible else self.hidden_targets | {number}
        if hidden != self.hidden_targets:
            self.hidden_targets = hidden
            self.changed.emit()

    def show_all_targets(self) -> None:
        """Hide no target any more: another source is open."""
        if self.hidden_targets:
            self.hidden_targets = frozenset()
            self.changed.emit()

    def set_opacity(self, name: str, opacity: float) -> None:
        """Set how opaque an overlay is (0..1)."""
        clipped = min(1.0, max(0.0, opacity))
        if self[name].opacity != clipped:
            self[name].opacity = clipped
            self.changed.emit()

    def set_value(self, name: str, option: str, value: int | str) -> None:
        """Set an option; a value that it doesn't take is passed over."""
        overlay = self[name]
        if _option(overlay, option).takes(value) and overlay.values[option] != value:
            overlay.values[option] = value
            self.changed.emit()

    def set_choices(self, name: str, option: str, choices: Sequence[tuple[str, str]]) -> None:
        """Offer other choices (value and text) for an option; a chosen one that is gone gives way to the default."""
        overlay, wanted = self[name], tuple(choices)
        if _option(overlay, option).choices == wanted:
            return
        overlay.options = tuple(replace(o, choices=wanted) if o.name == option else o for o in overlay.options)
        changed = _option(overlay, option)
        if not changed.takes(overlay.values[option]):
            overlay.values[option] = changed.default
        self.changed.emit()

    def hide_all(self, hides: bool) -> None:
        """Hide everything, or show again what is chosen."""
        if self.is_hidden != hides:
            self.is_hidden = hides
            self.changed.emit()

    def keep(self, settings: Settings) -> None:
        """Put what the overlays look like into the settings."""
        settings.overlays = {name: (overlay.is_visible, overlay.opacity) for name, overlay in self._overlays.items()}
        options = {name: dict(overlay.values) for name, overlay in self._overlays.items() if overlay.values}
        settings.overlay_options = options

    def restore(self, settings: Settings) -> None:
        """Take up what was kept; overlays and values that are not known are passed over."""
        for name, overlay in self._overlays.items():
            overlay.is_visible, overlay.opacity = settings.overlays.get(name, (overlay.is_visible, overlay.opacity))
            kept = settings.overlay_options.get(name, {})
            chosen = {o.name: kept[o.name] for o in overlay.options if o.name in kept and o.takes(kept[o.name])}
            overlay.values.update(chosen)
        self.changed.emit()


def _option(overlay: Overlay, name: str) -> Option:
    return next(option for option in overlay.options if option.name == name)
