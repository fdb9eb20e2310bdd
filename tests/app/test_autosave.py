"""Autosave: nothing that was tracked is lost, nothing is shown on other images, and no file names a password."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import DrawnSource, MatchingTracker, drawn, true_box
from ledger import entries_of

from app.session.journal import Journal
from app.session.runs import Runs
from app.session.session import Session
from app.worker.messages import BoxRequest
from tracker_core.errors import InputError, OutputError
from tracker_core.results import unfinished
from tracker_core.results.identity import identify_source
from tracker_core.results.provenance import Producer, SourceIdentity, SourceKind
from tracker_core.results.run import BoxOrigin
from tracker_core.results.unfinished import parse_unfinished
from tracker_core.results.visibility import Visibility
from tracker_core.sources.opening import open_source
from tracker_core.types import TrackingState, TrackResult

DATA = Path(__file__).parents[1] / "data" / "session"
PRODUCER = Producer("matching", {"tracking": {"window_influence": 0.4}})
LOST_BOX = TrackResult(true_box(9), 0.2, TrackingState.LOST)
CLIP = SourceIdentity("clip", "/nowhere/clip.mp4", SourceKind.VIDEO, (320, 240), 30.0, 30, "a" * 64)


def tracked_runs(source: SourceIdentity = CLIP, first: int = 0, count: int = 5) -> Runs:
    runs = Runs(source)
    draw(runs, first)
    add(runs, first + 1, count - 1)
    return runs


def draw(runs: Runs, index: int, number: int = 1, box=None, by: BoxOrigin = BoxOrigin.USER) -> None:
    with runs.edit("box") as run:
        run.set_key(drawn(index), number, true_box(index) if box is None else box, by, PRODUCER)


def add(runs: Runs, first: int, count: int, producer: Producer = PRODUCER) -> None:
    for index in range(first, first + count):
        runs.active.add(index, 1, TrackResult(true_box(index), 0.5, TrackingState.TRACKING), producer)


def edit(runs: Runs, change) -> None:
    with runs.edit("change") as run:
        change(run)


def found_in(folder, source: SourceIdentity = CLIP):
    """The active run that was saved for a source."""
    saved = Journal(folder).restore(source)
    return next(run for run in saved.runs if run.number == saved.active)


def restored(folder, source: SourceIdentity = CLIP):
    if Journal(folder).restore(source) is None:
        return None
    return {number: sorted(target.results) for number, target in found_in(folder, source).targets.items()}


class TestJournal:
    def test_what_was_saved_comes_back_with_its_producer_and_key_frames(self, tmp_path):
        runs = tracked_runs()
        Journal(tmp_path).save(runs)
        found = found_in(tmp_path)
        run_again, expected = found.recorder.build(), runs.active.recorder.build()
        np.testing.assert_array_equal(run_again.targets[0].boxes_xywh, expected.targets[0].boxes_xywh)
        assert run_again.targets[0].states == expected.targets[0].states
        assert run_again.producers == (PRODUCER,) and run_again.source == CLIP
        (key,) = run_again.targets[0].key_frames
        assert key.by is BoxOrigin.USER and not found.ghost.frames()

    def test_results_are_appended_without_writing_the_file_again(self, tmp_path):
        journal, runs = Journal(tmp_path), tracked_runs()
        journal.save(runs)
        (path,) = tmp_path.glob("*.run1.jsonl")
        before, number = path.read_bytes(), path.stat().st_ino
        add(runs, 5, 3)
        journal.save(runs)
        assert path.read_bytes().startswith(before) and path.stat().st_ino == number
        assert restored(tmp_path) == {1: list(range(8))}

    @pytest.mark.parametrize("is_restored", [False, True])
    @pytest.mark.parametrize(
        "change",
        [
            lambda runs: draw(runs, 2),  # what followed goes to the ghost
            lambda runs: draw(runs, 3, 2),  # another target
            lambda runs: runs.describe_target(1, "Anna", "#ff0000"),
            lambda runs: runs.rename(1, "the first one"),
            lambda runs: runs.set_length_scale("120 px = 1.8 m"),
            lambda runs: edit(runs, lambda run: run.mark(1, [1, 2, 4], Visibility.OCCLUDED)),
            lambda runs: edit(runs, lambda run: run.fill(1, {7: LOST_BOX}, None)),
            lambda runs: (draw(runs, 2), add(runs, 3, 4), runs.history.undo()),  # all that was there comes back
            lambda runs: runs.active.replace(2, 1, LOST_BOX, PRODUCER),
        ],
    )
    def test_a_change_is_appended_and_cut_off_as_a_whole(self, tmp_path, change, is_restored):
        journal, runs = Journal(tmp_path), tracked_runs()
        journal.save(runs)
        if is_restored:
            journal, runs = Journal(tmp_path), Runs(CLIP)
            saved = journal.restore(CLIP)
            runs.restore(saved.runs, saved.active)
        (path,) = tmp_path.glob("*.run1.jsonl")
        before, number, entries = path.read_bytes(), path.stat().st_ino, entries_of(runs.active)
        change(runs)
        expected = entries_of(runs.active)
        journal.save(runs)
        after = path.read_bytes()
        assert after.startswith(before) and path.stat().st_ino == number, "nothing was written again"
        assert entries_of(found_in(tmp_path)) == expected
        add(runs, 20, 2)
        journal.save(runs)
        assert entries_of(found_in(tmp_path)) == entries_of(runs.active), "and it goes on"
        for now, then in (
            (runs.active.recorder, found_in(tmp_path).recorder),
            (runs.active.ghost, found_in(tmp_path).ghost),
        ):
            assert repr([then.frame_note(i) for i in then.frames()]) == repr([now.frame_note(i) for i in now.frames()])
        if (
            after != before and after.count(b"\n") == before.count(b"\n") + 1
        ):  # one line, of which a crash cuts off some
            path.write_bytes(after[:-20])
            kept = {entry for entry in entries_of(found_in(tmp_path)) if entry in entries}
            assert kept == entries

    def test_a_file_does_not_grow_with_every_undo(self, tmp_path, monkeypatch):
        monkeypatch.setattr(unfinished, "MOST_SPARE_BYTES", 1 << 12)
        journal, runs = Journal(tmp_path), tracked_runs(count=30)
        sizes = []
        for _ in range(10):
            for step in (lambda: draw(runs, 2), runs.history.undo):
                step()
                journal.save(runs)
                assert entries_of(found_in(tmp_path)) == entries_of(runs.active)
                sizes.append(max(path.stat().st_size for path in tmp_path.glob("*.run1*")))
        assert max(sizes) < 2 * 30 * unfinished.RESULT_BYTES + (1 << 12)

    def test_a_run_that_is_brought_back_is_not_written_again(self, tmp_path):
        journal, runs = Journal(tmp_path), tracked_runs()
        runs.take_in(tracked_runs(count=2).active.recorder, "import")
        journal.save(runs)
        number = next(tmp_path.glob("*.run1.jsonl")).stat().st_ino
        runs.delete(1)
        journal.save(runs)
        assert not list(tmp_path.glob("*.run1.*")) and [run.number for run in Journal(tmp_path).restore(CLIP).runs] == [
            2
        ]
        runs.history.undo()
        journal.save(runs)
        (path,) = tmp_path.glob("*.run1.jsonl")
        assert path.stat().st_ino == number and not list(tmp_path.glob("*.deleted*"))
        runs.activate(1)
        add(runs, 5, 3)
        journal.save(runs)
        assert restored(tmp_path) == {1: list(range(8))}

    def test_a_box_drawn_again_in_the_same_frame_is_saved(self, tmp_path):
        journal, runs = Journal(tmp_path), tracked_runs()
        journal.save(runs)
        other = np.array([30.0, 30.0, 9.0, 9.0])
        draw(runs, 0, box=other)
        add(runs, 1, 4)  # as many results as before
        journal.save(runs)
        found = found_in(tmp_path)
        np.testing.assert_array_equal(found.targets[1].key_frames[0].box_xywh, other)
        assert sorted(found.targets[1].results) == list(range(5)) and found.ghost.frames() == list(range(5))

    def test_results_of_two_trackers_keep_theirs(self, tmp_path):
        journal, runs = Journal(tmp_path), tracked_runs()
        add(runs, 5, 1, Producer("other"))
        journal.save(runs)
        draw(runs, 5, 2, by=BoxOrigin.GROUND_TRUTH)
        journal.save(runs)  # written again, as a whole
        recorder = found_in(tmp_path).recorder
        found = [recorder.producer_of(index, number) for index, number in ((4, 1), (5, 1), (5, 2))]
        assert [producer.tracker for producer in found] == ["matching", "other", "matching"]

    def test_a_removed_last_target_puts_the_file_aside_and_a_source_without_work_does_not(self, tmp_path):
        journal, runs = Journal(tmp_path), tracked_runs()
        journal.save(runs)
        Journal(tmp_path).save(Runs(CLIP))  # opened and closed
        assert restored(tmp_path) is not None
        with runs.edit("removal") as run:
            run.remove([1])
        journal.save(runs)
        saved = Journal(tmp_path).restore(CLIP)
        assert not saved.runs and [len(run.recorder) for run in saved.deleted] == [5], "undo brings it back for a while"

    @pytest.mark.parametrize(
        "other",
        [
            {"size": (640, 480)},
            {"fingerprint": "b" * 64},
            {"fingerprint": ""},
            {"frame_count": 31},
        ],
    )
    def test_results_of_other_content_are_refused_and_stay(self, tmp_path, other):
        Journal(tmp_path).save(tracked_runs())
        journal = Journal(tmp_path)
        with pytest.raises(InputError, match="other content"):
            journal.restore(SourceIdentity(**{**vars(CLIP), **other}))
        journal.save(Runs(SourceIdentity(**{**vars(CLIP), **other})))
        assert restored(tmp_path) == {1: list(range(5))}

    def test_a_damaged_run_costs_neither_the_others_nor_its_file(self, tmp_path, caplog):
        runs = tracked_runs()
        journal = Journal(tmp_path)
        runs.restart(PRODUCER)
        journal.save(runs)
        journal.close()
        damaged = next(tmp_path.glob("*.run1.jsonl"))
        content = damaged.read_bytes()[200:]  # without its first line it cannot be read
        damaged.write_bytes(content)
        again = Journal(tmp_path)
        saved = again.restore(CLIP)
        assert [run.number for run in saved.runs] == [2] and "cannot be read" in caplog.text
        runs = Runs(CLIP)
        runs.restore(saved.runs, saved.active)
        add(runs, 1, 2)
        again.save(runs)
        again.close()
        assert next(tmp_path.glob("*.earlier1.jsonl")).read_bytes() == content, "it is not written over"

    def test_a_damaged_line_costs_the_frame_that_it_was_of(self, tmp_path, caplog):
        Journal(tmp_path).save(tracked_runs())
        path = next(tmp_path.glob("*.run1.jsonl"))
        lines = path.read_text().splitlines(keepends=True)
        assert lines[4].startswith('{"frame": 2')
        lines[4] = lines[4][:60] + "\0" * 20 + lines[4][80:]
        path.write_text("".join(lines) + "\0" * 50)  # and a tail of zeros, as a power cut leaves it
        found = found_in(tmp_path).recorder
        assert sorted(found.targets[1].results) == [0, 1, 3, 4] and found.producer_of(4) == PRODUCER
        assert "1 of 7 lines" in caplog.text
        lines[1] = lines[1][:40] + "\n"  # who made what follows is not known then, and nobody is named
        path.write_text("".join(lines))
        assert found_in(tmp_path).recorder.producer_of(4) is None

    def test_what_was_replaced_may_be_damaged_alone(self, tmp_path):
        runs = tracked_runs()
        draw(runs, 3)
        Journal(tmp_path).save(runs)
        next(tmp_path.glob("*.ghost.jsonl")).write_text("{")
        assert restored(tmp_path) == {1: [0, 1, 2, 3]}

    def test_switched_off_saving_leaves_no_file(self, tmp_path):
        journal = Journal(tmp_path)
        journal.is_on = False
        journal.save(tracked_runs())
        assert not list(tmp_path.iterdir())

    def test_a_disk_that_cannot_be_written_is_one_sentence(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match=r"sessions.* could not be written"):
            Journal(tmp_path / "file" / "sessions").save(tracked_runs())

    def test_what_is_tracked_on_in_runs_that_came_back_is_work_even_when_it_is_saved(self, tmp_path):
        runs = tracked_runs()
        runs.take_in(tracked_runs(count=2).active.recorder, "import")
        Journal(tmp_path).save(runs)
        journal, again = Journal(tmp_path), Runs(CLIP)
        saved = journal.restore(CLIP)
        again.restore(saved.runs, saved.active)
        assert not again.is_touched and again.active.number == 2
        add(again, 2, 3)
        journal.save(again)
        again.activate(1)  # nothing waits to be saved but this
        journal.save(again)
        assert again.is_touched and Journal(tmp_path).restore(CLIP).active == 1

    def test_what_a_full_disk_refused_is_saved_when_there_is_room_again(self, tmp_path, monkeypatch):
        Journal(tmp_path).save(tracked_runs())
        journal, again = Journal(tmp_path), Runs(CLIP)
        saved = journal.restore(CLIP)
        again.restore(saved.runs, saved.active)
        add(again, 5, 2)

        def refuse(*_what):
            raise OutputError("full")

        with monkeypatch.context() as patch:
            patch.setattr(unfinished, "write_text", refuse)
            patch.setattr(unfinished.RunJournal, "_append", refuse)
            with pytest.raises(OutputError, match="full"):
                journal.save(again)
        assert restored(tmp_path) == {1: list(range(5))}
        journal.save(again)  # nothing was added meanwhile
        assert restored(tmp_path) == {1: list(range(7))}

    def test_no_file_holds_the_credentials_of_an_address(self, tmp_path):
        source = DrawnSource()
        identity = identify_source(source, "http://anna:hunter2@example.org/clip.mp4?token=secret3")
        Journal(tmp_path).save(tracked_runs(identity))
        (path,) = tmp_path.glob("*.run1.jsonl")
        text = "".join(file.read_text() + file.name for file in tmp_path.iterdir())
        assert "example.org" in path.read_text()
        assert not any(word in text for word in ("hunter2", "secret3"))
        assert restored(tmp_path, identity) is not None

    def test_results_of_other_content_are_kept_aside(self, tmp_path):
        Journal(tmp_path).save(tracked_runs())
        other = replace(CLIP, fingerprint="b" * 64)
        journal = Journal(tmp_path)
        with pytest.raises(InputError, match="other content"):
            journal.restore(other)
        journal.save(tracked_runs(other, count=3))
        assert restored(tmp_path, other) == {1: [0, 1, 2]}
        (earlier,) = tmp_path.glob("*.earlier1.jsonl")
        assert parse_unfinished(earlier.read_text()).frames() == [0, 1, 2, 3, 4]


class TestFolders:
    """Images are told by their content: names, sizes and number alone do not tell them from others."""

    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "images"
        self.fill(folder, 50, 5)
        return folder

    @staticmethod
    def fill(folder: Path, value: int, count: int, width: int = 64) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for index in range(count):
            cv2.imwrite(str(folder / f"{index:03d}.png"), np.full((48, width, 3), value, np.uint8))

    def identity(self, folder):
        return identify_source(open_source(str(folder)), str(folder))

    def test_the_same_images_get_their_results(self, folder, tmp_path):
        Journal(tmp_path / "state").save(tracked_runs(self.identity(folder)))
        assert restored(tmp_path / "state", self.identity(folder)) == {1: list(range(5))}

    @pytest.mark.parametrize(
        ("value", "count", "width"),
        [
            (200, 5, 64),  # other images of the same names and size
            (50, 9, 64),  # more of them
            (50, 4, 64),  # fewer
            (50, 5, 80),  # wider
        ],
    )
    def test_other_images_do_not(self, folder, tmp_path, value, count, width):
        Journal(tmp_path / "state").save(tracked_runs(self.identity(folder)))
        self.fill(folder, value, count, width)
        with pytest.raises(InputError, match="other content"):
            restored(tmp_path / "state", self.identity(folder))


class TestVersion1:
    """Files that the program before this one wrote: a target drawn again at frame 20, and one from frame 25 on."""

    @staticmethod
    def place(name: str, location: Path, folder: Path) -> SourceIdentity:
        identity = SourceIdentity("it", str(location), SourceKind.UNKNOWN, (320, 240), 30.0)
        path = Journal(folder).stem_for(identity).with_suffix(".jsonl")
        path.parent.mkdir(parents=True)
        shutil.copy(DATA / name, path)
        return identity

    @pytest.fixture
    def clip(self, tmp_path):
        clip = tmp_path / "clip.mp4"
        clip.write_bytes(b"stands for a video")
        os.utime(clip, (1_700_000_000, 1_700_000_000))
        return clip

    def test_a_file_of_version_1_opens(self, clip, tmp_path):
        identity = self.place("autosave_v1_file.jsonl", clip, tmp_path / "state")
        run = found_in(tmp_path / "state", identity)
        recorder = run.recorder
        assert sorted(recorder.target(1).results) == list(range(21)) and run.ghost.frames() == list(range(20, 30))
        assert sorted(recorder.target(2).results) == [25, 26, 27, 28]
        key = recorder.target(1).key_frames[20]
        np.testing.assert_array_equal(key.box_xywh, [225.25, 171.0, 38.0, 28.0])
        assert key.by is BoxOrigin.UNKNOWN and recorder.producer_of(5, 1) is None
        np.testing.assert_array_equal(recorder.result_at(3).box_xywh, [155.0, 116.0, 40.0, 30.0])

    def test_it_is_kept_and_saved_in_the_present_version(self, clip, tmp_path):
        identity = self.place("autosave_v1_file.jsonl", clip, tmp_path / "state")
        journal, runs = Journal(tmp_path / "state"), Runs(identity)
        saved = journal.restore(identity)
        runs.restore(saved.runs, saved.active)
        add(runs, 21, 2)
        journal.save(runs)
        (path,) = (tmp_path / "state").glob("*[!t].jsonl")
        recorder = parse_unfinished(path.read_text())
        assert sorted(recorder.target(1).results) == list(range(23))
        assert recorder.producer_of(20, 1) is None and recorder.producer_of(22, 1) == PRODUCER

    def test_a_changed_file_is_refused(self, clip, tmp_path):
        identity = self.place("autosave_v1_file.jsonl", clip, tmp_path / "state")
        clip.write_bytes(b"stands for a film!")
        with pytest.raises(InputError, match="other content"):
            Journal(tmp_path / "state").restore(identity)

    def test_a_folder_is_taken_only_if_nothing_in_it_is_younger_than_the_results(self, tmp_path):
        folder = tmp_path / "images"
        folder.mkdir()
        (folder / "0.png").write_bytes(b"image")
        identity = self.place("autosave_v1_folder.jsonl", folder, tmp_path / "state")
        for place in (folder / "0.png", folder):
            os.utime(place, (1_700_000_000, 1_700_000_000))
        assert restored(tmp_path / "state", identity) is not None
        os.utime(folder / "0.png", (4_000_000_000, 4_000_000_000))
        with pytest.raises(InputError, match="other content"):
            restored(tmp_path / "state", identity)

    @pytest.mark.parametrize("text", ["\0\0\0", "", "{}\n", '{"format": "siamscope-session", "version": 9}\n'])
    def test_rubbish_is_one_sentence(self, tmp_path, text):
        Journal(tmp_path).stem_for(CLIP).with_suffix(".jsonl").write_text(text)
        with pytest.raises(InputError):
            restored(tmp_path)


TRACKER = """
import sys
sys.path.insert(0, {tests!r})
from fakes import DrawnSource, MatchingTracker, true_box
from app.session.journal import Journal
from app.session.session import Session
from app.worker.messages import BoxRequest

