"""A live source that is recorded: the run is one of the video then, and more than boxes can be exported."""

from __future__ import annotations

from dataclasses import replace

import av
import numpy as np
import pytest
from fakes import LiveDrawing, drawn, true_box

from app.dialogs.export import ExportDialog
from app.dialogs.export_options import BOXES, VIDEO
from app.worker.messages import BoxRequest
from tracker_core.rendering.recording import RecordedSource, RecordingLimits, RecordingStatus
from tracker_core.results.run_file import load_run
from tracker_core.sources.opening import open_source
from tracker_core.types import Frame


class TimedDrawing(LiveDrawing):
    """Images 0.1 s apart."""

    def read(self):
        frame = super().read()
        return None if frame is None else Frame(frame.index, frame.index / 10, frame.image)

    def frames_since(self, index):
        return [Frame(frame.index, frame.index / 10, frame.image) for frame in super().frames_since(index)]


def times_of(path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]


def test_frames_are_numbered_and_timed_as_in_the_video(tmp_path):
    live = TimedDrawing()
    source = RecordedSource(live)
    source.record(tmp_path / "live.mp4")
    assert source.read().index == 0
    live.capture(3)  # read gives the newest: two are not seen
    frame = source.read()
    assert (frame.index, frame.time_s) == (1, pytest.approx(0.3))
    live.capture(2)
    assert [(f.index, round(f.time_s, 3)) for f in source.frames_since(frame.index)] == [(2, 0.4), (3, 0.5)]
    source.finish()
    live.capture(1)
    assert source.read().index == 4  # goes on unrecorded
    source.close()
    assert times_of(tmp_path / "live.mp4") == pytest.approx([0.0, 0.3, 0.4, 0.5], abs=0.01)


def test_a_frame_that_two_threads_take_is_recorded_once(tmp_path):
    source = RecordedSource(TimedDrawing())
    source.record(tmp_path / "live.mp4")
    assert source._take(drawn(3)) is not None and source._take(drawn(3)) is None
    assert source._take(drawn(2)) is None
    source.close()
    assert len(times_of(tmp_path / "live.mp4")) == 1


def test_a_recording_starts_in_the_middle(tmp_path):
    live = TimedDrawing()
    source = RecordedSource(live)
    for _ in range(3):
        source.read()
        live.capture(1)
    source.record(tmp_path / "live.mp4")
    assert source.read().index == 3
    recording = source.finish()
    assert (recording.first_index, recording.images, source.status) == (3, 1, None)
    source.close()


def test_a_tracked_camera_is_exported_as_a_video(drive, tmp_path):
    live = TimedDrawing()
    driver = drive(lambda spec: live)
    driver.player.set_recording(tmp_path / "videos", RecordingLimits(), True)
    notices, written = [], []
    driver.player.worker.notice.connect(notices.append)
    driver.player.worker.results_written.connect(written.append)
    driver.open("live")
    driver.qtbot.waitUntil(lambda: driver.player.is_playing)
    assert driver.player.source.is_recorded
    driver.window.player.freeze(True)
    driver.qtbot.waitUntil(lambda: not driver.player.is_playing)
    live.capture(1)  # read for a window that no longer plays, and recorded all the same
    driver.qtbot.waitUntil(lambda: driver.player.worker.playback._reader._frame is not None)
    live.capture(4)
    frame = driver.canvas.frame_view.frame
    driver.player.begin(BoxRequest(driver.player.source.serial, frame, tuple(true_box(0)), None, True))
    driver.qtbot.waitUntil(lambda: driver.index == 5)
    for index in range(6, 10):
        live.capture(1)
        driver.qtbot.waitUntil(lambda index=index: driver.index == index)
    driver.player.play(False)
    driver.qtbot.waitUntil(lambda: not driver.player.is_playing)
    driver.player.write_results(str(tmp_path / "run.json"))
    driver.qtbot.waitUntil(lambda: bool(written), timeout=10_000)
    run = load_run(tmp_path / "run.json")
    (video,) = (tmp_path / "videos").glob("*.mp4")
    assert run.source.location == str(video) and not run.source.is_live and run.source.fingerprint
    assert run.frame_indices.tolist() == list(range(10))
    np.testing.assert_allclose(run.times_s, np.arange(10) / 10, atol=1e-6)
    assert len(times_of(video)) == 10
    source = open_source(run.source.location)
    assert source.read() is not None
    source.close()
    driver.player.close_source()
    driver.qtbot.waitUntil(lambda: any(str(video) in notice for notice in notices))
    assert not driver.failures


