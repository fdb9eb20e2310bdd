"""Is the correlation map needed? The same small trackers trained alike, several seeds each, and one benchmark.

It compares SiamRPN, SiamConcatRPN and SiamBroadcastRPN on OTB-2015 by success and
precision; SiamFC and the box that stays where it was stand beside them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracker_core.checkpoints.weights import find_weights, read_metadata
from tracker_core.config import apply_overrides, config_to_mapping, load_yaml
from tracker_core.config.training import TrainingConfig, check_training
from tracker_core.errors import CheckpointError, ConfigError, InputError, nearest_name
from tracker_core.evaluation.baseline import StayingBox
from tracker_core.evaluation.runner import Candidate
from tracker_core.trackers.builder import build_tracker
from tracker_core.training.checkpoint import differing_keys
from tracker_core.training.config import load_training_config
from tracker_core.training.distributed import ProcessGroup
from tracker_core.training.interrupt import StopRequest
from tracker_core.training.loop import Figures
from tracker_core.training.monitor import Monitor
from tracker_core.training.preparation import Prepared, prepare_run

SHIPPED = "shipped"
WEIGHTS_FILE, CONFIG_FILE = "last.safetensors", "config.yaml"


@dataclass
class BenchmarkSection:
    """What is evaluated on: the benchmark's `name` as `eval` knows it, its folder, and which sequences (none: all)."""

    name: str = "otb"
    root: str = ""
    sequences: list[str] = field(default_factory=list)


@dataclass
class StudyConfig:
    """The experiment.

    Attributes:
        trackers: name → training configuration, a path from the folder of the experiment's own configuration.
        only: the names that take part; none means all of them.
        seeds: of every tracker.
        training: changes to every training configuration, in its own sections; what all have in common.
        benchmark: what is evaluated on.
        load: "" trains; "shipped" takes the weights that ship with the program; else a folder of finished runs that are
            called `<tracker>_<seed>`.
        out: folder of everything that comes out.
    """

    trackers: dict[str, str] = field(default_factory=dict)
    only: list[str] = field(default_factory=list)
    seeds: list[int] = field(default_factory=lambda: [0])
    training: dict[str, Any] = field(default_factory=dict)
    benchmark: BenchmarkSection = field(default_factory=BenchmarkSection)
    load: str = ""
    out: str = "runs/correlation_study"


@dataclass(frozen=True)
class Run:
    """One tracker with one seed; `seed` is None for weights that ship. `config` is how it is trained here."""

    tracker: str
    seed: int | None
    weights: Path
    config: TrainingConfig

    @property
    def name(self) -> str:
        """What its results are called."""
        return self.tracker if self.seed is None else f"{self.tracker}_{self.seed}"

    @property
    def folder(self) -> Path:
        """The folder of the training run."""
        return self.weights.parent

    @property
    def step(self) -> int:
        """How many steps the weights on disk were trained for; 0 without any."""
        return int(self.facts.get("training_step", 0))

    @property
    def is_finished(self) -> bool:
        """Whether the weights are those of the last step."""
        return self.weights.is_file() and self.step >= self.config.loop.steps

    @property
    def facts(self) -> dict[str, str]:
        """What the weights say of themselves; empty without any."""
        return read_metadata(self.weights) if self.weights.is_file() else {}

    def saved_conditions(self) -> dict[str, Any] | None:
        """Return the configuration that lies beside the weights, None where there is none."""
        path = self.folder / CONFIG_FILE
        if self.seed is None or not path.is_file():
            return None
        return config_to_mapping(apply_overrides(TrainingConfig(), load_yaml(path)))

    def candidate(self, device: str, runtime: str) -> Candidate:
        """Return what is evaluated."""
        make = functools.partial(build_tracker, weights=str(self.weights), device=device, runtime=runtime)
        return Candidate(self.name, make)


BASELINE = Candidate(StayingBox.name, StayingBox)


def load_experiment(path: str | Path, overrides: list[str]) -> StudyConfig:
    """Return the experiment of a YAML file and `key=value` texts; raises `ConfigError` that names what is wrong."""
    config = apply_overrides(apply_overrides(StudyConfig(), load_yaml(path)), overrides)
    if not config.trackers:
        raise ConfigError(f"'{path}' names no trackers; give trackers.NAME=FILE, a training configuration each.")
    for name in config.only:
        if name not in config.trackers:
            raise ConfigError(
                f"'only' names '{name}', which is not among the trackers.{nearest_name(name, config.trackers)} "
                f"There are: {', '.join(config.trackers)}."
            )
    if not config.seeds or len(set(config.seeds)) < len(config.seeds) or min(config.seeds) < 0:
        raise ConfigError(f"seeds is {config.seeds}; give one or more different numbers from 0, such as seeds=[0,1,2].")
    if not config.benchmark.root:
        raise ConfigError("benchmark.root is empty: give the folder of the sequences, as benchmark.root=DIR.")
    return config


