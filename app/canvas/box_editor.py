"""The box that the user is drawing or adjusting: its states and its undo, without any painting."""

from __future__ import annotations

from app.canvas.box_editing import MINIMUM_SIDE, Box, Handle, box_from_corners, drag_handle, hit_test, is_large_enough

UNDO_DEPTH = 50


class BoxEditor:
    """Holds one box (x, y, w, h, image pixels) between the first press of the mouse and its acceptance.

    `is_armed` says that the next press starts a new box, over one that is there too; `box` is what is drawn so far,
    None while nothing is.
    """

    def __init__(self) -> None:
        self.is_armed = False
        self.box: Box | None = None
        self.is_offered = False  # the program's own idea, not drawn
        self.is_proposed = False  # around what was clicked on, not drawn
        self._held: Handle | None = None
        self._corner: tuple[float, float] | None = None
        self._grabbed_at = (0.0, 0.0)
        self._grabbed_box: Box | None = None
        self._history: list[Box | None] = []

    @property
    def is_dragging(self) -> bool:
        """Whether the mouse holds the box now."""
        return self._held is not None or self._corner is not None

    @property
    def is_active(self) -> bool:
        """Whether there is a box, or one is about to be drawn."""
        return self.is_armed or self.box is not None

    def offer(self, box: Box | None) -> None:
        """Propose a box, or take the proposal back with None."""
        self.clear()
        self.box, self.is_offered = box, box is not None

    def propose(self, box: Box) -> None:
        """Take the box around what was clicked on; undo brings back the one before."""
        self._keep(self.box)
        self.box, self.is_armed, self.is_offered, self.is_proposed = box, False, False, True

    def arm(self) -> None:
        """Make the next press start a new box."""
        self.is_armed, self.is_proposed = True, False

    def clear(self) -> None:
        """Forget the box, its history and the wish for one."""
        self.is_armed, self.is_offered, self.is_proposed = False, False, False
        self.box, self._held, self._corner = None, None, None
        self._history.clear()

    def handle_at(self, x: float, y: float, tolerance: float) -> Handle | None:
        """Return what of the box lies under an image point, None if nothing."""
        return None if self.box is None else hit_test(self.box, x, y, tolerance)

    def press(self, x: float, y: float, tolerance: float) -> bool:
        """Take hold of the box at an image point, or start a new one where armed; False if neither applies."""
        if self.is_dragging:
            return True  # a second button
        handle = None if self.is_armed else self.handle_at(x, y, tolerance)
        if handle is not None:
            self._held, self._grabbed_at, self._grabbed_box = handle, (x, y), self.box
            return True
        if self.is_armed or self.box is not None:
            self._grabbed_box = self.box
            self._corner = (x, y)
            return True
        return False

    def move(self, x: float, y: float, image_size: tuple[int, int]) -> None:
        """Follow the mouse to an image point."""
        if self._corner is not None:
            box = box_from_corners(*self._corner, x, y, image_size)
            if self.box is not self._grabbed_box or max(box[2], box[3]) >= 1:
                self.box = box
        elif self._held is not None and self._grabbed_box is not None:
            dx, dy = x - self._grabbed_at[0], y - self._grabbed_at[1]
            self.box = drag_handle(self._grabbed_box, self._held, dx, dy, image_size)

    def release(self) -> bool:
        """Let go; a new box that is too small to track is dropped for the one before. True if the box changed."""
        if not self.is_dragging:
            return False
        was_new, before = self._corner is not None, self._grabbed_box
        self._held, self._corner, self._grabbed_box = None, None, None
        if was_new and (self.box is None or not is_large_enough(self.box)):
            self.box = before
            return False
        if self.box == before:
            return False
        self._keep(before)
        self.is_armed, self.is_offered, self.is_proposed = False, False, False
        return True

    def nudge(self, dx: float, dy: float, resizes: bool, image_size: tuple[int, int]) -> None:
        """Move the box by a key, or its right and bottom sides where `resizes`."""
        if self.box is not None and not self.is_dragging:
            handle = Handle.BOTTOM_RIGHT if resizes else Handle.INSIDE
            before, self.box = self.box, drag_handle(self.box, handle, dx, dy, image_size, MINIMUM_SIDE)
            if self.box != before:
                self._keep(before)
                self.is_offered = self.is_proposed = False

    def undo(self) -> bool:
        """Take back the last change of the box; False if there is none."""
        if not self._history or self.is_dragging:
            return False
        self.box = self._history.pop()
        self.is_armed = self.box is None
        return True

    def cancel_drag(self) -> bool:
        """Let go and put the box back to where it was taken up; False if it was not held."""
        if not self.is_dragging:
            return False
        self.box = self._grabbed_box
        self._held, self._corner, self._grabbed_box = None, None, None
        return True

    def _keep(self, box: Box | None) -> None:
        self._history.append(box)
        del self._history[:-UNDO_DEPTH]
