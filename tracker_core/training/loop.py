"""The training loop: one readable path from pairs to averaged weights, resumable at any step."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from tracker_core.config import config_to_mapping
from tracker_core.errors import SiamscopeError
from tracker_core.files import atomic_path
from tracker_core.training.checkpoint import load_training, save_training
from tracker_core.training.config import LoopConfig, TrainingConfig
from tracker_core.training.labels import batch_anchors, label_batch
from tracker_core.training.losses import rpn_loss
from tracker_core.training.pairs import PairSource

logger = logging.getLogger(__name__)


class NonFiniteLossError(SiamscopeError):
    """The loss became NaN or infinite; the batch is saved for inspection."""


@dataclass(frozen=True)
class Batch:
    """A batch of pairs as tensors: exemplars and searches uint8 B×3×S×S, boxes float32, flags."""

    exemplar: Tensor
    search: Tensor
    exemplar_wh: Tensor
    box_cxcywh: Tensor
    is_positive: Tensor
    box_weight: Tensor

    def to(self, device: str) -> Batch:
        """Return the batch on a device."""
        return Batch(*(value.to(device, non_blocking=True) for value in vars(self).values()))


class PairDataset(Dataset[tuple[Any, ...]]):
    """Pairs by their number; the number alone decides what is drawn."""

    def __init__(self, source: PairSource) -> None:
        self.source = source

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        pair = self.source.pair(index)
        return (
            np.ascontiguousarray(pair.exemplar.transpose(2, 0, 1)),
            np.ascontiguousarray(pair.search.transpose(2, 0, 1)),
            pair.exemplar_wh,
            pair.box_cxcywh,
            np.bool_(pair.is_positive),
            np.float32(pair.box_weight),
        )


def iterate_batches(source: PairSource, loop: LoopConfig, first_step: int, rank: int = 0, world: int = 1) -> Iterator[Batch]:
    """Yield the batches from `first_step` to the end; process `rank` of `world` takes every world-th pair."""
    numbers = range(first_step * loop.batch + rank, loop.steps * loop.batch, world)
    loader = DataLoader(
        PairDataset(source),
        batch_size=loop.batch // world,
        sampler=numbers,  # type: ignore[arg-type]  # any iterable of numbers serves
        num_workers=loop.workers,
        worker_init_fn=_settle_worker,
        persistent_workers=False,
        prefetch_factor=4 if loop.workers else None,
        drop_last=True,
    )
    for values in loader:
        yield Batch(*values)


def _settle_worker(_: int) -> None:
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def learning_rate_factor(step: int, loop: LoopConfig) -> float:
    """Return the factor on the peak rate: linear warm-up, then half a cosine down to `final_factor`."""
    if step < loop.warmup:
        return (step + 1) / loop.warmup
    progress = (step - loop.warmup) / max(1, loop.steps - loop.warmup)
    return loop.final_factor + (1 - loop.final_factor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def make_optimizer(network: nn.Module, loop: LoopConfig) -> torch.optim.Optimizer:
    """Return AdamW with the trunk's parameters in the first group and the head's in the second; biases don't decay."""
    groups: list[dict[str, Any]] = []
    for is_trunk in (True, False):
        named = [(n, p) for n, p in network.named_parameters() if n.startswith(("trunk.", "backbone.")) == is_trunk]
        factor = loop.trunk_factor if is_trunk else 1.0
        groups.append({"params": [p for n, p in named if p.ndim > 1], "factor": factor, "is_trunk": is_trunk})
        groups.append(
            {"params": [p for n, p in named if p.ndim <= 1], "factor": factor, "is_trunk": is_trunk, "weight_decay": 0.0}
        )
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=loop.learning_rate, weight_decay=loop.weight_decay)


def freeze_trunk(network: nn.Module, frozen: bool) -> None:
    """Freeze or release the trunk; frozen batch norm keeps its statistics too, whatever `train()` says later."""
    for name, module in network.named_children():
        if name in ("trunk", "backbone"):
            module.requires_grad_(not frozen)
            module.train(not frozen)


