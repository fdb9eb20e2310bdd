"""The training loop: one readable path from pairs to averaged weights, resumable at any step."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import get_ema_multi_avg_fn

from tracker_core.candidates import make_layout
from tracker_core.checkpoints.tensor_files import save_tensors
from tracker_core.checkpoints.weights import save_checkpoint
from tracker_core.config import config_to_mapping
from tracker_core.config.training import TrainingConfig
from tracker_core.errors import OutputError, SiamscopeError
from tracker_core.models.network import Network
from tracker_core.training.augment_batch import BatchAugmentation
from tracker_core.training.batches import Batch, iterate_batches
from tracker_core.training.checkpoint import differing_keys, load_training, save_training
from tracker_core.training.distributed import ProcessGroup
from tracker_core.training.interrupt import Stopped, StopRequest
from tracker_core.training.optimisation import freeze_trunk, make_optimizer, set_rates
from tracker_core.training.pace import Pace
from tracker_core.training.pairs import PairSource

logger = logging.getLogger(__name__)
Figures = dict[str, float]


class NonFiniteLossError(SiamscopeError):
    """The loss became NaN or infinite; the batch is saved for inspection."""


class Trainer:
    """Runs one configuration.

    `validate` takes the averaged network and the step and returns figures, of which `success_auc` chooses the best
    checkpoint; it may raise `Stopped`. `on_step` is told step and terms, `on_validation` step and figures, `on_stop`
    the step that is saved because a stop was requested. `teacher` maps a batch to B×h×w foreground probabilities.
    `stop` ends the run after the step in progress. `processes` are those of `torchrun`.
    """

    def __init__(
        self,
        config: TrainingConfig,
        network: Network,
        source: PairSource,
        *,
        device: str = "cpu",
        validate: Callable[[Network, int], Figures] | None = None,
        teacher: Callable[[Batch], Tensor] | None = None,
        on_step: Callable[[int, Figures], None] | None = None,
        on_validation: Callable[[int, Figures], None] | None = None,
        on_stop: Callable[[int], None] | None = None,
        stop: StopRequest | None = None,
        processes: ProcessGroup | None = None,
    ) -> None:
        self.config, self.source, self.device = config, source, device
        self.network: Network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.validate, self.teacher = validate, teacher
        self.on_step, self.on_validation, self.on_stop = on_step, on_validation, on_stop
        self.stop = stop or StopRequest()
        self.processes = processes or ProcessGroup()
        self.layout = make_layout(config.tracker)
        self.optimizer = make_optimizer(self.network, config.loop)
        self.average = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        augment = config.pairs.augment
        self.augmentation = BatchAugmentation(augment) if augment.photometric == "device" else None
        self.step = 0
        self.best = -1.0
        self.history: list[Figures] = []
        self.unreadable: dict[str, int] = {}
        self.folder = Path(config.loop.out)
        self._replica: nn.Module | None = None
        self._replica_key: tuple[bool, ...] = ()

    @property
    def state_path(self) -> Path:
        """Where the resumable state is kept."""
        return self.folder / "state.safetensors"

    def resume(self) -> bool:
        """Continue from the saved state, if there is one; a configuration that differs is named in a warning."""
        if not self.state_path.is_file():
            return False
        average, facts = load_training(self.state_path, self.network, self.optimizer)
        changed = differing_keys(facts.get("config", {}), config_to_mapping(self.config))
        if changed:
            logger.warning("The run continues with other values than at its start: %s.", ", ".join(changed))
        self.average = {name: value.to(self.device) for name, value in average.items()}
        self.step, self.best, self.history = int(facts["step"]), float(facts["best"]), list(facts["history"])
        return True

    def run(self) -> bool:
        """Train to the last step and return True; on a request to stop, save after the step in progress: False.

        A validation that was due when the run was interrupted is made up first.
        """
        loop, processes = self.config.loop, self.processes
        if self._is_validation_due and not self._validate():
            return False
        pace = Pace(loop.batch)
        batches = iterate_batches(
            self.source, loop, self.step, processes.rank, processes.world, pin=self.device.startswith("cuda")
        )
        for batch in batches:
            self._note_unreadable(batch.unreadable)
            terms = self.train_step(batch.to(self.device))
            self.step += 1
            pace.note_step()
            if self.on_step is not None and processes.is_first:
                self.on_step(self.step, terms | {"pairs_per_second": pace.pairs_per_second})
            if not self._conclude_step():
                return False
            pace.begin()
        return True

    def _conclude_step(self) -> bool:
        """Save, and validate, where the step asks for it; return False where the run ends before its last step.

        Saved first: a validation takes long, and whatever ends the run meanwhile must not cost the steps before it.
        """
        loop, processes = self.config.loop, self.processes
        is_last, is_due = self.step == loop.steps, self._is_validation_due
        is_stopped = processes.any(self.stop.is_set, self.device)
        ends_early = is_stopped and (is_due or not is_last)
        if ends_early and self.on_stop is not None and processes.is_first:
            self.on_stop(self.step)
        if self.step % loop.checkpoint_every == 0 or is_last or is_due or is_stopped:
            self.save()
        return not ends_early and (not is_due or self._validate())

    @property
    def _is_validation_due(self) -> bool:
        loop, step = self.config.loop, self.step
        if self.validate is None or not loop.validate_every or not step:
            return False
        is_planned = step % loop.validate_every == 0 or step == loop.steps
        return is_planned and not any(entry["step"] == step for entry in self.history)

    def train_step(self, batch: Batch) -> Figures:
        """Take one optimiser step and return the terms of the loss; raises `NonFiniteLossError`."""
        loop = self.config.loop
        generator = self._seed_step()
        if self.augmentation is not None:
            batch = self.augmentation(batch)
        self.network.train()
        freeze_trunk(self.network, self.step, loop)
        rate = set_rates(self.optimizer, self.step, loop)
        teacher = self.teacher(batch) if self.teacher is not None else None
        use_amp = loop.amp and self.device.startswith("cuda")
        with torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=use_amp):
            outputs = self._replicated()(*network_inputs(self.network, batch))
        terms = self.layout.loss(
            outputs, batch, self.config.loss, teacher, generator=generator, average=self.processes.mean
        )
        self.optimizer.zero_grad(set_to_none=True)
        terms["total"].backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), loop.clip)
        # one transfer from the device for everything that is reported
        names = [*terms, "gradient"]
        values = torch.stack([*(value.detach().float() for value in terms.values()), norm.detach().float()])
        result = dict(zip(names, self.processes.mean(values).tolist(), strict=True))
        if not torch.isfinite(torch.tensor([result["total"], result["gradient"]])).all():
            raise NonFiniteLossError(self._save_bad_batch(batch))
        self.optimizer.step()
        self._update_average()
        return result | {"learning_rate": rate}

    def _seed_step(self) -> torch.Generator:
        """Seed everything random in this step by seed, step and process, so that a resumed run draws the same."""
        number = (self.config.loop.seed * 1_000_003 + self.step) * 1024 + self.processes.rank
        torch.manual_seed(number % 2**63)
        return torch.Generator().manual_seed(number % 2**63)

    def _replicated(self) -> nn.Module:
        """Return the network, wrapped where several processes share their gradients.

        The wrapper knows the parameters that were trainable when it was made: a released backbone needs a new one.
        """
        if self.processes.world == 1:
            return self.network
        key = tuple(parameter.requires_grad for parameter in self.network.parameters())
        replica = self._replica
        if replica is None or key != self._replica_key:
            ids = [torch.device(self.device).index] if self.device.startswith("cuda") else None
            replica = DistributedDataParallel(self.network, device_ids=ids)
            self._replica, self._replica_key = replica, key
        return replica

    @torch.no_grad()
    def _update_average(self) -> None:
        # a young average would remember the start for long: its decay grows with the steps
        decay = min(self.config.loop.ema, (1 + self.step) / (10 + self.step))
        live = self.network.state_dict()
        names = [name for name, value in live.items() if value.is_floating_point()]
        # all tensors at once: one by one they would keep a GPU waiting longer than the step itself
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        average([self.average[name] for name in names], [live[name] for name in names], 0)
        for name in live.keys() - names:
            self.average[name].copy_(live[name])

    def _validate(self) -> bool:
        """Validate and save what came of it; return False where a stop broke it off."""
        is_done = self.processes.any(self.processes.is_first and self._validate_here(), self.device)
        if is_done:
            self.save()
        return is_done

    def _validate_here(self) -> bool:
        assert self.validate is not None
        live = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.average)
        self.network.eval()
        try:
            figures = self.validate(self.network, self.step)
        except Stopped:
            return False
        finally:
            self.network.load_state_dict(live)
        self.history.append({"step": float(self.step), **figures})
        if figures.get("success_auc", 0.0) > self.best:
            self._save_best(figures["success_auc"])
        if self.on_validation is not None:
            self.on_validation(self.step, figures)
        return True

    def _save_best(self, success_auc: float) -> None:
        try:
            self.save_weights(self.folder / "best.safetensors")
            self.best = success_auc
        except OutputError as error:  # the best one before it stays
            logger.warning("The weights of step %d, the best so far, are not saved. %s", self.step, error)

    def save(self) -> None:
        """Write the resumable state and the averaged weights.

        Where that is impossible the files of the step before stay, and the run continues: there may be room again at
        the next checkpoint. Raises `OutputError` where the run ends here.
        """
        if not self.processes.is_first:
            return
        try:
            self._save_here()
        except OutputError as error:
            if self.step == self.config.loop.steps or self.stop.is_set:
                raise
            logger.warning("Step %d is not saved. %s The run continues and tries again later.", self.step, error)

    def _save_here(self) -> None:
        facts = {
            "step": self.step,
            "best": self.best,
            "history": self.history,
            "config": config_to_mapping(self.config),
        }
        self.save_weights(self.folder / "last.safetensors")
        save_training(self.state_path, self.network, self.average, self.optimizer, facts)

    def save_weights(self, path: Path) -> None:
        """Write the averaged weights as a checkpoint that a tracker loads."""
        facts = {"training_step": str(self.step), "training_pairs": str(self.step * self.config.loop.batch)}
        save_checkpoint(path, self.average, config_to_mapping(self.config.tracker), facts)

    def _note_unreadable(self, paths: tuple[str, ...]) -> None:
        for path in paths:
            if path not in self.unreadable:
                logger.warning("The image '%s' cannot be used and is skipped.", path)
            self.unreadable[path] = self.unreadable.get(path, 0) + 1

    def _save_bad_batch(self, batch: Batch) -> str:
        path = self.folder / f"bad_batch_{self.step}_{self.processes.rank}.safetensors"
        save_tensors(path, {name: value.cpu().contiguous() for name, value in batch.tensors.items()})
        return (
            f"The loss is not finite at step {self.step}; the batch is in '{path}'. "
            "Look at it, or lower loop.learning_rate and resume with --resume."
        )


def network_inputs(network: Network, batch: Batch) -> tuple[Tensor | None, ...]:
    """Return what `Network.forward` takes of a batch: float crops, and the boxes that this network looks at."""
    return (
        batch.exemplar.float().contiguous(memory_format=torch.channels_last),
        batch.search.float().contiguous(memory_format=torch.channels_last),
        batch.exemplar_wh if network.takes_exemplar_size else None,
        batch.proposals_cxcywh if network.takes_proposals else batch.guide_cxcywh if network.takes_guide else None,
    )
