"""Writing videos: H.264 that plays everywhere, checked by reading it back.

Pictures go to a temporary file beside the target; only a finished and checked video gets the target's name.
"""

from __future__ import annotations

import contextlib
import logging
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import final

import av
import av.error
import cv2
import numpy as np
from av.codec import Codec
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tracker_core.errors import OutputError, SourceEnded, SourceError
from tracker_core.files import atomic_path, describe_write_error
from tracker_core.types import Image
from tracker_core.video.frame_table import select_video_stream
from tracker_core.video.pictures import convert_to_bgr

logger = logging.getLogger(__name__)

H264_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".m4v"})
DEFAULT_CRF = 20
DEFAULT_PRESET = "veryfast"
KEY_FRAME_S = 2  # seconds between key frames: going to a frame decodes this much at most
_LARGEST_DENOMINATOR = 1001  # so that 29.97 becomes 30000/1001
_COLOR_RANGES = {"MPEG": 1, "JPEG": 2}  # AVCOL_RANGE: 16 to 235, 0 to 255
_BT709 = 1  # value of primaries, transfer and matrix in ITU-T H.273


@final
class VideoWriter:
    """Writes uint8 BGR pictures of one rate to a video file; use it in a `with` block.

    H.264, yuv420p, BT.709, in MP4 where libx264 is there, else Motion JPEG in AVI, which every player opens
    (`path` then ends in `.avi`). Frame `i` is shown at `i / fps` exactly, or at its own time where `write` is told
    one (a camera, a video of variable rate; AVI has no such times and stays with `fps`). H.264 needs even sides:
    an odd picture gets its last column or row once more. Pictures of another size than the first are scaled into
    it, with black borders where the shape differs.

    `close` finishes, reads the file back and puts it in place; `abort` leaves nothing. Leaving the `with` block
    by Ctrl-C or because a live source ended keeps what was written; by any other exception it discards it.
    Closing without a picture leaves no file.

    Args:
        path: target; `.mp4`, `.mkv`, `.mov` or `.avi`.
        fps: pictures per second, any positive number.
        crf: H.264 quality, 0 (lossless) to 51; 20 is hard to tell from the original.
        preset: x264's speed, "ultrafast" to "veryslow".

    Raises `OutputError` where the file cannot be written, the disk is full, or reading back finds another number
    of pictures than was written.
    """

    def __init__(
        self,
        path: str | Path,
        fps: float | Fraction = 30.0,
        *,
        crf: int = DEFAULT_CRF,
        preset: str = DEFAULT_PRESET,
    ) -> None:
        self.fps = to_frame_rate(fps)
        self.path = choose_path(Path(path))
        self.frames_written = 0
        self._crf = crf
        self._preset = preset
        self._size: tuple[int, int] | None = None
        self._encoder: _Encoder | None = None
        self._is_done = False
        self._is_in_place = False
        self._target = atomic_path(self.path)
        self._temporary = self._target.__enter__()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, (KeyboardInterrupt, SourceEnded)):
            self.close()
        else:
            self.abort()

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the pictures in the file (even numbers for H.264), None before the first."""
        return self._size

    @property
    def is_in_place(self) -> bool:
        """Whether the finished and checked video lies at `path`; false before `close` and after `abort`."""
        return self._is_in_place

    def write(self, image: Image, time_s: float | None = None) -> None:
        """Append one uint8 BGR picture, to be shown at `time_s` (or `i / fps`; give times for all pictures or none).

        Raises `OutputError` if it cannot be written, and then leaves no file.
        """
        if self._is_done:
            raise OutputError(f"'{self.path}' is finished; no picture can be added.")
        image = convert_to_bgr(image)
        try:
            if self._encoder is None:
                self._start(image, time_s is not None)
            assert self._encoder is not None and self._size is not None
            self._encoder.encode(fit_picture(image, self._size), time_s)
        except (av.error.FFmpegError, OSError, cv2.error) as error:
            self.abort()
            raise OutputError(_describe(self.path, error)) from error
        self.frames_written += 1

    def close(self) -> None:
        """Finish, check and put the video in place; calling it twice is harmless."""
        if self._is_done:
            return
        if self._encoder is None:
            logger.warning("No picture was written; '%s' is not made.", self.path)
            self.abort()
            return
        try:
            self._encoder.finish()
            self._check()
        except (av.error.FFmpegError, OSError, cv2.error) as error:
            self.abort()
            raise OutputError(_describe(self.path, error)) from error
        except BaseException:
            self.abort()
            raise
        self._is_done = True
        self._target.__exit__(None, None, None)
        self._is_in_place = True

    def abort(self) -> None:
        """Discard everything; the target is as it was before. Calling it twice is harmless."""
        if self._is_done:
            return
        self._is_done = True
        if self._encoder is not None:
            with contextlib.suppress(av.error.FFmpegError, OSError, cv2.error):
                self._encoder.finish()
        reason = OutputError(f"'{self.path}' was discarded.")
        with contextlib.suppress(OutputError):
            self._target.__exit__(OutputError, reason, None)

    def _start(self, image: Image, has_times: bool) -> None:
        height, width = image.shape[:2]
        if self.path.suffix.lower() in H264_SUFFIXES:
            width, height = width + width % 2, height + height % 2
        self._size = (width, height)
        self._encoder = _Encoder(self._temporary, self._size, self.fps, self._crf, self._preset, has_times)

    def _check(self) -> None:
        """Read the file back: it must hold as many pictures as were written, of the right size."""
        try:
            found, size = read_back(self._temporary)
        except SourceError as error:
            raise OutputError(f"The video '{self.path}' could not be read back ({error}); check the disk.") from error
        if found != self.frames_written or size != self._size:
            raise OutputError(
                f"The video '{self.path}' holds {found} pictures of {size} instead of {self.frames_written} of "
                f"{self._size}; the disk may be full."
            )


class _Encoder:
    """One stream in one container: libx264, or Motion JPEG for `.avi`."""

    def __init__(
        self, path: Path, size: tuple[int, int], fps: Fraction, crf: int, preset: str, has_times: bool
    ) -> None:
        suffix = path.suffix.lower()
        is_h264 = suffix in H264_SUFFIXES
        options = {"movflags": "+faststart"} if is_h264 and suffix != ".mkv" else {}
        self._container: OutputContainer = av.open(str(path), "w", container_options=options)
        stream: VideoStream = self._container.add_stream("libx264" if is_h264 else "mjpeg", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p" if is_h264 else "yuvj420p"
        context = stream.codec_context
        self._has_times = has_times and is_h264
        self._tick = Fraction(1, 1000) if suffix == ".mkv" else Fraction(1, 90_000)  # Matroska counts milliseconds
        context.time_base = self._tick if self._has_times else 1 / fps
        if is_h264:
            stream.options = {"crf": str(crf), "preset": preset}
            context.gop_size = max(1, round(KEY_FRAME_S * fps))
            context.color_primaries = context.color_trc = context.colorspace = _BT709
            self._matrix, self._range = "ITU709", "MPEG"
        else:
            stream.options = {"qmin": "2", "qmax": "3"}
            self._matrix, self._range = "ITU601", "JPEG"
        context.color_range = _COLOR_RANGES[self._range]
        self._stream = stream
        self._next = 0
        self._first_s: float | None = None
        self._is_finished = False

    def encode(self, image: Image, time_s: float | None = None) -> None:
        """Append one picture of the stream's size."""
        if self._has_times and time_s is not None:
            self._first_s = time_s if self._first_s is None else self._first_s
            self._next = max(self._next, round((time_s - self._first_s) / self._tick))  # times must increase
        picture = VideoFrame.from_ndarray(image, format="bgr24").reformat(
            format=self._stream.pix_fmt, dst_colorspace=self._matrix, dst_color_range=self._range
        )
        picture.pts = self._next
        picture.time_base = self._stream.codec_context.time_base
        self._next += 1
        self._container.mux(self._stream.encode(picture))

    def finish(self) -> None:
        """Write what the encoder still holds and the container's index; calling it twice is harmless."""
        if self._is_finished:
            return
        self._is_finished = True
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


