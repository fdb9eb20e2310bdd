"""Building a run frame by frame."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

import numpy as np

from tracker_core.results.provenance import Producer, SourceIdentity
from tracker_core.results.run import BoxOrigin, KeyFrame, Run, TargetTrack
from tracker_core.results.visibility import Visibility
from tracker_core.types import FloatArray, Frame, FrameResult, ResultOrigin, TrackResult


@dataclass
class TargetRecord:
    """What was recorded of one target: by frame index its results, what found them, its key frames and marks."""

    number: int
    name: str = ""
    results: dict[int, TrackResult] = field(default_factory=dict)
    made_by: dict[int, int] = field(default_factory=dict)
    key_frames: dict[int, KeyFrame] = field(default_factory=dict)
    marks: dict[int, Visibility] = field(default_factory=dict)
    color: str = ""

    def copy(self) -> TargetRecord:
        """Return a record with dictionaries of its own; the results inside are immutable and shared."""
        return replace(
            self,
            results=dict(self.results),
            made_by=dict(self.made_by),
            key_frames=dict(self.key_frames),
            marks=dict(self.marks),
        )

    def build(self, frames: Sequence[int], places: Mapping[int, int]) -> TargetTrack:
        """Return the columns over `frames`; `places` are those of the producers in the run."""
        rows = [row for row, index in enumerate(frames) if index in self.results]
        found = [self.results[frames[row]] for row in rows]
        boxes, scores = np.full((len(frames), 4), np.nan), np.full(len(frames), np.nan)
        states, origins = np.full(len(frames), None), np.full(len(frames), ResultOrigin.TRACKED)
        made_by = np.full(len(frames), -1, np.int64)
        if rows:  # column by column: a run of ten thousand frames is built after every change of it
            boxes[rows] = np.concatenate([result.box_xywh for result in found]).reshape(-1, 4)
            scores[rows] = [result.score for result in found]
            states[rows] = [result.state for result in found]
            origins[rows] = [result.origin for result in found]
            made_by[rows] = [places[self.made_by[frames[row]]] for row in rows]
        return TargetTrack(
            number=self.number,
            boxes_xywh=boxes,
            scores=scores,
            states=tuple(states.tolist()),
            name=self.name,
            key_frames=tuple(self.key_frames[index] for index in sorted(self.key_frames)),
            made_by=made_by,
            origins=tuple(origins.tolist()) if (origins != ResultOrigin.TRACKED).any() else (),
            marks={index: self.marks[index] for index in sorted(self.marks)},
            color=self.color,
        )


class _BoxShelf:
    """Keeps boxes in blocks of many.

    An array of its own for each box would pin the heap between the images of a video, so that the process grew by a
    share of every image for as long as it tracks.
    """

    BLOCK = 4096

    def __init__(self) -> None:
        self._block = np.empty((0, 4))
        self._used = 0

    def keep(self, box_xywh: FloatArray) -> FloatArray:
        """Return a read-only copy of a box (x, y, w, h)."""
        if self._used == len(self._block):
            self._block, self._used = np.empty((self.BLOCK, 4)), 0
        row: FloatArray = self._block[self._used]
        self._used += 1
        row[:] = box_xywh
        row.flags.writeable = False
        return row


class RunRecorder:
    """Collects results; a later one for the same frame and target replaces the earlier one.

    Frames may come in any order and targets may be added at any time, so that the window can go back, draw a box
    again and track on from there. Memory is a few numbers per frame: debug data is not kept. Set `producer` before
    the results that it computes.
    """

    def __init__(self, source: SourceIdentity, producer: Producer | None = None, title: str = "") -> None:
        self.source = source
        self.title = title
        self.length_scale = ""
        self.targets: dict[int, TargetRecord] = {}
        self.created = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._producers: list[Producer] = []
        self._current = -1
        self._times_s: dict[int, float] = {}
        self._update_s: dict[int, float] = {}
        self._file_names: dict[int, str] = {}
        self._other_sizes: dict[int, tuple[int, int]] = {}
        self._boxes = _BoxShelf()
        self.producer = producer

    @classmethod
    def from_run(cls, run: Run) -> RunRecorder:
        """Return a recorder that holds all of `run` and continues from there."""
        recorder = cls(run.source, title=run.title)
        recorder.created = run.created or recorder.created
        recorder.length_scale = run.length_scale
        for producer in run.producers:
            recorder.producer = producer
        for target in run.targets:
            record = recorder.target(target.number)
            record.name, record.color = target.name, target.color
            record.key_frames = {key.index: key for key in target.key_frames}
            record.marks = dict(target.marks)
        for row, (index, results) in enumerate(run):
            name = run.file_names[row] if run.file_names else ""
            recorder.note_frame(index, float(run.times_s[row]), name, float(run.update_times_s[row]))
            recorder.note_size(index, run.size_at(index))
            for number, result in results.items():
                recorder.producer = run.producer_of(index, number)
                recorder.put(index, number, result)
        recorder.producer = run.producer
        return recorder

    def copy(self) -> RunRecorder:
        """Return an independent recorder with the same content, for undo; results are immutable and shared."""
        other = copy.copy(self)
        other.targets = {number: record.copy() for number, record in self.targets.items()}
        other._producers = list(self._producers)
        other._times_s, other._update_s = dict(self._times_s), dict(self._update_s)
        other._file_names, other._other_sizes = dict(self._file_names), dict(self._other_sizes)
        return other

    def __len__(self) -> int:
        return len(self.frames())

    @property
    def producer(self) -> Producer | None:
        """What computes the results that are put from now on."""
        return self._producers[self._current] if self._current >= 0 else None

    @producer.setter
    def producer(self, producer: Producer | None) -> None:
        if producer is not None and producer not in self._producers:
            self._producers.append(producer)
        self._current = -1 if producer is None else self._producers.index(producer)

    def frames(self) -> list[int]:
        """Return the indices of the frames in which any target has a result, in order."""
        return sorted(set().union(*(record.results for record in self.targets.values())))

    def target(self, number: int) -> TargetRecord:
        """Return what was recorded of target `number`, adding it if it is new."""
        return self.targets.setdefault(number, TargetRecord(number))

    def add(self, outcome: FrameResult, file_name: str = "") -> None:
        """Store one frame's results, those of targets 1, 2, … in order."""
        frame = outcome.frame
        self.note_image(frame, file_name, outcome.timings.update_ms / 1000)
        for number, result in enumerate(outcome.results, 1):
            self.put(frame.index, number, result)

    def note_image(self, frame: Frame, file_name: str = "", update_s: float = float("nan")) -> None:
        """Keep of a frame when it is shown, the size of its image, its file and the seconds that its update took."""
        self.note_frame(frame.index, frame.time_s, file_name, update_s)
        self.note_size(frame.index, (frame.image.shape[1], frame.image.shape[0]))

    def note_size(self, index: int, size: tuple[int, int] | None) -> None:
        """Keep width and height of the image of frame `index`, where they are not those of the source."""
        if size is None or self.source.size in (None, size):
            self._other_sizes.pop(index, None)
        else:
            self._other_sizes[index] = size

    def other_size(self, index: int) -> tuple[int, int] | None:
        """Return width and height of the image of frame `index` where they are not those of the source."""
        return self._other_sizes.get(index)

    def note_frame(self, index: int, time_s: float, file_name: str = "", update_s: float = float("nan")) -> None:
        """Keep when frame `index` is shown, the name of its file, and the seconds that its update took."""
        self._times_s[index] = time_s
        self._update_s[index] = update_s
        if file_name:
            self._file_names[index] = file_name

    def note_time(self, index: int, time_s: float, file_name: str = "") -> None:
        """Keep when frame `index` is shown and the name of its file, where nothing was kept of it yet."""
        if index not in self._times_s:
            self.note_frame(index, time_s, file_name)

    def frame_note(self, index: int) -> tuple[float, str, float]:
        """Return a frame's time, the name of its file ("" for none) and the seconds of its update (NaN: unknown)."""
        time_s = self._times_s.get(index, index / self.source.fps)
        return time_s, self._file_names.get(index, ""), self._update_s.get(index, float("nan"))

    def put(self, index: int, number: int, result: TrackResult) -> None:
        """Store the result of target `number` in frame `index`, as found by the present `producer`."""
        self._put_kept(index, number, replace(result, box_xywh=self._boxes.keep(result.box_xywh), debug=None))

    def _put_kept(self, index: int, number: int, result: TrackResult) -> None:
        """Store a result whose box is on a shelf already, this recorder's or another's."""
        record = self.target(number)
        record.results[index] = result
        record.made_by[index] = self._current

    def set_key_frame(self, number: int, index: int, box_xywh: Any, by: BoxOrigin = BoxOrigin.USER) -> None:
        """Note that the target was started, or drawn again, in frame `index` on a box (x, y, w, h)."""
        box = np.array(box_xywh, np.float64)
        box.flags.writeable = False
        self.target(number).key_frames[index] = KeyFrame(index, box, by)

    def drop(self, number: int, first: int, end: int | None = None) -> dict[int, TrackResult]:
        """Remove one target's results from frame `first` to before `end` (None: all) and return them."""
        record = self.target(number)
        last = max(record.results, default=-1) if end is None else end - 1
        is_short = last - first < len(record.results)
        near = range(first, last + 1) if is_short else [index for index in record.results if first <= index <= last]
        dropped = [index for index in near if index in record.results]
        for index in dropped:
            del record.made_by[index]
        return {index: record.results.pop(index) for index in dropped}

    def move(self, to: RunRecorder, number: int, first: int, end: int | None = None) -> None:
        """Hand one target's results from frame `first` to before `end` (None: all) to another recorder.

        They keep what found them, and when their frames are shown; key frames stay here.
        """
        makers, present = dict(self.target(number).made_by), to.producer
        for index, result in self.drop(number, first, end).items():
            to.producer = self._producers[makers[index]] if makers[index] >= 0 else None
            to._put_kept(index, number, result)
            to.note_frame(index, self._times_s.get(index, index / self.source.fps), self._file_names.get(index, ""))
            to.note_size(index, self.other_size(index))
        to.producer = present

    def producer_of(self, index: int, number: int = 1) -> Producer | None:
        """Return what found a target in frame `index`, None where that is unknown."""
        record = self.targets.get(number)
        place = -1 if record is None else record.made_by.get(index, -1)
        return self._producers[place] if place >= 0 else None

    def result_at(self, index: int, number: int = 1) -> TrackResult | None:
        """Return what is stored for a frame and target, in constant time, or None."""
        record = self.targets.get(number)
        return None if record is None else record.results.get(index)

    def build(self) -> Run:
        """Return everything stored so far; of the producers those that found any of it."""
        frames = self.frames()
        used = sorted(set().union(*(record.made_by.values() for record in self.targets.values())) - {-1})
        kept = used if frames else range(len(self._producers))
        places = {-1: -1, **{place: row for row, place in enumerate(kept)}}
        file_names = tuple(self._file_names.get(index, "") for index in frames)
        times_s = [self._times_s.get(index, index / self.source.fps) for index in frames]
        updates_s = [self._update_s.get(index, math.nan) for index in frames]
        return Run(
            source=self.source,
            frame_indices=np.array(frames, np.int64),
            times_s=np.array(times_s, np.float64),
            targets=tuple(record.build(frames, places) for record in self.targets.values()),
            producers=tuple(self._producers[place] for place in kept),
            file_names=file_names if all(file_names) else (),
            update_times_s=np.array(updates_s, np.float64),
            created=self.created,
            title=self.title,
            length_scale=self.length_scale,
            other_sizes={index: self._other_sizes[index] for index in frames if index in self._other_sizes},
        )
