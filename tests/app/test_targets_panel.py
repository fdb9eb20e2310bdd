"""The panel of targets: names, colours, eyes, states, losses; all can be undone and comes back after reopening."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes import DrawnSource, curve_of, drawn, true_box
from PyQt5.QtCore import QPoint, Qt
from PyQt5.QtGui import QColor, QContextMenuEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication, QLineEdit, QMenu

from app.panels.targets import COLOR, LOST, NAME, REMOVE, SEEN, STATE
from app.session.frame_view import ResultRow
from app.session.loss_counts import LossCounts
from app.window.context_menus import CANVAS_MENU
from app.window.notes import lost_badge
from app.worker.messages import BoxRequest
from tracker_core.results.formats import read_boxes, write_boxes
from tracker_core.types import TrackingState, TrackResult

SECOND = (20.0, 180.0, 50.0, 40.0)


def saved(spec):
    """A source that is recognised again, so that its results come back."""
    return DrawnSource(paths=(__file__,))


@pytest.fixture
def driver(drive):
    driver = drive()
    driver.open()
    serial = driver.player.source.serial
    for box in (tuple(true_box(0)), SECOND):
        driver.player.begin(BoxRequest(serial, drawn(0), box))
    driver.qtbot.waitUntil(lambda: driver.window.panels.targets.table.rowCount() == 2, timeout=5000)
    return driver


def text(driver, row, column) -> str:
    return driver.window.panels.targets.table.item(row, column).text()


def rename(driver, row, name) -> None:
    driver.window.panels.targets.table.item(row, NAME).setText(name)


def names(driver) -> list[str]:
    return [target.name for target in driver.player.summary.targets]


def test_a_name_goes_to_the_run_and_its_files_and_can_be_undone(driver, tmp_path):
    assert text(driver, 0, NAME) == "Target 1"
    rename(driver, 0, '  red "car",  fährt ')
    driver.qtbot.waitUntil(lambda: names(driver) == ['red "car", fährt', ""], timeout=5000)
    driver.qtbot.waitUntil(lambda: text(driver, 0, NAME) == 'red "car", fährt')  # which hears of it after the player
    run = driver.player.worker.session.build_run()
    back = read_boxes(write_boxes(tmp_path / "out", "json", run)[0])
    assert [target.name for target in back.targets] == ['red "car", fährt', ""]
    driver.player.undo()
    driver.qtbot.waitUntil(lambda: names(driver) == ["", ""], timeout=5000)
    driver.qtbot.waitUntil(lambda: text(driver, 0, NAME) == "Target 1")
    driver.player.redo()
    driver.qtbot.waitUntil(lambda: names(driver) == ['red "car", fährt', ""], timeout=5000)


def test_a_long_name_stays_on_one_line_and_is_told(driver):
    """Rows are one line high: a second line of a name would be cut off below."""
    name = "the red car that comes from behind the house and turns left"
    rename(driver, 1, name)
    driver.qtbot.waitUntil(lambda: names(driver) == ["", name], timeout=5000)
    table = driver.window.panels.targets.table
    assert not table.wordWrap() and name in table.item(1, NAME).toolTip()


def right_click(widget, where, target=None) -> QMenu | None:
    """Press the right button as a desktop reports it, and return the menu that opens."""
    inside = target or widget
    QTest.mousePress(inside, Qt.RightButton, Qt.NoModifier, where)
    event = QContextMenuEvent(QContextMenuEvent.Mouse, where, inside.mapToGlobal(where))
    QApplication.sendEvent(inside, event)
    QTest.mouseRelease(inside, Qt.RightButton, Qt.NoModifier, where)
    return QApplication.activePopupWidget()


def do(menu, text) -> None:
    action = next(one for one in menu.actions() if one.text().replace("&", "").startswith(text))
    menu.close()
    action.trigger()


def test_the_menu_of_a_line_is_about_its_target(driver):
    table, window = driver.window.panels.targets.table, driver.window
    where = table.visualItemRect(table.item(0, STATE)).center()
    menu = right_click(table, where, table.viewport())
    assert window.drawing.active == 1
    do(menu, "Rename")
    editor = table.findChild(QLineEdit)
    QTest.keyClicks(editor, "van")
    QTest.keyClick(editor, Qt.Key_Return)
    driver.qtbot.waitUntil(lambda: names(driver) == ["van", ""], timeout=5000)
    window.wiring.targets.choose_color = lambda present: QColor("#123456")
    do(right_click(table, where, table.viewport()), "Colour")
    driver.qtbot.waitUntil(lambda: driver.player.summary.targets[0].color == "#123456", timeout=5000)
    do(right_click(table, where, table.viewport()), "Remove target")
    driver.qtbot.waitUntil(lambda: names(driver) == [""], timeout=5000)


def test_a_right_click_on_the_image_is_about_the_target_under_it(driver):
    canvas, window = driver.canvas, driver.window
    driver.qtbot.waitUntil(lambda: len(canvas.frame_view.targets) == 2)
    window.drawing.set_active(1)
    x, y, w, h = SECOND
    where = canvas.transform.to_widget(x + w / 2, y + h / 2)
    menu = right_click(canvas, QPoint(round(where[0]), round(where[1])))
    assert window.drawing.active == 2
    assert [action.objectName() for action in menu.actions() if not action.isSeparator()] == list(
        filter(None, CANVAS_MENU)
    )
    do(menu, "Draw")
    assert canvas.editor.is_armed and window.drawing.drawn_target == 2
    # where a click asks for a box, a right click cuts it back and opens nothing
    assert right_click(canvas, QPoint(40, 40)) is None


def test_an_empty_name_is_the_number_again(driver):
    rename(driver, 1, "van")
    driver.qtbot.waitUntil(lambda: names(driver) == ["", "van"], timeout=5000)
    rename(driver, 1, "   ")
    driver.qtbot.waitUntil(lambda: names(driver) == ["", ""], timeout=5000)
    driver.qtbot.waitUntil(lambda: text(driver, 1, NAME) == "Target 2", timeout=5000)
    rename(driver, 1, "")  # which changes nothing, and is shown as it is
    driver.qtbot.waitUntil(lambda: text(driver, 1, NAME) == "Target 2", timeout=5000)


def test_a_chosen_colour_is_that_of_the_box_and_of_the_export(driver):
    controls = driver.window.wiring.targets
    controls.choose_color = lambda _present: QColor("#00ff80")
    driver.window.panels.targets.table.cellClicked.emit(0, COLOR)
    driver.qtbot.waitUntil(lambda: driver.player.summary.targets[0].color == "#00ff80", timeout=5000)
    driver.qtbot.waitUntil(lambda: driver.canvas.frame_view.targets[0].color == "#00ff80", timeout=5000)
    image = driver.canvas.render_image()
    x, y, w, h = true_box(0)
    found = {image.pixelColor(round(x + w / 2), round(y + h + d)).name() for d in (-1, 0, 1)}
    assert "#00ff80" in found
    assert driver.player.worker.session.build_run().targets[0].color == "#00ff80"
    controls.choose_color = lambda _present: None  # cancelled
    driver.window.panels.targets.table.cellClicked.emit(1, COLOR)
    driver.qtbot.wait(50)
    assert driver.player.summary.targets[1].color == ""


def test_the_eye_hides_a_target_until_another_source_is_open(driver):
    item = driver.window.panels.targets.table.item(0, SEEN)
    shown = driver.canvas.render_image()
    item.setCheckState(Qt.Unchecked)
    hidden = driver.canvas.render_image()
    assert shown != hidden and driver.window.overlays.hidden_targets == {1}
    driver.window.panels.targets.table.item(0, SEEN).setCheckState(Qt.Checked)
    assert driver.canvas.render_image() == shown
    driver.window.panels.targets.table.item(1, SEEN).setCheckState(Qt.Unchecked)
    driver.window.open("other")
    driver.qtbot.waitUntil(lambda: not driver.window.overlays.hidden_targets, timeout=5000)


def test_what_a_target_sees_is_computed_again_when_it_is_chosen(driver):
    def thinking() -> list[int]:
        view = driver.window.canvas.frame_view
        return [target.number for target in view.targets if target.result and target.result.debug is not None]

    driver.player.track_frames(5)
    driver.qtbot.waitUntil(lambda: len(driver.results(1)) == len(driver.results(2)) == 6)
    driver.window.overlays.show("heat_map", True)
    driver.player.seek(3)
    driver.qtbot.waitUntil(lambda: driver.index == 3 and thinking() == [1])
    driver.window.panels.targets.table.setCurrentCell(1, NAME)
    driver.qtbot.waitUntil(lambda: thinking() == [2])
    assert driver.index == 3


def test_a_line_chosen_is_the_active_target_and_the_other_way_round(driver):
    table = driver.window.panels.targets.table
    table.setCurrentCell(1, NAME)
    assert driver.window.drawing.active == 2
    driver.window.drawing.choose_next()
    assert table.currentRow() == 0


def test_the_hint_calls_a_target_by_its_name(driver):
    driver.player.describe_target(1, "van", "")
    driver.qtbot.waitUntil(lambda: names(driver) == ["van", ""], timeout=5000)
    driver.window.drawing.choose(1)
    driver.window.drawing.draw()
    assert "around target van" in driver.canvas.hint


def test_who_is_lost_is_told_by_name(driver, monkeypatch):
    driver.player.describe_target(1, "van", "")
    driver.qtbot.waitUntil(lambda: names(driver) == ["van", ""], timeout=5000)
    said = []
    driver.player.worker.target_lost.connect(lambda name, index: said.append(name))
    driver.qtbot.waitUntil(lambda: [t.name for t in driver.canvas.frame_view.targets] == ["van", ""], timeout=5000)
    view = driver.canvas.frame_view
    lost = TrackResult(np.array([1.0, 2, 3, 4]), 0.0, TrackingState.LOST)
    for names_, both in ((("van", ""), "targets van and 2"), (("", ""), "targets 1 and 2")):
        targets = tuple(replace(t, result=lost, name=n) for t, n in zip(view.targets, names_, strict=True))
        assert both in lost_badge(replace(view, targets=targets), "R", "T")
        for losses in ([1], [2]):
            playback = driver.player.worker.playback
            monkeypatch.setattr(playback._losses, "look_at", lambda _view, losses=losses: losses)
            playback._present(replace(view, targets=targets))
    assert said == ["van", "2", "1", "2"]


def test_a_target_is_removed_and_brought_back(driver):
    rename(driver, 1, "van")
    driver.qtbot.waitUntil(lambda: names(driver) == ["", "van"], timeout=5000)
    driver.window.panels.targets.table.cellClicked.emit(1, REMOVE)
    driver.qtbot.waitUntil(lambda: driver.window.panels.targets.table.rowCount() == 1, timeout=5000)
    driver.player.undo()
    driver.qtbot.waitUntil(lambda: names(driver) == ["", "van"], timeout=5000)


def test_state_and_losses_are_those_of_the_results(driver):
    driver.player.track(True)
    driver.qtbot.waitUntil(lambda: driver.index == 59 and not driver.player.is_playing, timeout=10_000)
    driver.qtbot.waitUntil(lambda: text(driver, 0, STATE) == "tracked", timeout=5000)
    for number in (1, 2):
        states = [driver.results(number)[index].state.value == "lost" for index in range(60)]
        times = int(np.sum(np.diff([False, *states]) & np.array(states)))
        told = f"{times}× ({sum(states)})" if times else "–"
        driver.qtbot.waitUntil(lambda row=number - 1, told=told: text(driver, row, LOST) == told, timeout=5000)


def test_names_and_colours_come_back_with_the_source(drive):
    first = drive(saved)
    first.open()
    first.player.begin(BoxRequest(first.player.source.serial, drawn(0), tuple(true_box(0))))
    first.qtbot.waitUntil(lambda: bool(first.player.summary.targets), timeout=5000)
    first.player.describe_target(1, "Schmetterling, blau", "#0a0b0c")
    first.qtbot.waitUntil(lambda: names(first) == ["Schmetterling, blau"], timeout=5000)
    first.window.close()
    second = drive(saved)
    second.open()
    second.qtbot.waitUntil(lambda: names(second) == ["Schmetterling, blau"], timeout=5000)
    assert second.player.summary.targets[0].color == "#0a0b0c"


# frames in which a target was lost, as they come, and what that makes
@pytest.mark.parametrize(
    ("lost", "found", "expected"),
    [
        ([], [], (0, 0)),
        ([3, 4, 5], [], (1, 3)),
        ([3, 5], [], (2, 2)),
        ([3, 5, 4], [], (1, 3)),  # the one between comes last
        ([5, 4, 3, 4], [], (1, 3)),  # backwards, and one again
        ([3, 4, 5], [4], (2, 2)),  # tracked again, and found in the middle
        ([3, 4, 5], [3, 4, 5], (0, 0)),
    ],
)
def test_losses_are_counted_in_any_order(lost, found, expected):
    counts = LossCounts()
    counts.add([ResultRow(index, 1, 0.5, 0.5, 1.0, "tracking") for index in range(8)])
    counts.add(ResultRow(index, 1, 0.1, 0.0, 9.0, "lost") for index in lost)
    counts.add(ResultRow(index, 1, 0.9, 0.9, 1.0, "tracking") for index in found)
    assert counts.counts()[1] == expected
    where = set(lost) - set(found)
    counts.replace({1: curve_of(states=["lost" if index in where else "tracking" for index in range(8)])})
    assert counts.counts()[1] == expected, "all at once"
