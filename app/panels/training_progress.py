"""What the command `train` reports, as curves and as a sentence for the panel."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import QCoreApplication

from app.panels.parts import format_value


class TrainingProgress:
    """How far a training run is; `losses` and `scores` are (step, value), `text` says the rest.

    `is_complete` once all of its steps are done.
    """

    def __init__(self) -> None:
        self.losses: list[tuple[int, float]] = []
        self.scores: list[tuple[int, float]] = []
        self._now = self._validated = ""
        self._is_stopping = self.is_complete = False

    @property
    def text(self) -> str:
        """What the run does now, and its last validation."""
        stopping = _tr("Stopping: the step in progress is finished and saved …") if self._is_stopping else ""
        return "\n".join(filter(None, (stopping, self._now, self._validated)))

    def begin(self, is_resumed: bool) -> None:
        """Take another run; what is known of a resumed one stays."""
        if not is_resumed:
            self.losses.clear()
            self.scores.clear()
            self._validated = ""
        self._is_stopping = self.is_complete = False
        self._now = _tr("Reading the data …")

    def note_stop(self) -> None:
        """Note that the run was asked to stop."""
        self._is_stopping = True

    def take(self, message: dict[str, Any]) -> None:
        """Take one line of the progress."""
        event = message.get("event")
        if event == "start":
            parts = (message.get(key, 0) for key in ("videos", "stills", "cutouts", "validation"))
            text = _tr("{} videos, {} stills, {} cut-outs, {} sequences for validation; {}")
            self._now = text.format(*parts, message.get("device", ""))
        elif event == "progress" and isinstance(message.get("loss"), dict):
            self._take_step(message)
        elif event == "progress" and message.get("title") == "Validation":
            self._now = _describe_validation(message)
        elif event == "validation":
            self._take_validation(message)
        elif event == "stopping":
            self._now = _tr("Saving step {} …").format(message["step"])
        elif event == "end":
            self.is_complete, self._is_stopping = True, False
            self._now = _tr("Complete: {} steps. To continue, raise loop.steps under Changes.").format(message["step"])

    def _take_step(self, message: dict[str, Any]) -> None:
        step, loss = int(message["step"]), float(message["loss"]["total"])
        _put(self.losses, step, loss)
        text = _tr("Step {} of {}: loss {}, {} pairs per second, {}.")
        rate = f"{float(message['pairs_per_second']):.0f}"
        self._now = text.format(step, message["steps"], f"{loss:.3f}", rate, _time_left(message))

    def _take_validation(self, message: dict[str, Any]) -> None:
        figures = message.get("figures") or {}
        if "success_auc" in figures:
            _put(self.scores, int(message["step"]), float(figures["success_auc"]))
            self._validated = _tr("Validation at step {}: success {}, precision {}.").format(
                message["step"], format_value(figures["success_auc"], 3), format_value(figures["precision_20"], 3)
            )


def _put(values: list[tuple[int, float]], step: int, value: float) -> None:
    """Add a value; steps that are repeated after a resume replace what came before."""
    while values and values[-1][0] >= step:
        values.pop()
    values.append((step, value))


def _describe_validation(message: dict[str, Any]) -> str:
    parts = [_tr("{} left").format(format_duration(float(message["validation_left_s"])))]
    if message.get("eta_s") != 0 or message.get("validations_left"):
        parts.append(_tr("then {}").format(_time_left(message)))
    text = _tr("Validating at step {}: sequence {} of {}, {}.")
    return text.format(message["step"], message["done"], message["total"], "; ".join(parts))


def _time_left(message: dict[str, Any]) -> str:
    seconds, validations = message.get("eta_s"), int(message.get("validations_left") or 0)
    if seconds is None:
        return _tr("the remaining steps")
    form = {0: _tr("about {} left"), 1: _tr("about {} and a validation left")}
    many = _tr("about {} and {} validations left")
    return form.get(validations, many).format(format_duration(float(seconds)), validations)


def format_duration(seconds: float) -> str:
    """Return a duration in the two largest of hours, minutes and seconds: 3700 s is 1 h 1 min."""
    whole = max(0, round(seconds))
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def _tr(text: str) -> str:
    return QCoreApplication.translate("training", text)
