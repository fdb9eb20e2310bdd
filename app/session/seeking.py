"""Reading one frame of a source by its index, whatever its count of frames is worth."""

from __future__ import annotations

from tracker_core.errors import SourceError
from tracker_core.types import Frame, FrameSource


def read_at(source: FrameSource, index: int) -> Frame | None:
    """Return frame `index`, None where there is none."""
    source.seek(index)
    return source.read()


def read_or_last(source: FrameSource, index: int) -> Frame | None:
    """Return frame `index`, or the last one: until the end was seen, the source's count is an estimate."""
    if source.frame_count is None or index >= source.frame_count - 1:
        index = min(index, source.last_index() or 0)
    try:
        frame = read_at(source, index)
    except SourceError:
        if source.frame_count is None or index < source.frame_count:
            raise
        frame = None
    return read_at(source, source.last_index() or 0) if frame is None else frame
