"""The frames of an export, one after another: read, explained where that is asked for, drawn."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial

from tracker_core.cli.console import Reporter
from tracker_core.cli.frame_range import FrameRange
from tracker_core.cli.run_source import choose_targets
from tracker_core.errors import InputError
from tracker_core.rendering.run_renderer import RunLook, RunRenderer
from tracker_core.results.run import Run, image_names
from tracker_core.types import Frame, FrameSource, Image


@dataclass
class ExportedFrames:
    """Frames of `source` with what `run` found in them, drawn as `look` says.

    Those in `chosen` (frame indices, increasing), or, where that is None, every frame of `span`, tracked or not.
    `explained` are the targets whose trackers are run again, on `device` and by `runtime`, for what they saw.
    """

    source: FrameSource
    run: Run
    look: RunLook
    chosen: list[int] | None
    span: FrameRange
    explained: tuple[int, ...] = ()
    device: str = "auto"
    runtime: str = "auto"
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._explainer = None
        self._warm_up: list[int] = []
        if self.look.draw.needs_debug:
            from tracker_core.trackers.explaining import RunExplainer  # it loads PyTorch
            from tracker_core.trackers.producers import rebuild_tracker

            build = partial(rebuild_tracker, device=self.device, runtime=self.runtime)
            self._explainer = RunExplainer(self.run, self.explained, build=build)
            self._warm_up = self._explainer.prepare(self.first, self.last)

    @property
    def first(self) -> int:
        """The first frame."""
        return self.span.first if self.chosen is None else self.chosen[0]

    @cached_property
    def last(self) -> int:
        """The last frame."""
        if self.chosen is not None:
            return self.chosen[-1]
        end = self.source.last_index() or 0
        return end if self.span.last is None else min(end, self.span.last - 1)

    @property
    def total(self) -> int:
        """How many frames have to be gone through, those that are only tracked again included."""
        count = self.last - self.first + 1 if self.chosen is None else len(self.chosen)
        return count + len(self._warm_up)

    def image_name(self, index: int) -> str:
        """Return the PNG file name of a frame, by its own file where it has one."""
        return self._names[index] if index < len(self._names) else self.run.image_name(index)

    @cached_property
    def _names(self) -> list[str]:
        """By frame of the source, where the run does not know all names that are needed; else none."""
        return image_names(self.source.frame_names or ()) if self.chosen is None else []

    def drawn(self, progress: Reporter) -> Iterator[tuple[Frame, Image]]:
        """Yield each frame and its image, uint8 H×W×3 BGR; complete `notes` at the end."""
        explain = None if self._explainer is None else self._explainer.explain
        renderer = RunRenderer(self.run, self.look, getattr(self.source, "sequences", ()), explain)
        shown: list[int] = []
        for frame in self._frames():
            if frame.index < self.first and self._explainer is not None:
                self._explainer.explain(frame)
            else:
                shown.append(frame.index)
                yield frame, renderer.render(frame)
            progress.advance()
        self.notes += renderer.notes(shown)
        self.notes += [] if self._explainer is None else self._explainer.check()

    def _frames(self) -> Iterator[Frame]:
        wanted = range(self.first, self.last + 1) if self.chosen is None else self.chosen
        place = -1
        for index in (*self._warm_up, *wanted):
            if index < place:
                continue  # a damaged frame, which the source left out
            if place != index:
                self.source.seek(index)
            frame = self.source.read()
            if frame is None and self.chosen is None:
                return
            if frame is None:
                raise InputError(f"'{self.source.name}' ends before frame {index} of the run; give the right --source.")
            place = frame.index + 1
            yield frame


def choose_frames(
    args: argparse.Namespace, source: FrameSource, run: Run, look: RunLook, span: FrameRange
) -> ExportedFrames:
    """Return the frames of `span` that `run` has results for, or all of them where --whole is asked for.

    --explain names the targets whose trackers' inner state is drawn; else it is the first that is drawn.
    """
    last = int(run.frame_indices[-1]) if span.last is None else span.last - 1
    chosen = None if args.whole else run.select(span.first, last).frame_indices.tolist()
    drawn = look.targets or tuple(target.number for target in run.targets)
    explained = choose_targets(run, args.explain) or drawn[:1]
    return ExportedFrames(source, run, look, chosen, span, explained, args.device, args.runtime)
