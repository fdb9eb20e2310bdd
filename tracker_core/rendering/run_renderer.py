"""The frames of a run as they are exported: targets hidden or lit, cropped, scaled, with results drawn over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tracker_core.errors import InputError
from tracker_core.rendering.camera_path import CameraPath
from tracker_core.rendering.drawing import GHOST_COLOR, GHOST_DASHES, RUN_DASHES, run_color, run_title, target_color
from tracker_core.rendering.effects import Effect, HeldBoxes, apply_effect
from tracker_core.rendering.image_view import ImageView, whole_view
from tracker_core.rendering.overlays import BesideLook, DrawOptions, TargetLook, draw_result
from tracker_core.results.run import Run, TargetTrack
from tracker_core.types import FloatArray, Frame, Image, TrackResult
from tracker_core.types import Sequence as AnnotatedSequence

TRAIL_FRAMES = 60

Explain = Callable[[Frame], Mapping[int, TrackResult]]  # results with what the tracker saw, by target number


@dataclass(frozen=True)
class BesideRun:
    """A run that is drawn beside another: its name or `number` stands at its boxes, `place` is that of its colour.

    With number 0 it is the ghost: what was replaced in the run that is shown.
    """

    run: Run
    number: int
    place: int = 0

    def looks(self, index: int, view: ImageView) -> list[BesideLook]:
        """Return how the boxes of a frame are drawn."""
        color, dashes = (run_color(self.place), RUN_DASHES) if self.number else (GHOST_COLOR, GHOST_DASHES)
        title = run_title(self.number, self.run.title) if self.number else ""
        found = self.run.results_at(index).values()
        return [BesideLook(view.boxes(result.box_xywh), color, dashes, title) for result in found]


@dataclass(frozen=True)
class RunLook:
    """How a run is shown.

    Attributes:
        draw: what is drawn.
        targets: numbers of the targets that are drawn, () for all.
        effect: what hides or lights targets, None for nothing.
        camera: what part is shown, None for the whole image.
        scale: size of the whole image; a camera has its own size.
        trail_frames: length of the trails.
        beside: what else was found in the source, or was replaced.

    Raises `InputError` for an effect that hides targets of which an overlay shows images.
    """

    draw: DrawOptions = field(default_factory=DrawOptions)
    targets: tuple[int, ...] = ()
    effect: Effect | None = None
    camera: CameraPath | None = None
    scale: float = 1.0
    trail_frames: int = TRAIL_FRAMES
    beside: tuple[BesideRun, ...] = ()

    def __post_init__(self) -> None:
        if self.effect is not None and self.effect.hides and self.draw.memory:
            raise InputError(
                f"The overlay 'memory' shows images of what '{self.effect.kind}' is to hide; leave out one of them."
            )


class RunRenderer:
    """Draws frames of `run` in any order; `sequences` have the ground truth, `explain` tells what the tracker saw."""

    def __init__(
        self, run: Run, look: RunLook, sequences: Sequence[AnnotatedSequence] = (), explain: Explain | None = None
    ) -> None:
        self._run, self._look, self._sequences, self._explain = run, look, sequences, explain
        self._targets = [target for target in run.targets if not look.targets or target.number in look.targets]
        self._held = HeldBoxes(run, look.effect) if look.effect else None

    def render(self, frame: Frame) -> Image:
        """Return the image (uint8 BGR) of a frame, which is left as it is."""
        image, index = frame.image, frame.index
        view = self._view(frame)
        if self._held is not None and self._look.effect is not None:
            image = apply_effect(image, self._held.at(index), self._look.effect)
        explained = self._explain(frame) if self._explain is not None else {}
        results = [explained.get(t.number) or self._run.result_at(index, t.number) for t in self._targets]
        shown = [None if result is None else view.result(result) for result in results]
        truth = [view.region(region) for region in self._truth(index)]
        looks = [self._target_look(target, index, view) for target in self._targets]
        beside = [look for other in self._look.beside for look in other.looks(index, view)]
        return draw_result(view.cut(image), shown, truth, self._look.draw, looks=looks, beside=beside)

    def notes(self, frames: Sequence[int]) -> list[str]:
        """Return what the user should know of these frames."""
        return [] if self._held is None else self._held.notes(frames)

    def _view(self, frame: Frame) -> ImageView:
        size = (frame.image.shape[1], frame.image.shape[0])
        camera = self._look.camera
        return whole_view(size, self._look.scale) if camera is None else camera.view(frame.index, size)

    def _truth(self, index: int) -> list[FloatArray]:
        known = [sequence for sequence in self._sequences if 0 <= index < len(sequence.boxes_xywh)]
        rows = [s.boxes_xywh[index] if s.polygons is None else s.polygons[index] for s in known]
        return [row for row in rows if np.isfinite(row).all()]

    def _target_look(self, target: TargetTrack, index: int, view: ImageView) -> TargetLook:
        trail = view.points(self._trail(target, index)) if self._look.draw.trail else None
        is_key = any(key.index == index for key in target.key_frames)
        return TargetLook(target.name or str(target.number), target_color(target.number, target.color), trail, is_key)

    def _trail(self, target: TargetTrack, index: int) -> FloatArray:
        frames = self._run.frame_indices
        rows = np.flatnonzero((frames > index - self._look.trail_frames) & (frames <= index) & target.has_box)
        boxes = target.boxes_xywh[rows]
        return np.asarray(boxes[:, :2] + boxes[:, 2:] / 2, np.float64)
