"""`track` on good and on half-good input: what it writes and reports; an end in the middle keeps what was done."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
import torch
from cli_sources import BOX, COUNT, UNHURRIED, draw_image, make_images, make_otb, make_video

from tracker_core.cli import video_pipeline
from tracker_core.cli.main import main
from tracker_core.errors import SourceEnded
from tracker_core.models.light import LightSiamRPN
from tracker_core.results.formats import read_boxes
from tracker_core.sources.image_list import ImageListSource
from tracker_core.types import Timings

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, because results go into runs/ below it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def track(*arguments: str) -> int:
    return main(["track", "--out", "out", "--progress", "none", "--device", "cpu", *arguments])


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def count_images(path: str) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


def names() -> set[str]:
    return {path.name for path in Path("out").iterdir()}


def test_a_video_and_its_boxes(capsys: pytest.CaptureFixture[str]) -> None:
    make_video(Path("clip.mp4"))
    assert track("--source", "clip.mp4", "--box", BOX, "--json", "summary.json") == 0
    assert names() == {"clip.mp4", "clip-boxes.csv", "clip-run.json"}
    assert count_images("out/clip.mp4") == COUNT
    lines = rows("out/clip-boxes.csv")
    assert [int(line["frame"]) for line in lines] == list(range(COUNT))
    assert [float(lines[0][key]) for key in "xywh"] == [10, 20, 24, 20]
    assert abs(float(lines[-1]["x"]) - (10 + COUNT - 1)) < 6, "the target walked one pixel a frame"
    summary = json.loads(Path("summary.json").read_text())
    assert (summary["frames"], summary["interrupted"]) == (COUNT, False)
    assert summary["tracker"] == "siamscope-base"
    assert len(read_boxes("out/clip-run.json")) == COUNT
    said = capsys.readouterr().out
    assert "Tracked 30 frames of clip" in said
    assert "Lost in 0 frames" in said


def test_names_in_square_brackets_are_said_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Downloaded videos are often called `title [id].mp4`; `[/b]` alone once ended the command in a traceback."""
    make_video(Path("clip [abc] :dog:.mp4"), 3)
    arguments = ("--source", "clip [abc] :dog:.mp4", "--box", BOX, "--no-video", "--device", "cpu")
    assert main(["track", *arguments, "--out", "runs[b]/[/b]"]) == 0
    said = capsys.readouterr()
    assert "Tracked 3 frames of clip [abc] :dog:" in said.out and "runs[b]/[/b]/" in said.out
    assert "Tracking clip [abc] :dog:" in said.err


def test_results_go_under_runs_by_default() -> None:
    make_video(Path("clip.mp4"), 3)
    assert main(["track", "--source", "clip.mp4", "--box", BOX, "--no-video", "--progress", "none"]) == 0
    (made,) = Path("runs").iterdir()
    assert made.name == "clip-siamscope-base"


def test_several_targets_and_a_range() -> None:
    make_video(Path("clip.mp4"))
    code = track(
        "--source", "clip.mp4", "--box", "15,20,24,20", "--box", "60,5,20,20", "--frames", "5:12", "--no-video",
        "--format", "otb",
    )  # fmt: skip
    assert code == 0
    assert names() == {"clip-boxes-1.txt", "clip-boxes-2.txt", "clip-run.json"}
    run = read_boxes("out/clip-run.json")
    assert run.frame_indices.tolist() == list(range(5, 12))
    assert len(run.targets) == 2
    assert [[key.index for key in target.key_frames] for target in run.targets] == [[5], [5]]


def test_a_sequence_is_started_and_scored_by_its_truth(capsys: pytest.CaptureFixture[str]) -> None:
    make_otb(Path("Walk"), 8)
    assert track("--source", "Walk", "--init-from-gt", "--no-video", "--json", "s.json") == 0
    (target,) = json.loads(Path("s.json").read_text())["targets"]
    assert target["first_box_xywh"] == [10, 20, 24, 20], "OTB counts from 1"
    assert target["success_auc"] > 0.5
    assert target["precision_20"] == 1
    assert "Success AUC 0." in capsys.readouterr().out


