"""How a training run is reported: steps, validations and the time that is left, as a bar or as JSON lines."""

from __future__ import annotations

import time
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tracker_core.cli.console import emit, errors

TERMS = ("total", "cls", "l1", "giou", "distill")
LEAST_GAP_S = 0.2  # between two lines about one validation


class TrainingReporter:
    """Reports a run: a bar on standard error, JSON lines on standard output, or nothing.

    The time that is left counts the steps to come at the rate of the last ones, and the validations to come at the
    time that the last one took; before the first one ended, `validations_left` says how many are not counted.
    """

    def __init__(self, kind: str, first_step: int, loop: Any) -> None:
        self.kind, self.first_step, self.loop = kind, first_step, loop
        self.started = time.monotonic()
        self._sums: dict[str, float] = {}
        self._count = 0
        self._steps_left_s: float | None = None
        self._validates = bool(loop.validate_every)
        self._validation_s: float | None = None
        self._validating_since: float | None = None
        self._last_line = 0.0
        self._bar: Progress | None = None

    def __enter__(self) -> TrainingReporter:
        if self.kind == "bar":
            self._bar = Progress(
                TextColumn("Training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"),
                console=errors,
            )  # fmt: skip
            self._bar.start()
            self._task = self._bar.add_task("", total=self.loop.steps, completed=self.first_step)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def start(self, prepared: Any) -> None:
        """Say what the run is made of."""
        source = prepared.source
        self._validates = self._validates and bool(prepared.validation)
        if self.kind == "json":
            emit(
                {
                    "event": "start", "step": self.first_step, "steps": self.loop.steps, "batch": self.loop.batch,
                    "device": prepared.device, "out": self.loop.out, "videos": len(source.videos),
                    "stills": len(source.stills), "cutouts": len(source.cutouts),
                    "validation": len(prepared.validation),
                }
            )  # fmt: skip
        elif self._bar is not None:
            self._bar.console.print(
                f"{len(source.videos)} videos, {len(source.stills)} stills, {len(source.cutouts)} cut-outs; "
                f"{len(prepared.validation)} validation sequences; {prepared.device}."
            )

    def note_step(self, step: int, terms: dict[str, float]) -> None:
        """Report a step: the bar moves at each, losses are told as means of `log_every` steps."""
        self._count += 1
        for name in TERMS:
            if name in terms:
                self._sums[name] = self._sums.get(name, 0.0) + terms[name]
        rate = terms["pairs_per_second"]
        self._steps_left_s = (self.loop.steps - step) * self.loop.batch / max(rate, 1e-9)
        if self._bar is not None:
            self._bar.update(self._task, completed=step)
        if step % self.loop.log_every and step != self.loop.steps:
            return
        losses = {name: round(value / self._count, 5) for name, value in self._sums.items()}
        left = self._left(step)
        if self._bar is not None:
            told = f"loss {losses['total']:.3f}, {rate:.0f} pairs/s, {_clock(left['eta_s'] or 0)} left"
            self._bar.update(self._task, description=told)
        elif self.kind == "json":
            emit(
                {
                    "event": "progress", "title": "Training", "done": step, "total": self.loop.steps, "unit": "steps",
                    "step": step, "steps": self.loop.steps, "loss": losses, "gradient": round(terms["gradient"], 4),
                    "learning_rate": terms["learning_rate"], "pairs_per_second": round(rate, 2),
                    "elapsed_s": round(time.monotonic() - self.started, 1), **left,
                }
            )  # fmt: skip
        self._sums, self._count = {}, 0

    def note_validating(self, progress: Any) -> None:
        """Report how far a validation is; `progress` is a `ValidationProgress`."""
        now = time.monotonic()
        if self._validating_since is None:
            self._validating_since = now - progress.seconds
        if now - self._last_line < LEAST_GAP_S:
            return
        self._last_line = now
        place = f"{progress.sequences + 1}/{progress.sequence_count}"
        if self._bar is not None:
            self._bar.update(self._task, description=f"validating {place}, {_clock(progress.remaining_s)}")
        elif self.kind == "json":
            left = self._left(progress.step)
            emit(
                {
                    "event": "progress", "title": "Validation", "done": progress.sequences + 1,
                    "total": progress.sequence_count, "unit": "sequences", "step": progress.step,
                    "frames": progress.frames, "frame_count": progress.frame_count,
                    "validation_left_s": round(progress.remaining_s, 1), **left,
                }
            )  # fmt: skip

    def note_validation(self, step: int, figures: dict[str, float]) -> None:
        """Report what tracking the validation sequences gave."""
        if self._validating_since is not None:
            self._validation_s = time.monotonic() - self._validating_since
            self._validating_since = None
        if self.kind == "json":
            emit({"event": "validation", "step": step, "figures": {key: round(v, 5) for key, v in figures.items()}})
        elif self._bar is not None and figures:
            self._bar.console.print(
                f"step {step}: success AUC {figures['success_auc']:.3f}, precision {figures['precision_20']:.3f}, "
                f"{figures['lost_sequences']:.0f} sequences lost"
            )

    def note_stop(self, step: int) -> None:
        """Say that a stop was requested and which step is saved."""
        if self.kind == "json":
            emit({"event": "stopping", "step": step})
        elif self._bar is not None:
            self._bar.console.print(f"Stopping: saving step {step} …")

    def _left(self, step: int) -> dict[str, float | None]:
        """Return the seconds to the end after a step and its own validation, and how many validations they leave out.

        None before the first step: nobody knows how long one takes.
        """
        count = self._validations_after(step)
        steps_s = 0.0 if step >= self.loop.steps else self._steps_left_s
        if self._validation_s is None or steps_s is None:
            return {"eta_s": None if steps_s is None else round(steps_s, 1), "validations_left": count}
        return {"eta_s": round(steps_s + count * self._validation_s, 1), "validations_left": 0}

    def _validations_after(self, step: int) -> int:
        every, steps = int(self.loop.validate_every), int(self.loop.steps)
        if not self._validates or step >= steps:
            return 0
        return (steps - 1) // every - step // every + 1


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
