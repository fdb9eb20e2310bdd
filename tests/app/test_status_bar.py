"""Sentences in the status bar are seen: neither cut off beside the figures nor covered by what is being done."""

from __future__ import annotations

import pytest
from PyQt5.QtWidgets import QMainWindow

from app.session.frame_view import SourceSummary
from app.window.status_bar import FrameCosts, StatusReadout

LONG = "Restored 192 results in 3 runs of an earlier session; the list of runs shows them."


@pytest.fixture
def status(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(700, 200)
    status = StatusReadout(window)
    window.show()
    status.show_costs(FrameCosts(29.8, 45.9, 28.3, 15.4), has_debug=True)
    status.show_device("siamscope-light", "cpu")
    status.show_dropped(125)
    status.window = window
    return status


# a sentence, the width of the window, whether the figures stay beside it
@pytest.mark.parametrize(("text", "width", "stays"), [(LONG, 700, False), (LONG, 1900, True), ("Ready.", 1200, True)])
def test_a_sentence_is_not_cut_off(qtbot, status, text, width, stays):
    status.window.resize(width, 200)
    qtbot.waitUntil(lambda: status.window.statusBar().width() == width)
    status.show_notice(text)
    assert status.times.isVisible() is stays
    status.window.statusBar().clearMessage()
    assert status.times.isVisible()


def test_a_sentence_is_not_cut_off_by_a_recording(qtbot, status):
    """There would be room beside the figures, but not beside figures and the time of the recording."""
    hint = status._figures.sizeHint().width()
    text = "Target 1 was lost in frame 263."
    width = hint + status._bar.fontMetrics().horizontalAdvance(text) + 80
    status.window.resize(width, 200)
    qtbot.waitUntil(lambda: status.window.statusBar().width() == width)
    status.show_notice(text)
    assert status._figures.isVisible()
    status.recording.setText("REC 00:12, last 10 min kept")
    status.recording.show()
    status.show_notice(text + " ")
    assert not status._figures.isVisible() and status.recording.isVisible()


# few figures and many
@pytest.mark.parametrize("source", ["", "a-source-with-a-long-name.mp4"])
def test_figures_stand_at_the_right(qtbot, status, source):
    status.clear()
    status.window.resize(1280, 200)
    if source:
        status._figures.set_text("source", source)

    def right_edge() -> int:
        device = status._figures.labels["device"]
        return status.window.width() - device.mapTo(status.window, device.rect().topRight()).x()

    qtbot.waitUntil(lambda: right_edge() < 30, timeout=2000)


def test_a_long_name_is_cut_only_where_there_is_no_room(qtbot, status):
    name = "car park north, 27 November 2026, camera 3, the part with the red car.mp4"
    source = SourceSummary(1, f"/films/{name}", name, (1920, 1080), 30.0, 900, False, True, False)

    def seen(width: int) -> str:
        status.window.resize(width, 200)
        qtbot.waitUntil(lambda: status.window.statusBar().width() == width)
        return status.source.text()

    status.show_source(source)
    status.show_costs(FrameCosts(29.8, 45.9, 28.3, 15.4), has_debug=True)
    qtbot.waitUntil(lambda: bool(status.times.text()))
    assert seen(1900) == f"{name} · 1920×1080" and status.times.isVisible()
    short = seen(750)
    assert "…" in short and len(short) >= 28 and short[:9] == name[:9] and short.endswith(".mp4 · 1920×1080")
    width = status._figures.sizeHint().width() + 20
    assert seen(width) == f"{name} · 1920×1080"
    status.show_notice("Ready.")  # beside a sentence too: shorter, not gone
    qtbot.waitUntil(lambda: "…" in status.source.text())
    assert status.source.isVisible() and status.times.isVisible()
    status.window.statusBar().clearMessage()
    qtbot.waitUntil(lambda: status.source.text() == f"{name} · 1920×1080")


def test_a_notice_outlives_what_is_being_done(status):
    bar = status.window.statusBar()
    status.show_notice(LONG)
    status.show_busy("Opening")
    assert bar.currentMessage() == "Opening …"
    status.show_busy("")
    assert bar.currentMessage() == LONG
    status._notice_ends = 0.0  # its time is over
    status.show_busy("")
    assert not bar.currentMessage()
