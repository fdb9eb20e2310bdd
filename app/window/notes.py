"""The sentences over the image: what to do next, and what was lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PyQt5.QtCore import QCoreApplication

from app.canvas.canvas import Canvas
from app.controls.drawing import DrawingControls
from app.session.frame_view import FrameView
from tracker_core.types import TrackingState


def lost_badge(view: FrameView, draw_key: str, next_key: str) -> str:
    """Return which targets are lost in a frame, and the keys that help; "" where none is."""
    tracked = [(target.number, target.result) for target in view.targets if target.result is not None]
    lost = [view.name_of(number) for number, result in tracked if result.state is TrackingState.LOST]
    if not lost:
        return ""
    if len(view.targets) == 1:
        return _tr("Lost – press {} to redraw it").format(draw_key)
    form = (
        _tr("Lost: target {} – {} chooses, {} redraws")
        if len(lost) == 1
        else _tr("Lost: targets {} – {} chooses, {} redraws")
    )
    return form.format(_listed(lost), next_key, draw_key)


class Hints:
    """Keeps the hint of a canvas, and whose box is drawn on it; `key_of` gives the key of a command.

    `is_live` tells whether what is open has no way back.
    """

    def __init__(
        self, canvas: Canvas, drawing: DrawingControls, key_of: Callable[[str], str], is_live: Callable[[], bool]
    ) -> None:
        self._canvas, self._drawing, self._key_of, self._is_live = canvas, drawing, key_of, is_live

    def update(self) -> None:
        """Say what can be drawn now, or how a target comes to a box that has none in this frame."""
        canvas = self._canvas
        view, hint = canvas.frame_view, ""
        if view is not None:
            keys = DrawingKeys(*(self._key_of(name) for name in ("play", "draw", "add_target", "next_target")))
            hint = drawing_hint(canvas, self._drawing, keys) or untracked_hint(view, self._is_live(), self._key_of)
        canvas.edited_target = self._drawing.drawn_target
        if hint != canvas.hint:
            canvas.hint = hint
            canvas.update()


@dataclass(frozen=True)
class DrawingKeys:
    """The keys, as the user has set them, that hints about drawing name."""

    play: str
    draw: str
    add: str
    choose: str


def drawing_hint(canvas: Canvas, drawing: DrawingControls, keys: DrawingKeys) -> str:
    """Return what can be done with the box that is drawn, offered, kept or about to be drawn; "" where none is."""
    editor = canvas.editor
    if editor.box is not None and editor.is_offered:
        return _tr("Press {} to track this box, or drag one around another object").format(keys.play)
    if editor.is_proposed:
        return _tr(
            "{} tracks it · click another part to extend it, right-click beside the object to cut it back"
        ).format(keys.play)
    if editor.box is not None and drawing.target_count == 0:
        return _tr("{} tracks this box · {} draws another · drag or use arrows to adjust · Esc cancels").format(
            keys.play, keys.add
        )
    if editor.box is not None:
        text = _tr("Target {}: {} tracks it · Return keeps it for now · {} draws another · Esc cancels")
        return text.format(drawing.drawn_name, keys.play, keys.add)
    if editor.is_armed:
        return _armed_hint(drawing, keys)
    if drawing.waits_to_track:
        return _tr("{} tracks what was drawn · {} draws another target").format(keys.play, keys.add)
    if canvas.is_panning:
        return _tr("{} and a drag redraw target {} · {} and a drag add a target").format(
            keys.draw, drawing.drawn_name, keys.add
        )
    return ""


def untracked_hint(view: FrameView, is_live: bool, key_of: Callable[[str], str]) -> str:
    """Return which target was not tracked in a frame and what can be done about it; "" where all were."""
    missing = next((target for target in view.targets if target.untracked is not None), None)
    if missing is None or missing.untracked is None:
        return ""
    before, after = missing.untracked.before, missing.untracked.after
    draw = _tr("{} draws it here").format(key_of("draw"))
    start = _tr("Target {} is not tracked here").format(view.name_of(missing.number))
    if is_live or before is after is None:
        return f"{start} · {draw}"
    if before is None:
        back = _tr("in frame {}, {} tracks it backwards").format(after, key_of("track_back"))
        return f"{start} · {back} · {draw}"
    on = _tr("{} tracks it on from frame {}").format(key_of("track"), before)
    fill = _tr("{} fills the gap").format(key_of("fill_gap"))
    return f"{start} · {on} · {draw if after is None else fill}"


def _armed_hint(drawing: DrawingControls, keys: DrawingKeys) -> str:
    if drawing.target_count == 0:
        return _tr("Drag a box around the object to follow, or click on it")
    if drawing.adds_target:
        return _tr("Drag a box around target {}, or click on it · Esc cancels").format(drawing.drawn_name)
    text = _tr("Drag a box around target {}, or click on it, to redraw it · Esc cancels").format(drawing.drawn_name)
    return text if drawing.target_count == 1 else _tr("{} · {} chooses another").format(text, keys.choose)


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else _tr("{} and {}").format(", ".join(words[:-1]), words[-1])


def _tr(text: str) -> str:
    return QCoreApplication.translate("notes", text)
