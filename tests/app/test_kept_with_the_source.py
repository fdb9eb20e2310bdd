"""What is kept with a source beside its results: a length scale, and runs that were deleted."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from fakes import DrawnSource, MatchingTracker, true_box

from app.session.journal import Journal
from app.session.journal_files import KEEP_DELETED_S
from app.session.session import Session
from tracker_core.results.formats import read_boxes, write_boxes
from tracker_core.results.run_file import load_run, save_run
from tracker_core.results.unfinished import RunJournal, parse_unfinished

SCALE = "1 px = 0.015 m"


@pytest.fixture
def clip(tmp_path: Path) -> str:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"content")
    return str(path)


class Desk:
    """A session with a journal, as the worker has them; opening the source again restores what was saved."""

    def __init__(self, folder: Path, clip: str) -> None:
        self.session, self.journal, self._clip = Session(lambda choice: MatchingTracker()), Journal(folder), clip
        self.open()

    def open(self) -> None:
        self.leave()
        self.session.open(DrawnSource(20, paths=(self._clip,)), self._clip)
        saved = self.journal.restore(self.session.runs.source)
        if saved is not None:
            if saved.runs:
                self.session.runs.restore(saved.runs, saved.active)
            self.session.runs.take_length_scale(saved.length_scale)
            for run in saved.deleted:
                self.session.runs.remember_deleted(run)

    def track(self, count: int) -> None:
        self.session.begin(self.session.seek(0).frame, true_box(0), 1)
        self.session.is_tracking = True
        for _ in range(count):
            self.session.read_next()
        self.journal.save(self.session.runs)

    def leave(self) -> None:
        self.journal.save(self.session.runs)
        self.journal.close()
        self.session.close_source()

    def counts(self) -> dict[int, int]:
        return {run.number: len(run.recorder) for run in self.session.runs if run.recorder.targets}


@pytest.fixture
def desk(tmp_path: Path, clip: str) -> Desk:
    return Desk(tmp_path / "state", clip)


def test_a_deleted_run_comes_back_after_the_source_was_left(desk: Desk) -> None:
    desk.track(6)
    desk.session.run_again()
    desk.track(3)
    assert desk.counts() == {1: 7, 2: 4}
    desk.session.change_runs(lambda runs: runs.delete(1))
    desk.open()
    assert desk.counts() == {2: 4} and desk.session.runs.history.undo_text == "deletion of run 1"
    assert desk.session.undo() == "deletion of run 1"
    assert desk.counts() == {1: 7, 2: 4} and desk.session.run.number == 1
    desk.open()
    assert desk.counts() == {1: 7, 2: 4} and desk.session.undo() == "", "it was brought back for good"


def test_deleted_runs_come_back_in_turn_and_their_numbers_are_not_used_again(desk: Desk) -> None:
    desk.track(2)
    for _ in range(2):
        desk.session.run_again()
        desk.track(1)
    for number in (3, 2, 1):
        desk.session.change_runs(lambda runs, number=number: runs.delete(number))
        desk.journal.save(desk.session.runs)
        time.sleep(0.01)
    desk.open()
    assert desk.counts() == {}
    desk.track(4)
    assert desk.session.undo() and desk.session.undo() == "deletion of run 1"
    assert desk.session.undo() == "deletion of run 2" and desk.session.undo() == "deletion of run 3"
    assert desk.counts() == {1: 3, 2: 2, 3: 2}
    for _ in range(3):
        desk.session.redo()
    assert desk.counts() == {}


def test_what_is_old_or_of_other_content_does_not_come_back(desk: Desk, tmp_path: Path, clip: str) -> None:
    desk.track(2)
    desk.session.change_runs(lambda runs: runs.delete(1))
    desk.leave()
    (deleted,) = tmp_path.glob("state/*.deleted1.jsonl")
    Path(clip).write_bytes(b"something else")
    desk.open()
    assert desk.session.undo() == "" and deleted.exists()
    old = time.time() - KEEP_DELETED_S - 10
    os.utime(deleted, (old, old))
    desk.open()
    assert desk.session.undo() == "" and not deleted.exists(), "it is removed after a while"


def test_a_length_scale_comes_back_with_the_source_before_anything_is_tracked(desk: Desk) -> None:
    desk.session.runs.set_length_scale(SCALE)
    desk.open()
    assert desk.session.runs.length_scale == SCALE
    desk.track(3)
    assert desk.session.build_run().length_scale == SCALE
    desk.session.run_again()
    assert desk.session.build_run().length_scale == SCALE
    desk.session.runs.set_length_scale("")
    assert desk.session.undo() == "length scale" and desk.session.runs.length_scale == SCALE
    desk.open()
    assert {run.recorder.length_scale for run in desk.session.runs} == {SCALE}


def test_the_scale_is_part_of_saved_runs_and_of_csv(desk: Desk, tmp_path: Path) -> None:
    desk.track(3)
    desk.session.runs.set_length_scale(SCALE)
    run = desk.session.build_run()
    assert load_run(save_run(tmp_path / "run.json", run)).length_scale == SCALE
    write_boxes(tmp_path / "boxes.csv", "csv", run)
    assert read_boxes(tmp_path / "boxes.csv").length_scale == SCALE
    RunJournal(tmp_path / "run.jsonl", desk.session.run.recorder).close()
    assert parse_unfinished((tmp_path / "run.jsonl").read_text()).length_scale == SCALE
    text = (tmp_path / "run.json").read_text().replace(SCALE, "far away")
    (tmp_path / "run.json").write_text(text)
    assert load_run(tmp_path / "run.json").length_scale == "", "what cannot be read costs nothing else"
