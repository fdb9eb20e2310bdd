"""Boxes written in every format and read again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tracker_core.errors import InputError, OutputError
from tracker_core.results.formats import BOX_FORMATS, check_format, read_boxes, write_boxes
from tracker_core.results.provenance import Producer, SourceIdentity, SourceKind
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import BoxOrigin, KeyFrame, Run, TargetTrack
from tracker_core.results.run_data import run_to_data
from tracker_core.types import Frame, FrameResult, Timings, TrackingState, TrackResult

STATES = (TrackingState.TRACKING, TrackingState.UNCERTAIN, TrackingState.LOST, None, TrackingState.TRACKING)


def make_run(targets: int = 1, first_frame: int = 0) -> Run:
    """Five frames; the fourth has no box."""
    made = []
    for number in range(1, targets + 1):
        boxes = np.array([[10.1234 + i + (number - 1) * 50, 20.5 + i / 3, 30.25, 40.75] for i in range(5)])
        scores = np.array([0.9, 0.5, 0.1, np.nan, 0.8])
        key = KeyFrame(first_frame, boxes[0].copy(), BoxOrigin.GROUND_TRUTH)
        boxes[3] = np.nan
        made.append(TargetTrack(number, boxes, scores, STATES, f"target {number}", (key,)))
    return Run(
        source=SourceIdentity("clip.mp4", "/films/clip.mp4", SourceKind.VIDEO, (640, 480), 25.0, None, "5eed"),
        frame_indices=np.arange(5) + first_frame,
        times_s=np.arange(5) / 25,
        targets=tuple(made),
        producers=(Producer("light", {"tracking": {"window_influence": 0.42}}, "light", "/w/light", "ab", "cpu"),),
        update_times_s=np.full(5, 0.0125),
        created="2026-01-02T03:04:05+00:00",
        title="ä",
    )


@pytest.mark.parametrize("fmt", [name for name, box_format in BOX_FORMATS.items() if box_format.read])
def test_boxes_keep_fractions_of_a_pixel(tmp_path: Path, fmt: str) -> None:
    run = make_run()
    path, *_ = write_boxes(tmp_path / "boxes", fmt, run)
    back = read_boxes(path, fmt)
    want = run.targets[0].boxes_xywh
    got = back.targets[0].boxes_xywh
    if fmt == "vot":  # a start frame is the code 1, not a box
        assert np.isnan(got[0]).all()
        assert [key.index for key in back.targets[0].key_frames] == [0]
        want, got = want[1:], got[1:]
    if fmt in ("mot", "cvat", "mot-gt"):  # a frame without a box has no line
        want = want[np.isfinite(want).all(axis=1)]
    if fmt == "mot-gt":  # nor has one in which the target is lost
        want = np.delete(want, 2, axis=0)
    np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.parametrize("fmt", ["csv", "json", "coco", "mot"])
def test_several_targets_in_one_file(tmp_path: Path, fmt: str) -> None:
    run = make_run(targets=3, first_frame=300)
    written = write_boxes(tmp_path / "boxes", fmt, run)
    assert [path.name for path in written[1:]] == (["boxes_names.txt"] if fmt == "mot" else [])
    back = read_boxes(written[0], fmt)
    assert len(back.targets) == 3
    present = list(back.frame_indices)
    assert present == [300, 301, 302, 303, 304] if fmt != "mot" else [300, 301, 302, 304]
    np.testing.assert_allclose(back.targets[2].boxes_xywh[0], run.targets[2].boxes_xywh[0], atol=1e-4)


@pytest.mark.parametrize("fmt", ["otb", "vot", "got10k"])
def test_several_targets_in_a_file_each(tmp_path: Path, fmt: str) -> None:
    write_boxes(tmp_path / "boxes.txt", fmt, make_run(targets=2))
    assert (tmp_path / "boxes-1.txt").is_file() and (tmp_path / "boxes-2.txt").is_file()
    assert not (tmp_path / "boxes.txt").exists()


@pytest.mark.parametrize("fmt", ["csv", "json", "coco"])
def test_states_and_scores_survive(tmp_path: Path, fmt: str) -> None:
    path, *_ = write_boxes(tmp_path / "boxes", fmt, make_run())
    target = read_boxes(path, fmt).targets[0]
    assert target.states == STATES
    np.testing.assert_allclose(target.scores, [0.9, 0.5, 0.1, np.nan, 0.8])
    assert target.name == "target 1"


def test_json_keeps_everything_exactly(tmp_path: Path) -> None:
    run = make_run(targets=2)
    path, *_ = write_boxes(tmp_path / "run.json", "json", run)
    back = read_boxes(path)
    assert run_to_data(back) == run_to_data(run)
    np.testing.assert_array_equal(back.targets[1].boxes_xywh, run.targets[1].boxes_xywh)
    assert (back.source, back.producers, back.title, back.created) == (
        run.source,
        run.producers,
        run.title,
        run.created,
    )


def test_otb_is_one_based_and_got10k_is_not(tmp_path: Path) -> None:
    run = make_run()
    otb, *_ = write_boxes(tmp_path / "otb", "otb", run)
    got10k, times = write_boxes(tmp_path / "got10k", "got10k", run)
    assert otb.read_text().splitlines()[0] == "11.1234,21.5000,30.2500,40.7500"
    assert got10k.read_text().splitlines()[0] == "10.1234,20.5000,30.2500,40.7500"
    assert otb.read_text().splitlines()[3] == "nan,nan,nan,nan"  # one line per frame, whatever happened
    assert times.name == "got10k_time.txt" and times.read_text().splitlines() == ["0.012500"] * 5


def test_vot_marks_the_start_and_writes_confidences(tmp_path: Path) -> None:
    boxes, confidence = write_boxes(tmp_path / "ants1_001.txt", "vot", make_run())
    lines = boxes.read_text().splitlines()
    assert lines[0] == "1" and lines[3] == "0" and lines[1].startswith("11.1234,")
    assert confidence.name == "ants1_001_confidence.value"
    assert confidence.read_text().splitlines() == ["0.9000", "0.5000", "0.1000", "", "0.8000"]


def test_coco_is_valid_for_readers_of_the_field(tmp_path: Path) -> None:
    path, *_ = write_boxes(tmp_path / "coco", "coco", make_run(targets=2))
    data = json.loads(path.read_text())
    assert path.name == "coco.json"
    assert {"images", "annotations", "categories"} <= set(data)
    ids = {image["id"] for image in data["images"]}
    categories = {entry["id"] for entry in data["categories"]}
    assert all(entry["image_id"] in ids and entry["category_id"] in categories for entry in data["annotations"])
    assert len({entry["id"] for entry in data["annotations"]}) == len(data["annotations"]) == 8
    assert all(
        entry["area"] == pytest.approx(entry["bbox"][2] * entry["bbox"][3], abs=1e-3) for entry in data["annotations"]
    )


def test_mot_counts_from_one(tmp_path: Path) -> None:
    path, *_ = write_boxes(tmp_path / "mot", "mot", make_run(targets=2))
    assert path.read_text().splitlines()[1] == "1,2,61.1234,21.5000,30.2500,40.7500,0.9000,-1,-1,-1"


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [("otbb", "otb"), ("gotk10", "got10k"), ("COCOO", "coco"), ("xml", None)],
)
def test_unknown_format_names_the_nearest(wrong: str, hint: str | None) -> None:
    with pytest.raises(InputError) as raised:
        check_format(wrong)
    assert "known are otb" in str(raised.value)
    assert (f"'{hint}'" in str(raised.value)) == (hint is not None)


REVERSED = (
    '<annotations><track id="0" label="x"><box frame="0" xtl="9" ytl="5" xbr="1" ybr="15"/></track></annotations>'
)


@pytest.mark.parametrize(
    ("name", "fmt", "text"),
    [
        ("a.txt", "otb", "1,2,3,4\n1,2,x,4\n"),  # not a number
        ("a.txt", "otb", "1,2,3\n"),  # three numbers
        ("a.csv", None, "frame,x\n1,2\n"),  # columns missing
        ("a.json", None, "{"),  # cut short
        ("a.json", None, '{"format": "siamscope-tracks", "version": 99}'),  # from the future
        ("a.json", None, "[]"),  # other JSON
        ("a.txt", None, "1,2,3,4\n"),  # 1-based or not? nobody can tell
        ("a.txt", "mot", "1,1,5,5\n"),  # too few columns
        ("a.txt", "mot", "2.7,1,9,9,5,5,1,-1,-1,-1\n"),  # no frame has that number; it was taken for 2
        ("a.json", "coco", '{"images": [], "annotations": [{"image_id": 9, "bbox": [1, 1, 2, 2]}]}'),  # of no image
        ("a.xml", None, REVERSED),  # corners the wrong way round; the frame was without a box then
    ],
)
def test_bad_files_are_one_sentence(tmp_path: Path, name: str, fmt: str | None, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        read_boxes(path, fmt)
    assert str(raised.value).strip() and "\n" not in str(raised.value)


def test_absent_file_and_unwritable_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_boxes(tmp_path / "none.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_boxes(tmp_path / "file" / "boxes", "otb", make_run())


def record(recorder: RunRecorder, index: int, *xs: float) -> None:
    results = tuple(TrackResult(np.array([x, 1.0, 2.0, 3.0]), 0.5) for x in xs)
    image = np.zeros((2, 2, 3), np.uint8)
    recorder.add(FrameResult(Frame(index, index / 10, image), results, Timings(network_ms=8.0)), f"{index}.jpg")


def test_recorder_replaces_and_forgets() -> None:
    recorder = RunRecorder(SourceIdentity("clip", size=(2, 2)))
    for index in range(6):
        record(recorder, index, 1.0 + index)
    recorder.set_key_frame(1, 0, [1, 1, 2, 3])
    assert sorted(recorder.drop(1, 3)) == [3, 4, 5]
    recorder.set_key_frame(1, 2, [99, 1, 2, 3])
    record(recorder, 2, 99.0)
    record(recorder, 3, 100.0, 7.0)  # a second target appears
    run = recorder.build()
    assert list(run.frame_indices) == [0, 1, 2, 3]
    assert list(run.targets[0].boxes_xywh[:, 0]) == [1.0, 2.0, 99.0, 100.0]
    assert list(run.targets[1].has_box) == [False, False, False, True]
    assert [[key.index for key in target.key_frames] for target in run.targets] == [[0, 2], []]
    assert run.file_names == ("0.jpg", "1.jpg", "2.jpg", "3.jpg")
    assert run.update_times_s[0] == pytest.approx(0.008)


def test_select_cuts_every_column() -> None:
    part = make_run(targets=2, first_frame=10).select(11, 13)
    assert list(part.frame_indices) == [11, 12, 13]
    assert part.targets[1].states == STATES[1:4] and [target.key_frames for target in part.targets] == [(), ()]


def run_with_gaps(frame_count: int | None) -> Run:
    """Two named targets, numbers 1 and 3, in frames 2, 3 and 6 of a folder of images numbered from 5."""
    recorder = RunRecorder(SourceIdentity("walk", kind=SourceKind.IMAGES, size=(96, 64), frame_count=frame_count))
    for index in (2, 3, 6):
        recorder.note_frame(index, index * 0.5, f"{index + 5:08d}.jpg", 0.25)
        for number, name in ((1, "car, red"), (3, "van")):
            recorder.target(number).name = name
            recorder.put(index, number, TrackResult(np.array([index, number, 8.0, 9.0]), 0.5))
    return recorder.build()


@pytest.mark.parametrize("frame_count", [None, 10])
@pytest.mark.parametrize("fmt", ["otb", "got10k", "vot"])
def test_line_formats_keep_line_and_frame_together(tmp_path: Path, fmt: str, frame_count: int | None) -> None:
    """The toolkits of these benchmarks pair line and frame by number; GOT-10k's and VOT's count the lines."""
    written = write_boxes(tmp_path / "boxes", fmt, run_with_gaps(frame_count))
    assert {path.name for path in written if path.suffix == ".txt" and "time" not in path.name} == {
        "boxes-1.txt", "boxes-3.txt",
    }  # fmt: skip
    back = read_boxes(tmp_path / "boxes-3.txt", fmt)
    assert len(back) == (frame_count or 7)
    boxed = {index: float(results[1].box_xywh[0]) for index, results in back if results}
    assert boxed == {index: index for index in ((3, 6) if fmt == "vot" else (2, 3, 6))}  # VOT's start is a code
    if fmt == "got10k":
        seconds = [float(line) for line in (tmp_path / "boxes-3_time.txt").read_text().split()]
        assert seconds == [0.25 if index in (2, 3, 6) else 0 for index in range(frame_count or 7)]


@pytest.mark.parametrize("fmt", ["csv", "coco", "mot", "json"])
def test_other_formats_keep_names_times_and_files(tmp_path: Path, fmt: str) -> None:
    run = run_with_gaps(10)
    back = read_boxes(write_boxes(tmp_path / "boxes", fmt, run)[0], fmt)
    assert back.frame_indices.tolist() == [2, 3, 6]
    assert [(target.number, target.name) for target in back.targets] == [(1, "car, red"), (3, "van")]
    np.testing.assert_array_equal(back.targets[1].boxes_xywh, run.targets[1].boxes_xywh)
    if fmt != "mot":  # has no place for them
        assert back.file_names == ("00000007.jpg", "00000008.jpg", "00000011.jpg")
        assert back.times_s.tolist() == [1.0, 1.5, 3.0]


# what breaks tables, lines, XML and JSON that are put together by hand
NAMES = ["car, red", 'the "fast" one', "Fußgänger 行人 🚲", "<a & b>; it's", "7", "=1+1", "tail \\ slash"]


@pytest.mark.parametrize("fmt", ["csv", "coco", "mot", "mot-gt", "cvat", "json"])
@pytest.mark.parametrize("name", NAMES)
def test_any_name_and_colour_come_back(tmp_path: Path, fmt: str, name: str) -> None:
    recorder = RunRecorder(SourceIdentity("walk", size=(96, 64)))
    for number, called, color in ((1, name, "#12ab34"), (2, "", ""), (3, "van", "")):
        record = recorder.target(number)
        record.name, record.color = called, color
        recorder.put(0, number, TrackResult(np.array([number, 1.0, 8.0, 9.0]), 0.5))
    back = read_boxes(write_boxes(tmp_path / "boxes", fmt, recorder.build())[0], "mot" if fmt == "mot-gt" else fmt)
    assert [target.name for target in back.targets] == [name, "", "van"]
    has_colors = not fmt.startswith("mot")
    assert [target.color for target in back.targets] == ["#12ab34" if has_colors else "", "", ""]


def test_the_categories_of_coco_are_the_names(tmp_path: Path) -> None:
    """Two targets of one name are of one category, so that tools count them together."""
    recorder = RunRecorder(SourceIdentity("walk", size=(96, 64)))
    for number, name in ((1, "car"), (2, "van"), (3, "car"), (4, "")):
        recorder.target(number).name = name
        recorder.put(0, number, TrackResult(np.array([number, 1.0, 8.0, 9.0]), 0.5))
    data = json.loads(write_boxes(tmp_path / "boxes", "coco", recorder.build())[0].read_text())
    names = {entry["id"]: entry["name"] for entry in data["categories"]}
    assert [names[entry["category_id"]] for entry in data["annotations"]] == ["car", "van", "car", "target"]
    for entry in data["annotations"]:  # as another tool writes them, without tracks' names and attributes
        del entry["attributes"]
    del data["tracks"]
    (tmp_path / "plain.json").write_text(json.dumps(data))
    assert [t.name for t in read_boxes(tmp_path / "plain.json", "coco").targets] == ["car", "van", "car", ""]


def test_a_table_of_earlier_versions_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text("frame,time_s,target,label,x,y,w,h,score,state\n4,0.16,1,,1,2,3,4,0.5,tracking\n")
    run = read_boxes(path)
    assert run.frame_indices.tolist() == [4] and run.file_names == () and run.times_s.tolist() == [0.16]


def test_no_targets_and_no_frames_can_be_written(tmp_path: Path) -> None:
    empty = RunRecorder(SourceIdentity("clip")).build()
    for fmt in ("csv", "json", "coco", "mot"):
        path, *_ = write_boxes(tmp_path / f"empty-{fmt}", fmt, empty)
        assert len(read_boxes(path, fmt)) == 0


def test_columns_of_different_length_are_refused() -> None:
    target = make_run().targets[0]
    with pytest.raises(ValueError):
        Run(SourceIdentity("clip"), np.arange(4), np.arange(4.0), (target,))
    with pytest.raises(ValueError):
        Run(SourceIdentity("clip"), np.array([0, 2, 1, 3, 4]), np.arange(5.0), (target,))


def test_any_configuration_can_be_saved(tmp_path: Path) -> None:
    config = {"lr": np.float32(0.5), "boxes": np.ones((1, 2)), "nan": float("nan"), "path": Path("a"), "3": (1, None)}
    run = dataclasses.replace(make_run(), producers=(Producer("light", config),))
    path, *_ = write_boxes(tmp_path / "run", "json", run)
    producer = read_boxes(path).producer
    assert producer is not None
    assert producer.config == {"lr": 0.5, "boxes": [[1, 1]], "nan": None, "path": "a", "3": [1, None]}
