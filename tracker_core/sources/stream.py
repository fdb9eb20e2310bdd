"""Streams and videos behind an address: RTSP, RTMP, MJPEG over HTTP, HLS, plain files on a web server."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame

from tracker_core.errors import SourceEnded, SourceError
from tracker_core.sources.addresses import hide_credentials, scheme_of
from tracker_core.sources.cache import DEFAULT_CACHE_BYTES
from tracker_core.sources.containers import open_container, select_video_stream
from tracker_core.sources.decoder import NOT_FILMS, decode_images
from tracker_core.sources.display import PixelAspect, to_display_bgr
from tracker_core.sources.live import DEFAULT_STALL_S, LiveSource
from tracker_core.sources.video_file import VideoFileSource
from tracker_core.types import FrameSource, Image

PLAYLISTS = frozenset({"hls", "dash"})


def open_stream(
    url: str, *, stall_timeout_s: float = DEFAULT_STALL_S, cache_bytes: int = DEFAULT_CACHE_BYTES
) -> FrameSource:
    """Open an address: as a video with random access if the server tells its length, else as a live source.

    Raises `SourceError` if nothing answers, the server refuses, or what comes is not a video.
    """
    name = hide_credentials(url)
    container = open_container(url, name, receive_s=stall_timeout_s)
    if is_finite(container) and scheme_of(url) in ("http", "https"):
        container.close()
        return VideoFileSource(url, cache_bytes=cache_bytes)
    try:
        feed = StreamFeed(container, name, stall_timeout_s)
    except SourceError:
        container.close()
        raise
    return LiveSource(name, feed, stall_timeout_s=stall_timeout_s)


def is_finite(container: InputContainer) -> bool:
    """Tell whether what was opened ends: it has a duration, or a size (a recording without one in its header)."""
    return bool(container.duration) or (container.format.name not in PLAYLISTS and container.size > 0)


class StreamFeed:
    """Images of an open network stream; every way in which it can stop is a `SourceEnded`."""

    def __init__(self, container: InputContainer, name: str, stall_timeout_s: float) -> None:
        stream = None if container.format.name in NOT_FILMS else select_video_stream(container)
        if stream is None:
            raise SourceError(f"What '{name}' sends is not a video; check the address.")
        self._container = container
        self._name = name
        self._stall_timeout_s = stall_timeout_s
        stream.thread_type = "SLICE"  # threads by frame would delay a live image by as many frames
        self._images: Iterator[VideoFrame | None] = decode_images(container, stream)
        self._aspect = PixelAspect(stream)
        rate = float(stream.average_rate or 0)  # where that is not known, FFmpeg's guess is 25 for everything
        self.fps = rate if rate <= 1000.0 else 0.0

    def grab(self) -> Image | None:
        """Return the next image; None for a damaged one."""
        try:
            decoded = next(self._images)
        except StopIteration:
            raise SourceEnded(f"The stream '{self._name}' has ended.") from None
        except (av.error.ExitError, av.error.TimeoutError):
            raise SourceEnded(
                f"The stream '{self._name}' has sent no image for {self._stall_timeout_s:g} s; "
                "treating it as disconnected."
            ) from None
        except (av.error.FFmpegError, OSError) as error:
            reason = "the connection was closed" if error.errno == errno.EIO else error.strerror
            raise SourceEnded(f"The stream '{self._name}' broke off ({reason}).") from None
        return None if decoded is None else to_display_bgr(decoded, self._aspect.of(decoded))

    def release(self) -> None:
        """Close the connection."""
        self._container.close()
