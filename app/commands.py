"""What a command of the window is: one row, from which menu, toolbar, keys, the F1 sheet and preferences are made.

The rows stand beside what they call, in `app/controls/`; `app/window/actions.py` makes Qt's actions of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from PyQt5.QtCore import QCoreApplication
from PyQt5.QtGui import QKeySequence

_MARK = re.compile(r"&([^&\s])")
MENUS: tuple[tuple[str, str], ...] = (
    ("file", "&File"),
    ("edit", "&Edit"),
    ("track", "&Track"),
    ("play", "&Play"),
    ("overlays", "&Overlays"),
    ("view", "&View"),
    ("tools", "Too&ls"),
    ("help", "&Help"),
)
TOOLBAR: tuple[str, ...] = (  # the order of work; an empty name is a gap
    "open_file", "open_camera", "", "draw", "click_box", "add_target", "", "track", "track_back", "run_again", "",
    "go_start", "step_back", "play", "step_forward", "go_end", "loop", "", "export", "screenshot",
)  # fmt: skip
# the commands that begin a group of their menu; any other one belongs to the group above it
GROUPS = frozenset(
    [
        "record", "import_boxes", "screenshot", "quit", "draw", "remove_target", "cancel", "preferences", "run_again",
        "track_back", "fill_gap", "mark_visible", "step_forward", "go_start", "next_key", "slower",
        "loop", "mark_start", "overlay_anchor", "overlay_ghost", "overlay_search_window", "full_screen",
        "reset_layout", "about",
    ]
)  # fmt: skip
HOLD_TO_HIDE_KEY = "`"


@dataclass(frozen=True)
class Command:
    """Something that the user can do.

    Attributes:
        id: its name in the settings, where the user's own keys are kept.
        menu: where it stands; in the order of the rows.
        text: in the menu, with "&" before the letter that chooses it.
        run: what it does.
        keys: default shortcuts, separated by spaces; the first one can be changed by the user.
        help: one line for tooltip, status bar and F1 sheet.
        when: whether it can be used now; None: always.
        is_on: whether it is switched on, for commands that switch something; None: it doesn't.
        icon: name of a drawing in `app/window/icons.py`.
        short: text in the toolbar, which is as wide as its texts; "" takes the menu's.
        repeats: whether it runs again while its key is held.
        text_now: its text where that changes with what it would do; None: it doesn't.
    """

    id: str
    menu: str
    text: str
    run: Callable[[], object]
    keys: str = ""
    help: str = ""
    when: Callable[[], bool] | None = None
    is_on: Callable[[], bool] | None = None
    icon: str = ""
    short: str = ""
    repeats: bool = False
    text_now: Callable[[], str] | None = None

    @property
    def default_key(self) -> str:
        """The first default shortcut, "" where there is none."""
        return self.keys.split(" ")[0]

    def keys_with(self, shortcuts: Mapping[str, str]) -> list[str]:
        """Return the keys that work where the user chose `shortcuts` (by id): the first one replaced, "" for none."""
        first, *others = self.keys.split(" ")
        first = shortcuts.get(self.id, first)
        return [first, *others] if first else []


def translated(text: str) -> str:
    """Return a command's text in the user's language."""
    return QCoreApplication.translate("commands", text)


def with_object(text: str, what: str) -> str:
    """Return a command's text in the user's language, with what it would be done to now, "" for nothing."""
    return f"{translated(text)}: {what}" if what else translated(text)


def plain(text: str) -> str:
    """Return a menu text without its mark for the keyboard."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip("…")


def with_mnemonics(texts: Sequence[str]) -> list[str]:
    """Return a menu's texts with a letter marked in each and none marked twice: their own marks first, in order."""
    taken: set[str] = set()
    letters: list[str | None] = []
    for text in texts:
        own = _MARK.search(text)
        letter = own.group(1).casefold() if own else None
        letters.append(None if letter in taken else letter)
        taken |= {letter} if letter else set()
    return [text if letters[place] else _marked(text, taken) for place, text in enumerate(texts)]


def _marked(text: str, taken: set[str]) -> str:
    """Mark a letter that is not taken, the beginnings of words first, and take it; without one left, mark none."""
    bare = _MARK.sub(r"\1", text)
    beginnings = [match.start() for match in re.finditer(r"\b\w", bare)]
    for place in [*beginnings, *range(len(bare))]:
        letter = bare[place].casefold()
        if letter.isalnum() and letter not in taken:
            taken.add(letter)
            return f"{bare[:place]}&{bare[place:]}"
    return bare


def find_conflicts(commands: Iterable[Command], shortcuts: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the keys that more than one command has, with those commands; a command's further keys count too."""
    owners: dict[str, list[str]] = {}
    for command in commands:
        for key in command.keys_with(shortcuts):
            owners.setdefault(QKeySequence(key).toString(), []).append(command.id)
    return {key: ids for key, ids in owners.items() if len(ids) > 1}
