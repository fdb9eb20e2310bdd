"""Visible, occluded, outside, and which way a box was come by: in the formats that have a place for it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from tracker_core.errors import InputError
from tracker_core.results.formats import read_boxes, write_boxes
from tracker_core.results.provenance import Producer, SourceIdentity
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import Run
from tracker_core.results.run_data import run_from_data, run_to_data
from tracker_core.results.unfinished import RunJournal, parse_unfinished
from tracker_core.results.visibility import Visibility
from tracker_core.types import ResultOrigin, TrackingState, TrackResult

TRACKED, WEAK, LOST = TrackingState.TRACKING, TrackingState.UNCERTAIN, TrackingState.LOST
VISIBLE, OCCLUDED, OUTSIDE = Visibility.VISIBLE, Visibility.OCCLUDED, Visibility.OUTSIDE
FILES = {"csv": "a.csv", "coco": "a.json", "cvat": "a.xml", "json": "a.json"}


def make_recorder() -> RunRecorder:
    """Six frames of 100x80: the states' own visibility in 0 to 2, a person's word against it in 3 to 5."""
    recorder = RunRecorder(SourceIdentity("clip", size=(100, 80), frame_count=6), Producer("t"))
    ways = [ResultOrigin.TRACKED] * 2 + [ResultOrigin.BACKWARDS] * 2 + [ResultOrigin.FILLED] * 2
    for index, state in enumerate([TRACKED, WEAK, LOST, TRACKED, TRACKED, LOST]):
        box = np.array([10.25 + index, 20.5, 30.0, 16.0])
        recorder.put(index, 1, TrackResult(box, 0.5, state, origin=ways[index]))
    recorder.target(1).name = 'the "red" <car> & more'
    recorder.target(1).marks = {3: OCCLUDED, 4: OUTSIDE, 5: VISIBLE}
    return recorder


def make_run() -> Run:
    return make_recorder().build()


def seen(run: Run) -> list[Visibility | None]:
    return [run.visibility_at(index) for index in range(6)]


def test_the_state_decides_unless_a_person_did() -> None:
    assert seen(make_run()) == [VISIBLE, OCCLUDED, OUTSIDE, OCCLUDED, OUTSIDE, VISIBLE]
    assert make_run().visibility_at(6) is None and make_run().visibility_at(0, number=2) is None


@pytest.mark.parametrize("fmt", FILES)
def test_formats_with_states_bring_everything_back(tmp_path: Path, fmt: str) -> None:
    run = make_run()
    path, *_ = write_boxes(tmp_path / FILES[fmt], fmt, run)
    back = read_boxes(path)  # each is recognised by its ending
    assert seen(back) == seen(run)
    assert dict(back.targets[0].marks) == dict(run.targets[0].marks), "what follows from a state is not a mark"
    assert back.targets[0].origins == run.targets[0].origins
    assert back.targets[0].states == run.targets[0].states and back.targets[0].name == run.targets[0].name
    np.testing.assert_allclose(back.targets[0].boxes_xywh, run.targets[0].boxes_xywh, atol=1e-4)


def test_a_mot_ground_truth_leaves_out_what_is_outside(tmp_path: Path) -> None:
    path, *_ = write_boxes(tmp_path / "gt", "mot-gt", make_run())
    rows = [line.split(",") for line in path.read_text().splitlines()]
    # frame, id, left, top, width, height, counted, class, visibility
    assert [(row[0], *row[6:]) for row in rows] == [
        ("1", "1", "1", "1"),
        ("2", "1", "1", "0"),
        ("4", "1", "1", "0"),
        ("6", "1", "1", "1"),
    ]
    back = read_boxes(path, "mot")
    assert [back.visibility_at(index) for index in (0, 1, 3, 5)] == [VISIBLE, OCCLUDED, OCCLUDED, VISIBLE]
    assert np.isnan(back.targets[0].scores).all(), "the seventh number of a ground truth is not a score"


def test_lasot_has_a_file_for_each_flag(tmp_path: Path) -> None:
    path, covered, outside = write_boxes(tmp_path / "car", "lasot", make_run())
    assert (covered.name, covered.read_text()) == ("car_full_occlusion.txt", "0,1,0,1,0,0\n")
    assert (outside.name, outside.read_text()) == ("car_out_of_view.txt", "0,0,1,0,1,0\n")
    assert path.read_text().startswith("11.2500,21.5000,30.0000,16.0000\n")
    assert seen(read_boxes(path, "lasot")) == seen(make_run())


def test_vot_tags_only_what_was_marked(tmp_path: Path) -> None:
    *_, tag = write_boxes(tmp_path / "car", "vot", make_run())
    assert (tag.name, tag.read_text()) == ("car_occlusion.tag", "0\n1\n1\n1\n1\n0\n")
    recorder = make_recorder()
    recorder.target(1).marks.clear()
    assert len(write_boxes(tmp_path / "other", "vot", recorder.build())) == 2


def test_cvat_ends_a_track_where_its_boxes_end(tmp_path: Path) -> None:
    recorder = make_recorder()
    recorder.drop(1, 2, 4)
    path, *_ = write_boxes(tmp_path / "a", "cvat", recorder.build())
    boxes = list(ElementTree.parse(path).getroot().iter("box"))
    facts = [(int(box.attrib["frame"]), box.get("outside"), box.get("occluded")) for box in boxes]
    # outside in 2, after the boxes of 0 and 1; the last frame of the source is 5
    assert facts == [(0, "0", "0"), (1, "0", "1"), (2, "1", "0"), (4, "1", "0"), (5, "0", "0")]
    assert [boxes[0].get(corner) for corner in ("xtl", "ytl", "xbr", "ybr")] == [
        "10.2500",
        "20.5000",
        "40.2500",
        "36.5000",
    ]
    assert list(read_boxes(path).frame_indices) == [0, 1, 4, 5]


def test_what_cvat_exports_is_read(tmp_path: Path) -> None:
    """Tracks of several labels, boxes that it interpolated, no attributes of ours, and a still shape between."""
    box = '<box frame="{}" outside="{}" occluded="{}" keyframe="{}" xtl="1" ytl="2" xbr="11" ybr="22.5" z_order="0"/>'
    boxes = "".join(box.format(*facts) for facts in [(4, 0, 0, 1), (5, 0, 0, 0), (6, 0, 1, 1), (7, 1, 0, 1)])
    text = f"""<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><job>
        <original_size><width>64</width><height>48</height></original_size></job></meta>
        <track id="7" label="dog">{boxes}</track></annotations>"""
    (tmp_path / "annotations.xml").write_text(text)
    run = read_boxes(tmp_path / "annotations.xml")
    assert (list(run.frame_indices), run.source.size, run.targets[0].name) == ([4, 5, 6], (64, 48), "dog")
    assert run.targets[0].boxes_xywh[0].tolist() == [1, 2, 10, 20.5]
    assert [run.visibility_at(index) for index in (4, 5, 6, 7)] == [VISIBLE, VISIBLE, OCCLUDED, None]
    assert run.targets[0].origin(1) is ResultOrigin.FILLED


@pytest.mark.parametrize(
    "text", ["<annotations>", "<other/>", '<annotations><track><box frame="1"/></track></annotations>']
)
def test_other_xml_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(InputError, match=r"a\.xml' is not a box file in the format 'cvat'"):
        read_boxes(tmp_path / "a.xml")


def test_other_tools_coco_says_occluded_alone(tmp_path: Path) -> None:
    path, *_ = write_boxes(tmp_path / "a.json", "coco", make_run())
    data = json.loads(path.read_text())
    for entry in data["annotations"]:
        entry["attributes"] = {"occluded": entry["id"] == 2}
    path.write_text(json.dumps(data))
    assert dict(read_boxes(path).targets[0].marks) == {1: OCCLUDED}


def test_runs_select_and_continue_with_their_marks() -> None:
    run = make_run()
    part = run.select(3, 4)
    assert dict(part.targets[0].marks) == {3: OCCLUDED, 4: OUTSIDE}
    assert part.targets[0].origins == (ResultOrigin.BACKWARDS, ResultOrigin.FILLED)
    assert run_to_data(RunRecorder.from_run(run).build()) == run_to_data(run)
    assert run_to_data(run_from_data(run_to_data(run))) == run_to_data(run)


def test_an_unfinished_run_keeps_marks_and_ways(tmp_path: Path) -> None:
    recorder = make_recorder()
    RunJournal(tmp_path / "run.jsonl", recorder).close()
    back = parse_unfinished((tmp_path / "run.jsonl").read_text())
    assert run_to_data(back.build()) == run_to_data(recorder.build())
    other = recorder.copy()
    other.target(1).marks.clear()
    assert len(recorder.target(1).marks) == 3, "a copy, for undo, does not share them"
