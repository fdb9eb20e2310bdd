"""The training panel runs the real command, shows its curves, stops, goes on, and hands its weights to the tracker."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PyQt5.QtCore import QPoint, Qt
from PyQt5.QtWidgets import QLabel

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training_samples import make_got10k

from app.panels.build import list_recipes
from app.panels.training import TrainingOptions
from app.panels.training_progress import TrainingProgress, format_duration

RECIPE = """
tracker:
  network: {kind: light, anchors_per_position: 3}
data:
  sets:
    - {layout: got10k, root: train}
  validation:
    - {layout: got10k, root: val}
loop: {steps: 4, batch: 2, workers: 0, warmup: 1, validate_every: 2, log_every: 1, threads: 1, checkpoint_every: 1}
"""


@pytest.fixture
def panel_of(drive, tmp_path):
    """A window with panels, its training panel set to a small run; and the choices of trackers made in it."""
    make_got10k(tmp_path / "data" / "train", clips=2)
    make_got10k(tmp_path / "data" / "val", clips=1, frames=4)
    (tmp_path / "small.yaml").write_text(RECIPE)
    choices = []

    def factory(choice):
        from fakes import MatchingTracker

        choices.append(choice)
        return MatchingTracker()

    driver = drive(tracker_factory=factory)
    panel = driver.window.panels.training
    panel.add_config(tmp_path / "small.yaml")
    panel.data.setText(str(tmp_path / "data"))
    panel.out.setText(str(tmp_path / "run"))
    driver.window.docks.show_tab(panel)
    return driver, panel, choices


def test_the_recipe_of_the_default_weights_is_offered_first():
    names = [path.stem for path in list_recipes()]
    assert names[0] == "light" and names[1:] == sorted(names[1:]) and len(names) > 5


def run(driver, panel) -> None:
    driver.qtbot.mouseClick(panel.start, Qt.LeftButton)
    driver.qtbot.waitUntil(lambda: bool(driver.window.jobs.running), timeout=5000)


def wait_idle(driver) -> None:
    driver.qtbot.waitUntil(lambda: not driver.window.jobs.running, timeout=90_000)


@pytest.mark.timeout(240)
def test_run_stops_goes_on_and_is_tracked_with(panel_of, tmp_path):
    driver, panel, choices = panel_of
    panel.changes.setText("loop.steps=200")
    assert not panel.use.isEnabled()
    run(driver, panel)
    driver.qtbot.waitUntil(lambda: len(panel.curves()[0]) >= 3, timeout=90_000)
    driver.qtbot.mouseClick(panel.stop, Qt.LeftButton)
    wait_idle(driver)
    assert panel.start.text() == "Resume" and (tmp_path / "run" / "state.safetensors").is_file()
    done = panel.curves()[0][-1][0]
    assert 3 <= done < 200

    # going on keeps the curve and counts further
    panel.changes.setText(f"loop.steps={done + 3}")
    run(driver, panel)
    wait_idle(driver)
    losses, scores = panel.curves()
    steps = [step for step, _ in losses]
    assert steps == sorted(set(steps)) and steps[0] == 1 and steps[-1] == done + 3
    assert scores and all(0 <= value <= 1 for _, value in scores)
    assert "Validation" in panel.status.text() and f"Complete: {done + 3} steps" in panel.status.text()
    # asked to stop when all was done, or resumed once more: still complete
    panel.end(is_stopped=True)
    assert "Stopped" not in panel.status.text()

    driver.qtbot.mouseClick(panel.use, Qt.LeftButton)
    driver.open()
    driver.window.player.prepare_tracker()
    driver.qtbot.waitUntil(lambda: bool(choices), timeout=5000)
    assert choices[-1].weights == str(tmp_path / "run" / "best.safetensors") and choices[-1].name is None
    # the same button leads back to the tracker before
    assert panel.use.text() == "Back to siamscope-base"
    driver.qtbot.mouseClick(panel.use, Qt.LeftButton)
    driver.window.player.prepare_tracker()
    driver.qtbot.waitUntil(lambda: choices[-1].weights is None, timeout=5000)
    assert panel.use.text() == "Track with its weights"


@pytest.mark.timeout(240)
def test_stop_in_a_validation_loses_nothing(panel_of, tmp_path):
    driver, panel, _ = panel_of
    make_got10k(tmp_path / "data" / "val", clips=2, frames=15)
    run(driver, panel)
    driver.qtbot.waitUntil(lambda: "Validating at step 2: sequence 1 of 2" in panel.status.text(), timeout=90_000)
    driver.qtbot.mouseClick(panel.stop, Qt.LeftButton)
    assert panel.status.text().startswith("Stopping: ") and panel.stop.text() == "Force…"
    wait_idle(driver)
    assert panel.status.text().startswith("Stopped") and panel.stop.text() == "Stop"
    losses, scores = panel.curves()
    assert [step for step, _ in losses] == [1, 2] and not scores
    run(driver, panel)
    wait_idle(driver)
    losses, scores = panel.curves()
    assert [step for step, _ in losses] == [1, 2, 3, 4] and [step for step, _ in scores] == [2, 4]


# a line of `train`, and what of it is told about the time that is left
@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({"title": "Training", "loss": {"total": 1}, "eta_s": 61, "validations_left": 0}, "about 1 min 1 s left"),
        ({"title": "Training", "loss": {"total": 1}, "eta_s": 5, "validations_left": 1}, "5 s and a validation left"),
        ({"title": "Training", "loss": {"total": 1}, "eta_s": 5, "validations_left": 3}, "and 3 validations left"),
        # a validation tells its own time, and what comes after it; no step has been timed after a resume
        ({"title": "Validation", "done": 3, "total": 14, "validation_left_s": 70, "eta_s": 5}, "3 of 14, 1 min 10 s"),
        ({"title": "Validation", "done": 1, "total": 2, "validation_left_s": 9, "eta_s": None}, "the remaining steps"),
        # nothing comes after the last one
        ({"title": "Validation", "done": 1, "total": 2, "validation_left_s": 9, "eta_s": 0.0}, "1 of 2, 9 s left."),
    ],
)
def test_the_time_that_is_left(message, told):
    progress = TrainingProgress()
    progress.take({"event": "progress", "step": 3, "steps": 9, "pairs_per_second": 2.0, **message})
    assert told in progress.text


def test_a_single_loss_can_be_seen(panel_of):
    driver, panel, _ = panel_of
    driver.qtbot.waitUntil(lambda: bool(panel.plots.plots), timeout=10_000)
    for step in range(1, 40):
        panel.take({"event": "progress", "step": step, "steps": 99, "pairs_per_second": 2, "loss": {"total": 1.5}})
        if step == 1:
            assert panel.plots.loss_line.opts["symbol"] == "o"
    assert panel.plots.loss_line.opts["symbol"] is None  # a curve has no mark at every step


def test_an_empty_plot_says_so_and_has_no_numbers(panel_of):
    driver, panel, _ = panel_of
    driver.qtbot.waitUntil(lambda: bool(panel.plots.plots))

    def shown():
        return [
            (plot.findChild(QLabel).text(), [plot.getAxis(side).style["showValues"] for side in ("bottom", "left")])
            for plot in panel.plots.plots
        ]

    assert shown() == [("No step yet", [False, False]), ("No validation yet", [False, False])]
    panel.take({"event": "progress", "step": 1, "steps": 9, "pairs_per_second": 2, "loss": {"total": 1.5}})
    assert shown() == [("", [True, True]), ("No validation yet", [False, False])]


def test_what_is_found_moves_no_button(panel_of, tmp_path):
    """The sentence comes while the user, who has just left the field, presses Start."""
    driver, panel, _ = panel_of
    places = [button.mapTo(panel, QPoint()) for button in (panel.start, panel.use)]
    panel.show_data("A sentence about the data that was found. " * 5, True)
    driver.qtbot.waitUntil(lambda: panel.found.height() > 20)
    assert [button.mapTo(panel, QPoint()) for button in (panel.start, panel.use)] == places


def test_the_folder_around_the_data_is_understood(panel_of, tmp_path):
    driver, panel, _ = panel_of
    panel.data.setText(str(tmp_path))
    panel.data.editingFinished.emit()
    driver.qtbot.waitUntil(lambda: "train (2)" in panel.found.text(), timeout=10_000)
    assert f"Found in '{tmp_path / 'data'}'" in panel.found.text() and "val (1)" in panel.found.text()
    panel.data.setText(str(tmp_path / "nowhere"))
    panel.data.editingFinished.emit()
    driver.qtbot.waitUntil(lambda: "The recipe expects train, val" in panel.found.text(), timeout=10_000)


# what the user left wrong: the sentence in the dialog, or under the buttons
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda panel: panel.data.setText(""), "training data"),
        (lambda panel: panel.out.setText(""), "folder for the training run"),
        # said by the command itself
        (lambda panel: panel.changes.setText("loop.stepz=3"), "stepz"),
        (lambda panel: panel.changes.setText('loop.steps="3'), "quotation mark"),
    ],
)
@pytest.mark.timeout(60)
def test_bad_input_is_a_sentence(panel_of, spoil, sentence):
    driver, panel, _ = panel_of
    shown = []
    driver.window.training.failed.connect(lambda title, text, details: shown.append(text))
    spoil(panel)
    driver.qtbot.mouseClick(panel.start, Qt.LeftButton)
    driver.qtbot.waitUntil(lambda: bool(shown) or sentence in panel.status.text(), timeout=30_000)
    assert sentence in [*shown, panel.status.text()][0]
    assert panel.start.isEnabled()


def test_the_command_that_is_run(tmp_path):
    options = TrainingOptions("a.yaml", str(tmp_path), str(tmp_path / "out"), "auto", ("loop.steps=3",))
    assert "--resume" not in options.arguments() and options.arguments()[-1] == "loop.steps=3"
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "state.safetensors").touch()
    assert "--resume" in options.arguments()


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (61.4, "1 min 1 s"), (3700, "1 h 1 min"), (-5, "0 s")])
def test_durations(seconds, text):
    assert format_duration(seconds) == text
