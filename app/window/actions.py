"""Every action of the window in one table: menus, toolbar, shortcuts, the F1 sheet and preferences read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PyQt5.QtCore import QCoreApplication, QObject, Qt
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import QAction

from app.window.icons import icon


@dataclass(frozen=True)
class ActionSpec:
    """One action: `keys` are its default shortcuts, the first one editable; `menu` is where it stands."""

    id: str
    text: str
    keys: tuple[str, ...] = ()
    tip: str = ""
    icon: str = ""
    menu: str = ""
    is_checkable: bool = False


def _spec(
    id: str, text: str, keys: str = "", tip: str = "", icon: str = "", menu: str = "", check: bool = False
) -> ActionSpec:
    return ActionSpec(id, text, tuple(keys.split(" ")) if keys else (), tip, icon, menu, check)


# In the order of the menus. Texts are marked for translation where the actions are made.
ACTIONS: tuple[ActionSpec, ...] = (
    _spec("open_file", "&Open video…", "Ctrl+O", "Open a video file", "open", "file"),
    _spec("open_folder", "Open &folder or sequence…", "Ctrl+Shift+O", "Open images or sequences", "folder", "file"),
    _spec("open_camera", "Open &camera…", "Ctrl+K", "Open a camera", "camera", "file"),
    _spec("open_url", "Open &address…", "Ctrl+U", "Open a network stream (RTSP, HTTP)", "url", "file"),
    _spec("open_clip", "Open the &bundled clip", "", "The clip that comes with the program", "clip", "file"),
    _spec("close_source", "C&lose", "Ctrl+W", "Close what is open", "", "file"),
    _spec("export", "&Export…", "Ctrl+E", "Save the tracked video, boxes or images", "export", "file"),
    _spec("screenshot", "&Screenshot", "S", "Save the image as it is shown", "screenshot", "file"),
    _spec("copy_image", "C&opy image", "Ctrl+C", "Copy the image as it is shown", "copy", "file"),
    _spec("quit", "&Quit", "Ctrl+Q", "Close the program", "quit", "file"),
    _spec("undo", "&Undo box", "Ctrl+Z", "Take back the last box", "undo", "edit"),
    _spec("draw", "&Draw or re-draw box", "R", "Draw the box of the chosen target in this frame", "draw", "edit"),
    _spec("add_target", "&Add target", "Shift+R", "Draw the box of another target", "add", "edit"),
    _spec("use_truth", "Start from &ground truth", "Shift+K", "Take the true box of this frame", "truth", "edit"),
    _spec("remove_target", "Re&move target", "Del", "Forget the chosen target and its results", "remove", "edit"),
    _spec("clear_targets", "&Clear all targets", "", "Forget all targets and results", "clear", "edit"),
    _spec("next_target", "&Next target", "N", "Choose the next target", "", "edit"),
    _spec("cancel", "Ca&ncel", "Esc", "Stop drawing, or leave full screen", "", "edit"),
    _spec("preferences", "&Preferences…", "Ctrl+,", "Colours, keys, and what is used at first", "preferences", "edit"),
    _spec("track", "&Track", "T", "Start or stop tracking", "track", "track", True),
    _spec("track_some", "Track &N frames…", "Shift+T", "Track a number of frames, then pause", "", "track"),
    _spec("run_again", "Track &again", "Ctrl+R", "Track anew with the present parameters", "again", "track"),
    _spec("pause_on_lost", "&Pause when lost", "", "Pause when a target is lost", "", "track", True),
    _spec("play", "&Play", "Space", "Play or pause; accept a box and track", "play", "play", True),
    _spec("step_forward", "Next &frame", ". Right", "One frame forwards", "next", "play"),
    _spec("step_back", "Pre&vious frame", ", Left", "One frame back", "previous", "play"),
    _spec("skip_forward", "Ten frames for&wards", "Shift+Right", "Ten frames forwards", "", "play"),
    _spec("skip_back", "Ten frames &back", "Shift+Left", "Ten frames back", "", "play"),
    _spec("go_start", "To the &start", "Home", "To the first frame", "start", "play"),
    _spec("go_end", "To the &end", "End", "To the last frame", "end", "play"),
    _spec("go_to", "&Go to frame…", "G", "Go to a frame by its number", "", "play"),
    _spec("next_key", "Next &key frame", "Ctrl+Right", "To the next frame with a drawn box", "", "play"),
    _spec("previous_key", "Previous ke&y frame", "Ctrl+Left", "To the last frame with a drawn box", "", "play"),
    _spec("slower", "S&lower", "[", "Play more slowly", "", "play"),
    _spec("faster", "Fas&ter", "]", "Play faster", "", "play"),
    _spec("normal_speed", "N&ormal speed", "\\", "Play at the video's own rate", "", "play"),
    _spec("loop", "Loo&p", "L", "Begin again at the end", "loop", "play", True),
    _spec("mark_start", "Mark &A", "Shift+A", "The range begins at this frame", "", "play"),
    _spec("mark_end", "Mark &B", "Shift+B", "The range ends at this frame", "", "play"),
    _spec("clear_range", "&Clear A–B", "", "Play and export everything", "", "play"),
    _spec("overlay_prediction", "&Prediction", "B", "The tracker's box", "", "overlays", True),
    _spec("overlay_ground_truth", "&Ground truth", "K", "The true box", "", "overlays", True),
    _spec("overlay_anchor", "Winning &anchor", "A", "The anchor whose regression won", "", "overlays", True),
    _spec("overlay_proposals", "&Top proposals", "P", "The best proposals with their scores", "", "overlays", True),
    _spec("overlay_anchors_at_mouse", "Anchors at the &mouse", "M", "Anchors under the mouse", "", "overlays", True),
    _spec("overlay_heat_map", "&Heat map", "H", "The network's scores over the search window", "", "overlays", True),
    _spec("overlay_search_window", "&Search window", "W", "What the network is shown", "", "overlays", True),
    _spec("overlay_trail", "Trai&l", "J", "Where the target went", "", "overlays", True),
    _spec("overlay_guide", "G&uide", "U", "The jittered guide of trackers that take one", "", "overlays", True),
    _spec("overlay_ghost", "Gh&ost", "O", "The run before", "", "overlays", True),
    _spec("zoom_in", "Zoom &in", "+ =", "Zoom in", "zoom_in", "view"),
    _spec("zoom_out", "Zoom &out", "-", "Zoom out", "zoom_out", "view"),
    _spec("zoom_fit", "&Fit", "0", "Show the whole image", "fit", "view"),
    _spec("zoom_pixels", "&One to one", "1", "One image pixel is one pixel of the screen", "", "view"),
    _spec("full_screen", "F&ull screen", "F11", "Use the whole screen", "full_screen", "view", True),
    _spec("reset_layout", "&Reset layout", "", "Put the panels back to where they were", "", "view"),
    _spec("benchmark", "&Benchmark…", "", "Evaluate a tracker on a data set", "", "tools"),
    _spec("training", "&Training…", "", "Train a tracker", "", "tools"),
    _spec("shortcuts", "&Keys", "F1", "All keys on one sheet", "help", "help"),
    _spec("open_log", "&Log file", "", "Where the program writes what happened", "", "help"),
    _spec("about", "&About Siamscope", "", "Version, device, licences", "", "help"),
)
MENUS: tuple[tuple[str, str], ...] = (
    ("file", "&File"),
    ("edit", "&Edit"),
    ("track", "&Track"),
    ("play", "&Play"),
    ("overlays", "&Overlays"),
    ("view", "&View"),
    ("tools", "T&ools"),
    ("help", "&Help"),
)
TOOLBAR: tuple[str, ...] = (  # the order of work; an empty name is a gap
    "open_file", "open_camera", "", "draw", "add_target", "", "track", "run_again", "",
    "go_start", "step_back", "play", "step_forward", "go_end", "loop", "", "export", "screenshot",
)  # fmt: skip
TOOLBAR_TEXTS: dict[str, str] = {  # short: a toolbar is as wide as its texts
    "open_file": "Open", "open_camera": "Camera", "draw": "Draw", "add_target": "Add", "run_again": "Again",
    "go_start": "Start", "step_back": "Back", "step_forward": "Next", "go_end": "End", "screenshot": "Shot",
}  # fmt: skip
HOLD_TO_HIDE_KEY = "`"


def translated(text: str) -> str:
    """Return an action's text in the user's language."""
    return QCoreApplication.translate("actions", text)


def default_keys() -> dict[str, str]:
    """Return the default first shortcut of every action that has one, by id."""
    return {spec.id: spec.keys[0] for spec in ACTIONS if spec.keys}


def make_actions(parent: QObject, shortcuts: Mapping[str, str]) -> dict[str, QAction]:
    """Return all actions by id; `shortcuts` replaces default keys, an empty text removes one."""
    actions = {}
    for spec in ACTIONS:
        action = QAction(translated(spec.text), parent)
        action.setObjectName(spec.id)
        action.setIcon(icon(spec.icon))
        action.setIconText(translated(TOOLBAR_TEXTS.get(spec.id, spec.text.replace("&", "").rstrip("…"))))
        action.setCheckable(spec.is_checkable)
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.setAutoRepeat(spec.id in REPEATING)
        actions[spec.id] = action
    apply_shortcuts(actions, shortcuts)
    return actions


REPEATING = frozenset({"step_forward", "step_back", "skip_forward", "skip_back", "zoom_in", "zoom_out"})


def apply_shortcuts(actions: Mapping[str, QAction], shortcuts: Mapping[str, str]) -> None:
    """Set every action's keys: the user's own first key where there is one, and the tooltip that names it."""
    for spec in ACTIONS:
        keys = list(spec.keys)
        if spec.id in shortcuts:
            keys = [shortcuts[spec.id], *keys[1:]] if shortcuts[spec.id] else []
        action = actions[spec.id]
        action.setShortcuts([QKeySequence(key) for key in keys])
        tip = translated(spec.tip or spec.text.replace("&", ""))
        named = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{tip} ({named})" if named else tip)
        action.setStatusTip(tip)
