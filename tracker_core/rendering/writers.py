"""Writing videos: H.264 that plays everywhere, checked by reading it back.

Images go to a temporary file beside the target; only a finished and checked video gets the target's name.
"""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import final

import av
import av.error
import cv2
from av.video.frame import VideoFrame

from tracker_core.errors import OutputError, SourceEnded, SourceError
from tracker_core.files import atomic_path, describe_write_error
from tracker_core.rendering.encoder import H264_SUFFIXES, Encoder, fit_image, has_h264, to_frame_rate
from tracker_core.rendering.gif import GifEncoder
from tracker_core.rendering.sound import add_sound, has_sound
from tracker_core.sources.containers import select_video_stream
from tracker_core.sources.images import convert_to_bgr
from tracker_core.types import Image

logger = logging.getLogger(__name__)

DEFAULT_CRF = 20
LARGEST_H264_SIDE = 16384  # pixels, of libx264
AVI_TOLERANCE_S = 0.1
DEFAULT_PRESET = "veryfast"
VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".gif")


@final
class VideoWriter:
    """Writes uint8 BGR images of one rate to a video file; use it in a `with` block.

    H.264, yuv420p, BT.709, in MP4 where libx264 is there, else Motion JPEG in AVI, which every player opens
    (`path` then ends in `.avi`). Frame `i` is shown at `i / fps` exactly, or at its own time where `write` is told
    one (a camera, a video of variable rate; AVI has no such times and stays with `fps`). H.264 needs even sides:
    an odd image gets its last column or row once more. A `.gif` has 256 colours and at most 50 images per second; what
    comes faster is left out. Images of another size than the first are scaled into
    it, with black borders where the shape differs.

    `close` finishes, reads the file back and puts it in place; `abort` leaves nothing. Leaving the `with` block
    by Ctrl-C or because a live source ended keeps what was written; by any other exception it discards it.
    Closing without an image leaves no file.

    Sound is kept where `sound_of` names the video that the images come from and `write` is told their times: that
    of the range from the first image to the end of the last. `notes` says what could not be kept, for people.

    Args:
        path: target; `.mp4`, `.mkv`, `.mov`, `.avi` or `.gif`.
        fps: images per second, any positive number.
        crf: H.264 quality, 0 (lossless) to 51; 20 is hard to tell from the original.
        preset: x264's speed, "ultrafast" to "veryslow".
        sound_of: a video file or address, None for a video without sound.

    Raises `OutputError` where the file cannot be written, the disk is full, or reading back finds another number
    of images than was written.
    """

    def __init__(
        self,
        path: str | Path,
        fps: float | Fraction = 30.0,
        *,
        crf: int = DEFAULT_CRF,
        preset: str = DEFAULT_PRESET,
        sound_of: str | None = None,
    ) -> None:
        self.fps = to_frame_rate(fps)
        self.path = choose_path(Path(path))
        self.frames_written = 0
        self.notes: list[str] = []
        self._sound_of = sound_of
        self._first_s: float | None = None
        self._crf = crf
        self._preset = preset
        self._size: tuple[int, int] | None = None
        self._encoder: Encoder | GifEncoder | None = None
        self._is_done = False
        self._is_in_place = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"write {self.path.name}")
        self._thread.submit(int).result()  # starts it here: Ctrl-C during a start makes the pool start a second one
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
        """Width and height of the images in the file (even numbers for H.264), None before the first."""
        return self._size

    @property
    def is_in_place(self) -> bool:
        """Whether the finished and checked video lies at `path`; false before `close` and after `abort`."""
        return self._is_in_place

    def write(self, image: Image, time_s: float | None = None) -> None:
        """Append one uint8 BGR image, to be shown at `time_s` (or `i / fps`; give times for all images or none).

        Raises `OutputError` if it cannot be written, and then leaves no file.
        """
        if self._is_done:
            raise OutputError(f"'{self.path}' is finished; no image can be added.")
        self._run(self._append, convert_to_bgr(image), time_s)

    def close(self) -> None:
        """Finish, check and put the video in place; calling it twice is harmless."""
        if self._is_done:
            return
        self._run(self._finish)
        if self.frames_written == 0:
            logger.warning("No image was written; '%s' is not made.", self.path)
            self.abort()
            return
        self._is_done = True
        self._thread.shutdown()
        self._target.__exit__(None, None, None)
        self._is_in_place = True

    def abort(self) -> None:
        """Discard everything; the target is as it was before. Calling it twice is harmless."""
        if self._is_done:
            return
        self._is_done = True
        if self._encoder is not None:
            with contextlib.suppress(av.error.FFmpegError, OSError, cv2.error):
                self._thread.submit(self._encoder.discard).result()
        self._thread.shutdown()
        reason = OutputError(f"'{self.path}' was discarded.")
        with contextlib.suppress(OutputError):
            self._target.__exit__(OutputError, reason, None)

    def _run(self, action: Callable[..., None], *arguments: object) -> None:
        """Do one step in the encoding thread and wait for it; any failure but Ctrl-C discards the video.

        Ctrl-C arrives in the main thread only. A step that it could cut in two would lose packets, and with them
        the video that was to be kept.
        """
        step = self._thread.submit(action, *arguments)
        try:
            step.result()
        except (av.error.FFmpegError, OSError, cv2.error) as error:
            self.abort()
            raise OutputError(_describe(self.path, error)) from error
        except OutputError:
            self.abort()
            raise

    def _append(self, image: Image, time_s: float | None) -> None:
        if self._encoder is None:
            height, width = image.shape[:2]
            if self.path.suffix.lower() in H264_SUFFIXES:
                width, height = width + width % 2, height + height % 2
            self._size = (width, height)
            self._encoder = self._open_encoder(self._size, has_times=time_s is not None)
            self._first_s = time_s
        assert self._size is not None
        self._encoder.encode(fit_image(image, self._size), time_s)
        self._check_rate(time_s)
        self.frames_written += 1

    def _open_encoder(self, size: tuple[int, int], has_times: bool) -> Encoder | GifEncoder:
        if self.path.suffix.lower() == ".gif":
            return GifEncoder(self._temporary, size, self.fps)
        if self.path.suffix.lower() in H264_SUFFIXES and max(size) > LARGEST_H264_SIDE:
            raise OutputError(
                f"'{self.path}' cannot have {size[0]}×{size[1]} pixels: an H.264 video has at most {LARGEST_H264_SIDE} "
                "along a side; make it smaller, or write images."
            )
        return Encoder(self._temporary, size, self.fps, self._crf, self._preset, has_times)

    def _check_rate(self, time_s: float | None) -> None:
        if self.path.suffix.lower() != ".avi" or time_s is None or self._first_s is None:
            return
        if abs(time_s - self._first_s - self.frames_written / self.fps) > AVI_TOLERANCE_S:
            self._note(
                f"AVI holds one frame rate only: '{self.path.name}' shows {float(self.fps):.4g} frames per second, "
                "not the source's own times; write an .mp4 or .mkv to keep them."
            )

    def _finish(self) -> None:
        if self._encoder is not None:
            self._encoder.finish()
            self._keep_sound(self._encoder.end_s)
            self._check(self._encoder.written)
            if isinstance(self._encoder, GifEncoder) and self._encoder.left_out:
                self._note(
                    f"GIF shows at most 50 frames per second: {self._encoder.left_out} of {self.frames_written} were "
                    f"left out of '{self.path.name}'; write an .mp4 to keep them."
                )

    def _keep_sound(self, end_s: float) -> None:
        if self._sound_of is None or self._first_s is None or not has_sound(self._sound_of):
            return
        if self.path.suffix.lower() not in H264_SUFFIXES:
            self._note(f"The sound of the source is not in '{self.path.name}'; write an .mp4 or .mkv to keep it.")
            return
        joined = self._temporary.with_name(f"{self._temporary.stem}-sound{self._temporary.suffix}")
        try:
            if add_sound(self._temporary, joined, self._sound_of, self._first_s, self._first_s + end_s):
                joined.replace(self._temporary)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise
            self._note(f"The sound of the source could not be kept in '{self.path.name}' ({error}).")
        finally:
            joined.unlink(missing_ok=True)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _check(self, written: int) -> None:
        """Read the file back: it must hold as many images as were `written`, of the right size."""
        try:
            found, size = read_back(self._temporary)
        except SourceError as error:
            raise OutputError(f"The video '{self.path}' could not be read back ({error}); check the disk.") from error
        if found != written or size != self._size:
            raise OutputError(
                f"The video '{self.path}' holds {found} images of {size} instead of {written} of {self._size}; "
                "the disk may be full."
            )


