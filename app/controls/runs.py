"""What can be done with the runs of a source, and going from failure to failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PyQt5.QtCore import QObject, pyqtSignal
from PyQt5.QtWidgets import QApplication, QDialog, QFileDialog, QWidget

from app.canvas.canvas import Canvas
from app.commands import Command
from app.controls.conditions import Conditions
from app.controls.reruns import RerunQueue
from app.dialogs.asking import ask_choice
from app.dialogs.rerun import RerunDialog
from app.panels.docks import Docks
from app.session.frame_view import Curve, RunSummary, Scoring
from app.session.moments import failures
from app.session.trackers import TrackerChoice
from app.worker.player import Player
from tracker_core.results.formats import BOX_FORMATS

TOLD_BY_NAME = (".csv", ".json", ".xml")


class RunControls(QObject):
    """Between the list of runs and the player.

    `trackers` returns those that can be chosen, with a description each, `curve` the curve of the active target.
    """

    notice = pyqtSignal(str)

    def __init__(
        self,
        player: Player,
        canvas: Canvas,
        docks: Docks,
        trackers: Callable[[], Sequence[tuple[str, str]]],
        curve: Callable[[], Curve],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._player, self._canvas, self._docks, self._window = player, canvas, docks, window
        self._trackers, self._curve = trackers, curve
        self.reruns = RerunQueue(player, self)
        self.reruns.notice.connect(self.notice)
        self._panel = docks.panels.runs
        self._panel.run_chosen.connect(self._activate)
        self._panel.visibility_changed.connect(player.show_run)
        self._panel.renamed.connect(player.rename_run)
        self._panel.tree.delete_wanted.connect(self.delete)
        self._panel.frame_requested.connect(player.seek)

    def commands(self) -> list[Command]:
        """Return what can be done with the active run, and going from failure to failure."""
        return [*self.run_commands(), *self._moving_commands()]

    def import_commands(self) -> list[Command]:
        """Return how boxes of elsewhere become a run."""
        return [
            Command("import_boxes", "file", "I&mport boxes…", self.ask_boxes, "",
                    "Show the boxes in a file (CSV, COCO, CVAT, MOT, OTB, …) as a further run",
                    Conditions(self._player).is_seekable),
        ]  # fmt: skip

    def run_commands(self) -> list[Command]:
        """Return what can be done with the active run."""
        now = Conditions(self._player)
        return [
            Command("rerun_with", "track", "Re-run &with…", self.ask_rerun, "Ctrl+Alt+R",
                    "Track the same boxes with other trackers or other parameters, as further runs",
                    now.can_run_again, icon="again", short="Re-run with…"),
            Command("rename_run", "track", "Rena&me run", self.rename, "", "Give the run that is shown a name",
                    self._has_run),
            Command("delete_run", "track", "&Delete run", self.delete, "Shift+Del",
                    "Delete the run that is shown; Ctrl+Z brings it back", self._has_run, short="Delete"),
            Command("copy_runs", "track", "&Copy table of runs", self.copy_table, "",
                    "Copy the list of runs with its numbers, to be put into a spreadsheet", self._has_run),
            Command("score_anyway", "track", "&Score anyway", self.toggle_scoring, "",
                    "Measure this run against the ground truth although it did not start on it",
                    self._can_be_scored, self._is_scored_anyway),
        ]  # fmt: skip

    def _moving_commands(self) -> list[Command]:
        seekable = Conditions(self._player).can_run_again
        return [
            Command("next_failure", "play", "Next fa&ilure", lambda: self.go_to_failure(1), "F3",
                    "To the next frame where the target was lost or missed, or the box jumped", seekable),
            Command("previous_failure", "play", "Previo&us failure", lambda: self.go_to_failure(-1), "Shift+F3",
                    "To the last frame where the target was lost or missed, or the box jumped", seekable),
        ]  # fmt: skip

    @property
    def active(self) -> RunSummary | None:
        """The run that is shown, None while there is none."""
        return next((run for run in self._player.summary.runs if run.is_active), None)

    def ask_rerun(self) -> None:
        """Ask for a tracker and parameters, and track the same boxes with them."""
        from tracker_core.trackers.producers import named_config

        choice = self._player.choice
        dialog = RerunDialog(
            self._trackers(), self._player.summary.tracker, self._player.tracking, named_config, self._window
        )
        if dialog.exec_() == QDialog.DialogCode.Accepted:
            name = dialog.tracker_name
            is_other = name != self._player.summary.tracker
            chosen = TrackerChoice(name, None, choice.device) if is_other else replace(choice)
            further = [
                (TrackerChoice(other, None, choice.device), named_config(other).tracking) for other in dialog.further
            ]
            self.reruns.start([(chosen, dialog.tracking), *further])

    def ask_boxes(self) -> None:
        """Ask for a file of boxes, and for its format where the name does not tell."""
        path, _ = QFileDialog.getOpenFileName(
            self._window, self.tr("Import boxes"), "", self.tr("Boxes (*.csv *.json *.xml *.txt);;All files (*)")
        )
        if not path:
            return
        if Path(path).suffix.lower() in TOLD_BY_NAME:
            self._player.import_boxes(path)
            return
        read = [name for name, kind in BOX_FORMATS.items() if kind.read is not None]
        title, question = self.tr("Import boxes"), self.tr("Format of '{}':").format(Path(path).name)
        box_format = ask_choice(self._window, title, question, read)
        if box_format is not None:
            self._player.import_boxes(path, box_format)

    def rename(self) -> None:
        """Let the user type a name for the run that is shown."""
        self._docks.docks["runs"].show()
        self._docks.docks["runs"].raise_()
        self._panel.edit_name()

    def delete(self) -> None:
        """Delete the run that is shown."""
        if self.active is not None:
            self._player.delete_run(self.active.number)
            self.notice.emit(self.tr("The run was deleted; Ctrl+Z brings it back."))

    def copy_table(self) -> None:
        """Put the list of runs into the clipboard, as lines with tabs."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self._panel.table())
            self.notice.emit(self.tr("The table of runs is in the clipboard."))

    def toggle_scoring(self) -> None:
        """Measure the run that is shown against the ground truth although it did not start on it, or no longer."""
        if self.active is not None:
            self._player.score_run_anyway(self.active.number, self.active.scoring is not Scoring.ANYWAY)

    def go_to_failure(self, direction: int) -> None:
        """Go to the next (1) or the previous (−1) frame in which a failure of the active target begins."""
        view = self._canvas.frame_view
        if view is None:
            return
        here = view.frame.index
        starts = failures(self._curve())
        beyond = [index for index in starts if index > here] if direction > 0 else [i for i in starts if i < here][::-1]
        if beyond:
            self._player.seek(beyond[0])
        else:
            self.notice.emit(
                self.tr("There is no failure after this frame.")
                if direction > 0
                else self.tr("There is no failure before this frame.")
            )

    def _activate(self, number: int) -> None:
        if self.active is not None and self.active.number != number:
            self._player.activate_run(number)

    def _has_run(self) -> bool:
        return self.active is not None

    def _can_be_scored(self) -> bool:
        return self.active is not None and self.active.scoring in (Scoring.ELSEWHERE, Scoring.ANYWAY)

    def _is_scored_anyway(self) -> bool:
        return self.active is not None and self.active.scoring is Scoring.ANYWAY
