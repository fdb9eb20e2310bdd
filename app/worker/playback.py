"""Which frame comes next, and when: playing, stepping and seeking in what the session has open."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from PyQt5.QtCore import QT_TRANSLATE_NOOP, QObject, Qt, QTimer, pyqtSignal, pyqtSlot

from app.session.frame_view import FrameView
from app.session.session import Session
from app.session.summary import summarise
from app.worker.clock import PlaybackClock
from app.worker.live_reader import LiveReader
from app.worker.loss_watch import LossWatch
from app.worker.messages import Messages, reported
from app.worker.seek_wish import SeekWish
from tracker_core.types import Frame, FrameSource

Task = Callable[[], None]
WayBack = Callable[[], FrameView | None]


class Playback(QObject):
    """Steps the session: a recording in real time, a live source as its images come.

    The next frame is read and tracked while the present one is on screen, and shown when it is due. Everything but
    `want_index` and `interrupt` belongs to the worker's thread. `save` keeps results across a crash, `tell_new_run`
    says where tracking started a run of its own; it comes before every frame.
    """

    _arrived = pyqtSignal(object)  # LiveReader; sent by its thread

    def __init__(self, session: Session, messages: Messages, save: Task, tell_new_run: Task) -> None:
        super().__init__(messages)
        self.messages = messages
        self._session, self._save, self._tell_new_run = session, save, tell_new_run
        self._clock = PlaybackClock()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._arrived.connect(self._take_live)
        self._waiting: FrameView | None = None  # read and tracked, but not due yet
        self._reader: LiveReader | None = None
        self._interrupted = threading.Event()
        self._wish = SeekWish()
        self._losses = LossWatch()
        self._range: tuple[int | None, int | None] = (None, None)
        self._frames_left: int | None = None
        self._way_back: WayBack | None = None
        self._is_looping = self._pauses_on_lost = self._is_frozen = False
        self.is_playing = False

    # --- any thread ---------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Step no more, even before requests that wait are served."""
        self._interrupted.set()

    def want_index(self, index: int) -> bool:
        """Note the frame to go to; True if `seek` must be asked for, False if it is on its way already."""
        return self._wish.put(index)

    # --- requests -----------------------------------------------------------------------------------------

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot play"))
    def play(self, is_playing: bool) -> None:
        """Play or pause."""
        if is_playing and not self.is_playing and _is_at_end(self._session, self._range[1]):
            self.go_to(self._range[0] or 0)
        self.set_playing(is_playing and self._session.source is not None)

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot step"))
    def step(self, count: int) -> None:
        """Go `count` frames forwards or back; one frame forwards is tracked while tracking is on."""
        self.set_playing(False)
        source, position = self._session.source, self._session.position
        if source is None or position is None:
            return
        if source.is_live and count == 1:
            self.set_playing(True, frames=1)
        elif count == 1:
            if (view := self._read_next()) is not None:
                self._present(view)
                self._tell()
        else:
            self.go_to(max(0, position + count))

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot go there"))
    def seek(self) -> None:
        """Go to the frame noted last by `want_index`; earlier wishes that were not served yet are forgotten."""
        if (index := self._wish.take()) is not None:
            self.go_to(index)

    def freeze(self, is_frozen: bool) -> None:
        """Hold the image while the user draws; a live source continues to capture meanwhile."""
        if is_frozen:
            self._is_frozen = self._is_frozen or self.is_playing
            self.set_playing(False)
        elif self._is_frozen:
            self.set_playing(True)

    def set_speed(self, speed: float) -> None:
        """Play at `speed` times real time; 0 is as fast as possible."""
        self._clock.speed = speed
        if self._waiting is not None:
            self._arm(self._waiting.frame)

    def set_loop(self, is_looping: bool) -> None:
        """Play from the start again at the end."""
        self._is_looping = is_looping

    def set_range(self, first: int | None, last: int | None) -> None:
        """Play between two frames, both included; None is the video's own start or end."""
        self._range = (first, last)

    def set_pause_on_lost(self, pauses: bool) -> None:
        """Pause when a target is lost."""
        self._pauses_on_lost = pauses

    def start_source(self, source: FrameSource) -> None:
        """Begin with another source; a live one plays from the start."""
        self.end_source()
        self._range = (None, None)
        if source.is_live:
            self._reader = LiveReader(source, self._arrived.emit)
            self.set_playing(True)

    def end_source(self) -> None:
        """Play no more from the present source; call it before the source is closed."""
        self.set_playing(False)
        self.set_tracking(False)
        self._losses.clear()
        self._is_frozen = False
        if self._reader is not None:
            self._reader.stop()
            self._reader = None

    def thaw(self) -> None:
        """Hold the image no longer; what was playing before stays paused."""
        self._is_frozen = False

    def go_to(self, index: int) -> None:
        """Show frame `index`; a live source, which may have been opened since this was asked for, has none."""
        self.present_waiting()
        if self._session.source is not None and self._session.source.is_seekable:
            self.show(self._session.seek(index))

    def show(self, view: FrameView | None) -> None:
        """Show a frame outside the course of playing, which continues from it."""
        if view is None:
            return
        self._waiting = None
        self._losses.start_from(view)
        self.messages.post_view(view)
        self._clock.start(view.frame.time_s)
        if self.is_playing:
            self._timer.start(0)

    def stop_playing(self, stops_tracking: bool) -> None:
        """Stop after an error; what the frame that failed gave before that is shown, and all that was done is saved."""
        self.set_playing(False)
        self._tell()
        if stops_tracking:
            self.set_tracking(False)
            self.messages.post_replaced(self._session.curves())

    def set_playing(self, is_playing: bool, frames: int | None = None, way_back: WayBack | None = None) -> None:
        """Play (`frames` frames, None: all) or pause; a frame that waits for its time is shown before the pause.

        Tracking takes up what a live source captured meanwhile. `way_back` tracks the frame before and returns it.
        """
        if self._way_back is not None and not is_playing:
            self.set_tracking(False)
        self._frames_left, self._way_back = frames, way_back
        if is_playing and not self.is_playing:
            self.is_playing = True
            if self._is_frozen and self._session.is_tracking:
                self._session.catch_up()
            self.thaw()
            if self._session.frame is not None:
                self._clock.start(self._session.frame.time_s)
            self._timer.start(0)
            self.messages.playing_changed.emit(True)
        elif not is_playing and self.is_playing:
            self.is_playing = False
            self._timer.stop()
            self.present_waiting()
            self.messages.playing_changed.emit(False)
            self._tell()

    def _tell(self) -> None:
        self._save()
        self.messages.summary_changed.emit(summarise(self._session))

    def set_tracking(self, is_tracking: bool) -> None:
        """Compute results where there are none, or only show what is known."""
        if is_tracking != self._session.is_tracking:
            self._session.is_tracking = is_tracking
            self.messages.tracking_changed.emit(is_tracking)

    @pyqtSlot()
    @reported(QT_TRANSLATE_NOOP("worker", "Playing stopped"), stops_tracking=True)
    def _tick(self) -> None:
        """Show the frame that is due and prepare the one after it."""
        self.present_waiting()
        if not self.is_playing or self._interrupted.is_set():
            return
        if self._reader is not None and not self._session.has_caught_up_frames:
            self._reader.want()
            return
        if (view := self._read_next()) is None:
            self.set_playing(False)
        else:
            self._waiting = view
            self._arm(view.frame)

    @pyqtSlot(object)
    @reported(QT_TRANSLATE_NOOP("worker", "Playing stopped"), stops_tracking=True)
    def _take_live(self, reader: LiveReader) -> None:
        """Show the image that a live source gave; one that comes while paused is dropped."""
        if reader is not self._reader or not self.is_playing or self._interrupted.is_set():
            return
        if (frame := reader.take()) is None:
            self.set_playing(False)
            return
        if self._session.position is None or frame.index > self._session.position:
            self._present(_timed(partial(self._session.take, frame)))
        if self.is_playing:
            self._timer.start(0)

    def _read_next(self) -> FrameView | None:
        """Return the next frame in the range, tracked; where it ends the first one if playing loops, else None."""
        if self._way_back is not None:
            return _timed(self._way_back)
        (first, last), session = self._range, self._session
        goes_on = last is None or session.position is None or session.position < last
        if goes_on and (view := _timed(session.read_next)) is not None:
            return view
        self.messages.ended.emit()
        if self._is_looping and self.is_playing and session.source is not None and session.source.is_seekable:
            return session.seek(first or 0)
        return None

    def _arm(self, frame: Frame) -> None:
        """Set the timer for a frame that waits; one that is late, or live, is shown at once."""
        source = self._session.source
        if source is not None:
            nominal_s, is_backwards = 1.0 / source.fps, self._way_back is not None
            wait_s = 0.0 if source.is_live else self._clock.seconds_until(frame.time_s, nominal_s, is_backwards)
            self._timer.start(round(wait_s * 1e3))

    def present_waiting(self) -> None:
        """Show a frame that waits for its time now: after a change of the runs it might be one of another run."""
        view, self._waiting = self._waiting, None
        if view is not None:
            self._clock.advance()
            self._present(view)

    def _present(self, view: FrameView) -> None:
        self._tell_new_run()
        self.messages.post_view(view, is_new=self._session.is_tracking)
        for number in self._losses.look_at(view):
            self.messages.target_lost.emit(view.name_of(number), view.frame.index)
            if self._pauses_on_lost and self._session.is_tracking:
                self.set_playing(False)
        if self._frames_left is not None:
            self._frames_left -= 1
            if self._frames_left <= 0:
                self.set_playing(False)
        if self._session.is_tracking:
            self._save()


def _is_at_end(session: Session, last: int | None) -> bool:
    """Tell whether playing would stop at once: at the end of the range, `last`, or without one at the last frame."""
    source, position = session.source, session.position
    if source is None or position is None or not source.is_seekable:
        return False
    if last is None and source.frame_count is not None and position >= source.frame_count - 1:
        last = source.last_index()  # until the end was seen, the count is an estimate
    return last is not None and position >= last


View = TypeVar("View", FrameView, FrameView | None)


def _timed(read: Callable[[], View]) -> View:
    """Read a frame; what the tracker did not spend of the time it took counts as decoding."""
    started = time.perf_counter()
    view = read()
    if view is None:
        return view
    decode_ms = (time.perf_counter() - started) * 1e3 - view.timings.update_ms
    return replace(view, timings=replace(view.timings, decode_ms=max(0.0, decode_ms)))