session = Session(lambda choice: MatchingTracker())
frame = session.open(DrawnSource(2000, paths=[{clip!r}]), {clip!r}).frame
journal = Journal({state!r})
session.begin(frame, true_box(0))
session.is_tracking = True
while (view := session.read_next()) is not None:
    if view.frame.index % 50 == 0:  # a box drawn again now and then: the file is written again
        session.begin(view.frame, true_box(view.frame.index), 1)
    journal.save(session.runs)
    print(view.frame.index, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("frames", [7, 130])
def test_a_kill_in_the_middle_of_saving_loses_nothing_but_the_frame_in_hand(tmp_path, frames):
    clip, state = tmp_path / "clip.mp4", tmp_path / "state"
    clip.write_bytes(b"stands for a video")
    program = TRACKER.format(tests=str(Path(__file__).parent), clip=str(clip), state=str(state))
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment) as child:
        told = 0
        for line in child.stdout:
            told = int(line)
            if told >= frames:
                break
        time.sleep(0.01)
        child.kill()
        told = max([told, *(int(line) for line in child.stdout if line.endswith("\n"))])
    source = identify_source(DrawnSource(2000, paths=[str(clip)]), str(clip))
    assert set(range(told)) <= set(found_in(state, source).targets[1].results)


def test_a_session_resumes_what_was_saved(tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"stands for a video")
    session = Session(lambda choice: MatchingTracker())
    frame = session.open(DrawnSource(20, paths=[str(clip)]), str(clip)).frame
    session.begin(frame, true_box(0))
    session.is_tracking = True
    for _ in range(9):
        session.read_next()
    Journal(tmp_path / "state").save(session.runs)
    straight = session.run.recorder.copy()
    session.open(DrawnSource(20, paths=[str(clip)]), str(clip))
    saved = Journal(tmp_path / "state").restore(session.runs.source)
    assert saved.result_count == 10
    session.runs.restore(saved.runs, saved.active)
    session.seek(session.frontier() or 9)
    session.is_tracking = True
    while session.read_next() is not None:
        pass
    found = session.build_run()
    np.testing.assert_array_equal(found.result_at(9).box_xywh, straight.result_at(9).box_xywh)
    assert len(found) == 20


