"""The run that grows while the user works, the results that it replaced, and undo."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.session.targets import Target
from tracker_core.results.identity import file_name
from tracker_core.results.provenance import Producer, SourceIdentity
from tracker_core.results.recorder import RunRecorder, TargetRecord
from tracker_core.results.run import BoxOrigin
from tracker_core.types import Frame, FrameSource, TrackingState, TrackResult

UNDO_DEPTH = 20


@dataclass
class _Content:
    """What undo brings back."""

    recorder: RunRecorder
    ghost: RunRecorder
    next_number: int = 1

    def copy(self) -> _Content:
        return _Content(self.recorder.copy(), self.ghost.copy(), self.next_number)


@dataclass
class LiveRun:
    """Results of the targets in one source, each with what found it.

    What a new box, other parameters or another tracker replace moves to the ghost, with the producer that it had.
    `edits` counts changes other than results that were added.
    """

    source: SourceIdentity
    edits: int = 0
    _now: _Content = field(init=False)
    _undo: list[_Content] = field(default_factory=list)
    _unsaved: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._now = _Content(RunRecorder(self.source), RunRecorder(self.source))

    @property
    def recorder(self) -> RunRecorder:
        """The run itself."""
        return self._now.recorder

    @property
    def ghost(self) -> RunRecorder:
        """The results that were replaced, as a run."""
        return self._now.ghost

    @property
    def targets(self) -> dict[int, Target]:
        """The targets by number, in the order they were added."""
        ghosts = self.ghost.targets
        return {
            number: Target(record, ghosts.get(number) or TargetRecord(number))
            for number, record in self.recorder.targets.items()
        }

    @property
    def next_number(self) -> int:
        """The number of the next target to be added."""
        return self._now.next_number

    @property
    def is_touched(self) -> bool:
        """Whether anything was found or changed here, beyond what was taken over from a saved run."""
        return bool(self.edits or self._unsaved)

    @property
    def can_undo(self) -> bool:
        """Whether there is a box or a removal to take back."""
        return bool(self._undo)

    def set_key(self, frame: Frame, number: int, box_xywh: Any, by: BoxOrigin, producer: Producer) -> None:
        """Start target `number` on a box in a frame; what followed up to the next key frame becomes the ghost."""
        self._remember()
        self._now.next_number = max(self.next_number, number + 1)
        record = self.recorder.target(number)
        following = min((key for key in record.key_frames if key > frame.index), default=None)
        self.recorder.move(self.ghost, number, frame.index, following)
        self.recorder.producer = producer
        self.recorder.set_key_frame(number, frame.index, box_xywh, by)
        self._put_key(number, frame.index)

    def add(self, index: int, number: int, result: TrackResult, producer: Producer) -> None:
        """Store what `producer` found."""
        self.recorder.producer = producer
        self.recorder.put(index, number, result)
        self._unsaved.add(index)

    def take_unsaved(self) -> list[int]:
        """Return the frames in which results were added since the last time."""
        unsaved, self._unsaved = sorted(self._unsaved), set()
        return unsaved

    def note(self, frame: Frame, source: FrameSource, update_s: float) -> None:
        """Keep when a frame is shown, the name of its file, and the seconds that its update took (NaN: none)."""
        self.recorder.note_frame(frame.index, frame.time_s, file_name(source, frame.index), update_s)

    def retire_after(self, index: int, number: int, producer: Producer) -> None:
        """Make one target's computed results after frame `index` the ghost; key frames stay, for `producer`."""
        self.edits += 1
        self.recorder.producer = producer
        self.recorder.move(self.ghost, number, index + 1)
        for key in self.recorder.target(number).key_frames:
            if key > index:
                self._put_key(number, key)

    def run_again(self, producer: Producer) -> int | None:
        """Make all computed results the ghost, for `producer`; return the first key frame, None if there is none."""
        starts = {n: target.start_index for n, target in self.targets.items() if target.start_index is not None}
        if starts:
            self._remember()
        for number, start in starts.items():
            self.retire_after(start, number, producer)
            self._put_key(number, start)
        return min(starts.values(), default=None)

    def remove(self, numbers: list[int]) -> None:
        """Forget targets and their results; undo brings them back."""
        if numbers:
            self._remember()
        for number in numbers:
            del self.recorder.targets[number]

    def undo(self) -> bool:
        """Take back the last box or removal, with the results that it replaced; False if there is nothing."""
        if not self._undo:
            return False
        self._now = self._undo.pop()
        self.edits += 1
        return True

    def restore(self, recorder: RunRecorder, ghost: RunRecorder | None = None) -> None:
        """Take over the results of a saved run of the same source."""
        self._now = _Content(recorder, ghost or RunRecorder(self.source), max(recorder.targets, default=0) + 1)

    def _put_key(self, number: int, key: int) -> None:
        box = self.recorder.target(number).key_frames[key].box_xywh
        self.recorder.put(key, number, TrackResult(box, 1.0, TrackingState.TRACKING))

    def _remember(self) -> None:
        self.edits += 1
        self._undo.append(self._now.copy())
        del self._undo[:-UNDO_DEPTH]
