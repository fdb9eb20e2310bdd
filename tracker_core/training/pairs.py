"""Training pairs: an exemplar, a search region and where the target is in it.

Pair `i` of a run depends only on (seed, i), so that a resumed run continues with the same pairs whatever the
number of workers. Four kinds of pairs: two frames of a clip, a still against itself, a cut-out moved over
another background, and negatives (another object, or a distractor of the same kind; DaSiamRPN, section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.config.training import PairConfig
from tracker_core.crops import Framing
from tracker_core.errors import ConfigError, DataSetError
from tracker_core.training.augment import degrade, jitter_colour, to_grey
from tracker_core.training.clips import Clip
from tracker_core.training.drawing import Crops, Others, Pool, draw_factor, draw_search_shift, draw_shift
from tracker_core.training.geometry import View, cut_view
from tracker_core.training.images import ImageCache, UnreadableImageError
from tracker_core.training.proposals import draw_proposals
from tracker_core.training.scenes import SceneMaker
from tracker_core.types import Image

ATTEMPTS = 50  # unreadable images in a row before a run gives up
MEGABYTE = 1 << 20


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
        proposals_cxcywh: (N, 4) boxes around the target, for networks that predict overlaps.
        unreadable: images that were drawn for this pair and could not be read.
    """

    exemplar: Image
    search: Image
    exemplar_wh: NDArray[np.float32]
    box_cxcywh: NDArray[np.float32]
    guide_cxcywh: NDArray[np.float32]
    is_positive: bool
    box_weight: float
    proposals_cxcywh: NDArray[np.float32]
    unreadable: tuple[str, ...] = ()


class PairSource:
    """Draws pairs from clips; an unreadable image is noted in the pair and replaced by another draw."""

    def __init__(
        self,
        clips: Sequence[Clip],
        backgrounds: Sequence[str],
        config: PairConfig,
        seed: int = 0,
        framing: Framing | None = None,
    ) -> None:
        self.config = config
        self.seed = seed
        self.framing = framing or Framing()
        self.cache = ImageCache(config.cache_mb * MEGABYTE)
        counts = [len(clip.usable) for clip in clips]
        videos = [clip for clip, count in zip(clips, counts, strict=True) if count > 1]
        stills = [clip for clip, count in zip(clips, counts, strict=True) if count == 1]
        cutouts = [clip for clip in clips if clip.outlined]
        # long clips hold more than short ones, but not in proportion: neighbouring frames are alike
        self.videos = Pool(videos, [clip.weight * len(clip.usable) ** 0.5 for clip in videos])
        self.stills = Pool(stills, [clip.weight for clip in stills])
        self.cutouts = Pool(cutouts, [clip.weight for clip in cutouts])
        if not videos and not stills and not cutouts:
            raise DataSetError("No clip of the training data has a usable box; check the data folders in the config.")
        self.others = Others([self.videos, self.stills], config.same_kind_share)
        backgrounds = list(backgrounds) or [clip.frames[int(clip.usable[0])] for clip in stills]
        self.scenes = SceneMaker(self.cutouts, backgrounds, config, self.framing, self.cache)
        shares = np.array(
            [
                config.video_share * bool(videos),
                config.still_share * bool(stills),
                config.cutout_share * bool(cutouts and backgrounds),
            ]
        )
        if not shares.sum() > 0 or (shares < 0).any():
            raise ConfigError(
                "pairs.video_share, pairs.still_share and pairs.cutout_share leave nothing to draw pairs from: "
                f"the data holds {len(videos)} videos, {len(stills)} stills and {len(cutouts)} cut-outs."
            )
        self.shares = np.cumsum(shares / shares.sum())

    def pair(self, index: int) -> Pair:
        """Return pair `index`; raises `DataSetError` when image after image cannot be read."""
        rng = np.random.default_rng((self.seed, index))
        unreadable: list[str] = []
        while len(unreadable) < ATTEMPTS:
            try:
                crops = self._draw(rng)
            except UnreadableImageError as error:
                unreadable.append(str(error))
                continue
            return self._finish(rng, crops, tuple(unreadable))
        raise DataSetError(
            f"{ATTEMPTS} images in a row could not be read, the last one '{unreadable[-1]}'; "
            "check the training data's folders."
        )

    def _draw(self, rng: np.random.Generator) -> Crops:
        kind = int(np.searchsorted(self.shares, rng.random(), side="right"))
        if kind >= 2:
            return self.scenes.draw(rng)
        clip = (self.videos if kind == 0 else self.stills).draw(rng)
        frames = clip.usable
        first = int(rng.choice(frames))
        near = frames[np.abs(frames - first) <= clip.step]
        second = int(rng.choice(near))
        other = None if rng.random() >= self.config.negative_share else self.others.choose(rng, clip)
        exemplar, target_cxcywh = cut_view(
            self.cache, clip.frames[first], clip.boxes_xywh[first], self._exemplar_view(rng, clip.boxes_xywh[first])
        )
        shown = clip
        if other is not None:
            shown, second = other, int(rng.choice(other.usable))
        stretch = self.framing.is_stretched or (other is None and first == second)
        box = shown.boxes_xywh[second]
        search, box_cxcywh = cut_view(self.cache, shown.frames[second], box, self._search_view(rng, box, stretch))
        if rng.random() < self.config.augment.pasted_distractor_probability and len(self.cutouts):
            self.scenes.paste_distractor(rng, search, box_cxcywh, clip)
        return Crops(exemplar, search, target_cxcywh[2:], box_cxcywh, other is None, clip.box_weight)

    def _exemplar_view(self, rng: np.random.Generator, box_xywh: NDArray[np.float64]) -> View:
        aug = self.config.augment
        factor = draw_factor(rng, aug.template_scale)
        across, down = self.framing.exemplar_scales(box_xywh[2], box_xywh[3])
        return View(self.framing.exemplar_size, (across * factor, down * factor), draw_shift(rng, aug.template_shift))

    def _search_view(self, rng: np.random.Generator, box_xywh: NDArray[np.float64], stretch: bool) -> View:
        aug = self.config.augment
        factor = draw_factor(rng, aug.scale)
        root = draw_factor(rng, aug.aspect) ** 0.5 if stretch else 1.0
        across, down = self.framing.search_scales(box_xywh[2], box_xywh[3])
        scales = (across * factor * root, down * factor / root)
        return View(self.framing.search_size, scales, draw_search_shift(rng, aug))

    def _finish(self, rng: np.random.Generator, crops: Crops, unreadable: tuple[str, ...]) -> Pair:
        """Flip, recolour and degrade the crops; add the guide and the proposals."""
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
        proposals_cxcywh = draw_proposals(rng, box_cxcywh, self.config.proposals)
        flags = (crops.is_positive, crops.box_weight, proposals_cxcywh, unreadable)
        return Pair(exemplar, search, crops.exemplar_wh, box_cxcywh, guide_cxcywh, *flags)


def jitter_box(rng: np.random.Generator, box_cxcywh: NDArray[np.float32], deviation: float) -> NDArray[np.float32]:
    """Return a box whose centre and size differ by Gaussian noise of `deviation` times its size.

    The size stays above a fifth of what it was.
    """
    noise = rng.normal(0.0, deviation, 4).astype(np.float32)
    center = box_cxcywh[:2] + noise[:2] * box_cxcywh[2:]
    size = box_cxcywh[2:] * np.maximum(1 + noise[2:], np.float32(0.2))
    return np.concatenate((center, size)).astype(np.float32)


def _flip(image: Image) -> Image:
    return np.asarray(cv2.flip(image, 1), np.uint8)
