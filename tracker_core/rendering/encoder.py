"""Images of one size into one stream of one file: the part of writing that knows codecs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import av.error
import cv2
import numpy as np
from av.codec import Codec
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from tracker_core.types import Image

H264_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".m4v"})
KEY_FRAME_S = 2  # seconds between key frames: going to a frame decodes this much at most
CLOCK_HZ = 90_000
_LARGEST_DENOMINATOR = 1001  # so that 29.97 becomes 30000/1001
_COLOR_RANGES = {"MPEG": 1, "JPEG": 2}  # AVCOL_RANGE: 16 to 235, 0 to 255
# FFmpeg's quick conversion rounds down: a plain colour would come out one or two levels darker
_ROUNDING = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
_BT709 = 1  # value of primaries, transfer and matrix in ITU-T H.273


class Encoder:
    """One stream in one container: libx264, or Motion JPEG for `.avi`.

    `is_live` writes each image as it comes, in order, so that of a Matroska file that is cut off a second is missing.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], fps: Fraction, crf: int, preset: str, has_times: bool,
        is_live: bool = False,
    ) -> None:  # fmt: skip
        suffix = path.suffix.lower()
        is_h264 = suffix in H264_SUFFIXES
        options: dict[str, str] = {"movflags": "+faststart"} if is_h264 and suffix != ".mkv" else {}
        options |= {"cluster_time_limit": "1000", "flush_packets": "1"} if is_live else {}
        self._container: OutputContainer = av.open(str(path), "w", container_options=options)
        stream: VideoStream = self._container.add_stream("libx264" if is_h264 else "mjpeg", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p" if is_h264 else "yuvj420p"
        context = stream.codec_context
        self._has_times = has_times and is_h264
        # Matroska counts milliseconds; elsewhere images at `fps` fall on whole ticks, and others within 11 microseconds
        finest = fps.numerator * -(-CLOCK_HZ // fps.numerator)
        self._tick = Fraction(1, 1000) if suffix == ".mkv" else Fraction(1, finest)
        context.time_base = self._tick if self._has_times else 1 / fps
        if is_h264:
            tune = {"tune": "zerolatency"} if is_live else {}
            stream.options = {"crf": str(crf), "preset": preset, **tune}
            context.gop_size = max(1, round(KEY_FRAME_S * fps))
            context.flags |= Flags.frame_duration  # else the last image's is that of a steady rate
            context.color_primaries = context.color_trc = context.colorspace = _BT709
            self._matrix, self._range = "ITU709", "MPEG"
        else:
            stream.options = {"qmin": "2", "qmax": "3"}
            self._matrix, self._range = "ITU601", "JPEG"
        context.color_range = _COLOR_RANGES[self._range]
        self._stream = stream
        self._next = self._count = 0
        self._last = 0
        self._duration = max(1, round(1 / fps / context.time_base))
        self._first_s: float | None = None
        self._is_finished = self._is_broken = False

    def encode(self, image: Image, time_s: float | None = None) -> None:
        """Append one image of the stream's size."""
        if self._has_times and time_s is not None:
            self._first_s = time_s if self._first_s is None else self._first_s
            self._next = max(self._next, round((time_s - self._first_s) / self._tick))  # times must increase
        encoded = VideoFrame.from_ndarray(image, format="bgr24").reformat(
            format=self._stream.pix_fmt, dst_colorspace=self._matrix, dst_color_range=self._range,
            interpolation=_ROUNDING,
        )  # fmt: skip
        if self._next > self._last:
            self._duration = self._next - self._last  # the last image is shown as long as the one before it
        encoded.pts, encoded.duration = self._next, self._duration
        encoded.time_base = self._stream.codec_context.time_base
        self._last = self._next
        self._next += 1
        self._is_broken = True  # unless it is written
        self._container.mux(self._stream.encode(encoded))
        self._is_broken = False
        self._count += 1

    @property
    def written(self) -> int:
        """How many images the file holds."""
        return self._count

    @property
    def end_s(self) -> float:
        """When the last image ends, in seconds from the first."""
        return float((self._last + self._duration) * self._stream.codec_context.time_base)

    def finish(self) -> None:
        """Write what the encoder still holds and the container's index; calling it twice is harmless.

        After an image that could not be written the rest is left out: where even the container's head found no room,
        writing on crashes FFmpeg.
        """
        if self._is_finished:
            return
        self._is_finished = True
        try:
            if not self._is_broken:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def discard(self) -> None:
        """Close the file; it is of no use."""
        self.finish()


def has_h264() -> bool:
    """Tell whether this machine's PyAV brings libx264."""
    try:
        return Codec("libx264", "w").is_encoder
    except (av.error.FFmpegError, ValueError):
        return False


def to_frame_rate(fps: float | Fraction) -> Fraction:
    """Return a rate as a fraction that containers can hold: 29.97 becomes 30000/1001; nonsense becomes 30."""
    if not isinstance(fps, Fraction):
        if not np.isfinite(fps) or fps <= 0:
            return Fraction(30)
        fps = Fraction(fps)
    near_ntsc = Fraction(round(fps * _LARGEST_DENOMINATOR / 1000) * 1000, _LARGEST_DENOMINATOR)
    if near_ntsc > 0 and abs(near_ntsc - fps) < Fraction(1, 200) and fps.denominator != 1:
        return near_ntsc
    rate = fps.limit_denominator(_LARGEST_DENOMINATOR)
    return rate if rate > 0 else Fraction(1, _LARGEST_DENOMINATOR)


def fit_image(image: Image, size: tuple[int, int]) -> Image:
    """Return `image` in exactly `size` (width, height).

    One missing column or row is the last one repeated; any other size is scaled with its shape kept, in the
    middle of black.
    """
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    if 0 <= size[0] - width <= 1 and 0 <= size[1] - height <= 1:
        padded = cv2.copyMakeBorder(image, 0, size[1] - height, 0, size[0] - width, cv2.BORDER_REPLICATE)
        return np.asarray(padded, np.uint8)
    scale = min(size[0] / width, size[1] / height)
    inner = (max(1, min(size[0], round(width * scale))), max(1, min(size[1], round(height * scale))))
    scaled = cv2.resize(image, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = scaled
    return canvas
