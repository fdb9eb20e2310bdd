"""The way back from a frame: which targets go it, how far it leads, and which frames are tracked on it."""

from __future__ import annotations

from collections.abc import Mapping

from tracker_core.errors import InputError
from tracker_core.results.targets import Target


class WayBack:
    """From frame `here` back, for every one of `targets` (by number) that has a result there.

    What was found forwards between `here` and a target's key frame before is tracked again. Before that key frame only
    frames without a result are, and only where `to_start` says so: else the way ends there. It ends at frame `first`,
    too. Key frames are never tracked. Raises `InputError` where no target has a result in frame `here`.

    Attributes:
        end: the last frame of the way.
    """

    def __init__(self, targets: Mapping[int, Target], here: int, *, to_start: bool = False, first: int = 0) -> None:
        self._from: dict[int, int] = {}  # by target, the last frame on the way in which it has a result
        self._keys: dict[int, int] = {}  # by target, the key frame before, -1 for none
        for number, target in targets.items():
            if here in target.results:
                self._from[number] = here
                self._keys[number] = max((key for key in target.key_frames if key < here), default=-1)
        if not self._from:
            raise InputError(f"No target has a box in frame {here}; draw one (R), or go to a frame with one.")
        ends = [0 if to_start else max(0, key) for key in self._keys.values()]
        self.end = max(first, min(ends, default=0))

    def ways(self, targets: Mapping[int, Target], index: int) -> list[tuple[Target, int]]:
        """Return the targets that have to be tracked in frame `index`, each with the frame that it comes from.

        Ask once for each frame on the way, in its order. Targets that were removed meanwhile are left out.
        """
        present = {number: target for number, target in targets.items() if number in self._from}
        due = [(target, self._from[number]) for number, target in present.items() if self._is_due(target, index)]
        self._from.update((number, index) for number in present)
        return due

    def _is_due(self, target: Target, index: int) -> bool:
        is_replaced = index > self._keys[target.number] and index not in target.key_frames
        return is_replaced or index not in target.results
