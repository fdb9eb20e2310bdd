"""Cut-out pairs: an object moved over other backgrounds, with distractors, occluders and its own motion."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tracker_core.config.training import PairConfig
from tracker_core.crops import Framing
from tracker_core.training.clips import Clip
from tracker_core.training.cutouts import CutOut, Placement, composite, draw_background, extent, paste
from tracker_core.training.drawing import Crops, Others, Pool, draw_factor, draw_search_shift, draw_shift, place_beside
from tracker_core.training.images import ImageCache, UnreadableImageError
from tracker_core.types import Image

LONGEST_SMEAR = 13  # pixels


class SceneMaker:
    """Composes pairs of cut-outs from `cutouts` over images from `backgrounds`."""

    def __init__(
        self,
        cutouts: Pool,
        backgrounds: Sequence[str],
        config: PairConfig,
        framing: Framing,
        cache: ImageCache,
    ) -> None:
        self.cutouts, self.backgrounds = cutouts, list(backgrounds)
        self.config, self.framing, self.cache = config, framing, cache
        self.others = Others([cutouts], config.same_kind_share)

    def draw(self, rng: np.random.Generator) -> Crops:
        """Return a cut-out against a background and, moved, turned and scaled, against another; or a negative pair."""
        clip = self.cutouts.draw(rng)
        target = self._cut_out(rng, clip)
        angle = float(rng.uniform(-20, 20))
        other = None if rng.random() >= self.config.negative_share else self.others.choose(rng, clip)
        exemplar, search = self._backgrounds(rng)
        aug = self.config.augment
        scale, aspect = self._fit(target, angle, self.framing.exemplar_scales)
        scale *= draw_factor(rng, aug.template_scale)
        exemplar_box = paste(exemplar, target, Placement(angle, scale, draw_shift(rng, aug.template_shift), aspect))
        shown = target if other is None else self._cut_out(rng, other)
        placement = self._place(rng, shown, angle)
        box_wh = extent(shown, placement.angle, placement.aspect, placement.scale)
        box_cxcywh = np.array([*placement.shift, *box_wh], np.float32)
        composite(
            search,
            shown,
            placement,
            under=self._distractors(rng, clip, target, placement, box_cxcywh, other is None),
            over=self._occluders(rng, box_cxcywh),
        )
        return Crops(exemplar, search, exemplar_box[2:], box_cxcywh, other is None, 1.0)

    def _backgrounds(self, rng: np.random.Generator) -> tuple[Image, Image]:
        """Return the exemplar's and the search region's: another one, or the same scene before the target moved."""
        size = self.framing.exemplar_size
        search = self._background(rng, self.framing.search_size)
        if rng.random() >= self.config.augment.same_scene_share:
            return self._background(rng, size), search
        first = (self.framing.search_size - size) // 2
        return search[first : first + size, first : first + size].copy(), search

    def _place(self, rng: np.random.Generator, cut: CutOut, angle: float) -> Placement:
        aug = self.config.augment
        smear = (0, 0.0)
        if rng.random() < aug.motion_probability:
            smear = (int(rng.integers(3, LONGEST_SMEAR + 1)), float(rng.uniform(0, 180)))
        scale, aspect = self._fit(cut, angle, self.framing.search_scales)
        return Placement(
            angle + float(rng.normal(0, aug.rotation / 2)),
            scale * draw_factor(rng, aug.scale),
            draw_search_shift(rng, aug),
            aspect * draw_factor(rng, aug.aspect),
            smear,
        )

    def paste_distractor(
        self, rng: np.random.Generator, search: Image, box_cxcywh: NDArray[np.float32], clip: Clip
    ) -> None:
        """Paste another object, of the target's kind where there is one, beside the target of a real image."""
        alike = self.others.kinds.get(clip.category, []) if clip.category else []
        chosen = alike[int(rng.integers(len(alike)))] if alike else self.cutouts.draw(rng)
        if clip.may_show_same(chosen):
            return
        cut = self._cut_out(rng, chosen)
        angle = float(rng.uniform(-20, 20))
        width, height = extent(cut, angle)
        scale = float(np.sqrt(box_cxcywh[2] * box_cxcywh[3] / (width * height))) * draw_factor(rng, 0.3)
        shift = place_beside(rng, box_cxcywh, (width * scale, height * scale))
        paste(search, cut, Placement(angle, scale, shift))

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
            chosen = self.others.choose(rng, clip)
            if chosen is None:
                return []
            cut = self._cut_out(rng, chosen)
        angle = placement.angle + float(rng.uniform(-30, 30))
        # in a region that is stretched to the target's shape everything is
        _, aspect = self._fit(target, placement.angle, self.framing.search_scales)
        scale = placement.scale if cut is target else self._fit(cut, angle, self.framing.search_scales)[0]
        shift = place_beside(rng, box_cxcywh, extent(cut, angle, aspect, scale))
        return [(cut, Placement(angle, scale, shift, aspect))]

    def _occluders(self, rng: np.random.Generator, box_cxcywh: NDArray[np.float32]) -> list[tuple[CutOut, Placement]]:
        if rng.random() >= self.config.augment.occluder_probability:
            return []
        cut = self._cut_out(rng, self.cutouts.draw(rng))
        away = rng.uniform(0.3, 0.65, 2) * box_cxcywh[2:] * rng.choice([-1.0, 1.0], 2)
        shift = (float(box_cxcywh[0] + away[0]), float(box_cxcywh[1] + away[1]))
        angle = float(rng.uniform(0, 360))
        scale, _ = self._fit(cut, angle, self.framing.search_scales)
        return [(cut, Placement(angle, scale * float(rng.uniform(0.4, 0.8)), shift))]

    def _fit(
        self, cut: CutOut, angle: float, scales: Callable[[float, float], tuple[float, float]]
    ) -> tuple[float, float]:
        """Return the scale and the stretch at which the turned cut-out lies in a crop as a target does."""
        width, height = extent(cut, angle)
        across, down = scales(width + 1e-3, height + 1e-3)
        return math.sqrt(across * down), across / down

    def _cut_out(self, rng: np.random.Generator, clip: Clip) -> CutOut:
        assert clip.polygons is not None
        frame = int(rng.choice(clip.outlined))
        outline = clip.polygons[frame]
        assert outline is not None
        cut = CutOut.from_image(self.cache.read(clip.frames[frame]), outline)
        if cut is None:
            raise UnreadableImageError(f"{clip.frames[frame]} (the outline lies outside of it)")
        return cut

    def _background(self, rng: np.random.Generator, size: int) -> Image:
        path = self.backgrounds[int(rng.integers(len(self.backgrounds)))]
        return draw_background(rng, self.cache.read(path), size)
