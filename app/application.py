"""Starting the window: one application object, error hooks, settings, the first source."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import platformdirs
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication

import tracker_core  # noqa: F401  before PyQt5: it makes OpenCV's own Qt harmless
from app.errors import ErrorReporter, start_log_file
from app.main_window import MainWindow
from app.player import Player
from app.tracking_runs import SessionTracker, TrackerChoice
from tracker_core.types import FrameSource

logger = logging.getLogger(__name__)

APPLICATION = "siamscope"
CLIP = Path("clip") / "siamscope_clip.mp4"


def run_window(argv: list[str]) -> int:
    """Open the window and return the exit code; `argv` holds at most a source to open (none: the bundled clip)."""
    options = _parse(argv)
    QApplication.setAttribute(Qt.AA_EnableHighDpiScaling)
    QApplication.setAttribute(Qt.AA_UseHighDpiPixmaps)
    application = QApplication.instance() or QApplication([APPLICATION])
    assert isinstance(application, QApplication)
    application.setApplicationName(APPLICATION)
    application.setApplicationDisplayName("Siamscope")
    state_folder = Path(platformdirs.user_state_dir(APPLICATION, appauthor=False))
    start_log_file(state_folder)
    reporter = ErrorReporter()
    reporter.install()
    player = Player(build_session_tracker, open_session_source, state_folder / "sessions")
    window = MainWindow(player, bundled_clip())
    window.show()
    player.prepare_tracker()
    if options.source:
        window.open(options.source)
    else:
        window.open_clip()
    try:
        return int(application.exec_())
    finally:
        player.shut_down()
        reporter.uninstall()


def build_session_tracker(choice: TrackerChoice) -> SessionTracker:
    """Build a tracker through the core; the heavy imports come with the first one."""
    from tracker_core.trackers.builder import build_tracker

    return build_tracker(choice.name, weights=choice.weights, device=choice.device)


def open_session_source(spec: str) -> FrameSource:
    """Open a source through the core."""
    from tracker_core.sources import open_source

    return open_source(spec)


def bundled_clip() -> Path | None:
    """Return the clip that comes with the program, None where it was left out."""
    path = Path(__file__).resolve().parent.parent / "resources" / CLIP
    return path if path.is_file() else None


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=APPLICATION, description="The window of Siamscope.")
    parser.add_argument("source", nargs="?", default="", help="camera, video, folder or address to open")
    return parser.parse_args(argv)
