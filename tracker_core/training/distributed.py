"""Several processes, one per GPU, started by `torchrun`: who is who, and what they agree on."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from tracker_core.errors import ConfigError

PATIENCE = datetime.timedelta(hours=2)  # the others wait while the first one validates


@dataclass(frozen=True)
class ProcessGroup:
    """Process `rank` of `world`; `local_rank` counts within the machine and chooses the GPU."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def any(self, flag: bool, device: str) -> bool:
        """Return whether the flag is set in any process."""
        if self.world == 1:
            return flag
        value = torch.tensor(float(flag), device=device)
        dist.all_reduce(value, dist.ReduceOp.MAX)
        return bool(value.item())

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a tensor over the processes."""
        if self.world == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.world


@contextlib.contextmanager
def join_processes(batch: int) -> Iterator[ProcessGroup]:
    """Join the processes that `torchrun` started, and leave them at the end; alone where it started none.

    Raises `ConfigError` where `batch` cannot be shared equally.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield ProcessGroup()
        return
    if batch % world:
        raise ConfigError(f"loop.batch is {batch}, which {world} processes cannot share equally.")
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    try:
        yield ProcessGroup(dist.get_rank(), world, int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        dist.destroy_process_group()
