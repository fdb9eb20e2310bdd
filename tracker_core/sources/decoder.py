"""One open container and the decoding of its first video stream, over whatever damage there is."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction

import av
import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tracker_core.errors import SourceEnded, SourceError
from tracker_core.sources.containers import open_container, select_video_stream
from tracker_core.sources.display import PixelAspect, to_display_bgr
from tracker_core.types import Image

logger = logging.getLogger(__name__)

DEFAULT_FPS = 30.0
DAMAGED_PACKETS_IN_A_ROW = 500

# FFmpeg reads these as "video" although nobody means a film when they pass one
NOT_FILMS = frozenset({"tty", "image2", "png_pipe", "jpeg_pipe", "bmp_pipe", "webp_pipe", "tiff_pipe", "svg_pipe"})
# AVI holds no presentation times; FFmpeg makes wrong ones up for codecs that reorder frames as these do
REORDERING_CODECS = frozenset({"h264", "hevc"})
HDR_TRANSFERS = (16, 18)  # of perceptual quantisation and hybrid log-gamma (ITU-T H.273, table 3)
GENERATE_TIMES = 0x0001  # AVFMT_FLAG_GENPTS, which PyAV sets
JUMPING_CLOCK = 0x0200  # AVFMT_TS_DISCONT


class DamageError(Exception):
    """A packet could not be decoded while several frames were being decoded at once."""


class VideoDecoder:
    """A video file (or a finite video behind an address) that is open, and its images in a row.

    `is_threaded` decodes several frames at once, which is quicker; but FFmpeg then loses the good frames around a
    damaged one, so that `images` raises `DamageError` and the file must be opened again without.
    Raises `SourceError` if the file is absent, empty or not a video.
    """

    def __init__(self, location: str, name: str, *, is_threaded: bool = True) -> None:
        self.name = name
        self.is_threaded = is_threaded
        self.damaged = 0
        self._container = open_container(location, name)
        stream = None if self._container.format.name in NOT_FILMS else select_video_stream(self._container)
        if stream is None:
            self.close()
            raise SourceError(f"'{name}' is not a video: it has no moving images in it.")
        stream.thread_type = "AUTO" if is_threaded else "SLICE"
        self._stream = stream
        self._aspect = PixelAspect(stream)
        self.time_base = stream.time_base or Fraction(1, 1000)
        if self._container.format.name == "avi" and stream.codec_context.name in REORDERING_CODECS:
            self.has_presentation_times = False
            self._container.flags &= ~GENERATE_TIMES
        else:
            self.has_presentation_times = True

    @property
    def has_jumping_clock(self) -> bool:
        """Whether this is a transport or program stream, whose clock may jump anywhere."""
        return bool(self._container.format.flags & JUMPING_CLOCK)

    @property
    def is_hdr(self) -> bool:
        """Whether the colours are those of a display that is brighter than usual."""
        return self._stream.codec_context.color_trc in HDR_TRANSFERS

    @property
    def fps(self) -> float:
        """Images per second as the header tells, 30.0 where it doesn't."""
        is_raw = self._container.duration is None and self._container.start_time is None
        rates = [self._stream.average_rate, self._stream.guessed_rate]
        known = [float(rate) for rate in (reversed(rates) if is_raw else rates) if rate]
        return next((rate for rate in known if 0 < rate <= 1000), DEFAULT_FPS)

    @property
    def duration_s(self) -> float | None:
        """Seconds from the first frame to the end as the header tells, None where it doesn't."""
        container, stream = self._container, self._stream
        if stream.duration is not None:
            return float(stream.duration * self.time_base)
        if container.duration is None or container.streams.audio:
            return None
        # the duration in these headers counts from zero, also where the first frame comes later
        late = (container.start_time or 0) if container.format.name in ("matroska,webm", "flv") else 0
        return max(0, container.duration - late) / av.time_base

    @property
    def frame_estimate(self) -> int:
        """Number of frames as the header tells, 0 where it doesn't."""
        duration_s = self.duration_s
        if duration_s is None:
            duration_s = (self._container.duration or 0) / av.time_base
        return self._stream.frames or round(duration_s * self.fps)

    def seek(self, pts: int) -> bool:
        """Go to a key frame at or before `pts`; False where the container can't."""
        try:
            self._container.seek(pts, stream=self._stream, backward=True, any_frame=False)
        except (av.error.FFmpegError, OSError):
            return False
        return True

    def images(self) -> Iterator[VideoFrame]:
        """Yield decoded images from where the container stands, stepping over damaged packets."""
        in_a_row = 0
        try:
            for image in decode_images(self._container, self._stream, is_threaded=self.is_threaded):
                if image is not None:
                    in_a_row = 0
                    yield image
                    continue
                self.damaged += 1
                in_a_row += 1
                if in_a_row >= DAMAGED_PACKETS_IN_A_ROW:
                    return
        except (av.error.ExitError, av.error.TimeoutError):
            raise SourceEnded(f"The connection to '{self.name}' was lost; check the network.") from None

    def to_bgr(self, decoded: VideoFrame, *, keeps_pixels: bool = False) -> Image:
        """Return an image as it is meant to be seen: uint8 BGR, upright, read-only; square pixels if not kept."""
        return to_display_bgr(decoded, None if keeps_pixels else self._aspect.of(decoded))

    def close(self) -> None:
        """Release the file; calling it twice is harmless."""
        self._container.close()


def decode_images(
    container: InputContainer, stream: VideoStream, *, is_threaded: bool = False
) -> Iterator[VideoFrame | None]:
    """Yield the images of a stream to its end, and None for every packet that cannot be decoded.

    Raises FFmpeg's `ExitError` and `TimeoutError` for a network that is silent, and whatever else ends a stream;
    `DamageError` at the first damage where several frames are decoded at once (`is_threaded`).
    """
    packets = container.demux(stream)
    while True:
        packet = None
        try:
            packet = next(packets)
            if is_threaded and packet.is_corrupt:
                raise DamageError
            images = packet.decode()
        except (StopIteration, av.error.EOFError):
            return
        except (av.error.ExitError, av.error.TimeoutError):
            raise
        except av.error.FFmpegError as error:
            if packet is None and not isinstance(error, av.error.InvalidDataError) and container.duration is None:
                raise  # a connection that broke
            if is_threaded:
                raise DamageError from error
            logger.debug("damaged packet (%s)", error.strerror)
            if packet is None:  # a generator that raised is over; what it reads from may not be
                packets = container.demux(stream)
            yield None
            continue
        for image in images:
            if isinstance(image, VideoFrame):
                yield image
