"""Cameras: a list with names, and one of them as a live source."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2

from tracker_core.errors import SourceEnded, SourceError
from tracker_core.sources.live import DEFAULT_STALL_S, LiveSource
from tracker_core.types import Image

LINUX_CAMERAS = Path("/sys/class/video4linux")
LINUX_DEVICES = Path("/dev")
PROBED_CAMERAS = 6

# V4L2's VIDIOC_QUERYCAP: a device node may be a camera, its metadata, or a codec
_QUERY_CAPABILITIES = 0x80685600
_DEVICE_CAPABILITIES_OFFSET = 88
_VIDEO_CAPTURE = 0x1 | 0x1000  # single- and multi-planar


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that is used here."""

    def isOpened(self) -> bool: ...

    def read(self) -> tuple[bool, Any]: ...

    def get(self, prop: int, /) -> float: ...

    def set(self, prop: int, value: float, /) -> bool: ...

    def release(self) -> None: ...


CaptureFactory = Callable[[int], Capture]


@dataclass(frozen=True)
class Camera:
    """A camera that was found: the number to open it with, and the name that its maker gave it."""

    index: int
    name: str


class CameraSource(LiveSource):
    """Camera `index` as a live source; `size` is a wish that the driver may round.

    Raises `SourceError` if there is no such camera or it gives no image, `SourceEnded` from `read` when it
    stalls for `stall_timeout_s` or is unplugged. Frames are uint8 BGR.
    """

    def __init__(
        self,
        index: int = 0,
        *,
        size: tuple[int, int] | None = None,
        stall_timeout_s: float = DEFAULT_STALL_S,
        capture_factory: CaptureFactory | None = None,
    ) -> None:
        node = LINUX_DEVICES / f"video{index}" if capture_factory is None and sys.platform == "linux" else None
        feed = CameraFeed(index, (capture_factory or open_capture)(index), size, node)
        super().__init__(f"camera {index}", feed, stall_timeout_s=stall_timeout_s)


class CameraFeed:
    """Images of an open capture device."""

    def __init__(self, index: int, capture: Capture, size: tuple[int, int] | None, node: Path | None) -> None:
        if not capture.isOpened():
            capture.release()
            raise SourceError(describe_missing_camera(index))
        self._index = index
        self._capture = capture
        self._node = node
        if size is not None:
            # without compression, USB cameras fall to a few images per second at high resolution
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        fps = float(capture.get(cv2.CAP_PROP_FPS) or 0.0)
        self.fps = fps if 1.0 <= fps <= 1000.0 else 0.0

    def grab(self) -> Image | None:
        """Return the next image, None if the driver failed once; raises `SourceEnded` if the camera is gone."""
        got, image = self._capture.read()
        if got and image is not None:
            copy: Image = image.copy()  # some back-ends fill the same memory again
            return copy
        if not self._capture.isOpened() or (self._node is not None and not self._node.exists()):
            raise SourceEnded(f"Camera {self._index} was disconnected; plug it in and open it again.")
        return None

    def release(self) -> None:
        """Close the device."""
        self._capture.release()


def open_capture(index: int) -> Capture:
    """Return OpenCV's capture of camera `index` by the platform's own interface; it may not be opened."""
    backends = {"linux": cv2.CAP_V4L2, "win32": cv2.CAP_DSHOW, "darwin": cv2.CAP_AVFOUNDATION}
    return cv2.VideoCapture(index, backends.get(sys.platform, cv2.CAP_ANY))


def list_cameras(
    *, capture_factory: CaptureFactory | None = None, sysfs: Path = LINUX_CAMERAS, devices: Path = LINUX_DEVICES
) -> list[Camera]:
    """Return the cameras of this machine, by number.

    On Linux the kernel is asked, no device is started. Elsewhere the first few numbers are tried through
    OpenCV (or `capture_factory`), which takes a moment and knows no names.
    """
    if capture_factory is None and sys.platform == "linux":
        return _list_linux_cameras(sysfs, devices)
    cameras = []
    for index in range(PROBED_CAMERAS):
        capture = (capture_factory or open_capture)(index)
        if capture.isOpened():
            cameras.append(Camera(index, f"Camera {index}"))
        capture.release()
    return cameras


def describe_missing_camera(index: int) -> str:
    """Return one sentence that says which cameras there are instead."""
    found = list_cameras() if sys.platform == "linux" else []
    others = ", ".join(f"{camera.index} ({camera.name})" for camera in found if camera.index != index)
    hint = f"there is {others}" if others else "check that it is connected and not in use by another program"
    return f"Camera {index} cannot be opened; {hint}."


def _list_linux_cameras(sysfs: Path, devices: Path) -> list[Camera]:
    if not sysfs.is_dir():
        return []
    cameras = []
    for entry in sysfs.iterdir():
        digits = entry.name.removeprefix("video")
        if not digits.isdecimal() or not _can_capture(entry, devices / entry.name):
            continue
        try:
            name = (entry / "name").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            name = ""
        cameras.append(Camera(int(digits), name or f"Camera {digits}"))
    return sorted(cameras, key=lambda camera: camera.index)


def _can_capture(entry: Path, device: Path) -> bool:
    """Ask the driver whether a node gives images; where it may not be asked, take a device's first node."""
    try:
        import fcntl

        answer = bytearray(104)
        with device.open("rb", buffering=0) as node:
            fcntl.ioctl(node, _QUERY_CAPABILITIES, answer)
        capabilities = int.from_bytes(
            answer[_DEVICE_CAPABILITIES_OFFSET : _DEVICE_CAPABILITIES_OFFSET + 4], sys.byteorder
        )
        return bool(capabilities & _VIDEO_CAPTURE)
    except (ImportError, OSError):
        try:
            return (entry / "index").read_text().strip() == "0"
        except OSError:
            return True
