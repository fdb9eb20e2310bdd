"""Where tracking was left off: frames in which a target has no box although one could be found."""

from __future__ import annotations

from collections.abc import Iterable

from app.session.frame_view import Untracked
from tracker_core.results.targets import Target
from tracker_core.results.visibility import Visibility


def around(target: Target, index: int) -> Untracked | None:
    """Return where a target has results around a frame, None where it has one there or was marked as outside."""
    if index in target.results or target.record.marks.get(index) is Visibility.OUTSIDE:
        return None
    return Untracked(target.last_before(index), target.result_after(index))


def left_off(targets: Iterable[Target], index: int) -> int | None:
    """Return the earliest frame up to which those were tracked that are missing in frame `index`, None for none."""
    missing = (found for target in targets if (found := around(target, index)) is not None)
    return min((found.before for found in missing if found.before is not None), default=None)