def test_a_recording_that_began_late_is_exported_as_far_as_it_goes(drive, tmp_path):
    """Frames 0 to 2 are tracked before it begins: the video has the four that follow, the boxes are all there."""
    live = TimedDrawing()
    driver = drive(lambda spec: live)
    player = driver.player
    player.set_recording(tmp_path, RecordingLimits(), False)
    told = []
    player.worker.recording_changed.connect(told.append)
    driver.open("live")
    driver.qtbot.waitUntil(lambda: driver.canvas.frame_view is not None)
    player.begin(BoxRequest(player.source.serial, driver.canvas.frame_view.frame, tuple(true_box(0)), None, True))
    driver.qtbot.waitUntil(lambda: player.is_tracking)
    for count in range(1, 7):
        if count == 3:
            player.record(True)
            driver.qtbot.waitUntil(lambda: bool(told) and told[-1] is not None, timeout=5000)
        live.capture(1)
        driver.qtbot.waitUntil(lambda count=count: driver.index == count, timeout=5000)
    dialogs = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExportDialog, "exec_", lambda self: dialogs.append(self))
        driver.window.exports.ask()
    options = dialogs[0].options()
    assert dialogs[0].range.findData("own") < 0 and options.kind == VIDEO
    for kind, name in ((BOXES, "boxes.csv"), (VIDEO, "out.mp4")):
        driver.window.exports.export(replace(options, kind=kind, path=str(tmp_path / name), box_format="csv"))
        driver.qtbot.waitUntil(lambda: bool(driver.window.jobs.running), timeout=10_000)
        driver.qtbot.waitUntil(lambda: not driver.window.jobs.running, timeout=30_000)
    assert not driver.failures
    assert len(times_of(tmp_path / "out.mp4")) == 4
    assert len((tmp_path / "boxes.csv").read_text().splitlines()) == 1 + 7


def test_nothing_is_recorded_unless_asked(drive, tmp_path):
    driver = drive(lambda spec: TimedDrawing())
    driver.open("live")
    driver.qtbot.waitUntil(lambda: driver.player.source is not None)
    assert not driver.player.source.is_recorded


def test_a_recording_is_started_and_completed_while_tracking(drive, tmp_path):
    """Its video opens as any other, with what was found meanwhile."""
    live = TimedDrawing()
    driver = drive(lambda spec: open_source(spec) if spec.endswith(".mp4") else live)
    player = driver.player
    player.set_recording(tmp_path, RecordingLimits(seconds=600), False)
    told, opens = [], []
    player.worker.recording_changed.connect(told.append)
    player.worker.recorded.connect(opens.append)
    driver.open("live")
    driver.qtbot.waitUntil(lambda: driver.canvas.frame_view is not None)
    frame = driver.canvas.frame_view.frame
    player.begin(BoxRequest(player.source.serial, frame, tuple(true_box(0)), None, True))
    driver.qtbot.waitUntil(lambda: player.is_tracking)
    player.record(True)
    driver.qtbot.waitUntil(lambda: bool(told) and told[-1] is not None, timeout=5000)
    assert player.source.is_recorded
    for count in range(1, 6):
        live.capture(1)
        driver.qtbot.waitUntil(lambda count=count: driver.index == count, timeout=5000)
    player.record(False)
    driver.qtbot.waitUntil(lambda: bool(opens), timeout=10_000)
    assert told[-1] is None and opens[0].endswith("-run.json")
    (saved,) = tmp_path.glob("sessions/*.run1.jsonl")  # from now on it is saved there, with all that came meanwhile
    driver.qtbot.waitUntil(lambda: len(load_run(saved)) == 6)
    driver.open(opens[0])
    driver.qtbot.waitUntil(lambda: player.source.is_seekable, timeout=5000)
    driver.qtbot.waitUntil(lambda: player.summary.source.serial == player.source.serial, timeout=5000)
    (target,) = player.summary.targets
    assert (player.source.frame_count, target.key_frames, target.count) == (5, (0,), 5)
    player.seek(3)
    driver.qtbot.waitUntil(lambda: driver.index == 3, timeout=5000)
    assert driver.canvas.frame_view.targets[0].result is not None
    assert not driver.failures


def test_the_status_bar_tells_the_recording(drive, tmp_path):
    status = drive().window.status
    limits = RecordingLimits(seconds=600)
    status.show_recording(RecordingStatus(tmp_path / "a.mp4", 12.4, 12.4, limits))
    assert status.recording.text().endswith("REC 00:12, last 10 min kept") and not status.recording.isHidden()
    status.show_recording(RecordingStatus(tmp_path / "a.mp4", 3723.0, 605.0, limits))
    assert "REC 1:02:03" in status.recording.text() and "the last 10:05" in status.recording.toolTip()
    status.show_recording(None)
    assert status.recording.isHidden()
