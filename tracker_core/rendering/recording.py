"""Keeping the frames of a camera or stream while they are tracked, so that a video can be made afterwards."""

from __future__ import annotations

import threading
from pathlib import Path

from tracker_core.errors import OutputError
from tracker_core.rendering.writers import VideoWriter
from tracker_core.types import Frame, FrameSource

RECORDING_CRF = 16  # boxes are drawn into it once more, so that it is better than the default


class RecordedSource:
    """A live source whose frames go to a video as they are read; they are numbered as in that video, without gaps.

    Times count from the first frame read. `finish` completes the video, which `path` then names; `close` does it too,
    and closes the source. Frames that are read after that are not recorded. `read` and `frames_since` may be called by
    two threads. Raises the errors of the source, and `OutputError` where the video cannot be written.
    """

    is_live = True
    is_seekable = False
    frame_count = None
    frame_names = None

    def __init__(self, source: FrameSource, path: str | Path) -> None:
        self._source = source
        self._writer = VideoWriter(path, source.fps, crf=RECORDING_CRF)
        self._lock = threading.Lock()
        self._is_finished = False
        self._taken, self._count = -1, 0  # the last frame's number in the source, and how many there were
        self._first_s: float | None = None
        self._last: Frame | None = None
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
        while (frame := self._source.read()) is not None:
            recorded = self._record(frame)
            if recorded is not None:
                return recorded
        return None

    def frames_since(self, index: int) -> list[Frame]:
        """Return the frame that was read last, if it comes after `index`, and what the source captured since."""
        frames_since = getattr(self._source, "frames_since", None)
        captured: list[Frame] = [] if frames_since is None else frames_since(self._taken)
        frames = [self._last] if self._last is not None and self._last.index > index else []
        return frames + [recorded for frame in captured if (recorded := self._record(frame)) is not None]

    def seek(self, index: int) -> None:
        """Raise `SourceError`: a live source cannot go back."""
        self._source.seek(index)

    def last_index(self) -> None:
        """Always None: a live source has no last frame yet."""
        return None

    def finish(self) -> None:
        """Complete the video; calling it twice is harmless."""
        with self._lock:
            self._is_finished = True
            self._writer.close()

    def close(self) -> None:
        """Complete the video and release the source; calling it twice is harmless."""
        try:
            self.finish()
        finally:
            self._source.close()

    def _record(self, frame: Frame) -> Frame | None:
        """Write a frame and return it with its number in the video; None for one that another thread took first."""
        with self._lock:
            if frame.index <= self._taken:
                return None
            self._first_s = frame.time_s if self._first_s is None else self._first_s
            self._taken, index = frame.index, self._count
            self._count += 1
            if not self._is_finished:
                try:
                    self._writer.write(frame.image, frame.time_s)
                except OutputError:
                    self._is_finished = True  # said once; the source itself goes on
                    raise
            self._last = Frame(index, frame.time_s - self._first_s, frame.image)
            return self._last
