"""What the window asks beyond tracking on: tracking backwards, up to a key frame, and filling gaps from both sides."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PyQt5.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QObject, QTimer, pyqtSlot

from app.session.backwards import BackwardTracking
from app.session.gap_filling import GapFilling
from app.session.left_off import left_off
from app.session.session import Session
from app.worker.edits import EditRequests
from app.worker.messages import Messages, reported
from app.worker.playback import Playback
from tracker_core.errors import InputError

SLICE_S = 0.03  # of filling, between which other requests are served


class GapRequests(QObject):
    """Serves them in the worker's thread. Filling continues beside other requests; playing and edits end it."""

    def __init__(self, session: Session, playback: Playback, edits: EditRequests) -> None:
        super().__init__(playback.messages)
        self.messages: Messages = playback.messages
        self._session, self._playback, self._edits = session, playback, edits
        self._filling: GapFilling | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._fill_on)

    def stop_playing(self, stops_tracking: bool) -> None:
        """Stop after an error; a gap stays as it was."""
        self._end_filling()
        self._playback.stop_playing(stops_tracking)

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot track backwards"), stops_tracking=True)
    def track_back(self, to_start: bool, frames: int | None, first: int) -> None:
        """Track back to the key frame before, or `to_start`: `frames` at most, and not to before frame `first`."""
        self._playback.set_playing(False)
        way = BackwardTracking(self._session, to_start=to_start, first=first)
        self._edits.announce(replaced=True, view=self._session.view())
        self._playback.set_tracking(True)
        self._playback.set_playing(True, frames=frames, way_back=way.step)

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot track"), stops_tracking=True)
    def track_to_key(self) -> None:
        """Track from here to the next key frame of any target, then pause."""
        self.go_to_where_it_left_off()
        here = self._session.position or 0
        keys = [target.key_after(here) for target in self._session.targets.values()]
        following = min((key for key in keys if key is not None), default=None)
        if following is None:
            raise InputError(f"There is no key frame after frame {here}; tracking (T) continues to the end.")
        self._playback.set_tracking(True)
        self._playback.set_playing(True, frames=following - here)

    def go_to_where_it_left_off(self) -> None:
        """Go back to where the targets that are missing here were tracked to; a live source has no way back."""
        session, source = self._session, self._session.source
        if source is None or not source.is_seekable or session.position is None:
            return
        if (last := left_off(session.targets.values(), session.position)) is not None:
            self.messages.notice.emit(_text("Tracking resumes at frame {}.").format(last))
            self._playback.go_to(last)

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot fill a gap"))
    def fill(self, numbers: Sequence[int], bounds: tuple[int, int] | None, is_tracked: bool) -> None:
        """Fill the gaps of some targets, at the present frame or between two frames (both included).

        They are tracked from both sides, or interpolated; the results are put in all at once, when they are complete.
        """
        self._playback.set_playing(False)
        self._end_filling()
        self._filling = GapFilling(self._session, numbers, bounds, is_tracked)
        self._timer.start(0)

    @pyqtSlot()  # else it would run in the thread in which it was connected
    @reported(QT_TRANSLATE_NOOP("worker", "Cannot fill a gap"))
    def _fill_on(self) -> None:
        """Fill on for a moment; put everything in at the end."""
        filling, until_s = self._filling, time.perf_counter() + SLICE_S
        if filling is None or not filling.is_valid or self._playback.is_playing:
            self._end_filling(_text("Filling was stopped; nothing was changed."))
            return
        while filling.step():
            if time.perf_counter() >= until_s:
                self.messages.busy.emit(_text("Filling: {} of {} frames").format(filling.done, filling.total))
                return
        self._end_filling()
        count = filling.put_in()
        self._edits.follow_up()
        text = _text("Filled 1 frame.") if count == 1 else _text("Filled {} frames.").format(count)
        self.messages.notice.emit(text)

    def _end_filling(self, notice: str = "") -> None:
        self._timer.stop()
        if self._filling is not None:
            self._filling = None
            self.messages.busy.emit("")
            if notice:
                self.messages.notice.emit(notice)


def _text(text: str) -> str:
    return QCoreApplication.translate("worker", text)
