"""What changes with every frame costs the window little: panels show the last of it a few times per second."""

from __future__ import annotations

import gc
import math
from dataclasses import replace

import numpy as np
import pyqtgraph as pg
import pytest
from fakes import curve_of
from PyQt5 import sip
from PyQt5.QtCore import QObject, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QColor
from PyQt5.QtWidgets import QMainWindow

from app.panels import parts
from app.panels.pace import Pace
from app.panels.plots import PlotsPanel, outline
from app.panels.readout import ReadoutPanel
from app.panels.thumbnails import ThumbnailsPanel
from app.panels.timeline import Timeline
from app.panels.timeline_painting import FrameValues
from app.window.status_bar import FrameCosts, StatusReadout
from tracker_core.checkpoints import weights
from tracker_core.types import TrackDebug

MOST = 2000


class Flood(QObject):
    """A thread that is quicker than the window: whenever it was served, it has sent again."""

    sent = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.served = 0

    def serve(self) -> None:
        self.served += 1
        if self.served < MOST:
            self.sent.emit()


def test_a_flood_of_signals_leaves_timers_their_turn(qtbot) -> None:
    flood = Flood()
    pace = Pace(flood.serve, 0, flood)
    flood.sent.connect(pace.ask, Qt.QueuedConnection)
    served_before: list[int] = []
    QTimer.singleShot(1, lambda: served_before.append(flood.served))
    flood.sent.emit()
    qtbot.waitUntil(lambda: bool(served_before) and flood.served == MOST)
    assert served_before[0] < MOST, "the timer waited until the last signal was served"


def test_many_askings_are_one_refresh_at_once_and_one_of_the_last_state(qtbot) -> None:
    owner, state, seen = QObject(), [0], []
    pace = Pace(lambda: seen.append(state[0]), 30, owner)
    for state[0] in range(1, 21):
        pace.ask()
    assert seen == [1]
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert seen == [1, 20]
    qtbot.wait(80)
    assert seen == [1, 20], "nothing is refreshed that was not asked for"


def debug_of(brightness: int) -> TrackDebug:
    crop = np.full((8, 8, 3), brightness, np.uint8)
    scores = np.zeros(4, np.float32)
    return TrackDebug(
        search_window_xywh=np.array([0, 0, 8, 8], np.float64), exemplar_crop=crop, search_crop=crop,
        anchors_xywh=np.zeros((4, 4), np.float32), scores_raw=scores, scores_penalised=scores, scores_windowed=scores,
        proposals_xywh=np.zeros((4, 4), np.float32), best=0, levels=((1, 2, 2),),
    )  # fmt: skip


def test_crops_are_made_for_the_newest_frame_alone(qtbot, monkeypatch) -> None:
    panel, made = ThumbnailsPanel(), []
    qtbot.addWidget(panel)
    monkeypatch.setattr(panel.search, "set_image", lambda image: made.append(QColor(image.pixel(0, 0)).red()))
    for brightness in range(10, 40):
        panel.set_debug(debug_of(brightness))
    assert made == [10]
    qtbot.waitUntil(lambda: len(made) > 1)
    assert made == [10, 39]


def test_crops_say_whose_they_are_where_two_networks_looked(qtbot) -> None:
    panel = ThumbnailsPanel()
    qtbot.addWidget(panel)
    for debug, told in ((debug_of(9), False), (replace(debug_of(8), is_agreed=True), True)):
        panel.set_debug(debug)
        qtbot.waitUntil(lambda told=told: ("both networks" in panel._captions["heat"].text()) == told)
        assert all(("first network" in panel._captions[name].text()) == told for name in ("exemplar", "search"))
    panel.set_debug(None)  # nothing is shown that could be anybody's
    qtbot.waitUntil(lambda: panel._captions["exemplar"].text() == "Exemplar")


