"""Keeping the frames of a camera or stream while they are tracked, so that a video can be made afterwards."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import av.error
import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import InputError, OutputError
from tracker_core.files import check_writable
from tracker_core.rendering.encoder import fit_image, has_h264, to_frame_rate
from tracker_core.rendering.parts import JoinedVideo, PartsWriter, join_cut_off, join_parts
from tracker_core.results.identity import identify_source
from tracker_core.results.run import BoxOrigin, KeyFrame, Run, TargetTrack
from tracker_core.results.run_file import load_run, save_run
from tracker_core.results.unfinished import UNFINISHED_SUFFIX
from tracker_core.sources.images import convert_to_bgr
from tracker_core.sources.opening import open_source
from tracker_core.types import Frame, FrameSource

RECORDING_CRF = 16  # boxes are drawn into it once more, so that it is better than the default
SPARE_BYTES = 256 * 1024 * 1024  # that stay free on the disk, besides the room for joining the parts


@dataclass(frozen=True)
class RecordingLimits:
    """How much of a recording is kept: its last `seconds` and its last `bytes`, None for all."""

    seconds: float | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class RecordingStatus:
    """How far a recording has come.

    Attributes:
        path: the video that it becomes.
        seconds: how long it has run.
        kept_s: how much of that is still there, from the end.
        limits: how much is kept at most.
        trouble: one sentence where it had to stop, else "".
    """

    path: Path
    seconds: float
    kept_s: float
    limits: RecordingLimits
    trouble: str = ""


class Recording:
    """Writes numbered frames to parts of a video and forgets the oldest beyond its limits; not for several threads.

    Encoding happens in a thread of its own, which Ctrl-C does not reach. Where the disk is full it stops by itself and
    keeps what it has: `status` says so. `finish` joins the parts. Raises `OutputError` where nothing can be written.
    """

    def __init__(self, path: Path, fps: float, limits: RecordingLimits) -> None:
        if not has_h264():
            raise OutputError("This machine has no H.264 encoder (libx264), so nothing can be recorded.")
        check_writable(path.parent)
        self.path, self._fps, self._limits = path, to_frame_rate(fps), limits
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"record {path.name}")
        self._thread.submit(int).result()  # starts it here: Ctrl-C during a start makes the pool start a second one
        self._parts: PartsWriter | None = None
        self._size = (0, 0)
        self._began_s = self._last_s = 0.0
        self._trouble = ""
        self.is_finished = False
        self.last_index = -1
        self.images = 0  # in the finished video

    @property
    def first_index(self) -> int:
        """The number of the first frame that is kept."""
        return 0 if self._parts is None else self._parts.first_index

    @property
    def first_s(self) -> float:
        """The time of the first frame that is kept."""
        return self._began_s if self._parts is None else self._parts.first_s

    @property
    def status(self) -> RecordingStatus:
        """How far it has come."""
        kept_s = max(0.0, self._last_s - self.first_s)
        return RecordingStatus(self.path, self._last_s - self._began_s, kept_s, self._limits, self._trouble)

    def write(self, frame: Frame) -> None:
        """Append a frame; nothing happens once it is finished or had to stop."""
        if self.is_finished or self._trouble:
            return
        try:
            self._thread.submit(self._append, frame).result()
        except (av.error.FFmpegError, OSError) as error:
            self._stop(f"The recording stopped: '{self.path}' cannot be written ({error}). What was recorded is kept.")

    def finish(self) -> None:
        """Complete the video; calling it twice is harmless. Raises `OutputError`, and keeps the parts then."""
        if self.is_finished:
            return
        self.is_finished = True
        try:
            self.images = self._thread.submit(self._join).result()
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"The recording '{self.path}' cannot be completed ({error}).") from error
        finally:
            self._thread.shutdown()

    def _append(self, frame: Frame) -> None:
        image = convert_to_bgr(frame.image)
        if self._parts is None:
            height, width = image.shape[:2]
            self._size = (width + width % 2, height + height % 2)
            self._parts = PartsWriter(self.path, self._size, self._fps, RECORDING_CRF)
            self._began_s = frame.time_s
        begins = self._parts.append(frame.index, fit_image(image, self._size), frame.time_s)
        self.last_index, self._last_s = frame.index, frame.time_s
        if begins:
            self._forget(self._parts)
            if shutil.disk_usage(self._parts.folder).free < self._parts.bytes + SPARE_BYTES:
                self._stop("The recording stopped: the disk is nearly full. What was recorded is kept.")

    def _forget(self, parts: PartsWriter) -> None:
        seconds, most = self._limits.seconds, self._limits.bytes
        while parts.count > 1 and (
            (seconds is not None and self._last_s - parts.second_s() >= seconds)
            or (most is not None and parts.bytes > most)
        ):
            parts.forget_oldest()

    def _stop(self, trouble: str) -> None:
        self._trouble = trouble

    def _join(self) -> int:
        if self._parts is None:
            return 0
        try:
            self._parts.finish()
        except (av.error.FFmpegError, OSError):
            if not self._trouble:
                raise
        return join_parts(self.path)


class RecordedSource:
    """A live source whose frames are numbered as they are read, without gaps, and can be recorded meanwhile.

    Times count from the first frame read. `record` begins a recording, `finish` completes it; frames are still read
    afterwards. `close` completes it too, and closes the source. `read` and `frames_since` may be called by two threads.
    Raises the errors of the source, and `OutputError` from `record` and `finish`.
    """

    is_live = True
    is_seekable = False
    frame_count = None
    frame_names = None

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._taken, self._count = -1, 0  # the last frame's number in the source, and how many there were
        self._first_s: float | None = None
        self._last: Frame | None = None
        self.name = source.name
        self.recording: Recording | None = None

    @property
    def status(self) -> RecordingStatus | None:
        """How far the recording has come, None while there is none."""
        return None if self.recording is None or self.recording.is_finished else self.recording.status

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
        """What the user should know of the source and of its recording."""
        trouble = self.recording.status.trouble if self.recording else ""
        return (*getattr(self._source, "warnings", ()), *([trouble] if trouble else []))

    def record(self, path: Path, limits: RecordingLimits = RecordingLimits()) -> None:
        """Begin to write the frames that are read from now on to the video `path`."""
        with self._lock:
            self.recording = Recording(path, self._source.fps, limits)

    def read(self) -> Frame | None:
        """Return the next frame once it is recorded, None at the end."""
        while (frame := self._source.read()) is not None:
            taken = self._take(frame)
            if taken is not None:
                return taken
        return None

    def frames_since(self, index: int) -> list[Frame]:
        """Return the frame that was read last, if it comes after `index`, and what the source captured since."""
        frames_since = getattr(self._source, "frames_since", None)
        captured: list[Frame] = [] if frames_since is None else frames_since(self._taken)
        frames = [self._last] if self._last is not None and self._last.index > index else []
        return frames + [taken for frame in captured if (taken := self._take(frame)) is not None]

    def seek(self, index: int) -> None:
        """Raise `SourceError`: a live source cannot go back."""
        self._source.seek(index)

    def last_index(self) -> None:
        """Always None: a live source has no last frame yet."""
        return None

    def finish(self) -> Recording | None:
        """Complete the recording and return it, None where there was none; frames are still read without it."""
        with self._lock:
            if self.recording is not None:
                self.recording.finish()
            return self.recording

    def close(self) -> None:
        """Complete the recording and release the source; calling it twice is harmless."""
        try:
            self.finish()
        finally:
            self._source.close()

    def _take(self, frame: Frame) -> Frame | None:
        """Record a frame and return it with its number; None for one that another thread took first."""
        with self._lock:
            if frame.index <= self._taken:
                return None
            self._first_s = frame.time_s if self._first_s is None else self._first_s
            self._taken, index = frame.index, self._count
            self._count += 1
            self._last = Frame(index, frame.time_s - self._first_s, frame.image)
            if self.recording is not None:
                self.recording.write(self._last)
            return self._last


def journal_of(video: Path) -> Path:
    """Return where what is found in a recording is kept while it grows, beside its `video`."""
    return video.with_name(f"{video.stem}-run{UNFINISHED_SUFFIX}")


def recover_recordings(folder: Path) -> list[Path]:
    """Complete the recordings in `folder` that a crash cut off, and return what opens each.

    That is the run of what had been found in it (see `journal_of`), else the video. Raises `OutputError`.
    """
    return [_recover_run(video) or video.path for video in join_cut_off(folder)]


def _recover_run(video: JoinedVideo) -> Path | None:
    """Save what was found in a recording beside it, and return that file; None, and all stays, where nothing was."""
    journal = journal_of(video.path)
    try:
        found = recorded_run(load_run(journal), video)
    except (InputError, ValueError):
        return None
    if not len(found):
        return None
    saved = save_run(journal.with_suffix(".json"), found)
    journal.unlink()
    return saved


def recorded_run(run: Run, recording: Recording | JoinedVideo) -> Run:
    """Return what was found in a live source as a run of its finished recording, numbered and timed as in that.

    What was found before or after the recording is left out. A target whose first box is not in the video starts on the
    box that it had when the recording begins. Raises `OutputError` where there is no video.
    """
    if not recording.images:
        raise OutputError("No frame was recorded, so there is no video.")
    video = open_source(recording.path)
    try:
        identity = identify_source(video, recording.path)
    finally:
        video.close()
    first, last = recording.first_index, recording.first_index + recording.images - 1
    kept = run.select(first, last)
    times_s = kept.times_s - recording.first_s
    return replace(
        kept,
        source=replace(identity, name=run.source.name, frame_count=recording.images),
        frame_indices=kept.frame_indices - first,
        times_s=times_s,
        targets=tuple(_shifted(target, first, kept.frame_indices) for target in kept.targets),
    )


def _shifted(target: TargetTrack, first: int, frame_indices: NDArray[np.int64]) -> TargetTrack:
    """Return a target whose frame `first` is called 0, with a key frame at its first box if it has none before."""
    keys = [replace(key, index=key.index - first) for key in target.key_frames]
    rows = np.flatnonzero(target.has_box)
    if len(rows) and (not keys or keys[0].index > int(frame_indices[rows[0]]) - first):
        row = int(rows[0])
        keys.insert(0, KeyFrame(int(frame_indices[row]) - first, target.boxes_xywh[row], BoxOrigin.UNKNOWN))
    marks = {index - first: mark for index, mark in target.marks.items()}
    return replace(target, key_frames=tuple(keys), marks=marks)