class Trainer:
    """Runs one configuration.

    `validate` takes the averaged network and returns figures, of which `success_auc` chooses the best checkpoint.
    `on_step` is told step, terms and rates; `teacher` maps a batch to B×h×w foreground probabilities.
    """

    def __init__(
        self,
        config: TrainingConfig,
        network: nn.Module,
        source: PairSource,
        *,
        device: str = "cpu",
        validate: Callable[[nn.Module, int], dict[str, float]] | None = None,
        teacher: Callable[[Batch], Tensor] | None = None,
        on_step: Callable[[int, dict[str, float]], None] | None = None,
    ) -> None:
        self.config, self.source, self.device = config, source, device
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.validate, self.teacher, self.on_step = validate, teacher, on_step
        self.optimizer = make_optimizer(self.network, config.loop)
        self.average = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.step = 0
        self.best = -1.0
        self.history: list[dict[str, float]] = []
        self.folder = Path(config.loop.out)

    @property
    def state_path(self) -> Path:
        """Where the resumable state is kept."""
        return self.folder / "state.safetensors"

    def resume(self) -> bool:
        """Go on from the saved state, if there is one."""
        if not self.state_path.is_file():
            return False
        average, facts = load_training(self.state_path, self.network, self.optimizer)
        self.average = {name: value.to(self.device) for name, value in average.items()}
        self.step, self.best, self.history = int(facts["step"]), float(facts["best"]), list(facts["history"])
        return True

    def run(self) -> None:
        """Train to the last step; on Ctrl-C or an error the state so far is saved."""
        loop = self.config.loop
        if self.step == 0:
            torch.manual_seed(loop.seed)
        started, seen = time.perf_counter(), 0
        try:
            for batch in iterate_batches(self.source, loop, self.step):
                terms = self.train_step(batch.to(self.device))
                self.step += 1
                seen += loop.batch
                if self.on_step is not None:
                    terms["pairs_per_second"] = seen / (time.perf_counter() - started)
                    self.on_step(self.step, terms)
                if loop.validate_every and (self.step % loop.validate_every == 0 or self.step == loop.steps):
                    self._validate()
                if self.step % loop.checkpoint_every == 0 or self.step == loop.steps:
                    self.save()
        except KeyboardInterrupt:
            self.save()
            raise

    def train_step(self, batch: Batch) -> dict[str, float]:
        """Take one optimiser step and return the terms of the loss; raises `NonFiniteLossError`."""
        loop, tracker = self.config.loop, self.config.tracker
        self.network.train()
        freeze_trunk(self.network, self.step < loop.release_step)
        factor = learning_rate_factor(self.step, loop)
        for group in self.optimizer.param_groups:
            group["lr"] = loop.learning_rate * factor * group["factor"]
        teacher = self.teacher(batch) if self.teacher is not None else None
        use_amp = loop.amp and self.device.startswith("cuda")
        with torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=use_amp):
            z = batch.exemplar.float().contiguous(memory_format=torch.channels_last)
            x = batch.search.float().contiguous(memory_format=torch.channels_last)
            arguments = (batch.exemplar_wh,) if getattr(self.network, "takes_exemplar_size", False) else ()
            cls, loc = self.network(z, x, *arguments)
        anchors = batch_anchors(tracker.anchors, batch.exemplar_wh, cls.shape[-1])
        labels = label_batch(
            anchors, batch.box_cxcywh, batch.is_positive, self.config.loss.positive_from, self.config.loss.negative_below
        )
        terms = rpn_loss(
            cls.float(), loc.float(), anchors, labels, batch.box_cxcywh, batch.box_weight, self.config.loss, teacher
        )
        self.optimizer.zero_grad(set_to_none=True)
        terms["total"].backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), loop.clip)
        if not torch.isfinite(terms["total"]) or not torch.isfinite(norm):
            raise NonFiniteLossError(self._save_bad_batch(batch))
        self.optimizer.step()
        self._update_average()
        result = {name: float(value.detach()) for name, value in terms.items()}
        return result | {"gradient": float(norm), "learning_rate": loop.learning_rate * factor}

    @torch.no_grad()
    def _update_average(self) -> None:
        # a young average would remember the start for long: its decay grows with the steps
        decay = min(self.config.loop.ema, (1 + self.step) / (10 + self.step))
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)

    def _validate(self) -> None:
        if self.validate is None:
            return
        live = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.average)
        self.network.eval()
        figures = self.validate(self.network, self.step)
        self.network.load_state_dict(live)
        self.history.append({"step": float(self.step), **figures})
        if figures.get("success_auc", 0.0) > self.best:
            self.best = figures["success_auc"]
            self.save_weights(self.folder / "best.safetensors")

    def save(self) -> None:
        """Write the resumable state and the averaged weights."""
        facts = {
            "step": self.step,
            "best": self.best,
            "history": self.history,
            "config": config_to_mapping(self.config),
        }
        save_training(self.state_path, self.network, self.average, self.optimizer, facts)
        self.save_weights(self.folder / "last.safetensors")

    def save_weights(self, path: Path) -> None:
        """Write the averaged weights as a checkpoint that a tracker loads."""
        from tracker_core.weights import save_checkpoint

        state = {name: value.detach().cpu().contiguous() for name, value in self.average.items()}
        save_checkpoint(path, state, config_to_mapping(self.config.tracker), {"training_step": str(self.step)})

    def _save_bad_batch(self, batch: Batch) -> str:
        from safetensors.torch import save_file

        path = self.folder / f"bad_batch_{self.step}.safetensors"
        with atomic_path(path) as temporary:
            save_file({name: value.cpu().contiguous() for name, value in vars(batch).items()}, temporary)
        return (
            f"The loss is not finite at step {self.step}; the batch is in '{path}'. "
            "Lower loop.learning_rate or look at the batch."
        )
