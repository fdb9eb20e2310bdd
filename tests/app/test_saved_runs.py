"""A saved run opens in the window: with its source, and explained by what made it or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import DrawnSource, draw_frame, true_box

from app.session.saved_runs import is_saved_run, open_saved_run
from app.session.session import Session
from app.session.trackers import TrackerChoice
from app.window.application import build_session_tracker
from app.worker.messages import BoxRequest
from tracker_core.errors import InputError
from tracker_core.rendering.writers import VideoWriter
from tracker_core.results.identity import identify_source
from tracker_core.results.provenance import Producer, SourceKind
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run_file import load_run, save_run
from tracker_core.results.unfinished import RunJournal, parse_unfinished
from tracker_core.sources.opening import open_source
from tracker_core.trackers import producers
from tracker_core.types import TrackingState, TrackResult

COUNT = 12
GONE = Producer("gone")


@pytest.fixture
def clip(tmp_path) -> Path:
    path = tmp_path / "square.mp4"
    with VideoWriter(path, 25) as writer:
        for index in range(COUNT):
            writer.write(draw_frame(index))
    return path


def record(clip: Path, producer: Producer | None = GONE) -> RunRecorder:
    """A run of the drawn square's true boxes, by a tracker that is not here."""
    source = open_source(str(clip))
    recorder = RunRecorder(identify_source(source, str(clip)), producer)
    source.close()
    recorder.set_key_frame(1, 0, true_box(0))
    for index in range(COUNT):
        recorder.note_frame(index, index / 25)
        recorder.put(index, 1, TrackResult(true_box(index), 0.5, TrackingState.TRACKING))
    return recorder


def test_the_window_opens_a_run_with_its_source(drive, clip, tmp_path):
    run_file = save_run(tmp_path / "square-run.json", record(clip).build())
    driver = drive(open_source)
    driver.open(str(run_file))
    driver.qtbot.waitUntil(lambda: bool(driver.player.summary.targets))
    assert driver.player.source.spec == str(clip)
    assert sorted(driver.results()) == list(range(COUNT))
    driver.player.seek(7)
    driver.qtbot.waitUntil(lambda: driver.index == 7)
    np.testing.assert_array_equal(driver.canvas.frame_view.targets[0].result.box_xywh, true_box(7))
    assert not driver.failures


# what its networks ran on, as the list of runs names the tracker
@pytest.mark.parametrize(
    ("runtime", "shown"), [("onnx", "gone"), ("onnx-int8", "gone (int8)"), ("cuda-fp16", "gone (fp16)")]
)
def test_the_list_of_runs_names_a_precision_that_is_not_exact(drive, clip, tmp_path, runtime, shown):
    run = record(clip, Producer("gone", runtime=runtime)).build()
    driver = drive(open_source)
    driver.open(str(save_run(tmp_path / "square-run.json", run)))
    driver.qtbot.waitUntil(lambda: bool(driver.player.summary.targets))
    tree = driver.window.panels.runs.tree
    driver.qtbot.waitUntil(lambda: tree.topLevelItemCount() == 1)
    assert tree.topLevelItem(0).text(2) == shown


def test_what_is_only_looked_at_is_not_kept_as_the_users_own(drive, clip, tmp_path):
    run_file = save_run(tmp_path / "square-run.json", record(clip).build())
    driver = drive(open_source)
    driver.open(str(run_file))
    driver.qtbot.waitUntil(lambda: bool(driver.player.summary.targets))
    driver.window.open(str(clip))
    driver.qtbot.waitUntil(lambda: not driver.player.summary.targets)
    assert not list((tmp_path / "sessions").glob("*.json*"))


def test_what_is_found_in_an_opened_run_is_kept_and_so_is_what_was_kept_before(drive, clip, tmp_path):
    driver = drive(open_source)
    driver.open(str(clip))
    driver.window.player.begin(BoxRequest(driver.player.source.serial, driver.canvas.frame_view.frame, true_box(0)))
    driver.qtbot.waitUntil(lambda: bool(driver.player.summary.targets))

    recorder = record(clip)
    recorder.drop(1, 8)
    driver.window.open(str(save_run(tmp_path / "square-run.json", recorder.build())))
    driver.qtbot.waitUntil(lambda: bool(driver.player.summary.targets) and driver.player.summary.targets[0].count == 8)
    driver.player.seek(7)
    driver.window.actions_["track"].trigger()
    driver.qtbot.waitUntil(lambda: driver.index == COUNT - 1, timeout=10_000)
    driver.qtbot.waitUntil(lambda: not driver.player.is_playing)

    found = {path.name.partition(".")[2]: path for path in (tmp_path / "sessions").glob("*.jsonl")}
    frames = {name: parse_unfinished(path.read_text()).frames() for name, path in found.items() if "ghost" not in name}
    # what was kept before, what was opened, and what the tracker chosen here found after it
    assert frames == {"run1.jsonl": [0], "run2.jsonl": list(range(8)), "run3.jsonl": list(range(COUNT))}


