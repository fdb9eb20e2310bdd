"""`track --run`: tracking further in a saved run, forwards or back, from a box drawn again, or in its gaps."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tracker_core.boxes import check_start_box
from tracker_core.cli.frame_range import FrameRange
from tracker_core.cli.tracking_run import OnSummary, TrackingRun
from tracker_core.errors import InputError
from tracker_core.rendering.writers import VideoWriter
from tracker_core.results.gaps import Gap, GapTracking, find_every_gap, find_gaps_of, interpolate
from tracker_core.results.identity import file_name
from tracker_core.results.recorder import RunRecorder, TargetRecord
from tracker_core.results.run import BoxOrigin, Run
from tracker_core.results.targets import Target
from tracker_core.results.unfinished import RunJournal
from tracker_core.results.way_back import WayBack
from tracker_core.sources.backwards import check_way_back, read_backwards
from tracker_core.trackers.following import Followers
from tracker_core.types import (
    FloatArray,
    Frame,
    FrameSource,
    Image,
    ResultOrigin,
    Sequence,
    TrackingState,
    TrackResult,
    iterate_frames,
)

TRACKING, LINE = "tracking", "line"
FILLINGS = (TRACKING, LINE)


@dataclass(frozen=True)
class Wish:
    """What is to be done in a run.

    Attributes:
        first, last: the frames that were named, `last` excluded; None where nothing was said.
        count: how many frames to track at most, None for all.
        is_backwards: whether it goes back.
        stops_at_key: whether the next key frame on the way ends it.
        fill: one of `FILLINGS`, "" for no filling.
        numbers: of the targets, empty for all.
        boxes_xywh: float64 (4,) each, drawn in the frame where it starts: of `numbers`, or of further targets.
    """

    first: int | None = None
    last: int | None = None
    count: int | None = None
    is_backwards: bool = False
    stops_at_key: bool = False
    fill: str = ""
    numbers: tuple[int, ...] = ()
    boxes_xywh: tuple[FloatArray, ...] = ()


class ContinuedRun(TrackingRun):
    """A saved run in which `tracker` tracks further, as `wish` says; everything else in it stays as it is.

    Raises `InputError` where there is nothing to do, and the errors of the source, before anything is written.
    """

    def __init__(
        self, args: argparse.Namespace, source: FrameSource, tracker: Any, run: Run, wish: Wish,
        truth: list[Sequence], folder: Path, name: str, box_format: str, on_summary: OnSummary,
    ) -> None:  # fmt: skip
        frames = FrameRange(wish.first or 0, wish.last, wish.is_backwards)
        super().__init__(
            args, source, [tracker], [key.box_xywh for target in run.targets for key in target.key_frames[:1]], truth,
            frames, folder, name, box_format, on_summary, given_by=BoxOrigin.USER,
        )  # fmt: skip
        check_way_back(source)
        identity, producer = self.recorder.source, self.recorder.producer
        self.recorder = RunRecorder.from_run(run)
        self.recorder.source, self.recorder.producer = identity, producer
        self.wish, self.position = wish, -1
        self.followers = Followers(tracker, self._key_image)
        self.numbers = wish.numbers or tuple(target.number for target in run.targets)
        self.gaps = self._find_gaps() if wish.fill else []
        self.start = 0 if wish.fill else self._find_start()
        if wish.boxes_xywh:
            self._draw_boxes()
        if not wish.fill and not any(self.start in target.results for target in self.targets.values()):
            raise InputError(f"No target has a box in frame {self.start}; give --box, or another range with --frames.")
        self.end_key = self._find_end_key() if wish.stops_at_key else None

    @property
    def draws_afterwards(self) -> bool:
        """Always: the video is that of the whole run."""
        return True

    @property
    def targets(self) -> dict[int, Target]:
        """The chosen targets by number, as they are now."""
        return {number: self._target(number) for number in self.numbers}

    def _is_same(self, earlier: RunRecorder) -> bool:
        return False  # the file that a kill left opens with --run, and continues from there

    def _loop(self, writer: VideoWriter | None, journal: RunJournal, known: Mapping[int, Any]) -> None:
        with self.make_reporter(self.wish.count) as progress:
            for changed in self._work():
                for index in changed:
                    journal.add(self.recorder, index)
                progress.advance()

    def _work(self) -> Iterator[list[int]]:
        """Track a frame and yield the frames whose results changed, until there is nothing more to do."""
        if self.wish.fill:
            return self._fill()
        return self._go_back() if self.wish.is_backwards else self._go_on()

    # --- where it starts and ends -------------------------------------------------------------------------

    def _find_start(self) -> int:
        """Return the frame in which tracking starts: the one that was named, else where the results end."""
        wish = self.wish
        if wish.is_backwards and wish.last is not None:
            return wish.last - 1
        if not wish.is_backwards and wish.first is not None:
            return wish.first
        starts = [(start, target) for target in self.targets.values() if (start := target.start_index) is not None]
        if not starts:
            raise InputError("The run has no key frame to track from; draw a box with --box and --frames.")
        if wish.is_backwards:
            return min(start for start, _ in starts)
        return min(target.frontier(start) or start for start, target in starts)

    def _find_end_key(self) -> int:
        """Return the key frame that ends the way: the first one on it."""
        keys = [key for target in self.targets.values() for key in target.key_frames]
        if self.wish.is_backwards:
            return max((key for key in keys if key < self.start), default=0)
        following = [key for key in keys if key > self.start]
        if not following:
            raise InputError(f"There is no key frame after frame {self.start}; without --to-key it goes to the end.")
        return min(following)

    def _draw_boxes(self) -> None:
        """Start targets on the boxes that were given: those that were named again, else further ones."""
        boxes = self.wish.boxes_xywh
        if not self.wish.numbers:
            after = max(self.recorder.targets, default=0) + 1
            self.numbers = tuple(range(after, after + len(boxes)))
        if len(self.numbers) != len(boxes):
            raise InputError(f"Give one --box for each target: there are {len(boxes)} for {len(self.numbers)}.")
        frame = self._read(self.start)
        for number, box_xywh in zip(self.numbers, boxes, strict=True):
            check_start_box(box_xywh, frame.image.shape[1], frame.image.shape[0])
            self.recorder.target(number)
            if not self.wish.is_backwards:
                self.recorder.drop(number, frame.index, self._target(number).key_after(frame.index))
            self.recorder.set_key_frame(number, frame.index, box_xywh, BoxOrigin.USER)
            self.recorder.put(frame.index, number, TrackResult(box_xywh, 1.0, TrackingState.TRACKING))
        self._note(frame)

    def _find_gaps(self) -> list[Gap]:
        wish, records = self.wish, [self.recorder.targets[number] for number in self.numbers]
        if wish.first is not None or wish.last is not None:
            last = max(self.recorder.frames(), default=0) if wish.last is None else wish.last - 1
            return find_gaps_of(records, wish.first or 0, (wish.first or 0, last))
        gaps = [gap for record in records for gap in find_every_gap(record)]
        if not gaps:
            raise InputError("The run has no gap: between its good boxes no target is lost, and no frame is missing.")
        return gaps

    # --- the three ways -----------------------------------------------------------------------------------

    def _go_on(self) -> Iterator[list[int]]:
        """Track the frames that have no result after one that has, as the window does."""
        ends = [self.wish.last, self.end_key and self.end_key + 1]
        ends += [None if self.wish.count is None else self.start + self.wish.count + 1]
        end = min((end for end in ends if end is not None), default=None)
        self.source.seek(self.start)
        for frame in iterate_frames(self.source):
            if end is not None and frame.index >= end:
                return
            previous, self.position = self.position, frame.index
            missing = [target for target in self.targets.values() if frame.index not in target.results]
            yield self._follow(frame, [(target, previous) for target in missing if previous in target.results])

    def _go_back(self) -> Iterator[list[int]]:
        """Track back, replacing what the window would replace; see `WayBack`."""
        first = max(self.wish.first or 0, self.end_key or 0)
        if self.wish.count is not None:
            first = max(first, self.start - self.wish.count)
        way = WayBack(self.targets, self.start, to_start=True, first=first)
        self.source.seek(self.start)
        frames = read_backwards(self.source)
        next(frames, None)
        for frame in frames:
            if frame.index < way.end:
                return
            yield self._follow(frame, way.ways(self.targets, frame.index), ResultOrigin.BACKWARDS)

    def _follow(
        self, frame: Frame, ways: list[tuple[Target, int]], origin: ResultOrigin = ResultOrigin.TRACKED
    ) -> list[int]:
        """Find targets in a frame beside those they come from, and return the frame if there was any."""
        if not ways:
            return []
        found = self.followers.follow(ways, frame, debug=False)
        for number, result in found.results.items():
            self.recorder.put(frame.index, number, replace(result, origin=origin))
        self.pace.update_ms.append(found.timings.update_ms / len(ways))
        self._note(frame, found.timings.update_ms / 1e3)
        return [frame.index]

    def _fill(self) -> Iterator[list[int]]:
        """Fill one gap after the other; each is put in when it is complete."""
        for gap in self.gaps:
            if self.wish.fill == LINE:
                times_s = {index: self._read(index).time_s for index in range(gap.first, gap.last + 1)}
                yield self._put_in(gap, interpolate(gap), times_s)
                continue
            tracking = GapTracking(gap, self.source, partial(self._stand_beside, gap.number))
            for _ in tracking:
                yield []
            yield self._put_in(gap, tracking.results, tracking.times_s)

    def _put_in(self, gap: Gap, found: Mapping[int, TrackResult], times_s: Mapping[int, float]) -> list[int]:
        present = self.recorder.producer
        if self.wish.fill == LINE:
            self.recorder.producer = None  # no tracker found it
        for index, result in found.items():
            self.recorder.put(index, gap.number, result)
            self.recorder.note_time(index, times_s[index], file_name(self.source, index))
        self.recorder.producer = present
        return sorted(found)

    # --- reading ------------------------------------------------------------------------------------------

    def _target(self, number: int) -> Target:
        return Target(self.recorder.targets[number], TargetRecord(number))

    def _stand_beside(self, number: int, frame: Frame, box_xywh: FloatArray) -> Any:
        return self.followers.stand_beside(self._target(number), frame, box_xywh)

    def _read(self, index: int) -> Frame:
        self.source.seek(index)
        frame = self.source.read()
        if frame is None:
            raise InputError(f"'{self.source.name}' has no frame {index}; choose a range that it has.")
        return frame

    def _key_image(self, key: int) -> Image:
        image = self._read(key).image
        self.source.seek(self.position + 1)
        return image

    def _note(self, frame: Frame, update_s: float = math.nan) -> None:
        self.recorder.note_image(frame, file_name(self.source, frame.index), update_s)
