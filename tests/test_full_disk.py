"""A full disk costs what is being written and no more: the last good file stays, and one sentence says it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_sources import BOX, make_video
from evaluation_sequences import TemplateTracker
from evaluation_sequences import make_otb as make_sequences
from full_disk import needs_limits, room_for
from training_samples import TinyNetwork, tiny_config, tiny_source

from tracker_core.checkpoints.weights import load_checkpoint
from tracker_core.cli.main import main
from tracker_core.errors import OutputError
from tracker_core.evaluation.benchmarks import open_benchmark
from tracker_core.evaluation.report import save_figure
from tracker_core.evaluation.runner import Candidate, Evaluation
from tracker_core.rendering.motion_plot import plot_motion
from tracker_core.results.formats import read_boxes
from tracker_core.results.run_file import load_run
from tracker_core.training.loop import Trainer

pytestmark = needs_limits


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def make_trainer(folder: Path, on_step: Callable[[int, dict[str, float]], None], **loop: object) -> Trainer:
    config = tiny_config(folder / "run", **loop)
    torch.manual_seed(7)
    source = tiny_source(folder / "images", config)
    return Trainer(config, TinyNetwork(), source, on_step=on_step)


def test_training_goes_on_with_the_last_checkpoint_that_could_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every step is saved; there is no room in steps 3 and 4."""
    steps: list[int] = []
    trainer = make_trainer(tmp_path, lambda step, _: steps.append(step), steps=6, checkpoint_every=1)
    save, states = trainer.save, {}

    def save_or_not() -> None:
        with room_for(500 if trainer.step in (3, 4) else 1 << 40):
            save()
        states[trainer.step] = load_checkpoint(trainer.folder / "last.safetensors").facts["training_step"]

    trainer.save = save_or_not  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING):
        assert trainer.run()
    assert steps == [1, 2, 3, 4, 5, 6] and states == {1: "1", 2: "2", 3: "2", 4: "2", 5: "5", 6: "6"}
    told = [record.getMessage() for record in caplog.records if "not saved" in record.getMessage()]
    assert [text[:6] for text in told] == ["Step 3", "Step 4"] and "could not be written" in told[0]
    assert names(tmp_path / "run") == {"last.safetensors", "state.safetensors"}, "nothing half-written is left"
    again = make_trainer(tmp_path, lambda step, _: None, steps=6)
    assert again.resume() and again.step == 6


def test_training_that_cannot_keep_its_last_step_says_so(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, lambda step, _: None, steps=3, checkpoint_every=2)
    save = trainer.save

    def save_or_not() -> None:
        with room_for(500 if trainer.step == 3 else 1 << 40):
            save()

    trainer.save = save_or_not  # type: ignore[method-assign]
    with pytest.raises(OutputError, match=r"last\.safetensors' could not be written"):
        trainer.run()
    again = make_trainer(tmp_path, lambda step, _: None, steps=3)
    assert again.resume() and again.step == 2, "the steps before are there to be resumed from"


def test_the_best_weights_stay_where_better_ones_cannot_be_written(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, lambda step, _: None, steps=3, validate_every=1)
    trainer.validate = lambda network, step: {"success_auc": step / 10}
    save_weights = trainer.save_weights

    def save_or_not(path: Path) -> None:
        with room_for(500 if path.name == "best.safetensors" and trainer.step == 3 else 1 << 40):
            save_weights(path)

    trainer.save_weights = save_or_not  # type: ignore[method-assign]
    assert trainer.run()
    assert trainer.best == 0.2
    assert load_checkpoint(trainer.folder / "best.safetensors").facts["training_step"] == "2"


def test_an_evaluation_ends_as_soon_as_a_result_cannot_be_written(tmp_path: Path) -> None:
    """And not after hours of tracking, with a sentence that there are no results."""
    root = make_sequences(tmp_path / "otb", {"A": 80, "B": 80})
    evaluation = Evaluation(open_benchmark("otb", root), tmp_path / "results")
    plan = evaluation.plan(Candidate("template", TemplateTracker), TemplateTracker())
    said, seen = r"A\.txt' could not be written.* the same command resumes", []
    # there is room for 80 lines of seconds, and for none of boxes
    with room_for(1000), pytest.raises(OutputError, match=said):
        evaluation.carry_out(plan, on_outcome=seen.append)
    assert not seen and not {"A.txt", "B.txt"} & names(plan.store.folder)
    again = evaluation.plan(Candidate("template", TemplateTracker), TemplateTracker())
    assert not evaluation.carry_out(again) and {"A.txt", "B.txt"} <= names(plan.store.folder), "with room it resumes"


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_a_plot_is_whole_or_the_earlier_one(tmp_path: Path, suffix: str) -> None:
    """matplotlib's writer of PDF ended with an error of its own."""
    from matplotlib.figure import Figure

    figure, path = Figure(figsize=(3, 3)), tmp_path / f"plot{suffix}"
    figure.subplots().plot(np.random.default_rng(0).random(500))
    path.write_bytes(b"earlier")
    with room_for(2000), pytest.raises(OutputError, match="could not be written"):
        save_figure(figure, path)
    assert names(tmp_path) == {path.name} and path.read_bytes() == b"earlier"


def test_what_was_tracked_is_kept_and_named_where_the_boxes_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_video(Path("clip.mp4"), 12)
    tracking = ["track", "--source", "clip.mp4", "--box", BOX, "--out", "out", "--no-video", "--progress", "none"]
    tracking += ["--tracker", "siamfc-small", "--device", "cpu"]

    def refuse(*_: object) -> None:
        raise OutputError("The disk is full: 'out/clip-boxes.csv' could not be written.")

    with monkeypatch.context() as full:
        full.setattr("tracker_core.results.formats.formats.write_text", refuse)
        assert main(tracking) == 2
    said = capsys.readouterr().err
    assert "What was tracked is kept in 'out/clip-run.jsonl'" in said.replace("\\", "/")
    assert len(load_run("out/clip-run.jsonl")) == 12
    assert main(["export", "--run", "out/clip-run.jsonl", "--out", "b.csv", "--format", "csv"]) == 0
    assert len(read_boxes("b.csv")) == 12
    assert main(tracking) == 0 and names(Path("out")) == {"clip-boxes.csv", "clip-run.json"}


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_a_plot_of_motion_is_whole_or_the_earlier_one(tmp_path: Path, suffix: str) -> None:
    from test_box_files_round_trip import make_run

    path = tmp_path / f"motion{suffix}"
    path.write_bytes(b"earlier")
    with room_for(2000), pytest.raises(OutputError, match="could not be written"):
        plot_motion(path, make_run())
    assert names(tmp_path) == {path.name} and path.read_bytes() == b"earlier"
