"""Undo and redo: what the user changed, in order, each change with its way back and forth again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MOST_CHANGES = 100
MOST_RESULTS = 2_000_000  # that all changes together may hold: some hundreds of megabytes


@dataclass(frozen=True)
class Change:
    """One thing that the user did.

    `text` names it in the menu ("box of target 1"), `undo` takes it back, `redo` does it again; each leaves the other
    possible. `weight` is how many results the change keeps alive.
    """

    text: str
    undo: Callable[[], None]
    redo: Callable[[], None]
    weight: int = 0


class History:
    """The changes that can be taken back, and those that were and can be done again.

    A new change ends what could be done again. The oldest changes are forgotten where there are too many, or where
    they hold too many results; the last one never is.
    """

    def __init__(self) -> None:
        self._done: list[Change] = []
        self._undone: list[Change] = []

    @property
    def undo_text(self) -> str:
        """What `undo` would take back, "" where there is nothing."""
        return self._done[-1].text if self._done else ""

    @property
    def redo_text(self) -> str:
        """What `redo` would do again, "" where there is nothing."""
        return self._undone[-1].text if self._undone else ""

    def push(self, change: Change) -> None:
        """Take note of a change that was made just now."""
        self._done.append(change)
        self._undone.clear()
        while len(self._done) > MOST_CHANGES or (len(self._done) > 1 and self._weight() > MOST_RESULTS):
            del self._done[0]

    def undo(self) -> str:
        """Take back the last change and return what it was, "" where there is none."""
        if not self._done:
            return ""
        change = self._done.pop()
        change.undo()
        self._undone.append(change)
        return change.text

    def redo(self) -> str:
        """Do again what was taken back last and return what it was, "" where there is nothing."""
        if not self._undone:
            return ""
        change = self._undone.pop()
        change.redo()
        self._done.append(change)
        return change.text

    def clear(self) -> None:
        """Forget all changes."""
        self._done.clear()
        self._undone.clear()

    def _weight(self) -> int:
        return sum(change.weight for change in self._done)
