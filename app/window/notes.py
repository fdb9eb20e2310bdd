"""The sentences over the image: what to do next, and what was lost."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QCoreApplication

from app.canvas.box_editor import BoxEditor
from app.session.frame_view import FrameView
from tracker_core.types import TrackingState


def lost_badge(view: FrameView, draw_key: str, next_key: str) -> str:
    """Return which targets are lost in a frame, and the keys that help; "" where none is."""
    lost = [t.number for t in view.targets if t.result is not None and t.result.state is TrackingState.LOST]
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


def drawing_hint(editor: BoxEditor, play_key: str) -> str:
    """Return what can be done with the box that is drawn, offered or about to be drawn; "" where none is."""
    if editor.box is not None and editor.is_offered:
        return _tr("Press {} to track this box, or drag one around another object").format(play_key)
    if editor.box is not None:
        return _tr("{} tracks this box · drag or use arrows to adjust · Esc cancels").format(play_key)
    return _tr("Drag a box around the object to follow") if editor.is_armed else ""


def _listed(numbers: Sequence[int]) -> str:
    words = [str(number) for number in numbers]
    return words[0] if len(words) == 1 else _tr("{} and {}").format(", ".join(words[:-1]), words[-1])


def _tr(text: str) -> str:
    return QCoreApplication.translate("notes", text)
