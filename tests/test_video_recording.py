"""Recordings in parts: bounded, joined without gaps, and readable after a crash."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from tracker_core.errors import OutputError
from tracker_core.rendering import parts, recording
from tracker_core.rendering.parts import parts_folder
from tracker_core.rendering.recording import (
    Recording,
    RecordingLimits,
    journal_of,
    recorded_run,
    recover_recordings,
)
from tracker_core.results.provenance import SourceIdentity, SourceKind
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run_file import load_run
from tracker_core.results.unfinished import RunJournal
from tracker_core.results.visibility import Visibility
from tracker_core.types import Frame, TrackingState, TrackResult

ALL = RecordingLimits()


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a second."""
    monkeypatch.setattr(parts, "PART_S", 1.0)


def frame(index: int, every_s: float = 0.1) -> Frame:
    """A grey image whose brightness tells its number."""
    return Frame(index, index * every_s, np.full((48, 64, 3), 20 + 6 * (index % 36), np.uint8))


def record(path: Path, indices: range, limits: RecordingLimits = ALL) -> Recording:
    made = Recording(path, 10.0, limits)
    for index in indices:
        made.write(frame(index))
    return made


def images(path: Path) -> list[tuple[float, int]]:
    """When each image is shown, and the number that its brightness tells."""
    with av.open(str(path)) as container:
        shown = [(float(f.time), f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]
    return [(round(time_s, 3), round((level - 20) / 6)) for time_s, level in shown]


def test_the_parts_become_one_video(tmp_path: Path) -> None:
    made = record(tmp_path / "a.mp4", range(35))
    assert len(list(parts_folder(made.path).glob("*.mkv"))) == 4
    made.finish()
    made.finish()
    assert made.images == 35 and not parts_folder(made.path).exists()
    shown = images(made.path)
    assert [time_s for time_s, _ in shown] == pytest.approx([i / 10 for i in range(35)], abs=0.002)
    assert [number for _, number in shown] == pytest.approx(range(35), abs=1)


def test_only_the_end_is_kept(tmp_path: Path) -> None:
    made = record(tmp_path / "a.mp4", range(57), RecordingLimits(seconds=2))
    status = made.status
    assert (round(status.seconds, 1), made.first_index) == (5.6, 30), "whole parts: at least two seconds, up to three"
    assert status.kept_s == pytest.approx(2.6)
    made.finish()
    assert made.images == 27 and images(made.path)[0][0] == 0.0


def test_the_size_is_bounded_too(tmp_path: Path) -> None:
    made = record(tmp_path / "a.mp4", range(57), RecordingLimits(bytes=1))
    assert made.first_index == 50, "the part that is written stays"
    made.finish()


def test_what_a_crash_leaves_is_completed_at_the_next_start(tmp_path: Path) -> None:
    made = record(tmp_path / "a.mp4", range(25))
    crashed = tmp_path / "after"
    shutil.copytree(parts_folder(made.path), parts_folder(crashed / "a.mp4"))  # as the disk is at this moment
    made.finish()
    last = sorted(parts_folder(crashed / "a.mp4").glob("*"))[-1]
    last.write_bytes(last.read_bytes()[:-100])
    assert recover_recordings(crashed) == [], "it may still be written"
    for part in parts_folder(crashed / "a.mp4").glob("*"):
        os.utime(part, (0, 0))
    assert recover_recordings(crashed) == [crashed / "a.mp4"]
    assert 20 <= len(images(crashed / "a.mp4")) <= 25
    assert recover_recordings(crashed) == [] and [p.name for p in crashed.iterdir()] == ["a.mp4"]


def test_a_crash_leaves_the_video_and_what_was_found_in_it(tmp_path: Path) -> None:
    """The last three seconds of five are kept; of the run, what is in the video, numbered as there."""
    made = record(tmp_path / "a.mp4", range(50), RecordingLimits(seconds=2))
    crashed = tmp_path / "after"
    shutil.copytree(parts_folder(made.path), parts_folder(crashed / "a.mp4"))
    made.finish()
    recorder = RunRecorder(SourceIdentity("camera 0", kind=SourceKind.CAMERA))
    recorder.set_key_frame(1, 0, (0, 5, 8, 8))
    for index in range(50):
        recorder.note_frame(index, index / 10)
        recorder.put(index, 1, TrackResult(np.array([float(index), 5, 8, 8]), 0.9))
    journal = RunJournal(journal_of(crashed / "a.mp4"), recorder)
    journal.close()
    for part in parts_folder(crashed / "a.mp4").glob("*"):
        os.utime(part, (0, 0))
    assert recover_recordings(crashed) == [crashed / "a-run.json"]
    assert sorted(path.name for path in crashed.iterdir()) == ["a-run.json", "a.mp4"]
    run = load_run(crashed / "a-run.json")
    count = len(images(crashed / "a.mp4"))
    assert not run.source.is_live and run.source.location == str(crashed / "a.mp4")
    assert run.frame_indices.tolist() == list(range(count))
    np.testing.assert_array_equal(run.targets[0].boxes_xywh[:, 0], np.arange(20, 20 + count))
    np.testing.assert_allclose(run.times_s, np.arange(count) / 10, atol=1e-3)


def test_nothing_is_made_of_parts_that_cannot_be_read(tmp_path: Path) -> None:
    folder = parts_folder(tmp_path / "a.mp4")
    folder.mkdir()
    (folder / "000000000-000000000000.mkv").write_bytes(b"cut")
    os.utime(folder / "000000000-000000000000.mkv", (0, 0))
    assert recover_recordings(tmp_path) == [] and list(tmp_path.iterdir()) == []


def test_a_full_disk_stops_it_and_keeps_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = record(tmp_path / "a.mp4", range(12))
    monkeypatch.setattr(recording.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    for index in range(12, 40):
        made.write(frame(index))
    assert "disk is nearly full" in made.status.trouble
    made.finish()
    assert made.images == 21, "up to the part that began last"


def test_a_disk_that_goes_away_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = record(tmp_path / "a.mp4", range(5))

    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(parts.PartsWriter, "append", fail)
    made.write(frame(5))
    assert "cannot be written" in made.status.trouble and "kept" in made.status.trouble
    made.finish()
    assert made.images == 5


def test_parts_stay_where_the_video_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = record(tmp_path / "a.mp4", range(5))

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(parts, "_copy_parts", fail)
    with pytest.raises(OutputError, match=r"disk is full.*kept in '.*a\.mp4\.parts'"):
        made.finish()
    assert len(list(parts_folder(made.path).glob("*.mkv"))) == 1


def test_a_run_becomes_one_of_its_recording(tmp_path: Path) -> None:
    """Frames 30 to 56 are kept; the target was drawn in frame 10 and again in 40."""
    made = record(tmp_path / "a.mp4", range(57), RecordingLimits(seconds=2))
    made.finish()
    recorder = RunRecorder(SourceIdentity("camera:0"))
    for index in range(10, 60):
        recorder.note_frame(index, index / 10)
        recorder.put(index, 1, TrackResult(np.array([float(index), 0, 5, 5]), 0.9, TrackingState.TRACKING))
    for key in (10, 40):
        recorder.set_key_frame(1, key, (key, 0, 5, 5))
    recorder.target(1).marks = {12: Visibility.OUTSIDE, 45: Visibility.OCCLUDED}
    run = recorded_run(recorder.build(), made)
    target = run.targets[0]
    assert run.frame_indices.tolist() == list(range(27)) and run.source.frame_count == 27
    assert not run.source.is_live and run.source.location == str(made.path)
    np.testing.assert_allclose(run.times_s, np.arange(27) / 10, atol=1e-3)
    assert [(key.index, key.box_xywh[0]) for key in target.key_frames] == [(0, 30.0), (10, 40.0)]
    assert dict(target.marks) == {15: Visibility.OCCLUDED}


def test_without_an_image_there_is_no_video(tmp_path: Path) -> None:
    made = record(tmp_path / "a.mp4", range(0))
    made.finish()
    assert made.images == 0 and list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="No frame was recorded"):
        recorded_run(RunRecorder(SourceIdentity("x")).build(), made)
