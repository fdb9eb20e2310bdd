"""Box files as other tools write them, and files that cannot be right: read as they are meant, or refused."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker_core.errors import InputError
from tracker_core.results.formats import read_boxes, write_boxes
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import Run
from tracker_core.types import TrackResult

CSV_HEAD = "frame,time_s,target,label,x,y,w,h,score,state\n"
NAN = math.nan


def read(tmp_path: Path, text: str, fmt: str, name: str = "boxes.txt") -> Run:
    (tmp_path / name).write_text(text)
    return read_boxes(tmp_path / name, fmt)


def lefts(run: Run) -> list[float]:
    """Return the x of the first target in each frame, NaN where it has no box."""
    return [float(box[0]) for box in run.targets[0].boxes_xywh]


@pytest.mark.parametrize(
    ("fmt", "text", "xs"),
    [
        ("otb", "11,1,5,5\n\n13,1,5,5\n", [10, NAN, 12]),  # a blank line is a frame, so that later ones keep theirs
        ("otb", "11,1,5,5\nNaN\n13,1,5,5\n\n\n", [10, NAN, 12]),  # a single NaN; blank lines at the end are no frames
        ("otb", "11,1,5,5\n0,0,0,0\n13,1,5,5\n", [10, NAN, 12]),  # how LaSOT and others say that there is no box
        ("got10k", "10;1;5;5\r\n-1\t-1 -1 -1\r\n12,1,5,5\r\n", [10, NAN, 12]),  # Windows, and every separator
        ("otb", "11,5;1;5;5\n13,25;1;5;5\n", [10.5, 12.25]),  # decimal commas
        ("vot", "1\n10,1,15,1,15,6,10,6\n2\n0\n", [NAN, 10, NAN, NAN]),  # polygons; codes have no box
        ("vot", "1\n\n10,1,5,5\n", [NAN, NAN, 10]),
    ],
)  # fmt: skip
def test_line_and_frame_stay_together(tmp_path: Path, fmt: str, text: str, xs: list[float]) -> None:
    run = read(tmp_path, text, fmt)
    np.testing.assert_array_equal(lefts(run), xs)
    states = run.targets[0].states
    assert [state is None for state in states] == [math.isnan(x) for x in xs]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.txt", "1,1,1,1,5,5,1,-1,-1,-1\n1,1,2,2,5,5,1,-1,-1,-1\n", "target 1 has two boxes in frame 0"),
        ("a.txt", "1,-1,1,1,5,5,1,-1,-1,-1\n", "there is a target -1"),  # a detector's: nobody knows whose box it is
        ("a.txt", "0,1,1,1,5,5,1,-1,-1,-1\n", "frames count from 0, in MOT from 1"),
        ("a.csv", CSV_HEAD + "1,0,1,,1,2,3,4,.5,tracking\n1,0,1,,9,2,3,4,.5,tracking\n", "two boxes in frame 1"),
        ("a.csv", CSV_HEAD + "1,0,1,,1,2\n", "target 1 in frame 1 is not four finite numbers"),  # a cut line
        ("a.csv", CSV_HEAD + "1,0,1,,1,2,inf,4,.5,tracking\n", "not four finite numbers"),
        ("a.csv", CSV_HEAD + "-1,0,1,,1,2,3,4,.5,tracking\n", "frames count from 0"),
        ("o.otb", "1,1,inf,5\n", "line 1 has a box that is not four finite numbers"),
        ("o.otb", "1,1,5,5\n1\n", "line 2 has 1 numbers instead of 4"),  # a code of VOT's is no line of OTB's
        ("v.vot", "1\n1,1,5\n", "Line 2 of .* has 3 numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_one_sentence(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    fmt = {".txt": "mot", ".csv": "csv"}.get(Path(name).suffix, Path(name).suffix[1:])
    with pytest.raises(InputError, match=sentence) as raised:
        read(tmp_path, text, fmt, name)
    assert "\n" not in str(raised.value)


def coco(annotations: list[dict[str, Any]], videos: tuple[int, int] = (1, 1)) -> str:
    images = [
        {"id": number, "file_name": f"frame_{number - 1:06d}.PNG", "width": 64, "height": 48, "video_id": video}
        for number, video in enumerate(videos, 1)
    ]
    category = {"id": 1, "name": "car"}
    entries = [{"id": place, "category_id": 1, **entry} for place, entry in enumerate(annotations, 1)]
    return json.dumps({"images": images, "categories": [category], "annotations": entries})


def test_coco_of_cvat_has_the_track_among_the_attributes(tmp_path: Path) -> None:
    tracks = [
        {"image_id": i, "bbox": [10 * t + i, 5, 9, 9], "attributes": {"track_id": t}} for i in (1, 2) for t in (0, 1)
    ]
    run = read(tmp_path, coco(tracks), "coco", "a.json")
    assert [(target.number, target.name) for target in run.targets] == [(1, "car"), (2, "car")], "CVAT counts from 0"
    assert [target.boxes_xywh[:, 0].tolist() for target in run.targets] == [[1, 2], [11, 12]]


def test_coco_of_several_objects_without_tracks_is_refused(tmp_path: Path) -> None:
    """They would be one target with the last object's box."""
    boxes = [{"image_id": 1, "bbox": [x, 5, 9, 9]} for x in (10, 30)]
    with pytest.raises(InputError, match="two boxes in frame 0"):
        read(tmp_path, coco(boxes), "coco", "a.json")
    with pytest.raises(InputError, match="images of 2 videos"):
        read(tmp_path, coco(boxes[:1], videos=(1, 2)), "coco", "a.json")


