"""A saved run computed again by what made it, for what its trackers saw: heat maps, anchors, search windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tracker_core.errors import InputError
from tracker_core.results.provenance import Producer
from tracker_core.results.run import Run, TargetTrack
from tracker_core.trackers.producers import rebuild_tracker
from tracker_core.types import Frame, Image, ResultOrigin, TrackResult

SAME_BOX_PIXELS = 0.5  # boxes that differ by more were not found by the same steps
_SYNC_PIXELS = 0.01  # what differs by more, between devices and runtimes, would grow from frame to frame
_HOPELESS = 25  # frames, all with another box, after which it is not worth going on


@dataclass
class _Follower:
    """The tracker that stands where a target's last frame left it."""

    tracker: Any
    producer: Producer
    scores: list[float] = field(default_factory=list)  # since the key frame
    box_xywh: Any = None


class RunExplainer:
    """Gives the results of `run` together with what the tracker saw; frames are to be shown to it in order.

    The stored boxes stay as they are. Where the tracker, run again, finds another one, what it saw is left out, because
    it would explain another box. `build` makes a tracker of a producer. Raises `InputError`, one sentence, where what
    made the results is not known or not here.
    """

    def __init__(self, run: Run, numbers: Sequence[int], *, build: Callable[[Producer], Any] = rebuild_tracker) -> None:
        self._run = run
        self._targets = [target for target in run.targets if target.number in numbers]
        self._build = build
        self._bases: dict[str, Any] = {}
        self._keys: dict[int, tuple[Image, Any]] = {}  # by target, image and box that tracking started on
        self._followers: dict[int, _Follower] = {}
        self.asked = self.explained = self.differing = self.skipped = 0

    def prepare(self, first: int, last: int) -> list[int]:
        """Build what explains frames `first` to `last`, and return those that have to be shown before `first`.

        Tracking starts on a key frame, and a tracker that learns has to see all frames from there on.
        """
        starts = [start for target in self._targets if (start := _start_before(self._run, target, first)) is not None]
        low = min(starts, default=first)
        needed = self._run.select(low, last)
        makers = [needed.producer_of(index, t.number) for t in self._targets for index in _computed(needed, t.number)]
        if None in makers:
            raise InputError("These results do not say which tracker made them, so what it saw cannot be drawn.")
        for producer in makers:
            if producer is not None and producer.answers_as not in self._bases:
                self._bases[producer.answers_as] = self._build(producer)
        return [index for index in needed.frame_indices.tolist() if index < first]

    def explain(self, frame: Frame) -> dict[int, TrackResult]:
        """Return this frame's results by target number, with `debug` where the tracker found them now as well."""
        found = {}
        for target in self._targets:
            result = self._run.result_at(frame.index, target.number)
            if result is not None:
                found[target.number] = self._follow(target, frame, result)
        return found

    def check(self) -> list[str]:
        """Return what the user should know; raises `InputError` if no frame at all could be explained."""
        if self.asked and not self.explained:
            self._refuse()
        notes = []
        if self.differing:
            count = f"{self.differing} of {self.asked} frames"
            notes.append(f"In {count} the tracker finds another box now; what it saw is left out there.")
        if self.skipped:
            count = f"{self.skipped} frames"
            notes.append(f"In {count} boxes were found backwards or filled in; what the tracker saw is left out.")
        return notes

    def _follow(self, target: TargetTrack, frame: Frame, stored: TrackResult) -> TrackResult:
        number = target.number
        key = next((key for key in target.key_frames if key.index == frame.index), None)
        if key is not None or (number not in self._keys and not target.key_frames):
            self._keys[number] = (frame.image, stored.box_xywh if key is None else key.box_xywh)
            self._followers.pop(number, None)
            return stored
        producer = self._run.producer_of(frame.index, number)
        if number not in self._keys or producer is None or producer.answers_as not in self._bases:
            self.skipped += 1  # found from a later frame, or filled in
            return stored
        return self._compare(self._follower(number, producer), frame, stored)

    def _compare(self, follower: _Follower, frame: Frame, stored: TrackResult) -> TrackResult:
        """Return the stored result with what the tracker sees now, if it finds the same box."""
        seen = follower.tracker.update(frame.image, debug=True)
        off = float(np.abs(seen.box_xywh - stored.box_xywh).max())
        follower.scores += [stored.score] if np.isfinite(stored.score) else []
        follower.box_xywh = stored.box_xywh
        if not off <= _SYNC_PIXELS:
            follower.tracker.resume(stored.box_xywh, follower.scores)
        if stored.origin is not ResultOrigin.TRACKED:
            self.skipped += 1
            return stored
        self.asked += 1
        if off <= SAME_BOX_PIXELS:
            self.explained += 1
            return replace(stored, debug=seen.debug)
        self.differing += 1
        if self.differing == self.asked >= _HOPELESS:
            self._refuse()
        return stored

    def _follower(self, number: int, producer: Producer) -> _Follower:
        """Return the tracker of a target, started or handed over from another one where the producer changed."""
        present = self._followers.get(number)
        if present is not None and present.producer == producer:
            return present
        tracker = self._bases[producer.answers_as].fork()
        tracker.init(*self._keys[number])
        if present is not None:
            tracker.resume(present.box_xywh, present.scores)
        scores = [] if present is None else present.scores
        self._followers[number] = _Follower(tracker, producer, scores)
        return self._followers[number]

    def _refuse(self) -> None:
        raise InputError(
            "The tracker that made this run, run again here, finds other boxes, so what it saw then cannot be drawn; "
            "leave out heat map, anchors and search window."
        )


def _computed(run: Run, number: int) -> list[int]:
    """Return the frames whose boxes a tracker found going forwards."""
    target = run.target(number)
    if target is None:
        return []
    keys = {key.index for key in target.key_frames}
    rows = [row for row in np.flatnonzero(target.has_box).tolist() if target.origin(row) is ResultOrigin.TRACKED]
    return [index for row in rows if (index := int(run.frame_indices[row])) not in keys]


def _start_before(run: Run, target: TargetTrack, first: int) -> int | None:
    keys = [key.index for key in target.key_frames if key.index <= first]
    return max(keys, default=None) if target.key_frames else min(_computed(run, target.number), default=None)
