"""ATOM's map: positions scored by a classifier that is learned while tracking, and boxes whose overlap is predicted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tracker_core.candidates.anchor_grid import grid_anchors
from tracker_core.candidates.layout import Targets
from tracker_core.candidates.response_map import ResponseMap
from tracker_core.config.training import LossConfig

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class OverlapMap(ResponseMap):
    """The classifier's positions while tracking; in training, the proposals of a pair and their predicted overlap."""

    def boxes(self, shape: Sequence[int], exemplar_wh: Any, search_size: int) -> Any:
        """Return a box of the target's size at every position; the middle is index n / 2, as an even filter has it."""
        return grid_anchors(exemplar_wh[..., None, :], (shape[-2], shape[-1]), self.config.stride, is_centred=False)

    def read(self, outputs: Sequence[Tensor], batch: Targets) -> tuple[Tensor, Tensor, Tensor]:
        """Return the proposals, which are the boxes as well, and their predicted overlap."""
        return batch.proposals_cxcywh, batch.proposals_cxcywh, outputs[0].float()

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
        """Return the squared error of the predicted overlaps, see `losses.overlap_loss`."""
        from tracker_core.candidates.losses import overlap_loss

        return overlap_loss(outputs[0].float(), batch.proposals_cxcywh, batch.box_cxcywh, batch.box_weight)
