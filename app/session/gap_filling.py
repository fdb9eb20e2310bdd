"""Filling gaps of a session's targets: found, tracked from both sides or interpolated, and put into the run at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from app.session.session import Session
from tracker_core.errors import InputError, SourceError
from tracker_core.results.gaps import GapTracking, find_gaps_of, interpolate
from tracker_core.results.identity import file_name
from tracker_core.types import FloatArray, Frame


class GapFilling:
    """Gaps at the present frame, or between two frames (`bounds`, both included), of some targets.

    `step` tracks one frame more, `put_in` stores all results as one change. Frames that a person marked as outside and
    key frames stay as they are. Raises `InputError`, one sentence, where there is nothing to fill, and `SourceError`
    for a live source.
    """

    def __init__(
        self, session: Session, numbers: Sequence[int], bounds: tuple[int, int] | None, is_tracked: bool
    ) -> None:
        source = session.require_source()
        if not source.is_seekable:
            raise SourceError(f"'{source.name}' is live; gaps can be filled in its recording.")
        self._session, self._run = session, session.run
        self._revision = session.run.revision
        records = session.run.recorder.targets
        known = [records[number] for number in numbers if number in records]
        self.gaps = find_gaps_of(known, session.position or 0, bounds)
        self.is_tracked = is_tracked
        self._tracked = (
            [GapTracking(gap, source, partial(self._start, gap.number)) for gap in self.gaps] if is_tracked else []
        )
        self.done, self.total = 0, sum(tracking.steps for tracking in self._tracked)
        self._steps = self._track()

    @property
    def is_valid(self) -> bool:
        """Whether the run is still as it was found."""
        return self._session.run is self._run and self._run.revision == self._revision

    def step(self) -> bool:
        """Track one frame more; False at the end."""
        if next(self._steps, None) is None:
            return False
        self.done += 1
        return True

    def put_in(self) -> int:
        """Store what was found as one change, and return how many frames were filled; raises `InputError` for none."""
        pairs = zip(self.gaps, self._tracked, strict=True) if self.is_tracked else ()
        found = [(gap, tracking.results) for gap, tracking in pairs] or [(gap, interpolate(gap)) for gap in self.gaps]
        count = sum(len(results) for _, results in found)
        if not count:
            raise InputError("A straight line needs a good box on both sides of the gap; fill it by tracking instead.")
        producer = self._session.trackers.producer if self.is_tracked else None
        with self._session.runs.edit("filled gap" if len(found) == 1 else f"{len(found)} filled gaps") as run:
            for gap, results in found:
                run.fill(gap.number, results, producer)
            for tracking in self._tracked:
                for index, time_s in tracking.times_s.items():
                    run.recorder.note_time(index, time_s, file_name(self._session.require_source(), index))
        return count

    def _track(self) -> Iterator[int]:
        for tracking in self._tracked:
            for done in tracking:
                self._session.is_displaced = True
                yield done

    def _start(self, number: int, frame: Frame, box_xywh: FloatArray) -> Any:
        return self._session.trackers.chosen.stand_beside(self._session.targets[number], frame, box_xywh)