def test_saving_that_is_switched_on_saves_what_was_found_before(drive, tmp_path):
    driver = drive()
    driver.player.set_autosave(False)
    driver.open()
    view = driver.canvas.frame_view
    driver.player.begin(BoxRequest(driver.player.source.serial, view.frame, tuple(true_box(0))))
    driver.qtbot.waitUntil(lambda: bool(driver.player.summary.targets))
    assert not list(tmp_path.glob("sessions/*"))
    driver.player.set_autosave(True)
    driver.qtbot.waitUntil(lambda: bool(list(tmp_path.glob("sessions/*.run1.jsonl"))))


# what is changed, and what has to be on the disk then
@pytest.mark.parametrize(
    ("change", "is_saved"),
    [
        pytest.param(
            lambda player, box: player.begin(replace(box, box_xywh=(20.0, 30.0, 40.0, 50.0))),
            lambda run: tuple(run.targets[1].key_frames[0].box_xywh) == (20, 30, 40, 50),
            id="a box",
        ),
        pytest.param(
            lambda player, _box: player.describe_target(1, "Anna", ""),
            lambda run: run.targets[1].record.name == "Anna",
            id="a name",
        ),
    ],
)
def test_what_is_changed_is_saved_even_where_showing_it_fails(drive, tmp_path, monkeypatch, change, is_saved):
    driver = drive()
    driver.open()
    session, source = driver.player.worker.session, driver.player.source
    box = BoxRequest(source.serial, driver.canvas.frame_view.frame, tuple(true_box(0)), 1)
    driver.player.begin(box)
    driver.qtbot.waitUntil(lambda: bool(driver.canvas.frame_view.targets))  # shown: the request is done

    def fail():
        assert is_saved(found_in(tmp_path / "sessions", session.runs.source)), "saved before anything can fail"
        raise RuntimeError("a tracker that cannot explain")

    monkeypatch.setattr(session, "view", fail)
    change(driver.player, box)
    driver.qtbot.waitUntil(lambda: bool(driver.failures))
    assert "RuntimeError" in driver.failures[0].sentence
