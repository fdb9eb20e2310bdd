"""From numbered pairs to batches of tensors, made by worker processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tracker_core.config.training import LoopConfig
from tracker_core.training.pairs import Pair, PairSource


@dataclass(frozen=True)
class Batch:
    """A batch of pairs as tensors.

    Attributes:
        exemplar, search: uint8 B×3×S×S, BGR.
        exemplar_wh: float32 B×2. box_cxcywh, guide_cxcywh: float32 B×4, as in `Pair`.
        is_positive: bool B. box_weight: float32 B. proposals_cxcywh: float32 B×N×4.
        unreadable: images that could not be read while the batch was made.
    """

    exemplar: Tensor
    search: Tensor
    exemplar_wh: Tensor
    box_cxcywh: Tensor
    guide_cxcywh: Tensor
    is_positive: Tensor
    box_weight: Tensor
    proposals_cxcywh: Tensor = field(default_factory=lambda: torch.empty(0))
    unreadable: tuple[str, ...] = ()

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "unreadable"}

    def to(self, device: str) -> Batch:
        """Return the batch on a device."""
        return self.with_tensors({name: value.to(device, non_blocking=True) for name, value in self.tensors.items()})

    def pin_memory(self) -> Batch:
        """Return the batch in page-locked memory, from where copies to a GPU run beside the computation."""
        return self.with_tensors({name: value.pin_memory() for name, value in self.tensors.items()})

    def with_tensors(self, tensors: Mapping[str, Tensor]) -> Batch:
        """Return the batch with other tensors under these names."""
        return replace(self, **cast("dict[str, Any]", dict(tensors)))


class PairDataset(Dataset[Pair]):
    """Pairs by their number; only the number decides what is drawn."""

    def __init__(self, source: PairSource) -> None:
        self.source = source

    def __getitem__(self, index: int) -> Pair:
        return self.source.pair(index)


def collate_pairs(pairs: Sequence[Pair]) -> Batch:
    """Return pairs as one batch."""

    def stack(name: str, dtype: Any) -> Tensor:
        return torch.from_numpy(np.stack([np.asarray(getattr(pair, name), dtype) for pair in pairs]))

    return Batch(
        exemplar=stack("exemplar", np.uint8).permute(0, 3, 1, 2).contiguous(),
        search=stack("search", np.uint8).permute(0, 3, 1, 2).contiguous(),
        exemplar_wh=stack("exemplar_wh", np.float32),
        box_cxcywh=stack("box_cxcywh", np.float32),
        guide_cxcywh=stack("guide_cxcywh", np.float32),
        is_positive=stack("is_positive", np.bool_),
        box_weight=stack("box_weight", np.float32),
        proposals_cxcywh=stack("proposals_cxcywh", np.float32),
        unreadable=tuple(path for pair in pairs for path in pair.unreadable),
    )


def iterate_batches(
    source: PairSource, loop: LoopConfig, first_step: int, rank: int = 0, world: int = 1, pin: bool = False
) -> Iterator[Batch]:
    """Yield the batches from `first_step` to the end; process `rank` of `world` takes every world-th pair."""
    numbers = range(first_step * loop.batch + rank, loop.steps * loop.batch, world)
    loader = DataLoader(
        PairDataset(source),
        batch_size=loop.batch // world,
        sampler=numbers,
        num_workers=loop.workers,
        worker_init_fn=_settle_worker,
        collate_fn=collate_pairs,
        prefetch_factor=4 if loop.workers else None,
        pin_memory=pin,
    )
    yield from loader


def _settle_worker(_: int) -> None:
    import cv2

    # the parent decides when to stop: a worker that Ctrl-C kills would take the parent's last step with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
