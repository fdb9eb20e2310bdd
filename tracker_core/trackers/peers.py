"""Trackers of others beside ours, from files that the user has: OpenCV's own, and published networks as ONNX files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tracker_core.config import AnchorConfig, NetworkConfig, TrackerConfig, TrackingConfig
from tracker_core.errors import CheckpointError, InputError, TrackerStateError, nearest_name
from tracker_core.trackers.siamese import SiameseTracker
from tracker_core.types import FloatArray, Image, Tracker, TrackingState, TrackResult


@dataclass(frozen=True)
class PeerConfig:
    """What a tracker of OpenCV is made of: the SHA-256 of its files, by their part."""

    kind: str
    files: dict[str, str]


class OpenCvTracker:
    """A tracker of OpenCV; `make` returns a fresh one, because not all of them can be started twice."""

    def __init__(self, config: PeerConfig, make: Callable[[], Any]) -> None:
        self.name, self.config = config.kind, config
        self._make = make
        self._tracker: Any = None
        self._box_xywh: FloatArray = np.zeros(4)

    def init(self, image: Image, box_xywh: Any) -> None:
        """Start on a box (x, y, w, h), which OpenCV takes in whole pixels."""
        x, y, w, h = (round(float(value)) for value in box_xywh)
        self._tracker = self._make()
        self._tracker.init(image, (x, y, max(1, w), max(1, h)))
        self._box_xywh = np.array(box_xywh, np.float64)

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        """Find the target in the next image; where OpenCV says that it is lost, the box stays and the score is 0.

        Raises `TrackerStateError` before `init`.
        """
        if self._tracker is None:
            raise TrackerStateError("The tracker was updated before it was started; call init(image, box) first.")
        is_found, box = self._tracker.update(image)
        if not is_found:
            return TrackResult(self._box_xywh, 0.0, TrackingState.LOST)
        self._box_xywh = np.array(box, np.float64)
        self._box_xywh.flags.writeable = False
        score = float(self._tracker.getTrackingScore()) if self.config.files else float("nan")  # MIL has none
        return TrackResult(self._box_xywh, float(np.clip(score, 0, 1)))


@dataclass(frozen=True)
class PeerKind:
    """A tracker of others: its files in the order in which they are given, and what makes it of files by their part."""

    files: tuple[str, ...]
    build: Callable[[str, dict[str, str]], Tracker]


def _opencv(class_name: str, *files: str) -> PeerKind:
    def build(kind: str, paths: dict[str, str]) -> Tracker:
        def make() -> Any:
            parameters = getattr(cv2, f"{class_name}_Params")()
            for part, path in paths.items():
                setattr(parameters, part, path)
            return getattr(cv2, f"{class_name}_create")(parameters)

        make()  # what is wrong with the files is said now
        return OpenCvTracker(PeerConfig(kind, _hash_all(paths)), make)

    return PeerKind(files, build)


def _anchor_free(files: tuple[str, str], tracking: TrackingConfig, **how: Any) -> PeerKind:
    """Return a network that says four distances at each cell of stride 16, in SiamRPN's loop with its own values."""

    def build(kind: str, paths: dict[str, str]) -> Tracker:
        from tracker_core.runtime.anchor_free import AnchorFreeRunner  # it loads ONNX Runtime

        anchors = AnchorConfig("rpn", stride=16, ratios=[1.0], scales=[4.0])
        network = NetworkConfig("onnx", "", 1.0, 1, _hash_all(paths))
        runner: Any = AnchorFreeRunner(*paths.values(), anchor=16 * 4.0, **how)
        runner.try_out(tracking.exemplar_size, tracking.search_size)
        return SiameseTracker(TrackerConfig(kind, network, anchors, tracking), runner)

    return PeerKind(files, build)


def _nanotrack(window: float, penalty: float, rate: float) -> PeerKind:
    tracking = TrackingConfig(
        window_influence=window, penalty_k=penalty, size_lr=rate, convention="pysot", minimum_size=10.0
    )
    return _anchor_free(("backbone", "head"), tracking, is_rgb=False, shares_backbone=True)


# FEAR's crops have the target's shape; its grid counts cells as DaSiamRPN's does, and its boxes are areas
FEAR = TrackingConfig(
    exemplar_size=128, search_size=256, context=0.2, crop_shape="target", search_context=2.0, window_influence=0.38,
    penalty_k=0.062, size_lr=0.765, convention="dasiamrpn",
)  # fmt: skip
PEERS: dict[str, PeerKind] = {
    "nano": _opencv("TrackerNano", "backbone", "neckhead"),
    "vit": _opencv("TrackerVit", "net"),
    "dasiamrpn": _opencv("TrackerDaSiamRPN", "model", "kernel_cls1", "kernel_r1"),
    "mil": _opencv("TrackerMIL"),
    "nanotrack-v2": _nanotrack(0.490, 0.150, 0.385),  # the values of the release, here and below
    "nanotrack-v3": _nanotrack(0.455, 0.138, 0.348),
    "fear-xs": _anchor_free(("template", "search"), FEAR, is_rgb=True, shares_backbone=False),
}
USAGE = ", ".join(
    "=".join(filter(None, (name, ",".join(part.upper() for part in kind.files)))) for name, kind in PEERS.items()
)


def build_peer(text: str) -> Tracker:
    """Return the tracker that `KIND=FILE,FILE` describes, named after its kind.

    Raises `InputError` where that cannot be: another kind, another count of files, files that are missing or do not
    make such a tracker.
    """
    name, _, given = text.partition("=")
    if name not in PEERS:
        raise InputError(f"There is no peer '{name}'.{nearest_name(name, PEERS)} There are: {USAGE}.")
    kind, paths = PEERS[name], [path for path in given.split(",") if path]
    if len(paths) != len(kind.files):
        raise InputError(
            f"The peer '{name}' needs {len(kind.files)} files ({', '.join(kind.files) or 'none'}), "
            f"not {len(paths)}; give --peers {name}={','.join(part.upper() for part in kind.files)}."
        )
    for path in paths:
        if not Path(path).is_file():
            raise InputError(f"The file '{path}' of the peer '{name}' does not exist.")
    try:
        return kind.build(name, dict(zip(kind.files, paths, strict=True)))
    except CheckpointError as error:
        raise InputError(f"The peer '{name}' cannot be made: {error}") from error
    except (cv2.error, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"OpenCV cannot make its tracker '{name}' of these files ({reason}).") from error


def _hash_all(paths: dict[str, str]) -> dict[str, str]:
    from tracker_core.checkpoints.weights import hash_file  # it loads torch

    return {part: hash_file(path) for part, path in paths.items()}
