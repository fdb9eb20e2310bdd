"""Whether a target can be seen: from the tracker's state, unless a person says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from tracker_core.types import TrackingState


class Visibility(Enum):
    """Seen; covered by something, in part or whole; or not in the image at all."""

    VISIBLE = "visible"
    OCCLUDED = "occluded"
    OUTSIDE = "outside"


# a lost target's box says only where it was searched for, so that nothing is claimed to be there
VISIBILITY_OF: Mapping[TrackingState | None, Visibility | None] = {
    TrackingState.TRACKING: Visibility.VISIBLE,
    TrackingState.UNCERTAIN: Visibility.OCCLUDED,
    TrackingState.LOST: Visibility.OUTSIDE,
    None: None,
}


def mark_for(state: TrackingState | None, visibility: Visibility | None) -> Visibility | None:
    """Return the mark that makes a frame with `state` be of `visibility`; None where the state says so by itself."""
    return None if visibility is VISIBILITY_OF[state] else visibility
