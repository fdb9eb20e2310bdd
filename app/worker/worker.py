"""The session in a thread of its own: queued signals in, views through a mailbox out, one frame per slot."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace

from PyQt5.QtCore import QObject, Qt, QThread, QTimer, pyqtSignal, pyqtSlot

from app.session.export import collect_results
from app.session.frame_view import FrameView, SessionSummary
from app.session.journal import Journal
from app.session.replay import ReplayRequest, open_replay
from app.session.session import Session
from app.session.summary import summarise, summarise_source
from app.session.targets import Target
from app.session.tracking_runs import TrackerChoice, TrackerFactory
from app.window.data_sets import sequences_of_data_set
from app.worker.mailbox import Mailbox
from tracker_core.config import TrackingConfig
from tracker_core.errors import SiamscopeError, SourceEnded
from tracker_core.results.run_file import save_run
from tracker_core.sources.cameras import list_cameras
from tracker_core.types import Frame, FrameSource, TrackingState

logger = logging.getLogger(__name__)

AS_FAST_AS_POSSIBLE = 0.0
AUTOSAVE_S = 3.0
SourceOpener = Callable[[str], FrameSource]


@dataclass(frozen=True)
class BoxRequest:
    """A box to start on: in `frame`, for target `number` (None adds one); `track` starts tracking at once.

    `serial` is that of the source which the frame is from: another one may have been opened meanwhile.
    """

    serial: int
    frame: Frame
    box_xywh: tuple[float, float, float, float]
    number: int | None = None
    track: bool = False


@dataclass(frozen=True)
class Failure:
    """What the window shows of an error: one sentence, and the traceback for "copy details"."""

    title: str
    sentence: str
    details: str
    is_out_of_memory: bool = False


class Worker(QObject):
    """Owns the session; lives in a `WorkerThread`. Only slots are called from outside, through queued signals.

    Exceptions: `mailbox` and `interrupt` may be used from any thread.
    """

    mail_arrived = pyqtSignal()
    opened = pyqtSignal(object)  # SourceSummary
    summary_changed = pyqtSignal(object)  # SessionSummary
    playing_changed = pyqtSignal(bool)
    tracking_changed = pyqtSignal(bool)
    tracker_ready = pyqtSignal(object)  # TrackingConfig
    busy = pyqtSignal(str)  # what takes a moment; empty when done
    notice = pyqtSignal(str)
    failed = pyqtSignal(object)  # Failure
    target_lost = pyqtSignal(int, int)  # number, index
    sequences_found = pyqtSignal(object)  # list[SequenceInfo] of a data set
    cameras_found = pyqtSignal(object)  # list[Camera]
    results_written = pyqtSignal(str)  # path
    finished = pyqtSignal()

    def __init__(
        self, tracker_factory: TrackerFactory, open_source: SourceOpener, journal_folder: str | None = None
    ) -> None:
        super().__init__()
        self.mailbox = Mailbox()
        self._open_source = open_source
        self._session = Session(tracker_factory)
        self._journal = Journal(journal_folder)
        self._is_replay = False
        self._stop = threading.Event()
        self._seek_lock = threading.Lock()
        self._wanted_index: int | None = None
        self._timer: QTimer | None = None
        self._is_playing = False
        self._is_frozen = False
        self._speed = 1.0
        self._loop = False
        self._range: tuple[int | None, int | None] = (None, None)
        self._frames_left: int | None = None
        self._due_s = 0.0
        self._pause_on_lost = False
        self._last_states: dict[int, TrackingState] = {}
        self._saved_s = 0.0

    # --- any thread ---------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Stop stepping at once, before queued requests are served; a live source stops waiting for its image."""
        self._stop.set()
        source = self._session.source
        if source is not None and source.is_live:
            threading.Thread(target=source.close, name="close source", daemon=True).start()

    def want_index(self, index: int) -> bool:
        """Note the frame to go to; True if `seek` must be signalled, False if it is on its way already."""
        with self._seek_lock:
            was_idle, self._wanted_index = self._wanted_index is None, index
            return was_idle

    # --- slots --------------------------------------------------------------------------------------------

    @pyqtSlot()
    def start(self) -> None:
        """Make what has to belong to the worker's thread."""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    @pyqtSlot(str)
    def open(self, spec: str) -> None:
        """Open a source; on an error the present one stays open."""
        with _Guarded(self, self.tr("Cannot open")):
            self._set_playing(False)
            self.busy.emit(self.tr("Opening {}").format(spec))
            sequences = sequences_of_data_set(spec)
            if sequences:
                self.sequences_found.emit(sequences)
                self.notice.emit(self.tr("{} sequences were found; choose one.").format(len(sequences)))
                self.busy.emit("")
                return
            source = self._open_source(spec)
            self._take_source(source, spec, None)
        self.busy.emit("")

    @pyqtSlot(object)
    def replay(self, request: ReplayRequest) -> None:
        """Open a benchmark's sequence with the result of a tracker; nothing of it is kept as the user's own."""
        with _Guarded(self, self.tr("Cannot replay")):
            self._set_playing(False)
            self.busy.emit(self.tr("Opening {}").format(request.sequence))
            source, target = open_replay(request)
            self._take_source(source, request.sequence, target)
            if request.go_to is not None:
                self._show(self._session.seek(request.go_to))
        self.busy.emit("")

    def _take_source(self, source: FrameSource, spec: str, shown: Target | None) -> None:
        """Show another source, with results to look at or with those that were saved for it."""
        self._set_tracking(False)
        self._save_results()
        self._session.close_source()
        view = self._session.open(source, spec)
        self._last_states.clear()
        self._range = (None, None)
        self._is_replay = shown is not None
        restored = self._journal.restore(spec, source) if shown is None else {shown.number: shown}
        if restored:
            self._session.restore(restored)
            view = self._session.view()
            if shown is None:
                self.notice.emit(
                    self.tr(
                        "{} results of an earlier session were restored; 'Clear all targets' discards them."
                    ).format(self._session.restored)
                )
        summary = summarise_source(self._session)
        self._tell(self.mailbox.post_source(summary))
        self.opened.emit(summary)
        self._announce(replaced=True)
        if view is not None:
            self._deliver(view, is_new=False)
        for warning in getattr(source, "warnings", ()):
            self.notice.emit(warning)
        if source.is_live:
            self._set_playing(True)

    @pyqtSlot()
    def prepare_tracker(self) -> None:
        """Build the tracker ahead of the first box, so that the first track starts at once.

        Trouble is a notice only: nobody has asked for a tracker yet, and the first box will say it in full.
        """
        with _Guarded(self, self.tr("No tracker")):
            self.busy.emit(self.tr("Loading the tracker"))
            try:
                self.tracker_ready.emit(self._session.build_tracker().tracking)
            except SiamscopeError as error:
                logger.warning("%s", error)
                self.busy.emit("")
                self.notice.emit(str(error))
                return
            self._announce()
        self.busy.emit("")

    @pyqtSlot(bool)
    def play(self, is_playing: bool) -> None:
        """Play or pause."""
        with _Guarded(self, self.tr("Cannot play")):
            if is_playing and self._session.source is None:
                return
            self._frames_left = None
            self._set_playing(is_playing)

    @pyqtSlot(bool)
    def track(self, is_tracking: bool) -> None:
        """Start tracking where it left off (playing on), or stop at once."""
        with _Guarded(self, self.tr("Cannot track")):
            self._frames_left = None
            if is_tracking:
                self._go_to_frontier()
            self._set_tracking(is_tracking and bool(self._session.targets))
            self._set_playing(self._session.is_tracking)

    @pyqtSlot(int)
    def track_frames(self, count: int) -> None:
        """Track the next `count` frames, then pause."""
        with _Guarded(self, self.tr("Cannot track")):
            if self._session.targets and count > 0:
                self._go_to_frontier()
                self._set_tracking(True)
                self._set_playing(True)
                self._frames_left = count

    @pyqtSlot(int)
    def step(self, count: int) -> None:
        """Go `count` frames forwards or back; one frame forwards is tracked while tracking is on."""
        with _Guarded(self, self.tr("Cannot step")):
            self._set_playing(False)
            position = self._session.position
            if position is None:
                return
            if count == 1:
                self._step_once()
            elif self._is_seekable():
                self._show(self._session.seek(max(0, position + count)))

    @pyqtSlot()
    def seek(self) -> None:
        """Go to the frame noted last by `want_index`; earlier wishes that were not served yet are forgotten."""
        with self._seek_lock:
            index, self._wanted_index = self._wanted_index, None
        if index is None:
            return
        with _Guarded(self, self.tr("Cannot go there")):
            self._due_s = 0.0
            if self._is_seekable():
                self._show(self._session.seek(index))

    @pyqtSlot(object)
    def begin(self, request: BoxRequest) -> None:
        """Start a target on a box, or correct one; what came before stays."""
        if request.serial != self._session.serial:
            return
        with _Guarded(self, self.tr("Cannot start here")):
            self.busy.emit(self.tr("Starting on the box"))
            was_frozen, self._is_frozen = self._is_frozen, False
            self._is_replay = False  # from here on it is the user's work
            number = self._session.begin(request.frame, request.box_xywh, request.number)
            self._last_states[number] = TrackingState.TRACKING
            self.tracker_ready.emit(self._session.build_tracker().tracking)
            if was_frozen:
                self._session.catch_up()
            self._announce(replaced=True)
            self._show(self._session.view())
            if request.track:
                self._set_tracking(True)
                self._set_playing(True)
            elif was_frozen:
                self._set_playing(True)
        self.busy.emit("")

    @pyqtSlot(bool)
    def freeze(self, is_frozen: bool) -> None:
        """Hold the image while the user draws; a live source goes on capturing meanwhile."""
        if is_frozen:
            self._is_frozen = self._is_playing
            self._set_playing(False)
        elif self._is_frozen:
            self._is_frozen = False
            self._set_playing(True)

    @pyqtSlot(int)
    def remove_target(self, number: int) -> None:
        """Forget a target."""
        self._session.remove_target(number)
        self._after_edit()

    @pyqtSlot()
    def clear_targets(self) -> None:
        """Forget all targets."""
        self._session.clear_targets()
        self._after_edit()

    @pyqtSlot()
    def undo(self) -> None:
        """Take back the last box or removal."""
        if self._session.undo():
            self._after_edit()
        else:
            self.notice.emit(self.tr("There is no box to undo."))

    @pyqtSlot()
    def run_again(self) -> None:
        """Track everything anew from its key frames; the run so far becomes the ghost."""
        with _Guarded(self, self.tr("Cannot track")):
            start = self._session.run_again() if self._is_seekable() else None
            if start is not None:
                self._announce(replaced=True)
                self._show(self._session.seek(start))
                self._set_tracking(True)
                self._set_playing(True)

    @pyqtSlot(object)
    def choose_tracker(self, choice: TrackerChoice) -> None:
        """Use another tracker, weights or device; on an error the present one stays."""
        with _Guarded(self, self.tr("Cannot use this tracker")):
            self.busy.emit(self.tr("Loading the tracker"))
            self._session.choose_tracker(choice)
            self.tracker_ready.emit(self._session.build_tracker().tracking)
            self._announce(replaced=True)
        self.busy.emit("")

    @pyqtSlot(object)
    def set_tracking_config(self, tracking: TrackingConfig) -> None:
        """Use other parameters from the next frame on."""
        with _Guarded(self, self.tr("Cannot use these parameters")):
            self._session.set_tracking_config(tracking)
            if self._session.is_tracking:
                self._announce(replaced=True)

    @pyqtSlot(bool)
    def set_debug(self, wants_debug: bool) -> None:
        """Say whether anything visible needs the tracker's inner state."""
        with _Guarded(self, self.tr("Cannot show this")):
            changed, self._session.wants_debug = self._session.wants_debug != wants_debug, wants_debug
            if changed and wants_debug and not self._is_playing:
                self._show(self._session.view())

    @pyqtSlot(float)
    def set_speed(self, speed: float) -> None:
        """Play at `speed` times the source's rate; 0 is as fast as possible."""
        self._speed, self._due_s = speed, 0.0

    @pyqtSlot(bool)
    def set_loop(self, is_looping: bool) -> None:
        """Begin again at the end."""
        self._loop = is_looping

    @pyqtSlot(object)
    def set_range(self, bounds: tuple[int | None, int | None]) -> None:
        """Play between two frames, both included; None is the video's own start or end."""
        self._range = bounds

    @pyqtSlot(bool)
    def set_pause_on_lost(self, pauses: bool) -> None:
        """Pause when a target is lost."""
        self._pause_on_lost = pauses

    @pyqtSlot(bool)
    def set_autosave(self, is_on: bool) -> None:
        """Keep results across a crash, or not."""
        self._journal.is_on = is_on

    @pyqtSlot()
    def find_cameras(self) -> None:
        """Look which cameras there are."""
        with _Guarded(self, self.tr("Cannot look for cameras")):
            self.cameras_found.emit(list_cameras())

    @pyqtSlot(str)
    def write_results(self, path: str) -> None:
        """Write all results as JSON to `path`, for an export that runs in another process."""
        with _Guarded(self, self.tr("Cannot export")):
            save_run(path, collect_results(self._session))
            self.results_written.emit(path)

    @pyqtSlot()
    def close_source(self) -> None:
        """Save what was found and close the source; the window shows nothing then."""
        with _Guarded(self, self.tr("Cannot close")):
            self._set_playing(False)
            self._set_tracking(False)
            self._save_results()
            self._session.close_source()
            self._tell(self.mailbox.post_source(None))
            self._announce()

    @pyqtSlot()
    def close(self) -> None:
        """Save, release the source and end the thread's work."""
        try:
            self._set_playing(False)
            self._save_results()
            self._session.close_source()
        except SiamscopeError as error:
            logger.warning("%s", error)
        except Exception:  # closing must reach its end whatever a driver raises
            logger.exception("Closing failed")
        finally:
            self.finished.emit()

    # --- stepping -----------------------------------------------------------------------------------------

    @pyqtSlot()
    def _tick(self) -> None:
        if not self._is_playing or self._stop.is_set():
            return
        with _Guarded(self, self.tr("Playing stopped"), stops=True):
            if self._step_once() and self._is_playing:
                self._arm()

    def _step_once(self) -> bool:
        """Show the next frame; False at the end."""
        session = self._session
        first, last = self._range
        if last is not None and session.position is not None and session.position >= last:
            return self._reach_end(first or 0)
        started = time.perf_counter()
        view = session.read_next()
        if view is None:
            return self._reach_end(first or 0)
        elapsed_ms = (time.perf_counter() - started) * 1e3
        view = _with_decode_time(view, elapsed_ms)
        self._deliver(view, is_new=session.is_tracking)
        self._watch_states(view)
        if self._frames_left is not None:
            self._frames_left -= 1
            if self._frames_left <= 0:
                self._frames_left = None
                self._set_playing(False)
        if session.is_tracking and time.monotonic() - self._saved_s > AUTOSAVE_S:
            self._save_results()
        return True

    def _reach_end(self, first: int) -> bool:
        source = self._session.source
        if self._loop and self._is_playing and source is not None and source.is_seekable:
            self._show(self._session.seek(first))
            return True
        self._set_playing(False)
        self._announce()
        return False

    def _arm(self) -> None:
        """Set the timer for the next frame: at the source's rate, at once if it is late."""
        assert self._timer is not None
        source = self._session.source
        if source is None:
            return
        now = time.perf_counter()
        if source.is_live or self._speed == AS_FAST_AS_POSSIBLE:
            self._timer.start(0)
            return
        period = 1.0 / (source.fps * self._speed)
        self._due_s = self._due_s + period if now - self._due_s < 3 * period else now + period
        self._timer.start(max(0, round((self._due_s - now) * 1e3)))

    def _is_seekable(self) -> bool:
        """A request may come late, when a live source was opened meanwhile."""
        return self._session.source is not None and self._session.source.is_seekable

    def _go_to_frontier(self) -> None:
        """Go back to where tracking stopped if the present frame lies past it."""
        session = self._session
        frontier, source = session.frontier(), session.source
        if source is None or not source.is_seekable or frontier is None or session.position is None:
            return
        if frontier < session.position and not session.is_tracked_here():
            self.notice.emit(self.tr("Tracking goes on from frame {}.").format(frontier))
            self._show(session.seek(frontier))

    def _watch_states(self, view: FrameView) -> None:
        for target in view.targets:
            if target.result is None:
                continue
            state = target.result.state
            was = self._last_states.get(target.number)
            self._last_states[target.number] = state
            if state is TrackingState.LOST and was is not TrackingState.LOST:
                self.target_lost.emit(target.number, view.frame.index)
                if self._pause_on_lost and self._session.is_tracking:
                    self._set_playing(False)

    # --- telling the window -------------------------------------------------------------------------------

    def _show(self, view: FrameView | None) -> None:
        if view is not None:
            self._deliver(view, is_new=False)

    def _deliver(self, view: FrameView, is_new: bool) -> None:
        rows = [replace(target.row, is_new=is_new) for target in view.targets if target.row is not None]
        self._tell(self.mailbox.post_view(view, rows))

    def _announce(self, replaced: bool = False) -> None:
        """Send the summary, and all stored rows where some were replaced."""
        summary: SessionSummary = summarise(self._session)
        self.summary_changed.emit(summary)
        if replaced:
            self._tell(self.mailbox.post_replaced(self._session.rows()))

    def _tell(self, was_empty: bool) -> None:
        """Say once that there is something in the mailbox, until the window has taken it."""
        if was_empty:
            self.mail_arrived.emit()

    def _after_edit(self) -> None:
        with _Guarded(self, self.tr("Cannot change the targets")):
            if not self._session.targets:
                self._set_tracking(False)
            self._announce(replaced=True)
            self._show(self._session.view())
            self._save_results()

    def _set_playing(self, is_playing: bool) -> None:
        if is_playing and not self._is_playing:
            self._stop.clear()
            self._is_playing, self._due_s = True, time.perf_counter()
            assert self._timer is not None
            self._timer.start(0)
            self.playing_changed.emit(True)
        elif not is_playing and self._is_playing:
            self._is_playing = False
            assert self._timer is not None
            self._timer.stop()
            self.playing_changed.emit(False)
            self._save_results()
            self._announce()

    def _set_tracking(self, is_tracking: bool) -> None:
        if is_tracking != self._session.is_tracking:
            self._session.is_tracking = is_tracking
            self.tracking_changed.emit(is_tracking)

    def _save_results(self) -> None:
        self._saved_s = time.monotonic()
        source = self._session.source
        if source is not None and not self._is_replay:
            self._journal.save(self._session.spec, source, self._session.targets)

    def fail(self, title: str, error: BaseException, stops: bool) -> None:
        """Report an error that a slot met; playing stops, results stay."""
        self._set_playing(False)
        if stops:
            self._set_tracking(False)
        details = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        if isinstance(error, SiamscopeError):
            logger.warning("%s: %s", title, error)
            sentence = str(error)
        else:
            logger.error("%s\n%s", title, details)
            sentence = self.tr("Something went wrong that should not have ({}). Results so far are kept.").format(
                type(error).__name__
            )
        if isinstance(error, SourceEnded):
            sentence += " " + self.tr("What was tracked so far is kept.")
        out_of_memory = is_out_of_memory(error)
        if out_of_memory:
            sentence = self.tr("The GPU has no memory left. Results so far are kept.")
        self.failed.emit(Failure(title, sentence, details, out_of_memory))


class _Guarded:
    """Runs a slot's body; an exception becomes `failed` instead of ending the process."""

    def __init__(self, worker: Worker, title: str, stops: bool = False) -> None:
        self._worker, self._title, self._stops = worker, title, stops

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        self._worker.fail(self._title, error, self._stops)
        return True


class WorkerThread(QThread):
    """The thread of one worker; it ends when the worker says `finished`."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self.setObjectName("worker")
        worker.moveToThread(self)
        self.started.connect(worker.start)
        # directly: queued, it would wait for the window's thread, which waits for this one to end
        worker.finished.connect(self.quit, Qt.DirectConnection)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Tell whether an error, or what caused it, is a GPU without memory."""
    while error is not None:
        if type(error).__name__ == "OutOfMemoryError" or "out of memory" in str(error).lower():
            return True
        error = error.__cause__
    return False


def _with_decode_time(view: FrameView, elapsed_ms: float) -> FrameView:
    """Return the view with the time of the step that the tracker did not spend counted as decoding."""
    decode_ms = max(0.0, elapsed_ms - view.timings.update_ms)
    return replace(view, timings=replace(view.timings, decode_ms=decode_ms))
