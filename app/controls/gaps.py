"""Tracking backwards and between key frames, filling gaps, and saying whether a target is seen."""

from __future__ import annotations

from PyQt5.QtCore import QObject
from PyQt5.QtWidgets import QWidget

from app.commands import Command
from app.controls.conditions import Conditions
from app.controls.drawing import DrawingControls
from app.controls.playback import MOST_FRAMES, PlaybackControls
from app.dialogs.asking import ask_number
from app.worker.player import Player
from tracker_core.results.visibility import Visibility

TIMELINE_MENU = (  # what is done to the frame or the range under the mouse; an empty name is a gap
    "fill_gap", "fill_line", "", "track_back", "track_to_key", "",
    "mark_visible", "mark_occluded", "mark_outside", "mark_none", "", "mark_start", "mark_end", "clear_range",
)  # fmt: skip


class GapControls(QObject):
    """What goes beyond tracking on; it acts on the chosen target, in the range A–B where the frame lies in one."""

    def __init__(self, player: Player, playback: PlaybackControls, drawing: DrawingControls, window: QWidget) -> None:
        super().__init__(window)
        self._player, self._playback, self._drawing, self._window = player, playback, drawing, window

    def commands(self) -> list[Command]:
        """Return the ways to track back, to fill a gap, and to mark frames."""
        player, now = self._player, Conditions(self._player)
        ready = now.can_run_again
        return [
            Command("track_back", "track", "Track &backwards", self.track_back, "Ctrl+T",
                    "Track from this frame back to the key frame before, or the start", now.is_seekable,
                    icon="track_back", short="Backwards"),
            Command("track_back_some", "track", "Track N frames bac&k…", self.ask_track_back, "",
                    "Track a number of frames back, then pause", ready),
            Command("track_to_start", "track", "Track back to the &start", self.track_to_start, "Ctrl+Shift+T",
                    "Track back past key frames, to the first frame", ready),
            Command("track_to_key", "track", "Track to the next ke&y frame", player.track_to_key, "Y",
                    "Track up to the next frame with a drawn box, then pause", ready),
            Command("fill_gap", "track", "&Fill gap by tracking", lambda: self.fill(is_tracked=True), "F",
                    "Track the lost stretch here, or the range A–B, from both sides", ready),
            Command("fill_line", "track", "Fill gap by a straight &line", lambda: self.fill(is_tracked=False),
                    "Shift+F", "Interpolate between the boxes on both sides of the gap", ready),
            Command("mark_visible", "edit", "Mark as &visible", lambda: self.mark(Visibility.VISIBLE), "Shift+V",
                    "The target is seen in this frame, or the range A–B", ready),
            Command("mark_occluded", "edit", "Mark as &occluded", lambda: self.mark(Visibility.OCCLUDED), "Shift+O",
                    "The target is covered in this frame, or the range A–B", ready),
            Command("mark_outside", "edit", "Mark as outs&ide", lambda: self.mark(Visibility.OUTSIDE), "Shift+X",
                    "Not in the image; no gap is filled here, or in the range A–B", ready),
            Command("mark_none", "edit", "Clear mar&ks", lambda: self.mark(None), "Shift+U",
                    "The tracker's state says again whether the target is seen", ready),
        ]  # fmt: skip

    def track_back(self, frames: int | None = None) -> None:
        """Track back to the key frame before (or the start of the range), or `frames` at most."""
        self._drawing.keep()
        self._player.track_back(False, frames, self._playback.range[0] or 0)

    def track_to_start(self) -> None:
        """Track back to the start."""
        self._drawing.keep()
        self._player.track_back(True, None, self._playback.range[0] or 0)

    def ask_track_back(self) -> None:
        """Ask how many frames to track back, and track them."""
        title, what = self.tr("Track N frames back"), self.tr("Frames to track back:")
        count = ask_number(self._window, title, what, 100, 1, MOST_FRAMES)
        if count is not None:
            self.track_back(count)

    def fill(self, is_tracked: bool) -> None:
        """Fill the gap of the chosen target here, or those in the range A–B."""
        self._player.fill(self._numbers(), self._bounds(), is_tracked)

    def mark(self, visibility: Visibility | None) -> None:
        """Say whether the chosen target is seen here, or in the range A–B."""
        self._player.mark(self._numbers(), self._bounds(), visibility)

    def _numbers(self) -> list[int]:
        known = [target.number for target in self._player.summary.targets]
        return [self._drawing.active] if self._drawing.active in known else known

    def _bounds(self) -> tuple[int, int] | None:
        first, last = self._playback.range
        here = self._playback.here()
        is_inside = first is not None and last is not None and here is not None and first <= here <= last
        return (first, last) if is_inside else None  # type: ignore[return-value]  # both are known then
