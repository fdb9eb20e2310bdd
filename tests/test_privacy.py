"""No library leaves an identifier in the user's folders, or needs a home that can be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CLIP = ROOT / "resources" / "clip" / "siamscope_clip.mp4"


@pytest.mark.parametrize(
    ("place", "written"),
    [
        ("home", ["siamscope"]),  # an empty home: nothing in its caches but the exported network of this program
        ("file/home", []),  # a home that can be neither made nor written, whoever runs this
    ],
)
def test_tracking_leaves_nothing_of_other_makers(tmp_path: Path, place: str, written: list[str]) -> None:
    home = tmp_path / place
    (tmp_path / "home").mkdir()
    (tmp_path / "file").touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    environment |= {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home / ".cache")}
    options = ["--init-from-gt", "--frames", "0:3", "--no-video", "--progress", "none", "--out", str(tmp_path / "out")]
    run = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "track", "--source", str(CLIP), *options],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    assert [path.name for path in (tmp_path / "home").glob("*/*")] == written
    assert not [path for path in tmp_path.rglob("*") if "deviceid" in path.name.lower()]
