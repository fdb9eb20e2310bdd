"""Whatever the window draws can be exported: by rule, and looked at for the other runs and the ghost."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import DrawnSource, MatchingTracker, true_box

from app.canvas.overlays.base import run_color
from app.canvas.overlays.registry import PAINT_ORDER
from app.dialogs.export_options import IMAGES, ExportOptions
from app.session.saved_runs import beside_files, save_beside
from app.session.session import Session
from tracker_core.cli.main import main
from tracker_core.rendering.drawing import GHOST_COLOR, RUN_COLORS
from tracker_core.rendering.overlays import OVERLAYS, BesideLook, draw_result
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run_file import save_run
from tracker_core.types import TrackResult

NOT_EXPORTED = {"anchors_at_mouse": "a video has no mouse"}


@pytest.mark.parametrize("name", [overlay.name for overlay in PAINT_ORDER])
def test_every_overlay_of_the_window_is_exported_or_there_is_a_reason(name: str) -> None:
    assert (name in OVERLAYS) != (name in NOT_EXPORTED)


def test_the_window_and_the_export_have_the_same_colours_of_runs() -> None:
    assert [run_color(n).getRgb()[:3] for n in (0, 1, 8)] == [RUN_COLORS[n][::-1] for n in (0, 1, 1)]


def test_a_box_beside_is_dashed_with_its_title_below() -> None:
    look = BesideLook(np.array([40.0, 30, 60, 40]), (10, 200, 30), (6.0, 3.0), "run 3")
    image = draw_result(np.zeros((160, 200, 3), np.uint8), [], beside=[look])
    drawn = np.argwhere((image == (10, 200, 30)).all(axis=2))
    assert drawn[:, 0].min() in range(28, 33) and drawn[:, 0].max() > 78, "the title's plate is below the box"
    top = (image[30, 40:100] == (10, 200, 30)).all(axis=1)
    assert 0.4 < top.mean() < 0.95, "strokes and gaps"


def made_run(x: float, name: str, source: SourceIdentity) -> Path:
    recorder = RunRecorder(source)
    for index in range(2):
        recorder.put(index, 1, TrackResult(np.array([x, 10.0, 20, 20]), 0.9))
    return save_run(name, recorder.build())


def test_other_runs_and_the_ghost_are_drawn_from_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("images").mkdir()
    for index in range(2):
        cv2.imwrite(f"images/{index}.png", np.zeros((64, 160, 3), np.uint8))
    source = SourceIdentity("images", str(Path("images").absolute()), size=(160, 64))
    for x, name in ((10, "run.json"), (60, "other.json"), (110, "ghost.json")):
        made_run(x, name, source)
    export = ["export", "--run", "run.json", "--out", "out", "--images", "--progress", "none"]
    assert main([*export, "--overlays", "prediction", "--beside", "9:4=other.json", "--ghost", "ghost.json"]) == 0
    image = cv2.imread("out/000000.png")
    colors = {
        name: int((image == np.array(color)).all(axis=2).sum())
        for name, color in (("ghost", GHOST_COLOR), ("run", RUN_COLORS[3]))
    }
    assert min(colors.values()) > 40, colors
    for arguments, sentence in (
        (["--overlays", "runs"], "name it with --beside"),
        (["--overlays", "ghost"], "name it with --ghost"),
        (["--beside", "none.json"], "none.json"),
    ):
        assert main([*export, *arguments]) == 2 and sentence in capsys.readouterr().err
    made_run(10, "small.json", SourceIdentity("x", size=(8, 8)))
    assert main([*export, "--beside", "small.json"]) == 2 and "another size" in capsys.readouterr().err


def test_the_window_hands_over_what_it_shows(tmp_path: Path) -> None:
    """The visible other run and the ghost, not a run whose eye is closed; the command names their files."""
    session = Session(lambda choice: MatchingTracker())
    session.open(DrawnSource(20), "drawn")
    session.begin(session.seek(0).frame, true_box(0))
    session.is_tracking = True
    for _ in range(6):
        session.read_next()
    session.begin(session.seek(3).frame, true_box(3), 1)  # 4 to 6 become the ghost
    for _ in range(2):
        session.run_again()
    session.runs.activate(1)
    session.runs.show(2, False)
    run_file = str(tmp_path / "run.json")
    save_beside(run_file, session.runs, lambda run: run)
    files = beside_files(run_file)
    name = f"3:{session.runs[3].color + 1}"
    assert sorted(files) == ["0", name], "with the colour that it has in the window"
    options = ExportOptions(IMAGES, "out", 0, 5, overlays=("prediction", "ghost", "runs"))
    command = options.arguments(run_file, files)
    assert command[command.index("--overlays") + 1] == "prediction,ghost,runs"
    assert command[command.index("--ghost") + 1] == files["0"] and f"{name}={files[name]}" in command
    alone = options.arguments(run_file)
    assert alone[alone.index("--overlays") + 1] == "prediction" and "--beside" not in alone
    session.close_source()
