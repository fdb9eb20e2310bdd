"""Reading and tracking from a frame back to the start: every frame once, in bounded memory and work."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from cli_sources import BOX, COUNT, make_images, make_video

from tracker_core.cli.main import main
from tracker_core.errors import SourceError
from tracker_core.results.loop import track
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run_file import load_run
from tracker_core.results.unfinished import RunJournal
from tracker_core.sources.backwards import read_backwards
from tracker_core.sources.opening import open_source
from tracker_core.types import Frame, ResultOrigin, TrackResult

IMAGE_BYTES = 64 * 96 * 3


class NumberedSource:
    """A source of `count` images that each hold their number; counts what is decoded from key frames 10 apart."""

    name, is_live, is_seekable, fps = "numbered", False, True, 25.0
    size, frame_names = (4, 4), None

    def __init__(self, count: int, damaged: tuple[int, ...] = ()) -> None:
        self.frame_count = count
        self.decoded = self._next = 0
        self._damaged = damaged

    def last_index(self) -> int:
        return self.frame_count - 1

    def read(self) -> Frame | None:
        while self._next in self._damaged:
            self._next += 1
        if self._next >= self.frame_count:
            return None
        self.decoded += 1
        self._next += 1
        return Frame(self._next - 1, (self._next - 1) / 25, np.full((4, 4, 3), (self._next - 1) % 256, np.uint8))

    def seek(self, index: int) -> None:
        self.decoded += index % 10
        self._next = index

    def close(self) -> None:
        pass


class Walker:
    """A tracker that says which images it was shown, by moving its box to their number."""

    name = "walker"

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.resumed: list[float] = []

    def init(self, image: Any, box_xywh: Any) -> None:
        self.seen = [int(image[0, 0, 0])]

    def update(self, image: Any, *, debug: bool = False) -> TrackResult:
        self.seen.append(int(image[0, 0, 0]))
        return TrackResult(np.array([self.seen[-1], 0.0, 2.0, 2.0]), 0.5)

    def resume(self, box_xywh: Any, scores: list[float]) -> None:
        self.resumed = [float(box_xywh[0]), *scores]


@pytest.mark.parametrize("damaged", [(), (40, 41), (0, 1), (23,)])  # in a chunk, at the start, at a chunk's edge
@pytest.mark.parametrize("budget", [1, 10 * 48, 10_000 * 48])  # a frame, ten, all
def test_every_frame_comes_once_in_reverse(budget: int, damaged: tuple[int, ...]) -> None:
    source = NumberedSource(100, damaged)
    source.seek(56)
    indices = [frame.index for frame in read_backwards(source, chunk_bytes=budget)]
    assert indices == [index for index in range(56, -1, -1) if index not in damaged]


def test_the_work_grows_with_the_length_alone() -> None:
    """Chunks of 50 frames: each decodes at most 9 frames of the key frame before it in addition."""
    work = []
    for count in (200, 2000):
        source = NumberedSource(count)
        source.seek(count - 1)
        assert sum(1 for _ in read_backwards(source, chunk_bytes=50 * 48)) == count
        work.append(source.decoded / count)
    assert max(work) < 1.5


def test_the_images_are_those_of_reading_forwards(tmp_path: Path) -> None:
    with_chunks, forwards = (open_source(make_video(tmp_path / "clip.mp4")) for _ in range(2))
    want = [forwards.read() for _ in range(COUNT)]
    with_chunks.seek(COUNT - 1)
    got = list(read_backwards(with_chunks, chunk_bytes=7 * IMAGE_BYTES))[::-1]
    assert [frame.index for frame in got] == list(range(COUNT))
    for one, other in zip(got, want, strict=True):
        assert other is not None and one.time_s == other.time_s
        np.testing.assert_array_equal(one.image, other.image)
    with_chunks.close()
    forwards.close()


def test_the_loop_says_which_way_it_went() -> None:
    source, walker = NumberedSource(9), Walker()
    source.seek(5)
    outcomes = list(track([walker], source, [np.array([0.0, 0.0, 2.0, 2.0])], is_backwards=True))
    assert walker.seen == [5, 4, 3, 2, 1, 0]
    assert [outcome.result.origin for outcome in outcomes] == [ResultOrigin.TRACKED] + [ResultOrigin.BACKWARDS] * 5


def test_a_live_source_has_no_way_back() -> None:
    source = NumberedSource(9)
    source.is_seekable = False
    with pytest.raises(SourceError, match=r"'numbered' is live; its earlier frames are gone"):
        next(track([Walker()], source, [np.zeros(4)], is_backwards=True))


# --- on the command line ----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_track(*arguments: str) -> int:
    return main(["track", "--out", "out", "--progress", "none", "--device", "cpu", "--backwards", *arguments])


def boxes() -> list[dict[str, str]]:
    with Path("out/clip-boxes.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_track_goes_back_from_the_end_of_the_range() -> None:
    make_video(Path("clip.mp4"))
    assert run_track("--source", "clip.mp4", "--box", "30,20,24,20", "--frames", "5:21", "--json", "s.json") == 0
    rows = boxes()
    assert [int(row["frame"]) for row in rows] == list(range(5, 21))
    assert float(rows[-1]["x"]) == 30 and abs(float(rows[0]["x"]) - 15) < 6, "the target walks one pixel a frame"
    assert [row["origin"] for row in rows] == ["backwards"] * 15 + ["tracked"]
    run = load_run("out/clip-run.json")
    assert [key.index for key in run.targets[0].key_frames] == [20]
    with av.open("out/clip.mp4") as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert len(times) == 16 and times == sorted(times), "the video runs forwards"
    assert json.loads(Path("s.json").read_text())["frames"] == 16


def test_without_a_range_it_starts_in_the_last_frame() -> None:
    make_images(Path("clip"), 5)
    assert run_track("--source", "clip", "--box", "14,20,24,20", "--no-video") == 0
    assert [row["origin"] for row in boxes()] == ["backwards"] * 4 + ["tracked"]


def test_a_box_in_a_frame_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    make_video(Path("clip.mp4"))
    assert run_track("--source", "clip.mp4", "--box", BOX, "--frames", "0:99") != 0
    assert "frame 98 does not exist" in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_killed_run_is_continued_towards_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    make_video(Path("clip.mp4"))
    assert run_track("--source", "clip.mp4", "--box", "30,20,24,20", "--frames", ":21", "--no-video") == 0
    whole = boxes()
    killed = RunRecorder.from_run(load_run("out/clip-run.json"))
    killed.drop(1, 0, 12)
    RunJournal(Path("out/clip-run.jsonl"), killed).close()
    assert run_track("--source", "clip.mp4", "--box", "30,20,24,20", "--frames", ":21", "--no-video") == 0
    assert "continued after frame 12" in capsys.readouterr().err
    again = boxes()
    assert [row["frame"] for row in again] == [row["frame"] for row in whole]
    for key in "xywh":
        np.testing.assert_allclose([float(row[key]) for row in again], [float(row[key]) for row in whole], atol=0.01)
