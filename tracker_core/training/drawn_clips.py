"""Clips drawn from cut-outs, with what real data sets seldom label: twins that cross, crowds, leaving, hiding.

Everything follows from one seed, so that two trackers are compared on the same images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker_core.boxes import cxcywh_to_xywh
from tracker_core.files import write_bytes, write_text
from tracker_core.training.clips import Clip
from tracker_core.training.cutouts import CutOut, Placement, extent, paste
from tracker_core.training.images import ImageCache
from tracker_core.types import Image

WIDTH, HEIGHT = 320, 240
LENGTH = 48  # frames of a clip
TARGET_AREA = 46.0**2  # pixels of a target's box
LEAST_VISIBLE = 0.25  # share of the target's box inside the image and not hidden; below that it counts as absent
Course = NDArray[np.float64]  # (LENGTH, 2): where an object's centre is, x and y from the image's centre


@dataclass(frozen=True)
class Actor:
    """An object of a drawn clip: where it is in every frame, how large over its usual size, and how it is turned."""

    cut: CutOut
    path: Course
    sizes: NDArray[np.float64]
    angles: NDArray[np.float64]

    def placement(self, frame: int) -> Placement:
        """Return how it lies in a frame."""
        scale = float(np.sqrt(TARGET_AREA / np.prod(extent(self.cut, 0.0)))) * float(self.sizes[frame])
        x, y = self.path[frame]
        return Placement(float(self.angles[frame]), scale, (float(x), float(y)))


@dataclass(frozen=True)
class Scene:
    """The target, others below it and others over it, in front of a background that the camera pans over."""

    target: Actor
    under: Sequence[Actor] = ()
    over: Sequence[Actor] = ()


def line(start: ArrayLike, end: ArrayLike) -> Course:
    """Return a straight path at constant speed."""
    return np.linspace(np.asarray(start, np.float64), np.asarray(end, np.float64), LENGTH)


def _steady(rng: np.random.Generator, cut: CutOut, path: Course) -> Actor:
    """Return an object that sways a little while it moves along a path."""
    swing = rng.uniform(3, 10) * np.sin(np.arange(LENGTH) * rng.uniform(0.1, 0.3))
    return Actor(cut, path, np.exp(rng.uniform(-0.2, 0.2) * np.linspace(0, 1, LENGTH)), swing)


def crossing(rng: np.random.Generator, cuts: Sequence[CutOut]) -> Scene:
    """A twin comes towards the target, passes over it or under it, and continues."""
    height = rng.uniform(-40, 40)
    target = _steady(rng, cuts[0], line((-110, height), (rng.uniform(60, 110), height + rng.uniform(-20, 20))))
    twin = _steady(rng, cuts[0], line((120, height + rng.uniform(-15, 15)), (-120, height + rng.uniform(-25, 25))))
    return Scene(target, over=[twin]) if rng.random() < 0.5 else Scene(target, under=[twin])


def crowd(rng: np.random.Generator, cuts: Sequence[CutOut]) -> Scene:
    """Four twins wander beside the target."""
    step = rng.uniform(-70, 70, 2)
    target = _steady(rng, cuts[0], line(-step / 2, step / 2))
    twins = []
    for turn in np.arange(4) * np.pi / 2 + rng.uniform(0, 1):
        away = np.array([np.cos(turn) * rng.uniform(70, 110), np.sin(turn) * rng.uniform(60, 80)])
        twins.append(_steady(rng, cuts[0], line(away - step / 3, away * rng.uniform(0.5, 0.9) + step / 2)))
    return Scene(target, under=twins)


def leaving(rng: np.random.Generator, cuts: Sequence[CutOut]) -> Scene:
    """The target leaves the image, stays away and returns near where it left; a twin stands in the image."""
    side = rng.choice([-1.0, 1.0])
    across = np.interp(np.arange(LENGTH), [0, 14, 28, LENGTH - 1], [0, 200, 200, 40]) * side
    path = np.stack((across, np.linspace(rng.uniform(-40, 0), rng.uniform(0, 40), LENGTH)), 1)
    twin = _steady(rng, cuts[0], line((-90 * side, 50), (-70 * side, -50)))
    return Scene(_steady(rng, cuts[0], path), under=[twin] if rng.random() < 0.7 else [])


def hiding(rng: np.random.Generator, cuts: Sequence[CutOut]) -> Scene:
    """The target passes behind a larger object of another kind."""
    target = _steady(rng, cuts[0], line((-115, rng.uniform(-30, 30)), (115, rng.uniform(-30, 30))))
    middle = target.path[LENGTH // 2]
    cover = Actor(cuts[1], np.tile(middle, (LENGTH, 1)), np.full(LENGTH, rng.uniform(1.6, 2.1)), np.zeros(LENGTH))
    return Scene(target, over=[cover])


SCENES: dict[str, Callable[[np.random.Generator, Sequence[CutOut]], Scene]] = {
    "crossing": crossing,
    "crowd": crowd,
    "leaving": leaving,
    "hiding": hiding,
}


def draw_clip(
    kind: str, seed: int, cutouts: Sequence[Clip], backgrounds: Sequence[str], cache: ImageCache
) -> tuple[list[Image], NDArray[np.float64]]:
    """Return the images, uint8 (240, 320, 3) BGR, and the target's boxes (N, 4), x, y, w, h; NaN while it is absent.

    `kind` is a key of `SCENES`; the cut-outs are clips with outlines.
    """
    rng = np.random.default_rng([list(SCENES).index(kind), seed])
    scene = SCENES[kind](rng, [_draw_cut(rng, cutouts, cache) for _ in range(2)])
    ground = cv2.resize(cache.read(backgrounds[int(rng.integers(len(backgrounds)))]), (WIDTH + 60, HEIGHT + 40))
    images, boxes = [], []
    for frame in range(LENGTH):
        left, top = int(frame / LENGTH * 60), int(20 + 20 * np.sin(frame / 9))
        image: Image = np.array(ground[top : top + HEIGHT, left : left + WIDTH], np.uint8)
        for actor in scene.under:
            paste(image, actor.cut, actor.placement(frame))
        box_cxcywh = paste(image, scene.target.cut, scene.target.placement(frame))
        covers = [paste(image, actor.cut, actor.placement(frame)) for actor in scene.over]
        noisy = cv2.add(image, rng.normal(0, 3, image.shape), dtype=cv2.CV_8U)
        images.append(np.asarray(noisy, np.uint8))
        boxes.append(_visible_box(box_cxcywh, covers))
    return images, np.array(boxes, np.float64)


def write_clips(
    folder: Path, kinds: Sequence[str], seeds: int, cutouts: Sequence[Clip], backgrounds: Sequence[str]
) -> None:
    """Write clips `<kind>_<seed>` in GOT-10k's layout below a folder; those that are there stay."""
    cache = ImageCache(100 << 20)
    for kind in kinds:
        for seed in range(seeds):
            clip = folder / f"{kind}_{seed}"
            if (clip / "groundtruth.txt").is_file():
                continue
            clip.mkdir(parents=True, exist_ok=True)
            images, boxes_xywh = draw_clip(kind, seed, cutouts, backgrounds, cache)
            for number, image in enumerate(images, 1):
                content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
                write_bytes(clip / f"{number:08d}.jpg", content.tobytes())
            rows = (",".join(f"{value:.2f}" for value in box) for box in boxes_xywh)
            write_text(clip / "groundtruth.txt", "\n".join(rows) + "\n")


