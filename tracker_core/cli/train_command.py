"""`siamscope train`: run a training configuration, resume an interrupted one, or measure the data's speed."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tracker_core.cli.console import add_progress_option, emit, errors, output, print_note
from tracker_core.cli.train_progress import TrainingReporter
from tracker_core.errors import InputError
from tracker_core.files import check_writable
from tracker_core.packaged import find_config

STATE_FILE = "state.safetensors"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line takes after the command's name."""
    parser.description = (
        "Train a tracker as a configuration says. Ctrl-C finishes the step or breaks off the validation, saves, and "
        "exits with 130; --resume continues from there to the same weights."
    )
    parser.epilog = "Example: siamscope train --config light data.root=DATA loop.steps=20000"
    parser.add_argument(
        "--config", required=True, metavar="FILE", help="a YAML file, or the name of one that ships, such as light"
    )
    parser.add_argument("--resume", action="store_true", help="resume the run in the output folder")
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--out", metavar="DIR", help="folder of the run: checkpoints, curves, configuration")
    add_progress_option(parser)
    parser.add_argument("--measure-data", action="store_true", help="measure data-loading speed (pairs/s) and exit")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes, such as loop.batch=64")
    parser.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> int:
    from tracker_core.config import apply_overrides
    from tracker_core.training.config import load_training_config

    overrides = list(args.overrides)
    config = load_training_config(find_config(args.config), overrides)
    named = {"loop.device": args.device, "loop.out": args.out}
    config = apply_overrides(config, {key: value for key, value in named.items() if value is not None})
    config = _with_found_data(config)
    if args.measure_data:
        return _measure(config, args.progress)
    return _run(config, args.resume, args.progress)


def _with_found_data(config: Any) -> Any:
    """Return the configuration with the data that was found near data.root, and say so where it is elsewhere."""
    from tracker_core.training.locating import find_data

    if not config.data.root:
        return config
    found = find_data(config.data, config.data.root)
    if found.data is None or found.data == config.data:
        return config  # what is missing is said when it is read
    print_note(str(found))
    return dataclasses.replace(config, data=found.data)


def _run(config: Any, resume: bool, progress: str) -> int:
    from tracker_core.training.distributed import join_processes
    from tracker_core.training.interrupt import StopRequest
    from tracker_core.training.monitor import Monitor
    from tracker_core.training.preparation import prepare_run

    folder = check_writable(config.loop.out)
    _check_folder(folder, resume)
    with join_processes(config.loop.batch) as processes:
        told, stop = progress if processes.is_first else "none", StopRequest()
        prepared = prepare_run(config, processes=processes, stop=stop)
        trainer = prepared.trainer
        if resume:
            trainer.resume()
        with (
            stop.listen(),
            TrainingReporter(told, trainer.step, config.loop) as reporter,
            Monitor.open(config, prepared, processes) as monitor,
        ):
            reporter.start(prepared)

            def on_step(step: int, terms: dict[str, float]) -> None:
                monitor.note_step(step, terms)
                reporter.note_step(step, terms)

            def on_validation(step: int, figures: dict[str, float]) -> None:
                monitor.note_validation(step, figures)
                reporter.note_validation(step, figures)

            trainer.on_step, trainer.on_validation, trainer.on_stop = on_step, on_validation, reporter.note_stop
            if prepared.validator is not None:
                prepared.validator.on_progress = reporter.note_validating
            finished = trainer.run()
        if processes.is_first:
            _conclude(trainer, folder, finished, told)
        return 0 if finished else stop.exit_code


def _check_folder(folder: Path, resume: bool) -> None:
    """Raise `InputError` where --resume has nothing to resume, or where its absence would overwrite a run."""
    has_run = (folder / STATE_FILE).is_file()
    if resume and not has_run:
        raise InputError(f"There is no run to resume in '{folder}'; leave out --resume, or correct --out.")
    if has_run and not resume:
        raise InputError(f"'{folder}' holds a run already: add --resume to continue it, or choose another --out.")


def _conclude(trainer: Any, folder: Path, finished: bool, told: str) -> None:
    unreadable = sum(trainer.unreadable.values())
    if told == "json":
        emit(
            {
                "event": "end" if finished else "interrupted", "step": trainer.step, "out": str(folder),
                "best_success_auc": trainer.best if trainer.best >= 0 else None, "unreadable_images": unreadable,
            }
        )  # fmt: skip
    elif told == "bar":
        if unreadable:
            errors.print(f"{unreadable} times an image could not be read ({len(trainer.unreadable)} images).")
        best = f", best success AUC on validation {trainer.best:.3f}" if trainer.best >= 0 else ""
        what = "Finished" if finished else "Stopped; --resume continues"
        output.print(f"{what}: step {trainer.step}, weights in '{folder}'{best}.")


def _measure(config: Any, progress: str) -> int:
    from tracker_core.training.throughput import measure_data

    with _spinner(progress):
        figures = measure_data(config)
    if progress == "json":
        emit({"event": "measured", **figures})
    else:
        for name, value in figures.items():
            output.print(f"{name.replace('_', ' '):34s} {value:10.2f}")
    return 0


@contextmanager
def _spinner(progress: str) -> Iterator[None]:
    if progress != "bar":
        yield
        return
    with errors.status("Making pairs …"):
        yield
