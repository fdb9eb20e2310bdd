"""Drawing boxes: from the first press to a target that is tracked; choosing and forgetting targets."""

from __future__ import annotations

from PyQt5.QtCore import QObject, pyqtSignal

from app.canvas.canvas import Canvas
from app.commands import Command, with_object
from app.controls.conditions import Conditions
from app.worker.messages import BoxRequest
from app.worker.player import Player
from tracker_core.results.run import BoxOrigin


class DrawingControls(QObject):
    """Between the canvas, where boxes are drawn, and the player, which tracks them.

    A box can be kept without tracking it yet, so that several targets are drawn in one frame, in any order; the frame
    is held until they are tracked together. `holds_image` is true while the image must not change under the user's
    hand (live sources continue meanwhile).
    """

    changed = pyqtSignal()  # whether something is drawn, offered, armed or kept
    active_changed = pyqtSignal(object)  # number of the active target, None if there is none
    notice = pyqtSignal(str)

    def __init__(self, canvas: Canvas, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._canvas, self._player = canvas, player
        self._draws_new_target = False
        self._awaited_target: int | None = None  # asked for, but not in the summary yet
        self._kept_in: int | None = None  # the frame in which boxes were kept that are not tracked yet
        self._is_held = False
        self._is_asked = False  # the user said that a box is to be drawn
        self._has_targets = False
        self.active: int | None = None
        self.holds_image = False
        canvas.draw_began.connect(self._hold)
        canvas.box_drawn.connect(lambda _box: self.changed.emit())
        canvas.draw_ended.connect(self._release)
        canvas.accepted.connect(self.keep)
        canvas.target_clicked.connect(self.choose)
        canvas.pan_changed.connect(self.changed)
        player.worker.playing_changed.connect(self._on_playing)

    def commands(self) -> list[Command]:
        """Return what can be done with boxes and targets."""
        now = Conditions(self._player)
        return [
            Command("undo", "edit", "&Undo", self.undo, "Ctrl+Z", "Take back the last change of boxes, targets or runs",
                    icon="undo", text_now=lambda: with_object("&Undo", self._player.summary.undo_text)),
            Command("redo", "edit", "R&edo", self._player.redo, "Ctrl+Shift+Z Ctrl+Y", "Do again what was taken back",
                    now.can_redo, icon="redo",
                    text_now=lambda: with_object("R&edo", self._player.summary.redo_text)),
            Command("draw", "edit", "&Draw or redraw box", self.draw, "R",
                    "Draw the box of the chosen target in this frame", now.has_source, icon="draw", short="Draw"),
            Command("add_target", "edit", "&Add target", self.add_target, "Shift+R", "Draw the box of another target",
                    now.has_source, icon="add", short="Add"),
            Command("use_truth", "edit", "Start from &ground truth", self.use_ground_truth, "Shift+K",
                    "Take the true box of this frame", now.has_truth, icon="truth"),
            Command("remove_target", "edit", "Re&move target", self.remove_active, "Del",
                    "Forget the chosen target and its results", now.has_targets, icon="remove"),
            Command("clear_targets", "edit", "&Clear all targets", self._player.clear_targets, "",
                    "Forget all targets and results", now.has_targets, icon="clear"),
            Command("next_target", "edit", "&Next target", self.choose_next, "N", "Choose the next target",
                    now.has_several_targets),
        ]  # fmt: skip

    @property
    def drawn_target(self) -> int:
        """The number of the target that a box drawn now is of; that of a new one where none exists yet."""
        number = None if self._draws_new_target else self._awaited_target or self.active
        return self._new_number() if number is None else number

    @property
    def drawn_name(self) -> str:
        """The name of the target that a box drawn now is of, its number where it has none."""
        return self._player.summary.name_of(self.drawn_target)

    @property
    def adds_target(self) -> bool:
        """Whether a box drawn now is that of a target which does not exist yet."""
        return self.drawn_target == self._new_number()

    @property
    def target_count(self) -> int:
        """How many targets there are, with one that was asked for just now."""
        numbers = {target.number for target in self._player.summary.targets}
        return len(numbers | ({self._awaited_target} - {None}))

    @property
    def waits_to_track(self) -> bool:
        """Whether boxes were kept in the frame that is shown and are not tracked yet."""
        view = self._canvas.frame_view
        return view is not None and view.frame.index == self._kept_in and not self._player.is_playing

    def draw(self) -> None:
        """Draw the box of the active target in this frame; one that is there stays until the new one is drawn."""
        self._arm(new_target=self.active is None and self._awaited_target is None)

    def add_target(self) -> None:
        """Draw the box of another target; what was drawn so far is kept."""
        self.keep()
        self._arm(new_target=True)

    def offer(self, box: tuple[float, float, float, float] | None) -> None:
        """Offer a box to start on; without one, wait for the user to draw."""
        if box is not None:
            self._canvas.offer_box(box)
        else:
            self._canvas.arm_drawing()
        self.changed.emit()

    def keep(self) -> None:
        """Set the box that was drawn or offered, if any, without tracking it yet."""
        self._accept(track=False)

    def accept(self) -> bool:
        """Track the box that was drawn or offered; False if there is none."""
        return self._accept(track=True)

    def track_drawn(self) -> bool:
        """Track what was drawn in this frame, kept or not; False if there is nothing of the kind."""
        if self.accept():
            return True
        if not self.waits_to_track:
            return False
        self._player.track(True)
        return True

    def _accept(self, track: bool) -> bool:
        view, source = self._canvas.frame_view, self._player.source
        by = BoxOrigin.GROUND_TRUTH if self._canvas.editor.is_offered else BoxOrigin.USER
        number = None if self.adds_target else self.drawn_target
        box = self._canvas.take_box() if self._canvas.box is not None else None
        if view is None or source is None or box is None:
            return False
        if number is None:
            self._awaited_target = self._new_number()
        self.holds_image = self._is_held = self._is_asked = self._draws_new_target = False
        self._kept_in = None if track else view.frame.index
        self._player.begin(BoxRequest(source.serial, view.frame, box, number, track=track, by=by))
        self.changed.emit()
        return True

    def _new_number(self) -> int:
        return max(self._player.summary.next_number, (self._awaited_target or 0) + 1)

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
        """Stop drawing, or hold the image of a live source no longer; False if nothing was being drawn."""
        if self._canvas.editor.is_active and (self._is_held or self._canvas.box is not None):
            return self._canvas.cancel_drawing()
        if self._kept_in is None:
            return False
        source, self._kept_in = self._player.source, None
        if source is not None and source.is_live:
            self._player.freeze(False)
        self.changed.emit()
        return True

    def undo(self) -> None:
        """Take back the last change of the box being drawn, else the last change of boxes, targets or runs."""
        if self._canvas.undo_drawing():
            self.changed.emit()
        else:
            self._player.undo()

    def remove_active(self) -> None:
        """Forget the active target."""
        if self.active is not None:
            self._player.remove_target(self.active)

    def choose_next(self) -> None:
        """Make the next target the active one; a box that was drawn is kept for its own."""
        numbers = [target.number for target in self._player.summary.targets]
        if numbers:
            place = numbers.index(self.active) + 1 if self.active in numbers else 0
            self.choose(numbers[place % len(numbers)])

    def choose(self, number: int) -> None:
        """Make target `number` the active one, as the user wishes; a box that was drawn is kept for its own."""
        if not self._canvas.editor.is_offered:
            self.keep()
        self._awaited_target, self._draws_new_target = None, False
        self.set_active(number)

    def set_active(self, number: int | None) -> None:
        """Make target `number` the one that is re-drawn and whose inner state is shown."""
        if number != self.active:
            self.active = self._canvas.active_target = number
            self._canvas.update()
            self.active_changed.emit(number)
            self.changed.emit()

    def forget(self) -> None:
        """Start over with another source."""
        self.holds_image = self._is_held = self._is_asked = self._draws_new_target = self._has_targets = False
        self._awaited_target = self._kept_in = None
        self.set_active(None)

    def follow_targets(self, numbers: list[int]) -> None:
        """Take note of which targets there are: one just added becomes active, one that is gone stops being it.

        Where the last one is gone, drawing waits for the next, as after opening.
        """
        had_targets, self._has_targets = self._has_targets, bool(numbers)
        if self._awaited_target in numbers:
            self.set_active(self._awaited_target)
            self._awaited_target = None
        elif self.active not in numbers:
            self.set_active(numbers[0] if numbers else None)
        if had_targets and not numbers:
            self._kept_in = None
            self._rest()
        elif numbers and not had_targets and not self._is_held and self._canvas.box is None:
            self._canvas.offer_box(None)
        self.changed.emit()

    def _arm(self, new_target: bool) -> None:
        if self._canvas.frame_view is None:
            return
        self._draws_new_target, self._is_asked = new_target, True
        if self._canvas.editor.is_offered:
            self._canvas.offer_box(None)
        self._canvas.arm_drawing()
        self._hold()

    def _rest(self) -> None:
        """Wait for a first box without holding the image: a drag always draws while there is no target."""
        if not self._has_targets and not self._canvas.editor.is_active:
            self._canvas.arm_drawing()

    def _hold(self) -> None:
        source = self._player.source
        self._player.freeze(True)
        self._is_held = True
        self.holds_image = source is not None and source.is_live
        self.changed.emit()

    def _release(self) -> None:
        if self._is_asked and self._canvas.editor.is_armed:
            return  # a slip of the mouse: the box that was asked for is still to be drawn
        self.holds_image = self._is_held = self._is_asked = self._draws_new_target = False
        if self._kept_in is None:
            self._player.freeze(False)
        self._rest()
        self.changed.emit()

    def _on_playing(self, is_playing: bool) -> None:
        if is_playing:
            self._kept_in = None
            self.holds_image = self._is_held = False
            self.changed.emit()
