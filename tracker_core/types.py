"""The five types that carry everything: Frame, TrackResult, FrameResult, Sequence, Tracker.

All are frozen, and arrays inside them are never written again. A public box is float
`x, y, w, h` in image pixels, 0-based, top-left corner. Images are uint8 H×W×3 in BGR order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float64]


class TrackingState(Enum):
    """Whether the tracker believes it holds the target (decided with hysteresis on the score)."""

    TRACKING = "tracking"
    UNCERTAIN = "uncertain"
    LOST = "lost"


class ResultOrigin(Enum):
    """Which way a box was come by; a filled one follows from what is known on both sides of it."""

    TRACKED = "tracked"
    BACKWARDS = "backwards"
    FILLED = "filled"


@dataclass(frozen=True)
class Frame:
    """One image of a source: `index` counts from 0, `time_s` is its presentation time, `image` uint8 H×W×3 BGR."""

    index: int
    time_s: float
    image: Image


@dataclass(frozen=True)
class OnlineDebug:
    """What a tracker that learns while it tracks saw inside one update.

    Attributes:
        finding: what the classifier's scores say: "found", "not found", "uncertain" or "hard negative".
        started_xywh, refined_xywh: float32 (M, 4), boxes before and after they climbed the predicted overlap, in image
            pixels; the first one started from the last size.
        overlaps: float32 (M,), predicted IoU of the refined boxes, about 0..1.
        samples: small uint8 (T, T, 3) BGR images of what the memory holds, the heaviest first.
        sample_weights: float64, their shares of the memory.
    """

    finding: str
    started_xywh: NDArray[np.float32]
    refined_xywh: NDArray[np.float32]
    overlaps: NDArray[np.float32]
    samples: tuple[Image, ...] = ()
    sample_weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class TrackDebug:
    """What the tracker saw inside one update; computed only on request.

    The N candidates are ordered level by level, and within a level anchor by anchor, row by row,
    x fastest: entry `((k * h) + y) * w + x` of a level of shape `(k, h, w)`. Every box is
    `x, y, w, h` in image pixels.

    Attributes:
        levels: `(anchors per position, rows, columns)` of each feature map; one entry for an RPN.
        anchors_xywh: float32 (N, 4), default boxes before regression.
        proposals_xywh: float32 (N, 4), boxes after regression.
        scores_raw: float32 (N,), foreground probability.
        scores_penalised: float32 (N,), after the scale and ratio penalty.
        scores_windowed: float32 (N,), after the cosine window; its argmax is `best`.
        best: index of the winning candidate.
        search_window_xywh: float64 (4,), the region that was cut out, in image pixels.
        exemplar_crop: uint8 (E, E, 3) BGR, what the template was computed from.
        search_crop: uint8 (S, S, 3) BGR, what the network was shown.
        guide_xywh: float64 (4,) or None, the guide box of trackers that take one.
        online: what a tracker that learns while it tracks adds, else None.
        is_agreed: whether proposals and scores are what two networks agreed on; anchors and crops are the first one's.
    """

    levels: tuple[tuple[int, int, int], ...]
    anchors_xywh: NDArray[np.float32]
    proposals_xywh: NDArray[np.float32]
    scores_raw: NDArray[np.float32]
    scores_penalised: NDArray[np.float32]
    scores_windowed: NDArray[np.float32]
    best: int
    search_window_xywh: FloatArray
    exemplar_crop: Image
    search_crop: Image
    guide_xywh: FloatArray | None = None
    online: OnlineDebug | None = None
    is_agreed: bool = False


@dataclass(frozen=True)
class TrackResult:
    """One answer of a tracker: `box_xywh` float64 (4,) in image pixels, `score` in 0..1 (NaN: none), and the state."""

    box_xywh: FloatArray
    score: float
    state: TrackingState = TrackingState.TRACKING
    debug: TrackDebug | None = None
    origin: ResultOrigin = ResultOrigin.TRACKED


@dataclass(frozen=True)
class Timings:
    """Milliseconds spent in each stage of one frame; a stage that did not run is 0."""

    decode_ms: float = 0.0
    crop_ms: float = 0.0
    network_ms: float = 0.0
    select_ms: float = 0.0

    @property
    def update_ms(self) -> float:
        """The tracker's own share: crop, network and box selection."""
        return self.crop_ms + self.network_ms + self.select_ms


@dataclass(frozen=True)
class FrameResult:
    """A frame with what was found in it; `results` holds one entry per target, in the order they were added."""

    frame: Frame
    results: tuple[TrackResult, ...]
    timings: Timings = Timings()

    @property
    def result(self) -> TrackResult:
        """The first target's result."""
        return self.results[0]


@runtime_checkable
class FrameSource(Protocol):
    """Anything that frames can be read from: camera, file, URL, image folder, sequence.

    Errors are `SourceError`; a live source that vanishes raises `SourceEnded`.
    """

    name: str
    is_live: bool
    is_seekable: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the first image."""
        ...

    @property
    def fps(self) -> float:
        """Nominal images per second, 30.0 where the source does not say."""
        ...

    @property
    def frame_count(self) -> int | None:
        """Number of frames, an estimate until the end was seen; None for a live source."""
        ...

    @property
    def frame_names(self) -> tuple[str, ...] | None:
        """File name of every frame in order; None where frames are not files (video, camera, stream)."""
        ...

    def last_index(self) -> int | None:
        """Return the index of the last frame that can be read, reading on to find it; None for a live source."""
        ...

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end."""
        ...

    def seek(self, index: int) -> None:
        """Make the next `read` return frame `index`, exactly; raises `SourceError` where that is impossible."""
        ...

    def close(self) -> None:
        """Release the device or file; calling it twice is harmless."""
        ...


@dataclass(frozen=True)
class Sequence:
    """A clip with ground truth: `boxes_xywh` float64 (N, 4), NaN rows where the target is absent or unlabelled.

    `frames` is the ordered list of image paths (or one video path). `polygons` holds 8 numbers a row
    (x1, y1, …, x4, y4) where the data set gives rotated boxes. `attributes` are the data set's tags.
    """

    name: str
    frames: tuple[str, ...]
    boxes_xywh: FloatArray
    polygons: FloatArray | None = None
    attributes: tuple[str, ...] = ()
    frame_attributes: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    first_index: int = 0
    fps: float = 30.0

    def __len__(self) -> int:
        return len(self.frames)


class Tracker(Protocol):
    """What every tracker is: two methods (and a name for reports)."""

    name: str

    def init(self, image: Image, box_xywh: FloatArray) -> None:
        """Start on the target in `box_xywh` (x, y, w, h, image pixels) of a uint8 BGR image."""
        ...

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        """Find the target in the next uint8 BGR image; `debug` asks for a `TrackDebug` as well."""
        ...


def iterate_frames(source: FrameSource) -> Iterator[Frame]:
    """Yield the frames of `source` from where it stands to its end."""
    while (frame := source.read()) is not None:
        yield frame
