"""What a right click offers on the image, the timeline, a target and a run: commands of the menu bar."""

from __future__ import annotations

from collections.abc import Sequence

from app.canvas.canvas import Canvas
from app.controls.gaps import TIMELINE_MENU
from app.panels.docks import Panels
from app.window.actions import Actions

CANVAS_MENU = (  # what is done to the target under the mouse, and to the image; an empty name is a gap
    "draw", "click_box", "add_target", "use_truth", "", "track", "track_back", "fill_gap", "",
    "mark_visible", "mark_occluded", "mark_outside", "mark_none", "", "next_target", "remove_target", "",
    "copy_image", "screenshot", "zoom_fit",
)  # fmt: skip
TARGET_MENU = ("draw", "fill_gap", "fill_line", "", "remove_target")  # of a line of the panel, after its own


def add_context_menus(actions: Actions, canvas: Canvas, panels: Panels, run_commands: Sequence[str]) -> None:
    """Give the widgets that have something to choose from their menus; `run_commands` are those of a run."""
    actions.put_on(panels.timeline, TIMELINE_MENU)
    actions.put_on(canvas, CANVAS_MENU)
    panels.targets.set_menu(actions.context_menu(panels.targets, TARGET_MENU))
    panels.runs.add_actions(actions.context_menu(panels.runs, run_commands), [actions[run_commands[0]]])
