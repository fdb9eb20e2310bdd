"""The tracked video of a run: frames are drawn on and encoded beside the tracking, each in a thread of its own.

How fast each of the stages is, and all of them side by side, is counted here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from types import TracebackType

import numpy as np

from tracker_core.pipeline import Stage
from tracker_core.rendering.writers import VideoWriter
from tracker_core.types import Frame, Image, Timings, TrackResult

Draw = Callable[[Frame, list[TrackResult]], Image]


class VideoPipeline:
    """Takes the frames of a run in order; `draw` makes an image of each, `writer` takes it. Use it in a `with` block.

    Whatever ends the block, the frames that were added are in the video. Raises what `draw` and `writer` raise, with
    one of the next frames or at the end.
    """

    def __init__(self, writer: VideoWriter, draw: Draw) -> None:
        self._draw = draw
        self._encoding: Stage[tuple[Image, float]] = Stage("encode", lambda drawn: writer.write(*drawn))
        self._drawing: Stage[tuple[Frame, list[TrackResult]]] = Stage("draw", self._draw_one, self._encoding)

    def __enter__(self) -> VideoPipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._encoding:  # it is closed last, when everything is drawn
            self._drawing.__exit__(kind, error, trace)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds that each stage needs for a frame."""
        return {stage.name: stage.busy_s / max(1, stage.count) for stage in (self._drawing, self._encoding)}

    def add(self, frame: Frame, results: Iterable[TrackResult]) -> None:
        """Hand over a frame and its targets, waiting while earlier ones are not done."""
        self._drawing.put((frame, list(results)))

    def _draw_one(self, item: tuple[Frame, list[TrackResult]]) -> tuple[Image, float]:
        return self._draw(*item), item[0].time_s


class Pace:
    """How many frames a second each stage of a run makes, and all of them side by side.

    The time of the first frame, on which trackers start, does not count. `update_ms` are the times of one target's
    updates. `stages` and `frames_per_second` are there after `finish`, where anything was tracked.
    """

    def __init__(self) -> None:
        self.update_ms: list[float] = []
        self.stages: dict[str, float] = {}
        self.frames_per_second: float | None = None
        self._decode_ms: list[float] = []
        self._targets = 1
        self._passed = -1
        self._began = 0.0

    def pass_frame(self) -> None:
        """Count a frame, also one whose results were known."""
        self._passed += 1
        if self._passed == 0:
            self._began = time.perf_counter()

    def add(self, timings: Timings, targets: int) -> None:
        """Take over how long decoding and tracking of a frame took."""
        self._targets = targets
        self.update_ms.append(timings.update_ms / targets)
        self._decode_ms.append(timings.decode_ms)

    def finish(self, video: VideoPipeline | None) -> None:
        """Work the rates out, once every stage is done."""
        whole_s = time.perf_counter() - self._began
        if not self.update_ms:
            return
        seconds = {
            "decode": float(np.mean(self._decode_ms)) / 1e3,
            "track": float(np.mean(self.update_ms)) * self._targets / 1e3,
            **({} if video is None else video.seconds),
        }
        self.stages = {name: 1 / max(value, 1e-9) for name, value in seconds.items()}
        self.frames_per_second = self._passed / max(whole_s, 1e-9)
