"""Odd videos: count, times, shape and colours are those of FFmpeg's own program, whichever way one gets to a frame."""

from __future__ import annotations

import itertools
import json
import os
import random
from pathlib import Path
from typing import Any

import av.codec.codec
import cv2
import numpy as np
import pytest
from video_corpus import FILES, FROZEN, STEADY, encode, number_in

from tracker_core.sources import open_source
from tracker_core.sources.video_file import VideoFileSource
from tracker_core.types import Frame, iterate_frames

SAID: dict[str, Any] = json.loads(FROZEN.read_text())["files"]
BYTES_MATTER = ("cut", "damaged")  # where another version of an encoder leaves other frames
TIMES_OF_OUR_OWN = {
    "joined.mkv",  # FFmpeg's program lets the time start again at the second recording, here it runs on
    "cut.avi",  # and it gives the last frame, whose packet is torn, a time one frame too late
}
# Frames whose packet cannot be decoded keep their number, which no frame has then.
UNUSED_NUMBERS = {"damaged.mp4": [5]}
# Quarters are means over thousands of pixels; what differs is how scalers round and spread chroma.
TOLERANCE = {"dv.avi": 8, "dv_wide.dv": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


def make(folder: Path, name: str) -> Path:
    """Make a file of the corpus, once."""
    path = folder / name
    if not path.exists():
        try:
            FILES[name](path)
        except av.codec.codec.UnknownCodecError as error:
            pytest.skip(f"this PyAV has no encoder for it ({error})")
    if name.startswith(BYTES_MATTER) and path.stat().st_size != SAID[name]["bytes"]:
        pytest.skip("another version of the encoder made another file")
    return path


def open_video(path: Path) -> VideoFileSource:
    source = open_source(path)
    assert isinstance(source, VideoFileSource)
    return source


def quarters(frame: Frame) -> np.ndarray:
    return cv2.resize(frame.image, (2, 2), interpolation=cv2.INTER_AREA).reshape(-1).astype(float)


@pytest.mark.parametrize("name", FILES)
def test_frames_are_those_that_ffmpeg_shows(folder: Path, name: str) -> None:
    said = SAID[name]
    source = open_video(make(folder, name))
    frames = list(iterate_frames(source))
    assert len(frames) == len(said["times_s"])
    indices = [frame.index for frame in frames]
    if name in UNUSED_NUMBERS:
        assert sorted({*range(indices[-1] + 1)} - {*indices}) == UNUSED_NUMBERS[name]
    else:
        assert indices == list(range(len(frames)))
    sizes = [[frame.image.shape[1], frame.image.shape[0]] for frame in frames]
    assert sizes == (said["sizes"] if len(said["sizes"]) > 1 else said["sizes"] * len(frames))
    times_s = [frame.time_s for frame in frames]
    if name not in TIMES_OF_OUR_OWN:
        assert times_s == pytest.approx([time_s - said["times_s"][0] for time_s in said["times_s"]], abs=1.5e-3)
    assert all(later > earlier for earlier, later in itertools.pairwise(times_s))
    for index, want in said["quarters"].items():
        assert np.abs(quarters(frames[int(index)]) - want).max() <= TOLERANCE.get(name, 4), index
    assert source.frame_count == indices[-1] + 1 and source.is_count_exact

    source.close()
    again = open_video(folder / name)
    assert again.last_index() == indices[-1]
    for place in {len(frames) - 1, 0, len(frames) // 2, len(frames) // 3, max(0, len(frames) - 2)}:
        again.seek(indices[place])
        frame = again.read()
        assert frame is not None and frame.index == indices[place]
        assert frame.time_s == pytest.approx(times_s[place], abs=1e-9)
        np.testing.assert_array_equal(frame.image, frames[place].image)
    again.close()


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("b.mp4", "mpeg4"), ("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("b.avi", "mjpeg")],
)
@pytest.mark.parametrize("seed", [1, 3])
def test_a_frame_has_one_number_however_damaged_the_file_is(tmp_path: Path, name: str, codec: str, seed: int) -> None:
    """Three places are overwritten; a jump over them must find what reading in a row finds."""
    path = tmp_path / name
    options = STEADY if codec == "libx264" else {}
    encode(path, codec, numbers=range(150), options=options, pixels="yuvj420p" if codec == "mjpeg" else "yuv420p")
    content = bytearray(path.read_bytes())
    chance = random.Random(seed)
    for _ in range(3):
        start, count = int(len(content) * chance.uniform(0.1, 0.5)), chance.choice((4, 40))
        content[start : start + count] = chance.randbytes(count)
    path.write_bytes(content)
    frames = {frame.index: frame.image for frame in iterate_frames(open_video(path))}
    assert len(frames) > 10  # Matroska loses everything up to the next cluster
    last = max(frames)
    for index in (last, last // 2, 120, 60):
        if index not in frames:
            continue
        source = open_video(path)  # which has seen nothing of the damage yet
        source.seek(index)
        frame = source.read()
        assert frame is not None and frame.index == index
        assert number_in(frame.image) == number_in(frames[index])
        source.close()
    assert open_video(path).last_index() == last


@pytest.mark.parametrize(
    ("name", "fps", "count"),
    [
        ("time_lapse.mp4", 0.05, 12),  # one frame every 20 s
        ("time_lapse.mkv", 0.05, 12),  # the header says 1
        ("lying_rate.mkv", 5.0, 24),  # the header says 30
        ("jitter.webm", 24.8, 24),  # as browsers record: the header says 1000
        ("recorded.webm", 24.8, 24),  # and there is no duration
        ("recorded.mkv", 25.0, 24),
        ("raw_50.h264", 50.0, 24),  # FFmpeg's average rate says 25
        ("raw.h264", 25.0, 24),
        ("fast.mp4", 960.0, 24),
        ("dropped.avi", 25.0, 24),  # 8 frames are left out, the others follow each other at 25
        ("late.mkv", 25.0, 24),  # its duration counts from zero, its frames start at 5 s
        ("hidden.webm", 25.0, 21),  # 24 packets, 3 of which are never shown
        ("joined_later.ts", 25.0, 48),  # the second recording starts 80 s later
    ],
)
def test_rate_and_length_are_known_before_reading(folder: Path, name: str, fps: float, count: int) -> None:
    source = open_video(make(folder, name))
    source.count_frames()
    assert source.frame_count == count
    assert source.fps == pytest.approx(fps, rel=2e-3)
    assert source.warnings == []
    source.close()


@pytest.mark.parametrize("name", ["late.mkv", "recorded.mkv", "hidden.webm", "alt_ref.webm", "hidden.ivf", "vfr.mkv"])
def test_sound_files_need_no_notes(folder: Path, name: str) -> None:
    source = open_video(make(folder, name))
    count = len(list(iterate_frames(source)))
    for index in (count - 1, 0, count // 2):
        source.seek(index)
        assert source.read() is not None
    assert source.warnings == []


def test_boxes_of_data_sets_stay_on_the_pixels_that_are_stored(folder: Path) -> None:
    path = make(folder, "hdv.ts")
    assert VideoFileSource(path).size == (128, 64)
    assert VideoFileSource(path, keeps_pixels=True).size == (96, 64)


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="this system has no such policies")
def test_making_the_corpus_leaves_the_tests_their_priority(tmp_path: Path) -> None:
    before = os.sched_getscheduler(0)
    make(tmp_path, "av1.mp4")
    assert os.sched_getscheduler(0) == before
