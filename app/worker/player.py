"""The window's side of the worker: starts its thread, turns calls into queued signals, and shuts it down."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import QObject, pyqtSignal

from app.session.frame_view import SessionSummary, SourceSummary
from app.session.replay import ReplayRequest
from app.session.trackers import TrackerChoice, TrackerFactory
from app.worker.driver import SourceOpener
from app.worker.edit_calls import EditCalls
from app.worker.mailbox import Delivery
from app.worker.messages import BoxRequest
from app.worker.worker import Worker, WorkerThread
from tracker_core.config import TrackingConfig
from tracker_core.rendering.recording import RecordingLimits, RecordingStatus

logger = logging.getLogger(__name__)

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 0.0)  # the last one: as fast as possible
SHUT_DOWN_MS = 15_000


class Player(EditCalls):
    """Asks the worker for things and remembers what it last said; nothing here waits.

    Signals of the worker are to be connected through `worker`; the state kept here is up to date before them.
    """

    speed_changed = pyqtSignal(float)  # times real time, 0 is as fast as possible
    _close = pyqtSignal()

    def __init__(
        self,
        tracker_factory: TrackerFactory,
        open_source: SourceOpener,
        journal_folder: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.worker = Worker(tracker_factory, open_source, journal_folder)
        self._driver, self._playback = self.worker.driver, self.worker.playback
        self._edits = self._driver.edits
        self.source: SourceSummary | None = None
        self.summary = SessionSummary()
        self.tracking: TrackingConfig | None = None
        self.choice = TrackerChoice()
        self.is_playing = False
        self.is_tracking = False
        self.recording: RecordingStatus | None = None
        self.unsaved = ""  # why results of the source cannot be saved
        self.wants_debug = False
        self.explained: int | None = None  # the target that it is wanted of, None for all
        self.speed = 1.0
        self._is_shut = False
        self._asked.connect(self.worker.serve)
        self._close.connect(self.worker.close)
        self.worker.summary_changed.connect(self._keep_summary)
        self.worker.playing_changed.connect(self._keep_playing)
        self.worker.tracking_changed.connect(self._keep_tracking)
        self.worker.tracker_ready.connect(self._keep_config)
        self.worker.recording_changed.connect(self._keep_recording)
        self.worker.saving_changed.connect(self._keep_unsaved)
        # no parent: a QThread that is destroyed while it runs aborts the process, so its end is waited for
        self.thread_ = WorkerThread(self.worker)
        self.thread_.start()

    def open(self, spec: str) -> None:
        """Open a source by what the user named."""
        self._ask(self._driver.open, spec)

    def close_source(self) -> None:
        """Close what is open."""
        self._ask(self._driver.close_source)

    def discard_unsaved(self) -> None:
        """Leave a source whose results cannot be saved, as was asked before."""
        self._ask(self._driver.keeper.discard)

    def play(self, is_playing: bool) -> None:
        """Play or pause."""
        self._ask(self._playback.play, is_playing)

    def track(self, is_tracking: bool) -> None:
        """Start or stop tracking."""
        self._ask(self._driver.track, is_tracking)

    def track_frames(self, count: int) -> None:
        """Track a number of frames, then pause."""
        self._ask(self._driver.track_frames, count)

    def track_back(self, to_start: bool = False, frames: int | None = None, first: int = 0) -> None:
        """Track back to the key frame before, or to the start: `frames` at most, and not to before frame `first`."""
        self._ask(self._driver.gaps.track_back, to_start, frames, first)

    def track_to_key(self) -> None:
        """Track to the next key frame, then pause."""
        self._ask(self._driver.gaps.track_to_key)

    def fill(self, numbers: Sequence[int], bounds: tuple[int, int] | None, is_tracked: bool) -> None:
        """Fill gaps of targets, at the present frame or between two, by tracking from both sides or a straight line."""
        self._ask(self._driver.gaps.fill, numbers, bounds, is_tracked)

    def step(self, count: int) -> None:
        """Go forwards or back by frames; a live source has no back."""
        if count == 1 or (self.source is not None and self.source.is_seekable):
            self._ask(self._playback.step, count)

    def seek(self, index: int) -> None:
        """Go to a frame; of many wishes in a row only the last is served. A live source has nowhere to go."""
        if self.source is not None and self.source.is_seekable and self._playback.want_index(index):
            self._ask(self._playback.seek)

    def begin(self, request: BoxRequest) -> None:
        """Start a target on a box."""
        self._ask(self._driver.begin, request)

    def freeze(self, is_frozen: bool) -> None:
        """Hold the image while the user draws."""
        self._ask(self._playback.freeze, is_frozen)

    def run_again(self) -> None:
        """Track everything again, as another run."""
        self._ask(self._driver.run_again)

    def run_again_with(self, choice: TrackerChoice, tracking: TrackingConfig) -> None:
        """Track everything again with another tracker or other parameters, as another run."""
        self.choice = choice
        self._ask(self._driver.run_again_with, choice, tracking)

    def choose_tracker(self, choice: TrackerChoice, tracking: TrackingConfig | None = None) -> None:
        """Use another tracker, weights or device, with its own parameters or with `tracking`."""
        self.choice = choice
        self._ask(self._driver.choose_tracker, choice, tracking)

    def set_tracking_config(self, tracking: TrackingConfig) -> None:
        """Use other parameters from the next frame on."""
        self._ask(self._driver.set_tracking_config, tracking)

    def set_debug(self, wants_debug: bool, number: int | None) -> None:
        """Say whether anything visible needs the trackers' inner state, and of which target (None: of all)."""
        if (wants_debug, number) != (self.wants_debug, self.explained):
            self.wants_debug, self.explained = wants_debug, number
            self._ask(self._driver.set_debug, wants_debug, number)

    def set_speed(self, speed: float) -> None:
        """Play at `speed` times real time; 0 is as fast as possible."""
        self.speed = speed
        self._ask(self._playback.set_speed, speed)
        self.speed_changed.emit(speed)

    def change_speed(self, steps: int) -> None:
        """Go `steps` up or down in `SPEEDS`."""
        place = SPEEDS.index(self.speed) if self.speed in SPEEDS else SPEEDS.index(1.0)
        self.set_speed(SPEEDS[max(0, min(len(SPEEDS) - 1, place + steps))])

    def set_loop(self, is_looping: bool) -> None:
        """Play from the start again at the end."""
        self._ask(self._playback.set_loop, is_looping)

    def set_range(self, first: int | None, last: int | None) -> None:
        """Play between two frames."""
        self._ask(self._playback.set_range, first, last)

    def set_pause_on_lost(self, pauses: bool) -> None:
        """Pause when a target is lost."""
        self._ask(self._playback.set_pause_on_lost, pauses)

    def set_recording(self, folder: Path, limits: RecordingLimits, records_all: bool) -> None:
        """Record live sources into a folder: when asked to, or all that are opened from now on."""
        self._ask(self._driver.recorder.set_up, folder, limits, records_all)

    def record(self, is_on: bool) -> None:
        """Begin to record the live source that is open, or complete the recording."""
        self._ask(self._driver.recorder.record, is_on)

    def set_autosave(self, is_on: bool) -> None:
        """Keep results across a crash, or not."""
        self._ask(self._driver.set_autosave, is_on)

    def prepare_tracker(self) -> None:
        """Build the tracker ahead of the first box."""
        self._ask(self._driver.prepare_tracker)

    def write_results(self, path: str, with_images: bool = True) -> None:
        """Write all results as JSON to a file, or those whose images can be read again; `results_written` follows."""
        self._ask(self._driver.write_results, path, with_images)

    def find_cameras(self) -> None:
        """Look which cameras there are; the worker says `cameras_found`."""
        self._ask(self._driver.find_cameras)

    def replay(self, request: ReplayRequest) -> None:
        """Open a benchmark's sequence with the result of a tracker."""
        self._ask(self._driver.replay, request)

    def take(self, leaves_view: bool = False) -> Delivery:
        """Return the newest view and all new rows; `leaves_view` where no other image may be shown yet."""
        delivery = self.worker.mailbox.take(leaves_view)
        if delivery.source_changed:
            self.source = delivery.source
        return delivery

    def shut_down(self) -> bool:
        """Stop at once, save, close the source and end the thread; False if it did not end in time."""
        if self._is_shut:
            return True
        self._is_shut = True
        self._playback.interrupt()
        self._close.emit()
        ended = bool(self.thread_.wait(SHUT_DOWN_MS))
        if not ended:
            logger.error("The worker did not end within %d s.", SHUT_DOWN_MS // 1000)
        return ended

    def _keep_summary(self, summary: SessionSummary) -> None:
        self.summary = summary
        if self.source is not None and summary.source is not None and summary.source.serial == self.source.serial:
            self.source = summary.source  # with what was learnt since it was opened, such as the frame count

    def _keep_playing(self, is_playing: bool) -> None:
        self.is_playing = is_playing

    def _keep_tracking(self, is_tracking: bool) -> None:
        self.is_tracking = is_tracking

    def _keep_recording(self, status: RecordingStatus | None) -> None:
        self.recording = status

    def _keep_unsaved(self, trouble: str) -> None:
        self.unsaved = trouble

    def _keep_config(self, tracking: TrackingConfig) -> None:
        self.tracking = tracking
