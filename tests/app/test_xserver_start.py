"""The window on a real X server: the offscreen platform hides what the platform plug-in would say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = textwrap.dedent(
    """
    import sys
    import cv2  # first, as the worst order
    sys.path[:0] = [{root!r}, {tests!r}]
    import tracker_core
    from PyQt5.QtCore import Qt
    from PyQt5.QtTest import QTest
    from PyQt5.QtWidgets import QApplication
    application = QApplication(["test"])
    assert application.platformName() == "xcb", application.platformName()
    from fakes import DrawnSource, MatchingTracker
    from app.window.main_window import MainWindow
    from app.worker.player import Player
    player = Player(lambda choice: MatchingTracker(), lambda spec: DrawnSource(30))
    window = MainWindow(player)
    window.show()
    assert QTest.qWaitForWindowExposed(window)
    QApplication.setActiveWindow(window)  # there is no window manager that would do it
    window.open("drawn")

    def wait(condition):
        for _ in range(20_000):
            if condition():
                return
            QTest.qWait(10)
        raise SystemExit("waited in vain")

    wait(lambda: window.canvas.box is not None)
    QTest.keyClick(window.canvas, Qt.Key_Space)
    wait(lambda: len(window.curve_of(1)) == 30 and not player.is_playing)
    image = window.canvas.grab().toImage()
    assert image.width() > 100
    window.close()
    print("tracked", len(window.curve_of(1)))
    """
)


@pytest.fixture
def display(tmp_path):
    """A virtual X server of the test's own."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        if not number:
            pytest.skip("Xvfb does not start here")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


@pytest.mark.timeout(400)
def test_open_and_track_on_a_real_x_server(display):
    environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
    script = SCRIPT.format(root=str(ROOT), tests=str(Path(__file__).parent))
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "tracked 30" in run.stdout
