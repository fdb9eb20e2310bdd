"""The tracked video of a run: frames are drawn on and encoded beside the tracking, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType

from tracker_core.pipeline import Stage
from tracker_core.rendering.writers import VideoWriter
from tracker_core.types import Frame, Image, TrackResult

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
