"""Starting the window: one application object, error hooks, settings, the first source."""

from __future__ import annotations

import argparse
import importlib
import logging
from pathlib import Path

import numpy as np
import platformdirs
from PyQt5.QtCore import QCoreApplication, QSettings, Qt, QTimer
from PyQt5.QtGui import QColor, QIcon, QPainter, QPixmap
from PyQt5.QtWidgets import QApplication, QSplashScreen

import tracker_core  # noqa: F401  before PyQt5: it makes OpenCV's own Qt harmless
from app.panels.parts import make_plot
from app.session.trackers import TrackerChoice, tracking_threads
from app.settings import Settings, settings_path
from app.window.errors import ErrorReporter, start_log_file
from app.window.garbage import GarbageCollector
from app.window.icons import APPLICATION_ICON
from app.window.main_window import MainWindow
from app.window.theme import apply_theme
from app.worker.player import Player
from tracker_core.packaged import CLIP
from tracker_core.trackers.following import SessionTracker
from tracker_core.types import FrameSource

logger = logging.getLogger(__name__)

APPLICATION = "siamscope"
CORE_MODULES = (
    "tracker_core.sources.opening",
    "tracker_core.trackers.builder",
    "tracker_core.models.builder",
    "tracker_core.checkpoints.weights",
    "tracker_core.runtime.onnx",
    "onnxruntime",
    "pyqtgraph",
)


def run_window(argv: list[str]) -> int:
    """Open the window and return the exit code; `argv` holds at most a source to open (none: the bundled clip)."""
    options = _parse(argv)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    # at 125 % or 150 % neither too small nor too large
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    application = QApplication.instance() or QApplication([APPLICATION])
    assert isinstance(application, QApplication)
    application.setApplicationName(APPLICATION)
    application.setApplicationDisplayName("Siamscope")
    state_folder = Path(platformdirs.user_state_dir(APPLICATION, appauthor=False))
    log_file = start_log_file(state_folder)
    reporter = ErrorReporter()
    reporter.install()
    settings = Settings.load(settings_path())
    apply_theme(application, settings.theme)
    application.setWindowIcon(QIcon(str(APPLICATION_ICON)))
    splash = _show_splash(application)
    load_core()
    player = Player(build_session_tracker, open_session_source, state_folder / "sessions")
    collector = GarbageCollector()
    player.worker.mail_arrived.connect(collector.postpone)  # images that are played or looked for
    collector.start()
    kept = QSettings(str(state_folder / "window.ini"), QSettings.Format.IniFormat)
    window = MainWindow(player, bundled_clip(), kept, settings, log_file)
    reporter.caught.connect(
        lambda sentence, details: window.failures.show(
            QCoreApplication.translate("application", "Unexpected error"), sentence, details
        )
    )
    window.show()
    # inside the event loop: it serves events while it waits, and a window closed before the loop would not end it
    QTimer.singleShot(0, lambda: splash.finish(window))
    player.prepare_tracker()
    if options.source:
        window.open(options.source)
    else:
        window.sources.open_clip()
    try:
        return int(application.exec_())
    finally:
        player.shut_down()
        collector.stop()
        reporter.uninstall()


def load_core() -> None:
    """Import what trackers and sources need.

    Importing holds the interpreter for up to half a second at a time, whatever thread does it: better before the
    window is there than while it is in use.
    """
    for module in CORE_MODULES:
        importlib.import_module(module)
    make_plot("", "").deleteLater()  # the first one takes longest


def _show_splash(application: QApplication) -> QSplashScreen:
    image = QPixmap(360, 120)
    image.fill(QColor(24, 24, 27))
    painter = QPainter(image)
    painter.setPen(QColor(235, 235, 240))
    font = painter.font()
    font.setPointSize(22)
    painter.setFont(font)
    painter.drawText(image.rect(), int(Qt.AlignmentFlag.AlignCenter), "Siamscope")
    painter.end()
    splash = QSplashScreen(image)
    splash.show()
    splash.showMessage(
        QCoreApplication.translate("application", "Loading …"),
        Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom,
        QColor(160, 160, 168),
    )
    application.processEvents()
    return splash


def build_session_tracker(choice: TrackerChoice) -> SessionTracker:
    """Build a tracker through the core and run it once, so that the first frame of the user's is not the slow one."""
    from tracker_core.trackers.builder import build_tracker

    tracker = build_tracker(choice.name, weights=choice.weights, device=choice.device, threads=tracking_threads())
    trial = tracker.fork()
    image = np.zeros((240, 320, 3), np.uint8)
    trial.init(image, (100, 80, 60, 40))
    trial.update(image)
    return tracker


def open_session_source(spec: str) -> FrameSource:
    """Open a source through the core."""
    from tracker_core.sources.opening import open_source

    return open_source(spec)


def bundled_clip() -> Path | None:
    """Return the clip that comes with the program, None where it was left out."""
    return CLIP if CLIP.is_file() else None


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=APPLICATION, description="The window of Siamscope.")
    parser.add_argument("source", nargs="?", default="", help="camera, video, folder or address to open")
    return parser.parse_args(argv)
