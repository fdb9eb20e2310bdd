"""Video files with exact random access.

Frame `i` is the i-th image that decoding from the start delivers. Going there quickly needs the
container's time stamps, and those are wrong often enough (joined recordings, raw streams, damaged files)
that they are never trusted alone: every decoded image must carry the time that the packet table says it
has, one after another. At the first disagreement the source goes over to counting from the start, which is
slow for going back and always right.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import cv2
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame

from tracker_core.errors import SourceEnded, SourceError
from tracker_core.sources.cache import DEFAULT_CACHE_BYTES, FrameCache
from tracker_core.sources.frame_table import FrameTable, scan_frame_table, select_video_stream, timeout_for
from tracker_core.sources.images import freeze
from tracker_core.types import Frame, Image

logger = logging.getLogger(__name__)

DEFAULT_FPS = 30.0
SHORT_HOP = 32  # frames: decoding this many is quicker than reading the file's packets
KEY_FRAME_ATTEMPTS = 4
DAMAGED_PACKETS_IN_A_ROW = 500

# FFmpeg reads these as "video" although nobody means a film when they pass one
NOT_FILMS = frozenset({"tty", "image2", "png_pipe", "jpeg_pipe", "bmp_pipe", "webp_pipe", "tiff_pipe", "svg_pipe"})


class _DisagreementError(Exception):
    """The decoder delivered another image than the table promised."""


class VideoFileSource:
    """A video file (or a finite video behind a URL) read through FFmpeg: sequentially, or at any frame exactly.

    Frames are uint8 BGR, read-only, turned upright as the file's rotation says. `warnings` collects what the
    user should know (a file cut short, damaged packets, a changing image size). A image whose size changes
    in mid-video is delivered as it is. `frame_count` is an estimate until the end was seen or a seek made the
    source read all packets. Not for use from several threads at once.

    Raises `SourceError` if the file is absent, empty, not a video, or holds no image that can be decoded.
    """

    is_live = False
    is_seekable = True
    frame_names = None

    def __init__(self, location: str | Path, *, cache_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._location = str(location)
        self.name = Path(self._location).name or self._location
        self.warnings: list[str] = []
        self._cache = FrameCache(cache_bytes)
        self._container: InputContainer | None = None
        self._images: Iterator[VideoFrame] = iter(())
        self._table: FrameTable | None = None
        self._table_refused = False
        self._decoder_next = 0  # index of the image that the decoder delivers next
        self._position = 0  # index of the image that `read` returns next
        self._count: int | None = None
        self._damaged = 0
        self._last_pts: int | None = None
        self._duration_s: float | None = None
        self._first_pts: int | None = None
        self._time_base = Fraction(1, 1000)
        self._fps = DEFAULT_FPS
        self._estimate = 0
        self._open()
        first = self._decode_until(0)
        if first is None:
            self.close()
            raise SourceError(f"'{self._location}' holds no image that can be decoded; check that it plays.")
        height, width = first.image.shape[:2]
        self._size = (width, height)

    @property
    def paths(self) -> tuple[str, ...]:
        """The file or address that is read, alone."""
        return (self._location,)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the first image, upright."""
        return self._size

    @property
    def fps(self) -> float:
        """Average images per second, 30.0 where the file does not say."""
        return self._fps

    @property
    def frame_count(self) -> int | None:
        """Number of frames; exact once `is_count_exact`, an estimate from the file's header before."""
        if self._count is not None:
            return self._count
        return max(self._estimate, self._decoder_next)

    @property
    def is_count_exact(self) -> bool:
        """Whether the end of the file was seen, so that `frame_count` is the truth."""
        return self._count is not None

    def count_frames(self) -> int | None:
        """Return the number of frames by reading all packets once; None where they do not tell it exactly."""
        if self._count is None and self._table is None and not self._table_refused:
            self._adopt_table(scan_frame_table(self._location))
        return self._count if self._table is None else len(self._table)

    def last_index(self) -> int:
        """Return the index of the last frame, by decoding to the end where the packets do not tell it."""
        while (count := self.count_frames()) is None:
            self._frame_at(self._decoder_next)
        return count - 1

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end; raises `SourceError` if the file has become unreadable."""
        frame = self._cache.get(self._position)
        if frame is None:
            frame = self._frame_at(self._position)
        if frame is not None:
            self._position = frame.index + 1
        return frame

    def seek(self, index: int) -> None:
        """Make the next `read` return frame `index`, exactly; `SourceError` for one that does not exist."""
        if index < 0:
            raise SourceError(f"Frame {index} does not exist; frames of '{self.name}' count from 0.")
        is_there = index in self._cache or index == self._count or self._frame_at(index) is not None
        if not is_there and index != self._count:  # going past the end has just told where that is
            raise SourceError(
                f"'{self.name}' has {self._count} frames; frame {index} does not exist (they count from 0)."
            )
        self._position = index

    def close(self) -> None:
        """Release the file; calling it twice is harmless."""
        if self._container is not None:
            self._container.close()
            self._container = None
        self._images = iter(())
        self._cache.clear()

    def _open(self) -> None:
        self._release_container()
        path = Path(self._location)
        is_local = "://" not in self._location
        if is_local and not path.exists():
            raise SourceError(f"There is no file '{path}'; check the path.")
        if is_local and path.stat().st_size == 0:
            raise SourceError(f"'{path}' is an empty file; copy it again.")
        try:
            container = av.open(self._location, timeout=timeout_for(self._location))
        except (av.error.FFmpegError, OSError) as error:
            raise SourceError(_describe_open_error(self._location, error)) from error
        stream = None if container.format.name in NOT_FILMS else select_video_stream(container)
        if stream is None:
            container.close()
            raise SourceError(f"'{self._location}' is not a video: it has no moving picture in it.")
        stream.thread_type = "AUTO"
        self._container, self._stream = container, stream
        self._time_base = stream.time_base or Fraction(1, 1000)
        self._fps = _sensible_fps(stream.average_rate or stream.guessed_rate)
        if stream.duration is not None:
            self._duration_s = float(stream.duration * self._time_base)
        elif container.duration is not None and not container.streams.audio:
            self._duration_s = container.duration / av.time_base
        known = (container.duration or 0) / av.time_base if self._duration_s is None else self._duration_s
        self._estimate = round(known * self._fps) or stream.frames
        self._images = self._decode()
        self._decoder_next = 0

    def _release_container(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def _decode(self) -> Iterator[VideoFrame]:
        """Yield decoded images from where the container stands, stepping over damaged packets."""
        assert self._container is not None
        packets = self._container.demux(self._stream)
        damaged_in_a_row = 0
        while damaged_in_a_row < DAMAGED_PACKETS_IN_A_ROW:
            packet = None
            try:
                packet = next(packets)
                images = packet.decode()
            except (StopIteration, av.error.EOFError):
                return
            except (av.error.ExitError, av.error.TimeoutError):
                raise SourceEnded(f"'{self.name}' stopped arriving; check the network.") from None
            except av.error.FFmpegError as error:
                logger.debug("%s: damaged packet (%s)", self.name, error)
                self._damaged += 1
                damaged_in_a_row += 1
                if packet is None:  # a generator that raised is over; the file may not be
                    packets = self._container.demux(self._stream)
                continue
            except OSError as error:
                self._warn(f"'{self.name}' could not be read to its end ({error}).")
                return
            damaged_in_a_row = 0
            for decoded in images:
                if isinstance(decoded, VideoFrame):
                    yield decoded

    def _frame_at(self, index: int) -> Frame | None:
        """Return frame `index`, going there by the quickest way that is exact; None past the end."""
        if self._container is None:
            raise SourceError(f"'{self.name}' is closed; open it again.")
        try:
            if not self._decoder_next <= index <= self._decoder_next + SHORT_HOP:
                self._go_to_key_frame(index)
            return self._decode_until(index)
        except _DisagreementError:
            self._distrust_table()
            self._open()
            return self._decode_until(index)

    def _go_to_key_frame(self, index: int) -> None:
        """Put the decoder on a key frame at or before `index`, or at the start of the file."""
        if self._table is None and not self._table_refused:
            self._adopt_table(scan_frame_table(self._location))
        table = self._table
        if table is None:
            if index < self._decoder_next:
                self._open()
            return
        key = table.key_at_or_before(min(index, len(table) - 1))
        if key is not None and key <= self._decoder_next <= index:
            return  # decoding on from here is shorter
        for _ in range(KEY_FRAME_ATTEMPTS):
            if key is None or key == 0:
                break
            if self._land_on(table, key, index):
                return
            key = table.key_at_or_before(key - 1)
        self._open()

    def _land_on(self, table: FrameTable, key: int, index: int) -> bool:
        """Seek to key frame `key`; False if the container landed after `index`, so that an earlier one is needed."""
        assert self._container is not None
        try:
            self._container.seek(int(table.pts[key]), stream=self._stream, backward=True, any_frame=False)
        except (av.error.FFmpegError, OSError):
            return False
        images = self._decode()
        for decoded in images:
            if not decoded.key_frame:
                continue  # before its first key frame a decoder shows images with missing references
            found = table.find(decoded.pts)
            if found is None:
                raise _DisagreementError
            if found > index:
                return False
            self._images = _chain(decoded, images)
            self._decoder_next = found
            return True
        return False

    def _adopt_table(self, table: FrameTable | None) -> None:
        seen = self._decoder_next
        if table is None or (seen and table.find(self._last_pts) != seen - 1):
            self._distrust_table()
            return
        self._table = table
        self._estimate = len(table)

    def _distrust_table(self) -> None:
        self._table = None
        self._table_refused = True
        self._cache.clear()
        self._warn(f"The time stamps of '{self.name}' are not reliable; going back counts frames from the start.")

    def _decode_until(self, index: int) -> Frame | None:
        """Decode on to frame `index`, keeping the ones shortly before it for stepping back."""
        keep = max(1, SHORT_HOP)
        for decoded in self._images:
            current = self._decoder_next
            if self._table is not None and self._table.find(decoded.pts) != current:
                raise _DisagreementError
            self._decoder_next += 1
            self._last_pts = decoded.pts
            if self._first_pts is None and current == 0:
                self._first_pts = decoded.pts
            if index - current > keep:
                continue
            frame = Frame(current, self._time_of(decoded, current), _upright_bgr(decoded))
            self._note_size(frame)
            keep = min(SHORT_HOP, self._cache.capacity_in_frames(frame.image.nbytes) // 2)
            self._cache.put(frame)
            if current == index:
                return frame
        self._note_end()
        return None

    def _time_of(self, decoded: VideoFrame, index: int) -> float:
        if decoded.pts is None or self._first_pts is None:
            return index / self._fps
        return float((decoded.pts - self._first_pts) * self._time_base)

    def _note_size(self, frame: Frame) -> None:
        height, width = frame.image.shape[:2]
        if frame.index and (width, height) != self._size:
            self._warn(f"The image size of '{self.name}' changes in mid-video; frames are delivered as they are.")

    def _note_end(self) -> None:
        self._count = self._decoder_next
        if self._count == 0:
            return
        if self._damaged:
            self._warn(f"'{self.name}' has damaged parts ({self._damaged} packets were skipped).")
        last_s = self._time_of_last()
        if self._duration_s is not None and last_s + 1 / self._fps < 0.95 * self._duration_s - 0.2:
            self._warn(
                f"'{self.name}' is cut short: {self._count} frames ({last_s:.1f} s of {self._duration_s:.1f} s) "
                "could be read and are used."
            )

    def _time_of_last(self) -> float:
        if self._last_pts is None or self._first_pts is None:
            return (self._decoder_next - 1) / self._fps
        return float((self._last_pts - self._first_pts) * self._time_base)

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
            logger.warning("%s", text)


def _chain(first: VideoFrame, rest: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    yield first
    yield from rest


def _upright_bgr(decoded: VideoFrame) -> Image:
    """Return a decoded image as read-only BGR, turned by the quarter turns that its metadata asks for."""
    image: Image = np.asarray(decoded.to_ndarray(format="bgr24"), np.uint8)
    quarter_turns = round(decoded.rotation / 90) % 4  # counter-clockwise, like np.rot90
    if quarter_turns:
        codes = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
        image = np.asarray(cv2.rotate(image, codes[quarter_turns]), np.uint8)
    return freeze(image)


def _sensible_fps(rate: Fraction | None) -> float:
    fps = float(rate) if rate else DEFAULT_FPS
    return fps if 0.1 <= fps <= 1000.0 else DEFAULT_FPS


def _describe_open_error(location: str, error: Exception) -> str:
    if isinstance(error, (av.error.HTTPError, av.error.HTTPClientError, av.error.HTTPServerError)):
        return f"The server refused '{location}' ({error.strerror}); check the address."
    if isinstance(error, PermissionError):
        return f"No permission to read '{location}'."
    if isinstance(error, av.error.EOFError):
        return f"'{location}' holds no image; it may have been cut short while copied."
    if isinstance(error, av.error.InvalidDataError):
        return f"'{location}' is not a video that FFmpeg can read, or its header is missing (cut short while copied)."
    reason = getattr(error, "strerror", None) or str(error)
    return f"'{location}' cannot be opened ({reason})."
