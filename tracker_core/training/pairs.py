"""Training pairs: an exemplar, a search region and where the target is in it.

Pair `i` of a run depends on (seed, i) alone, so that a resumed run goes on with the same pairs whatever the
number of workers. Four kinds of pairs: two frames of a clip, a still against itself, a cut-out moved over
another background, and negatives (another object, or a distractor of the same kind; DaSiamRPN, section 3.2).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.crops import channel_mean, context_side
from tracker_core.errors import DataSetError
from tracker_core.training.augment import AugmentConfig, degrade, jitter_colour, to_grey
from tracker_core.training.clips import Clip
from tracker_core.training.cutouts import CutOut, composite, fitting_scale
from tracker_core.types import Image

logger = logging.getLogger(__name__)


@dataclass
class PairConfig:
    """Shares of the kinds of pairs, and the sizes of the crops."""

    exemplar_size: int = 127
    search_size: int = 255
    context: float = 0.5
    video_share: float = 0.45
    still_share: float = 0.3
    cutout_share: float = 0.25
    negative_share: float = 0.12
    same_kind_share: float = 0.5
    augment: AugmentConfig = field(default_factory=AugmentConfig)


@dataclass(frozen=True)
class Pair:
    """One sample; boxes are in search-crop pixels around the crop's centre.

    Attributes:
        exemplar: uint8 (E, E, 3) BGR. search: uint8 (S, S, 3) BGR.
        exemplar_wh: size of the target in the exemplar crop, pixels.
        box_cxcywh: where the target is in the search crop; without meaning in a negative pair.
        is_positive: whether the target is there at all.
        box_weight: weight of the box in the regression loss.
    """

    exemplar: Image
    search: Image
    exemplar_wh: NDArray[np.float32]
    box_cxcywh: NDArray[np.float32]
    is_positive: bool
    box_weight: float


class PairSource:
    """Draws pairs from clips; unreadable pictures are counted, named once and replaced by another draw."""

    def __init__(
        self, clips: Sequence[Clip], backgrounds: Sequence[str], config: PairConfig, seed: int = 0
    ) -> None:
        self.config = config
        self.seed = seed
        self.videos = [clip for clip in clips if len(clip.usable) > 1]
        self.stills = [clip for clip in clips if len(clip.usable) == 1]
        self.cutouts = [
            clip for clip in clips if clip.polygons is not None and any(p is not None for p in clip.polygons)
        ]
        self.backgrounds = list(backgrounds) or [clip.frames[0] for clip in self.stills]
        if not self.videos and not self.stills and not self.cutouts:
            raise DataSetError("No clip of the training data has a usable box; check the data folders in the config.")
        self.kinds: dict[str, list[Clip]] = defaultdict(list)
        for clip in (*self.videos, *self.stills):
            if clip.category:
                self.kinds[clip.category].append(clip)
        self.bad_pictures: dict[str, int] = defaultdict(int)
        shares = np.array(
            [
                config.video_share * bool(self.videos),
                config.still_share * bool(self.stills),
                config.cutout_share * bool(self.cutouts and self.backgrounds),
            ]
        )
        if shares.sum() <= 0:
            raise DataSetError("The shares of videos, stills and cut-outs leave nothing to draw pairs from.")
        self.shares = shares / shares.sum()
        # long clips hold more than short ones, but not in proportion: neighbouring frames are alike
        weights = np.sqrt([len(clip.usable) for clip in self.videos])
        self.video_weights = weights / weights.sum() if len(weights) else weights

    def pair(self, index: int) -> Pair:
        """Return pair `index`; raises `DataSetError` when picture after picture cannot be read."""
        rng = np.random.default_rng((self.seed, index))
        for _ in range(50):
            try:
                return self._draw(rng)
            except UnreadablePictureError as error:
                path = str(error)
                self.bad_pictures[path] += 1
                if self.bad_pictures[path] == 1:
                    logger.warning("The picture '%s' cannot be read and is skipped.", path)
        raise DataSetError("Fifty pictures in a row could not be read; check the training data's folders.")

    def _draw(self, rng: np.random.Generator) -> Pair:
        kind = rng.choice(3, p=self.shares)
        if kind == 2:
            return self._cutout_pair(rng)
        clip = self._choose(rng, kind == 0)
        frames = clip.usable
        first = int(rng.choice(frames))
        near = frames[np.abs(frames - first) <= clip.step]
        second = int(rng.choice(near))
        search_clip = clip
        is_positive = rng.random() >= self.config.negative_share
        if not is_positive:
            search_clip = self._other(rng, clip)
            second = int(rng.choice(search_clip.usable))
        same_picture = is_positive and first == second
        exemplar, exemplar_wh, _ = self._crop(rng, clip, first, is_exemplar=True, stretch=False)
        search, _, box_cxcywh = self._crop(rng, search_clip, second, is_exemplar=False, stretch=same_picture)
        return self._finish(rng, exemplar, search, exemplar_wh, box_cxcywh, is_positive, clip.box_weight)

    def _choose(self, rng: np.random.Generator, is_video: bool) -> Clip:
        if is_video:
            return self.videos[int(rng.choice(len(self.videos), p=self.video_weights))]
        return self.stills[int(rng.integers(len(self.stills)))]

    def _other(self, rng: np.random.Generator, clip: Clip) -> Clip:
        """Return another clip for a negative pair, of the same kind (a semantic distractor) where there is one."""
        alike = [other for other in self.kinds.get(clip.category, ()) if other is not clip]
        if alike and rng.random() < self.config.same_kind_share:
            return alike[int(rng.integers(len(alike)))]
        for _ in range(10):
            pool = self.videos if self.videos and (not self.stills or rng.random() < 0.5) else self.stills
            other = pool[int(rng.integers(len(pool)))]
            if other is not clip and set(other.frames).isdisjoint(clip.frames[:1]):
                return other
        return clip

    def _crop(
        self, rng: np.random.Generator, clip: Clip, frame: int, *, is_exemplar: bool, stretch: bool
    ) -> tuple[Image, NDArray[np.float32], NDArray[np.float32]]:
        """Return the crop, the target's size in it and its box around the crop's centre."""
        image = read_picture(clip.frames[frame])
        x, y, w, h = clip.boxes_xywh[frame]
        size, scale, (dx, dy), aspect = self._placement(rng, w, h, is_exemplar, stretch)
        sx, sy = scale * np.sqrt(aspect), scale / np.sqrt(aspect)
        cx, cy = x + w / 2, y + h / 2
        # pixel centres sit at half integers, so that the box is mapped as an area
        middle = size / 2
        matrix = np.array(
            [
                [sx, 0, middle + dx - sx * cx + sx / 2 - 0.5],
                [0, sy, middle + dy - sy * cy + sy / 2 - 0.5],
            ]
        )
        if scale < 0.5:
            # shrinking by more than half aliases; an intermediate picture of an integer fraction does not
            step = int(1 / scale)
            height, width = image.shape[:2]
            image = cv2.resize(image, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA)
            fx, fy = width / image.shape[1], height / image.shape[0]
            matrix = matrix @ np.array([[fx, 0, fx / 2 - 0.5], [0, fy, fy / 2 - 0.5], [0, 0, 1]])
        crop = cv2.warpAffine(
            image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
            borderValue=channel_mean(image),
        )  # fmt: skip
        wh = np.array([w * sx, h * sy], np.float32)
        return np.asarray(crop, np.uint8), wh, np.array([dx, dy, w * sx, h * sy], np.float32)

    def _placement(
        self, rng: np.random.Generator, w: float, h: float, is_exemplar: bool, stretch: bool
    ) -> tuple[int, float, tuple[float, float], float]:
        """Return crop size, scale, shift of the target from the centre and change of aspect."""
        cfg, aug = self.config, self.config.augment
        scale = cfg.exemplar_size / context_side(w, h, cfg.context)
        if is_exemplar:
            shift = aug.template_shift
            scale *= np.exp(rng.uniform(-aug.template_scale, aug.template_scale))
            return cfg.exemplar_size, scale, _shift(rng, shift), 1.0
        far = rng.random() < aug.far_shift_probability
        scale *= np.exp(rng.uniform(-aug.scale, aug.scale))
        aspect = float(np.exp(rng.uniform(-aug.aspect, aug.aspect))) if stretch else 1.0
        return cfg.search_size, scale, _shift(rng, aug.far_shift if far else aug.shift), aspect

    def _cutout_pair(self, rng: np.random.Generator) -> Pair:
        cfg, aug = self.config, self.config.augment
        target = self._cutout(rng)
        angle = float(rng.uniform(-20, 20))
        base = self._fit(target, angle)
        exemplar, wh, _ = composite(
            rng, self._background(rng), target, cfg.exemplar_size, angle=angle,
            scale=base * _factor(rng, aug.template_scale), shift=_shift(rng, aug.template_shift),
        )  # fmt: skip
        is_positive = rng.random() >= cfg.negative_share
        shown = target if is_positive else self._cutout(rng)
        if not is_positive:
            base = self._fit(shown, angle)
        twin = occluder = None
        if rng.random() < aug.distractor_probability:
            twin = target if rng.random() < 0.3 and is_positive else self._cutout(rng)
        if rng.random() < aug.occluder_probability:
            occluder = self._cutout(rng)
        far = rng.random() < aug.far_shift_probability
        search, _, box = composite(
            rng, self._background(rng), shown, cfg.search_size,
            angle=angle + float(rng.normal(0, aug.rotation / 2)),
            scale=base * _factor(rng, aug.scale),
            shift=_shift(rng, aug.far_shift if far else aug.shift),
            aspect=_factor(rng, aug.aspect),
            distractor=(twin, base if twin is target else self._fit(twin, 0.0)) if twin else None,
            occluder=(occluder, self._fit(occluder, 0.0) * float(rng.uniform(0.4, 0.8))) if occluder else None,
        )  # fmt: skip
        return self._finish(rng, exemplar, search, wh, box, is_positive, 1.0)

    def _fit(self, cut: CutOut, angle: float) -> float:
        return fitting_scale(cut, angle, self.config.exemplar_size, self.config.context)

    def _cutout(self, rng: np.random.Generator) -> CutOut:
        clip = self.cutouts[int(rng.integers(len(self.cutouts)))]
        assert clip.polygons is not None
        outlined = [i for i, polygon in enumerate(clip.polygons) if polygon is not None]
        frame = int(rng.choice(outlined))
        outline = clip.polygons[frame]
        assert outline is not None
        return CutOut.from_picture(read_picture(clip.frames[frame]), outline)

    def _background(self, rng: np.random.Generator) -> Image:
        return read_picture(self.backgrounds[int(rng.integers(len(self.backgrounds)))])

    def _finish(
        self,
        rng: np.random.Generator,
        exemplar: Image,
        search: Image,
        exemplar_wh: NDArray[np.float32],
        box_cxcywh: NDArray[np.float32],
        is_positive: bool,
        box_weight: float,
    ) -> Pair:
        aug = self.config.augment
        if rng.random() < aug.flip_probability:
            exemplar, search = exemplar[:, ::-1], search[:, ::-1]
            box_cxcywh = box_cxcywh * np.array([-1, 1, 1, 1], np.float32)
        if rng.random() < aug.grey_probability:
            exemplar, search = to_grey(np.ascontiguousarray(exemplar)), to_grey(np.ascontiguousarray(search))
        exemplar = jitter_colour(np.ascontiguousarray(exemplar), rng, aug.colour)
        search = jitter_colour(np.ascontiguousarray(search), rng, aug.colour)
        search = degrade(search, rng, aug)
        if rng.random() < 0.3:
            exemplar = degrade(exemplar, rng, aug)
        return Pair(exemplar, search, exemplar_wh, box_cxcywh, bool(is_positive), box_weight)


class UnreadablePictureError(Exception):
    """A picture of the training data cannot be decoded; its text is the path."""


def read_picture(path: str) -> Image:
    """Return the picture as uint8 BGR; raises `UnreadablePictureError`."""
    image = cv2.imread(path, cv2.IMREAD_COLOR)
    if image is None:
        raise UnreadablePictureError(path)
    return np.asarray(image, np.uint8)


def _shift(rng: np.random.Generator, limit: float) -> tuple[float, float]:
    return float(rng.uniform(-limit, limit)), float(rng.uniform(-limit, limit))


def _factor(rng: np.random.Generator, strength: float) -> float:
    return float(np.exp(rng.uniform(-strength, strength)))
