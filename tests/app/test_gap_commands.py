"""Tracking backwards, filling gaps, and marks: in the session, and with the window's own commands."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import DrawnSource, LiveDrawing, MatchingTracker, true_box
from PyQt5.QtCore import QThread

from app.session.backwards import BackwardTracking
from app.session.frame_view import Span
from app.session.gap_filling import GapFilling
from app.session.journal import Journal
from app.session.session import Session
from app.session.summary import summarise
from app.worker.messages import BoxRequest
from tracker_core.boxes import iou_xywh
from tracker_core.errors import InputError, SourceError
from tracker_core.results.visibility import Visibility
from tracker_core.types import ResultOrigin, TrackingState, TrackResult

BACK, FILLED, TRACKED = ResultOrigin.BACKWARDS, ResultOrigin.FILLED, ResultOrigin.TRACKED


@pytest.fixture
def session():
    session = Session(lambda choice: MatchingTracker())
    session.open(DrawnSource(40, missing=(7,)), "drawn")
    yield session
    session.close_source()


def start(session, index, number=None, count=0):
    """Draw the true box in a frame, and track `count` frames on."""
    number = session.begin(session.seek(index).frame, true_box(index), number)
    session.is_tracking = True
    for _ in range(count):
        session.read_next()
    session.is_tracking = False
    return number


def go_back(session, **options):
    way = BackwardTracking(session, **options)
    return [view.frame.index for view in iter(way.step, None)]


def ways(session, number=1):
    """Of each frame with a result, the first letter of its origin."""
    results = session.targets[number].results
    return "".join(results[i].origin.value[0] if i in results else "-" for i in range(40))


def found(results):
    """Plain values of results, to be compared."""
    return {i: (*map(float, result.box_xywh), result.score, result.origin) for i, result in results.items()}


def is_on_target(session, frames, number=1):
    results = session.targets[number].results
    return all(iou_xywh(results[i].box_xywh, true_box(i)) > 0.8 for i in frames)


def test_from_a_box_in_the_middle_back_to_the_start(session):
    start(session, 12)
    assert go_back(session) == [11, 10, 9, 8, 6, 5, 4, 3, 2, 1, 0], "frame 7 cannot be read"
    assert ways(session) == "b" * 7 + "-" + "b" * 4 + "t" + "-" * 27
    assert is_on_target(session, [0, 3, 6, 8, 11])
    assert session.read_next().frame.index == 1, "and from there on forwards"


def test_results_up_to_the_key_frame_before_are_replaced_and_come_back(session):
    start(session, 2, count=20)
    start(session, 20, 1)
    session.seek(20)
    before = found(session.targets[1].results)
    assert go_back(session)[-1] == 2
    assert ways(session) == "--t" + "b" * 4 + "-" + "b" * 12 + "t" + "-" * 19
    assert found(session.targets[1].ghost)[10] == before[10], "what was replaced is shown as the run before"
    assert "backwards" in session.runs.history.undo_text
    saved = session.run.revision
    session.undo()
    assert session.run.revision != saved, "else what was undone would stay on the disk"
    assert found(session.targets[1].results) == before
    session.redo()
    assert ways(session)[10] == "b"


def test_what_was_replaced_on_the_way_back_is_saved_with_every_frame(session, tmp_path):
    start(session, 0, count=12)
    journal = Journal(tmp_path)
    way = BackwardTracking(session)
    while way.step() is not None:
        journal.save(session.runs)
    (saved,) = Journal(tmp_path).restore(session.runs.source).runs
    assert found(saved.targets[1].ghost) == found(session.targets[1].ghost) and len(saved.targets[1].ghost) == 11
    assert found(saved.targets[1].results) == found(session.targets[1].results)


def test_back_to_the_start_leaves_what_lies_before_the_key_frame(session):
    start(session, 10, count=5)
    start(session, 20, 1)
    session.seek(20)
    assert go_back(session, to_start=True)[-1] == 0
    assert ways(session)[:21] == "b" * 7 + "-" + "bb" + "t" + "b" * 9 + "t"
    assert go_back(session, to_start=True) == [], "everything is there"


def test_no_further_than_the_range(session):
    start(session, 12)
    assert go_back(session, first=9) == [11, 10, 9]


def test_every_target_stops_at_its_own_key_frame(session):
    start(session, 2, count=18)
    start(session, 15, count=5)
    session.seek(20)
    assert go_back(session)[-1] == 2
    assert (
        ways(session, 1)[3:7] == "bbbb" and ways(session, 2)[:21] == "b" * 0 + "--bbbbb-bbbbbbb" + "t" + "b" * 4 + "t"
    )


def test_a_tracker_resumes_on_the_way_back(session):
    """Going back in two steps gives what going back in one gives."""
    start(session, 20)
    session.seek(20)
    go_back(session, first=15)
    go_back(session)
    in_two = {i: result.box_xywh.tolist() for i, result in session.targets[1].results.items()}
    session.undo()
    session.undo()
    session.trackers.clear()
    session.seek(20)
    go_back(session)
    assert {i: result.box_xywh.tolist() for i, result in session.targets[1].results.items()} == in_two


def test_results_of_the_way_back_are_explained_from_the_frame_after(session):
    start(session, 12)
    go_back(session)
    session.wants_debug = True
    view = session.seek(8)
    assert view.targets[0].result.debug is not None and view.remark == ""
    np.testing.assert_allclose(view.targets[0].result.box_xywh, session.targets[1].results[8].box_xywh)


def test_what_cannot_go_back_is_one_sentence(session):
    start(session, 12)
    session.seek(3)
    with pytest.raises(InputError, match="No target has a box in frame 3"):
        BackwardTracking(session)
    session.open(LiveDrawing(), "live")
    with pytest.raises(SourceError, match="is live; its earlier frames are gone"):
        BackwardTracking(session)


# --- gaps ---------------------------------------------------------------------------------------------------


def lose(session, first, last):
    """Let the tracker have lost target 1 in some frames, far from where it is."""
    for index in range(first, last + 1):
        lost = TrackResult(np.array([0.0, 0.0, 40.0, 30.0]), 0.05, TrackingState.LOST)
        session.run.add(index, 1, lost, session.trackers.producer)


def fill(session, bounds=None, is_tracked=True):
    filling = GapFilling(session, [1], bounds, is_tracked)
    while filling.step():
        pass
    return filling.put_in()


def test_a_lost_stretch_is_filled_from_both_sides(session):
    start(session, 10, count=20)
    lose(session, 15, 20)
    before = found(session.targets[1].results)
    session.seek(17)
    assert fill(session) == 6
    assert ways(session)[10:31] == "t" * 5 + "f" * 6 + "t" * 10
    assert is_on_target(session, range(15, 21))
    assert all(session.targets[1].results[i].state is TrackingState.TRACKING for i in range(15, 21))
    assert found(session.targets[1].ghost)[17] == before[17]
    session.undo()
    assert found(session.targets[1].results) == before


def test_a_straight_line_between_two_key_frames(session):
    start(session, 10)
    start(session, 20, 1)
    session.seek(14)
    assert fill(session, is_tracked=False) == 9
    middle = session.targets[1].results[15]
    np.testing.assert_allclose(middle.box_xywh, (true_box(10) + true_box(20)) / 2)
    assert np.isnan(middle.score) and session.run.recorder.producer_of(15) is None, "no tracker found it"
    assert session.build_run().target(1).origin(5) is FILLED
    assert fill(session, (10, 20)) == 9, "a range with good boxes at its ends"
    assert session.run.recorder.producer_of(15) == session.trackers.producer


def test_nothing_is_filled_across_an_absence(session):
    start(session, 10, count=20)
    lose(session, 15, 20)
    with session.runs.edit("mark") as run:
        run.mark(1, range(17, 19), Visibility.OUTSIDE)
    session.seek(16)
    with pytest.raises(InputError, match="straight line needs a good box on both sides"):
        fill(session, is_tracked=False)
    assert fill(session) == 4
    assert ways(session)[15:21] == "ffttff"
    session.seek(17)
    with pytest.raises(InputError, match="marked as outside"):
        fill(session)


def test_filled_boxes_are_not_explained(session):
    start(session, 10)
    start(session, 20, 1)
    session.seek(14)
    fill(session)
    session.wants_debug = True
    assert "filled in from both sides" in session.seek(14).remark


def test_the_summary_tells_stretches(session):
    start(session, 10)
    start(session, 14, 1)
    session.seek(12)
    fill(session)
    with session.runs.edit("mark") as run:
        run.mark(1, [3, 4, 6], Visibility.OCCLUDED)
        run.mark(1, [5], Visibility.OUTSIDE)
    (target,) = summarise(session).targets
    assert target.ways == (Span(11, 13, "filled"),)
    assert target.marks == (Span(3, 4, "occluded"), Span(5, 5, "outside"), Span(6, 6, "occluded"))


# --- in the window --------------------------------------------------------------------------------------------


@pytest.fixture
def driver(drive):
    """A window whose target was drawn in frame 20 of a clip of 60."""
    driver = drive(lambda spec: LiveDrawing() if spec == "live" else DrawnSource())
    driver.open()
    go(driver, 20)
    frame = driver.canvas.frame_view.frame
    driver.player.begin(BoxRequest(driver.player.source.serial, frame, tuple(true_box(20)), None, False))
    driver.qtbot.waitUntil(lambda: bool(driver.player.summary.targets), timeout=5000)
    driver.player.set_speed(0)
    yield driver
    assert not driver.failures


def go(driver, index):
    driver.player.seek(index)
    driver.qtbot.waitUntil(lambda: driver.index == index, timeout=5000)


def do(driver, name):
    driver.window.actions_[name].trigger()


def idle(driver):
    driver.qtbot.waitUntil(lambda: not driver.player.is_playing, timeout=5000)


def test_the_key_tracks_backwards_and_undo_takes_it_back(driver):
    do(driver, "track_back")
    driver.qtbot.waitUntil(lambda: driver.index == 0, timeout=10_000)
    idle(driver)
    assert not driver.player.is_tracking
    driver.qtbot.waitUntil(lambda: driver.player.summary.targets[0].ways == (Span(0, 19, "backwards"),), timeout=5000)
    assert driver.window.panels.timeline.describe(5).endswith("tracking · backwards")
    driver.window.grab()
    do(driver, "undo")
    driver.qtbot.waitUntil(lambda: driver.player.summary.targets[0].count == 1, timeout=5000)


def test_a_number_of_frames_back(driver):
    driver.window.gaps.track_back(5)
    driver.qtbot.waitUntil(lambda: driver.index == 15, timeout=5000)
    idle(driver)
    assert sorted(driver.results()) == [15, 16, 17, 18, 19, 20]


def test_forwards_to_the_next_key_frame(driver):
    go(driver, 30)
    frame = driver.canvas.frame_view.frame
    driver.player.begin(BoxRequest(driver.player.source.serial, frame, tuple(true_box(30)), 1, False))
    driver.qtbot.waitUntil(lambda: driver.player.summary.targets[0].key_frames == (20, 30), timeout=5000)
    go(driver, 20)
    do(driver, "track_to_key")
    driver.qtbot.waitUntil(lambda: driver.index == 30, timeout=5000)
    idle(driver)
    assert sorted(driver.results()) == list(range(20, 31))


def test_a_gap_in_the_range_is_filled_and_marked(driver):
    go(driver, 30)
    frame = driver.canvas.frame_view.frame
    driver.player.begin(BoxRequest(driver.player.source.serial, frame, tuple(true_box(30)), 1, False))
    driver.qtbot.waitUntil(lambda: driver.player.summary.targets[0].key_frames == (20, 30), timeout=5000)
    driver.window.playback.set_range(20, 30)
    do(driver, "fill_gap")
    driver.qtbot.waitUntil(lambda: driver.player.summary.targets[0].ways == (Span(21, 29, "filled"),), timeout=5000)
    do(driver, "mark_occluded")
    driver.qtbot.waitUntil(lambda: driver.player.summary.targets[0].marks == (Span(20, 30, "occluded"),), timeout=5000)
    driver.window.playback.clear_range()
    do(driver, "mark_none")
    driver.qtbot.waitUntil(lambda: driver.player.summary.targets[0].marks == (Span(20, 29, "occluded"),), timeout=5000)
    assert driver.window.panels.timeline.describe(25).endswith("marked as occluded · filled")
    go(driver, 25)
    assert driver.window.panels.readout._line.labels["mark"].text() == "marked occluded"
    driver.window.grab()
    do(driver, "undo")
    driver.qtbot.waitUntil(lambda: driver.player.summary.targets[0].marks == (Span(20, 30, "occluded"),), timeout=5000)


def test_playing_ends_filling_and_changes_nothing(driver):
    go(driver, 50)
    frame = driver.canvas.frame_view.frame
    driver.player.begin(BoxRequest(driver.player.source.serial, frame, tuple(true_box(50)), 1, False))
    driver.qtbot.waitUntil(lambda: driver.player.summary.targets[0].key_frames == (20, 50), timeout=5000)
    notices = []
    driver.player.worker.notice.connect(notices.append)
    driver.player.worker.session.trackers.chosen.base.delay_s = 0.05
    go(driver, 30)
    do(driver, "fill_gap")
    driver.player.play(True)
    driver.qtbot.waitUntil(lambda: "Filling was stopped; nothing was changed." in notices, timeout=5000)
    driver.player.play(False)
    idle(driver)
    assert sorted(driver.results()) == [20, 50]


def test_a_live_source_refuses_with_a_sentence(drive):
    driver = drive(lambda spec: LiveDrawing())
    driver.open("live")
    driver.player.track_back()
    driver.qtbot.waitUntil(lambda: bool(driver.failures), timeout=5000)
    assert "is live; its earlier frames are gone" in driver.failures[0].sentence
    driver.failures.clear()
    assert not driver.window.actions_["track_back"].isEnabled() and not driver.window.actions_["fill_gap"].isEnabled()


def test_filling_happens_in_the_workers_thread(driver, monkeypatch):
    go(driver, 30)
    frame = driver.canvas.frame_view.frame
    driver.player.begin(BoxRequest(driver.player.source.serial, frame, tuple(true_box(30)), 1, False))
    driver.qtbot.waitUntil(lambda: driver.player.summary.targets[0].key_frames == (20, 30), timeout=5000)
    threads = set()
    step = GapFilling.step
    monkeypatch.setattr(GapFilling, "step", lambda self: (threads.add(QThread.currentThread()), step(self))[1])
    go(driver, 25)
    do(driver, "fill_gap")
    driver.qtbot.waitUntil(lambda: bool(driver.player.summary.targets[0].ways), timeout=5000)
    assert [thread.objectName() for thread in threads] == ["worker"]