def test_an_unfinished_run_opens_as_far_as_it_goes(clip, tmp_path):
    recorder = record(clip)
    recorder.drop(1, 8)
    RunJournal(tmp_path / "square.jsonl", recorder).close()
    assert is_saved_run(str(tmp_path / "square.jsonl"))
    source, found = open_saved_run(str(tmp_path / "square.jsonl"), open_source)
    source.close()
    assert found.frames() == list(range(8))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("boxes.json", '{"images": [], "annotations": []}'),  # COCO
        ("clip.mp4", '{"format": "siamscope-tracks"}'),  # a video's name
        ("empty.json", ""),
    ],
)
def test_other_files_are_not_runs(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert not is_saved_run(str(tmp_path / name))
    assert not is_saved_run(str(tmp_path / "missing.json"))


def replaced(clip: Path) -> None:
    with VideoWriter(clip, 25) as writer:
        for index in range(COUNT):
            writer.write(draw_frame(index + 40))


def resized(clip: Path) -> None:
    with VideoWriter(clip, 25) as writer:
        for index in range(COUNT):
            writer.write(np.ascontiguousarray(draw_frame(index)[:200]))


@pytest.mark.parametrize(
    ("change", "sentence"), [(replaced, "content"), (resized, "image size"), (Path.unlink, "square.mp4")]
)
def test_a_source_that_is_not_what_was_tracked_is_one_sentence(clip, tmp_path, change, sentence):
    run_file = save_run(tmp_path / "square-run.json", record(clip).build())
    change(clip)
    with pytest.raises(Exception, match=sentence) as caught:
        open_saved_run(str(run_file), open_source)
    assert str(caught.value).count("\n") == 0


def test_a_live_run_and_one_without_a_place_are_refused(clip, tmp_path):
    run = record(clip).build()
    live = save_run(tmp_path / "live.json", replace(run, source=replace(run.source, kind=SourceKind.CAMERA)))
    with pytest.raises(InputError, match="not recorded"):
        open_saved_run(str(live), open_source)
    lost = save_run(tmp_path / "lost.json", replace(run, source=replace(run.source, location="")))
    with pytest.raises(InputError, match="does not say"):
        open_saved_run(str(lost), open_source)


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """A run of the default tracker with parameters of its own."""
    session = Session(build_session_tracker)
    frame = session.open(DrawnSource(6), "drawn").frame
    session.set_tracking_config(replace(session.build_tracker().tracking, window_influence=0.11))
    session.begin(frame, true_box(0))
    session.is_tracking = True
    while session.read_next() is not None:
        pass
    return save_run(tmp_path_factory.mktemp("run") / "drawn-run.json", session.build_run())


class TestExplanation:
    """Heat map and candidates of a shown result come from what made it, not from the tracker that is chosen now."""

    @staticmethod
    def show(run_file):
        session = Session(build_session_tracker)
        session.open(DrawnSource(6), "drawn")
        session.runs.add(RunRecorder.from_run(load_run(run_file)))
        session.wants_debug = True
        return session

    def test_a_tracker_with_other_parameters_is_not_asked(self, tracked):
        session = self.show(tracked)
        session.build_tracker()
        view = session.seek(3)
        assert view.remark == "" and view.targets[0].result.debug is not None
        producer = session.run.recorder.producer_of(3)
        assert session.trackers.explainer(producer).base.tracking.window_influence == 0.11
        assert session.build_tracker().tracking.window_influence != 0.11

    def test_weights_that_are_gone_are_one_sentence(self, tracked):
        session = self.show(tracked)
        recorder = session.run.recorder
        other = replace(recorder.producer_of(3), weights_sha256="0" * 64, weights_path="/nowhere.pt")
        for index in range(1, 6):
            session.run.add(index, 1, recorder.result_at(index), other)
        view = session.seek(3)
        assert view.targets[0].result.debug is None and view.targets[0].result is not None
        assert "not here" in view.remark and view.remark.count("\n") == 0

    def test_another_precision_is_said(self, tracked, monkeypatch):
        """Where a device has not the precision that a run was computed in, its explanation names both."""
        session = self.show(tracked)
        recorder = session.run.recorder
        other = replace(recorder.producer_of(3), runtime="onnx-int8")
        for index in range(1, 6):
            session.run.add(index, 1, recorder.result_at(index), other)
        monkeypatch.setattr(producers, "_precision_on", lambda *_asked: "fp32")  # as on a GPU
        assert "computed in int8; the explanation is computed in fp32" in session.seek(3).remark

    def test_an_export_names_what_made_the_run(self, tracked):
        session = self.show(tracked)
        session.choose_tracker(TrackerChoice())
        (producer,) = session.build_run().producers
        assert producer.config["tracking"]["window_influence"] == 0.11
        assert len(producer.weights_sha256) == 64


def test_results_of_an_earlier_version_say_that_they_cannot_be_explained(clip):
    session = Session(build_session_tracker)
    session.open(open_source(str(clip)), str(clip))
    session.runs.add(record(clip, None))
    session.wants_debug = True
    assert "do not say which tracker" in session.seek(4).remark
    session.close_source()


@pytest.mark.parametrize(
    ("name", "cores", "threads"),
    [
        ("siamscope-light", 1, [1]),
        ("siamscope-light", 2, [1]),
        ("siamscope-light", 4, [3]),
        ("siamscope-base", 2, [1, 1]),
        ("siamscope-base", 4, [1, 1]),  # two of three would compete for the third
        ("siamscope-base", 5, [2, 2]),  # they work at the same time, on four
    ],
)
def test_a_core_is_left_to_the_window(name, cores, threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", str(cores))
    tracker = build_session_tracker(TrackerChoice(name, device="cpu"))
    assert [runner.threads for runner in tracker.runners] == threads
