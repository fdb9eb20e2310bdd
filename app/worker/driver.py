"""What the window asks of the session besides playing: sources, targets, trackers, results."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from PyQt5.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from app.session.data_sets import sequences_of_data_set
from app.session.journal import Journal, SavedRuns
from app.session.replay import ReplayRequest, open_replay
from app.session.saved_runs import is_saved_run, open_saved_run, save_beside
from app.session.session import Session
from app.session.summary import summarise_source
from app.session.trackers import TrackerChoice
from app.worker.edits import EditRequests
from app.worker.gap_requests import GapRequests
from app.worker.keeping import ResultKeeper
from app.worker.messages import BoxRequest, Messages, reported
from app.worker.playback import Playback
from app.worker.recorder import LiveRecorder
from tracker_core.config import TrackingConfig
from tracker_core.errors import InputError, SiamscopeError
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run_file import save_run
from tracker_core.sources.addresses import hide_credentials
from tracker_core.sources.cameras import list_cameras
from tracker_core.types import FrameSource

logger = logging.getLogger(__name__)

SourceOpener = Callable[[str], FrameSource]


class SessionDriver:
    """Serves one request after the other in the worker's thread; errors become messages, results stay."""

    def __init__(self, session: Session, messages: Messages, open_source: SourceOpener, journal: Journal) -> None:
        self.session, self.messages = session, messages
        self.keeper = ResultKeeper(session, messages, journal)
        self.playback = Playback(session, messages, self.keeper.save, lambda: self.edits.tell_new_run())
        self.edits = EditRequests(session, self.playback, self.keeper.save)
        self._open_source, self._journal = open_source, journal
        self.gaps = GapRequests(session, self.playback, self.edits)
        self.recorder = LiveRecorder(session, messages, self.edits.announce, self.keeper.save)
        self.keeper.recorder = self.recorder

    def stop_playing(self, stops_tracking: bool) -> None:
        """Stop after an error."""
        self.playback.stop_playing(stops_tracking)

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot open"))
    def open(self, spec: str) -> None:
        """Open a source, or a saved run with its source; on an error the present one stays open."""
        self.playback.set_playing(False)
        with self.messages.busy_with(_text("Opening {}").format(hide_credentials(spec))):
            sequences = [] if is_saved_run(spec) else sequences_of_data_set(spec)
            if sequences:
                self.messages.sequences_found.emit(sequences)
                self.messages.notice.emit(_text("Found {} sequences; choose one.").format(len(sequences)))
            elif not self.keeper.may_leave(partial(self.open, spec)):
                return
            elif is_saved_run(spec):
                source, recorder = open_saved_run(spec, self._open_source)
                self._take_source(source, recorder.source.location, recorder)
            else:
                self._take_source(self.recorder.wrap(self._open_source(spec)), spec, None)

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot replay"))
    def replay(self, request: ReplayRequest) -> None:
        """Show a result in its sequence, beside what is there where that is open; kept from the first change on."""
        self.playback.set_playing(False)
        with self.messages.busy_with(_text("Opening {}").format(request.sequence)):
            source, recorder = open_replay(request)
            if self.session.runs.source.is_same(recorder.source):
                source.close()
                self.edits.show_replay(recorder)
            elif not self.keeper.may_leave(partial(self.replay, request)):
                source.close()
                return
            else:
                self._take_source(source, recorder.source.location, recorder, is_scored=True)
            if request.go_to is not None:
                self.playback.go_to(request.go_to)

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot close"))
    def close_source(self) -> None:
        """Save what was found and close the source; the window shows nothing then."""
        if self.keeper.may_leave(self.close_source):
            self._leave_source()
            self.messages.post_source(None)
            self.edits.announce()

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot look for cameras"))
    def find_cameras(self) -> None:
        """Look which cameras there are."""
        self.messages.cameras_found.emit(list_cameras())

    def close(self) -> None:
        """Save and release the source; errors are only logged."""
        try:
            self._leave_source()
        except SiamscopeError as error:
            logger.warning("%s", error)
        except Exception:  # closing must reach its end whatever a driver raises
            logger.exception("Closing failed")

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot start here"))
    def begin(self, request: BoxRequest) -> None:
        """Start a target on a box, or correct one; what came before stays."""
        if request.serial != self.session.serial:
            return
        with self.messages.busy_with(_text("Starting on the box")):
            self.session.begin(request.frame, request.box_xywh, request.number, request.by)
            self.keeper.save()
            self._tell_tracker()
            self.edits.announce(replaced=True, view=self.session.view())
            if request.track:
                self.playback.set_tracking(True)
                self.playback.set_playing(True)
            elif self.session.source is not None and self.session.source.is_seekable:
                self.playback.thaw()  # the image of a live source is held until its targets are tracked

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot use this tracker"))
    def run_again_with(self, choice: TrackerChoice, tracking: TrackingConfig) -> None:
        """Track everything again with another tracker or other parameters; on an error the present ones stay."""
        with self.messages.busy_with(_text("Loading the tracker")):
            self.session.choose_tracker(choice, tracking)
            self._tell_tracker(tracking)
        self.run_again()

    def _tell_tracker(self, tracking: TrackingConfig | None = None) -> None:
        """Say what the tracker is followed with: `tracking`, or the parameters that it has."""
        tracker = self.session.build_tracker()
        self.messages.tracker_ready.emit(tracking or tracker.tracking, len(tracker.runners) > 1)

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot track"))
    def run_again(self) -> None:
        """Track everything again from its key frames, as another run."""
        self.playback.present_waiting()  # it belongs to the run before
        source = self.session.source
        start = self.session.run_again() if source is not None and source.is_seekable else None
        if start is not None:
            self.edits.announce(replaced=True)
            self.playback.go_to(start)
            self.playback.set_tracking(True)
            self.playback.set_playing(True)

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot track"))
    def track(self, is_tracking: bool) -> None:
        """Start tracking where it left off (playing on), or stop at once."""
        if is_tracking:
            self.gaps.go_to_where_it_left_off()
        self.playback.set_tracking(is_tracking and bool(self.session.targets))
        self.playback.set_playing(self.session.is_tracking)

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot track"))
    def track_frames(self, count: int) -> None:
        """Track the next `count` frames, then pause."""
        if self.session.targets and count > 0:
            self.gaps.go_to_where_it_left_off()
            self.playback.set_tracking(True)
            self.playback.set_playing(True, frames=count)

    @reported(QT_TRANSLATE_NOOP("worker", "No tracker"))
    def prepare_tracker(self) -> None:
        """Build the tracker ahead of the first box, which will report an error: here that is only a notice."""
        try:
            with self.messages.busy_with(_text("Loading the tracker")):
                self._tell_tracker()
            self.edits.announce()
        except SiamscopeError as error:
            logger.warning("%s", error)
            self.messages.notice.emit(str(error))

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot use this tracker"))
    def choose_tracker(self, choice: TrackerChoice, tracking: TrackingConfig | None) -> None:
        """Use another tracker, weights or device, its own parameters or these; on an error the present one stays."""
        with self.messages.busy_with(_text("Loading the tracker")):
            self.session.choose_tracker(choice, tracking)
            self._tell_tracker(tracking)
            self.edits.announce()

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot use these parameters"))
    def set_tracking_config(self, tracking: TrackingConfig) -> None:
        """Use other parameters for what is computed next."""
        self.session.set_tracking_config(tracking)
        self.edits.announce()

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot show this"))
    def set_debug(self, wants_debug: bool, number: int | None) -> None:
        """Say whether anything visible needs the trackers' inner state, and of which target (None: of all)."""
        session = self.session
        is_known = session.wants_debug and session.explained in (None, number)
        session.wants_debug, session.explained = wants_debug, number
        if wants_debug and not is_known and not self.playback.is_playing:
            self.playback.show(session.view())

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot export"))
    def write_results(self, path: str, with_images: bool = True) -> None:
        """Write all results as JSON to `path`, for an export that runs in another process.

        An export `with_images` needs those of a live source's recording, which is completed, and knows no others.
        """
        run = self.session.build_run()
        save_run(path, self.recorder.as_recorded(run) if with_images else run)
        if with_images:
            save_beside(path, self.session.runs, self.recorder.as_recorded)
            self.keeper.save()
        self.messages.results_written.emit(path)

    def set_autosave(self, is_on: bool) -> None:
        """Keep results across a crash, or not."""
        self._journal.is_on = is_on
        self.keeper.save_now()

    def _take_source(self, source: FrameSource, spec: str, shown: RunRecorder | None, is_scored: bool = False) -> None:
        """Show another source, with results to look at or with those that were saved for it."""
        self._leave_source()
        view = self.session.open(source, spec)
        self._restore()
        if shown is not None:
            self.session.runs.add(shown, is_scored_anyway=is_scored)
        view = self.session.view()
        summary = summarise_source(self.session)
        self.messages.post_source(summary)
        self.messages.opened.emit(summary)
        self.edits.announce(replaced=True, view=view)
        for warning in getattr(source, "warnings", ()):
            self.messages.notice.emit(warning)
        self.playback.start_source(source)

    def _restore(self) -> None:
        """Take over what was saved for the source that was opened just now."""
        try:
            saved = self._journal.restore(self.session.runs.source)
        except InputError as error:
            self.messages.notice.emit(str(error))
            return
        if saved is not None:
            self._take_over(saved)
        if self._journal.is_beside:
            text = _text(
                "'{}' is open in another window too: what each finds is kept, and joined when it is opened next."
            )
            self.messages.notice.emit(text.format(hide_credentials(self.session.runs.source.name)))

    def _take_over(self, saved: SavedRuns) -> None:
        runs = self.session.runs
        if saved.runs:
            runs.restore(saved.runs, saved.active)
            runs.hidden = set(saved.hidden)
            count = saved.result_count
            one = _text("Restored {} results of an earlier session; 'Clear all targets' discards them.")
            several = _text("Restored {} results in {} runs of an earlier session; the list of runs shows them.")
            many = len(saved.runs)
            self.messages.notice.emit(one.format(count) if many == 1 else several.format(count, many))
            if saved.joined:
                self.messages.notice.emit(
                    _text("Runs that another window found at the same time: {}.").format(saved.joined)
                )
        runs.take_length_scale(saved.length_scale)
        for run in saved.deleted:
            runs.remember_deleted(run)

    def _leave_source(self) -> None:
        self.playback.end_source()
        self.keeper.leave()
        self.recorder.leave()
        self.session.close_source()


def _text(text: str) -> str:
    return QCoreApplication.translate("worker", text)
