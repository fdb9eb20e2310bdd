"""Where a run comes from: what produced it, and what it was tracked in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import PureWindowsPath
from typing import Any

from tracker_core.errors import InputError

TRAINED_NAMES = ("best", "last")  # what a training run calls its checkpoints


class SourceKind(Enum):
    """What kind of source a run was tracked in."""

    VIDEO = "video"
    IMAGES = "images"
    SEQUENCE = "sequence"
    STREAM = "stream"
    CAMERA = "camera"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Producer:
    """What computed results: enough to build the same tracker again, on this machine or another.

    Attributes:
        tracker: name of the tracker.
        config: its whole configuration, as nested plain values.
        weights: name of the weights file without its ending.
        weights_path: where the weights file was, absolute.
        weights_sha256: of that file, 64 hexadecimal digits; "" where the network came from memory.
        device: for example "cpu" or "cuda:0".
        runtime: "onnx", "eager", …, with a precision that is not exact ("onnx-int8", "cuda-fp16").
        program: version of this program.
    """

    tracker: str
    config: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    weights_path: str = ""
    weights_sha256: str = ""
    device: str = ""
    runtime: str = ""
    program: str = ""

    @property
    def precision(self) -> str:
        """With how many bits its networks computed: "fp32", or what its runtime is named after, as "onnx-int8" is."""
        return next((kind for kind in ("fp16", "int8") if self.runtime.endswith(f"-{kind}")), "fp32")

    @property
    def title(self) -> str:
        """The tracker's name, with what is not as it comes: "siamscope-base (int8)", "siamscope-light (run1/best)"."""
        notes = [*self._other_weights, *([] if self.precision == "fp32" else [self.precision])]
        return f"{self.tracker} ({', '.join(notes)})" if notes else self.tracker

    @property
    def _other_weights(self) -> list[str]:
        """The weights' name where it is not the tracker's; of those that every training run writes with its folder."""
        if self.weights in ("", self.tracker):
            return []
        folder = PureWindowsPath(self.weights_path).parent.name  # it splits at either slash
        return [f"{folder}/{self.weights}" if self.weights in TRAINED_NAMES and folder else self.weights]

    @property
    def answers_as(self) -> str:
        """What tells its answers from another's: device, runtime and version do not change them, a precision does."""
        other = [] if self.precision == "fp32" else [self.precision]
        return json.dumps([self.tracker, self.weights_sha256, self.config, *other], sort_keys=True, default=str)


@dataclass(frozen=True)
class SourceIdentity:
    """What was tracked, so that it can be found again and told from another of the same name.

    Attributes:
        name: for people.
        location: absolute path, camera, or address without credentials; "" if unknown.
        kind: what `open_source` made of it.
        size: width and height of the first image, None if unknown.
        fps: nominal frames per second.
        frame_count: number of frames where it is known exactly, else None.
        fingerprint: of the content (see `fingerprints`), "" where there is none (live sources, addresses).
    """

    name: str
    location: str = ""
    kind: SourceKind = SourceKind.UNKNOWN
    size: tuple[int, int] | None = None
    fps: float = 30.0
    frame_count: int | None = None
    fingerprint: str = ""

    @property
    def is_live(self) -> bool:
        """Whether its frames are gone once they were seen."""
        return self.kind in (SourceKind.CAMERA, SourceKind.STREAM)

    def check_size(self, other: SourceIdentity) -> None:
        """Raise `InputError`, one sentence, if the images of `other` have another size."""
        if self.size and other.size and self.size != other.size:
            (width, height), (other_width, other_height) = self.size, other.size
            raise InputError(
                f"The run was tracked in images of {width}x{height} pixels, but those of '{other.location}' are "
                f"{other_width}x{other_height}; name the right one with --source."
            )

    def has_content_of(self, other: SourceIdentity) -> bool:
        """Whether both have the same content, as far as it is known of both."""
        return not self.fingerprint or not other.fingerprint or self.fingerprint == other.fingerprint

    def is_same(self, other: SourceIdentity) -> bool:
        """Whether both are at one place, known of both, and have the same content."""
        return bool(self.location) and self.location == other.location and self.has_content_of(other)

    def check_content(self, other: SourceIdentity) -> None:
        """Raise `InputError`, one sentence, if the content of `other` is known to differ."""
        if not self.has_content_of(other):
            raise InputError(
                f"The content of '{other.location}' differs from what was tracked in this run: it was replaced or "
                "changed since. Name the right one with --source."
            )


def program_version() -> str:
    """Return the version of this program, "" where it was never installed."""
    try:
        return version("siamscope")
    except PackageNotFoundError:
        return ""
