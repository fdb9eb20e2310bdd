"""Training pairs: an exemplar, a search region and where the target is in it.

Pair `i` of a run depends on (seed, i) alone, so that a resumed run goes on with the same pairs whatever the
number of workers. Four kinds of pairs: two frames of a clip, a still against itself, a cut-out moved over
another background, and negatives (another object, or a distractor of the same kind; DaSiamRPN, section 3.2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import ConfigError, DataSetError
from tracker_core.training.augment import AugmentConfig, degrade, jitter_colour, to_grey
from tracker_core.training.clips import Clip
from tracker_core.training.cutouts import CutOut, Placement, composite, draw_background, extent, fitting_scale, paste
from tracker_core.training.geometry import CropGeometry, View, cut_view
from tracker_core.training.pictures import PictureCache, UnreadablePictureError
from tracker_core.types import Image

ATTEMPTS = 50  # unreadable pictures in a row before a run gives up
MEGABYTE = 1 << 20


@dataclass
class PairConfig:
    """Shares of the kinds of pairs.

    Attributes:
        video_share, still_share, cutout_share: in proportion; a kind that the data does not have is left out.
        negative_share: share of pairs whose search region shows another object.
        same_kind_share: of those, the share in which it is of the same kind, where there is one (semantic distractor).
        cache_mb: decoded pictures that each worker keeps, in megabytes.
        augment: ranges and probabilities.
    """

    video_share: float = 0.45
    still_share: float = 0.3
    cutout_share: float = 0.25
    negative_share: float = 0.12
    same_kind_share: float = 0.5
    cache_mb: int = 256
    augment: AugmentConfig = field(default_factory=AugmentConfig)


@dataclass(frozen=True)
class Pair:
    """One sample; boxes are cx, cy, w, h in search-crop pixels around the crop's centre.

    Attributes:
        exemplar: uint8 (E, E, 3) BGR. search: uint8 (S, S, 3) BGR.
        exemplar_wh: size of the target in the exemplar crop, pixels.
        box_cxcywh: where the target is in the search crop; without meaning in a negative pair.
        guide_cxcywh: that box jittered, as the box of the frame before would be, for trackers that take a guide.
        is_positive: whether the target is there at all.
        box_weight: weight of the box in the regression loss.
        unreadable: pictures that were drawn for this pair and could not be read.
    """

    exemplar: Image
    search: Image
    exemplar_wh: NDArray[np.float32]
    box_cxcywh: NDArray[np.float32]
    guide_cxcywh: NDArray[np.float32]
    is_positive: bool
    box_weight: float
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Crops:
    """A pair before its colours are changed."""

    exemplar: Image
    search: Image
    exemplar_wh: NDArray[np.float32]
    box_cxcywh: NDArray[np.float32]
    is_positive: bool
    box_weight: float


class _Pool:
    """Clips drawn in proportion to weights."""

    def __init__(self, clips: Sequence[Clip], weights: Sequence[float]) -> None:
        self.clips = list(clips)
        self.cumulated = np.cumsum(np.asarray(weights, np.float64))

    def __len__(self) -> int:
        return len(self.clips)

    def draw(self, rng: np.random.Generator) -> Clip:
        place = np.searchsorted(self.cumulated, rng.random() * self.cumulated[-1], side="right")
        return self.clips[min(int(place), len(self.clips) - 1)]


class PairSource:
    """Draws pairs from clips; an unreadable picture is noted in the pair and replaced by another draw."""

    def __init__(
        self,
        clips: Sequence[Clip],
        backgrounds: Sequence[str],
        config: PairConfig,
        seed: int = 0,
        geometry: CropGeometry | None = None,
    ) -> None:
        self.config = config
        self.seed = seed
        self.geometry = geometry or CropGeometry()
        self.cache = PictureCache(config.cache_mb * MEGABYTE)
        counts = [len(clip.usable) for clip in clips]
        videos = [clip for clip, count in zip(clips, counts, strict=True) if count > 1]
        stills = [clip for clip, count in zip(clips, counts, strict=True) if count == 1]
        cutouts = [clip for clip in clips if clip.outlined]
        # long clips hold more than short ones, but not in proportion: neighbouring frames are alike
        self.videos = _Pool(videos, [clip.weight * len(clip.usable) ** 0.5 for clip in videos])
        self.stills = _Pool(stills, [clip.weight for clip in stills])
        self.cutouts = _Pool(cutouts, [clip.weight for clip in cutouts])
        self.backgrounds = list(backgrounds) or [clip.frames[0] for clip in stills]
        if not videos and not stills and not cutouts:
            raise DataSetError("No clip of the training data has a usable box; check the data folders in the config.")
        self.kinds = _by_kind([*videos, *stills])
        self.cutout_kinds = _by_kind(cutouts)
        shares = np.array(
            [
                config.video_share * bool(videos),
                config.still_share * bool(stills),
                config.cutout_share * bool(cutouts and self.backgrounds),
            ]
        )
        if not shares.sum() > 0 or (shares < 0).any():
            raise ConfigError(
                "pairs.video_share, pairs.still_share and pairs.cutout_share leave nothing to draw pairs from: "
                f"the data holds {len(videos)} videos, {len(stills)} stills and {len(cutouts)} cut-outs."
            )
        self.shares = np.cumsum(shares / shares.sum())

    def pair(self, index: int) -> Pair:
        """Return pair `index`; raises `DataSetError` when picture after picture cannot be read."""
        rng = np.random.default_rng((self.seed, index))
        unreadable: list[str] = []
        while len(unreadable) < ATTEMPTS:
            try:
                crops = self._draw(rng)
            except UnreadablePictureError as error:
                unreadable.append(str(error))
                continue
            return self._finish(rng, crops, tuple(unreadable))
        raise DataSetError(
            f"{ATTEMPTS} pictures in a row could not be read, the last one '{unreadable[-1]}'; "
            "check the training data's folders."
        )

    def _draw(self, rng: np.random.Generator) -> _Crops:
        kind = int(np.searchsorted(self.shares, rng.random(), side="right"))
        if kind >= 2:
            return self._draw_cutout(rng)
        clip = (self.videos if kind == 0 else self.stills).draw(rng)
        frames = clip.usable
        first = int(rng.choice(frames))
        near = frames[np.abs(frames - first) <= clip.step]
        second = int(rng.choice(near))
        other = None if rng.random() >= self.config.negative_share else self._choose_other(rng, clip)
        exemplar, target_cxcywh = cut_view(
            self.cache, clip.frames[first], clip.boxes_xywh[first], self._exemplar_view(rng, clip.boxes_xywh[first])
        )
        shown = clip
        if other is not None:
            shown, second = other, int(rng.choice(other.usable))
        stretch = other is None and first == second
        box = shown.boxes_xywh[second]
        search, box_cxcywh = cut_view(self.cache, shown.frames[second], box, self._search_view(rng, box, stretch))
        if rng.random() < self.config.augment.pasted_distractor_probability and len(self.cutouts):
            self._paste_distractor(rng, search, box_cxcywh, clip)
        return _Crops(exemplar, search, target_cxcywh[2:], box_cxcywh, other is None, clip.box_weight)

    def _choose_other(self, rng: np.random.Generator, clip: Clip, pools: Sequence[_Pool] | None = None) -> Clip | None:
        """Return a clip of another object, by `same_kind_share` of the same kind; None where none is found."""
        kinds = self.kinds if pools is None else self.cutout_kinds
        pools = [pool for pool in pools or (self.videos, self.stills) if len(pool)]
        alike = kinds.get(clip.category, []) if rng.random() < self.config.same_kind_share else []
        for attempt in range(10):
            if alike and attempt < 5:
                other = alike[int(rng.integers(len(alike)))]
            else:
                other = pools[int(rng.integers(len(pools)))].draw(rng)
            # another object of the same picture may have the target itself in its search region
            if not clip.may_show_same(other):
                return other
        return None

    def _exemplar_view(self, rng: np.random.Generator, box_xywh: NDArray[np.float64]) -> View:
        aug = self.config.augment
        scale = self.geometry.scale_of(box_xywh[2], box_xywh[3]) * _factor(rng, aug.template_scale)
        return View(self.geometry.exemplar_size, scale, _shift(rng, aug.template_shift))

    def _search_view(self, rng: np.random.Generator, box_xywh: NDArray[np.float64], stretch: bool) -> View:
        aug = self.config.augment
        scale = self.geometry.scale_of(box_xywh[2], box_xywh[3]) * _factor(rng, aug.scale)
        aspect = _factor(rng, aug.aspect) if stretch else 1.0
        return View(self.geometry.search_size, scale, self._search_shift(rng), aspect)

    def _search_shift(self, rng: np.random.Generator) -> tuple[float, float]:
        aug = self.config.augment
        return _shift(rng, aug.far_shift if rng.random() < aug.far_shift_probability else aug.shift)

    def _paste_distractor(
        self, rng: np.random.Generator, search: Image, box_cxcywh: NDArray[np.float32], clip: Clip
    ) -> None:
        """Paste another object, of the target's kind where there is one, beside the target of a real picture."""
        alike = self.cutout_kinds.get(clip.category, []) if clip.category else []
        chosen = alike[int(rng.integers(len(alike)))] if alike else self.cutouts.draw(rng)
        if clip.may_show_same(chosen):
            return
        cut = self._cut_out(rng, chosen)
        angle = float(rng.uniform(-20, 20))
        width, height = extent(cut, angle)
        scale = float(np.sqrt(box_cxcywh[2] * box_cxcywh[3] / (width * height))) * _factor(rng, 0.3)
        shift = _beside(rng, box_cxcywh, (width * scale, height * scale))
        paste(search, cut, Placement(angle, scale, shift))

    def _draw_cutout(self, rng: np.random.Generator) -> _Crops:
        aug, geometry = self.config.augment, self.geometry
        clip = self.cutouts.draw(rng)
        target = self._cut_out(rng, clip)
        angle = float(rng.uniform(-20, 20))
        other = None if rng.random() >= self.config.negative_share else self._choose_other(rng, clip, [self.cutouts])
        scene = self._background(rng, geometry.search_size)
        if rng.random() < aug.same_scene_share:
            first = (geometry.search_size - geometry.exemplar_size) // 2
            background = scene[first:, first:][: geometry.exemplar_size, : geometry.exemplar_size].copy()
        else:
            background = self._background(rng, geometry.exemplar_size)
        base = self._fit(target, angle)
        exemplar_box = composite(
            background,
            target,
            Placement(angle, base * _factor(rng, aug.template_scale), _shift(rng, aug.template_shift)),
        )
        shown = target if other is None else self._cut_out(rng, other)
        base = self._fit(shown, angle)
        smear = (0, 0.0)
        if rng.random() < aug.motion_probability:
            smear = (int(rng.integers(3, 14)), float(rng.uniform(0, 180)))
        placement = Placement(
            angle + float(rng.normal(0, aug.rotation / 2)),
            base * _factor(rng, aug.scale),
            self._search_shift(rng),
            _factor(rng, aug.aspect),
            smear,
        )
        box_wh = extent(shown, placement.angle, placement.aspect, placement.scale)
        box = np.array([*placement.shift, *box_wh], np.float32)
        box_cxcywh = composite(
            scene,
            shown,
            placement,
            under=self._distractors(rng, clip, target, placement, box, other is None),
            over=self._occluders(rng, box),
        )
        return _Crops(background, scene, exemplar_box[2:], box_cxcywh, other is None, 1.0)

    def _distractors(
        self,
        rng: np.random.Generator,
        clip: Clip,
        target: CutOut,
        placement: Placement,
        box_cxcywh: NDArray[np.float32],
        is_positive: bool,
    ) -> list[tuple[CutOut, Placement]]:
        aug = self.config.augment
        if rng.random() >= aug.distractor_probability:
            return []
        if is_positive and rng.random() < aug.twin_share:
            cut = target
        else:
            chosen = self._choose_other(rng, clip, [self.cutouts])
            if chosen is None:
                return []
            cut = self._cut_out(rng, chosen)
        angle = placement.angle + float(rng.uniform(-30, 30))
        scale = placement.scale if cut is target else self._fit(cut, angle)
        shift = _beside(rng, box_cxcywh, extent(cut, angle, 1.0, scale))
        return [(cut, Placement(angle, scale, shift))]

    def _occluders(self, rng: np.random.Generator, box_cxcywh: NDArray[np.float32]) -> list[tuple[CutOut, Placement]]:
        if rng.random() >= self.config.augment.occluder_probability:
            return []
        cut = self._cut_out(rng, self.cutouts.draw(rng))
        away = rng.uniform(0.3, 0.65, 2) * box_cxcywh[2:] * rng.choice([-1.0, 1.0], 2)
        shift = (float(box_cxcywh[0] + away[0]), float(box_cxcywh[1] + away[1]))
        angle = float(rng.uniform(0, 360))
        return [(cut, Placement(angle, self._fit(cut, angle) * float(rng.uniform(0.4, 0.8)), shift))]

    def _fit(self, cut: CutOut, angle: float) -> float:
        return fitting_scale(cut, angle, self.geometry.exemplar_size, self.geometry.context)

    def _cut_out(self, rng: np.random.Generator, clip: Clip) -> CutOut:
        assert clip.polygons is not None
        frame = int(rng.choice(clip.outlined))
        outline = clip.polygons[frame]
        assert outline is not None
        cut = CutOut.from_picture(self.cache.read(clip.frames[frame]), outline)
        if cut is None:
            raise UnreadablePictureError(f"{clip.frames[frame]} (the outline lies outside of it)")
        return cut

    def _background(self, rng: np.random.Generator, size: int) -> Image:
        path = self.backgrounds[int(rng.integers(len(self.backgrounds)))]
        return draw_background(rng, self.cache.read(path), size)

    def _finish(self, rng: np.random.Generator, crops: _Crops, unreadable: tuple[str, ...]) -> Pair:
        """Flip, recolour and degrade the crops; add the guide."""
        aug = self.config.augment
        exemplar, search, box_cxcywh = crops.exemplar, crops.search, crops.box_cxcywh
        if rng.random() < aug.flip_probability:
            exemplar, search = _flip(exemplar), _flip(search)
            box_cxcywh = box_cxcywh * np.array([-1, 1, 1, 1], np.float32)
        guide_cxcywh = jitter_box(rng, box_cxcywh, aug.guide_jitter)
        if aug.photometric == "worker":
            if rng.random() < aug.grey_probability:
                exemplar, search = to_grey(exemplar), to_grey(search)
            exemplar = jitter_colour(exemplar, rng, aug.colour)
            search = degrade(jitter_colour(search, rng, aug.colour), rng, aug)
            if rng.random() < aug.template_degradation:
                exemplar = degrade(exemplar, rng, aug)
        flags = (crops.is_positive, crops.box_weight, unreadable)
        return Pair(exemplar, search, crops.exemplar_wh, box_cxcywh, guide_cxcywh, *flags)


