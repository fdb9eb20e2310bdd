"""Runs: what they know of where they come from, how they are built, saved and read again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_sources import make_images, make_otb, make_video

from tracker_core.errors import InputError
from tracker_core.results.identity import file_name, fingerprint, identify_source, locate
from tracker_core.results.provenance import Producer, SourceIdentity, SourceKind
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import BoxOrigin, Run, TargetTrack
from tracker_core.results.run_data import run_from_data, run_to_data
from tracker_core.results.run_file import load_run, save_run
from tracker_core.sources.opening import open_source
from tracker_core.trackers.builder import build_tracker
from tracker_core.trackers.producers import describe_producer, rebuild_tracker
from tracker_core.types import TrackingState, TrackResult

DATA = Path(__file__).parent / "data" / "results"


def result(x: float, score: float = 0.5) -> TrackResult:
    return TrackResult(np.array([x, 2.0, 3.0, 4.0]), score, TrackingState.TRACKING)


def recorded(*indices: int, source: SourceIdentity | None = None) -> RunRecorder:
    recorder = RunRecorder(source or SourceIdentity("clip"), Producer("first"))
    for index in indices:
        recorder.note_frame(index, index / 10)
        recorder.put(index, 1, result(float(index)))
    return recorder


# --- building ---------------------------------------------------------------------------------------------


def test_a_run_answers_by_frame_and_target() -> None:
    run = recorded(4, 2, 9).build()
    assert run.frame_indices.tolist() == [2, 4, 9]
    found = run.result_at(4)
    assert found is not None and found.box_xywh[0] == 4.0
    assert run.result_at(3) is None and run.result_at(4, number=2) is None
    assert [(index, sorted(results)) for index, results in run] == [(2, [1]), (4, [1]), (9, [1])]


def test_every_result_knows_what_made_it() -> None:
    recorder = recorded(0, 1, 2)
    recorder.producer = Producer("second")
    recorder.put(2, 1, result(7.0))
    recorder.put(3, 1, result(8.0))
    run = recorder.build()
    assert [getattr(run.producer_of(index), "tracker", None) for index in range(5)] == [
        "first", "first", "second", "second", None,
    ]  # fmt: skip
    again = run_from_data(json.loads(json.dumps(run_to_data(run))))
    assert again.producer_of(1) == Producer("first") and again.producer_of(3) == Producer("second")


def test_a_precision_that_is_not_exact_answers_as_another() -> None:
    made = [Producer("light", weights_sha256="ab", runtime=name) for name in ("onnx", "eager", "cuda", "onnx-int8")]
    assert [one.answers_as == made[0].answers_as for one in made] == [True, True, True, False]


def test_what_continues_a_run_is_what_made_its_end() -> None:
    """The tracker that was used last in time may have made a part in the middle, or nothing that is left."""
    recorder = recorded(0, 1, 2, 3)
    first = recorder.producer
    recorder.producer = Producer("second")
    recorder.put(1, 1, result(7.0))
    assert recorder.build().producer == first
    assert RunRecorder.from_run(recorder.build()).producer == first
    recorder.producer = None
    recorder.put(3, 1, result(8.0))  # filled in by a line
    assert recorder.build().producer == first
    assert RunRecorder(SourceIdentity("clip"), Producer("third")).build().producer == Producer("third")


def test_a_copy_is_independent_for_undo() -> None:
    recorder = recorded(0, 1, 2)
    before = recorder.copy()
    dropped = recorder.drop(1, 1)
    assert sorted(dropped) == [1, 2] and len(recorder) == 1
    assert before.build().frame_indices.tolist() == [0, 1, 2]


def test_the_boxes_of_a_long_run_lie_in_a_few_blocks() -> None:
    recorder = RunRecorder(SourceIdentity("clip"))
    box = np.array([1.0, 2, 3, 4])
    for index in range(5000):
        recorder.put(index, 1, TrackResult(box, 0.5))
    box[:] = 9  # a recorded box is a copy
    kept = [recorder.result_at(index) for index in range(5000)]
    assert {tuple(result.box_xywh) for result in kept if result is not None} == {(1.0, 2.0, 3.0, 4.0)}
    # arrays of their own would pin the heap
    assert len({id(result.box_xywh.base) for result in kept if result is not None}) <= 3


def test_recording_goes_on_from_a_saved_run(tmp_path: Path) -> None:
    recorder = recorded(0, 1)
    recorder.target(1).name = "car"
    recorder.set_key_frame(1, 0, [1, 2, 3, 4], BoxOrigin.FILE)
    run = load_run(save_run(tmp_path / "run.json", recorder.build()))
    again = RunRecorder.from_run(run)
    assert run_to_data(again.build()) == run_to_data(run)
    again.put(2, 1, result(5.0))
    assert len(again.build()) == 3 and again.build().targets[0].key_frames[0].by is BoxOrigin.FILE


def test_recording_goes_on_from_a_run_of_unknown_origin() -> None:
    """Boxes from a file, and runs of the first version without a tracker's name, do not say what found them."""
    boxes, scores = np.ones((2, 4)), np.full(2, np.nan)
    target = TargetTrack(1, boxes, scores, (TrackingState.TRACKING,) * 2)
    again = RunRecorder.from_run(Run(SourceIdentity("clip"), np.arange(2), np.arange(2.0), (target,)))
    assert again.producer_of(1) is None and len(again.build()) == 2
    again.producer = Producer("second")
    again.put(2, 1, result(5.0))
    run = again.build()
    assert run.producer_of(1) is None and run.producer_of(2) == Producer("second")


