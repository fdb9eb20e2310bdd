"""The panels around the image, in a real window: what they show, what they change, and what they cost."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pytest
from fakes import DrawnSource
from PyQt5 import sip
from PyQt5.QtCore import QPoint, QPointF, Qt
from PyQt5.QtGui import QPalette
from PyQt5.QtWidgets import QApplication, QLabel, QScrollArea, QToolBar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from evaluation_sequences import make_otb

from app.jobs.jobs import Job
from app.panels.log import LogPanel, LogRelay, PanelHandler
from app.panels.plots import PlotsPanel
from app.panels.sources import SPEC, SourcesPanel
from app.panels.tracker import PRESETS, TrackerPanel
from app.window.theme import make_palette
from tracker_core.config import TrackingConfig
from tracker_core.errors import SourceError
from tracker_core.sources.cameras import Camera
from tracker_core.sources.opening import open_source
from tracker_core.sources.sequences import list_sequences


@pytest.fixture
def window_of(drive):
    """A window with panels, a source open and tracked to its end."""
    driver = drive(lambda spec: DrawnSource(40, fps=200.0))
    driver.open()
    driver.qtbot.waitUntil(lambda: driver.canvas.box is not None)
    driver.qtbot.keyClick(driver.canvas, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: driver.index == 39 and not driver.player.is_playing, timeout=20_000)
    return driver


def wait(driver, condition) -> None:
    driver.qtbot.waitUntil(condition, timeout=5000)


def test_read_out_and_timeline_follow(window_of):
    driver, panels = window_of, window_of.window.panels
    assert panels.readout.text("frame").startswith("39/39")
    assert panels.readout.text("state") == "tracking"
    assert float(panels.readout.text("iou").split()[1]) > 0.9
    assert float(panels.readout.text("success").split()[1]) > 0.9
    assert panels.timeline.values().count == 40
    # a click on the timeline shows that frame's values, without computing
    panels.timeline.seek_requested.emit(0)
    wait(driver, lambda: driver.index == 0)
    wait(driver, lambda: panels.readout.text("frame").startswith("0/39"))


def test_parameters_count_from_the_next_frame_on(window_of):
    driver, panel = window_of, window_of.window.panels.tracker
    before = driver.player.tracking.window_influence
    row = panel.rows["window_influence"]
    row.field.setValue(0.77)
    wait(driver, lambda: driver.player.worker.session.build_tracker().tracking.window_influence == 0.77)
    driver.qtbot.mouseClick(panel.reset, Qt.LeftButton)
    wait(driver, lambda: driver.player.worker.session.build_tracker().tracking.window_influence == before)
    wait(driver, lambda: row.value == pytest.approx(before))
    # a preset sets several at once
    place = next(i for i in range(panel.presets.count()) if panel.presets.itemData(i) == "wide")
    panel._use_preset(place)
    wanted = PRESETS["wide"]
    wait(driver, lambda: driver.player.worker.session.build_tracker().tracking.search_size == wanted["search_size"])


def test_slider_and_field_are_one_value(window_of):
    row = window_of.window.panels.tracker.rows["size_lr"]
    row.slider.setValue(row.slider.maximum())
    assert row.field.value() == pytest.approx(row.parameter.high)
    row.field.setValue(row.parameter.low)
    assert row.slider.value() == 0


def test_a_check_box_a_key_and_a_menu_are_one_switch(window_of):
    driver, panels = window_of, window_of.window.panels
    box = panels.overlays._boxes["ground_truth"]
    before = driver.window.overlays["ground_truth"].is_visible
    driver.qtbot.mouseClick(box, Qt.LeftButton)
    assert driver.window.overlays["ground_truth"].is_visible is not before
    assert driver.window.actions_["overlay_ground_truth"].isChecked() is not before
    driver.window.actions_["overlay_ground_truth"].trigger()
    assert box.isChecked() is before
    panels.overlays._sliders["ground_truth"].setValue(30)
    assert driver.window.overlays["ground_truth"].opacity == pytest.approx(0.3)


def test_the_inner_state_is_computed_only_while_something_shows_it(window_of):
    driver, docks = window_of, window_of.window.docks
    for name in driver.window.overlays:
        if driver.window.overlays[name].needs_debug:
            driver.window.overlays.show(name, False)
    docks.docks["overlays"].raise_()
    wait(driver, lambda: not docks.is_seen("thumbnails"))
    wait(driver, lambda: not driver.player.wants_debug)
    docks.docks["thumbnails"].raise_()
    wait(driver, lambda: driver.player.wants_debug)
    docks.docks["thumbnails"].hide()
    wait(driver, lambda: not driver.player.wants_debug)
    driver.window.overlays.show("heat_map", True)
    wait(driver, lambda: driver.player.wants_debug)


def test_the_layout_is_reset_from_whatever_was_made_of_it(drive):
    driver = drive()
    window, docks = driver.window, driver.window.docks.docks
    toolbar = window.findChild(QToolBar)
    window.resize(1400, 900)

    def layout():
        right = docks["overlays"]
        return (
            {name: (dock.isHidden(), dock.isFloating(), window.dockWidgetArea(dock)) for name, dock in docks.items()},
            [dock.windowTitle() for dock in window.tabifiedDockWidgets(right)],
            [docks[name].visibleRegion().isEmpty() for name in ("overlays", "tracker", "targets", "thumbnails")],
            docks["sources"].y() < docks["runs"].y(),
            (toolbar.isHidden(), window.toolBarArea(toolbar)),
        )

    window.actions_["reset_layout"].trigger()
    first = layout()
    assert first[0]["curves"][0] and first[2] == [False, True, True, True]
    for hidden in ("overlays", "tracker", "sources"):
        docks[hidden].hide()
    docks["targets"].setFloating(True)
    docks["curves"].show()
    window.addDockWidget(Qt.LeftDockWidgetArea, docks["thumbnails"])
    window.addToolBar(Qt.BottomToolBarArea, toolbar)
    QApplication.processEvents()
    assert layout() != first
    window.actions_["reset_layout"].trigger()
    QApplication.processEvents()
    assert layout() == first


def test_a_small_window_keeps_its_size_when_its_layout_is_reset(drive):
    window = drive().window
    window.resize(1000, 600)
    for _ in range(2):
        window.actions_["reset_layout"].trigger()
        QApplication.processEvents()
        assert (window.width(), window.height()) == (1000, 600)  # the bottom of a larger one is outside the screen


def test_curves_are_those_of_the_rows(window_of):
    driver, panels = window_of, window_of.window.panels
    frames, values = panels.plots.series()
    assert list(frames) == list(range(1, 40)), "the key frame's box is the user's own"
    assert values[:, 1].min() > 0.8
    driver.window.docks.show_tab(panels.plots)
    wait(driver, lambda: len(panels.plots._plots) == 4 and panels.plots._score.getData()[0] is not None)
    xs, ys = panels.plots._score.getData()
    np.testing.assert_array_equal(xs, frames)
    np.testing.assert_array_equal(ys, values[:, 0])
    shown = panels.runs.tree.topLevelItem(0).text(1)
    wait(driver, lambda: panels.plots._titles.get(3, ("",))[0].endswith(shown))  # the key frame counts in both


def click_plot(qtbot, plot, x: float, y: float) -> QPoint:
    """Click on a point of a plot; return where that is."""
    where = plot.mapFromScene(plot.getPlotItem().getViewBox().mapViewToScene(QPointF(x, y)))
    qtbot.mouseClick(plot.viewport(), Qt.LeftButton, pos=where)
    return where


def test_a_click_in_a_plot_asks_for_that_frame_and_a_double_click_shows_all_again(qtbot):
    panel, asked = PlotsPanel(), []
    qtbot.addWidget(panel)
    panel.frame_requested.connect(asked.append)
    for index in range(40):
        panel.append(index, (0.5, 0.5, 2.0, 3.0))
    panel.resize(900, 250)
    panel.show()
    qtbot.waitUntil(lambda: len(panel._plots) == 4 and panel._speed.getData()[0] is not None)
    values, errors, _speeds, success = panel._plots
    for plot, x, y in ((values, 12, 0.5), (errors, 30, 2.0), (success, 0.5, 0.5), (values, 41, 0.5)):
        qtbot.waitUntil(lambda plot=plot, x=x: plot.getPlotItem().getViewBox().viewRange()[0][1] >= x)
        click_plot(qtbot, plot, x, y)
    assert asked == [12, 30, 39], "beside the last frame it is the last; the success plot has no frames"
    for plot, x in ((values, 20), (success, 0.5)):
        box = plot.getPlotItem().getViewBox()
        before = box.viewRange()
        box.scaleBy((0.2, 0.2))
        assert box.viewRange()[1][1] < before[1][1]
        where = click_plot(qtbot, plot, x, 0.5)
        qtbot.mouseDClick(plot.viewport(), Qt.LeftButton, pos=where)
        qtbot.mouseRelease(plot.viewport(), Qt.LeftButton, pos=where)
        qtbot.waitUntil(lambda box=box, before=before: np.allclose(box.viewRange(), before))


def test_what_a_plot_asks_for_is_shown(window_of):
    window_of.window.panels.plots.frame_requested.emit(7)
    wait(window_of, lambda: window_of.index == 7)


def test_speeds_are_those_of_the_boxes_in_the_unit_that_the_user_gives(window_of, monkeypatch):
    driver, panels = window_of, window_of.window.panels
    boxes = np.array([driver.results()[index].box_xywh for index in range(40)])
    expected = np.hypot(*np.diff(boxes[:, :2] + boxes[:, 2:] / 2, axis=0).T) * driver.opened[-1].fps
    np.testing.assert_allclose(panels.plots.series()[1][:, 3], expected, rtol=1e-6)
    driver.window.docks.show_tab(panels.plots)
    answers = ["far away", "100 px = 2 m"]
    asked = []
    monkeypatch.setattr("app.controls.exports.ask_text", lambda *what: asked.append(what[2]) or answers.pop(0))
    driver.window.actions_["length_scale"].trigger()
    assert len(asked) == 2 and "'far away'" in asked[1], "what was wrong is said, and asked again"
    wait(driver, lambda: len(panels.plots._plots) == 4 and "(m/s)" in panels.plots._plots[2].plotItem.titleLabel.text)
    np.testing.assert_allclose(panels.plots._speed.getData()[1], expected / 50, rtol=1e-6)


def test_sources_are_listed_filtered_and_opened(qtbot, tmp_path):
    root = make_otb(tmp_path / "set", {"Alpha": 5, "Beta": 7})
    panel = SourcesPanel()
    qtbot.addWidget(panel)
    chosen = []
    panel.source_chosen.connect(chosen.append)
    panel.set_sequences(list_sequences(root))
    assert panel.names("sequences") == ["Alpha", "Beta"]
    item = panel._groups["sequences"].child(1)
    assert (item.text(1), item.text(2)) == ("7", "✓")
    panel.filter.setText("bet")
    assert panel.names("sequences") == ["Beta"]
    assert not panel.tree.isColumnHidden(1) and not panel.tree.isColumnHidden(2)
    panel.tree.itemActivated.emit(item, 0)
    source = open_source(chosen[0])
    assert source.frame_count == 7
    source.close()
    panel.set_cameras([])
    assert panel.names("cameras") == [] and panel._groups["cameras"].child(0).isDisabled()


def test_names_of_sources_have_the_width_of_the_list(qtbot, tmp_path):
    panel = SourcesPanel()
    qtbot.addWidget(panel)
    panel.resize(260, 300)
    panel.show()
    panel.set_clip(tmp_path / "clip.mp4")
    panel.set_recent(["/videos/2026-11-27_crossing_camera-03_cut.mp4"])
    assert panel.tree.columnWidth(0) == panel.tree.viewport().width()


def test_a_data_set_dropped_on_the_window_becomes_a_list(drive, tmp_path):
    root = make_otb(tmp_path / "set", {"Alpha": 5, "Beta": 7})
    driver = drive(open_source)
    driver.window.open(str(root))
    panel = driver.window.panels.sources
    driver.qtbot.waitUntil(lambda: panel.names("sequences") == ["Alpha", "Beta"], timeout=10_000)
    assert not driver.failures


def test_what_is_open_is_marked_in_the_list(drive, tmp_path):
    root = make_otb(tmp_path / "set", {"Alpha": 5, "Beta": 7})
    driver = drive(open_source)
    panel = driver.window.panels.sources
    panel.set_sequences(list_sequences(root))

    def marked() -> list:
        return [item.text(0) for item in panel._items() if item.font(0).bold() and not item.icon(0).isNull()]

    assert marked() == []
    driver.open(str(root / "Beta"))
    assert marked() == ["Beta", "Beta"], "among the sequences, and among what was opened lately"
    panel.set_sequences(list_sequences(root))  # listed again
    assert marked() == ["Beta", "Beta"]
    driver.window.actions_["close_source"].trigger()
    driver.qtbot.waitUntil(lambda: marked() == [])


def test_a_speed_is_for_one_source(window_of):
    driver = window_of
    driver.player.set_speed(8.0)
    driver.window.open("another")
    driver.qtbot.waitUntil(lambda: driver.player.speed == 1.0, timeout=5000)


# done, total and unit of a job's progress → what its bar says
@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"done": 1524, "total": 4072, "unit": "frames", "title": "Running OTB-100, tracker 2 of 4"},
         "Running OTB-100, tracker 2 of 4: 1524 of 4072 frames"),
        ({"done": 12, "total": None, "unit": "frames"}, "Batch: 12 frames"),
        ({"done": 1, "total": 2}, "Batch: 1 of 2"),
    ],
)  # fmt: skip
def test_progress_has_a_unit(qtbot, message, text):
    job, told = Job("Batch", []), []
    job.progress.connect(lambda _share, said: told.append(said))
    job._tell({"event": "progress", **message})
    assert told == [text]


def test_a_panel_that_is_gone_keeps_no_record_from_others():
    """Handlers are asked in turn; the one of a deleted panel must not take itself out of that list meanwhile."""
    relay, heard, other, root = LogRelay(), [], logging.Handler(), logging.getLogger()
    other.emit = heard.append
    gone = PanelHandler(relay)
    sip.delete(relay)
    root.handlers[:0] = [gone, other]
    try:
        root.warning("something")
    finally:
        root.handlers[:] = [handler for handler in root.handlers if handler not in (gone, other)]
    assert [record.getMessage() for record in heard] == ["something"]


def test_the_second_opinion_is_offered_where_a_tracker_has_one(qtbot):
    panel = TrackerPanel()
    qtbot.addWidget(panel)
    panel.show()
    row, boxes = panel.rows["second_weight"], panel.rows["second_box_weight"]
    for has_second in (False, True, False):
        panel.set_tracker(TrackingConfig(), has_second)
        assert row.slider.isVisible() == row.field.isVisible() == row.label.isVisible() == has_second
        assert boxes.slider.isVisible() == boxes.field.isVisible() == boxes.label.isVisible() == has_second
    panel.set_tracker(TrackingConfig(second_weight=0.5), True)
    panel.set_tracking(TrackingConfig(second_weight=0.0))  # a slider at 0 stays, so that it can be turned on again
    assert row.slider.isVisible() and row.value == 0


def test_the_log_shows_what_is_wanted_and_is_copied(qtbot):
    panel = LogPanel()
    qtbot.addWidget(panel)
    logging.getLogger("somewhere").warning("the camera is gone")
    qtbot.waitUntil(lambda: "the camera is gone" in panel.text.toPlainText(), timeout=2000)
    panel.add(logging.DEBUG, "a detail")
    assert "a detail" not in panel.text.toPlainText()
    panel.level.setCurrentIndex(0)
    assert "a detail" in panel.text.toPlainText()
    panel.copy()
    assert "the camera is gone" in QApplication.clipboard().text()
    panel.clear()
    assert not panel.text.toPlainText()


def test_a_log_line_of_another_thread_after_the_panel_is_gone(qtbot):
    panel = LogPanel()
    handler = panel.handler
    panel.deleteLater()
    qtbot.waitUntil(lambda: handler not in logging.getLogger().handlers, timeout=2000)
    logging.getLogger("somewhere").warning("nobody listens")


# the least important values go first, and none is cut in the middle
@pytest.mark.parametrize("width", [160, 300, 1000])
def test_a_narrow_read_out_leaves_out_whole_values(qtbot, window_of, width):
    readout = window_of.window.panels.readout
    readout.setParent(None)
    qtbot.addWidget(readout)
    readout.resize(width, 24)
    readout.show()
    qtbot.waitExposed(readout)
    QApplication.processEvents()
    shown = [label for label in readout.findChildren(QLabel) if label.isVisible()]
    for label in shown:
        assert label.width() >= label.sizeHint().width()
        assert label.geometry().right() <= width
    assert readout._line.labels["frame"].isVisible()
    assert len(shown) >= (6 if width == 1000 else 1)


def test_a_source_that_fails_leaves_the_panels_in_order(drive):
    def sources(spec):
        raise SourceError(f"There is no '{spec}'.")

    driver = drive(sources)
    driver.window.open("nowhere")
    wait(driver, lambda: bool(driver.failures))
    assert driver.window.panels.readout.text("frame") == ""


# what the user picks or types: a found camera by name, a number of their own, nothing
@pytest.mark.parametrize(
    ("answer", "opened"),
    [("2: Desk", "camera:2"), ("7", "camera:7"), (None, None), ("", None)],
)
def test_cameras_are_offered_by_name(drive, monkeypatch, answer, opened):
    driver = drive()
    asked, specs = [], []
    monkeypatch.setattr("app.controls.sources.ask_choice", lambda *what, **_how: asked.append(what[3]) or answer)
    monkeypatch.setattr(driver.window.sources, "open", specs.append)
    driver.player.worker.cameras_found.emit([Camera(0, ""), Camera(2, "Desk")])
    driver.window.sources.ask_camera()
    assert asked == [["0", "2: Desk"]]
    assert specs == ([opened] if opened else [])


def test_no_panel_is_cut_at_the_side_beside_a_scroll_bar(drive):
    """The keys, which are named after the docks were made, make the overlay panel wider."""
    docks = drive().window.docks.docks
    scrollers = [dock.widget() for dock in docks.values() if isinstance(dock.widget(), QScrollArea)]
    assert len(scrollers) == 6
    for scroller in scrollers:
        wanted = scroller.widget().minimumSizeHint().width() + scroller.verticalScrollBar().sizeHint().width()
        assert scroller.minimumWidth() >= wanted, scroller.widget().objectName()


def test_the_sign_of_what_is_open_is_seen_in_every_theme(qtbot):
    panel = SourcesPanel()
    qtbot.addWidget(panel)
    panel.set_clip(Path("clip.mp4"))
    panel.set_open("clip.mp4")

    def color_of_sign():
        (item,) = (item for item in panel._items() if item.data(0, SPEC) == "clip.mp4")
        return item.icon(0).pixmap(32, 32).toImage().pixelColor(14, 16).name()

    for is_dark in (False, True):
        panel.setPalette(make_palette(is_dark))
        assert color_of_sign() == make_palette(is_dark).color(QPalette.Text).name()
