"""Stand-ins for the window's tests: a tracker that really follows, and sources made of drawn images."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from app.session.frame_view import PLACE_OF_STATE, Curve
from tracker_core.config import TrackingConfig, check_tracking
from tracker_core.errors import SourceEnded, SourceError
from tracker_core.types import Frame, OnlineDebug, Sequence, Timings, TrackDebug, TrackingState, TrackResult

WIDTH, HEIGHT = 320, 240
STEP = 4


def true_box(index: int) -> np.ndarray:
    """The box of the drawn square in frame `index`: it wanders on a Lissajous curve."""
    x = 140 + 100 * np.sin(index / 20)
    y = 100 + 70 * np.sin(index / 13)
    return np.array([round(x), round(y), 40.0, 30.0])


def draw_frame(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A textured square on a textured ground, uint8 BGR, the same for the same index."""
    ground = np.random.default_rng(7).integers(60, 120, (height // 8, width // 8, 3), np.uint8)
    image = cv2.resize(ground, (width, height), interpolation=cv2.INTER_CUBIC)
    x, y, w, h = true_box(index).astype(int)
    patch = np.random.default_rng(3).integers(0, 255, (6, 8, 3), np.uint8)
    image[y : y + h, x : x + w] = cv2.resize(patch, (w, h), interpolation=cv2.INTER_NEAREST)
    return image


class DrawnSource:
    """A seekable source of `count` drawn frames with ground truth.

    `fails_at` raises at that frame, `missing` frames cannot be decoded and are stepped over, `delay_s` makes it slow,
    `paths` are the files whose content tells it from others.
    """

    is_live = False
    is_seekable = True
    frame_names: tuple[str, ...] | None = None
    fps = 30.0

    def __init__(
        self,
        count: int = 60,
        *,
        name: str = "drawn",
        fails_at: int | None = None,
        missing: Collection[int] = (),
        delay_s: float = 0.0,
        fps: float = 30.0,
        paths: Collection[str] = (),
    ) -> None:
        self.name, self.fps, self.paths = name, fps, tuple(paths)
        self.size = (WIDTH, HEIGHT)
        self.frame_count: int | None = count
        self.fails_at, self.missing, self.delay_s = fails_at, missing, delay_s
        self.corrects_count = False
        self.is_closed = False
        self.warnings: list[str] = []
        self._count = count
        self._next = 0
        boxes = np.array([true_box(i) for i in range(count)])
        self.sequence: Sequence | None = Sequence(name, (f"{name}.mp4",), boxes)

    def read(self) -> Frame | None:
        """The next drawn frame."""
        if self.is_closed:
            raise SourceError(f"'{self.name}' is closed.")
        if self.delay_s:
            time.sleep(self.delay_s)
        while self._next in self.missing:
            self._next += 1
        if self._next >= self._count:
            if self.corrects_count:
                self.frame_count = self._count
            return None
        if self._next == self.fails_at:
            raise SourceError(f"'{self.name}' cannot be read at frame {self._next}.")
        self._next += 1
        return drawn(self._next - 1, self.fps)

    def last_index(self) -> int:
        """The last frame that is not missing."""
        return max(index for index in range(self._count) if index not in self.missing)

    def seek(self, index: int) -> None:
        """Go to a frame."""
        if index < 0 or (index > self._count and not self.corrects_count):
            raise SourceError(f"'{self.name}' has no frame {index}.")
        self._next = index

    def close(self) -> None:
        """Refuse further reads."""
        self.is_closed = True


class LiveDrawing:
    """A live source whose images come when the test says so: `capture` adds some, `read` gives the newest."""

    is_live = True
    is_seekable = False
    frame_count = None
    frame_names = None
    fps = 30.0

    def __init__(self, name: str = "live") -> None:
        self.name = name
        self.size = (WIDTH, HEIGHT)
        self.warnings: list[str] = []
        self.dropped = 0
        self._changed = threading.Condition()
        self._frames = [drawn(0)]
        self._delivered = -1
        self._end: str | None = None
        self._is_closed = False

    def capture(self, count: int) -> None:
        """Let `count` more images arrive."""
        with self._changed:
            for _ in range(count):
                self._frames.append(drawn(self._frames[-1].index + 1))
            del self._frames[:-30]
            self._changed.notify_all()

    def unplug(self) -> None:
        """Let the device vanish."""
        with self._changed:
            self._end = f"'{self.name}' is gone."
            self._changed.notify_all()

    def read(self) -> Frame | None:
        """Wait for an image that was not given yet and return the newest."""
        with self._changed:
            while not self._is_closed:
                if self._frames[-1].index > self._delivered:
                    self._delivered = self._frames[-1].index
                    return self._frames[-1]
                if self._end is not None:
                    raise SourceEnded(self._end)
                self._changed.wait(0.5)
        return None

    def frames_since(self, index: int) -> list[Frame]:
        """The images after `index` that are still held."""
        with self._changed:
            frames = [frame for frame in self._frames if frame.index > index]
            self._delivered = max([self._delivered, *(frame.index for frame in frames)])
            return frames

    def seek(self, index: int) -> None:
        """Impossible."""
        raise SourceError(f"'{self.name}' is live.")

    def close(self) -> None:
        """Wake up whoever waits."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class LiveFeed:
    """Drawn images at a steady rate behind the real live source; ends for good after `ends_after` of them."""

    fps = 30.0

    def __init__(self, period_s: float = 0.01, ends_after: int | None = None) -> None:
        self._period_s, self._ends_after, self._next = period_s, ends_after, 0

    def grab(self) -> np.ndarray:
        """The next image."""
        time.sleep(self._period_s)
        if self._next == self._ends_after:
            raise SourceEnded("The camera was unplugged.")
        self._next += 1
        return drawn(self._next % 200).image

    def release(self) -> None:
        """Nothing to release."""


@lru_cache(maxsize=256)
def drawn(index: int, fps: float = 30.0) -> Frame:
    """The drawn frame `index`, read-only."""
    image = draw_frame(index)
    image.flags.writeable = False
    return Frame(index, index / fps, image)


@dataclass
class _Runner:
    name: str = "fake"
    device: str = "cpu"


@dataclass(frozen=True)
class _Config:
    """What the tracker says of itself as the producer of its results."""

    tracking: TrackingConfig


class MatchingTracker:
    """Finds its template by normalised cross-correlation in a search window: honest, quick and without weights."""

    name = "matching"

    def __init__(self, tracking: TrackingConfig | None = None, *, fails_every: int = 0) -> None:
        self.fails_every = fails_every
        self._tracking = tracking or TrackingConfig()
        self.timings = Timings()
        self.runner = _Runner()
        self.runners = [self.runner]
        self.updates = 0
        self.delay_s = 0.0
        self._template: np.ndarray | None = None
        self._box = np.zeros(4)
        self._weak = 0

    @property
    def device(self) -> str:
        """Always the CPU."""
        return "cpu"

    @property
    def tracking(self) -> TrackingConfig:
        """The parameters."""
        return self._tracking

    @property
    def config(self) -> _Config:
        """The whole configuration."""
        return _Config(self._tracking)

    def set_tracking(self, tracking: TrackingConfig) -> None:
        """Take other parameters."""
        self._tracking = check_tracking(tracking)

    def fork(self) -> MatchingTracker:
        """A fresh one with the same parameters."""
        fresh = MatchingTracker(self._tracking, fails_every=self.fails_every)
        fresh.delay_s = self.delay_s
        return fresh

    def init(self, image: np.ndarray, box_xywh: np.ndarray) -> None:
        """Cut out the template."""
        self._box = np.array(box_xywh, np.float64)
        x, y, w, h = (round(float(v)) for v in self._box)
        x, y = max(0, x), max(0, y)
        self._template = np.ascontiguousarray(image[y : y + max(2, h), x : x + max(2, w)])
        self._weak = 0

    def resume(self, box_xywh: np.ndarray, scores: list[float]) -> None:
        """Stand at another box."""
        self._box = np.array(box_xywh, np.float64)
        self._weak = 0
        for score in scores:
            self._weak = self._weak + 1 if score < self._tracking.score_low else 0

    def update(self, image: np.ndarray, *, debug: bool = False) -> TrackResult:
        """Find the template near the last box."""
        assert self._template is not None
        if self.delay_s:
            time.sleep(self.delay_s)
        started = time.perf_counter()
        self.updates += 1
        if self.fails_every and self.updates % self.fails_every == 0:
            raise RuntimeError("CUDA out of memory (for the test)" if self.updates % 2 else "a bug (for the test)")
        th, tw = self._template.shape[:2]
        cx, cy = self._box[0] + self._box[2] / 2, self._box[1] + self._box[3] / 2
        side = 2.5 * max(tw, th)
        left, top = int(max(0, cx - side / 2)), int(max(0, cy - side / 2))
        crop = np.ascontiguousarray(image[top : int(cy + side / 2), left : int(cx + side / 2)])
        if crop.shape[0] < th or crop.shape[1] < tw:
            left, top, crop = 0, 0, np.ascontiguousarray(image)
        scores = cv2.matchTemplate(crop, self._template, cv2.TM_CCOEFF_NORMED)
        scores = np.nan_to_num(np.clip(scores, 0.0, 1.0), nan=0.0)
        best = int(np.argmax(scores))
        row, column = divmod(best, scores.shape[1])
        score = float(scores[row, column])
        self._box = np.array([left + column, top + row, self._box[2], self._box[3]], np.float64)
        self._weak = self._weak + 1 if score < self._tracking.score_low else 0
        lost = self._weak >= self._tracking.patience
        state = TrackingState.LOST if lost else TrackingState.UNCERTAIN if self._weak else TrackingState.TRACKING
        self.timings = Timings(network_ms=(time.perf_counter() - started) * 1e3)
        details = self._describe(scores, best, left, top, crop) if debug else None
        return TrackResult(self._box.copy(), score, state, details)

    def _describe(self, scores: np.ndarray, best: int, left: int, top: int, crop: np.ndarray) -> TrackDebug:
        assert self._template is not None
        rows, columns = scores.shape
        ys, xs = np.mgrid[0:rows, 0:columns]
        boxes = np.stack(
            [
                xs.ravel() + left,
                ys.ravel() + top,
                np.full(rows * columns, self._box[2]),
                np.full(rows * columns, self._box[3]),
            ],
            axis=1,
        ).astype(np.float32)
        flat = scores.ravel().astype(np.float32)
        window = np.array([left, top, crop.shape[1], crop.shape[0]], np.float64)
        near = boxes[best : best + 1].repeat(3, 0)
        overlaps = np.array([0.9, 0.6, 0.7], np.float32)
        online = OnlineDebug("found", near + 4, near, overlaps, (self._template, self._template), (0.3, 0.1))
        return TrackDebug(
            ((1, rows, columns),), boxes, boxes.copy(), flat, flat * np.float32(0.95), flat * np.float32(0.9),
            best, window, self._template, crop, self._box + 2.0, online,
        )  # fmt: skip


def curve_of(frames=None, states=None, **columns) -> Curve:
    """Return a curve of some of its columns; the frames are 0, 1, … unless given, what is not given is not known."""
    count = len(next(column for column in (frames, states, *columns.values()) if column is not None))
    codes = np.array([PLACE_OF_STATE[state] for state in states or ["tracking"] * count], np.uint8)
    found = {name: np.asarray(column, np.float64) for name, column in columns.items()}
    names = ("scores", "ious", "center_errors", "speeds")
    numbers = {name: found.get(name, np.full(count, np.nan)) for name in names}
    boxes = found.get("boxes_xywh", np.full((count, 4), np.nan))
    return Curve(np.arange(count) if frames is None else np.asarray(frames), **numbers, states=codes, boxes_xywh=boxes)
