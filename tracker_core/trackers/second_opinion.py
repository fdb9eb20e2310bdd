"""A second network that looks at the same target in its own way, and how two of them agree on scores and boxes.

Two networks seldom fail on the same frame. A candidate of the first one is believed as far as the second has one of its
own there: the logits of both are averaged (a product of experts, Hinton 2002), and so are their boxes, weighted by the
scores.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.boxes import cxcywh_to_xywh, iou_xywh, published_center
from tracker_core.candidates import Asking, BoxLayout, Candidates, Chosen, make_layout
from tracker_core.candidates.selection import select
from tracker_core.config import TrackerConfig, TrackingConfig
from tracker_core.crops import Cutout, Framing
from tracker_core.errors import ConfigError
from tracker_core.trackers.searching import SearchRequest
from tracker_core.types import Image

if TYPE_CHECKING:  # it loads torch
    from tracker_core.runtime.base import Answer, Outputs, Runner

Array = NDArray[np.float64]

LEAST = 0.02  # candidates below this score, and below half of the best one, have no say
MOST = 30  # so many of the second network's candidates are looked at, the best ones
APART, SAME = 0.2, 0.6  # overlap up to which two boxes are different objects, and from which they are the same
NOTHING = 1e-4  # the score of the second network where it has no candidate


@dataclass(frozen=True)
class Opinion:
    """The M candidates of a network that count, the best first, and the region that it saw.

    `boxes_cxcywh` (M, 4) and `view_cxcywh` (4,) are cx, cy, w, h in the same pixels, `scores` (M,) are in 0..1.
    """

    boxes_cxcywh: Array
    scores: Array
    view_cxcywh: Array

    def seen_from(self, center: Array, scales: Array) -> Opinion:
        """Return it in the pixels of a search region around `center` (2,), with `scales` (2,) of them per pixel."""
        offset, factors = np.concatenate((center, np.zeros(2))), np.tile(scales, 2)
        return Opinion((self.boxes_cxcywh - offset) * factors, self.scores, (self.view_cxcywh - offset) * factors)


class SecondOpinion:
    """What a second network sees of one target: its own template, crops and candidates."""

    def __init__(self, config: TrackerConfig, runner: Runner) -> None:
        self.runner = runner
        self._config = second_tracker(config)
        self._framing = Framing.of(self._config.tracking)
        layout = make_layout(self._config)
        if not isinstance(layout, BoxLayout):
            raise ConfigError("A second network needs candidates with boxes; second.anchors.style has none.")
        self._layout = layout
        self._candidates: Candidates | None = None

    def start(self, image: Image, box_xywh: Array, padding: tuple[int, ...]) -> None:
        """Take the template of the target in `box_xywh` (x, y, w, h, pixels) from a uint8 H×W×3 BGR image."""
        framing, size = self._framing, box_xywh[2:]
        center = published_center(box_xywh, self._config.tracking.convention)
        sides, scales = framing.exemplar_sides(*size), framing.exemplar_scales(*size)
        cutout = Cutout.around(image, (center[0], center[1]), sides, framing.exemplar_size, padding)
        self._exemplar_wh = size * scales
        self._template = self.runner.template(cutout.crop, (float(self._exemplar_wh[0]), float(self._exemplar_wh[1])))
        self._candidates = None

    def request(self, image: Image, center: Array, size: Array, padding: tuple[int, ...]) -> SearchRequest:
        """Return the search around the last box in the next image; centre and size (2,) in pixels."""
        self._center = center.copy()
        self._scales = np.array(self._framing.search_scales(*size))
        side = self._framing.search_size
        sides = side / self._scales
        cutout = Cutout.around(image, (float(center[0]), float(center[1])), (sides[0], sides[1]), side, padding)
        if not self.runner.is_cutting:
            cutout.crop  # noqa: B018 it is cut here and not while the networks are waited for
        return SearchRequest(self.runner, self._template, cutout, (0.0, 0.0, *(size * self._scales)))

    def read(self, outputs: Outputs) -> Opinion:
        """Return what the network's outputs for the last request say, in image pixels."""
        if self._candidates is None:
            self._candidates = self._layout.lay_out(outputs[0].shape, self._exemplar_wh, self._framing.search_size)
        boxes_cxcywh, scores = self._layout.propose(outputs, self._candidates)
        counting = np.flatnonzero(scores >= least_score(scores))
        counting = counting[np.argsort(-scores[counting], kind="stable")][:MOST]
        boxes = boxes_cxcywh[counting].astype(np.float64) / np.tile(self._scales, 2)
        boxes[:, :2] += self._center
        view = np.concatenate((self._center, self._framing.search_size / self._scales))
        return Opinion(boxes, scores[counting].astype(np.float64), view)

    def revise(self, chosen: Chosen, answer: Answer, center: Array, scales: Array, asking: Asking) -> Chosen:
        """Return what is chosen after this network's answer is heard.

        `chosen`, with all candidates, is in a region around `center` (2,), of `scales` (2,) pixels per image pixel, and
        was chosen as `asking` says.
        """
        found, tracking = chosen.choice.selection, asking.tracking
        if found is None or isinstance(answer, Chosen):
            raise ValueError("a second network is heard on all candidates")
        opinion = self.read(answer).seen_from(center, scales)
        boxes_cxcywh, scores = agree(
            found.boxes_cxcywh, found.scores, opinion, tracking.second_weight, tracking.second_box_weight
        )
        agreed = select(
            scores, boxes_cxcywh, chosen.candidates.window, asking.expected_wh, tracking.penalty_k,
            tracking.window_influence,
        )  # fmt: skip
        return replace(chosen, choice=asking.layout.retake(chosen.choice, agreed, tracking), is_agreed=True)