def has_h264() -> bool:
    """Tell whether this machine's PyAV brings libx264."""
    try:
        return Codec("libx264", "w").is_encoder
    except (av.error.FFmpegError, ValueError):
        return False


def codec_description(path: str | Path = "video.mp4") -> str:
    """Return how a video of that name would be written, in words for a dialog."""
    target = choose_path(Path(path))
    if target.suffix.lower() in H264_SUFFIXES:
        return f"H.264 (libx264, yuv420p) in {target.suffix[1:].upper()}"
    return "Motion JPEG in AVI"


def choose_path(path: Path) -> Path:
    """Return the path that is really written: `.avi` instead of `.mp4` where there is no libx264.

    Raises `OutputError` for a suffix that no writer knows.
    """
    suffix = path.suffix.lower()
    if suffix == ".avi":
        return path
    if suffix not in H264_SUFFIXES:
        raise OutputError(f"Videos are written as .mp4, .mkv, .mov or .avi, not '{path.name}'; change the ending.")
    if has_h264():
        return path
    logger.warning("This machine has no H.264 encoder; the video is written as Motion JPEG in AVI.")
    return path.with_suffix(".avi")


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


def fit_picture(image: Image, size: tuple[int, int]) -> Image:
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


def read_back(path: Path) -> tuple[int, tuple[int, int]]:
    """Return the number of pictures in a video (counted by packet) and the size of the first, which is decoded.

    Raises `SourceError` if it is not a video or its first picture cannot be decoded.
    """
    try:
        with av.open(str(path)) as container:
            stream = select_video_stream(container)
            if stream is None:
                raise SourceError("it holds no video")
            count = sum(1 for packet in container.demux(stream) if packet.size and not packet.is_discard)
        with av.open(str(path)) as container:
            stream = select_video_stream(container)
            first = next(container.decode(stream), None) if stream is not None else None
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(str(error)) from error
    if not isinstance(first, VideoFrame):
        raise SourceError("its first picture cannot be decoded")
    return count, (first.width, first.height)


def _describe(path: Path, error: Exception) -> str:
    number = getattr(error, "errno", None)
    if isinstance(number, int) and 0 < number < 1000:
        return describe_write_error(path, OSError(number, getattr(error, "strerror", "") or str(error)))
    return f"The video '{path}' could not be written ({error}); check the disk and the picture size."