def test_image_names_follow_the_files_of_the_source() -> None:
    recorder = RunRecorder(SourceIdentity("folder"))
    for index, name in enumerate(("00000001.jpg", "00000002.jpg")):
        recorder.note_frame(index, 0.0, name)
        recorder.put(index, 1, result(1.0))
    assert [recorder.build().image_name(index) for index in range(2)] == ["00000001.png", "00000002.png"]
    recorder.note_frame(1, 0.0, "00000001.bmp")  # one stem twice: the whole name tells them apart
    assert [recorder.build().image_name(index) for index in range(2)] == ["00000001.jpg.png", "00000001.bmp.png"]
    assert recorded(7).build().image_name(7) == "000007.png"


# --- files ------------------------------------------------------------------------------------------------


def test_a_file_of_version_1_still_opens() -> None:
    """Written by the program before runs knew their source: two targets in frames 1 to 3 of a folder."""
    run = load_run(DATA / "version-1-run.json")
    assert run.frame_indices.tolist() == [1, 2, 3] and len(run.targets) == 2
    assert (run.source.name, run.source.location, run.source.size) == ("walk", "walk", (96, 64))
    assert run.producer is not None and run.producer.tracker == "siamscope-light"
    assert [key.index for key in run.targets[1].key_frames] == [1]
    np.testing.assert_array_equal(run.targets[1].key_frames[0].box_xywh, [40, 10, 20, 20])
    np.testing.assert_allclose(run.targets[0].boxes_xywh[2], [12.80567075759819, 20.706860884790316, 22.557066254056934,
                                                              19.513678513170078])  # fmt: skip
    assert run.update_times_s[1] == pytest.approx(0.0144188969)


