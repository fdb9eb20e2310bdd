"""Playing and tracking: start, stop, step, jump, speed, range."""

from __future__ import annotations

from PyQt5.QtCore import QObject, pyqtSignal
from PyQt5.QtWidgets import QInputDialog, QWidget

from app.canvas.canvas import Canvas
from app.controls.drawing import DrawingControls
from app.worker.player import Player

SKIP = 10
MOST_FRAMES = 1_000_000


class PlaybackControls(QObject):
    """What the keys of a media player do, and tracking."""

    speed_changed = pyqtSignal(float)
    range_changed = pyqtSignal(object, object)  # first and last frame, None where open

    def __init__(self, canvas: Canvas, player: Player, drawing: DrawingControls, window: QWidget) -> None:
        super().__init__(window)
        self._canvas, self._player, self._drawing, self._window = canvas, player, drawing, window
        self.range: tuple[int | None, int | None] = (None, None)

    def toggle_play(self) -> None:
        """Play or pause; a box that is drawn or offered is accepted and tracked."""
        if self._canvas.box is None or not self._drawing.accept():
            self._player.play(not self._player.is_playing)

    def toggle_tracking(self) -> None:
        """Start tracking (on the box that is drawn or offered, if any) or stop it."""
        if self._canvas.box is not None:
            self._drawing.accept()
        elif not self._player.summary.targets:
            self._drawing.draw()
        else:
            self._player.track(not (self._player.is_tracking and self._player.is_playing))

    def ask_track_some(self) -> None:
        """Ask how many frames to track, and track them."""
        count, is_given = QInputDialog.getInt(
            self._window, self.tr("Track"), self.tr("Frames to track:"), 100, 1, MOST_FRAMES
        )
        if is_given:
            self._drawing.accept()
            self._player.track_frames(count)

    def step(self, count: int) -> None:
        """Go by frames, forwards or back."""
        self._player.step(count)

    def go_to_start(self) -> None:
        """Go to the first frame, of the range if there is one."""
        self._player.seek(self.range[0] or 0)

    def go_to_end(self) -> None:
        """Go to the last frame, of the range if there is one."""
        source = self._player.source
        if source is not None and source.frame_count:
            self._player.seek(self.range[1] if self.range[1] is not None else source.frame_count - 1)

    def ask_frame(self) -> None:
        """Ask for a frame number and go there."""
        source, here = self._player.source, self._here()
        if source is None or here is None or not source.frame_count:
            return
        index, is_given = QInputDialog.getInt(
            self._window, self.tr("Go to frame"), self.tr("Frame:"), here, 0, source.frame_count - 1
        )
        if is_given:
            self._player.seek(index)

    def go_to_key(self, direction: int) -> None:
        """Go to the next (1) or the previous (−1) key frame of any target."""
        here = self._here()
        if here is None:
            return
        keys = sorted({key for target in self._player.summary.targets for key in target.key_frames})
        beyond = [key for key in keys if key > here] if direction > 0 else [key for key in keys if key < here][::-1]
        if beyond:
            self._player.seek(beyond[0])

    def change_speed(self, steps: int) -> None:
        """Play faster or more slowly."""
        self._player.change_speed(steps)
        self.speed_changed.emit(self._player.speed)

    def set_speed(self, speed: float) -> None:
        """Play at `speed` times the source's rate; 0 is as fast as possible."""
        self._player.set_speed(speed)
        self.speed_changed.emit(speed)

    def mark_start(self) -> None:
        """Let the range begin at this frame."""
        here = self._here()
        if here is not None:
            last = self.range[1]
            self.set_range(here, last if last is None or last > here else None)

    def mark_end(self) -> None:
        """Let the range end at this frame."""
        here = self._here()
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

    def forget(self) -> None:
        """Start afresh with another source."""
        if self.range != (None, None):
            self.range = (None, None)
            self.range_changed.emit(None, None)

    def _here(self) -> int | None:
        view = self._canvas.frame_view
        return None if view is None else view.frame.index