def jitter_box(rng: np.random.Generator, box_cxcywh: NDArray[np.float32], deviation: float) -> NDArray[np.float32]:
    """Return a box whose centre and size differ by Gaussian noise of `deviation` times its size.

    The size stays above a fifth of what it was.
    """
    noise = rng.normal(0.0, deviation, 4).astype(np.float32)
    center = box_cxcywh[:2] + noise[:2] * box_cxcywh[2:]
    size = box_cxcywh[2:] * np.maximum(1 + noise[2:], np.float32(0.2))
    return np.concatenate((center, size)).astype(np.float32)


def _beside(
    rng: np.random.Generator, box_cxcywh: NDArray[np.float32], extent_wh: tuple[float, float]
) -> tuple[float, float]:
    """Return a centre at which a thing of this size touches the box at most with its margin."""
    direction = rng.uniform(0, 2 * np.pi)
    ray = np.array([np.cos(direction), np.sin(direction)])
    reach = (box_cxcywh[2:] + np.array(extent_wh)) / 2
    # along the ray, as far as the boxes need to part in one of the two directions, a little less or more
    distance = float(np.min(reach / np.maximum(np.abs(ray), 1e-3))) * float(rng.uniform(0.85, 1.4))
    return float(box_cxcywh[0] + ray[0] * distance), float(box_cxcywh[1] + ray[1] * distance)


def _by_kind(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    kinds: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.category:
            kinds[clip.category].append(clip)
    return {kind: alike for kind, alike in kinds.items() if len(alike) > 1}


def _flip(image: Image) -> Image:
    return np.asarray(cv2.flip(image, 1), np.uint8)


def _shift(rng: np.random.Generator, limit: float) -> tuple[float, float]:
    return float(rng.uniform(-limit, limit)), float(rng.uniform(-limit, limit))


def _factor(rng: np.random.Generator, strength: float) -> float:
    return float(np.exp(rng.uniform(-strength, strength)))