def cut(data: dict, key: str) -> dict:  # type: ignore[type-arg]
    return {name: value for name, value in data.items() if name != key}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: {**data, "version": 3}, "newer than this program"),
        (lambda data: {**data, "format": "other"}, "not of the format"),
        (lambda data: cut(data, "source"), "damaged"),
        (lambda data: {**data, "frames": [0, 0]}, "damaged"),  # frames must increase
        (lambda data: {**data, "times_s": [0.0]}, "damaged"),  # a column that is too short
        (lambda data: {**data, "targets": [{}]}, "damaged"),
        (lambda data: [data], "not of the format"),
        (lambda data: {**data, "times_s": [0.0, None]}, "a frame has no time"),
        (lambda data: {**data, "frames": [-1, 0]}, "impossible number"),
        (lambda data: {**data, "frames": [0, 1 << 40]}, "impossible number"),
        (lambda data: {**data, "frames": [0, 1e300]}, "damaged"),
        (lambda data: {**data, "source": {**data["source"], "fps": 0}}, "impossible rate"),
        (lambda data: {**data, "producers": []}, "of a tracker that is not named"),
    ],
)
def test_damaged_runs_are_one_sentence(tmp_path: Path, change, words: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "run.json"
    path.write_text(json.dumps(change(run_to_data(recorded(0, 1).build()))))
    with pytest.raises(InputError, match=words) as raised:
        load_run(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_a_state_without_its_box_is_none(tmp_path: Path) -> None:
    """A box of NaN or infinity, or none at all, must not be taken for one by whoever goes by the state."""
    data = run_to_data(recorded(0, 1, 2).build())
    data["targets"][0]["boxes_xywh"][1] = None
    data["targets"][0]["boxes_xywh"][2][2] = float("inf")
    (tmp_path / "run.json").write_text(json.dumps(data))
    run = load_run(tmp_path / "run.json")
    assert [run.result_at(index) is None for index in range(3)] == [False, True, True]
    assert run.targets[0].has_box.tolist() == [True, False, False]


# --- sources ----------------------------------------------------------------------------------------------


def test_kinds_and_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_video(Path("clip.mp4"), 5)
    make_images(Path("walk"), 3)
    make_otb(Path("otb"), 4)
    for spec, kind, count in (
        ("clip.mp4", SourceKind.VIDEO, None),  # the end was not seen
        ("walk", SourceKind.IMAGES, 3),
        ("otb", SourceKind.SEQUENCE, 4),
    ):
        source = open_source(spec)
        identity = identify_source(source, spec)
        assert (identity.kind, identity.frame_count, identity.size) == (kind, count, (96, 64))
        assert identity.location == str(tmp_path / spec) and len(identity.fingerprint) == 64
    assert file_name(open_source("otb"), 2) == "0003.png" and file_name(open_source("clip.mp4"), 2) == ""


@pytest.mark.parametrize(
    ("spec", "location"),
    [
        ("camera:1", "camera:1"),
        (0, "camera:0"),
        ("rtsp://anna:hunter2@host:554/a", "rtsp://host:554/a"),
        ("http://host/a.mp4?token=hunter2&x=1", "http://host/a.mp4?token=***&x=1"),
    ],
)
def test_places_that_are_not_files_hold_no_credentials(spec: str | int, location: str) -> None:
    assert locate(spec) == location


def identity_of(path: Path) -> str:
    source = open_source(path)
    try:
        return identify_source(source, path).fingerprint
    finally:
        source.close()


def test_a_fingerprint_survives_a_copy_and_sees_one_other_image(tmp_path: Path) -> None:
    folder, clip = make_images(tmp_path / "walk", 6), make_video(tmp_path / "clip.mp4", 6)
    shutil.copytree(folder, tmp_path / "elsewhere" / "renamed", copy_function=shutil.copyfile)
    shutil.copyfile(clip, tmp_path / "elsewhere" / "other-name.mp4")
    assert identity_of(tmp_path / "elsewhere" / "renamed") == identity_of(folder)
    assert identity_of(tmp_path / "elsewhere" / "other-name.mp4") == identity_of(clip)

    before = identity_of(folder)
    image = folder / "0003.png"
    content = bytearray(image.read_bytes())
    content[len(content) // 2] ^= 1  # same name, same size
    image.write_bytes(bytes(content))
    assert fingerprint(sorted(folder.iterdir())) != before
    cv2.imwrite(str(image), cv2.imread(str(folder / "0004.png")))
    swapped = identity_of(folder)
    image.rename(folder / "0003a.png")
    assert len({before, swapped, identity_of(folder)}) == 3


@pytest.mark.parametrize("place", [0, 30_000_000, 59_999_999])
def test_a_large_file_is_hashed_from_head_to_tail(tmp_path: Path, place: int) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(60_000_000)
    before = fingerprint([path])
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"x")
    assert fingerprint([path]) != before


def test_another_source_is_refused_with_the_reason() -> None:
    mine = SourceIdentity("clip", "/a/clip.mp4", size=(160, 120), fingerprint="aa")
    for same in (replace(mine, location="/b/copy.mp4"), SourceIdentity("content and size unknown")):
        mine.check_size(same)
        mine.check_content(same)
    with pytest.raises(InputError, match=r"160x120.*120x160"):
        mine.check_size(replace(mine, size=(120, 160)))
    with pytest.raises(InputError, match=r"The content of '/b/clip.mp4' differs from what was tracked"):
        mine.check_content(replace(mine, location="/b/clip.mp4", fingerprint="bb"))


# --- producers --------------------------------------------------------------------------------------------


def test_a_producer_builds_its_tracker_again(tmp_path: Path) -> None:
    tracker = build_tracker(device="cpu", runtime="eager", overrides=["tracking.window_influence=0.31"])
    producer = describe_producer(tracker.fork())
    assert producer.tracker == "siamscope-base" and producer.runtime == "eager" and producer.device == "cpu"
    shipped = describe_producer(build_tracker(device="cpu", runtime="eager")).config
    assert producer.config == {**shipped, "tracking": {**shipped["tracking"], "window_influence": 0.31}}
    run = load_run(save_run(tmp_path / "run.json", RunRecorder(SourceIdentity("clip"), producer).build()))
    assert run.producer == producer
    assert rebuild_tracker(run.producer, device="cpu", runtime="eager").config == tracker.config


@pytest.mark.parametrize(
    ("runtime", "precision"),
    [
        ("", "fp32"),  # an import of boxes
        ("eager", "fp32"),
        ("onnx", "fp32"),
        ("onnx-int8", "int8"),
        ("onnx and onnx-int8", "int8"),  # of two networks
        ("cuda-fp16", "fp16"),
    ],
)
def test_a_precision_tells_answers_apart_and_a_runtime_does_not(runtime: str, precision: str) -> None:
    producer = Producer("light", weights_sha256="aa", runtime=runtime)
    assert producer.precision == precision
    assert (producer.answers_as == Producer("light", weights_sha256="aa").answers_as) == (precision == "fp32")


# name of the weights, where they were, runtime → what lists call the tracker
@pytest.mark.parametrize(
    ("weights", "path", "runtime", "title"),
    [
        ("light", "/w/light.safetensors", "onnx", "light"),  # its own
        ("", "", "onnx", "light"),  # a network from memory
        ("light", "/w/light.safetensors", "onnx-int8", "light (int8)"),
        ("mine", "/w/mine.safetensors", "onnx", "light (mine)"),
        ("mine", "/w/mine.safetensors", "onnx-int8", "light (mine, int8)"),
        # every training run calls its checkpoints alike
        ("best", "/runs/night 1/best.safetensors", "onnx", "light (night 1/best)"),
        ("last", r"C:\runs\one\last.safetensors", "onnx", "light (one/last)"),
        ("best", "", "onnx", "light (best)"),
    ],
)
def test_a_title_names_what_is_not_the_trackers_own(weights: str, path: str, runtime: str, title: str) -> None:
    assert Producer("light", weights=weights, weights_path=path, runtime=runtime).title == title


def test_weights_are_found_by_their_content_or_named_as_missing() -> None:
    producer = describe_producer(build_tracker(device="cpu", runtime="eager"))
    moved = Producer(**{**vars(producer), "weights_path": "/nowhere/light.safetensors"})
    assert rebuild_tracker(moved, device="cpu", runtime="eager").name == "siamscope-base"
    for sha256, words in (("ab" * 32, "not here or were changed"), ("", "do not say with which weights")):
        with pytest.raises(InputError, match=words):
            rebuild_tracker(Producer(**{**vars(producer), "weights_sha256": sha256}))
    other = Producer(**{**vars(producer), "config": {**producer.config, "no_such_key": 1}})
    with pytest.raises(InputError, match="cannot be built again: Unknown configuration key"):
        rebuild_tracker(other)


def test_the_run_of_an_unfinished_target_has_no_false_boxes() -> None:
    recorder = recorded(0, 1)
    recorder.put(1, 2, result(3.0))
    run: Run = recorder.build()
    second = run.target(2)
    assert second is not None and second.has_box.tolist() == [False, True]
    assert run.results_at(0).keys() == {1}
