"""The frames that a command is asked for: `--frames A:B`, turned round and cut short."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tracker_core.errors import InputError
from tracker_core.sources.backwards import check_way_back
from tracker_core.types import FrameSource


@dataclass(frozen=True)
class FrameRange:
    """Frames `first` to `last`, counted from 0, `last` excluded; None is the end. `is_backwards` starts there."""

    first: int = 0
    last: int | None = None
    is_backwards: bool = False

    @property
    def count(self) -> int | None:
        """How many frames, None for all."""
        return None if self.last is None else self.last - self.first

    @property
    def start(self) -> int:
        """The frame that tracking starts in."""
        return self.last - 1 if self.is_backwards and self.last is not None else self.first

    def has(self, index: int) -> bool:
        """Whether a frame is one of them."""
        return index >= self.first and (self.last is None or index < self.last)


def parse_frames(text: str) -> FrameRange:
    """Return the range written as `A:B`, `A:`, `:B` or `:`; raises `InputError`."""
    match = re.fullmatch(r"\s*(\d*)\s*:\s*(\d*)\s*", text)
    if match is None:
        raise InputError(f"The frame range '{text}' is not of the form A:B, for example 100:250 or 100: .")
    first = int(match.group(1) or 0)
    last = int(match.group(2)) if match.group(2) else None
    if last is not None and last <= first:
        raise InputError(f"The frame range '{text}' is empty; the second number must be greater than the first.")
    return FrameRange(first, last)


def size_at(source: FrameSource, index: int) -> tuple[int, int]:
    """Return width and height of image `index`, in a folder not always those of the first; `source` stands before it.

    Of a live source only the first image is known.
    """
    if source.is_live or not index:
        return source.size
    frame = source.read()
    source.seek(index)
    return source.size if frame is None else (frame.image.shape[1], frame.image.shape[0])


def reverse_range(frames: FrameRange, source: FrameSource) -> FrameRange:
    """Return the range from its end, or that of the source, to its start; raises `SourceError` for a live source."""
    check_way_back(source)
    last = (source.last_index() or 0) + 1 if frames.last is None else frames.last
    return FrameRange(frames.first, max(last, frames.first + 1), is_backwards=True)


def shorten_range(frames: FrameRange, count: int | None) -> FrameRange:
    """Return the part of a range that is the frame it starts in and `count` more, None for all of it."""
    if count is None:
        return frames
    if frames.is_backwards:
        return replace(frames, first=max(frames.first, frames.start - count))
    last = frames.first + count + 1
    return replace(frames, last=last if frames.last is None else min(last, frames.last))
