"""What every layout of candidates can do, and what those that regress boxes have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tracker_core.candidates.coding import decode, split_outputs
from tracker_core.candidates.selection import Selection, probability, select
from tracker_core.config import AnchorConfig, TrackerConfig, TrackingConfig
from tracker_core.config.training import LossConfig

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from tracker_core.candidates.on_device import Ranking, Terms

Float32 = NDArray[np.float32]
Arrays = Sequence[NDArray[Any]]  # a network's outputs, batch axis kept
Size = tuple[float, float]
# boxes (N, 4), cx, cy, w, h in search-crop pixels around the centre → what is added to their final scores (N,), if any
Favour = Callable[[Float32], Float32 | None]


@dataclass(frozen=True)
class Candidates:
    """The N candidates of one target's search regions: cx, cy, w, h in search-crop pixels around the centre.

    `levels` are as in `TrackDebug`, `window` is the cosine window (N,), `search_size` the side of the crop. Boxes lie
    in memory plane by plane, as a network's outputs do: NumPy works on such twice as fast as on rows of four.
    """

    levels: tuple[tuple[int, int, int], ...]
    boxes_cxcywh: Float32
    window: Float32
    search_size: int


@dataclass(frozen=True)
class Choice:
    """What one frame's outputs say: all candidates, ranked, and the box that is taken.

    `box_cxcywh` is in search-crop pixels around the centre, `score` in 0..1; the size moves towards it by `rate`, 0..1.
    `selection` is None where nobody asked for all candidates.
    """

    selection: Selection | None
    box_cxcywh: NDArray[np.float64]
    score: float
    rate: float


@dataclass(frozen=True)
class Asking:
    """How a candidate is chosen from one search's outputs.

    Attributes:
        layout: that of the network's candidates. lay_out: returns those of this target, by the shape of the network's
            first output and the side of the search crop; the same object for the same arguments.
        expected_wh: the last size in search-crop pixels.
        tracking: weight of penalty and window.
        wants_all: whether all candidates are asked for, not only the one that is taken.
    """

    layout: Layout
    lay_out: Callable[[Sequence[int], int], Candidates]
    expected_wh: Size
    tracking: TrackingConfig
    wants_all: bool


@dataclass(frozen=True)
class Chosen:
    """What was chosen from one search's outputs, among which candidates, and the highest logit.

    `is_agreed` tells that a second network was heard.
    """

    choice: Choice
    candidates: Candidates
    peak: float
    is_agreed: bool = False


class Targets(Protocol):
    """What a batch of training says of its B pairs; boxes are cx, cy, w, h in search-crop pixels around the centre.

    `search` is B×3×S×S, `exemplar_wh` B×2, `box_cxcywh` B×4, `proposals_cxcywh` B×N×4, `is_positive` bool B,
    `box_weight` B.
    """

    @property
    def search(self) -> Tensor: ...
    @property
    def exemplar_wh(self) -> Tensor: ...
    @property
    def box_cxcywh(self) -> Tensor: ...
    @property
    def proposals_cxcywh(self) -> Tensor: ...
    @property
    def is_positive(self) -> Tensor: ...
    @property
    def box_weight(self) -> Tensor: ...


class Layout(ABC):
    """Where candidates are, which one is taken while tracking, and what a network learns about them.

    Candidates run anchor by anchor, row by row, x fastest: index `((k * h) + y) * w + x` within a map of `k` anchors
    and `h` × `w` positions.
    """

    def __init__(self, config: TrackerConfig) -> None:
        self.config: AnchorConfig = config.anchors

    @abstractmethod
    def boxes(self, shape: Sequence[int], exemplar_wh: Any, search_size: int) -> Any:
        """Return the candidates (…, N, 4), cx, cy, w, h in search-crop pixels around the centre.

        `shape` is that of the network's first output, `exemplar_wh` (…, 2) the target's size in the exemplar's crop, an
        array or a tensor, which decides the kind of the result. Raises `TrackerStateError` for another shape than the
        configuration describes.
        """

    @abstractmethod
    def lay_out(self, shape: Sequence[int], exemplar_wh: NDArray[np.float64], search_size: int) -> Candidates:
        """Return the candidates of one target; the arguments are those of `boxes`."""

    @abstractmethod
    def peak(self, outputs: Arrays) -> float:
        """Return the highest logit of a frame's outputs, by which searches at several scales are compared."""

    @abstractmethod
    def choose(
        self,
        outputs: Arrays,
        candidates: Candidates,
        expected_wh: Size,
        tracking: TrackingConfig,
        favour: Favour | None = None,
    ) -> Choice:
        """Return what the outputs of one frame say; `expected_wh` is the last size in search-crop pixels.

        `favour` is asked what speaks for or against each candidate beside the network.
        """

    @abstractmethod
    def rank(self, outputs: Sequence[Tensor], terms: Terms) -> Ranking:
        """Do what `choose` does, but for `favour`, for a batch of float32 tensors on any device."""

    def favoured(self, choice: Choice, favour: Favour | None, tracking: TrackingConfig) -> Choice:
        """Return the choice after `favour` was asked what speaks for or against each candidate."""
        found = choice.selection
        extra = favour(found.boxes_cxcywh) if favour and found else None
        return choice if found is None or extra is None else self.retake(choice, found.favouring(extra), tracking)

    @abstractmethod
    def retake(self, choice: Choice, selection: Selection, tracking: TrackingConfig) -> Choice:
        """Return the choice of a selection whose winner may be another than that of `choice`."""

    @abstractmethod
    def read(self, outputs: Sequence[Tensor], batch: Targets) -> tuple[Tensor, Tensor, Tensor]:
        """Return a batch's candidates B×N×4, the boxes that the outputs make of them B×N×4, and logits B×N."""

    @abstractmethod
    def loss(
        self,
        outputs: Sequence[Tensor],
        batch: Targets,
        config: LossConfig,
        teacher_probability: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
        average: Callable[[Tensor], Tensor] = lambda value: value,
    ) -> dict[str, Tensor]:
        """Return the terms of the loss; `total` is their weighted sum.

        `teacher_probability` is B×h×w in 0..1: what a teacher thinks of each position; the best candidate of the
        position is held against it. `generator` draws where candidates are sampled. `average` returns the mean of a
        number over several processes, whose boxes then share one normaliser.
        """