def codec_description(path: str | Path = "video.mp4") -> str:
    """Return how a video of that name would be written, in words for a dialog."""
    target = choose_path(Path(path))
    if target.suffix.lower() in H264_SUFFIXES:
        return f"H.264 (libx264, yuv420p) in {target.suffix[1:].upper()}"
    if target.suffix.lower() == ".gif":
        return "GIF with 256 colours, at most 50 frames per second, without sound"
    return "Motion JPEG in AVI, at one frame rate, without sound"


def choose_path(path: Path) -> Path:
    """Return the path that is really written: `.avi` instead of `.mp4` where there is no libx264.

    Raises `OutputError` for a suffix that no writer knows.
    """
    suffix = path.suffix.lower()
    if suffix in (".avi", ".gif"):
        return path
    if suffix not in H264_SUFFIXES:
        known = ", ".join(VIDEO_SUFFIXES)
        raise OutputError(f"Videos are written as one of {known}, not '{path.name}'; change the ending.")
    if has_h264():
        return path
    logger.warning("This machine has no H.264 encoder; the video is written as Motion JPEG in AVI.")
    return path.with_suffix(".avi")


def read_back(path: Path) -> tuple[int, tuple[int, int]]:
    """Return the number of images in a video (counted by packet) and the size of the first, which is decoded.

    Raises `SourceError` if it is not a video or its first image cannot be decoded.
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
        raise SourceError("its first image cannot be decoded")
    return count, (first.width, first.height)


def _describe(path: Path, error: Exception) -> str:
    number = getattr(error, "errno", None)
    if isinstance(number, int) and 0 < number < 1000:
        return describe_write_error(path, OSError(number, getattr(error, "strerror", "") or str(error)))
    return f"The video '{path}' could not be written ({error}); check the disk and the image size."
