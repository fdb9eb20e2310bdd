"""From a configuration to a run that is ready to start: data, network, starting weights, validation, monitor."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from tracker_core.config.training import TrainingConfig
from tracker_core.crops import Framing
from tracker_core.errors import DataSetError
from tracker_core.models.builder import build_network
from tracker_core.runtime.devices import resolve_device
from tracker_core.training.batches import collate_pairs
from tracker_core.training.clips import Clip
from tracker_core.training.distributed import ProcessGroup
from tracker_core.training.initialise import initialise_network
from tracker_core.training.interrupt import StopRequest
from tracker_core.training.loop import Figures, Trainer
from tracker_core.training.pairs import PairSource
from tracker_core.training.readers import list_backgrounds, read_sets
from tracker_core.training.teachers import load_teacher
from tracker_core.training.validation import TrackingValidator

logger = logging.getLogger(__name__)
MEASURED_BATCHES, MEASURED_PAIRS = 16, 16  # crops on which folded batch norm is measured


@dataclass(frozen=True)
class Prepared:
    """A run and what it was made of; without validation sequences it has no validator."""

    trainer: Trainer
    source: PairSource
    validation: list[Clip]
    device: str
    validator: TrackingValidator | None = None


def make_pair_source(config: TrainingConfig) -> PairSource:
    """Read the data sets and return the source of pairs; raises `DataSetError` where one of them has nothing usable."""
    data = config.data
    clips = read_sets(data.sets, data.root)
    backgrounds = list_backgrounds(data.backgrounds, data.root)
    framing = Framing.of(config.tracker.tracking)
    return PairSource(clips, backgrounds, config.pairs, config.loop.seed, framing)


def read_validation(config: TrainingConfig) -> list[Clip]:
    """Return the validation sequences; raises `DataSetError` where one has no two frames with boxes."""
    sequences = read_sets(config.data.validation, config.data.root)
    for clip in sequences:
        if len(clip.usable) < 2:
            raise DataSetError(f"The validation sequence '{clip.name}' has fewer than two boxes; it cannot be scored.")
    return sequences


def choose_device(wanted: str, processes: ProcessGroup) -> str:
    """Return the device of this process: of several on CUDA each takes its own."""
    if processes.world > 1 and wanted in ("auto", "cuda") and torch.cuda.is_available():
        return resolve_device(f"cuda:{processes.local_rank}")
    return resolve_device(wanted)


def prepare_run(
    config: TrainingConfig,
    *,
    processes: ProcessGroup | None = None,
    stop: StopRequest | None = None,
    on_step: Callable[[int, Figures], None] | None = None,
    on_validation: Callable[[int, Figures], None] | None = None,
) -> Prepared:
    """Return the run that a checked configuration describes, before its first step.

    Raises what readers, networks, checkpoints and devices raise, all before any training.
    """
    loop = config.loop
    processes = processes or ProcessGroup()
    device = choose_device(loop.device, processes)
    if loop.threads:
        torch.set_num_threads(loop.threads)
    if loop.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    source = make_pair_source(config)
    validation = read_validation(config)
    torch.manual_seed(loop.seed)
    network = build_network(config.tracker.network)
    initialise_network(network, loop.initial, lambda: search_crops(source))
    validator = TrackingValidator(config.tracker, validation, device, stop) if validation else None
    trainer = Trainer(
        config, network, source, device=device, validate=validator,
        teacher=load_teacher(loop.teacher, device) if config.loss.distill_weight > 0 else None,
        on_step=on_step, on_validation=on_validation, stop=stop, processes=processes,
    )  # fmt: skip
    return Prepared(trainer, source, validation, device, validator)


def search_crops(source: PairSource) -> Iterable[Tensor]:
    """Return batches of search crops, float B×3×S×S, from pairs that no run of this length sees."""
    first = 1 << 40
    for start in itertools.islice(itertools.count(first, MEASURED_PAIRS), MEASURED_BATCHES):
        yield collate_pairs([source.pair(index) for index in range(start, start + MEASURED_PAIRS)]).search.float()