def test_progress_as_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    make_video(Path("clip.mp4"))
    assert track("--source", "clip.mp4", "--box", BOX, "--no-video", "--progress", "json") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {event["event"] for event in events} == {"progress", "result"}
    assert events[-1]["frames"] == COUNT
    assert events[-2]["done"] == COUNT


def test_a_name_with_dots_keeps_its_endings() -> None:
    make_video(Path("take.2.final.mp4"), 4)
    assert track("--source", "take.2.final.mp4", "--box", BOX) == 0
    assert names() == {"take.2.final.mp4", "take.2.final-boxes.csv", "take.2.final-run.json"}


def test_the_source_is_not_overwritten() -> None:
    Path("out").mkdir()
    content = make_video(Path("out/clip.mp4"), 6).read_bytes()
    for _ in range(2):
        assert track("--source", "out/clip.mp4", "--box", BOX) == 0
        assert Path("out/clip.mp4").read_bytes() == content
    assert names() == {"clip.mp4", "clip-tracked.mp4", "clip-boxes.csv", "clip-run.json"}


def test_results_of_another_source_of_the_same_name_stay(capsys: pytest.CaptureFixture[str]) -> None:
    for count, place in ((4, "a"), (5, "b"), (6, "a")):  # the last one is another video in the place of the first
        Path(place).mkdir(exist_ok=True)
        make_video(Path(place, "clip.mp4"), count)
        for _ in range(2):  # of the very same source they are replaced
            assert track("--source", f"{place}/clip.mp4", "--box", BOX, "--no-video") == 0
    assert names() == {f"clip{number}-{kind}" for number in ("", "-2", "-3") for kind in ("boxes.csv", "run.json")}
    assert [len(rows(f"out/clip{number}-boxes.csv")) for number in ("", "-2", "-3")] == [4, 5, 6]
    said = " ".join(capsys.readouterr().err.split())
    assert "'out' holds files of another source of this name; the results are called 'clip-2'." in said


def test_a_video_that_is_no_result_is_not_overwritten() -> None:
    Path("out").mkdir()
    mine = make_video(Path("out/clip.mp4"), 6).read_bytes()
    make_video(Path("clip.mp4"), 3)
    assert track("--source", "clip.mp4", "--box", BOX) == 0
    assert Path("out/clip.mp4").read_bytes() == mine and count_images("out/clip-2.mp4") == 3


