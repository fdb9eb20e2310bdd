"""How the window looks: zoom, full screen, where the panels stand; and its end."""

from __future__ import annotations

from PyQt5.QtCore import QObject
from PyQt5.QtWidgets import QMainWindow

from app.canvas.canvas import Canvas
from app.commands import Command
from app.panels.docks import Docks


class ViewControls(QObject):
    """Between the menu and the window's own looks."""

    def __init__(self, window: QMainWindow, canvas: Canvas, docks: Docks) -> None:
        super().__init__(window)
        self._window, self._canvas, self._docks = window, canvas, docks

    def commands(self) -> list[Command]:
        """Return what changes how the window looks, opens a panel, or ends the program."""
        canvas, docks = self._canvas, self._docks
        return [
            Command("quit", "file", "&Quit", self._window.close, "Ctrl+Q", "Close the program", icon="quit"),
            Command("zoom_in", "view", "Zoom &in", lambda: canvas.zoom(1.25), "+ =", "Zoom in", icon="zoom_in",
                    repeats=True),
            Command("zoom_out", "view", "Zoom &out", lambda: canvas.zoom(0.8), "-", "Zoom out", icon="zoom_out",
                    repeats=True),
            Command("zoom_fit", "view", "&Fit", canvas.zoom_to_fit, "0", "Show the whole image", icon="fit"),
            Command("zoom_pixels", "view", "&One to one", canvas.zoom_to_pixels, "1",
                    "One image pixel is one pixel of the screen"),
            Command("full_screen", "view", "F&ull screen", self.toggle_full_screen, "F11", "Use the whole screen",
                    is_on=self._window.isFullScreen, icon="full_screen"),
            Command("reset_layout", "view", "&Reset layout", docks.reset, "", "Put the panels back where they were"),
            Command("benchmark", "tools", "&Benchmark…", lambda: docks.show_tab(docks.panels.benchmark), "",
                    "Evaluate a tracker on a data set"),
            Command("batch", "tools", "B&atch…", lambda: docks.show_tab(docks.panels.batch), "",
                    "Track a folder of videos, each from its first box"),
            Command("training", "tools", "&Training…", lambda: docks.show_tab(docks.panels.training), "",
                    "Train a tracker"),
        ]  # fmt: skip

    def toggle_full_screen(self) -> None:
        """Use the whole screen for the window, or no longer."""
        if self._window.isFullScreen():
            self._window.showNormal()
        else:
            self._window.showFullScreen()
