"""A frame past what was tracked: the image says so and names the keys, and tracking starts where it left off."""

from __future__ import annotations

import pytest
from fakes import DrawnSource, true_box
from PyQt5.QtCore import Qt

from app.worker.messages import BoxRequest
from tracker_core.results.visibility import Visibility


@pytest.fixture
def driver(drive):
    """Target 1 is tracked from frame 10 to frame 15 of 40."""
    driver = drive(lambda spec: without_truth(DrawnSource(40)))
    driver.open()
    driver.player.set_speed(0.0)
    draw(driver, 10)
    driver.window.cancel()  # there was no target: the window was ready to draw one
    driver.player.track_frames(5)
    driver.qtbot.waitUntil(lambda: driver.index == 15 and not driver.player.is_playing)
    return driver


def without_truth(source: DrawnSource) -> DrawnSource:
    """A source that offers no box."""
    source.sequence = None
    return source


def go(driver, index: int) -> None:
    driver.player.seek(index)
    driver.qtbot.waitUntil(lambda: driver.index == index)


def draw(driver, index: int, number: int | None = None) -> None:
    go(driver, index)
    view = driver.canvas.frame_view
    driver.player.begin(BoxRequest(driver.player.source.serial, view.frame, tuple(true_box(index)), number))
    driver.qtbot.waitUntil(lambda: any(index in target.key_frames for target in driver.player.summary.targets))


def results(driver, number: int = 1) -> list[int]:
    driver.qtbot.waitUntil(lambda: not driver.player.is_playing)
    return sorted(driver.results(number))


# where one looks, and what the image says; key frames are those that are drawn first
@pytest.mark.parametrize(
    ("drawn", "index", "said"),
    [
        ([], 12, []),  # tracked
        ([], 30, ["Target 1 is not tracked here", "T tracks it on from frame 15", "R draws it here"]),  # past the end
        ([20], 18, ["T tracks it on from frame 15", "F fills the gap"]),  # between two stretches
        ([], 5, ["in frame 10, Ctrl+T tracks it backwards", "R draws it here"]),  # before the first box
    ],
)
def test_the_image_says_what_was_not_tracked(driver, drawn, index, said):
    for key in drawn:
        draw(driver, key, 1)
    go(driver, index)
    assert all(part in driver.canvas.hint for part in said) and bool(driver.canvas.hint) == bool(said)


def test_space_past_the_end_plays_and_the_image_still_says_that_nothing_is_tracked(driver):
    go(driver, 30)
    driver.qtbot.keyClick(driver.window, Qt.Key.Key_Space)
    driver.qtbot.waitUntil(lambda: driver.index == 39)
    assert "T tracks it on from frame 15" in driver.canvas.hint
    assert results(driver) == list(range(10, 16))
    driver.qtbot.keyClick(driver.window, Qt.Key.Key_T)
    driver.qtbot.waitUntil(lambda: driver.player.is_playing)
    assert results(driver) == list(range(10, 40)) and not driver.canvas.hint


def test_one_of_two_targets_that_was_left_behind_is_tracked_on_too(driver):
    draw(driver, 12)  # target 2, which target 1 is past
    go(driver, 14)
    assert "Target 2 is not tracked here" in driver.canvas.hint and "from frame 12" in driver.canvas.hint
    driver.player.track_frames(10)
    driver.qtbot.waitUntil(lambda: driver.index == 22)
    assert results(driver, 2) == list(range(12, 23)) and results(driver, 1) == list(range(10, 23))


def test_what_was_marked_as_outside_is_not_missing(driver):
    draw(driver, 12)
    driver.player.mark([2], (13, 39), Visibility.OUTSIDE)
    driver.qtbot.waitUntil(lambda: bool(driver.player.summary.targets[1].marks))
    go(driver, 14)
    assert not driver.canvas.hint
    driver.player.track_frames(3)
    driver.qtbot.waitUntil(lambda: driver.index == 17)
    assert results(driver, 2) == [12], "nobody looks for it where it is said not to be"


def test_tracking_to_the_next_key_frame_starts_where_it_left_off(driver):
    draw(driver, 30, 1)
    go(driver, 25)
    driver.player.track_to_key()
    driver.qtbot.waitUntil(lambda: driver.index == 30)
    assert results(driver) == list(range(10, 31))
