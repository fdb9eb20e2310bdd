"""Tracking backwards: from the frame that is shown to the key frame before it, or on to the start of the video."""

from __future__ import annotations

from dataclasses import replace

from app.session.frame_view import FrameView
from app.session.session import Session
from tracker_core.results.way_back import WayBack
from tracker_core.sources.backwards import read_backwards
from tracker_core.types import ResultOrigin

CHUNK_BYTES = 128 * 1024 * 1024  # of images that are read ahead, besides the source's own cache


class BackwardTracking:
    """Follows every target that has a box in the present frame of `session`, one frame back at each `step`.

    What is replaced on the way (see `WayBack`) becomes the ghost, frame by frame; undo brings all of it back.

    Raises `SourceError` for a live source and `InputError` where no target has a box here.
    """

    def __init__(self, session: Session, *, to_start: bool = False, first: int = 0) -> None:
        source, here = session.require_source(), session.position or 0
        self._session, self._frames = session, read_backwards(source, chunk_bytes=CHUNK_BYTES)
        self._way = WayBack(session.targets, here, to_start=to_start, first=first)
        session.runs.continue_with(session.trackers.producer, here)
        with session.runs.edit("tracking backwards") as run:
            run.touch()  # what follows is added to the run as it is now; undo brings that back
        source.seek(here)
        next(self._frames, None)
        session.is_displaced = True

    def step(self) -> FrameView | None:
        """Read the frame before, track in it, and return its view; None where the way ends."""
        session, end = self._session, self._way.end
        frame = None if (session.position or 0) <= end else next(self._frames, None)
        if frame is None or frame.index < end:
            return None
        ways = self._way.ways(session.targets, frame.index)
        found = session.trackers.chosen.follow(ways, frame, debug=False)
        for number, result in found.results.items():
            backwards = replace(result, origin=ResultOrigin.BACKWARDS)
            session.run.replace(frame.index, number, backwards, session.trackers.producer)
        if ways:
            session.run.note(frame, session.require_source(), found.timings.update_ms / 1e3)
        return session.show(frame)
