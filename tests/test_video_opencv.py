"""Importing OpenCV must leave Qt alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from tracker_core.opencv import QT_VARIABLES, remove_opencv_qt_paths

ROOT = Path(__file__).parents[1]
SHOW = "import os; print([os.environ.get(name, '') for name in ('QT_QPA_PLATFORM_PLUGIN_PATH', 'QT_QPA_FONTDIR')])"


@pytest.mark.parametrize(
    "order", ["import cv2; import tracker_core", "import tracker_core; import cv2", "import tracker_core.boxes, cv2"]
)
def test_either_import_order_is_safe(order: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in QT_VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", f"{order}; {SHOW}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=True,
    )
    assert done.stdout.strip() == "['', '']"


def test_what_the_user_set_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM_PLUGIN_PATH", str(tmp_path))
    monkeypatch.setenv("QT_QPA_FONTDIR", str(Path(cv2.__file__).parent / "qt" / "fonts"))
    assert remove_opencv_qt_paths() == ["QT_QPA_FONTDIR"]
    assert os.environ["QT_QPA_PLATFORM_PLUGIN_PATH"] == str(tmp_path)
    assert remove_opencv_qt_paths() == []


def test_a_missing_camera_writes_nothing_to_stderr() -> None:
    code = (
        "from tracker_core.sources.opening import open_source\n"
        "from tracker_core.errors import SourceError\n"
        "try:\n    open_source('camera:97')\nexcept SourceError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.startswith("Camera 97 cannot be opened") and done.stderr == ""