def second_tracker(config: TrackerConfig) -> TrackerConfig:
    """Return the configuration of a tracker that is the second network of `config` alone."""
    second = config.second
    tracking = replace(
        TrackingConfig(),
        exemplar_size=second.exemplar_size,
        search_size=second.search_size,
        crop_shape=second.crop_shape,
        context=second.context,
        search_context=second.search_context,
        convention=second.convention,
    )
    return TrackerConfig(config.name, second.network, second.anchors, tracking)


def least_score(scores: NDArray[Any]) -> float:
    """Return the score from which candidates count: less where none is good."""
    return min(LEAST, 0.5 * float(scores.max(initial=0.0)))


def agree(
    boxes_cxcywh: NDArray[np.float32],
    scores: NDArray[np.float32],
    opinion: Opinion,
    weight: float,
    box_weight: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return boxes (N, 4), cx, cy, w, h, and scores (N,) of the first network's candidates after the second was heard.

    `opinion`, in the same pixels, is the second's; `weight` is what its scores count beside the first one's, and
    `box_weight` what its boxes do. Of candidates outside its view it says nothing; those of the first one that have no
    say keep their boxes.
    """
    counting = np.flatnonzero(scores >= least_score(scores))
    mine = boxes_cxcywh[counting].astype(np.float64)
    support, partners = _backing(mine, opinion)
    heard = np.full(len(scores), NOTHING)
    heard[counting] = support
    view = opinion.view_cxcywh
    is_seen = (np.abs(boxes_cxcywh[:, :2] - view[:2]) <= view[2:] / 2).all(axis=1)
    own = _logit(scores.astype(np.float64))
    agreed_scores = 1 / (1 + np.exp(-np.where(is_seen, (own + weight * _logit(heard)) / (1 + weight), own)))
    share = (box_weight * support / (scores[counting] + box_weight * support + 1e-9))[:, None]
    agreed = boxes_cxcywh.copy(order="K")
    agreed[counting] = _between(mine, partners, share)
    return agreed, agreed_scores.astype(np.float32)


def _backing(mine_cxcywh: Array, opinion: Opinion) -> tuple[Array, Array]:
    """Return how much the others' candidates speak for each of mine (N,), and the box that speaks loudest (N, 4)."""
    others_cxcywh = opinion.boxes_cxcywh
    if len(others_cxcywh) == 0:
        return np.zeros(len(mine_cxcywh)), mine_cxcywh
    overlap = iou_xywh(cxcywh_to_xywh(mine_cxcywh)[:, None], cxcywh_to_xywh(others_cxcywh))
    backing = opinion.scores * np.clip((overlap - APART) / (SAME - APART), 0.0, 1.0)
    loudest = np.argmax(backing, axis=1)
    return backing[np.arange(len(mine_cxcywh)), loudest], others_cxcywh[loudest]


def _logit(scores: Array) -> Array:
    kept = np.clip(scores, NOTHING, 1 - NOTHING)
    return np.asarray(np.log(kept / (1 - kept)), np.float64)


def _between(boxes_cxcywh: Array, others_cxcywh: Array, share: Array) -> Array:
    """Return boxes on the way to others: centres on a line, sizes by a constant factor."""
    centers = boxes_cxcywh[:, :2] * (1 - share) + others_cxcywh[:, :2] * share
    sizes = boxes_cxcywh[:, 2:] ** (1 - share) * others_cxcywh[:, 2:] ** share
    return np.concatenate((centers, sizes), axis=1)
