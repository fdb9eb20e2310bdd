"""Playing and tracking: start, stop, step, jump, speed, range."""

from __future__ import annotations

from PyQt5.QtCore import QObject, pyqtSignal
from PyQt5.QtWidgets import QWidget

from app.canvas.canvas import Canvas
from app.commands import Command
from app.controls.conditions import Conditions
from app.controls.drawing import DrawingControls
from app.dialogs.asking import ask_number
from app.worker.player import Player

SKIP = 10
MOST_FRAMES = 1_000_000
END = 2**62  # further than any video: the source knows its last frame, of which the count is only an estimate


class PlaybackControls(QObject):
    """What the keys of a media player do, and tracking."""

    range_changed = pyqtSignal(object, object)  # first and last frame, None where open

    def __init__(self, canvas: Canvas, player: Player, drawing: DrawingControls, window: QWidget) -> None:
        super().__init__(window)
        self._canvas, self._player, self._drawing, self._window = canvas, player, drawing, window
        self.range: tuple[int | None, int | None] = (None, None)
        self.is_looping = False
        self.pauses_on_lost = False

    def commands(self) -> list[Command]:
        """Return what can be done with time: tracking through it, playing, going somewhere, marking a part."""
        return [*self._tracking_commands(), *self._moving_commands(), *self._range_commands()]

    def _tracking_commands(self) -> list[Command]:
        player, now = self._player, Conditions(self._player)
        return [
            Command("track", "track", "&Track", self.toggle_tracking, "T", "Start or stop tracking", now.has_source,
                    lambda: player.is_tracking, icon="track"),
            Command("track_some", "track", "Track &N frames…", self.ask_track_some, "Shift+T",
                    "Track a number of frames, then pause", now.has_source),
            Command("pause_on_lost", "track", "&Pause when lost",
                    lambda: self.set_pause_on_lost(not self.pauses_on_lost), "", "Pause when a target is lost",
                    is_on=lambda: self.pauses_on_lost),
            Command("run_again", "track", "Track &again", player.run_again, "Ctrl+R",
                    "Track once more with the present parameters", now.can_run_again, icon="again", short="Re-run"),
        ]  # fmt: skip

    def _moving_commands(self) -> list[Command]:
        player, now = self._player, Conditions(self._player)
        seekable = now.is_seekable
        return [
            Command("play", "play", "&Play", self.toggle_play, "Space", "Play or pause; accept a box and track",
                    now.has_source, lambda: player.is_playing, icon="play"),
            Command("step_forward", "play", "Next &frame", lambda: player.step(1), ". Right", "One frame forwards",
                    seekable, icon="next", short="Next", repeats=True),
            Command("step_back", "play", "Pre&vious frame", lambda: player.step(-1), ", Left", "One frame back",
                    seekable, icon="previous", short="Back", repeats=True),
            Command("skip_forward", "play", "Ten frames for&wards", lambda: player.step(SKIP), "Shift+Right",
                    "Ten frames forwards", seekable, repeats=True),
            Command("skip_back", "play", "Ten frames &back", lambda: player.step(-SKIP), "Shift+Left",
                    "Ten frames back", seekable, repeats=True),
            Command("go_start", "play", "To the &start", self.go_to_start, "Home", "To the first frame", seekable,
                    icon="start", short="Start"),
            Command("go_end", "play", "To the &end", self.go_to_end, "End", "To the last frame", seekable,
                    icon="end", short="End"),
            Command("go_to", "play", "&Go to frame…", self.ask_frame, "G", "Go to a frame by its number", seekable),
            Command("next_key", "play", "Next &key frame", lambda: self.go_to_key(1), "Ctrl+Right",
                    "To the next frame with a drawn box"),
            Command("previous_key", "play", "Previous ke&y frame", lambda: self.go_to_key(-1), "Ctrl+Left",
                    "To the last frame with a drawn box"),
            Command("slower", "play", "Slowe&r", lambda: player.change_speed(-1), "[", "Play more slowly", seekable),
            Command("faster", "play", "Fas&ter", lambda: player.change_speed(1), "]", "Play faster", seekable),
            Command("normal_speed", "play", "N&ormal speed", lambda: player.set_speed(1.0), "\\",
                    "Play at the source's own rate", seekable),
            Command("loop", "play", "&Loop", lambda: self.set_loop(not self.is_looping), "L",
                    "Start over at the end", seekable, lambda: self.is_looping, icon="loop"),
        ]  # fmt: skip

    def _range_commands(self) -> list[Command]:
        seekable = Conditions(self._player).is_seekable
        return [
            Command("mark_start", "play", "Mark &A", self.mark_start, "Shift+A", "The range starts at this frame",
                    seekable),
            Command("mark_end", "play", "Mark &B", self.mark_end, "Shift+B", "The range ends at this frame", seekable),
            Command("clear_range", "play", "&Clear A–B", self.clear_range, "", "Play and export everything", seekable),
        ]  # fmt: skip

    def set_loop(self, is_looping: bool) -> None:
        """Start over at the end, or stop there."""
        self.is_looping = is_looping
        self._player.set_loop(is_looping)

    def set_pause_on_lost(self, pauses: bool) -> None:
        """Pause when a target is lost, or go through."""
        self.pauses_on_lost = pauses
        self._player.set_pause_on_lost(pauses)

    def toggle_play(self) -> None:
        """Play or pause; what was drawn, kept or offered in this frame is tracked."""
        if not self._drawing.track_drawn():
            self._player.play(not self._player.is_playing)

    def toggle_tracking(self) -> None:
        """Start tracking (on the box that is drawn or offered, if any) or stop it."""
        if self._drawing.track_drawn():
            return
        if not self._player.summary.targets:
            self._drawing.draw()
        else:
            self._player.track(not (self._player.is_tracking and self._player.is_playing))

    def ask_track_some(self) -> None:
        """Ask how many frames to track, and track them."""
        count = ask_number(self._window, self.tr("Track N frames"), self.tr("Frames to track:"), 100, 1, MOST_FRAMES)
        if count is not None:
            self._drawing.accept()
            self._player.track_frames(count)

    def go_to_start(self) -> None:
        """Go to the first frame, of the range if there is one."""
        self._player.seek(self.range[0] or 0)

    def go_to_end(self) -> None:
        """Go to the last frame, of the range if there is one."""
        self._player.seek(self.range[1] if self.range[1] is not None else END)

    def ask_frame(self) -> None:
        """Ask for a frame number and go there."""
        source, here = self._player.source, self.here()
        if source is None or here is None or not source.frame_count:
            return
        last = source.frame_count - 1
        index = ask_number(self._window, self.tr("Go to frame"), self.tr("Frame:"), here, 0, last)
        if index is not None:
            self._player.seek(index)

    def go_to_key(self, direction: int) -> None:
        """Go to the next (1) or the previous (−1) key frame of any target."""
        here = self.here()
        if here is None:
            return
        keys = sorted({key for target in self._player.summary.targets for key in target.key_frames})
        beyond = [key for key in keys if key > here] if direction > 0 else [key for key in keys if key < here][::-1]
        if beyond:
            self._player.seek(beyond[0])

    def mark_start(self) -> None:
        """Let the range begin at this frame."""
        here = self.here()
        if here is not None:
            last = self.range[1]
            self.set_range(here, last if last is None or last > here else None)

    def mark_end(self) -> None:
        """Let the range end at this frame."""
        here = self.here()
        if here is not None:
            first = self.range[0]
            self.set_range(first if first is None or first < here else None, here)

    def clear_range(self) -> None:
        """Play everything."""
        self.set_range(None, None)

    def set_range(self, first: int | None, last: int | None) -> None:
        """Play and export the frames from `first` to `last`, both included; None is the video's own end."""
        if (first, last) != self.range:
            self.range = (first, last)
            self._player.set_range(first, last)
            self.range_changed.emit(first, last)

    def here(self) -> int | None:
        """Return the frame that is shown, None where nothing is."""
        view = self._canvas.frame_view
        return None if view is None else view.frame.index

    def forget(self) -> None:
        """Start over with another source, at its own speed."""
        if self._player.speed != 1.0:
            self._player.set_speed(1.0)
        if self.range != (None, None):
            self.range = (None, None)
            self.range_changed.emit(None, None)
