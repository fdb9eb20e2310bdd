"""A run: what was found in a source, frame by frame, and everything that says where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from tracker_core.results.provenance import Producer, SourceIdentity
from tracker_core.results.visibility import VISIBILITY_OF, Visibility
from tracker_core.types import FloatArray, ResultOrigin, TrackingState, TrackResult


class BoxOrigin(Enum):
    """Who gave the box of a key frame."""

    USER = "user"
    GROUND_TRUTH = "ground truth"
    FILE = "file"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class KeyFrame:
    """A frame in which a target was started or drawn again: its box (x, y, w, h, image pixels) and whose it is."""

    index: int
    box_xywh: FloatArray
    by: BoxOrigin = BoxOrigin.USER


@dataclass(frozen=True)
class TargetTrack:
    """One target over the N frames of a run.

    Attributes:
        number: the target's number, from 1, never used again in a run.
        boxes_xywh: float64 (N, 4), image pixels, 0-based; a NaN row where the target was not tracked.
        scores: float64 (N,), NaN where there is no box.
        states: N entries, None where there is no box.
        name: for people, "" if the target has none.
        key_frames: in order of their index.
        made_by: int64 (N,), place in the run's `producers` of what found the box, -1 where unknown; None means that
            the first found all.
        origins: N entries, which way each box was come by; empty where all were tracked forwards.
        marks: by frame of the source, what a person said of the target's visibility.
        color: "#rrggbb" as a person chose it, "" for the one that goes with the number.
    """

    number: int
    boxes_xywh: FloatArray
    scores: FloatArray
    states: tuple[TrackingState | None, ...]
    name: str = ""
    key_frames: tuple[KeyFrame, ...] = ()
    made_by: NDArray[np.int64] | None = None
    origins: tuple[ResultOrigin, ...] = ()
    marks: Mapping[int, Visibility] = field(default_factory=dict)
    color: str = ""

    def __post_init__(self) -> None:
        count = len(self.boxes_xywh)
        lengths = {len(self.scores), len(self.states), count if self.made_by is None else len(self.made_by)}
        lengths |= {len(self.origins)} if self.origins else set()
        if self.boxes_xywh.shape != (count, 4) or lengths != {count}:
            raise ValueError(f"a target needs N boxes, scores and states, not {self.boxes_xywh.shape} and {lengths}")

    @cached_property
    def has_box(self) -> NDArray[np.bool_]:
        """True (N,) where there is a box."""
        return np.asarray(np.isfinite(self.boxes_xywh).all(axis=1), np.bool_)

    def maker(self, row: int) -> int:
        """Return the place in the run's `producers` of what found the box in a row, -1 where unknown."""
        return 0 if self.made_by is None else int(self.made_by[row])

    @property
    def last_made(self) -> tuple[int, int]:
        """The last row whose box has a known maker, and that maker; -1 and -1 where there is none."""
        known = self.has_box if self.made_by is None else self.has_box & (self.made_by >= 0)
        rows = np.flatnonzero(known)
        return (int(rows[-1]), self.maker(int(rows[-1]))) if len(rows) else (-1, -1)

    def origin(self, row: int) -> ResultOrigin:
        """Return which way the box in a row was come by."""
        return self.origins[row] if self.origins else ResultOrigin.TRACKED

    def rows(self, chosen: NDArray[np.int64]) -> TargetTrack:
        """Return the target with the rows `chosen` only; key frames and marks stay."""
        return replace(
            self,
            boxes_xywh=self.boxes_xywh[chosen],
            scores=self.scores[chosen],
            states=tuple(self.states[row] for row in chosen),
            made_by=None if self.made_by is None else self.made_by[chosen],
            origins=tuple(self.origins[row] for row in chosen) if self.origins else (),
        )


