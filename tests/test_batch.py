"""A batch tracks every video it can, says what is wrong with the others, and does nothing twice."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cli_sources import make_images, make_otb, make_video

from tracker_core.batch.box_table import FirstBox, match_boxes, read_boxes_beside, read_first_boxes, write_first_boxes
from tracker_core.batch.clips import Clip, find_clips
from tracker_core.batch.plan import plan_batch
from tracker_core.cli import batch_video
from tracker_core.cli.console import Reporter
from tracker_core.cli.main import main
from tracker_core.errors import InputError
from tracker_core.results.run import BoxOrigin
from tracker_core.results.run_file import load_run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to stand in, because results go into runs/ below it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # which `batch` sets for its process
    threads = torch.get_num_threads()
    yield tmp_path
    torch.set_num_threads(threads)


def clips_called(*names: str) -> list[Clip]:
    return [Clip(name, Path("videos") / name) for name in names]


def plain(boxes: list[FirstBox]) -> list[tuple[Any, ...]]:
    return [(box.name, box.box_xywh.tolist(), box.frame, box.target) for box in boxes]


ONE = [("a.mp4", [1.0, 2.0, 30.5, 40.0], 0, "")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name,x,y,w,h\na.mp4,1,2,30.5,40\n", ONE),
        ("a.mp4,1,2,30.5,40\n", ONE),  # without a line of names
        ("\ufeffvideo;left;top;width;height\r\na.mp4;1;2;30,5;40\r\n\r\n", ONE),  # a spreadsheet's, with decimal commas
        ("h\tw\ty\tx\tname\n40\t30.5\t2\t1\ta.mp4\n", ONE),  # any order
        ('"a, b.mp4",1,2,3,4,7,"the ""red"" one"\n', [("a, b.mp4", [1.0, 2.0, 3.0, 4.0], 7, 'the "red" one')]),
        ("# mine\na.mp4,1,2,30.5,40\n", ONE),
        ('{"a.mp4": [1, 2, 30.5, 40]}', ONE),
        ('[{"name": "a.mp4", "x": 1, "y": 2, "w": 30.5, "h": 40}]', ONE),
        (
            '{"a.mp4": [[1, 2, 3, 4], {"box": [5, 6, 7, 8], "frame": 9, "target": "dog"}]}',
            [("a.mp4", [1.0, 2.0, 3.0, 4.0], 0, ""), ("a.mp4", [5.0, 6.0, 7.0, 8.0], 9, "dog")],
        ),
    ],
)
def test_first_boxes_are_read_in_every_form(text: str, expected: list[tuple[Any, ...]]) -> None:
    Path("boxes").write_text(text, encoding="utf-8", newline="")
    boxes = read_first_boxes("boxes")
    assert plain(boxes) == expected
    write_first_boxes("again.csv", boxes)
    assert plain(read_first_boxes("again.csv")) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,x,y,w,h\na.mp4,1,2,three,4\n", r"line 2: w is 'three', which is not a number"),
        ("a.mp4,1,2,3,nan\n", r"line 1: h is 'nan'"),
        ("a.mp4,1,2,3\n", r"h is '', which is not a number"),
        ("name,x,y\na,1,2\n", r"columns w, h are missing"),
        (",1,2,3,4\n", r"name of the video is missing"),
        ("a.mp4,1,2,3,4,-5\n", r"'a.mp4' has the frame -5"),
        ("name,x,y,w,h\n", r"holds no box"),
        ("", r"holds no box"),
        ('{"a": [1, 2]}', r"is not a box"),
        ("[1, 2]", r"mappings"),
        ('{"a": ', r"cannot be used"),
    ],
)
def test_boxes_that_cannot_be_used_are_refused_in_one_sentence(text: str, sentence: str) -> None:
    Path("boxes").write_text(text)
    with pytest.raises(InputError, match=sentence) as raised:
        read_first_boxes("boxes")
    assert "'boxes'" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("day/a.mp4", "day/a.mp4"),
        ("a.mp4", "day/a.mp4"),
        ("a", "day/a.mp4"),
        ("DAY\\A", "day/a.mp4"),  # written on Windows
        ("b.avi", "b.avi"),
        ("b", "may be 'b.avi' and 'b.mp4'"),  # two videos of the name
        ("c", "There is no video 'c'"),
    ],
)
def test_a_box_finds_its_video(name: str, found: str) -> None:
    by_clip, problems = match_boxes([FirstBox(name, np.ones(4))], clips_called("b.avi", "b.mp4", "day/a.mp4"))
    assert list(by_clip) == [found] if not problems else found in problems[name]


def test_a_folder_is_searched_for_what_can_be_tracked() -> None:
    for name in ("b.MP4", "a.mkv", ".hidden.mp4", "notes.txt", "day/a.mkv", "out/a.mp4", "old/x.mp4"):
        Path("videos", name).parent.mkdir(parents=True, exist_ok=True)
        Path("videos", name).touch()
    Path("videos/old/batch-summary.json").touch()
    make_images(Path("videos/images"), 2)
    make_otb(Path("videos/Deer"), 2)
    clips = find_clips("videos", [Path("videos/out")])
    assert [clip.name for clip in clips] == ["a.mkv", "b.MP4", "day/a.mkv", "Deer", "images"]
    outputs = [task.output for task in plan_batch(clips, [])]
    assert outputs == ["a", "b", "day_a", "Deer", "images"]
    for place, sentence in (("videos/Deer", "one sequence"), ("videos/images", "folder of images"), ("no", "not a")):
        with pytest.raises(InputError, match=sentence):
            find_clips(place)


def test_results_of_like_names_do_not_meet() -> None:
    clips = clips_called("A.mp4", "a.avi", "a_b.mp4", "a/b.mp4", "c.mp4")
    outputs = [task.output for task in plan_batch(clips, [])]
    assert outputs == ["A-mp4", "a-avi", "a_b-mp4", "a_b-mp4-2", "c"]


def test_targets_of_one_video_start_together_or_in_runs_of_their_own() -> None:
    boxes = [FirstBox("a", np.full(4, value), frame) for value, frame in ((5.0, 0), (6.0, 0), (7.0, 40))]
    tasks = plan_batch(clips_called("a.mp4"), boxes)
    assert [(task.output, task.frame, len(task.boxes)) for task in tasks] == [("a-0", 0, 2), ("a-40", 40, 1)]


def test_a_start_frame_and_a_number_in_a_name_are_told_apart() -> None:
    """One of the two was never tracked, and stood in the table under the other's results."""
    boxes = [FirstBox(name, np.ones(4), frame) for name, frame in (("a", 0), ("a", 40), ("a-40", 0), ("b.avi", 0))]
    tasks = plan_batch(clips_called("a-40.mp4", "a.mp4", "b.mp4"), boxes)
    assert [(task.name, task.frame, task.output) for task in tasks] == [
        ("a-40.mp4", 0, "a-40"), ("a.mp4", 0, "a-0"), ("a.mp4", 40, "a-40-2"), ("b.mp4", 0, "b"), ("b.avi", 0, "b-2"),
    ]  # fmt: skip


