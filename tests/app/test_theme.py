"""What the program's style changes of Fusion: what could not be seen well."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from PyQt5.QtCore import QPoint
from PyQt5.QtGui import QColor
from PyQt5.QtWidgets import QMenu

from app.window.icons import icon
from app.window.theme import MenuStyle, apply_theme

LINES = """
import sys
from PyQt5.QtWidgets import QApplication, QMenu
from app.window.theme import MenuStyle, apply_theme
application = QApplication([])
apply_theme(application, sys.argv[1])
menu, style = QMenu(), MenuStyle("Fusion")
menu.setStyle(style)
for name in "abcdef":
    menu.addAction(name)
    menu.addSeparator()
menu.addAction("g")
menu.ensurePolished()
menu.resize(menu.sizeHint())
image = menu.grab().toImage()
places = [menu.actionGeometry(action) for action in menu.actions() if action.isSeparator()]
ratio = image.devicePixelRatio()
def rows(place):
    return range(int(place.top() * ratio), int((place.bottom() + 1) * ratio))
def is_seen(place):
    ground = image.pixelColor(image.width() // 2, 2).lightness()
    return any(abs(image.pixelColor(image.width() // 2, y).lightness() - ground) > 40 for y in rows(place))
print(sum(is_seen(place) for place in places))
"""


@pytest.fixture(autouse=True)
def as_before(qapp):
    style, palette = qapp.style().objectName(), qapp.palette()
    yield
    qapp.setStyle(style or "Fusion")
    qapp.setPalette(palette)


# of the screen: a monitor that says 100 dots per inch, 125 %, twice as fine, plain
@pytest.mark.parametrize(("scale", "theme"), [("1.0417", "light"), ("1.25", "dark"), ("2", "light"), ("1", "dark")])
def test_lines_between_the_groups_of_a_menu_are_seen_at_every_scale(scale, theme):
    more = {"QT_SCALE_FACTOR": scale, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR_ROUNDING_POLICY": "PassThrough"}
    found = subprocess.run(
        [sys.executable, "-c", LINES, theme], env={**os.environ, **more}, capture_output=True, text=True
    )
    assert found.stdout.strip() == "6", found.stderr


def test_the_icon_of_a_chosen_line_is_as_light_as_its_text(qapp, qtbot):
    apply_theme(qapp, "light")
    menu, style = QMenu(), MenuStyle("Fusion")
    menu.setStyle(style)
    qtbot.addWidget(menu)
    action = menu.addAction(icon("again"), "Track again")
    menu.popup(QPoint(0, 0))
    menu.setActiveAction(action)
    image = menu.grab(menu.actionGeometry(action)).toImage()
    colors = {image.pixelColor(x, y).name() for x in range(24) for y in range(image.height())}
    assert qapp.palette().highlightedText().color().name() in colors
    assert min(QColor(name).lightness() for name in colors) > 60, "no stroke in the colour of other lines"


def test_the_menus_of_the_window_are_drawn_that_way_and_nothing_else(drive, qapp):
    apply_theme(qapp, "light")
    window = drive().window
    assert all(isinstance(menu.style(), MenuStyle) for menu in window.actions_.menus.values())
    assert not isinstance(window.panels.runs.tree.style(), MenuStyle)
