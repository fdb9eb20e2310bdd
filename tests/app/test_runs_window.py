"""The list of runs in the window: choosing, comparing, renaming, deleting, running again; failures; wheels; undo."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from fakes import DrawnSource, MatchingTracker, true_box
from PyQt5.QtCore import QPoint, QPointF, Qt
from PyQt5.QtGui import QWheelEvent
from PyQt5.QtWidgets import QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QDialog, QScrollBar, QWidget

from app.dialogs.rerun import RerunDialog
from app.panels import runs as columns
from app.panels.fields import ComboBox
from app.session.frame_view import RunSummary, Stale
from app.session.trackers import TrackerChoice
from app.worker.messages import BoxRequest
from tracker_core.config import NetworkConfig, SecondConfig, TrackerConfig, TrackingConfig
from tracker_core.errors import InputError
from tracker_core.presets import DEFAULT_TRACKER

COUNT = 40


class OtherTracker(MatchingTracker):
    name = "other"

    def fork(self):
        return OtherTracker(self._tracking)


def refuse(choice):
    raise InputError("There is no such tracker.")


def wait_end(driver):
    driver.qtbot.waitUntil(lambda: driver.index == COUNT - 1 and not driver.player.is_playing, timeout=10_000)
    driver.qtbot.waitUntil(lambda: any(r.is_active and r.frame_count == COUNT for r in driver.player.summary.runs))


def track_from(driver, box=None, index=0):
    driver.player.seek(index)
    driver.qtbot.waitUntil(lambda: driver.index == index)
    serial, frame = driver.player.source.serial, driver.canvas.frame_view.frame
    driver.player.begin(BoxRequest(serial, frame, true_box(index) if box is None else box, 1, track=True))
    wait_end(driver)


@pytest.fixture
def driver(drive):
    """A window with a run over all frames."""
    driver = drive(
        lambda spec: DrawnSource(COUNT, fps=500.0),
        lambda choice: OtherTracker() if choice.name == "other" else MatchingTracker(),
    )
    driver.window.resize(1400, 800)
    driver.window.docks.docks["runs"].show()
    driver.open()
    track_from(driver)
    return driver


def run_again(driver):
    driver.window.actions_["run_again"].trigger()
    driver.qtbot.waitUntil(lambda: driver.index < COUNT - 1)
    wait_end(driver)


def tree(driver):
    return driver.window.panels.runs.tree


def column(driver, place):
    return [tree(driver).topLevelItem(row).text(place) for row in range(tree(driver).topLevelItemCount())]


def active(driver):
    return next((run.number for run in driver.player.summary.runs if run.is_active), None)


def wheel(widget: QWidget, turns: int = 2) -> None:
    """Turn the wheel over a widget, as where the mouse rests there by chance."""
    where = QPointF(widget.rect().center())
    there = QPointF(widget.mapToGlobal(QPoint(*map(int, (where.x(), where.y())))))
    for _ in range(turns):
        event = QWheelEvent(where, there, QPoint(), QPoint(0, 120), Qt.NoButton, Qt.NoModifier, Qt.NoScrollPhase, False)
        QApplication.sendEvent(widget, event)


def test_every_run_is_a_row_with_its_tracker_parameters_and_numbers(driver):
    driver.player.set_tracking_config(replace(driver.player.tracking, window_influence=0.11))
    run_again(driver)
    assert column(driver, columns.NAME) == ["Run 1", "Run 2"] and column(driver, columns.FRAMES) == [str(COUNT)] * 2
    assert column(driver, columns.TRACKER) == ["matching"] * 2
    before, after = column(driver, columns.CHANGES)
    assert before == "" and after.startswith("window_influence") and after.endswith("0.11")
    assert all(float(text) > 0.8 for text in column(driver, columns.SUCCESS))


def test_a_click_shows_a_run_and_its_results(driver):
    first = driver.results()
    run_again(driver)
    item = tree(driver).topLevelItem(0)
    where = tree(driver).visualItemRect(item).topLeft() + QPoint(60, 8)
    driver.qtbot.mouseClick(tree(driver).viewport(), Qt.LeftButton, pos=where)
    driver.qtbot.waitUntil(lambda: active(driver) == 1)
    assert all(driver.results()[index] is first[index] for index in first)
    assert not driver.player.is_tracking


def test_an_eye_shows_a_run_beside_in_image_and_plots(driver):
    run_again(driver)
    driver.window.docks.show_tab(driver.window.panels.plots)
    driver.qtbot.waitUntil(lambda: bool(driver.window.panels.plots._plots))
    driver.qtbot.waitUntil(lambda: [other.number for other in driver.canvas.frame_view.others] == [1])
    assert list(driver.window.panels.plots._beside) == ["Run 1"]
    tree(driver).topLevelItem(0).setCheckState(columns.NAME, Qt.Unchecked)
    driver.qtbot.waitUntil(lambda: not driver.canvas.frame_view.others)
    assert not driver.window.panels.plots._beside and not driver.player.summary.undo_text.startswith("eye")


def test_the_legend_stands_below_and_covers_no_curve(driver):
    run_again(driver)
    plots = driver.window.panels.plots
    driver.window.docks.show_tab(plots)
    driver.qtbot.waitUntil(lambda: bool(plots._plots) and bool(plots._beside))
    driver.qtbot.waitUntil(lambda: "Run 1: overlap" in plots.legend_line.text())
    assert "score" in plots.legend_line.text() and plots._plots[0].getPlotItem().legend is None
    driver.qtbot.waitUntil(lambda: bool(plots._drawn))
    color = plots._drawn[0][1].opts["pen"].color()
    assert color.name() in plots.legend_line.text(), "each name has the colour of its line"


def test_a_name_that_is_typed_is_kept_and_can_be_taken_back(driver):
    tree(driver).topLevelItem(0).setText(columns.NAME, "as tuned")
    driver.qtbot.waitUntil(lambda: driver.player.summary.runs[0].title == "as tuned")
    assert driver.window.actions_["undo"].text() == "&Undo: name of run 1"
    driver.window.actions_["undo"].trigger()
    driver.qtbot.waitUntil(lambda: column(driver, columns.NAME) == ["Run 1"])
    driver.window.actions_["redo"].trigger()
    driver.qtbot.waitUntil(lambda: column(driver, columns.NAME) == ["as tuned"])


def test_delete_in_the_list_deletes_the_run_and_undo_brings_it_back(driver):
    run_again(driver)
    driver.qtbot.keyClick(tree(driver), Qt.Key_Delete)
    driver.qtbot.waitUntil(lambda: column(driver, columns.NAME) == ["Run 1"] and active(driver) == 1)
    driver.qtbot.keyClick(driver.canvas, Qt.Key_Z, Qt.ControlModifier)
    driver.qtbot.waitUntil(lambda: column(driver, columns.NAME) == ["Run 1", "Run 2"])
    driver.qtbot.keyClick(driver.canvas, Qt.Key_Z, Qt.ControlModifier | Qt.ShiftModifier)
    driver.qtbot.waitUntil(lambda: column(driver, columns.NAME) == ["Run 1"])


def test_the_list_can_be_copied_into_a_spreadsheet(driver):
    driver.player.run_again_with(TrackerChoice("other"), driver.player.tracking)
    driver.qtbot.waitUntil(lambda: len(driver.player.summary.runs) == 2)
    wait_end(driver)
    driver.window.actions_["copy_runs"].trigger()
    lines = [line.split("\t") for line in QApplication.clipboard().text().splitlines()]
    assert [line[:3] for line in lines] == [
        ["Run", "Success", "Tracker"],
        ["Run 1", column(driver, columns.SUCCESS)[0], "matching"],
        ["Run 2", column(driver, columns.SUCCESS)[1], "other"],
    ]
    assert {len(line) for line in lines} == {8}


def test_run_again_with_another_tracker_is_another_run(driver):
    chosen = replace(driver.player.tracking, window_influence=0.25)
    driver.player.run_again_with(TrackerChoice("other"), chosen)
    driver.qtbot.waitUntil(lambda: len(driver.player.summary.runs) == 2)
    wait_end(driver)
    assert column(driver, columns.TRACKER) == ["matching", "other"]
    assert driver.player.tracking.window_influence == 0.25 and driver.player.choice.name == "other"


def test_a_frame_that_waits_for_its_time_is_of_the_run_before(drive):
    driver = drive(lambda spec: DrawnSource(COUNT, fps=0.2))
    driver.open()
    player, is_free = driver.player, threading.Event()
    player.begin(BoxRequest(player.source.serial, driver.canvas.frame_view.frame, true_box(0), 1, track=True))
    driver.qtbot.waitUntil(lambda: player.worker.playback._waiting is not None)
    player._asked.emit(is_free.wait)  # so that the pause comes before anything else is tracked
    player.run_again()
    player.play(False)
    is_free.set()
    driver.qtbot.waitUntil(lambda: active(driver) == 2 and not player.is_playing and driver.index == 0)
    assert driver.window.wiring.curve_of(1).frames.tolist() == [0]


def test_the_dialog_offers_what_a_tracker_was_tuned_with_and_what_is_set_now(qtbot):
    tuned = {"one": TrackingConfig(window_influence=0.3), "two": TrackingConfig(window_influence=0.5)}
    now = TrackingConfig(window_influence=0.11, context=0.25)
    dialog = RerunDialog([("one", ""), ("two", "")], "one", now, lambda name: TrackerConfig(tracking=tuned[name]))
    qtbot.addWidget(dialog)
    assert dialog.tracking == now
    dialog.parameters.setCurrentIndex(1)
    assert dialog.tracking == tuned["one"]
    dialog.tracker.setCurrentIndex(1)
    assert (dialog.tracker_name, dialog.tracking) == ("two", tuned["two"])
    dialog.rows["window_influence"].field.setValue(0.4)
    assert dialog.tracking == replace(tuned["two"], window_influence=0.4)


def test_the_dialog_has_the_second_network_s_weight_only_for_trackers_with_one(qtbot):
    second = SecondConfig(network=NetworkConfig("light"))
    configs = {"one": TrackerConfig(), "pair": TrackerConfig(second=second)}
    dialog = RerunDialog([("one", ""), ("pair", "")], "one", TrackingConfig(), configs.__getitem__)
    qtbot.addWidget(dialog)
    row = dialog.rows["second_weight"]
    seen = []
    for place in (0, 1, 0):
        dialog.tracker.setCurrentIndex(place)
        seen.append([not widget.isHidden() for widget in (row.label, row.slider, row.field)])
    assert seen == [[False] * 3, [True] * 3, [False] * 3]


def test_several_trackers_track_one_after_another(driver, monkeypatch):
    """Each to the end, as a run of its own, as fast as possible; then the speed is what it was."""
    controls, notices = driver.window.runs, []
    controls.notice.connect(notices.append)
    monkeypatch.setattr(controls, "_trackers", lambda: [("matching", ""), ("other", ""), ("third", "")])
    monkeypatch.setattr("tracker_core.trackers.producers.named_config", lambda name: TrackerConfig())
    chosen, before = [], (driver.player.choice, driver.player.tracking)

    def accept(dialog):
        dialog.rows["window_influence"].field.setValue(0.22)
        for row in (1, 2):
            dialog.others.item(row).setCheckState(Qt.CheckState.Checked)
        chosen.append((dialog.tracker_name, dialog.further))
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(RerunDialog, "exec_", accept)
    controls.ask_rerun()
    assert chosen == [("matching", ["other", "third"])]
    driver.qtbot.waitUntil(lambda: any("All 3 trackers" in notice for notice in notices), timeout=60_000)
    driver.qtbot.waitUntil(lambda: [run.frame_count for run in driver.player.summary.runs] == [COUNT] * 4)
    assert column(driver, columns.TRACKER)[1:] == ["matching", "other", "matching"], "'third' is one of the first kind"
    assert driver.player.speed == 1.0 and not controls.reruns.is_active
    # what was chosen and shown is so again
    driver.qtbot.waitUntil(lambda: driver.player.summary.runs[0].is_active)
    driver.qtbot.waitUntil(lambda: driver.player.summary.tracker == "matching")
    assert (driver.player.choice, driver.player.tracking) == before
    panel = driver.window.panels.tracker
    assert panel.rows["window_influence"].slider.isEnabled() and driver.player.summary.runs[0].stale is Stale.NO


def test_switching_tracking_off_ends_the_queue_and_keeps_what_was_tracked(driver):
    controls, notices = driver.window.runs, []
    controls.notice.connect(notices.append)
    driver.player.set_speed(1.0)
    shown = []
    driver.player.speed_changed.connect(shown.append)
    controls.reruns.start([(TrackerChoice(name), TrackingConfig()) for name in ("other", "third", "fourth")])
    driver.qtbot.waitUntil(lambda: len(driver.player.summary.runs) == 2)
    driver.player.track(False)
    driver.qtbot.waitUntil(lambda: not controls.reruns.is_active)
    assert any("left out: " in notice for notice in notices)
    assert driver.player.choice == TrackerChoice()
    assert len(driver.player.summary.runs) >= 2 and driver.player.speed == 1.0
    assert shown == [0, 1.0], "the status bar says how fast it goes"


def test_parameters_wait_for_the_tracker_that_was_chosen(driver):
    """Those of the tracker before would be set in the new one."""
    panel = driver.window.panels.tracker
    slider = panel.rows["window_influence"].slider
    assert slider.isEnabled()
    panel.set_trackers([("matching", ""), ("other", "")], "matching")
    panel.tracker.setCurrentIndex(1)
    assert not slider.isEnabled()
    driver.qtbot.waitUntil(slider.isEnabled)
    assert driver.player.choice.name == "other"


def test_parameters_can_be_used_again_after_a_tracker_was_refused(driver):
    driver.player.worker.session.trackers._factory = refuse
    panel = driver.window.panels.tracker
    panel.set_trackers([("matching", ""), ("other", "")], "matching")
    panel.tracker.setCurrentIndex(1)
    driver.qtbot.waitUntil(lambda: bool(driver.failures))
    driver.qtbot.waitUntil(panel.rows["window_influence"].slider.isEnabled)


def test_stale_numbers_are_grey_and_say_why(driver):
    readout = driver.window.panels.readout
    assert readout._line.labels["success"].isEnabled()
    driver.player.set_tracking_config(replace(driver.player.tracking, window_influence=0.11))
    driver.qtbot.waitUntil(lambda: driver.player.summary.runs[0].stale is Stale.TRACKER)
    assert not readout._line.labels["success"].isEnabled() and "Ctrl+R" in readout._line.labels["success"].toolTip()
    item = tree(driver).topLevelItem(0)
    assert item.foreground(columns.SUCCESS) != item.foreground(columns.FRAMES)
    assert "Ctrl+R" in item.toolTip(columns.SUCCESS)
    run_again(driver)
    assert readout._line.labels["success"].isEnabled()


def test_a_run_on_something_else_is_scored_only_if_the_user_says_so(driver):
    action = driver.window.actions_["score_anyway"]
    assert not action.isEnabled()
    track_from(driver, box=np.array([20.0, 20.0, 40.0, 30.0]))
    driver.qtbot.waitUntil(lambda: column(driver, columns.SUCCESS) == ["–"])
    assert not driver.window.panels.readout.text("success")
    assert action.isEnabled() and not action.isChecked()
    action.trigger()
    driver.qtbot.waitUntil(lambda: column(driver, columns.SUCCESS) != ["–"])
    assert driver.window.panels.readout.text("success") and action.isChecked()


def test_the_keys_go_from_failure_to_failure(driver):
    failing = DrawnSource(COUNT, fps=500.0)
    failing.sequence.boxes_xywh[10:14, 0] += 200
    failing.sequence.boxes_xywh[30:, 0] += 200
    driver.sources = lambda spec: failing
    driver.window.open("failing")
    driver.qtbot.waitUntil(lambda: driver.player.source.serial == 2 and driver.index == 0)
    track_from(driver)
    driver.player.seek(0)
    driver.qtbot.waitUntil(lambda: driver.index == 0)
    for key, modifier, index in (
        (Qt.Key_F3, Qt.NoModifier, 10),
        (Qt.Key_F3, Qt.NoModifier, 30),
        (Qt.Key_F3, Qt.NoModifier, 30),  # there is none after it
        (Qt.Key_F3, Qt.ShiftModifier, 10),
    ):
        driver.qtbot.keyClick(driver.canvas, key, modifier)
        driver.qtbot.waitUntil(lambda index=index: driver.index == index)
    moments = driver.window.panels.runs.moments
    driver.qtbot.waitUntil(lambda: moments.count() == 2)  # the list follows the frame a moment later
    assert moments.item(0).text().startswith("frame ")
    driver.window.panels.runs.moments.itemClicked.emit(moments.item(1))
    driver.qtbot.waitUntil(lambda: driver.index != 10)


def test_a_wheel_over_any_field_that_has_no_focus_changes_nothing(driver):
    """Two notches over a slider once deleted every result."""
    window = driver.window
    kinds = (QAbstractSlider, QAbstractSpinBox, QComboBox)
    before = {n: [run.frame_count for run in driver.player.summary.runs] for n in (1,)}
    for dock in window.docks.docks.values():
        dock.show()
    for tab in range(window.docks.tabs.count()):
        window.docks.tabs.setCurrentIndex(tab)
        QApplication.processEvents()
    window.canvas.setFocus()
    fields = [w for w in window.findChildren(QWidget) if isinstance(w, kinds) and not isinstance(w, QScrollBar)]
    dialog = RerunDialog([("one", ""), ("two", "")], "one", TrackingConfig(), lambda name: TrackerConfig(), window)
    fields += [w for w in dialog.findChildren(QWidget) if isinstance(w, kinds)]
    assert len(fields) > 30

    def value(widget):
        return widget.currentIndex() if isinstance(widget, QComboBox) else widget.value()

    values = [value(widget) for widget in fields]
    for widget in fields:
        wheel(widget)
    assert [value(widget) for widget in fields] == values
    run_again(driver)
    assert [run.frame_count for run in driver.player.summary.runs] == [*before[1], COUNT]


def test_a_wheel_over_a_field_with_the_focus_starts_no_run_by_itself(driver):
    window = driver.window
    window.docks.docks["tracker"].show()
    window.docks.docks["tracker"].raise_()
    slider = window.panels.tracker.rows["window_influence"].slider
    driver.qtbot.waitUntil(slider.isVisible)
    slider.setFocus()
    driver.qtbot.waitUntil(slider.hasFocus)
    wheel(slider)
    driver.qtbot.waitUntil(lambda: driver.player.summary.runs[0].stale is Stale.TRACKER)
    (run,) = driver.player.summary.runs
    assert run.frame_count == COUNT and isinstance(window.panels.tracker.presets, ComboBox)


def test_success_and_tracker_of_a_run_are_whole_at_the_first_width(drive):
    window = drive().window
    window.resize(1360, 860)
    window.docks.reset()
    panel = window.panels.runs
    panel.set_runs([RunSummary(1, "", DEFAULT_TRACKER, (), None, 330, 0, 0.733, 0.9, 30.0, is_active=True)])
    QApplication.processEvents()
    tree = panel.tree
    assert tree.columnViewportPosition(columns.TRACKER) + tree.columnWidth(columns.TRACKER) <= tree.viewport().width()
