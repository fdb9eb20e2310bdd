"""`track --run` tracks further in a saved run: on, back, to a key frame, from a box drawn again, and in its gaps."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_sources import BOX, COUNT, make_video

from tracker_core.cli import continue_command, track_command
from tracker_core.cli.main import main
from tracker_core.config import TrackerConfig, apply_overrides, config_from_mapping
from tracker_core.presets import preset
from tracker_core.results.provenance import Producer
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import BoxOrigin, Run
from tracker_core.results.run_file import load_run, save_run
from tracker_core.types import Timings, TrackingState, TrackResult

START = "out/clip-run.json"


class Finder:
    """A tracker that finds the red target wherever it is, and costs nothing."""

    device, weights_path, timings = "cpu", None, Timings()
    runtime = "none"

    def __init__(self, config: TrackerConfig) -> None:
        self.config, self.name = config, config.name

    def fork(self) -> Finder:
        return Finder(self.config)

    def init(self, image: Any, box_xywh: Any) -> None:
        """It needs no template."""

    def resume(self, box_xywh: Any, scores: list[float]) -> None:
        """It needs no state."""

    def update(self, image: Any, *, debug: bool = False) -> TrackResult:
        rows, columns = np.nonzero((image[..., 2] > 150) & (image[..., 1] < 120))
        x, y = float(columns.min()), float(rows.min())
        return TrackResult(np.array([x, y, columns.max() + 1 - x, rows.max() + 1 - y]), 0.9)


def build(*names: Any, overrides: Any = (), **how: Any) -> Finder:
    return Finder(apply_overrides(preset("siamscope-light"), overrides))


def rebuild(producer: Producer, **how: Any) -> Finder:
    return Finder(config_from_mapping(TrackerConfig, producer.config))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video in which a target walks one pixel a frame."""
    return make_video(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with nothing but the video."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(track_command, "build_tracker", build)
    monkeypatch.setattr(continue_command, "rebuild_tracker", rebuild)
    shutil.copy(clip, "clip.mp4")
    return tmp_path


def track(*arguments: str) -> int:
    return main(["track", "--progress", "none", "--device", "cpu", "--no-video", *arguments])


def begin(frames: str = "0:6", box: str = BOX) -> Run:
    """Track a part of the video; the run is in `START`."""
    assert track("--source", "clip.mp4", "--box", box, "--frames", frames, "--out", "out") == 0
    return load_run(START)


def go_on(*arguments: str, run: str = START, result: str = "out/clip-2-run.json") -> Run:
    assert track("--run", run, *arguments) == 0
    return load_run(result)


def ways(run: Run, number: int = 1) -> str:
    """A letter for each frame of the video: t tracked, b backwards, f filled, - nothing."""
    results = [run.result_at(index, number) for index in range(COUNT)]
    return "".join("-" if result is None else result.origin.value[0] for result in results)


def is_on_target(run: Run, frames: range) -> bool:
    x = [result.box_xywh[0] if (result := run.result_at(index)) else np.nan for index in frames]
    return bool(np.all(np.abs(np.array(x) - 10 - np.array(frames)) < 6))


def lose(run: Run, first: int, last: int) -> None:
    """Write the run with its target lost in some frames, far from where it is."""
    recorder = RunRecorder.from_run(run)
    for index in range(first, last + 1):
        recorder.put(index, 1, TrackResult(np.array([70.0, 40, 8, 8]), 0.05, TrackingState.LOST))
    save_run(START, recorder.build())


def test_on_from_where_the_results_end() -> None:
    """What continuing gives is what one call would have given, and the run that was continued stays."""
    before = begin()
    run = go_on()
    assert ways(run) == "t" * COUNT and load_run(START).frame_indices.tolist() == before.frame_indices.tolist()
    assert track("--source", "clip.mp4", "--box", BOX, "--out", "whole") == 0
    whole = load_run("whole/clip-run.json")
    np.testing.assert_array_equal(run.targets[0].boxes_xywh, whole.targets[0].boxes_xywh)
    np.testing.assert_array_equal(run.times_s, whole.times_s)


RANGES = [
    (("--count", "4"), 9),  # four frames more
    (("--frames", "5:12"), 11),
    (("--frames", ":12"), 11),  # from where the results end
    (("--frames", "3:", "--count", "4"), 7),  # of which two are there
]


@pytest.mark.parametrize(("arguments", "last"), RANGES)
def test_a_number_of_frames(arguments: tuple[str, ...], last: int) -> None:
    begin()
    assert go_on(*arguments).frame_indices.tolist() == list(range(last + 1))


@pytest.mark.parametrize(
    ("arguments", "frames"),
    [
        (("--frames", "4:", "--count", "3"), range(4, 8)),
        (("--frames", "4:6", "--count", "9"), range(4, 6)),
        (("--frames", "4:20", "--count", "3", "--backwards"), range(16, 20)),
    ],
)
def test_a_number_of_frames_from_a_box(arguments: tuple[str, ...], frames: range) -> None:
    assert track("--source", "clip.mp4", "--box", "14,20,24,20", "--out", "out", *arguments) == 0
    assert load_run(START).frame_indices.tolist() == list(frames)


def test_from_a_box_in_the_middle_both_ways_and_to_key_frames() -> None:
    begin("12:14", "22,20,24,20")
    assert ways(go_on("--backwards")) == "b" * 12 + "tt" + "-" * 16
    assert ways(go_on("--backwards", "--count", "3", result="out/clip-3-run.json"))[8:14] == "-bbbtt"
    drawn = go_on("--frames", "20:21", "--targets", "1", "--box", "30,20,24,20", result="out/clip-4-run.json")
    assert [key.index for key in drawn.targets[0].key_frames] == [12, 20]
    to_key = go_on("--to-key", run="out/clip-4-run.json", result="out/clip-5-run.json")
    assert ways(to_key) == "-" * 12 + "t" * 9 + "-" * 9 and is_on_target(to_key, range(12, 21))
    back = go_on("--frames", ":21", "--backwards", "--to-key", run="out/clip-5-run.json", result="out/clip-6-run.json")
    assert ways(back) == "-" * 12 + "t" + "b" * 7 + "t" + "-" * 9


def test_a_box_drawn_again_replaces_what_followed_up_to_the_next_key_frame() -> None:
    begin("0:15")
    run = go_on("--frames", "10:12", "--targets", "1", "--box", "20,20,24,20")
    assert run.frame_indices.tolist() == list(range(12)), "frames after 12 were of the box before"
    key = run.targets[0].key_frames[1]
    assert (key.index, key.box_xywh.tolist(), key.by) == (10, [20, 20, 24, 20], BoxOrigin.USER)


def test_a_further_target() -> None:
    begin("0:5")
    run = go_on("--frames", "2:8", "--box", "18,26,8,8")
    assert ways(run, 2)[:9] == "--tttttt-" and ways(run)[:9] == "ttttt----", "only what was asked for is tracked"


def test_gaps_are_filled_as_in_the_window() -> None:
    lose(begin("0:20"), 6, 9)
    filled = go_on("--fill", "tracking")
    assert ways(filled)[:20] == "tttttt" + "ffff" + "t" * 10 and is_on_target(filled, range(20))
    assert {target.states[7] for target in filled.targets} == {TrackingState.TRACKING}
    line = go_on("--fill", "line", result="out/clip-3-run.json")
    before, middle, after = (line.result_at(index) for index in (5, 8, 10))
    assert before is not None and middle is not None and after is not None
    np.testing.assert_allclose(middle.box_xywh, 0.4 * before.box_xywh + 0.6 * after.box_xywh)
    assert np.isnan(middle.score) and line.producer_of(8) is None
    ranged = go_on("--fill", "line", "--frames", "2:5", result="out/clip-4-run.json")
    assert ways(ranged)[:20] == "ttt" + "f" + "t" * 16, "good boxes at the ends of a range stay"


def test_frames_between_two_boxes_that_were_never_tracked() -> None:
    begin("0:1")
    go_on("--frames", "20:21", "--targets", "1", "--box", "30,20,24,20")
    run = go_on("--fill", "tracking", run="out/clip-2-run.json", result="out/clip-3-run.json")
    assert ways(run)[:22] == "t" + "f" * 19 + "t-" and is_on_target(run, range(21))
    np.testing.assert_allclose(run.times_s, np.arange(21) / 25)


def test_the_tracker_of_the_run_continues_it_unless_something_else_is_said() -> None:
    before = begin()
    assert go_on("--count", "1").producers == before.producers
    changed = go_on("tracking.window_influence=0.3", result="out/clip-3-run.json")
    influences = [producer.config["tracking"]["window_influence"] for producer in changed.producers]
    assert influences[1] == 0.3 != influences[0]
    assert changed.producer_of(5) != changed.producer_of(6) == changed.producers[1]


REFUSALS = [
    (("--to-key",), "--to-key is about a saved run"),
    (("--fill", "line"), "--fill is about a saved run"),
    ((), "Say what to track in: --source, or --run"),
    (("--source", "clip.mp4", "--box", BOX, "--count", "0"), "--count 0 tracks nothing"),
    (("--run", "none.json"), "none.json"),
    (("--run", START, "--fill", "tracking"), "The run has no gap"),
    (("--run", START, "--fill", "line", "--frames", "1:3"), "has nothing to fill"),
    (("--run", START, "--fill", "line", "--count", "3"), "--fill goes with --frames and --targets only"),
    (("--run", START, "--to-key"), "There is no key frame after frame 5"),
    (("--run", START, "--frames", "9:"), "No target has a box in frame 9"),
    (("--run", START, "--frames", "9:12", "--backwards"), "No target has a box in frame 11"),
    (("--run", START, "--box", BOX), "Say in which frame the box is: A of --frames A:B"),
    (("--run", START, "--box", BOX, "--frames", ":", "--backwards"), "B of --frames A:B"),
    (("--run", START, "--box", "900,1,9,9", "--frames", "3:"), "outside"),
    (("--run", START, "--box", BOX, "--box", BOX, "--frames", "3:", "--targets", "1"), "2 for 1"),
    (("--run", START, "--targets", "7"), "The run has no target '7'"),
    (("--run", START, "--init-from-gt"), "--init-from-gt does not go with --run"),
]


def test_what_cannot_be_done_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    begin()
    for arguments, sentence in REFUSALS:
        before = sorted(Path().rglob("*"))
        assert track(*arguments) == 2, arguments
        assert sentence in capsys.readouterr().err, arguments
        assert sorted(Path().rglob("*")) == before, "nothing is written"


def test_the_video_is_that_of_the_whole_run(capsys: pytest.CaptureFixture[str]) -> None:
    import av

    begin()
    assert main(["track", "--progress", "none", "--device", "cpu", "--run", START, "--count", "2"]) == 0
    with av.open("out/clip-2.mp4") as container:
        assert sum(1 for _ in container.decode(video=0)) == 8
    assert "clip-2-run.json" in capsys.readouterr().out


def test_what_an_earlier_run_left_beside_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["track", "--progress", "none", "--device", "cpu", "--source", "clip.mp4", "--out", "out"]
    assert main([*arguments, "--box", BOX, "--frames", "0:3", "--format", "otb"]) == 0
    assert "earlier run" not in capsys.readouterr().err
    assert track("--source", "clip.mp4", "--box", BOX, "--frames", "0:4", "--out", "out", "--format", "mot-gt") == 0
    assert "Of an earlier run, so not of these boxes: clip.mp4." in " ".join(capsys.readouterr().err.split())
    assert track("--source", "clip.mp4", "--box", BOX, "--frames", "0:4", "--out", "out", "--format", "json") == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "not of these boxes: clip-boxes.txt, clip-run.json, clip.mp4." in said
