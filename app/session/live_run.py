"""One run that grows while the user works, and the results in it that a new box replaced."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tracker_core.results.identity import file_name
from tracker_core.results.provenance import Producer, SourceIdentity
from tracker_core.results.recorder import RunRecorder, TargetRecord
from tracker_core.results.run import BoxOrigin
from tracker_core.results.targets import Target
from tracker_core.results.visibility import Visibility
from tracker_core.types import Frame, FrameSource, TrackingState, TrackResult

_revisions = itertools.count(1)


@dataclass
class LiveRun:
    """Results of the targets in one source, each with what found it.

    What a new box replaces moves to the ghost, with the producer that it had. Changes that the user can take back are
    made inside `Runs.edit`, which keeps the run as it was.

    Attributes:
        number: the run's number, from 1, never used again while the source is open.
        color: the place of its colour among those of runs, from 0; the run keeps it for good.
        recorder: the results, with the run's title and the names of its targets.
        ghost: the results that were replaced, as a run.
        next_number: the number of the next target to be added.
        begins_at: the frame from which a change of tracker or parameters counts, None for a run with only one.
        is_scored_anyway: whether it is measured against the ground truth although it did not start on it.
        revision: differs after every change other than results that were added; of all runs no two are the same.
        frames_since_change: how many frames its present producer has found.
        has_grown: whether results were added since it was made or taken over, be they saved by now or not.
    """

    source: SourceIdentity
    number: int = 1
    recorder: RunRecorder = field(init=False)
    ghost: RunRecorder = field(init=False)
    next_number: int = 1
    begins_at: int | None = None
    is_scored_anyway: bool = False
    revision: int = field(init=False)
    frames_since_change: int = 0
    color: int = 0
    has_grown: bool = False
    _unsaved: set[int] = field(default_factory=set)
    _unsaved_ghost: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.recorder, self.ghost = RunRecorder(self.source), RunRecorder(self.source)
        self.touch()

    def copy(self) -> LiveRun:
        """Return an independent run of the same content."""
        other = LiveRun(
            self.source, self.number, self.next_number, self.begins_at, self.is_scored_anyway,
            self.frames_since_change, self.color, self.has_grown, set(self._unsaved), set(self._unsaved_ghost),
        )  # fmt: skip
        other.recorder, other.ghost, other.revision = self.recorder.copy(), self.ghost.copy(), self.revision
        return other

    def branch(self, number: int, index: int, producer: Producer) -> LiveRun:
        """Return another run with what was found up to frame `index` and all boxes of key frames, for `producer`."""
        other = LiveRun(self.source, number, self.next_number, is_scored_anyway=self.is_scored_anyway)
        created = other.recorder.created
        other.recorder = self.recorder.copy()
        other.recorder.title, other.recorder.created = "", created
        other.drop_after(index, producer)
        other.begins_at = index + 1 if other.has_computed else None
        return other

    @classmethod
    def from_recorder(cls, recorder: RunRecorder, ghost: RunRecorder | None = None, number: int = 1) -> LiveRun:
        """Return a run of what was recorded earlier."""
        run = cls(recorder.source, number, max(recorder.targets, default=0) + 1)
        run.recorder, run.ghost = recorder, ghost or RunRecorder(recorder.source)
        return run

    @property
    def targets(self) -> dict[int, Target]:
        """The targets by number, in the order they were added."""
        ghosts = self.ghost.targets
        return {
            number: Target(record, ghosts.get(number) or TargetRecord(number))
            for number, record in self.recorder.targets.items()
        }

    @property
    def count(self) -> int:
        """How many results it holds, those that were replaced too."""
        records = (*self.recorder.targets.values(), *self.ghost.targets.values())
        return sum(len(record.results) for record in records)

    @property
    def has_computed(self) -> bool:
        """Whether a tracker found anything yet: there is more than boxes that were given."""
        return any(record.results.keys() - record.key_frames.keys() for record in self.recorder.targets.values())

    @property
    def last_index(self) -> int:
        """The last frame with a result, -1 while there is none."""
        return max((max(record.results, default=-1) for record in self.recorder.targets.values()), default=-1)

    @property
    def has_unsaved(self) -> bool:
        """Whether results were added or replaced since they were taken for saving."""
        return bool(self._unsaved or self._unsaved_ghost)

    def results_at(self, index: int) -> dict[int, TrackResult]:
        """Return what was found in frame `index`, by target."""
        records = self.recorder.targets.values()
        return {record.number: record.results[index] for record in records if index in record.results}

    def is_of_another(self, producer: Producer) -> bool:
        """Tell whether something was found here, and by what finds other boxes than `producer`.

        It is asked before every frame, so the quickest answers come first.
        """
        mine = self.recorder.producer
        if mine is not None and (mine is producer or mine == producer or mine.answers_as == producer.answers_as):
            return False
        return self.has_computed

    def touch(self) -> None:
        """Take note of a change: what was saved of this run is no longer the same."""
        self.revision = next(_revisions)

    def set_key(self, frame: Frame, number: int, box_xywh: Any, by: BoxOrigin, producer: Producer) -> None:
        """Start target `number` on a box in a frame; what followed up to the next key frame becomes the ghost."""
        self.touch()
        self.next_number = max(self.next_number, number + 1)
        record = self.recorder.target(number)
        following = min((key for key in record.key_frames if key > frame.index), default=None)
        self.recorder.move(self.ghost, number, frame.index, following)
        self.recorder.producer = producer
        self.recorder.set_key_frame(number, frame.index, box_xywh, by)
        self._put_key(number, frame.index)

    def add(self, index: int, number: int, result: TrackResult, producer: Producer) -> None:
        """Store what `producer` found."""
        if producer != self.recorder.producer:
            self.frames_since_change = 0
            self.recorder.producer = producer
        self.frames_since_change += index not in self._unsaved
        self.recorder.put(index, number, result)
        self._unsaved.add(index)
        self.has_grown = True

    def replace(self, index: int, number: int, result: TrackResult, producer: Producer) -> None:
        """Store what `producer` found; what was there becomes the ghost."""
        self.recorder.move(self.ghost, number, index, index + 1)
        self._unsaved_ghost.add(index)
        self.add(index, number, result, producer)

    def fill(self, number: int, results: Mapping[int, TrackResult], producer: Producer | None) -> None:
        """Store what fills a gap (`producer` None: no tracker found it); what was there becomes the ghost."""
        self.touch()
        present = self.recorder.producer
        self.recorder.producer = producer
        for index, result in results.items():
            self.recorder.move(self.ghost, number, index, index + 1)
            self.recorder.put(index, number, result)
        self.recorder.producer = present

    def mark(self, number: int, frames: Iterable[int], visibility: Visibility | None) -> None:
        """Say whether a target is seen in some frames, None: as its state says."""
        self.touch()
        marks = self.recorder.target(number).marks
        for index in frames:
            marks.pop(index, None)
            if visibility is not None:
                marks[index] = visibility

    def take_unsaved(self) -> tuple[list[int], list[int]]:
        """Return the frames in which results were added since the last time, and those in which some were replaced."""
        unsaved, ghost = sorted(self._unsaved), sorted(self._unsaved_ghost)
        self._unsaved, self._unsaved_ghost = set(), set()
        return unsaved, ghost

    def note(self, frame: Frame, source: FrameSource, update_s: float) -> None:
        """Keep when a frame is shown, the name of its file, and the seconds that its update took (NaN: none)."""
        self.recorder.note_image(frame, file_name(source, frame.index), update_s)

    def drop_after(self, index: int, producer: Producer) -> None:
        """Drop what was computed after frame `index`; boxes of key frames stay, for `producer`."""
        self.touch()
        self.recorder.producer = producer
        for number, record in self.recorder.targets.items():
            self.recorder.drop(number, index + 1)
            for key in record.key_frames:
                if key > index:
                    self._put_key(number, key)

    def remove(self, numbers: list[int]) -> None:
        """Forget targets and their results."""
        self.touch()
        for number in numbers:
            del self.recorder.targets[number]

    def _put_key(self, number: int, key: int) -> None:
        box = self.recorder.target(number).key_frames[key].box_xywh
        self.recorder.put(key, number, TrackResult(box, 1.0, TrackingState.TRACKING))
