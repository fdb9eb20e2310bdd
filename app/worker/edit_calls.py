"""The window's side of changing boxes, targets and runs: calls become requests in the worker's thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ParamSpec

from PyQt5.QtCore import QObject, pyqtSignal

from app.worker.edits import EditRequests
from tracker_core.results.visibility import Visibility

Given = ParamSpec("Given")


class EditCalls(QObject):
    """Asks for changes of boxes, targets and runs; nothing here waits."""

    _asked = pyqtSignal(object)  # Callable[[], None]
    _edits: EditRequests

    def _ask(self, request: Callable[Given, None], *args: Given.args, **kwargs: Given.kwargs) -> None:
        """Have a request of the driver or the playback served in the worker's thread."""
        self._asked.emit(partial(request, *args, **kwargs))

    def mark(self, numbers: Sequence[int], bounds: tuple[int, int] | None, visibility: Visibility | None) -> None:
        """Mark whether targets are seen, in the present frame or from one to another; None: as the tracker says."""
        self._ask(self._edits.mark, numbers, bounds, visibility)

    def remove_target(self, number: int) -> None:
        """Forget a target."""
        self._ask(self._edits.remove_target, number)

    def describe_target(self, number: int, name: str, color: str) -> None:
        """Give a target a name and a colour ("#rrggbb"), "" for none."""
        self._ask(self._edits.describe_target, number, name, color)

    def set_length_scale(self, text: str) -> None:
        """Say how long a pixel of the source is ("1 px = 0.015 m"), "" for pixels; it is kept with the source."""
        self._ask(self._edits.set_length_scale, text)

    def clear_targets(self) -> None:
        """Forget all targets."""
        self._ask(self._edits.clear_targets)

    def undo(self) -> None:
        """Take back the last change of boxes, targets or runs."""
        self._ask(self._edits.undo)

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._ask(self._edits.redo)

    def activate_run(self, number: int) -> None:
        """Show another run; it is explained, continued and exported from then on."""
        self._ask(self._edits.change_runs, lambda runs: runs.activate(number))

    def delete_run(self, number: int) -> None:
        """Delete a run; undo brings it back."""
        self._ask(self._edits.change_runs, lambda runs: runs.delete(number))

    def rename_run(self, number: int, title: str) -> None:
        """Call a run by a name, "" for none."""
        self._ask(self._edits.change_runs, lambda runs: runs.rename(number, title))

    def score_run_anyway(self, number: int, is_scored: bool) -> None:
        """Measure a run against the ground truth although it did not start on it, or no longer."""
        self._ask(self._edits.change_runs, lambda runs: runs.score_anyway(number, is_scored))

    def show_run(self, number: int, is_visible: bool) -> None:
        """Show or hide a run beside the active one."""
        self._ask(self._edits.change_runs, lambda runs: runs.show(number, is_visible))

    def import_boxes(self, path: str, box_format: str = "") -> None:
        """Show the boxes in a file as a further run; without a format it goes by the file's name."""
        self._ask(self._edits.import_boxes, path, box_format)
