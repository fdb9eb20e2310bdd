"""The benchmark panel runs real evaluations in another process and shows any of their sequences again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PyQt5.QtCore import QPoint, Qt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from evaluation_sequences import FRAMES, make_otb, make_vot, path_of_target, write_rows

from app.panels.number_table import Column, NumberTable, Row
from app.session.frame_view import Scoring
from app.session.replay import ReplayRequest, open_replay
from tracker_core.errors import InputError
from tracker_core.presets import DEFAULT_TRACKER
from tracker_core.results.recorder import TargetRecord
from tracker_core.results.run_data import producer_to_data
from tracker_core.results.targets import Target
from tracker_core.sources.sequences import list_sequences
from tracker_core.trackers.builder import build_tracker
from tracker_core.trackers.producers import describe_producer, rebuild_tracker


@pytest.fixture
def panel_of(drive, tmp_path):
    """A window with panels, its benchmark panel set to three small sequences."""
    make_otb(tmp_path / "data", {"Alpha": FRAMES, "Beta": FRAMES, "Gamma": FRAMES})
    driver = drive()
    panel = driver.window.panels.benchmark
    panel.form.root.setText(str(tmp_path / "data"))
    panel.form.results.setText(str(tmp_path / "results"))
    driver.window.docks.show_tab(panel)
    return driver, panel


def keys(panel) -> list:
    """What the rows of the sequences stand for, from above: (sequence, tracker), "" for a mean."""
    return [row.key for row in panel.sequences.table.numbers.rows]


def activate(panel, sequence: str, tracker: str = DEFAULT_TRACKER) -> None:
    """Choose a row and press Return on it."""
    table = panel.sequences.table
    table.choose((sequence, tracker))
    table.activated.emit(table.currentIndex())


def wait_idle(driver) -> None:
    driver.qtbot.waitUntil(lambda: not driver.window.jobs.running, timeout=60_000)


@pytest.mark.timeout(600)
def test_run_fills_table_and_curves_and_a_row_is_replayed(panel_of, tmp_path):
    driver, panel = panel_of
    panel.form.sequences.setText(" Alpha, Gamma ")
    driver.qtbot.mouseClick(panel.form.start, Qt.LeftButton)
    driver.qtbot.waitUntil(lambda: bool(driver.window.jobs.running), timeout=5000)
    assert not panel.form.root.isEnabled()
    wait_idle(driver)
    assert keys(panel) == [("", DEFAULT_TRACKER), ("Alpha", DEFAULT_TRACKER), ("Gamma", DEFAULT_TRACKER)]
    assert DEFAULT_TRACKER in panel.form.status.text() and panel.form.root.isEnabled()
    xs, ys = panel.curves.lines["success", DEFAULT_TRACKER].getData()
    assert xs[0] == 0 and xs[-1] == 1 and ys[0] <= 1 and np.all(np.diff(ys) <= 0)

    # the boxes in the window are those of the file
    activate(panel, "Gamma")
    driver.qtbot.waitUntil(lambda: driver.canvas.frame_view is not None, timeout=10_000)
    lines = (tmp_path / "results" / "otb" / DEFAULT_TRACKER / "Gamma.txt").read_text().splitlines()
    written = np.array([[float(part) for part in line.split(",")] for line in lines]) - [1, 1, 0, 0]
    shown = np.array([driver.results()[index].box_xywh for index in range(FRAMES)])
    np.testing.assert_allclose(shown, written, atol=1e-6)
    driver.player.seek(3)
    driver.qtbot.waitUntil(lambda: driver.index == 3, timeout=5000)
    assert driver.window.panels.readout.text("iou")
    assert not driver.window.panels.readout.text("score"), "result files hold no scores"
    # what was only looked at is not kept as the user's own work
    driver.window.close()
    assert not list((tmp_path / "sessions").glob("*.json"))


@pytest.mark.parametrize("is_open", [False, True], ids=["another source", "the open one"])
def test_published_boxes_are_scored_from_the_first_frame_on_wherever_they_begin(panel_of, tmp_path, is_open):
    """As the evaluation does, which does not ask whether the first box was on the object."""
    driver, _ = panel_of
    rows = path_of_target(0) + np.array([1, 1, 0, 0])
    write_rows(tmp_path / "exact" / "Alpha.txt", rows)
    rows[:, 0] += 0.75 * rows[0, 2]  # a quarter of each box is on the object: an IoU of 1/7, above 3 of 21 thresholds
    write_rows(tmp_path / "beside" / "Alpha.txt", rows)
    for folder in ("exact", "beside") if is_open else ("beside",):
        driver.player.replay(ReplayRequest("otb", str(tmp_path / "data"), str(tmp_path / folder), "Alpha"))
    driver.qtbot.waitUntil(lambda: [run.title for run in driver.player.summary.runs][-1:] == ["beside"])
    run = driver.player.summary.runs[-1]
    assert run.scoring is Scoring.ANYWAY and run.success == pytest.approx(3 / 21)


@pytest.mark.timeout(600)
def test_pause_resume_and_stop(panel_of):
    driver, panel = panel_of
    driver.qtbot.mouseClick(panel.form.start, Qt.LeftButton)
    driver.qtbot.waitUntil(lambda: bool(driver.window.jobs.running), timeout=5000)
    driver.qtbot.mouseClick(panel.form.pause, Qt.LeftButton)
    wait_idle(driver)
    assert panel.form.start.text() == "Resume" and panel.form.stop.isEnabled() and not panel.form.pause.isEnabled()
    driver.qtbot.mouseClick(panel.form.start, Qt.LeftButton)
    wait_idle(driver)
    # also those that were finished before the pause are in the table
    assert [sequence for sequence, _ in keys(panel)] == ["", "Alpha", "Beta", "Gamma"]
    assert panel.form.start.text() == "Start" and not panel.form.stop.isEnabled()


# what the user left wrong: the text of the dialog says it
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda panel: panel.form.root.setText("/nowhere/at/all"), "is not a folder"),
        (lambda panel: panel.form.root.setText(""), "choose the folder"),
        (lambda panel: panel.form.trackers.item(0).setCheckState(Qt.Unchecked), "at least one tracker"),
        # said by the command itself
        (lambda panel: panel.form.sequences.setText("Zeta"), "Zeta"),
    ],
)
def test_bad_input_is_a_sentence(panel_of, spoil, sentence):
    driver, panel = panel_of
    shown = []
    driver.window.benchmark.failed.connect(lambda title, text, details: shown.append(text))
    spoil(panel)
    driver.qtbot.mouseClick(panel.form.start, Qt.LeftButton)
    driver.qtbot.waitUntil(lambda: bool(shown), timeout=30_000)
    assert sentence in shown[0]
    assert panel.form.start.isEnabled()


def test_others_are_compared_coloured_alike_hidden_and_saved(panel_of, tmp_path, monkeypatch):
    driver, panel = panel_of
    for seed, name in enumerate(("Alpha", "Beta", "Gamma")):
        rows = path_of_target(seed) + np.array([1, 1, 0, 0])
        rows[1:, 0] += 4 * seed  # the later one of the three, the worse
        write_rows(tmp_path / "published" / "theirs" / f"{name}.txt", rows)
    monkeypatch.setattr("app.panels.benchmark_form.browse_folder", lambda *_: str(tmp_path / "published"))
    driver.qtbot.mouseClick(panel.form.add, Qt.LeftButton)
    driver.qtbot.waitUntil(lambda: bool(panel.scores.trackers), timeout=30_000)
    wait_idle(driver)
    assert keys(panel)[0] == ("", "theirs") and len(keys(panel)) == 4
    assert "theirs" in panel.curves.legend.text()
    assert panel.curves.lines["success", "theirs"].opts["pen"].color().name() == panel.colors.look("theirs").color
    # a click on its curve shows the sequence in which it was worst
    panel.curves.lines["success", "theirs"].sigClicked.emit(panel.curves.lines["success", "theirs"], None)
    driver.qtbot.waitUntil(lambda: driver.canvas.frame_view is not None, timeout=10_000)
    assert panel.sequences.table.chosen == ("Gamma", "theirs")
    assert driver.player.source.name == "Gamma"
    # the box in the line of its mean hides its curves
    mean = panel.sequences.table.numbers.index(0, 0)
    panel.sequences.table.numbers.setData(mean, Qt.Unchecked, Qt.CheckStateRole)
    assert not panel.curves.lines and panel.curves.legend.text() == ""
    panel.sequences.filter.setText("alp")
    assert keys(panel) == [("", "theirs"), ("Alpha", "theirs")]
    for path in ("scores.md", "scores.docx"):
        driver.window.benchmark.save_table(str(tmp_path / path))
    assert "| theirs | 3 |" in (tmp_path / "scores.md").read_text()
    assert not (tmp_path / "scores.docx").exists()


def test_an_opened_data_set_is_proposed(panel_of, tmp_path):
    driver, panel = panel_of
    driver.window.open(str(tmp_path / "data"))
    driver.qtbot.waitUntil(lambda: driver.window.panels.sources.names("sequences") != [], timeout=5000)
    assert panel.form.root.text() == str(tmp_path / "data")
    panel.form.root.clear()
    driver.player.worker.sequences_found.emit(list_sequences(make_vot(tmp_path / "vot", {"ants1": 4})))
    assert panel.form.root.text() == str(tmp_path / "vot") and panel.form.data_set.currentData() == "vot"
    panel.form.root.setText("/my/own")
    driver.player.worker.sequences_found.emit(list_sequences(tmp_path / "data"))
    assert panel.form.root.text() == "/my/own", "what the user named stays"


def test_replays_of_one_sequence_stand_beside_each_other(drive, tmp_path):
    """At the frame that is shown; none comes twice, one that was changed comes again, and looking keeps nothing."""
    root, results = make_otb(tmp_path / "data", {"Alpha": FRAMES, "Beta": FRAMES}), tmp_path / "results"
    for place, name in enumerate(("ours", "theirs")):
        (results / name).mkdir(parents=True)
        for sequence in ("Alpha", "Beta"):
            lines = "".join(f"{10 + index + place},20,30,40\n" for index in range(FRAMES))
            (results / name / f"{sequence}.txt").write_text(lines)
    driver = drive()

    def replay(sequence: str, name: str) -> None:
        driver.player.replay(ReplayRequest("otb", str(root), str(results / name), sequence))
        driver.qtbot.waitUntil(lambda: [r.title for r in driver.player.summary.runs if r.is_active] == [name])
        driver.qtbot.waitUntil(lambda: driver.player.source.name == sequence)

    replay("Alpha", "ours")
    driver.player.seek(3)
    driver.qtbot.waitUntil(lambda: driver.index == 3)
    for name in ("theirs", "ours", "theirs"):
        replay("Alpha", name)
    titles = [run.title for run in driver.player.summary.runs]
    assert titles == ["ours", "theirs"] and driver.index == 3
    assert [len(view.others) for view in [driver.canvas.frame_view]] == [1], "the other one is painted beside"
    replay("Beta", "ours")
    assert [run.title for run in driver.player.summary.runs] == ["ours"], "another sequence is another source"
    driver.window.close()
    assert not list((tmp_path / "sessions").glob("*.json"))


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


class TestNumberTable:
    @pytest.fixture
    def table(self, qtbot):
        """Three rows and a mean, in a table that is narrower than its columns."""
        table = NumberTable(1, "numbers")
        qtbot.addWidget(table)
        rows = [Row((name,), (value, 1.0), name) for name, value in (("b", 10.0), ("a", float("nan")), ("C", 9.0))]
        table.set_rows(
            ["name"], [Column("value", 2), Column("other")], [*rows, Row(("mean",), (9.5, 1), "", is_summary=True)]
        )
        table.resize(120, 200)
        table.show()
        return table

    def names(self, table) -> list:
        return [row.texts[0] for row in table.numbers.rows]

    def test_rows_sort_by_number_below_the_means_and_what_has_none_comes_last(self, table):
        assert self.names(table) == ["mean", "a", "b", "C"]
        table.sortByColumn(1, Qt.AscendingOrder)
        assert self.names(table) == ["mean", "C", "b", "a"]
        table.sortByColumn(1, Qt.DescendingOrder)
        assert self.names(table) == ["mean", "b", "C", "a"]
        assert table.numbers.index(1, 1).data() == "10.00" and table.numbers.index(3, 1).data() == "–"

    def test_a_click_on_the_titles_sorts_in_both_parts(self, qtbot, table):
        table.resize(400, 200)
        table.choose("b")
        head, front = table.horizontalHeader(), table._front.horizontalHeader()
        place = QPoint(head.sectionViewportPosition(1) + 10, 8)
        qtbot.mouseClick(head.viewport(), Qt.LeftButton, pos=place)
        assert self.names(table) == ["mean", "C", "b", "a"] and front.sortIndicatorSection() == 1
        qtbot.mouseClick(front.viewport(), Qt.LeftButton, pos=QPoint(10, 8))
        assert self.names(table) == ["mean", "a", "b", "C"] and head.sortIndicatorSection() == 0
        qtbot.mouseClick(front.viewport(), Qt.LeftButton, pos=QPoint(10, 8))
        assert self.names(table) == ["mean", "C", "b", "a"] and table.chosen == "b"

    def test_the_chosen_row_stays_chosen(self, table):
        table.choose("b")
        table.sortByColumn(1, Qt.AscendingOrder)
        assert table.chosen == "b"
        table.set_rows(["name"], [Column("value", 2), Column("other")], [Row((n,), (1, 1), n) for n in "xba"])
        assert table.chosen == "b"
        table.set_rows(["name"], [Column("value", 2), Column("other")], [Row(("x",), (1, 1), "x")])
        assert table.chosen is None

    def test_a_name_that_grows_gets_room_and_a_column_made_narrow_stays_so(self, table):
        table.resize(500, 200)  # where the numbers are in sight anyway

        def show(mean: str) -> None:
            rows = [Row((mean,), (9.5, 1), "", is_summary=True), Row(("a",), (1, 1), "a")]
            table.set_rows(["name"], [Column("value", 2), Column("other")], rows)

        show("mean of 10 of 100")
        assert table.columnWidth(0) >= table.sizeHintForColumn(0)
        table.setColumnWidth(0, 40)
        show("mean of 11 of 100")
        assert table.columnWidth(0) == 40

    def test_the_first_column_stays_in_sight(self, table):
        front = table._front
        bar = table.horizontalScrollBar()
        assert bar.maximum() > 0
        bar.setValue(bar.maximum())
        assert front.isVisible() and front.columnViewportPosition(0) == 0
        assert not front.isColumnHidden(0) and front.isColumnHidden(1)
        table.setColumnWidth(0, 77)
        assert front.columnWidth(0) == 77 and front.width() == 77
