"""Folders whose images have different sizes: every file says the size of the image that it speaks of."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_sources import draw_image

from tracker_core.cli.main import main
from tracker_core.results.formats import read_boxes, write_boxes
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import Run
from tracker_core.results.run_file import load_run
from tracker_core.results.unfinished import RunJournal, parse_unfinished

SIZES = {1: (96, 64), 2: (96, 64), 3: (160, 64), 4: (160, 120), 5: (80, 64), 6: (96, 64)}  # by number in the name


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run over images of five sizes, tracked on the command line."""
    monkeypatch.chdir(tmp_path)
    Path("images").mkdir()
    for number, size in SIZES.items():
        assert cv2.imwrite(f"images/{number:04d}.png", draw_image(number - 1, *size))
    assert track("--box", "10,20,24,20") == 0
    return load_run("out/images-run.json")


def track(*arguments: str) -> int:
    how = ["--no-video", "--progress", "none", "--device", "cpu", "--tracker", "siamscope-light"]
    return main(["track", "--source", "images", "--out", "out", *how, *arguments])


def sizes_on_disk() -> dict[str, tuple[int, int]]:
    shapes = {path.name: cv2.imread(str(path)).shape for path in Path("images").iterdir()}
    return {name: (width, height) for name, (height, width, _) in shapes.items()}


def test_coco_has_the_size_of_each_image(run: Run) -> None:
    write_boxes("boxes.json", "coco", run)
    images = json.loads(Path("boxes.json").read_text())["images"]
    assert {image["file_name"]: (image["width"], image["height"]) for image in images} == sizes_on_disk()


def test_a_part_has_the_sizes_of_its_own_images(run: Run) -> None:
    """And is still known to be of that source, though none of its images has the size of the source's first."""
    write_boxes("boxes.json", "coco", run.select(2, 4))
    data = json.loads(Path("boxes.json").read_text())
    assert [(image["width"], image["height"]) for image in data["images"]] == [SIZES[3], SIZES[4], SIZES[5]]
    assert read_boxes("boxes.json").source.size == SIZES[1]


@pytest.mark.parametrize("fmt", ["json", "coco"])
def test_the_sizes_come_back(run: Run, fmt: str) -> None:
    write_boxes("boxes.json", fmt, run)
    back = read_boxes("boxes.json", fmt)
    assert [back.size_at(index) for index in range(6)] == [*SIZES.values()]


def test_a_crash_does_not_cost_the_sizes(run: Run) -> None:
    recorder = RunRecorder.from_run(run)
    with RunJournal(Path("whole.jsonl"), recorder):
        pass  # a line for each result
    with RunJournal(Path("blocks.jsonl"), RunRecorder(run.source)) as journal:
        journal.update(recorder)  # a change, with its results in blocks
    for name in ("whole.jsonl", "blocks.jsonl"):
        found = parse_unfinished(Path(name).read_text()).build()
        assert [found.size_at(index) for index in range(6)] == [*SIZES.values()], name


def test_what_is_moved_to_another_run_keeps_its_sizes(run: Run) -> None:
    recorder, ghost = RunRecorder.from_run(run), RunRecorder(run.source)
    recorder.move(ghost, 1, 2)
    assert [ghost.build().size_at(index) for index in range(2, 6)] == [SIZES[number] for number in range(3, 7)]


def test_a_box_may_lie_anywhere_in_the_image_that_it_is_drawn_in(run: Run) -> None:
    """Image 3 is 64 pixels wider than the first: a box there was refused as outside."""
    assert track("--box", "120,20,24,20", "--frames", "2:4", "--format", "csv") == 0
    found = read_boxes("out/images-boxes.csv")
    np.testing.assert_allclose(found.targets[0].boxes_xywh[0], [120, 20, 24, 20])


def test_a_box_outside_the_image_that_it_is_drawn_in_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Image 5 is 80 pixels wide, the first 96."""
    assert track("--box", "84,20,10,20", "--frames", "4:6") == 2
    assert "80x64" in capsys.readouterr().err.replace("×", "x")