class BoxLayout(Layout):
    """Candidates with a score and a regressed box each: outputs cls and loc in the published order of planes."""

    variances: tuple[float, float] = (1.0, 1.0)

    def peak(self, outputs: Arrays) -> float:
        """Return the highest foreground logit."""
        return float(split_outputs(outputs[0], outputs[1])[0].max())

    def scores(self, outputs: Arrays, logits: NDArray[Any], candidates: Candidates) -> Float32:
        """Return the foreground probability (N,) of each candidate."""
        return probability(logits)

    def propose(self, outputs: Arrays, candidates: Candidates) -> tuple[Float32, Float32]:
        """Return the regressed boxes (N, 4), cx, cy, w, h in search-crop pixels around the centre, and scores (N,)."""
        logits, deltas = split_outputs(outputs[0], outputs[1])
        boxes_cxcywh = decode(deltas[0], candidates.boxes_cxcywh, self.variances)
        return boxes_cxcywh, self.scores(outputs, logits[0], candidates)

    def choose(
        self,
        outputs: Arrays,
        candidates: Candidates,
        expected_wh: Size,
        tracking: TrackingConfig,
        favour: Favour | None = None,
    ) -> Choice:
        """Take the candidate with the best score after penalty and window (SiamRPN, section 4.4)."""
        boxes_cxcywh, scores = self.propose(outputs, candidates)
        found = select(
            scores,
            boxes_cxcywh,
            candidates.window,
            expected_wh,
            tracking.penalty_k,
            tracking.window_influence,
        )
        return self.favoured(_take(found, tracking), favour, tracking)

    def rank(self, outputs: Sequence[Tensor], terms: Terms) -> Ranking:
        """Rank the boxes, see `on_device.rank_boxes`."""
        from tracker_core.candidates.on_device import rank_boxes

        return rank_boxes(outputs, terms, self.variances)

    def retake(self, choice: Choice, selection: Selection, tracking: TrackingConfig) -> Choice:
        """Take the selection's winner."""
        return _take(selection, tracking)

    def read(self, outputs: Sequence[Tensor], batch: Targets) -> tuple[Tensor, Tensor, Tensor]:
        """Return candidates, decoded boxes and foreground logits."""
        logits, deltas = split_outputs(outputs[0].float(), outputs[1].float())
        boxes = self.boxes(outputs[0].shape, batch.exemplar_wh, batch.search.shape[-1])
        return boxes, decode(deltas, boxes, self.variances), logits

    def loss(
        self,
        outputs: Sequence[Tensor],
        batch: Targets,
        config: LossConfig,
        teacher_probability: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
        average: Callable[[Tensor], Tensor] = lambda value: value,
    ) -> dict[str, Tensor]:
        """Return the loss of scores and boxes, see `losses.candidate_loss`."""
        from tracker_core.candidates.losses import candidate_loss, label_batch

        logits, deltas = split_outputs(outputs[0].float(), outputs[1].float())
        boxes = self.boxes(outputs[0].shape, batch.exemplar_wh, batch.search.shape[-1])
        labels = label_batch(boxes, batch.box_cxcywh, batch.is_positive, config.positive_from, config.negative_below)
        return candidate_loss(
            logits, deltas, boxes, labels, batch.box_cxcywh, batch.box_weight, config, teacher_probability,
            variances=self.variances, generator=generator, average=average,
        )  # fmt: skip


def _take(found: Selection, tracking: TrackingConfig) -> Choice:
    """Return the box of the winner with its own score."""
    score = found.scores[found.best]
    rate = float(found.penalty[found.best] * score) * tracking.size_lr
    return Choice(found, found.boxes_cxcywh[found.best].astype(np.float64), float(score), rate)
