"""What the window asks to change of boxes, targets and runs, with undo and redo; everyone is told of it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PyQt5.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from app.session.frame_view import FrameView
from app.session.imported_boxes import import_boxes
from app.session.runs import Runs
from app.session.session import Session
from app.session.summary import summarise
from app.worker.messages import Messages, reported
from app.worker.playback import Playback
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.visibility import Visibility


class EditRequests:
    """Changes the runs of a session in the worker's thread; `save` keeps results across a crash."""

    def __init__(self, session: Session, playback: Playback, save: Callable[[], None]) -> None:
        self.messages: Messages = playback.messages
        self._session, self._playback, self._save = session, playback, save
        self._told_run = 1  # the run that everyone knows to be the active one
        self._told_curves: object = None  # what everyone knows of it, but for frames that came since

    def stop_playing(self, stops_tracking: bool) -> None:
        """Stop after an error."""
        self._playback.stop_playing(stops_tracking)

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot change the targets"))
    def remove_target(self, number: int) -> None:
        """Forget a target of the active run."""
        self._session.remove([number])
        self.follow_up()

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot change the targets"))
    def clear_targets(self) -> None:
        """Forget all targets of the active run."""
        self._session.remove(list(self._session.targets))
        self.follow_up()

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot change the targets"))
    def describe_target(self, number: int, name: str, color: str) -> None:
        """Give a target of the active run a name and a colour."""
        self._session.runs.describe_target(number, name, color)
        self.follow_up()

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot set the length scale"))
    def set_length_scale(self, text: str) -> None:
        """Say how long a pixel of the source is, "" for pixels."""
        self._session.runs.set_length_scale(text)
        self.follow_up()

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot import boxes"))
    def import_boxes(self, path: str, box_format: str) -> None:
        """Show the boxes in a file as a further run."""
        source = self._session.require_source()
        recorder = import_boxes(path, box_format, self._session.runs.source, source.frame_names)
        self._session.change_runs(lambda runs: runs.take_in(recorder, "imported boxes"))
        self.follow_up()
        frames, targets = len(recorder), len(recorder.targets)
        text = _text("Boxes in {} frames, targets: {}. They are another run; Ctrl+Z takes it away.")
        self.messages.notice.emit(text.format(frames, targets))

    def show_replay(self, recorder: RunRecorder) -> None:
        """Show a benchmark's result of the source that is open as a further run; one that is there is chosen.

        It is measured as the benchmark does, also where its first box is not the true one.
        """
        known = next((run.number for run in self._session.runs if _are_alike(run.recorder, recorder)), None)
        self._session.change_runs(
            lambda runs: runs.add(recorder, is_scored_anyway=True) if known is None else runs.activate(known)
        )
        self.follow_up()

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot mark"))
    def mark(self, numbers: Sequence[int], bounds: tuple[int, int] | None, visibility: Visibility | None) -> None:
        """Mark targets as seen, occluded or outside, in the present frame or from one frame to another, both included.

        None takes the marks away, so that the tracker's state decides.
        """
        known, here = [number for number in numbers if number in self._session.targets], self._session.position
        if known and here is not None:
            first, last = bounds or (here, here)
            with self._session.runs.edit("visibility" if visibility is None else f"mark '{visibility.value}'") as run:
                for number in known:
                    run.mark(number, range(first, last + 1), visibility)
            self.follow_up()

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot undo"))
    def undo(self) -> None:
        """Take back the last change of boxes, targets or runs."""
        self._tell_history(self._session.undo(), _text("Undone: {}."), _text("There is nothing to undo."))

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot redo"))
    def redo(self) -> None:
        """Do again what was taken back last."""
        self._tell_history(self._session.redo(), _text("Done again: {}."), _text("There is nothing to redo."))

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot change the runs"))
    def change_runs(self, change: Callable[[Runs], object]) -> None:
        """Activate, delete, rename or score runs: whatever `change` does to them."""
        if self._session.source is not None:
            self._session.change_runs(change)
            self.follow_up()

    def announce(self, replaced: bool = False, view: FrameView | None = None) -> None:
        """Send a view to show, the summary, and all results where some may have been replaced and are not as told.

        The view goes first: an image that waits in the mailbox would be shown when the others are taken out.
        """
        self._told_run = self._session.run.number
        self._playback.show(view)
        self.messages.summary_changed.emit(summarise(self._session))
        if replaced and (curves := self._session.curves()) is not self._told_curves:
            self._told_curves = curves
            self.messages.post_replaced(curves)

    def follow_up(self) -> None:
        """Save a change and send everything; where another run became active, tracking waits to be asked."""
        self._save()  # first: a tracker may fail as it explains what is shown
        if not self._session.targets or self._session.run.number != self._told_run:
            self._playback.set_tracking(False)
        self.announce(replaced=True, view=self._session.view())

    def tell_new_run(self) -> None:
        """Say where tracking started a run of its own, as the tracker or its parameters had changed."""
        run = self._session.run
        if run.number == self._told_run:
            return
        text = _text("Run {} starts at frame {} with the tracker as it is now; what was found before is in the list.")
        self.messages.notice.emit(text.format(run.number, run.begins_at or 0))
        self.announce(replaced=True)

    def _tell_history(self, text: str, done: str, nothing: str) -> None:
        self.messages.notice.emit(done.format(text) if text else nothing)
        if text:
            self.follow_up()


def _are_alike(one: RunRecorder, other: RunRecorder) -> bool:
    """Tell whether two runs have the same name and the same boxes."""
    if (one.title, len(one), list(one.targets)) != (other.title, len(other), list(other.targets)):
        return False
    pairs = zip(one.build().targets, other.build().targets, strict=True)
    return all(np.array_equal(mine.boxes_xywh, theirs.boxes_xywh, equal_nan=True) for mine, theirs in pairs)


def _text(text: str) -> str:
    return QCoreApplication.translate("worker", text)
