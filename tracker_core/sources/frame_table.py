"""Which presentation time each frame of a video file has, found by reading its packets without decoding them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import av
import av.error
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tracker_core.sources.containers import ffmpeg_location, select_video_stream, timeout_for


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

    def starting_at(self, pts: int | None) -> FrameTable:
        """Return the table without what stands before the first frame that a decoder shows, at `pts`."""
        first = 0 if pts is None else int(np.searchsorted(self.pts, pts))
        return replace(self, pts=self.pts[first:], is_key=self.is_key[first:]) if first else self


class TableScan:
    """The search for a file's `FrameTable` in a thread of its own, so that opening a large file doesn't wait for it.

    `table` stays None where the packets do not name every frame exactly once. That is so for raw streams (no
    times), joined recordings (times that start again) and damaged files. `packets` counts the packets that show
    something: an estimate of the frames even then.
    """

    def __init__(self, location: str) -> None:
        self.table: FrameTable | None = None
        self.packets = 0
        self._location = location
        self._indexed: set[int] = set()  # the decoding times in the container's own index, where it may differ
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._scan, name="scan packets", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end of the search, up to `timeout_s`, and tell whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Give the search up; it lets go of the file at once."""
        self._stop.set()
        self._thread.join()

    def _scan(self) -> None:
        times: list[int] = []
        keys: list[bool] = []
        stamps: set[int | None] = set()
        is_damaged = is_corrupt = False
        try:
            for packet in self._shown_packets():
                self.packets += 1
                is_damaged |= is_corrupt or packet.pts is None  # a corrupt last packet is only a file cut short
                is_corrupt |= packet.is_corrupt
                stamps.add(packet.dts)
                if not is_damaged and not is_corrupt and packet.pts is not None:
                    times.append(packet.pts)
                    keys.append(packet.is_keyframe)
        except (av.error.FFmpegError, OSError):
            return
        is_damaged |= bool(self._indexed) and stamps != self._indexed
        pts = np.array(times, np.int64)
        order = np.argsort(pts, kind="stable")
        pts = pts[order]
        if len(pts) and not is_damaged and not np.any(np.diff(pts) <= 0):
            self.table = FrameTable(pts, np.array(keys, np.bool_)[order])

    def _shown_packets(self) -> Iterator[Packet[VideoStream]]:
        """Yield the packets that show a frame: not those that an edit list hides, nor hidden reference frames."""
        with av.open(ffmpeg_location(self._location), timeout=timeout_for(self._location)) as container:
            stream = select_video_stream(container)
            if stream is None:
                return
            codec = stream.codec_context.name
            if container.format.name == "avi":  # its times are numbers of packets, which are wrong after a lost one
                self._indexed = {entry.timestamp for entry in stream.index_entries if entry.size}
            for packet in container.demux(stream):
                if self._stop.is_set():
                    return
                if packet.size and not packet.is_discard and not is_hidden(packet, codec):
                    yield packet


def is_hidden(packet: Packet[VideoStream], codec: str) -> bool:
    """Tell whether a VP8 or VP9 packet is a reference alone that is never shown.

    VP8 says so in bit 4 of its first byte (RFC 6386, 9.1), VP9 in its uncompressed header (bitstream
    specification, 6.2); a VP9 superframe ends with a frame that is shown.
    """
    if codec not in ("vp8", "vp9", "libvpx", "libvpx-vp9"):
        return False
    content = memoryview(packet)
    if codec in ("vp8", "libvpx"):
        return not content[0] & 0x10
    if content[-1] & 0xE0 == 0xC0:  # the marker of a superframe's index
        return False
    is_profile_3 = content[0] & 0x30 == 0x30
    bits = content[0] << (1 if is_profile_3 else 0)  # marker (2), profile (2, then 1 reserved)
    shows_existing, show_frame = bool(bits & 0x08), bool(bits & 0x02)
    return not (shows_existing or show_frame)