@dataclass(frozen=True)
class Run:
    """The results of tracking in one source, for all targets; `RunRecorder` builds it.

    Attributes:
        source: what was tracked.
        frame_indices: int64 (N,), increasing, 0-based frame of the source.
        times_s: float64 (N,), presentation times as the source gives them.
        targets: in the order they were added.
        producers: what computed the results; more than one where tracker or parameters were changed on the way.
        file_names: per frame the name of its file, where the source is made of files; else empty.
        update_times_s: float64 (N,), seconds the tracker took per frame (all targets), NaN if not measured.
        created: when it was made, ISO 8601 with time zone; "" if unknown.
        title: for people, "" if it has none.
        length_scale: how long a pixel is, as `parse_length_scale` reads it, "" where nobody said.
        other_sizes: width and height by frame, of those images whose size is not `source.size`.
    """

    source: SourceIdentity
    frame_indices: NDArray[np.int64]
    times_s: FloatArray
    targets: tuple[TargetTrack, ...]
    producers: tuple[Producer, ...] = ()
    file_names: tuple[str, ...] = ()
    update_times_s: FloatArray = field(default_factory=lambda: np.zeros(0))
    created: str = ""
    title: str = ""
    length_scale: str = ""
    other_sizes: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.frame_indices)
        if len(self.update_times_s) == 0:
            object.__setattr__(self, "update_times_s", np.full(count, np.nan))
        lengths = {len(self.times_s), len(self.update_times_s), *(len(target.scores) for target in self.targets)}
        lengths |= {len(self.file_names)} if self.file_names else set()
        if lengths - {count}:
            raise ValueError(f"{count} frames do not go with columns of {sorted(lengths)} entries")
        if count > 1 and np.any(np.diff(self.frame_indices) <= 0):
            raise ValueError("frame indices must increase")

    def __len__(self) -> int:
        return len(self.frame_indices)

    def __iter__(self) -> Iterator[tuple[int, dict[int, TrackResult]]]:
        """Yield every frame's index and its results by target number."""
        for index in self.frame_indices.tolist():
            yield index, self.results_at(index)

    @property
    def producer(self) -> Producer | None:
        """What computed the last frame that any tracker found, so what continues the run; None if unknown."""
        _, place = max((target.last_made for target in self.targets), default=(-1, -1))
        return self.producers[place] if self.producers else None

    @property
    def line_count(self) -> int:
        """How many frames the source is known to have: all of them, or as far as this run goes."""
        reached = int(self.frame_indices[-1]) + 1 if len(self) else 0
        return max(reached, self.source.frame_count or 0)

    def target(self, number: int) -> TargetTrack | None:
        """Return target `number`, None if there is none."""
        return self._by_number.get(number)

    def result_at(self, index: int, number: int = 1) -> TrackResult | None:
        """Return what was found for a target in frame `index`, in constant time; None where nothing was."""
        row, target = self._rows.get(index), self._by_number.get(number)
        state = None if row is None or target is None else target.states[row]
        if row is None or target is None or state is None:
            return None
        return TrackResult(target.boxes_xywh[row], float(target.scores[row]), state, origin=target.origin(row))

    def results_at(self, index: int) -> dict[int, TrackResult]:
        """Return what was found in frame `index`, by target number."""
        found = ((target.number, self.result_at(index, target.number)) for target in self.targets)
        return {number: result for number, result in found if result is not None}

    def producer_of(self, index: int, number: int = 1) -> Producer | None:
        """Return what computed the result of a target in frame `index`, None where that is unknown."""
        row, target = self._rows.get(index), self._by_number.get(number)
        if row is None or target is None or target.states[row] is None:
            return None
        place = target.maker(row)
        return self.producers[place] if 0 <= place < len(self.producers) else None

    def visibility_at(self, index: int, number: int = 1) -> Visibility | None:
        """Return whether a target is seen in frame `index`: as a person marked it, else as its state says.

        None where there is neither a mark nor a result.
        """
        row, target = self._rows.get(index), self._by_number.get(number)
        if target is None:
            return None
        return target.marks.get(index) or VISIBILITY_OF[None if row is None else target.states[row]]

    def seen(self, target: TargetTrack) -> NDArray[np.bool_]:
        """Return (N,) where a target has a box that says where it is: not lost, and not outside."""
        known = [VISIBILITY_OF[state] for state in target.states]
        for index, mark in target.marks.items():
            if index in self._rows:
                known[self._rows[index]] = mark
        return np.asarray(target.has_box & np.array([v is not Visibility.OUTSIDE for v in known], bool), np.bool_)

    def size_at(self, index: int) -> tuple[int, int] | None:
        """Return width and height of the image of frame `index`, None where no size is known."""
        return self.other_sizes.get(index, self.source.size)

    def image_name(self, index: int) -> str:
        """Return the PNG file name of frame `index`: that of its own file, or its number where it has none."""
        row = self._rows.get(index)
        if row is None or not self.file_names:
            return f"{index:06d}.png"
        return self._image_names[row]

    def select(self, first: int, last: int) -> Run:
        """Return the frames `first` to `last` (source indices, both included)."""
        chosen = np.flatnonzero((self.frame_indices >= first) & (self.frame_indices <= last))
        targets = (
            replace(
                target.rows(chosen),
                key_frames=_keys_between(target.key_frames, first, last),
                marks={index: mark for index, mark in target.marks.items() if first <= index <= last},
            )
            for target in self.targets
        )
        return replace(
            self,
            frame_indices=self.frame_indices[chosen],
            times_s=self.times_s[chosen],
            targets=tuple(targets),
            file_names=tuple(self.file_names[row] for row in chosen) if self.file_names else (),
            update_times_s=self.update_times_s[chosen],
            other_sizes={index: size for index, size in self.other_sizes.items() if first <= index <= last},
        )

    @cached_property
    def _rows(self) -> dict[int, int]:
        return {index: row for row, index in enumerate(self.frame_indices.tolist())}

    @cached_property
    def _by_number(self) -> dict[int, TargetTrack]:
        return {target.number: target for target in self.targets}

    @cached_property
    def _image_names(self) -> list[str]:
        return image_names(self.file_names)


def image_names(file_names: Sequence[str]) -> list[str]:
    """Return names of PNG images for frames that were read from these files; where only endings differ they stay in."""
    paths = [PurePath(name) for name in file_names]
    stems_differ = len({path.stem for path in paths}) == len(paths)
    return [f"{path.stem if stems_differ else path.name}.png" for path in paths]


def _keys_between(keys: Sequence[KeyFrame], first: int, last: int) -> tuple[KeyFrame, ...]:
    return tuple(key for key in keys if first <= key.index <= last)