def test_boxes_beside_their_videos() -> None:
    clips = clips_called("a.mp4", "b.mp4", "c.mp4")
    Path("videos").mkdir()
    Path("videos/a.txt").write_text("1 2 3 4\n9 9 9 9\n")  # a ground truth: its first line
    Path("videos/b.mp4.json").write_text("[[1, 2, 3, 4], [5, 6, 7, 8]]")
    assert [(box.name, box.box_xywh[0]) for box in read_boxes_beside(clips)] == [
        ("a.mp4", 1.0), ("b.mp4", 1.0), ("b.mp4", 5.0),
    ]  # fmt: skip


def batch(*arguments: str) -> int:
    given = ["batch", "videos", "--out", "out", "--progress", "none", "--device", "cpu", "--jobs", "1", *arguments]
    return main(given)


def summary() -> dict[str, dict[str, Any]]:
    return {entry["output"]: entry for entry in json.loads(Path("out/batch-summary.json").read_text())["videos"]}


def test_failures_are_told_and_the_rest_is_tracked(capsys: pytest.CaptureFixture[str]) -> None:
    Path("videos").mkdir()
    for name in ("good.mp4", "twins.mp4", "outside.mp4", "unmarked.mp4"):
        make_video(Path("videos", name), 8)
    Path("videos/broken.mp4").write_bytes(b"not a video at all")
    Path("videos/boxes.csv").write_text(
        "name,x,y,w,h,frame,target\nbroken,1,2,30,30\ngood,10,20,24,20\noutside,500,20,24,20\n"
        "twins,12,20,24,20,2,a\ntwins,50,10,20,20,2,b\nghost,1,1,9,9\n"
    )
    assert batch() == 1
    said = capsys.readouterr()
    found = summary()
    assert {name: entry["status"] for name, entry in found.items()} == {
        "broken": "failed", "good": "tracked", "outside": "failed", "twins": "tracked", "unmarked": "failed",
        "ghost": "failed",
    }  # fmt: skip
    assert "lies outside" in found["outside"]["error"] and "no first box" in found["unmarked"]["error"]
    assert "There is no video 'ghost'" in said.err and "broken.mp4" in said.err
    run = load_run("out/twins-run.json")
    assert [target.name for target in run.targets] == ["a", "b"]
    assert run.frame_indices.tolist() == list(range(2, 8))
    assert run.targets[0].key_frames[0].by is BoxOrigin.FILE
    assert Path("out/good.mp4").is_file() and Path("out/good-boxes.csv").is_file()
    with Path("out/batch-summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["target"], row["label"]) for row in rows if row["name"] == "twins.mp4"] == [
        ("twins.mp4", "1", "a"), ("twins.mp4", "2", "b"),
    ]  # fmt: skip