def test_times_in_the_status_bar_are_written_a_few_times_per_second(qtbot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    status, texts = StatusReadout(window), []
    for inference_ms in range(1, 31):
        status.show_costs(FrameCosts(1, inference_ms, 1, 0), False)
        texts.append(status.times.text())
    assert set(texts) == {"1.0 | 1.0 | 1.0 ms"}
    qtbot.waitUntil(lambda: status.times.text() == "1.0 | 15.5 | 1.0 ms")  # the mean of all


def test_the_readout_is_styled_where_the_state_changes_and_not_with_every_frame(qtbot, monkeypatch) -> None:
    panel, styles = ReadoutPanel(), []
    qtbot.addWidget(panel)
    label = panel._line.labels["state"]
    style = label.setStyleSheet
    monkeypatch.setattr(label, "setStyleSheet", lambda text: (styles.append(text), style(text)))
    for state in ("tracking", "tracking", "lost", "lost", "tracking"):
        panel.set_values({"frame": len(styles), "state": state, "score": 0.5})
    assert len(styles) == 3
    assert styles[0] == styles[2] != styles[1]


@pytest.fixture
def plots(qtbot) -> PlotsPanel:
    """The plots as they are seen, with the values of 50 frames."""
    panel = PlotsPanel()
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(lambda: len(panel._plots) == 4)
    panel._timer.stop()
    for index in range(50):
        panel.append(index, (0.9, 0.8, 3.0, 60.0))
    return panel


def test_a_plot_that_grows_is_painted_once_for_each_time_it_is_drawn(qtbot, plots, monkeypatch) -> None:
    """What fits its axes to a longer curve only as it is painted is painted again with the new ones."""
    paint, painted = pg.PlotWidget.paintEvent, []

    def note_paint(plot, event) -> None:
        painted.append(plot)
        paint(plot, event)

    def draw_all() -> None:
        while plots._stale:
            plots._draw_next()
            qtbot.wait(20)

    draw_all()
    monkeypatch.setattr(pg.PlotWidget, "paintEvent", note_paint)
    for index in range(50, 54):
        plots.append(index, (0.9, 0.8, index / 9, 10.0 * index))
        draw_all()
    assert {painted.count(plot) for plot in plots._plots} == {4}


def lengths(panel: PlotsPanel) -> list[int]:
    drawn = (line.getData()[0] for line in (panel._score, panel._error, panel._speed, panel._success))
    return [0 if xs is None else len(xs) for xs in drawn]


def test_plots_are_made_one_after_the_other_each_at_its_place(qtbot, monkeypatch) -> None:
    """A plot that makes room for the next one is painted again: all of them together, and once for each."""
    panel, widths, before_paints = PlotsPanel(), {}, []
    resize, paint = pg.PlotWidget.resizeEvent, pg.PlotWidget.paintEvent

    def note_resize(plot, event) -> None:
        resize(plot, event)
        if event is not None:
            widths.setdefault(plot, set()).add(event.size().width())

    def note_paint(plot, event) -> None:
        before_paints.append(len(widths))
        paint(plot, event)

    monkeypatch.setattr(pg.PlotWidget, "resizeEvent", note_resize)
    monkeypatch.setattr(pg.PlotWidget, "paintEvent", note_paint)
    qtbot.addWidget(panel)
    panel.resize(1000, 200)
    panel.show()
    qtbot.waitUntil(lambda: len(panel._plots) == 4)
    assert [len(widths[plot]) for plot in panel._plots] == [1] * 4
    assert before_paints[0] < 4, "the first is painted before the last is made"


def test_a_panel_that_only_qt_still_has_makes_no_plots(qapp, monkeypatch) -> None:
    """Between Python's giving it up and its end in Qt, events still come: a closure called then is a crash."""
    monkeypatch.setattr(parts, "NEXT_PLOT_MS", 0)
    made: list[PlotsPanel] = []
    monkeypatch.setattr(PlotsPanel, "_make_values", made.append)
    panel = PlotsPanel()
    panel.show()
    panel.deleteLater()
    del panel
    gc.collect()
    qapp.processEvents()
    assert not made


def test_a_window_that_ends_while_a_plot_is_made_ends_that_too(qtbot, monkeypatch) -> None:
    """Python may collect a window at any allocation: then the panel is gone in the middle of making its plots."""
    monkeypatch.setattr(parts, "NEXT_PLOT_MS", 0)
    made = []

    def end(panel: PlotsPanel) -> None:
        made.append(panel)
        sip.delete(panel)
        panel.palette()

    monkeypatch.setattr(PlotsPanel, "_make_values", end)
    with qtbot.captureExceptions() as caught:
        panel = PlotsPanel()
        panel.show()
        qtbot.waitUntil(lambda: bool(made))
    assert not caught and sip.isdeleted(panel)


def test_one_plot_is_drawn_at_a_time(plots) -> None:
    seen = []
    for _ in range(5):
        seen.append([length > 0 for length in lengths(plots)])
        plots._draw_next()
    assert [sum(drawn) for drawn in seen] == [0, 1, 2, 3, 4]
    assert lengths(plots)[:3] == [50, 50, 50]


def test_a_frame_that_comes_again_replaces_its_values_and_gaps_stay_gaps(plots) -> None:
    plots.append(20_000, (0.5, math.nan, math.nan, math.nan))  # beyond the arrays' first size
    plots.append(7, (0.1, 0.2, 40.0, 1.0))
    frames, values = plots.series()
    assert frames.tolist() == [*range(50), 20_000]
    assert values[7].tolist() == [0.1, 0.2, 40.0, 1.0]
    assert values[-1][0] == 0.5 and np.isnan(values[-1][1:]).all()


def test_curves_of_other_runs_are_made_once(plots) -> None:
    frames, ones = np.arange(5), np.ones(5)
    curve = curve_of(frames, scores=ones, ious=ones, center_errors=ones)
    beside = {name: (QColor("#ff0000"), curve) for name in ("Run 1", "Run 2")}
    plots.set_beside(beside)
    for number in (3, 6):  # one run in each turn, of three lines
        plots._draw_next()
        assert len(plots._drawn) == number
    before = list(plots._drawn)
    plots.set_beside(dict(beside))
    plots._draw_next()
    assert plots._drawn == before
    other = curve_of(frames, scores=ones, ious=0.5 * ones, center_errors=ones)
    plots.set_beside({"Run 3": (QColor("#00ff00"), other)})
    plots._draw_next()
    assert plots._drawn == before[:3], "its lines are those of another run, which is not shown any more"
    assert plots._drawn[0][1].getData()[1].tolist() == [0.5] * 5
    assert plots._drawn[0][1].opts["pen"].color().hue() == QColor("#00ff00").hue()
    assert not any(line in plot.listDataItems() for plot, line in before[3:])
    plots.set_beside({})
    assert not plots._drawn and not any(line in plot.listDataItems() for plot, line in before)


def test_the_outline_of_a_long_curve_keeps_every_dip_and_every_peak() -> None:
    frames, values = np.arange(100, 10_100), np.full(10_000, 0.5)
    values[[1234, 9999]], values[5678] = 0.01, 0.99
    values[3000:4000] = np.nan
    xs, ys = outline(frames, values, 400)
    assert len(xs) == len(ys) == 400
    assert (np.diff(xs) >= 0).all() and xs[0] == 100
    assert np.nanmin(ys) == 0.01 and np.nanmax(ys) == 0.99
    assert abs(xs[np.nanargmax(ys)] - (5678 + 100)) <= 50, "where it was, to within its stretch"
    lost = ys[(xs >= 3200) & (xs < 4000)]
    assert len(lost) and np.isnan(lost).all(), "a gap stays one"
    short = frames[:400], values[:400]
    assert outline(*short, 400) == short, "a short curve is drawn as it is"


@pytest.mark.parametrize(("count", "most"), [(60, 400), (5000, 400)])  # drawn as it is; in stretches
def test_a_curve_is_not_drawn_across_frames_that_were_not_tracked(count, most) -> None:
    frames = np.concatenate([np.arange(count), np.arange(count + 1, 2 * count), np.arange(9 * count, 10 * count)])
    xs, ys = outline(frames, np.full(len(frames), 0.5), most)
    breaks = np.flatnonzero(np.isnan(ys))
    assert xs[breaks - 1].tolist() and len(breaks) == 1, "a frame with a box of the user's parts nothing"
    assert xs[breaks[0] - 1] < 2 * count and xs[breaks[0] + 1] == 9 * count


def test_plots_against_ground_truth_are_there_where_there_is_any(plots) -> None:
    def shown() -> list[bool]:
        for _ in range(4):
            plots._draw_next()
        return [plot.isVisible() for plot in plots._plots]

    assert shown() == [True] * 4
    plots.clear()
    plots.append(0, (0.9, math.nan, math.nan, 60.0))
    assert shown() == [True, False, True, False] and "overlap" not in plots.legend_line.text()
    plots.layout().activate()
    assert plots._plots[0].width() > plots.width() // 3, "those that are left have the room of the others"
    ones = np.ones(5)
    plots.set_beside({"Run 1": (QColor("#ff0000"), curve_of(np.arange(5), scores=ones, ious=ones, center_errors=ones))})
    assert shown() == [True] * 4, "another run is measured"
    plots.set_beside({})
    plots.append(1, (0.9, 0.5, 3.0, 60.0))
    assert shown() == [True] * 4 and "overlap" in plots.legend_line.text()


def test_dashes_are_of_lines_that_are_quickly_painted(plots) -> None:
    pens = [line.opts["pen"] for line in (plots._score, plots._iou)]
    assert [pen.style() for pen in pens] == [Qt.SolidLine, Qt.DashLine]
    assert pens[1].widthF() <= 1


def test_results_shown_together_are_those_shown_one_by_one(qtbot) -> None:
    rng = np.random.default_rng(5)
    frames, scores = rng.permutation(30).astype(np.int64), rng.uniform(size=30)
    ious = np.where(rng.uniform(size=30) < 0.3, np.nan, rng.uniform(size=30))
    states = [str(state) for state in rng.choice(["tracking", "lost", "key", "uncertain"], 30)]
    one, all_ = Timeline(), Timeline()
    for widget in (one, all_):
        qtbot.addWidget(widget)
        widget.append_result(40, 0.1, 0.1, "lost")  # of the run before
    one.clear()
    order = np.argsort(frames)
    whole = curve_of(frames[order], [states[place] for place in order], scores=scores[order], ious=ious[order])
    for row in zip(frames.tolist(), scores.tolist(), ious.tolist(), states, strict=True):
        one.append_result(*row)
    values = FrameValues()
    values.put_all(whole)
    all_.set_results(values)
    for name in ("scores", "ious", "states"):
        np.testing.assert_array_equal(getattr(all_.values(), name), getattr(one.values(), name))
    assert all_.values().count == one.values().count == 30
    assert all_.sizeHint() == one.sizeHint()
    values = FrameValues()
    values.put_all(curve_of([]))
    all_.set_results(values)
    assert all_.values().count == 0


def test_weights_are_described_once_for_as_long_as_a_file_stays_the_same(monkeypatch, tmp_path) -> None:
    (tmp_path / "one.safetensors").write_bytes(b"no weights")
    monkeypatch.setattr(weights, "weights_folders", lambda: [tmp_path])
    read, hash_file = [], weights.hash_file
    monkeypatch.setattr(weights, "hash_file", lambda path: (read.append(path.name), hash_file(path))[1])
    first, again = weights.list_weights(), weights.list_weights()
    assert first == again and len(read) == 1
    (tmp_path / "one.safetensors").write_bytes(b"other, longer ones")
    changed = weights.list_weights()
    assert len(read) == 2 and changed[0].sha256 != first[0].sha256
    (tmp_path / "one.safetensors").unlink()
    assert weights.list_weights() == []
