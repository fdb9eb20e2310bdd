"""The panel of targets: what it shows, and what is done with what the user changes in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PyQt5.QtCore import QObject
from PyQt5.QtGui import QColor
from PyQt5.QtWidgets import QColorDialog

from app.canvas.overlays.base import target_color
from app.canvas.overlays.model import OverlayModel
from app.controls.drawing import DrawingControls
from app.panels.pace import Pace
from app.panels.targets import TargetLine, TargetsPanel
from app.session.frame_view import Curve, FrameView, ResultRow, TargetSummary
from app.session.loss_counts import LossCounts
from app.worker.player import Player
from tracker_core.types import TrackingState

STATES_MS = 100
_STATES = {TrackingState.TRACKING: "tracked", TrackingState.UNCERTAIN: "weak", TrackingState.LOST: "lost"}


class TargetControls(QObject):
    """Between the panel of targets and the player, which keeps their names and colours.

    `choose_color` asks for a colour, beginning with the present one; None where the user changes their mind.
    """

    def __init__(self, panel: TargetsPanel, player: Player, drawing: DrawingControls, overlays: OverlayModel) -> None:
        super().__init__(panel)
        self._panel, self._player, self._drawing, self._overlays = panel, player, drawing, overlays
        self._losses = LossCounts()
        self._states: dict[int, str] = {}
        self._pace = Pace(lambda: panel.set_states(self._states, self._losses.counts()), STATES_MS, self)
        self.choose_color: Callable[[QColor], QColor | None] = self._ask_color
        panel.target_chosen.connect(drawing.choose)
        panel.name_given.connect(self._rename)
        panel.color_wanted.connect(self._recolor)
        panel.visibility_wanted.connect(overlays.show_target)
        panel.removal_wanted.connect(player.remove_target)
        drawing.active_changed.connect(panel.choose)
        overlays.changed.connect(self.show_targets)
        player.worker.summary_changed.connect(lambda _summary: self.show_targets())

    def forget(self) -> None:
        """Start over with another source."""
        self._losses.clear()
        self._states.clear()
        self._overlays.show_all_targets()

    def replace_curves(self, curves: Mapping[int, Curve]) -> None:
        """Count losses in these results alone."""
        self._losses.replace(curves)
        self._pace.ask()

    def add_rows(self, rows: list[ResultRow]) -> None:
        """Count losses in further results."""
        self._losses.add(rows)
        self._pace.ask()

    def show_view(self, view: FrameView) -> None:
        """Say how the targets fare in the frame that is shown."""
        found = {target.number: target.result for target in view.targets}
        self._states = {number: _STATES[result.state] for number, result in found.items() if result is not None}
        self._pace.ask()

    def show_targets(self) -> None:
        """Show which targets there are, with their names and colours."""
        hidden = self._overlays.hidden_targets
        lines = [
            TargetLine(t.number, t.name, target_color(t.number, t.color), t.number not in hidden)
            for t in self._player.summary.targets
        ]
        self._panel.set_targets(lines, self._drawing.active)
        self._panel.set_states(self._states, self._losses.counts())

    def _rename(self, number: int, name: str) -> None:
        target = self._summary_of(number)
        if target is not None:
            self._player.describe_target(number, name, target.color)

    def _recolor(self, number: int) -> None:
        target = self._summary_of(number)
        color = None if target is None else self.choose_color(target_color(number, target.color))
        if target is not None and color is not None:
            self._player.describe_target(number, target.name, color.name())

    def _summary_of(self, number: int) -> TargetSummary | None:
        return next((target for target in self._player.summary.targets if target.number == number), None)

    def _ask_color(self, present: QColor) -> QColor | None:
        chosen = QColorDialog.getColor(present, self._panel, self.tr("Colour of the target"))
        return chosen if chosen.isValid() else None