def test_a_truncated_video_is_used_as_far_as_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    content = make_video(Path("clip.mp4")).read_bytes()
    Path("cut.mp4").write_bytes(content[: len(content) * 3 // 4])
    assert track("--source", "cut.mp4", "--box", BOX, "--json", "s.json") == 0
    out, err = capsys.readouterr()
    decoded = count_images("out/cut.mp4")
    assert 0 < decoded < COUNT
    assert f"'cut.mp4' is cut short: {decoded} frames" in err
    assert f"Tracked {decoded} frames" in out
    assert len(rows("out/cut-boxes.csv")) == decoded
    assert "cut short" in json.loads(Path("s.json").read_text())["warnings"][0]


# what an image on disk may be; each is tracked like the plain one
KINDS: dict[str, Any] = {
    "grey": lambda index, image: image[:, :, 2],
    "alpha": lambda index, image: np.dstack([image, np.full(image.shape[:2], 9, np.uint8)]),
    "sixteen bits": lambda index, image: image.astype(np.uint16) * 257,
    "grey, sixteen bits": lambda index, image: image[:, :, 2].astype(np.uint16) * 257,
}


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_other_kinds(kind: str) -> None:
    make_images(Path("images"), 6, KINDS[kind])
    assert track("--source", "images", "--box", BOX) == 0
    lines = rows("out/images-boxes.csv")
    assert len(lines) == count_images("out/images.mp4") == 6
    assert abs(float(lines[-1]["x"]) - 15) < 5


def test_a_size_that_changes_between_images_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    make_images(Path("images"), 6, lambda index, image: image if index < 3 else draw_image(index, 72, 50))
    assert track("--source", "images", "--box", BOX) == 0
    assert "different sizes" in capsys.readouterr().err
    assert count_images("out/images.mp4") == 6


def test_a_size_that_changes_in_mid_video_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = make_video(Path("a.ts"), 10), make_video(Path("b.ts"), 10, (64, 48))
    Path("clip.ts").write_bytes(first.read_bytes() + second.read_bytes())
    assert track("--source", "clip.ts", "--box", BOX) == 0
    assert "different sizes" in capsys.readouterr().err
    assert len(rows("out/clip-boxes.csv")) == count_images("out/clip.mp4") == 20


def assert_kept(count: int) -> None:
    """What was done up to an error is there, complete."""
    assert names() == {"images.mp4", "images-boxes.csv", "images-run.json"}
    assert len(rows("out/images-boxes.csv")) == count_images("out/images.mp4") == count


def test_gpu_memory_that_runs_out_keeps_what_was_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_images(Path("images"), 8)
    search, calls = LightSiamRPN.search, 0

    def search_some(self: Any, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return search(self, *arguments)

    monkeypatch.setattr(LightSiamRPN, "search", search_some)
    assert track("--source", "images", "--box", BOX, "--runtime", "eager") == 2
    err = capsys.readouterr().err
    assert "Error: The device 'cpu' is out of memory; close other programs that use it" in err
    assert "Traceback" not in err
    assert_kept(5)


def test_a_source_that_disappears_keeps_what_was_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_images(Path("images"), 8)
    read = ImageListSource.read

    def read_some(self: ImageListSource) -> Any:
        if self._position == 6:
            raise SourceEnded("The camera is gone; what was tracked so far is kept.")
        return read(self)

    monkeypatch.setattr(ImageListSource, "read", read_some)
    assert track("--source", "images", "--box", BOX, "--json", "s.json") == 2
    assert "Error: The camera is gone" in capsys.readouterr().err
    assert json.loads(Path("s.json").read_text())["interrupted"] is True
    assert_kept(6)


def test_a_fault_of_the_program_keeps_what_was_done_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    make_images(Path("images"), 8)
    read = ImageListSource.read

    def read_some(self: ImageListSource) -> Any:
        if self._position == 6:
            raise ZeroDivisionError
        return read(self)

    monkeypatch.setattr(ImageListSource, "read", read_some)
    with pytest.raises(ZeroDivisionError):
        track("--source", "images", "--box", BOX)
    assert_kept(6)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole groups of processes")
def test_ctrl_c_keeps_what_was_done(folder: Path) -> None:
    make_video(folder / "long.mp4", 300)
    with subprocess.Popen(
        [sys.executable, "-c", UNHURRIED, "track", "--source", "long.mp4", "--box", BOX, "--out", "out",
         "--progress", "json", "--device", "cpu"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if json.loads(line)["done"] >= 20:
                    break
            process.send_signal(signal.SIGINT)
            rest, err = process.communicate(timeout=240)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    result = json.loads(rest.splitlines()[-1])
    assert result["event"] == "result"
    assert result["interrupted"] is True
    assert names() == {"long.mp4", "long-boxes.csv", "long-run.json"}
    assert 20 <= result["frames"] < 300
    assert len(rows("out/long-boxes.csv")) == result["frames"]
    assert abs(count_images("out/long.mp4") - result["frames"]) <= 1


def test_the_rate_is_that_of_frames_that_pass(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting on the first frame takes as long as it takes; four frames passed in two seconds after it."""
    clock = iter([100.0, 102.0])
    monkeypatch.setattr(video_pipeline, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    pace = video_pipeline.Pace()
    for number in range(5):
        pace.pass_frame()
        if number > 2:  # the results of the others were known
            pace.add(Timings(decode_ms=10.0, crop_ms=1.0, network_ms=38.0, select_ms=1.0), 2)
    pace.finish(None)
    assert pace.frames_per_second == 2.0
    assert pace.stages == pytest.approx({"decode": 100.0, "track": 25.0})
    assert pace.update_ms == [20.0, 20.0], "of one target"
