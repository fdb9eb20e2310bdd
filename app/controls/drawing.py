"""Drawing boxes: from the first press to a target that is tracked; choosing and forgetting targets."""

from __future__ import annotations

from PyQt5.QtCore import QObject, pyqtSignal

from app.canvas.canvas import Canvas
from app.commands import Command
from app.controls.conditions import Conditions
from app.worker.messages import BoxRequest
from app.worker.player import Player
from tracker_core.results.run import BoxOrigin


class DrawingControls(QObject):
    """Between the canvas, where boxes are drawn, and the player, which tracks them.

    `holds_image` is true while the image must not change under the user's hand (live sources continue meanwhile).
    """

    changed = pyqtSignal()  # whether something is drawn, offered or armed
    active_changed = pyqtSignal(object)  # number of the active target, None if there is none
    notice = pyqtSignal(str)

    def __init__(self, canvas: Canvas, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._canvas, self._player = canvas, player
        self._draws_new_target = False
        self._awaited_target: int | None = None
        self.active: int | None = None
        self.holds_image = False
        canvas.draw_began.connect(self._hold)
        canvas.box_drawn.connect(lambda _box: self.changed.emit())
        canvas.draw_ended.connect(self._release)
        canvas.accepted.connect(self._on_accepted)
        canvas.target_clicked.connect(self.set_active)

    def commands(self) -> list[Command]:
        """Return what can be done with boxes and targets."""
        now = Conditions(self._player)
        return [
            Command("undo", "edit", "&Undo box", self.undo, "Ctrl+Z", "Take back the last box", icon="undo"),
            Command("draw", "edit", "&Draw or redraw box", self.draw, "R",
                    "Draw the box of the chosen target in this frame", now.has_source, icon="draw", short="Draw"),
            Command("add_target", "edit", "&Add target", self.add_target, "Shift+R", "Draw the box of another target",
                    now.can_add_target, icon="add", short="Add"),
            Command("use_truth", "edit", "Start from &ground truth", self.use_ground_truth, "Shift+K",
                    "Take the true box of this frame", now.has_truth, icon="truth"),
            Command("remove_target", "edit", "Re&move target", self.remove_active, "Del",
                    "Forget the chosen target and its results", now.has_targets, icon="remove"),
            Command("clear_targets", "edit", "&Clear all targets", self._player.clear_targets, "",
                    "Forget all targets and results", now.has_targets, icon="clear"),
            Command("next_target", "edit", "&Next target", self.choose_next, "N", "Choose the next target",
                    now.has_several_targets),
        ]  # fmt: skip

    def draw(self) -> None:
        """Draw the box of the active target in this frame."""
        self._arm(new_target=self.active is None)

    def add_target(self) -> None:
        """Draw the box of another target."""
        self._arm(new_target=True)

    def offer(self, box: tuple[float, float, float, float] | None) -> None:
        """Offer a box to start on; without one, wait for the user to draw."""
        if box is not None:
            self._canvas.offer_box(box)
        else:
            self._canvas.arm_drawing()
        self.changed.emit()

    def accept(self) -> bool:
        """Track the box that was drawn or offered; False if there is none."""
        view, source = self._canvas.frame_view, self._player.source
        by = BoxOrigin.GROUND_TRUTH if self._canvas.editor.is_offered else BoxOrigin.USER
        box = self._canvas.take_box()
        self.holds_image = False
        if view is None or source is None or box is None:
            return False
        number = None if self._draws_new_target else self.active
        if number is None:
            self._awaited_target = max((t.number for t in self._player.summary.targets), default=0) + 1
        self._draws_new_target = False
        self._player.begin(BoxRequest(source.serial, view.frame, box, number, track=True, by=by))
        self.changed.emit()
        return True

    def use_ground_truth(self) -> None:
        """Start the active target on the true box of this frame."""
        view = self._canvas.frame_view
        if view is None or view.ground_truth_xywh is None:
            self.notice.emit(self.tr("This frame has no ground truth."))
            return
        x, y, w, h = (float(value) for value in view.ground_truth_xywh)
        self._canvas.offer_box((x, y, w, h))
        self.accept()

    def cancel(self) -> bool:
        """Stop drawing; False if nothing was being drawn."""
        return self._canvas.cancel_drawing()

    def undo(self) -> None:
        """Take back the last change of the box being drawn, else the last box that was set."""
        if self._canvas.undo_drawing():
            self.changed.emit()
        else:
            self._player.undo()

    def remove_active(self) -> None:
        """Forget the active target."""
        if self.active is not None:
            self._player.remove_target(self.active)

    def choose_next(self) -> None:
        """Make the next target the active one."""
        numbers = [target.number for target in self._player.summary.targets]
        if numbers:
            place = numbers.index(self.active) + 1 if self.active in numbers else 0
            self.set_active(numbers[place % len(numbers)])

    def set_active(self, number: int | None) -> None:
        """Make target `number` the one that is re-drawn and whose inner state is shown."""
        if number != self.active:
            self.active = self._canvas.active_target = number
            self._canvas.update()
            self.active_changed.emit(number)

    def forget(self) -> None:
        """Start over with another source."""
        self.holds_image, self._draws_new_target, self._awaited_target = False, False, None
        self.set_active(None)

    def follow_targets(self, numbers: list[int]) -> None:
        """Take note of which targets there are: one just added becomes active, one that is gone stops being it."""
        if self._awaited_target in numbers:
            self.set_active(self._awaited_target)
            self._awaited_target = None
        elif self.active not in numbers:
            self.set_active(numbers[0] if numbers else None)

    def _on_accepted(self) -> None:
        self.accept()

    def _arm(self, new_target: bool) -> None:
        if self._canvas.frame_view is None:
            return
        self._draws_new_target = new_target
        self._canvas.offer_box(None)
        self._canvas.arm_drawing()
        self._hold()

    def _hold(self) -> None:
        source = self._player.source
        self._player.freeze(True)
        self.holds_image = source is not None and source.is_live
        self.changed.emit()

    def _release(self) -> None:
        self.holds_image, self._draws_new_target = False, False
        self._player.freeze(False)
        self.changed.emit()
