"""Streams and videos behind an address: RTSP, RTMP, MJPEG over HTTP, HLS, plain files on a web server."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame

from tracker_core.errors import SourceEnded, SourceError
from tracker_core.sources.addresses import hide_credentials
from tracker_core.sources.cache import DEFAULT_CACHE_BYTES
from tracker_core.sources.frame_table import select_video_stream
from tracker_core.sources.live import DEFAULT_STALL_S, LiveSource
from tracker_core.sources.video_file import VideoFileSource
from tracker_core.types import FrameSource, Image

DEFAULT_FPS = 30.0
OPEN_TIMEOUT_S = 10.0


def open_stream(
    url: str, *, stall_timeout_s: float = DEFAULT_STALL_S, cache_bytes: int = DEFAULT_CACHE_BYTES
) -> FrameSource:
    """Open an address: as a video with random access if the server tells its length, else as a live source.

    Raises `SourceError` if nothing answers, the server refuses, or what comes is not a video.
    """
    name = hide_credentials(url)
    container = _connect(url, name, stall_timeout_s)
    if container.duration and url.lower().startswith(("http://", "https://")):
        container.close()
        return VideoFileSource(url, cache_bytes=cache_bytes)
    try:
        feed = StreamFeed(container, name, stall_timeout_s)
    except SourceError:
        container.close()
        raise
    return LiveSource(name, feed, stall_timeout_s=stall_timeout_s)


class StreamFeed:
    """Images of an open network stream; every way in which it can stop is a `SourceEnded`."""

    def __init__(self, container: InputContainer, name: str, stall_timeout_s: float) -> None:
        stream = select_video_stream(container)
        if stream is None:
            raise SourceError(f"'{name}' sends no video; check the address.")
        self._container = container
        self._name = name
        self._stall_timeout_s = stall_timeout_s
        stream.thread_type = "SLICE"  # threads by frame would delay a live image by as many frames
        self._images: Iterator[VideoFrame] = container.decode(stream)
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        self.fps = rate if 1.0 <= rate <= 1000.0 else DEFAULT_FPS

    def grab(self) -> Image | None:
        """Return the next image; None for a damaged one."""
        try:
            return np.asarray(next(self._images).to_ndarray(format="bgr24"), np.uint8)
        except (StopIteration, av.error.EOFError):
            raise SourceEnded(f"The stream '{self._name}' has ended.") from None
        except (av.error.ExitError, av.error.TimeoutError):
            raise SourceEnded(
                f"The stream '{self._name}' has sent no image for {self._stall_timeout_s:g} s; it counts as gone."
            ) from None
        except av.error.InvalidDataError:
            return None
        except (av.error.FFmpegError, OSError) as error:
            reason = "the connection was closed" if error.errno == errno.EIO else error.strerror
            raise SourceEnded(f"The stream '{self._name}' broke off ({reason}).") from error

    def release(self) -> None:
        """Close the connection."""
        self._container.close()


def _connect(url: str, name: str, stall_timeout_s: float) -> InputContainer:
    options = {"rtsp_transport": "tcp"} if url.lower().startswith("rtsp") else {}
    try:
        return av.open(url, timeout=(OPEN_TIMEOUT_S, stall_timeout_s), container_options=options)
    except (av.error.HTTPError, av.error.HTTPClientError, av.error.HTTPServerError) as error:
        raise SourceError(f"The server refused '{name}' ({error.strerror}); check the address.") from error
    except (av.error.ExitError, av.error.TimeoutError):
        raise SourceError(f"'{name}' did not answer within {OPEN_TIMEOUT_S:g} s; check the address.") from None
    except av.error.InvalidDataError:
        raise SourceError(f"What '{name}' sends is not a video.") from None
    except (av.error.FFmpegError, OSError) as error:
        if error.errno == errno.EIO:  # something answered, and closed before a video began
            raise SourceError(f"What '{name}' sends is not a video.") from error
        reason = error.strerror or str(error)
        raise SourceError(f"'{name}' cannot be reached ({reason}); check the address and the network.") from error
