"""The window's tests run without a screen, on drawn images and a tracker that needs no weights."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYTEST_QT_API", "pyqt5")
sys.path.insert(0, str(Path(__file__).parent))

from fakes import DrawnSource, MatchingTracker
from PyQt5.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

import tracker_core  # noqa: F401  before PyQt5: it makes OpenCV's own Qt harmless
from app.window.garbage import GarbageCollector
from app.window.main_window import MainWindow
from app.worker import player
from app.worker.player import Player


class PatientQtBot(QtBot):
    """Waits for what is bound to come; a limit only ends what never does, so that a busy machine fails no test."""

    PATIENCE_MS = 240_000

    def waitUntil(self, callback, *, timeout=PATIENCE_MS):
        super().waitUntil(callback, timeout=max(timeout, self.PATIENCE_MS))

    def waitSignal(self, signal, *, timeout=PATIENCE_MS, **how):
        return super().waitSignal(signal, timeout=max(timeout, self.PATIENCE_MS), **how)

    def waitSignals(self, signals, *, timeout=PATIENCE_MS, **how):
        return super().waitSignals(signals, timeout=max(timeout, self.PATIENCE_MS), **how)


player.SHUT_DOWN_MS = PatientQtBot.PATIENCE_MS  # the same for a worker that is to end


class WindowDriver:
    """A real main window over fakes, with the waits that tests need."""

    def __init__(self, qtbot, journal_folder, sources, tracker_factory=None) -> None:
        self.qtbot = qtbot
        self.sources = sources
        self.opened: list = []
        self.failures: list = []
        factory = tracker_factory or (lambda choice: MatchingTracker())
        self.player = Player(factory, self._open, journal_folder)
        self.window = MainWindow(self.player)
        self.player.worker.failed.connect(self.failures.append)
        self.window.resize(1024, 640)
        self.window.show()
        qtbot.waitExposed(self.window)

    def _open(self, spec: str):
        source = self.sources(spec)
        self.opened.append(source)
        return source

    @property
    def canvas(self):
        return self.window.canvas

    @property
    def index(self):
        view = self.canvas.frame_view
        return None if view is None else view.frame.index

    def open(self, spec: str = "drawn") -> None:
        self.window.open(spec)
        self.qtbot.waitUntil(lambda: self.index is not None, timeout=5000)

    def results(self, number: int = 1) -> dict:
        """The stored results; only while the worker stands still."""
        return self.player.worker.session.targets[number].results


@pytest.fixture(autouse=True, scope="session")
def collector(qapp):
    """Garbage is collected as in the program: windows of earlier tests end in this thread, not in a worker's."""
    collector = GarbageCollector()
    collector.start()
    yield collector
    collector.stop()


@pytest.fixture
def qtbot(qapp, request):
    """pytest-qt's, with patience."""
    return PatientQtBot(request)


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """A home of its own for every test: what the window proposes to write into the user's goes there."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = tmp_path_factory.mktemp("home")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", cache)  # exported networks are made once
    return folder


@pytest.fixture(autouse=True)
def no_dialog_outlives_its_test(qapp):
    """Hide what a test that failed left open: a modal dialog would hold up every later test."""
    yield
    for widget in qapp.topLevelWidgets():
        if isinstance(widget, QDialog) and widget.isVisible():
            widget.hide()


@pytest.fixture
def drive(qtbot, tmp_path):
    """Make drivers whose windows are closed, and whose threads are gone, at the end of the test."""
    drivers: list[WindowDriver] = []

    def make(sources=None, tracker_factory=None, journal=True) -> WindowDriver:
        driver = WindowDriver(
            qtbot,
            tmp_path / "sessions" if journal else None,
            sources or (lambda spec: DrawnSource()),
            tracker_factory,
        )
        drivers.append(driver)
        return driver

    yield make
    for driver in drivers:
        for job in list(driver.window.jobs.running):  # left by a test that failed: closing would ask about it, for ever
            job.force()
        qtbot.waitUntil(lambda driver=driver: not driver.window.jobs.running)
        driver.window.close()
        assert not driver.player.thread_.isRunning(), "the worker's thread outlived its window"