def test_what_is_finished_is_not_tracked_again_unless_something_changed() -> None:
    Path("videos").mkdir()
    make_otb(Path("videos/Deer"), 6)
    make_video(Path("videos/good.mp4"), 6)
    Path("videos/good.txt").write_text("10,20,24,20")
    assert batch("--no-video", "--init-from-gt") == 0
    assert summary()["Deer"]["targets"][0]["success_auc"] > 0.5
    written = Path("out/good-run.json").stat().st_mtime_ns

    def statuses(*arguments: str) -> dict[str, str]:
        assert batch("--no-video", "--init-from-gt", *arguments) == 0
        return {name: entry["status"] for name, entry in summary().items()}

    assert statuses() == {"Deer": "present", "good": "present"}
    assert Path("out/good-run.json").stat().st_mtime_ns == written
    Path("videos/good.txt").write_text("11,20,24,20")  # another box
    assert statuses() == {"Deer": "present", "good": "tracked"}
    Path("out/Deer-run.json").unlink()  # a result that is gone
    assert statuses() == {"Deer": "tracked", "good": "present"}
    assert statuses("tracking.window_influence=0.2") == {"Deer": "tracked", "good": "tracked"}  # another tracker
    assert statuses("tracking.window_influence=0.2", "--again") == {"Deer": "tracked", "good": "tracked"}


def test_another_folder_of_the_same_name_has_results_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    for place, count in (("a", 3), ("b", 4), ("a", 3)):
        Path(place, "videos").mkdir(parents=True, exist_ok=True)
        make_video(Path(place, "videos", "one.mp4"), count)
        Path(place, "videos", "boxes.csv").write_text("one.mp4,15,20,24,20\n")
        assert main(["batch", f"{place}/videos", "--no-video", "--progress", "none", "--jobs", "1"]) == 0
    assert {path.name: len(load_run(path / "one-run.json")) for path in Path("runs").iterdir()} == {
        "videos-siamscope-base": 3,
        "videos-siamscope-base-2": 4,
    }
    given = ["--out", "runs/videos-siamscope-base", "--no-video", "--progress", "none", "--jobs", "1"]
    assert main(["batch", "b/videos", *given]) == 2
    assert "results of a batch of other videos" in " ".join(capsys.readouterr().err.split())
    assert len(load_run("runs/videos-siamscope-base/one-run.json")) == 3


def test_ctrl_c_keeps_what_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("videos").mkdir()
    for name in ("a", "b", "c"):
        make_video(Path(f"videos/{name}.mp4"), 6)
        Path(f"videos/{name}.txt").write_text("10,20,24,20")
    opened = batch_video.open_source

    def stop_at_b(path: Path) -> Any:
        if path.stem == "b":
            raise KeyboardInterrupt
        return opened(path)

    with monkeypatch.context() as patch:
        patch.setattr(batch_video, "open_source", stop_at_b)
        assert batch("--no-video") == 130
    assert {name: entry["status"] for name, entry in summary().items()} == {"a": "tracked", "b": "stopped"}
    assert batch("--no-video") == 0
    assert [entry["status"] for entry in summary().values()] == ["present", "tracked", "tracked"]


