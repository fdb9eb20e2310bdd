"""On a screen with two pixels in a point everything has the size and the place that it has elsewhere.

Qt reads the scale once, when a program starts: what is painted there is measured in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PAINTED = """
import json
from PyQt5.QtCore import QPointF, QRectF, Qt
from PyQt5.QtGui import QColor, QPainter
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication, QWidget
from app.canvas.overlays.base import PREDICTION, draw_box, draw_label
from app.panels.plots import PlotsPanel

class Canvas(QWidget):
    def paintEvent(self, event):
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("white"))
        draw_box(painter, QRectF(250, 100, 100, 80), QColor("red"))
        draw_label(painter, QPointF(250, 60), "name", QColor("blue"), self.font())
        draw_label(painter, QPointF(399, 220), "name", QColor("lime"), self.font())
        painter.end()

def inside(image, color):
    places = [x for y in range(0, image.height(), 2) for x in range(image.width()) if image.pixelColor(x, y) == color]
    return [min(places) / ratio, max(places) / ratio]

application = QApplication([])
canvas, panel = Canvas(), PlotsPanel()
canvas.resize(400, 240)
panel.resize(600, 300)
panel.show()
for index in range(50):
    panel.append(index, (0.51, 0.2, 3.0, 60.0))
while not panel._plots or panel._stale:
    QTest.qWait(20)
image, ratio = canvas.grab().toImage(), canvas.devicePixelRatioF()
plot = panel._plots[0].grab().toImage()
x = plot.width() // 2
print(json.dumps({
    "ratio": ratio,
    "line": sum(image.pixelColor(int(300 * ratio), y) == QColor("red") for y in range(int(140 * ratio))) / ratio,
    "label": inside(image, QColor("blue")),
    "label at the edge": inside(image, QColor("lime")),
    "curve": sum(plot.pixelColor(x, y).hue() == PREDICTION.hue() for y in range(plot.height())) / ratio,
}))
"""


@pytest.fixture(scope="module", params=["1", "2"])
def painted(request) -> dict:
    more = {"QT_SCALE_FACTOR": request.param, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", PAINTED]
    done = subprocess.run(command, env={**os.environ, **more}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ratio"] == float(request.param)
    return found


def test_lines_of_boxes_are_two_points_thick(painted):
    assert painted["line"] == 2


def test_curves_are_a_point_and_a_half_thick(painted):
    assert 1 <= painted["curve"] <= 2


def test_a_label_is_where_its_box_is_and_stays_inside(painted):
    assert painted["label"][0] == 250
    left, right = painted["label at the edge"]
    assert left < 390 and 398 < right < 400
