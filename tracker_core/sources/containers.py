"""Opening files and addresses with FFmpeg; every way in which that fails is one sentence."""

from __future__ import annotations

import errno
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from tracker_core.errors import SourceError
from tracker_core.sources.addresses import is_address, scheme_of

CONNECT_S = 10.0
RECEIVE_S = 10.0
UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL})
HTTP_REASONS = {
    401: "it asks for a user name and password, or those given are wrong; write them as {scheme}://user:password@host/…",
    403: "access to this address is forbidden (403)",
    404: "there is nothing at this address (404); check its path",
}


def ffmpeg_location(location: str) -> str:
    """Return how FFmpeg is told a place: a path as `file:…`, so that no part of a name is taken for a protocol."""
    return location if is_address(location) else f"file:{location}"


def timeout_for(location: str, receive_s: float = RECEIVE_S) -> tuple[float, float] | None:
    """Return the time-outs (connect, receive); none for files, where FFmpeg would count the user's pauses."""
    return (CONNECT_S, receive_s) if is_address(location) else None


def select_video_stream(container: InputContainer) -> VideoStream | None:
    """Return the first moving-image stream that can be decoded; cover art of audio files does not count."""
    for stream in container.streams.video:
        if not stream.disposition & stream.disposition.attached_pic and stream.codec_context is not None:
            return stream
    return None


def open_container(location: str, name: str, *, receive_s: float = RECEIVE_S) -> InputContainer:
    """Open a path or an address; `name` is what errors call it (an address without its credentials).

    Raises `SourceError`. FFmpeg's own error is not passed on with it: its text holds the address as it was given.
    """
    if not is_address(location):
        check_file(Path(location), name)
    options = {"rtsp_transport": "tcp"} if scheme_of(location) in ("rtsp", "rtsps") else {}
    began_s = time.monotonic()
    try:
        return av.open(ffmpeg_location(location), timeout=timeout_for(location, receive_s), container_options=options)
    except (av.error.FFmpegError, OSError) as error:
        if is_address(location):
            is_late = time.monotonic() - began_s >= CONNECT_S  # some protocols report an interruption as bad data
            raise SourceError(describe_address_error(location, name, error, is_late=is_late)) from None
        raise SourceError(describe_file_error(name, error)) from None


def check_file(path: Path, name: str) -> None:
    """Raise `SourceError` for a path that is absent, not a file, or empty."""
    if not path.exists():
        raise SourceError(f"There is no file '{name}'; check the path.")
    if not path.is_file():
        raise SourceError(f"'{name}' is not a regular file; check the path.")
    if path.stat().st_size == 0:
        raise SourceError(f"'{name}' is an empty file; copy it again.")


def describe_file_error(name: str, error: Exception) -> str:
    """Return one sentence on why a file cannot be opened."""
    if isinstance(error, PermissionError):
        return f"No permission to read '{name}'."
    if isinstance(error, av.error.EOFError):
        return f"'{name}' holds no image; it may have been cut short while copied."
    if isinstance(error, av.error.InvalidDataError):
        return f"'{name}' is not a video that FFmpeg can read, or its header is missing (cut short while copied)."
    return f"'{name}' cannot be opened ({reason_of(error)})."


def describe_address_error(address: str, name: str, error: Exception, *, is_late: bool = False) -> str:
    """Return one sentence that tells an unknown host, a refusal, silence and something that isn't a video apart."""
    parts = urlsplit(address)
    if isinstance(error, (av.error.HTTPError, av.error.HTTPClientError, av.error.HTTPServerError)):
        return f"The server refused '{name}': {describe_status(error, parts.scheme)}."
    if is_late or isinstance(error, (av.error.ExitError, TimeoutError)) or reason_number(error) == errno.ETIMEDOUT:
        return f"'{name}' timed out: nothing answered within {CONNECT_S:g} s; check the host, the port and the network."
    if isinstance(error, av.error.EOFError):
        return f"'{name}' closed the connection before a video began; check the address."
    if isinstance(error, av.error.InvalidDataError):
        return f"What '{name}' sends is not a video."
    if isinstance(error, av.error.ProtocolNotFoundError):
        return f"'{name}' cannot be opened: this FFmpeg does not know '{scheme_of(address)}' addresses."
    if reason_number(error) == errno.ECONNREFUSED:
        return f"'{name}' cannot be reached: the connection was refused; check the host and the port."
    if reason_number(error) in UNREACHABLE:
        return f"'{name}' cannot be reached ({reason_of(error)}); check the network."
    if parts.hostname and not is_known_host(parts.hostname):
        return f"'{name}' cannot be reached: the host '{parts.hostname}' is not known; check its name and the network."
    if reason_number(error) in (errno.EIO, errno.ECONNRESET, errno.EPIPE):
        return f"What '{name}' sends is not a video, or the connection was closed before one began."
    return f"'{name}' cannot be opened ({reason_of(error)}); check the address."


def describe_status(error: Exception, scheme: str) -> str:
    """Return in words why a server refused."""
    statuses = {
        401: av.error.HTTPUnauthorizedError,
        403: av.error.HTTPForbiddenError,
        404: av.error.HTTPNotFoundError,
    }
    for status, kind in statuses.items():
        if isinstance(error, kind):
            return HTTP_REASONS[status].format(scheme=scheme)
    return reason_of(error)


def is_known_host(host: str) -> bool:
    """Ask for the address of a host; FFmpeg reports an unknown one as an input/output error like any other."""
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return True


def reason_number(error: Exception) -> int | None:
    """Return the operating system's number of an error, None if it has none."""
    number = getattr(error, "errno", None)
    return number if isinstance(number, int) else None


def reason_of(error: Exception) -> str:
    """Return the reason alone, without the address that the error's own text holds."""
    return str(getattr(error, "strerror", None) or type(error).__name__)