def _draw_cut(rng: np.random.Generator, cutouts: Sequence[Clip], cache: ImageCache) -> CutOut:
    while True:
        clip = cutouts[int(rng.integers(len(cutouts)))]
        frame = int(rng.choice(clip.outlined))
        outline = (clip.polygons or ())[frame]
        cut = None if outline is None else CutOut.from_image(cache.read(clip.frames[frame]), outline)
        if cut is not None and 0.4 < np.divide(*extent(cut, 0.0)) < 2.5:
            return cut


def _visible_box(box_cxcywh: NDArray[np.float32], covers: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return x, y, w, h in image pixels, NaN where too little is seen; covers count as the cores of their boxes."""
    box = np.asarray(cxcywh_to_xywh(box_cxcywh + np.array([WIDTH / 2, HEIGHT / 2, 0, 0])), np.float64)
    seen = _overlap_share(box, np.array([0, 0, WIDTH, HEIGHT], np.float64))
    for cover in covers:
        core = cover.astype(np.float64) * np.array([1, 1, 0.8, 0.8]) + np.array([WIDTH / 2, HEIGHT / 2, 0, 0])
        seen -= _overlap_share(box, np.asarray(cxcywh_to_xywh(core), np.float64))
    return box if seen >= LEAST_VISIBLE else np.full(4, np.nan)


def _overlap_share(box: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the share of a box (x, y, w, h) that lies in the other one."""
    low, high = np.maximum(box[:2], other[:2]), np.minimum(box[:2] + box[2:], other[:2] + other[2:])
    return float(np.prod(np.maximum(high - low, 0)) / np.prod(box[2:]))
