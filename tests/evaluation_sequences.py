"""Small drawn benchmarks in their real layouts, and trackers without networks, for the tests of evaluation.

Run as a script it evaluates in a process of its own, which the tests kill or start twice:
`evaluation_sequences.py ROOT OUT JOBS [STOP_IN]`; each outcome is a line on standard output.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tracker_core.errors import TrackerStateError
from tracker_core.evaluation.benchmarks import open_benchmark
from tracker_core.evaluation.runner import Candidate, Evaluation
from tracker_core.types import FloatArray, Image, TrackResult

WIDTH, HEIGHT, SIDE = 96, 72, 16
FRAMES = 12


def path_of_target(seed: int, frames: int = FRAMES) -> FloatArray:
    """Return boxes x, y, w, h (N, 4), 0-based, of a target that moves to and fro by a pixel or two a frame."""
    steps = 20 - np.abs(np.arange(frames) % 40 - 20)
    x, y = 10 + seed % 7 + 2 * steps, 12 + seed % 5 + steps
    return np.stack([x, y, np.full(frames, SIDE), np.full(frames, SIDE)], axis=1).astype(np.float64)


def draw_frame(seed: int, box_xywh: FloatArray) -> Image:
    """Draw a textured square over a smooth background; the same everywhere."""
    rng = np.random.default_rng(seed)
    image = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    image += rng.integers(0, 8, image.shape).astype(np.uint8)
    x, y, w, h = (round(value) for value in box_xywh)
    image[y : y + h, x : x + w] = rng.integers(0, 255, (h, w, 3))
    return image


def write_frames(folder: Path, seed: int, boxes_xywh: FloatArray) -> None:
    folder.mkdir(parents=True)
    for number, box in enumerate(boxes_xywh, start=1):
        assert cv2.imwrite(str(folder / f"{number:08d}.png"), draw_frame(seed, box))


def write_rows(path: Path, rows: FloatArray, separator: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(separator.join(f"{value:g}" for value in row) + "\n" for row in rows))


def make_otb(root: Path, lengths: dict[str, int]) -> Path:
    """Write sequences in OTB's layout: 1-based boxes."""
    for seed, (name, frames) in enumerate(lengths.items()):
        boxes = path_of_target(seed, frames)
        write_frames(root / name / "img", seed, boxes)
        write_rows(root / name / "groundtruth_rect.txt", boxes + np.array([1, 1, 0, 0]))
    return root


def make_got10k(root: Path, names: tuple[str, ...], cover: list[int] | None = None) -> Path:
    for seed, name in enumerate(names):
        boxes = path_of_target(seed)
        write_frames(root / name, seed, boxes)
        write_rows(root / name / "groundtruth.txt", boxes)
        if cover is not None:
            (root / name / "cover.label").write_text("".join(f"{value}\n" for value in cover))
            (root / name / "absence.label").write_text("".join(f"{int(value == 0)}\n" for value in cover))
    (root / "list.txt").write_text("".join(f"{name}\n" for name in names))
    return root


def make_vot(root: Path, lengths: dict[str, int], turned: bool = True) -> Path:
    """Write sequences in VOT's layout: polygons (a square turned by 45 degrees), images in `color`."""
    for seed, (name, frames) in enumerate(lengths.items()):
        boxes = path_of_target(seed, frames)
        write_frames(root / name / "color", seed, boxes)
        x, y, w, h = boxes.T
        points = np.stack([x + w / 2, y, x + w, y + h / 2, x + w / 2, y + h, x, y + h / 2], axis=1)
        write_rows(root / name / "groundtruth.txt", points if turned else boxes)
        (root / name / "occlusion.tag").write_text("0\n" * (frames - 2) + "1\n1\n")
        (root / name / "sequence").write_text("channels.color=color/%08d.png\nfps=30\nformat=default\n")
    (root / "list.txt").write_text("".join(f"{name}\n" for name in lengths))
    return root


class TemplateTracker:
    """Finds the first image's target again wherever it matches best."""

    name = "template"

    def __init__(self, config: Any = None) -> None:
        self._template: Image | None = None
        self.starts = 0

    def init(self, image: Image, box_xywh: FloatArray) -> None:
        x, y, w, h = (round(float(value)) for value in box_xywh)
        self._corner = np.asarray(box_xywh, np.float64) - np.array([x, y, 0, 0])
        self._template = np.ascontiguousarray(image[max(y, 0) : y + h, max(x, 0) : x + w])
        self.starts += 1

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        if self._template is None:
            raise TrackerStateError("The tracker was updated before it was started.")
        scores = cv2.matchTemplate(image, self._template, cv2.TM_CCOEFF_NORMED)
        _, best, _, (x, y) = cv2.minMaxLoc(scores)
        return TrackResult(self._corner + np.array([x, y, 0, 0]), float(best))


class LosingTracker(TemplateTracker):
    """Answers a far corner in the fourth frame after each start, so that it fails once in each run."""

    name = "losing"

    def init(self, image: Image, box_xywh: FloatArray) -> None:
        super().init(image, box_xywh)
        self._frames = 0

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        self._frames += 1
        if self._frames == 4:
            return TrackResult(np.array([90.0, 60.0, 4.0, 4.0]), 0.1)
        return super().update(image)


class BrokenTracker(TemplateTracker):
    """Raises in the sequence with `FRAMES` + 3 frames, as a bug would."""

    name = "broken"

    def init(self, image: Image, box_xywh: FloatArray) -> None:
        super().init(image, box_xywh)
        self._frames = 0

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        self._frames += 1
        if self._frames == FRAMES + 1:
            raise RuntimeError("index 7 is out of bounds")
        return super().update(image)


class DyingTracker(BrokenTracker):
    """Ends its process where `BrokenTracker` raises, as running out of memory would."""

    name = "dying"

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        if self._frames == FRAMES:
            os._exit(9)
        return super().update(image)


class SlowTracker(TemplateTracker):
    """Takes its time: ten milliseconds a frame, and after `stay_after` frames in a sequence a whole minute."""

    def __init__(self, stay_after: int = 10**9) -> None:
        super().__init__()
        self._stay_after, self._frames = stay_after, 0

    def init(self, image: Image, box_xywh: FloatArray) -> None:
        super().init(image, box_xywh)
        self._frames = 0

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        self._frames += 1
        time.sleep(60 if self._frames > self._stay_after else 0.01)
        return super().update(image)


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(root: str, out: str, jobs: str, stay_after: str = "1000000") -> None:
    """Evaluate `SlowTracker` and print one line per outcome, at once."""
    evaluation = Evaluation(open_benchmark("otb", root), out)
    make = functools.partial(SlowTracker, int(stay_after))
    plan = evaluation.plan(Candidate("template", make), make())
    tell(f"planned {len(plan.tasks)}")
    evaluation.carry_out(
        plan,
        jobs=int(jobs),
        on_outcome=lambda outcome: tell(f"{outcome.status} {outcome.task.info.name}"),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
