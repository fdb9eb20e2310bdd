"""The bars by attribute: as long as the numbers, in the trackers' colours, clicked, hidden and saved."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from full_disk import needs_limits, room_for
from PyQt5.QtCore import QByteArray, QPointF
from PyQt5.QtGui import QColor, QImage
from PyQt5.QtSvg import QSvgRenderer

from app.panels.benchmark import BenchmarkPanel
from app.panels.tracker_colors import STYLES, Look
from app.panels.widget_image import save_widget
from tracker_core.errors import InputError, OutputError

SCORES = {"one": {"FM": 0.75, "OCC": 0.5}, "two": {"FM": 0.25, "OCC": None}}


@pytest.fixture
def panel(qtbot, tmp_path):
    """A benchmark panel with the attributes of two trackers beside their curves."""
    panel = BenchmarkPanel(tmp_path)
    qtbot.addWidget(panel)
    panel.resize(1100, 300)
    panel.show()
    for tracker, values in SCORES.items():
        attributes = {name: {"success_auc": value, "sequences": 1} for name, value in values.items()}
        so_far = {"attributes": attributes, "curves": {"success": [1.0, 0.0]}}
        panel.scores.take({"event": "sequence", "tracker": tracker, "sequence": "Deer", "so_far": so_far})
    panel._show()
    panel.tabs.setCurrentWidget(panel.attributes)
    qtbot.waitUntil(lambda: len(panel.curves.bars.bars) == 2, timeout=30_000)
    return panel


def bars_of(panel, tracker: str) -> dict[str, np.ndarray]:
    return {name: np.array(panel.curves.bars.bars[tracker].opts[name]) for name in ("y", "width")}


def test_bars_are_as_long_as_the_numbers_in_the_colours_of_the_curves(panel):
    one, two = bars_of(panel, "one"), bars_of(panel, "two")
    assert one["width"].tolist() == [0.75, 0.5] and two["width"].tolist() == [0.25], "what is not known has no bar"
    # side by side inside the row of the attribute, the first tracker above the second
    assert np.round(one["y"]).tolist() == [0, 1] and np.round(two["y"]).tolist() == [0]
    assert one["y"][0] < two["y"][0] < one["y"][1]
    for tracker in SCORES:
        assert panel.curves.bars.bars[tracker].opts["brush"].color().name() == panel.colors.look(tracker).color


def test_the_pattern_of_a_bar_has_its_size_on_the_screen(panel, qtbot):
    """Qt stretches the pattern of a brush with the axes: most bars would be empty or full."""
    look = Look(panel.colors.look("one").color, STYLES[1])
    panel.curves.bars._colors = SimpleNamespace(look=lambda _tracker: look)
    panel.curves.set_scores(panel.scores, frozenset(["two"]), panel.attributes.measure)
    qtbot.wait(50)
    box, image = panel.curves.bars._plot.getViewBox(), panel.curves.bars._plot.grab().toImage()
    for row, width in ((0, 0.75), (1, 0.5)):
        low, high = (box.mapViewToScene(QPointF(x, row + y)) for x, y in ((0.02, -0.35), (width - 0.02, 0.35)))
        xs, ys = range(round(low.x()), round(high.x())), range(round(low.y()), round(high.y()))
        inked = [QColor(image.pixel(x, y)).saturation() > 60 for x in xs for y in ys]
        assert 0.08 < np.mean(inked) < 0.6, f"bar {row} is not hatched"


def test_another_measure_is_shown_in_table_and_bars(panel):
    for tracker, precision in (("one", 0.25), ("two", 0.875)):
        panel.scores.trackers[tracker]["attributes"]["FM"]["precision_20"] = precision
    panel.attributes.measures.setCurrentIndex(panel.attributes.measures.findData("precision_20"))
    assert bars_of(panel, "one")["width"].tolist() == [0.25] and bars_of(panel, "two")["width"].tolist() == [0.875]
    fast = next(row for row in panel.attributes.table.numbers.rows if row.key == "FM")
    assert fast.numbers == (0.25, 0.875) and fast.best == {1}
    assert "Precision" in panel.curves.bars._plot.getPlotItem().titleLabel.text
    panel._show()  # more results come: the choice stays
    assert panel.attributes.measure.key == "precision_20"


def test_a_click_on_a_row_shows_the_sequences_of_the_attribute(panel):
    box = panel.curves.bars._plot.getViewBox()
    panel.curves.bars._choose(box.mapViewToScene(QPointF(0.3, 1.2)))
    assert panel.sequences.filter.text() == "OCC" and panel.tabs.currentWidget() is panel.sequences
    panel.curves.bars._choose(box.mapViewToScene(QPointF(0.3, 7)))  # below the last one
    assert panel.sequences.filter.text() == "OCC"


def test_a_tracker_that_is_hidden_has_no_bars(panel):
    panel.sequences.tracker_shown.emit("one", False)
    assert list(panel.curves.bars.bars) == ["two"]


def test_the_plot_is_saved_as_it_is_shown(panel, tmp_path):
    for name in ("bars.png", "bars.svg", "bars.pdf"):
        save_widget(panel.curves, tmp_path / name)
    image = QImage(str(tmp_path / "bars.png"))
    assert image.width() == 3 * panel.curves.width() and image.height() == 3 * panel.curves.height()
    color = int(panel.colors.look("one").color[1:], 16)
    pixels = {image.pixel(x, y) & 0xFFFFFF for x in range(0, image.width(), 9) for y in range(0, image.height(), 3)}
    assert color in pixels
    drawing = QSvgRenderer(QByteArray((tmp_path / "bars.svg").read_bytes()))
    assert drawing.isValid() and drawing.viewBox() == panel.curves.rect()
    assert (tmp_path / "bars.pdf").read_bytes().startswith(b"%PDF")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bars.pdf", "bars.png", "bars.svg"]


# what cannot be written: an ending of no plot; a folder that is a file
@pytest.mark.parametrize(("name", "error", "sentence"), [
    ("bars.bmp", InputError, "must end in"),
    ("file/bars.png", OutputError, "file"),
])  # fmt: skip
def test_what_cannot_be_saved_is_a_sentence(panel, tmp_path, name, error, sentence):
    (tmp_path / "file").write_text("")
    with pytest.raises(error, match=sentence):
        save_widget(panel.curves, tmp_path / name)


@needs_limits
@pytest.mark.parametrize("name", ["bars.png", "bars.svg", "bars.pdf"])
def test_a_full_disk_leaves_the_earlier_plot_and_is_a_sentence(panel, tmp_path, name):
    """Qt's writers say nothing of it: an empty file took the place of the earlier one."""
    (tmp_path / name).write_bytes(b"earlier")
    with room_for(500), pytest.raises(OutputError, match="could not be written"):
        save_widget(panel.curves, tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"earlier" and len(list(tmp_path.iterdir())) == 1
