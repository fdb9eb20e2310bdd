"""OpenCV's trackers beside ours: on the same frames, in turn, in one run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from tracker_core.errors import InputError, nearest_name
from tracker_core.types import FloatArray, Image


def _create(name: str, **files: str) -> Any:
    parameters = getattr(cv2, f"{name}_Params")()
    for field, path in files.items():
        setattr(parameters, field, path)
    return getattr(cv2, f"{name}_create")(parameters)


@dataclass(frozen=True)
class PeerKind:
    """A tracker of OpenCV: the files that it needs, in the order in which they are given."""

    files: tuple[str, ...]
    build: Callable[..., Any]


PEERS: dict[str, PeerKind] = {
    "nano": PeerKind(("backbone", "neckhead"), lambda **files: _create("TrackerNano", **files)),
    "vit": PeerKind(("net",), lambda **files: _create("TrackerVit", **files)),
    "dasiamrpn": PeerKind(("model", "kernel_cls1", "kernel_r1"), lambda **files: _create("TrackerDaSiamRPN", **files)),
    "mil": PeerKind((), lambda: _create("TrackerMIL")),
}
USAGE = ", ".join(
    "=".join(filter(None, (name, ",".join(f.upper() for f in kind.files)))) for name, kind in PEERS.items()
)


class Peer:
    """One of OpenCV's trackers, made from `NAME=FILE,FILE`; raises `InputError` where that cannot be."""

    def __init__(self, text: str) -> None:
        self.name, _, files = text.partition("=")
        if self.name not in PEERS:
            raise InputError(
                f"There is no peer '{self.name}'.{nearest_name(self.name, PEERS)} Give one of OpenCV's: {USAGE}."
            )
        kind, paths = PEERS[self.name], [path for path in files.split(",") if path]
        if len(paths) != len(kind.files):
            raise InputError(
                f"The peer '{self.name}' needs {len(kind.files)} files ({', '.join(kind.files) or 'none'}), "
                f"not {len(paths)}; give --peers {self.name}={','.join(f.upper() for f in kind.files)}."
            )
        for path in paths:
            if not Path(path).is_file():
                raise InputError(f"The file '{path}' of the peer '{self.name}' does not exist.")
        try:
            self._tracker = kind.build(**dict(zip(kind.files, paths, strict=True)))
        except (cv2.error, AttributeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"OpenCV cannot make its tracker '{self.name}' of these files ({reason}).") from error

    def init(self, image: Image, box_xywh: FloatArray) -> None:
        """Start on a box (x, y, w, h), which OpenCV takes in whole pixels."""
        x, y, w, h = (round(float(value)) for value in box_xywh)
        self._tracker.init(image, (x, y, max(1, w), max(1, h)))

    def update(self, image: Image) -> None:
        """Find the target in the next image."""
        self._tracker.update(image)
