"""Which presentation time each frame of a video file has, found by reading its packets without decoding them."""

from __future__ import annotations

from dataclasses import dataclass

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

NETWORK_TIMEOUT_S = (10.0, 10.0)  # to connect, to receive


@dataclass(frozen=True)
class FrameTable:
    """Frames in presentation order: `pts` int64 (N,), strictly increasing, and `is_key` bool (N,)."""

    pts: NDArray[np.int64]
    is_key: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pts)

    def find(self, pts: int | None) -> int | None:
        """Return the index of the frame that is shown at `pts`, or None if there is none."""
        if pts is None:
            return None
        index = int(np.searchsorted(self.pts, pts))
        return index if index < len(self.pts) and self.pts[index] == pts else None

    def key_at_or_before(self, index: int) -> int | None:
        """Return the last key frame at or before `index`, or None if there is none."""
        keys = np.flatnonzero(self.is_key[: index + 1])
        return int(keys[-1]) if len(keys) else None


def timeout_for(location: str) -> tuple[float, float] | None:
    """Return the time-outs for opening a location; none for files, where FFmpeg would count the user's pauses."""
    return NETWORK_TIMEOUT_S if "://" in location else None


def select_video_stream(container: InputContainer) -> VideoStream | None:
    """Return the first moving-image stream; cover art of audio files does not count."""
    for stream in container.streams.video:
        if not stream.disposition & stream.disposition.attached_pic:
            return stream
    return None


def scan_frame_table(location: str) -> FrameTable | None:
    """Return the table of a file, or None where its packets do not name every frame exactly once.

    That is so for raw streams (no times), joined recordings (times that start again) and damaged files.
    Packets that an edit list hides are left out, as the decoder leaves them out. Reads the whole file once.
    """
    times: list[int] = []
    keys: list[bool] = []
    try:
        with av.open(location, timeout=timeout_for(location)) as container:
            stream = select_video_stream(container)
            if stream is None:
                return None
            for packet in container.demux(stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                if packet.pts is None or packet.is_corrupt:
                    return None
                times.append(packet.pts)
                keys.append(packet.is_keyframe)
    except (av.error.FFmpegError, OSError):
        return None
    pts = np.array(times, np.int64)
    order = np.argsort(pts, kind="stable")
    pts = pts[order]
    if len(pts) == 0 or np.any(np.diff(pts) <= 0):
        return None
    return FrameTable(pts, np.array(keys, np.bool_)[order])
