"""The benchmark page's curves under a real mouse."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt5.QtCore import QPoint, QPointF, Qt
from PyQt5.QtTest import QTest

from app.panels.benchmark_views import BenchmarkCurves
from app.panels.tracker_colors import TrackerColors


@pytest.fixture
def curves(qtbot) -> BenchmarkCurves:
    """Curves of one tracker: success falls from 1 to 0, precision rises from 0 to 1."""
    widget = BenchmarkCurves(TrackerColors())
    qtbot.addWidget(widget)
    widget.resize(700, 400)
    widget.show()
    qtbot.waitUntil(lambda: bool(widget._plots))
    falling, rising = np.linspace(1, 0, 21).tolist(), np.linspace(0, 1, 51).tolist()
    widget._curves = {"mine": {"curves": {"success": falling, "precision": rising}}}
    widget._draw()
    qtbot.waitUntil(lambda: len(widget.lines) == 2)
    return widget


@pytest.mark.parametrize(
    ("plot", "at", "aside", "is_hit"),
    [
        ("success", (0.25, 0.75), 0, True),
        ("success", (0.52, 0.48), 0, True),  # between two of its points
        ("precision", (25, 0.5), 0, True),
        ("success", (0.25, 0.75), 4, True),  # as near as a hand comes
        ("success", (0.25, 0.75), 60, False),  # beside it
    ],
)
def test_a_click_on_a_curve_asks_for_its_tracker(curves, qtbot, plot, at, aside, is_hit) -> None:
    said: list[str] = []
    curves.curve_clicked.connect(said.append)
    widget = curves._plots[plot]
    place = widget.mapFromScene(curves.lines[plot, "mine"].mapToScene(QPointF(*at))) + QPoint(aside, 0)
    QTest.mouseMove(widget.viewport(), place)
    QTest.mouseClick(widget.viewport(), Qt.LeftButton, Qt.NoModifier, place)
    assert said == (["mine"] if is_hit else [])
