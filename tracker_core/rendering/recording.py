"""Keeping the frames of a camera or stream while they are tracked, so that a video can be made afterwards."""

from __future__ import annotations

from pathlib import Path

from tracker_core.rendering.writers import VideoWriter
from tracker_core.types import Frame, FrameSource

RECORDING_CRF = 16  # boxes are drawn into it once more, so that it is better than the default


class RecordedSource:
    """A live source whose frames go to a video as they are read; they are numbered as in that video, without gaps.

    Times count from the first frame read. `finish` completes the video, which `path` then names; `close` does it too,
    and closes the source. Raises the errors of the source, and `OutputError` where the video cannot be written.
    """

    is_live = True
    is_seekable = False
    frame_count = None
    frame_names = None

    def __init__(self, source: FrameSource, path: str | Path) -> None:
        self._source = source
        self._writer = VideoWriter(path, source.fps, crf=RECORDING_CRF)
        self._first_s: float | None = None
        self.name = source.name

    @property
    def path(self) -> Path:
        """The recorded video; it is there once `finish` was called and any frame was read."""
        return self._writer.path

    @property
    def is_recorded(self) -> bool:
        """Whether the finished video is in its place."""
        return self._writer.is_in_place

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the first image."""
        return self._source.size

    @property
    def fps(self) -> float:
        """Nominal images per second."""
        return self._source.fps

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know of the source."""
        return tuple(getattr(self._source, "warnings", ()))

    def read(self) -> Frame | None:
        """Return the next frame once it is recorded, None at the end."""
        frame = self._source.read()
        if frame is None:
            return None
        self._first_s = frame.time_s if self._first_s is None else self._first_s
        index = self._writer.frames_written
        self._writer.write(frame.image, frame.time_s)
        return Frame(index, frame.time_s - self._first_s, frame.image)

    def seek(self, index: int) -> None:
        """Raise `SourceError`: a live source cannot go back."""
        self._source.seek(index)

    def last_index(self) -> None:
        """Always None: a live source has no last frame yet."""
        return None

    def finish(self) -> None:
        """Complete the video; calling it twice is harmless."""
        self._writer.close()

    def close(self) -> None:
        """Complete the video and release the source; calling it twice is harmless."""
        try:
            self.finish()
        finally:
            self._source.close()
