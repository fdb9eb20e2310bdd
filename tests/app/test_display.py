"""Without a display that answers there is no window: it is found out before Qt would end the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from evaluation_sequences import make_otb

from app.window.display import has_display

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


# what the environment says of a display that is not there: nothing; a closed session's, of either kind; one across the
# network; a platform that the user forces; a platform of no plug-in
@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")
@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"DISPLAY": ":9999"},
        {"WAYLAND_DISPLAY": "wayland-99"},
        {"DISPLAY": "127.0.0.1:7777"},
        {"QT_QPA_PLATFORM": "xcb"},
        {"QT_QPA_PLATFORM": "wayland", "WAYLAND_DISPLAY": "wayland-99"},
        {"QT_QPA_PLATFORM": "nonsense"},
        {"DISPLAY": ":9999", "WAYLAND_DISPLAY": "wayland-99"},
    ],
)
def test_a_display_that_does_not_answer_is_none(monkeypatch, variables):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert not has_display()


def test_without_a_screen_on_purpose_there_is_one(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.delenv("DISPLAY", raising=False)
    assert has_display()


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")
def test_a_source_is_tracked_without_a_window(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in NAMES} | {"DISPLAY": ":9999"}
    sequence = make_otb(tmp_path / "data", {"Alpha": 6}) / "Alpha"
    command = [sys.executable, str(ROOT / "main.py"), str(sequence)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "There is no display" in done.stderr and "Traceback" not in done.stderr
    assert any(tmp_path.rglob("*.mp4"))
