"""Reading a source from a frame back to its start, without decoding more than a small multiple of its frames."""

from __future__ import annotations

from collections.abc import Iterator

from tracker_core.errors import SourceError
from tracker_core.types import Frame, FrameSource

CHUNK_BYTES = 256 * 1024 * 1024  # of pixels that are held at a time
FIRST_CHUNK = 16  # frames; each chunk is twice the one before, so that the first frames come at once


def read_backwards(source: FrameSource, *, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Frame]:
    """Return the frame that `source` reads next, then the ones before it down to frame 0; damaged ones are left out.

    Video can only be decoded forwards, from the key frame before a frame. So chunks of frames are decoded forwards
    and handed out in reverse, at most `chunk_bytes` of pixels at a time (one frame at least). With chunks of C frames
    and key frames every K frames that decodes about `1 + K / 2C` times the frames; one by one it would be `K / 2`.

    The source is sent to where it has to read before each chunk, and may be read elsewhere in between. Raises
    `SourceError` for a source that cannot go back.
    """
    check_way_back(source)
    return _read_chunks(source, chunk_bytes)


def check_way_back(source: FrameSource) -> None:
    """Raise `SourceError` for a source that cannot go back."""
    if not source.is_seekable:
        raise SourceError(f"'{source.name}' is live; its earlier frames are gone, so it cannot be tracked backwards.")


def _read_chunks(source: FrameSource, chunk_bytes: int) -> Iterator[Frame]:
    frame = source.read()
    if frame is None:
        return
    end, most = frame.index, max(1, chunk_bytes // frame.image.nbytes)
    yield frame
    del frame
    length = min(FIRST_CHUNK, most)
    while end > 0:
        first = max(0, end - length)
        frames = _read_range(source, first, end)
        while frames:  # each is let go of as it is handed out
            yield frames.pop()
        end, length = first, min(2 * length, most)


def _read_range(source: FrameSource, first: int, end: int) -> list[Frame]:
    source.seek(first)
    frames: list[Frame] = []
    while (frame := source.read()) is not None and frame.index < end:
        frames.append(frame)
        if frame.index == end - 1:
            break
    return frames
