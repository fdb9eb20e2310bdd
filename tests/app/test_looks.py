"""The window as it looks: no text is cut off or pale, in small and large windows and fonts, in light and in dark.

Every widget that is there is looked at, so that a new panel or dialog is held to the same.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest
from PyQt5.QtCore import QPoint, QPointF, Qt
from PyQt5.QtGui import QFont, QWheelEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication, QDialog, QLineEdit, QTabBar, QTabWidget
from readable import cut_texts, pale_texts

import app.dialogs
from app.dialogs.about import AboutDialog
from app.dialogs.asking import AskingDialog
from app.dialogs.export import ExportDialog
from app.dialogs.preferences import PreferencesDialog
from app.dialogs.rerun import RerunDialog
from app.dialogs.shortcuts import ShortcutSheet
from app.dialogs.weights import WeightsDialog
from app.settings import Settings
from app.window.theme import apply_theme
from tracker_core.config import TrackerConfig, TrackingConfig

# theme, size of the font in points, size of the window; a large window is looked at where the theme is switched
LOOKS = [
    ("light", 9.0, (1024, 640)),
    ("dark", 13.5, (1024, 640)),
]
SETTLING_MS = 400
DATA_SET = {
    "siamscope-light": {"Basketball-with-a-long-name": 0.71, "Deer": 0.62},
    "a-tracker-of-somebody-else-v3": {"Basketball-with-a-long-name": 0.55, "Deer": 0.66},
}
WEIGHTS = {
    "siamscope-light": {
        "network": "light on mobilenetv3", "score": "0.690 / 0.923 (OTB, 10 targets)", "is_shipped": True,
        "licence": "GPL-3.0-or-later (its backbone started from another network)", "parameters": 1.2e6, "bytes": 5e6,
        "problem": "", "source": "trained by this project", "used_by": "tracker siamscope-light", "path": "/w/l.safe",
        "sha256": "07fe8d2e40ef7bcbf4f36a43277ffb4b4ae344fa3bd9c774db95780d628520bc", "speed": {},
    }
}  # fmt: skip


@pytest.fixture
def looks(qapp):
    """Give the program a theme and a font; both are as before after the test."""
    style, palette, font = qapp.style().objectName(), qapp.palette(), qapp.font()

    def apply(theme: str, points: float) -> None:
        larger = QFont(font)
        larger.setPointSizeF(points)
        qapp.setFont(larger)
        apply_theme(qapp, theme)

    yield apply
    qapp.setStyle(style or "Fusion")
    qapp.setPalette(palette)
    qapp.setFont(font)


def fill(driver) -> None:
    """Give every panel something to show."""
    window = driver.window
    driver.open()
    driver.qtbot.waitUntil(lambda: driver.canvas.box is not None, timeout=60_000)
    driver.player.set_speed(0.0)
    window.playback.toggle_play()
    driver.qtbot.waitUntil(lambda: len(window.curve_of(1)) == 60 and not driver.player.is_playing, timeout=120_000)
    panels = window.panels
    for tracker, scores in DATA_SET.items():
        for sequence, success in scores.items():
            numbers = {"success_auc": success, "precision_20": success + 0.1, "average_overlap": success, "fps": 31.0}
            far = {"attributes": {"Fast Motion": {**numbers, "sequences": 1}, "Occlusion": {**numbers, "sequences": 2}}}
            curves = {"success": [1.0, 0.6, 0.0], "precision": [0.0, 0.6, 1.0]}
            panels.benchmark.take(
                {"event": "sequence", "tracker": tracker, "sequence": sequence, "status": "done", "done": 1, "total": 2,
                 "tags": ["FM"], "so_far": {**numbers, **far, "curves": curves, "sequences": 2}, **numbers}
            )  # fmt: skip
    panels.batch.set_videos([{"name": "a-video-with-a-long-name.mp4", "output": "1", "path": "/v/a.mp4", "frame": 0,
                              "boxes": [], "problem": "no first box"}])  # fmt: skip
    panels.batch.set_running(False, "2 of 3 videos have a first box; one has none.")
    panels.training.take({"event": "start", "videos": 12, "stills": 3, "cutouts": 0, "validation": 4, "device": "cpu"})
    panels.written.show_written(["/tmp/a-tracked-video-with-a-long-name.mp4"], ["It has no sound."])
    panels.sources.set_recent(["/videos/a-recent-source-whose-name-is-long.mp4"])
    window.status.show_notice("Restored 192 results in 3 runs of an earlier session; the list of runs shows them.")


def faults(widget, say: str = "") -> list[str]:
    QApplication.processEvents()
    found = [*cut_texts(widget), *pale_texts(widget)]
    if found:  # a text that has just changed is laid out in one turn, what stands around it in the next
        QTest.qWait(SETTLING_MS)
        found = [*cut_texts(widget), *pale_texts(widget)]
    return [f"{say}: {text}" for text in found]


def faults_of_pages(widget) -> list[str]:
    """The faults of a widget, with every page of its tabs in front once."""
    found = faults(widget)
    for tabs in widget.findChildren(QTabWidget):
        for place in range(tabs.count()):
            if tabs.isVisible():
                tabs.setCurrentIndex(place)
                found += faults(widget, tabs.tabText(place))
    return found


@pytest.mark.parametrize(("theme", "points", "size"), LOOKS)
def test_every_text_of_the_window_can_be_read(drive, looks, theme, points, size):
    looks(theme, points)
    driver = drive()
    window = driver.window
    window.resize(*size)
    fill(driver)
    found = faults(window, "at first")
    for name, dock in window.docks.docks.items():
        dock.show()
        dock.raise_()
        driver.qtbot.wait(20)
        found += faults(window, name)
    found += faults_of_pages(window)
    assert not found, "\n".join(dict.fromkeys(found))


def make_dialogs(window, folder) -> dict[type, QDialog]:
    """One of every dialog, with much to show."""
    targets = [(1, "Target 1"), (2, "A target with a long name"), (3, "Target 3")]
    trackers = [("siamscope-light", "the default"), ("a-tracker-with-a-long-name", "another")]
    export = ExportDialog("a-clip", (0, 12_345), (5, 9), folder, True, parent=window, targets=targets)
    weights = WeightsDialog((), window)
    weights.set_entries(WEIGHTS)
    weights.end("All are as the catalogue says.")
    settings, commands = Settings(path=folder / "settings.yaml"), window.actions_.commands
    dialogs = [
        export,
        weights,
        PreferencesDialog(settings, [name for name, _ in trackers], commands, window),
        ShortcutSheet(commands, {}, window),
        AboutDialog("siamscope-light", "cpu", str(folder / "siamscope.log"), window),
        RerunDialog(trackers, "siamscope-light", TrackingConfig(), lambda _name: TrackerConfig(), window),
        AskingDialog("Open address", "Address (rtsp://, http://, …):", QLineEdit(), window, is_wide=True),
    ]
    return {type(dialog): dialog for dialog in dialogs}


@pytest.mark.parametrize(("theme", "points"), [("light", 9.0), ("dark", 13.5)])
def test_every_text_of_the_dialogs_can_be_read(drive, looks, tmp_path, theme, points):
    looks(theme, points)
    found = []
    for kind, dialog in make_dialogs(drive().window, tmp_path).items():
        dialog.show()
        found += [f"{kind.__name__} {fault}" for fault in faults_of_pages(dialog)]
        for place in range(dialog.kind.count() if isinstance(dialog, ExportDialog) else 0):
            dialog.kind.setCurrentIndex(place)
            QApplication.processEvents()
            found += [f"{kind.__name__} {fault}" for fault in faults(dialog, dialog.kind.itemText(place))]
        dialog.hide()
    assert not found, "\n".join(dict.fromkeys(found))


def test_every_dialog_is_looked_at(drive, tmp_path):
    modules = [
        importlib.import_module(f"app.dialogs.{found.name}") for found in pkgutil.iter_modules(app.dialogs.__path__)
    ]
    kinds = {kind for module in modules for _, kind in inspect.getmembers(module, inspect.isclass)
             if issubclass(kind, QDialog) and kind.__module__ == module.__name__}  # fmt: skip
    assert kinds == set(make_dialogs(drive().window, tmp_path))


def test_a_theme_that_is_switched_while_the_window_is_open_can_be_read(drive, looks, qapp):
    """What was coloured for one theme, such as a row of a list, takes up the colours of the other."""
    looks("light", 9.0)
    driver = drive()
    window = driver.window
    window.resize(1920, 1080)
    fill(driver)
    for dock in window.docks.docks.values():
        dock.show()
    faults_of_pages(window)  # every page was there once
    apply_theme(qapp, "dark")
    found = []
    for name, dock in window.docks.docks.items():
        dock.raise_()
        found += faults(window, name)
    found += faults_of_pages(window)
    assert not found, "\n".join(dict.fromkeys(found))


def test_a_wheel_changes_no_tab(drive):
    window = drive().window
    for dock in window.docks.docks.values():
        dock.show()
    QApplication.processEvents()
    window.canvas.setFocus()
    bars = [bar for bar in window.findChildren(QTabBar) if bar.count() > 1]
    assert len(bars) >= 3
    for bar in bars:
        before = bar.currentIndex()
        for turn in (-120, -120, 120):
            where = QPointF(bar.width() / 2, bar.height() / 2)
            event = QWheelEvent(where, QPointF(bar.mapToGlobal(where.toPoint())), QPoint(), QPoint(0, turn),
                                Qt.NoButton, Qt.NoModifier, Qt.NoScrollPhase, False)  # fmt: skip
            QApplication.sendEvent(bar, event)
            assert bar.currentIndex() == before, bar.tabText(before)