def test_several_at_a_time_give_what_one_at_a_time_gives(capsys: pytest.CaptureFixture[str]) -> None:
    Path("videos").mkdir()
    for name in ("a", "b", "c"):
        make_video(Path(f"videos/{name}.mp4"), 8)
        Path(f"videos/{name}.txt").write_text("10,20,24,20")
    Path("videos/broken.mp4").write_bytes(b"not a video at all")
    Path("videos/broken.txt").write_text("10,20,24,20")
    assert main(["batch", "videos", "--device", "cpu", "--jobs", "2", "--out", "two", "--progress", "json"]) == 1
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [event for event in events if event["event"] == "video"]
    assert [event["done"] for event in told] == [1, 2, 3, 4] and {event["total"] for event in told} == {4}
    assert {event["name"]: event["status"] for event in told} == {
        "a.mp4": "tracked", "b.mp4": "tracked", "c.mp4": "tracked", "broken.mp4": "failed",
    }  # fmt: skip
    assert batch() == 1
    for name in ("a", "b", "c"):
        one, two = (load_run(f"{out}/{name}-run.json") for out in ("out", "two"))
        np.testing.assert_array_equal(one.targets[0].boxes_xywh, two.targets[0].boxes_xywh)
        np.testing.assert_array_equal(one.targets[0].scores, two.targets[0].scores)
        assert Path(f"two/{name}.mp4").stat().st_size == pytest.approx(Path(f"out/{name}.mp4").stat().st_size, rel=0.1)
    order = [entry["name"] for entry in json.loads(Path("two/batch-summary.json").read_text())["videos"]]
    assert order == ["a.mp4", "b.mp4", "broken.mp4", "c.mp4"], "as listed, whichever was finished first"


def test_a_video_that_was_stopped_is_continued(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was tracked of it is saved, and not tracked again; the result is that of an uninterrupted call."""
    Path("videos").mkdir()
    make_video(Path("videos/a.mp4"), 20)
    Path("videos/a.txt").write_text("10,20,24,20")
    advance = Reporter.advance

    def stop_at_12(reporter: Reporter, steps: int = 1) -> None:
        advance(reporter, steps)
        if reporter.done == 12:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Reporter, "advance", stop_at_12)
        assert batch("--no-video") == 130
    assert summary()["a"]["status"] == "stopped" and len(load_run("out/a-run.json")) == 12
    assert batch("--no-video") == 0
    assert "continued after frame 11" in " ".join(summary()["a"]["notes"])
    assert main(["batch", "videos", "--device", "cpu", "--jobs", "1", "--out", "whole", "--no-video"]) == 0
    one, two = (load_run(f"{out}/a-run.json") for out in ("out", "whole"))
    np.testing.assert_array_equal(one.targets[0].boxes_xywh, two.targets[0].boxes_xywh)
    assert not list(Path("out").glob("*.jsonl"))


def test_no_box_at_all_is_said_before_anything_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    Path("videos").mkdir()
    make_video(Path("videos/a.mp4"), 2)
    assert batch() == 2
    assert "has a first box" in capsys.readouterr().err and not Path("out").exists()


def test_the_list_tells_what_would_be_tracked(capsys: pytest.CaptureFixture[str]) -> None:
    Path("videos").mkdir()
    for name in ("a", "b"):
        make_video(Path(f"videos/{name}.mp4"), 2)
    Path("videos/a.txt").write_text("10,20,24,20.5")
    assert main(["batch", "videos", "--list", "--progress", "json"]) == 1
    first, second = json.loads(capsys.readouterr().out)["videos"]
    assert first["boxes"] == [{"box": [10.0, 20.0, 24.0, 20.5], "target": ""}] and not first["problem"]
    assert second["boxes"] == [] and "no first box" in second["problem"] and second["path"].endswith("b.mp4")
    assert main(["batch", "videos", "--list"]) == 1
    said = capsys.readouterr().out
    assert "10, 20, 24, 20.5" in said and "There is no first box for 'b.mp4'" in said
    assert not Path("runs").exists()
