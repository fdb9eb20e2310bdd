"""Tracking backwards: from the frame that is shown to the key frame before it, or on to the start of the video."""

from __future__ import annotations

from dataclasses import replace

from app.session.frame_view import FrameView
from app.session.session import Session
from app.session.targets import Target
from tracker_core.errors import InputError
from tracker_core.sources.backwards import read_backwards
from tracker_core.types import Frame, ResultOrigin

CHUNK_BYTES = 128 * 1024 * 1024  # of images that are read ahead, besides the source's own cache


class BackwardTracking:
    """Follows every target that has a box in the present frame of `session`, one frame back at each `step`.

    What was found forwards between there and the target's key frame before is replaced, frame by frame, and becomes the
    ghost; undo brings all of it back. Before that key frame only frames without a result are tracked, and only where
    `to_start` says so: else the way ends there, as it does at frame `first`.

    Raises `SourceError` for a live source and `InputError` where no target has a box here.
    """

    def __init__(self, session: Session, *, to_start: bool = False, first: int = 0) -> None:
        source, here = session.require_source(), session.position or 0
        self._session, self._frames = session, read_backwards(source, chunk_bytes=CHUNK_BYTES)
        self._from: dict[int, int] = {}  # by target, the last frame on the way in which it has a result
        self._keys: dict[int, int] = {}  # by target, the key frame before, -1 for none
        for number, target in session.targets.items():
            if here in target.results:
                self._from[number] = here
                self._keys[number] = max((key for key in target.key_frames if key < here), default=-1)
        if not self._from:
            raise InputError(f"No target has a box in frame {here}; draw one (R), or go to a frame with one.")
        ends = [0 if to_start else max(0, key) for key in self._keys.values()]
        self._end = max(first, min(ends, default=0))
        session.runs.continue_with(session.trackers.producer, here)
        with session.runs.edit("tracking backwards") as run:
            run.touch()  # what follows is added to the run as it is now; undo brings that back
        source.seek(here)
        next(self._frames, None)
        session.is_displaced = True

    def step(self) -> FrameView | None:
        """Read the frame before, track in it, and return its view; None where the way ends."""
        frame = None if (self._session.position or 0) <= self._end else next(self._frames, None)
        if frame is None or frame.index < self._end:
            return None
        self._track(frame)
        return self._session.show(frame)

    def _track(self, frame: Frame) -> None:
        """Track all targets that are to be tracked in this frame, and store what is found."""
        session, index = self._session, frame.index
        present = {number: target for number, target in session.targets.items() if number in self._from}
        ways = [(target, self._from[number]) for number, target in present.items() if self._is_due(target, index)]
        found = session.trackers.chosen.follow(ways, frame, debug=False)
        for number, result in found.results.items():
            backwards = replace(result, origin=ResultOrigin.BACKWARDS)
            session.run.replace(index, number, backwards, session.trackers.producer)
        if ways:
            session.run.note(frame, session.require_source(), found.timings.update_ms / 1e3)
        self._from.update((number, index) for number in present)

    def _is_due(self, target: Target, index: int) -> bool:
        is_replaced = index > self._keys[target.number] and index not in target.key_frames
        return is_replaced or index not in target.results
