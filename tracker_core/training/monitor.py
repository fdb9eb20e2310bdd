"""TensorBoard: curves of the loss, the rates and the validation, and images of what the network answers."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from tracker_core.candidates import make_layout
from tracker_core.config import config_to_mapping
from tracker_core.config.training import PairConfig, TrainingConfig
from tracker_core.crops import Framing
from tracker_core.errors import DataSetError
from tracker_core.files import describe_write_error, write_text
from tracker_core.models.network import Network
from tracker_core.training.clips import Clip
from tracker_core.training.distributed import ProcessGroup
from tracker_core.training.pairs import Pair, PairSource
from tracker_core.training.sample_images import draw_samples

logger = logging.getLogger(__name__)
CURVES = "tensorboard"  # the folder


class Monitor:
    """Writes a run's curves and images; without a writer it does nothing."""

    def __init__(self, config: TrainingConfig, writer: Any = None, samples: list[Pair] | None = None) -> None:
        self.config, self.writer, self.samples = config, writer, samples or []

    @classmethod
    @contextmanager
    def open(cls, config: TrainingConfig, prepared: Any, processes: ProcessGroup) -> Iterator[Monitor]:
        """Open the files of a run in its folder, and draw images whenever it validates."""
        if not processes.is_first:
            yield cls(config)
            return
        from omegaconf import OmegaConf

        folder = Path(config.loop.out)
        write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(config_to_mapping(config))))
        writer = _open_writer(folder) if config.loop.tensorboard else None
        monitor = cls(config, writer, sample_pairs(config, prepared.validation) if writer else [])
        trainer = prepared.trainer
        if trainer.validate is not None:
            validate = trainer.validate

            def validate_and_draw(network: Network, step: int) -> dict[str, float]:
                figures: dict[str, float] = validate(network, step)
                monitor.draw(network, step, prepared.device)
                return figures

            trainer.validate = validate_and_draw
        try:
            yield monitor
        finally:
            monitor.close()

    def note_step(self, step: int, terms: dict[str, float]) -> None:
        """Write the terms of the loss and the rates, every `log_every` steps."""
        if self.writer is None or step % self.config.loop.log_every:
            return
        with self._writing() as writer:
            for name, value in terms.items():
                group = "rate" if name in ("learning_rate", "pairs_per_second", "gradient") else "loss"
                writer.add_scalar(f"{group}/{name}", value, step)
            writer.add_scalar("rate/trunk", terms["learning_rate"] * self.config.loop.trunk_factor, step)

    def note_validation(self, step: int, figures: dict[str, float]) -> None:
        """Write what tracking the validation sequences gave."""
        if self.writer is None:
            return
        with self._writing() as writer:
            for name, value in figures.items():
                writer.add_scalar(name if "/" in name else f"validation/{name}", value, step)
            writer.flush()

    def draw(self, network: Network, step: int, device: str) -> None:
        """Write images of the sample pairs with what the network answers."""
        if self.writer is None or not self.samples:
            return
        image = draw_samples(network, self.samples, make_layout(self.config.tracker), device)
        with self._writing() as writer:
            writer.add_image("validation", torch.from_numpy(image[:, :, ::-1].copy()), step, dataformats="HWC")

    def close(self) -> None:
        """Complete the files; calling it twice is harmless."""
        if self.writer is not None:
            with self._writing() as writer:
                writer.close()

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """Give the writer inside the block; the first error of the disk ends the curves, not the training."""
        try:
            yield self.writer
        except OSError as error:
            self.writer = None
            place = Path(self.config.loop.out) / CURVES
            logger.warning("%s The run continues without TensorBoard's curves.", describe_write_error(place, error))


def sample_pairs(config: TrainingConfig, sequences: list[Clip]) -> list[Pair]:
    """Return `loop.images` pairs of the validation sequences, the same in every run, without changes of colour."""
    if not config.loop.images or not sequences:
        return []
    augment = dataclasses.replace(
        config.pairs.augment, photometric="none", flip_probability=0.0, pasted_distractor_probability=0.0
    )
    pairs = PairConfig(
        video_share=1.0, still_share=0.0, cutout_share=0.0, negative_share=0.0, cache_mb=0, augment=augment
    )
    source = PairSource(sequences, [], pairs, seed=0, framing=Framing.of(config.tracker.tracking))
    try:
        return [source.pair(index) for index in range(config.loop.images)]
    except DataSetError as error:
        logger.warning("There are no validation images: %s", error)
        return []


def _open_writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        logger.warning("TensorBoard is not installed: no curves are written. Install 'tensorboard' to have them.")
        return None
    return SummaryWriter(str(folder / CURVES))