def test_mot_of_tools_that_count_objects_from_zero(tmp_path: Path) -> None:
    run = read(tmp_path, "1,0,11,1,5,5,.5,-1,-1,-1\n1,3,31,1,5,5,.5,-1,-1,-1\n", "mot")
    assert [(target.number, float(target.boxes_xywh[0, 0])) for target in run.targets] == [(1, 10), (4, 30)]


def two_targets(frame_count: int | None) -> Run:
    recorder = RunRecorder(SourceIdentity("walk", size=(96, 64), frame_count=frame_count))
    for number in (3, 5):
        recorder.target(number).name = "red\vcar"  # a vertical tab, as office programs paste it; XML knows none
        for index in (0, 1):
            recorder.put(index, number, TrackResult(np.array([number, 1.0, 8.0, 9.0]), 0.5))
    return recorder.build()


def test_cvat_keeps_the_numbers_of_targets_and_takes_any_name(tmp_path: Path) -> None:
    path, *_ = write_boxes(tmp_path / "a", "cvat", two_targets(2))
    assert [(target.number, target.name) for target in read_boxes(path).targets] == [(3, "red car"), (5, "red car")]


@pytest.mark.parametrize(("frame_count", "last"), [(2, 1), (3, 2), (None, 2)])
def test_cvat_speaks_of_no_frame_that_is_not_there(tmp_path: Path, frame_count: int | None, last: int) -> None:
    """CVAT refuses a file with a frame beyond the task's ("Unknown internal frame id")."""
    path, *_ = write_boxes(tmp_path / "a", "cvat", two_targets(frame_count))
    assert max(int(box.attrib["frame"]) for box in ElementTree.parse(path).getroot().iter("box")) == last


def cvat(inner: str) -> str:
    return f"<annotations><version>1.1</version>{inner}</annotations>"


def test_cvat_turned_boxes_become_the_upright_ones_around_them(tmp_path: Path) -> None:
    box = '<box frame="0" outside="0" occluded="0" keyframe="1" rotation="90" xtl="10" ytl="20" xbr="30" ybr="30"/>'
    run = read(tmp_path, cvat(f'<track id="0" label="car">{box}</track>'), "cvat", "a.xml")
    assert run.targets[0].number == 1
    np.testing.assert_allclose(run.targets[0].boxes_xywh[0], [15, 15, 10, 20], atol=1e-9)


def test_cvat_shapes_that_are_no_tracks_of_boxes_are_refused(tmp_path: Path) -> None:
    image = '<image id="0" name="a.png"><box label="car" xtl="1" ytl="2" xbr="3" ybr="4"/></image>'
    with pytest.raises(InputError, match="CVAT for video"):
        read(tmp_path, cvat(image), "cvat", "a.xml")
    polygon = '<track id="1" label="cat"><polygon frame="0" points="1,2;3,4;5,6" outside="0"/></track>'
    with pytest.raises(InputError, match="track of 'cat' holds no boxes"):
        read(tmp_path, cvat(polygon), "cvat", "a.xml")


def test_a_start_without_its_box_can_be_saved(tmp_path: Path) -> None:
    run = read(tmp_path, "1\n10,1,5,5\n", "vot")
    path, *_ = write_boxes(tmp_path / "run", "json", run)
    (key,) = read_boxes(path).targets[0].key_frames
    assert key.index == 0 and np.isnan(key.box_xywh).all()


# the lines of a MOT Challenge file, its name, and which targets are in which frames (from 0)
@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        # a ground truth: target 2 is a person on a poster, and the last box of target 1 does not count either
        (
            "1,1,11,1,5,5,1,1,1\n1,2,31,1,5,5,0,8,1\n2,1,12,1,5,5,1,1,.2\n3,1,13,1,5,5,0,1,1\n",
            "a.txt",
            {1: [0, 1]},
        ),
        # that of MOT15 has ten numbers
        ("1,1,11,1,5,5,1,-1,-1,-1\n1,2,31,1,5,5,0,-1,-1,-1\n", "gt.txt", {1: [0]}),
        # results, where 0 is a score
        ("1,1,11,1,5,5,1,-1,-1,-1\n1,2,31,1,5,5,0,-1,-1,-1\n", "a.txt", {1: [0], 2: [0]}),
    ],
)
def test_boxes_of_a_mot_ground_truth_that_do_not_count_are_left_out(tmp_path, text, name, expected) -> None:
    path = tmp_path / name
    path.write_text(text)
    run = read_boxes(path, "mot")
    assert {t.number: run.frame_indices[t.has_box].tolist() for t in run.targets} == expected


def test_a_mot_ground_truth_in_which_nothing_counts_is_one_sentence(tmp_path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,1,11,1,5,5,0,8,1\n")
    with pytest.raises(InputError, match="not to be counted"):
        read_boxes(path, "mot")


def test_names_of_an_earlier_file_are_not_those_of_the_one_that_replaces_it(tmp_path) -> None:
    path = tmp_path / "boxes.txt"
    path.write_text("1,1,11,1,5,5,1,-1,-1,-1\n")
    run = read_boxes(path, "mot")
    named = replace(run, targets=(replace(run.targets[0], name="Anna"),))
    assert len(write_boxes(path, "mot", named)) == 2 and read_boxes(path, "mot").targets[0].name == "Anna"
    assert write_boxes(path, "mot", run) == [path]
    assert read_boxes(path, "mot").targets[0].name == "" and [p.name for p in tmp_path.iterdir()] == ["boxes.txt"]
