"""What trackers on a network have in common: the network behind its runner, and their configuration."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tracker_core.config import TrackerConfig, TrackingConfig, check_tracking
from tracker_core.errors import InputError
from tracker_core.types import Image, Timings, TrackResult

if TYPE_CHECKING:  # both load torch
    from tracker_core.models.network import Network
    from tracker_core.runtime.base import Runner

TrackerT = TypeVar("TrackerT", bound="NetworkTracker")


class NetworkTracker(ABC):
    """Follows one target with a network.

    `init` before `update`; `fork` makes a second tracker for another target that shares the network. `timings`
    holds the milliseconds of the last call.
    """

    def __init__(self, config: TrackerConfig, runner: Runner) -> None:
        self.name = config.name
        self.config = config
        self.runner = runner
        self.timings = Timings()
        self.weights_path: Path | None = None  # of the checkpoint, None where the network came from memory

    @property
    def device(self) -> str:
        """Where the network runs, for example "cpu" or "cuda:0"."""
        return self.runner.device

    @property
    def network(self) -> Network:
        """The network, in evaluation mode and on its device."""
        return self.runner.network

    @property
    def runners(self) -> list[Runner]:
        """What runs its network, and a second one where it has one."""
        return [self.runner]

    @property
    def runtime(self) -> str:
        """What runs its networks, for example "onnx"; of two that differ "onnx and onnx-int8"."""
        return " and ".join(dict.fromkeys(runner.name for runner in self.runners))

    @property
    def precision(self) -> str:
        """With how many bits its networks compute: "fp32", or what one of them has instead."""
        return next((runner.precision for runner in self.runners if runner.precision != "fp32"), "fp32")

    @property
    def tracking(self) -> TrackingConfig:
        """The parameters of the loop."""
        return self.config.tracking

    def set_tracking(self, tracking: TrackingConfig) -> None:
        """Take other parameters from the next frame on; raises `ConfigError` for a value out of range."""
        check_tracking(tracking)
        self.config = dataclasses.replace(self.config, tracking=tracking)

    def fork(self: TrackerT) -> TrackerT:
        """Return an uninitialised tracker with the same configuration that shares this one's network."""
        other = type(self)(self.config, *self.runners)
        other.weights_path = self.weights_path
        return other

    @abstractmethod
    def init(self, image: Image, box_xywh: Any) -> None:
        """Start on the target in `box_xywh` (x, y, w, h, image pixels) of a uint8 H×W×3 BGR image.

        Raises `InputError` for a box that no tracker can start on and for an image of another kind.
        """

    @abstractmethod
    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        """Find the target in the next uint8 H×W×3 BGR image; `debug` asks for what was seen as well.

        Raises `TrackerStateError` before `init`, `InputError` for an image of another kind.
        """

    @classmethod
    def update_all(cls, trackers: Sequence[Any], image: Image, *, debug: bool = False) -> list[TrackResult]:
        """Update the trackers of several targets, made by `fork`, with the next image."""
        return [tracker.update(image, debug=debug) for tracker in trackers]

    @abstractmethod
    def resume(self, box_xywh: Any, scores: Iterable[float] = ()) -> None:
        """Stand where an earlier run stood, so that the next `update` gives what it would have given there.

        `box_xywh` (x, y, w, h, image pixels) is the last result of that run, `scores` are those of its frames since
        `init`, from which the state follows. Raises `TrackerStateError` before `init`.
        """


def check_image(image: Image) -> None:
    """Raise `InputError` unless `image` is uint8 H×W×3."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 1:
        raise InputError(
            f"A tracker takes uint8 images of height × width × 3 in BGR order, not {image.dtype} {image.shape}."
        )
