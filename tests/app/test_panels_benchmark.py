"""The benchmark panel runs real evaluations in another process and shows any of their sequences again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PyQt5.QtCore import Qt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from evaluation_sequences import FRAMES, make_otb, path_of_target, write_rows

from app.panels.benchmark import worst_moments
from app.panels.benchmark_views import NumberItem
from app.session.replay import ReplayRequest, open_replay
from app.session.targets import Target
from tracker_core.errors import InputError
from tracker_core.presets import DEFAULT_TRACKER
from tracker_core.results.recorder import TargetRecord
from tracker_core.results.run_data import producer_to_data
from tracker_core.trackers.builder import build_tracker
from tracker_core.trackers.producers import describe_producer, rebuild_tracker


@pytest.fixture
def panel_of(drive, tmp_path):
    """A window with panels, its benchmark panel set to three small sequences."""
    make_otb(tmp_path / "data", {"Alpha": FRAMES, "Beta": FRAMES, "Gamma": FRAMES})
    driver = drive()
    panel = driver.window.panels.benchmark
    panel.root.setText(str(tmp_path / "data"))
    panel.results.setText(str(tmp_path / "results"))
    driver.window.docks.show_tab(panel)
    return driver, panel


def wait_idle(driver) -> None:
    driver.qtbot.waitUntil(lambda: not driver.window.jobs.running, timeout=60_000)


@pytest.mark.timeout(180)
def test_run_fills_table_and_curves_and_a_row_is_replayed(panel_of, tmp_path):
    driver, panel = panel_of
    panel.sequences.setText(" Alpha, Gamma ")
    driver.qtbot.mouseClick(panel.start, Qt.LeftButton)
    driver.qtbot.waitUntil(lambda: bool(driver.window.jobs.running), timeout=5000)
    assert not panel.root.isEnabled()
    wait_idle(driver)
    assert {panel.table.item(row, 0).text() for row in range(panel.table.rowCount())} == {"Alpha", "Gamma"}
    assert DEFAULT_TRACKER in panel.status.text() and panel.root.isEnabled()
    xs, ys = panel.curves.lines["success", DEFAULT_TRACKER].getData()
    assert xs[0] == 0 and xs[-1] == 1 and ys[0] <= 1 and np.all(np.diff(ys) <= 0)

    # the boxes in the window are those of the file
    (row,) = (row for row in range(2) if panel.table.item(row, 0).text() == "Gamma")
    panel.table.cellDoubleClicked.emit(row, 0)
    driver.qtbot.waitUntil(lambda: driver.canvas.frame_view is not None, timeout=10_000)
    lines = (tmp_path / "results" / "otb" / DEFAULT_TRACKER / "Gamma.txt").read_text().splitlines()
    written = np.array([[float(part) for part in line.split(",")] for line in lines]) - [1, 1, 0, 0]
    shown = np.array([driver.results()[index].box_xywh for index in range(FRAMES)])
    np.testing.assert_allclose(shown, written, atol=1e-6)
    # a worst moment is one click away
    moment = panel.moments.item(0)
    panel.moments.itemClicked.emit(moment)
    driver.qtbot.waitUntil(lambda: driver.index == moment.data(Qt.UserRole), timeout=5000)
    assert driver.window.panels.readout.text("iou").removeprefix("IoU ") == moment.text().split()[-1]
    assert not driver.window.panels.readout.text("score"), "result files hold no scores"
    # what was only looked at is not kept as the user's own work
    driver.window.close()
    assert not list((tmp_path / "sessions").glob("*.json"))


@pytest.mark.timeout(180)
def test_pause_resume_and_stop(panel_of):
    driver, panel = panel_of
    driver.qtbot.mouseClick(panel.start, Qt.LeftButton)
    driver.qtbot.waitUntil(lambda: bool(driver.window.jobs.running), timeout=5000)
    driver.qtbot.mouseClick(panel.pause, Qt.LeftButton)
    wait_idle(driver)
    assert panel.start.text() == "Resume" and panel.stop.isEnabled() and not panel.pause.isEnabled()
    driver.qtbot.mouseClick(panel.start, Qt.LeftButton)
    wait_idle(driver)
    # also those that were finished before the pause are in the table
    assert panel.table.rowCount() == 3
    assert panel.start.text() == "Start" and not panel.stop.isEnabled()


# what the user left wrong: the text of the dialog says it
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda panel: panel.root.setText("/nowhere/at/all"), "is not a folder"),
        (lambda panel: panel.root.setText(""), "choose the folder"),
        (lambda panel: panel.trackers.item(0).setCheckState(Qt.Unchecked), "at least one tracker"),
        # said by the command itself
        (lambda panel: panel.sequences.setText("Zeta"), "Zeta"),
    ],
)
def test_bad_input_is_a_sentence(panel_of, spoil, sentence):
    driver, panel = panel_of
    shown = []
    driver.window.benchmark.failed.connect(lambda title, text, details: shown.append(text))
    spoil(panel)
    driver.qtbot.mouseClick(panel.start, Qt.LeftButton)
    driver.qtbot.waitUntil(lambda: bool(shown), timeout=30_000)
    assert sentence in shown[0]
    assert panel.start.isEnabled()


def test_replay_of_a_file_with_gaps(tmp_path):
    root = make_otb(tmp_path / "data", {"Alpha": FRAMES})
    boxes = path_of_target(0)
    boxes[5] = np.nan
    write_rows(tmp_path / "results" / "otb" / "mine" / "Alpha.txt", boxes + np.array([1, 1, 0, 0]))
    source, recorder = open_replay(ReplayRequest("otb", str(root), str(tmp_path / "results" / "otb" / "mine"), "Alpha"))
    assert source.frame_count == FRAMES
    source.close()
    target = Target(recorder.target(1), TargetRecord(1))
    assert sorted(target.results) == [index for index in range(FRAMES) if index != 5]
    np.testing.assert_allclose(target.results[3].box_xywh, boxes[3])
    assert target.scores_since_key(4) == []
    write_rows(tmp_path / "results" / "otb" / "lost" / "Alpha.txt", np.full((FRAMES, 4), -1e9) * np.inf)
    source, recorder = open_replay(ReplayRequest("otb", str(root), str(tmp_path / "results" / "otb" / "lost"), "Alpha"))
    source.close()
    assert not recorder.targets


def test_a_replay_names_the_tracker_that_the_benchmark_ran(tmp_path):
    root = make_otb(tmp_path / "data", {"Alpha": FRAMES})
    folder = tmp_path / "results" / "otb" / "mine"
    write_rows(folder / "Alpha.txt", path_of_target(0) + np.array([1, 1, 0, 0]))
    request = ReplayRequest("otb", str(root), str(tmp_path / "results" / "otb" / "mine"), "Alpha")

    def producer():
        source, recorder = open_replay(request)
        source.close()
        return recorder.producer_of(3)

    with pytest.raises(InputError, match=r"'mine'.*cannot be explained"):  # another program's results
        rebuild_tracker(producer())
    tracker = build_tracker(DEFAULT_TRACKER, device="cpu", overrides=["tracking.window_influence=0.11"])
    settings = {"tracker": tracker.name, "producer": producer_to_data(describe_producer(tracker))}
    (folder / "settings.json").write_text(json.dumps(settings))
    assert rebuild_tracker(producer(), device="cpu").tracking == tracker.tracking
    settings["producer"] |= {"weights_path": "/nowhere.pt", "weights_sha256": "0" * 64}
    (folder / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match="not here"):
        rebuild_tracker(producer())


def test_worst_moments_are_apart():
    ious = [0.9] * 100
    ious[20], ious[22], ious[70], ious[71] = 0.1, 0.05, 0.3, float("nan")
    assert worst_moments(list(range(100)), ious, count=2, apart=15) == [(22, 0.05), (70, 0.3)]


# numbers sort as numbers, and what has none comes last
def test_cells_sort_by_number():
    values = [NumberItem(value, 2) for value in (10.0, float("nan"), 9.0)]
    assert [item.text() for item in sorted(values, key=lambda item: item)] == ["9.00", "10.00", "–"]