def plan_runs(config: StudyConfig, base: str | Path) -> list[Run]:
    """Return every tracker with every seed, trained already or not; training configurations lie below `base`.

    Raises `ConfigError` for a training configuration that cannot be run, `CheckpointError` for weights that are to be
    loaded and are not there or not of that tracker.
    """
    runs = []
    for name in config.only or config.trackers:
        path = Path(base) / config.trackers[name]
        if config.load == SHIPPED:
            training = _training_config(path, config, name, seed=0, folder=Path(config.out))
            runs.append(Run(name, None, find_weights(training.tracker.name), training))
            continue
        for seed in config.seeds:
            folder = (Path(config.load) if config.load else Path(config.out) / "runs") / f"{name}_{seed}"
            training = _training_config(path, config, name, seed, folder)
            runs.append(Run(name, seed, folder / WEIGHTS_FILE, training))
    for run in runs:
        if config.load:
            _check_loaded(run, config.load)
        else:
            _check_trainable(run)
    return runs


def train_run(
    run: Run, stop: StopRequest, on_start: Callable[[Prepared], None], on_step: Callable[[int, Figures], None]
) -> bool:
    """Train what is missing of a run and return whether it was finished; `stop` ends it after the step in progress."""
    prepared = prepare_run(run.config, stop=stop)
    trainer = prepared.trainer
    trainer.resume()
    with Monitor.open(run.config, prepared, ProcessGroup()) as monitor:
        on_start(prepared)

        def note(step: int, terms: Figures) -> None:
            monitor.note_step(step, terms)
            on_step(step, terms)

        trainer.on_step = note
        return trainer.run()


def _training_config(path: Path, config: StudyConfig, name: str, seed: int, folder: Path) -> TrainingConfig:
    # no run is chosen by its validation, so that all are measured after the same number of steps
    own = {"data.validation": [], "loop.validate_every": 0, "loop.seed": seed, "loop.out": str(folder)}
    try:
        training = apply_overrides(load_training_config(path), config.training)
        return check_training(apply_overrides(training, own))
    except ConfigError as error:
        raise ConfigError(f"The training of '{name}' ({path}): {error}") from error


def _check_loaded(run: Run, load: str) -> None:
    if not run.weights.is_file():
        raise CheckpointError(
            f"There are no weights of '{run.name}': '{run.weights}' is not there. Train it, or leave it out with "
            "seeds=[…] or only=[…]."
        )
    found = read_metadata(run.weights)["tracker"]
    if found != run.config.tracker.name:
        raise CheckpointError(
            f"The weights '{run.weights}' in '{load}' are of '{found}', not of '{run.config.tracker.name}'."
        )


def _check_trainable(run: Run) -> None:
    """Raise `InputError` where training would end in nothing that can be compared."""
    config = run.config
    saved = run.saved_conditions()
    if saved is not None and (changed := differing_keys(saved, config_to_mapping(config))):
        raise InputError(
            f"The run in '{run.folder}' was begun with other values ({', '.join(changed[:5])}); choose another folder "
            "with --out, or remove it."
        )
    if run.is_finished:
        return
    sets = [entry.get("root") or entry.get("images") or "" for entry in config.data.sets]
    if not config.data.root and not all(Path(str(place)).is_absolute() for place in sets):
        raise InputError(
            "training.data.root is empty: give the folder of the training data, as training.data.root=DIR, or load "
            "weights with --load."
        )
    frozen = config.loop.trunk_factor == 0 or config.loop.release_step >= config.loop.steps
    if frozen and not config.loop.initial:
        raise InputError(
            f"The backbone of '{run.tracker}' is frozen, but starts at random: give its weights, as "
            "training.loop.initial=nanotrack_trunk:FILE.onnx, or =trunk:siamscope-light for our own."
        )


# what may differ between trackers that are trained alike: their crops are of different sizes
OWN_KEYS = (
    "tracker.name",
    "tracker.network.kind",
    "tracker.network.options",
    "tracker.anchors",
    "tracker.tracking",
    "loop.seed",
    "loop.out",
)


def find_differences(runs: list[Run]) -> dict[str, dict[str, Any]]:
    """Return the conditions that are not the same for all trackers: dotted key → tracker → value.

    Only trackers whose configuration lies beside their weights are compared; what belongs to the tracker itself is
    left out.
    """
    conditions: dict[str, dict[str, Any]] = {}
    for run in runs:
        saved = run.saved_conditions()
        if saved is not None:
            conditions.setdefault(run.tracker, flatten(saved))
    keys = sorted({key for values in conditions.values() for key in values})
    return {
        key: {name: values.get(key) for name, values in conditions.items()}
        for key in keys
        if not key.startswith(OWN_KEYS) and len({repr(values.get(key)) for values in conditions.values()}) > 1
    }


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one of dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
