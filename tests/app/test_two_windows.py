"""Two windows with the same source: neither writes over what the other found, and both are there afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes import drawn, true_box
from ledger import entries_of

from app.session.journal import Journal
from app.session.runs import Runs
from tracker_core.results.provenance import Producer, SourceIdentity, SourceKind
from tracker_core.results.run import BoxOrigin
from tracker_core.types import TrackingState, TrackResult

CLIP = SourceIdentity("clip", "/nowhere/clip.mp4", SourceKind.VIDEO, (320, 240), 30.0, 30, "a" * 64)
PRODUCER = Producer("matching")


class Window:
    """The runs of the clip with the journal that keeps them, as a window has them."""

    def __init__(self, folder: Path, source: SourceIdentity = CLIP) -> None:
        self.journal, self.runs = Journal(folder), Runs(source)
        self.saved = self.journal.restore(source)
        if self.saved is not None and self.saved.runs:
            self.runs.restore(self.saved.runs, self.saved.active)

    def draw(self, index: int) -> None:
        with self.runs.edit("box") as run:
            run.set_key(drawn(index), 1, true_box(index), BoxOrigin.USER, PRODUCER)
        self.journal.save(self.runs)

    def track(self, first: int, count: int) -> None:
        for index in range(first, first + count):
            result = TrackResult(true_box(index), 0.5, TrackingState.TRACKING)
            self.runs.active.add(index, 1, result, PRODUCER)
        self.journal.save(self.runs)

    def close(self) -> None:
        self.journal.save(self.runs)
        self.journal.close()

    @property
    def frames(self) -> dict[int, list[int]]:
        return {run.number: run.recorder.frames() for run in self.runs}


@pytest.fixture
def start(tmp_path):
    """A clip in which frames 0 to 3 were tracked in an earlier session."""
    window = Window(tmp_path)
    window.draw(0)
    window.track(1, 3)
    window.close()
    return tmp_path


def test_both_go_on_and_both_results_are_there(start):
    one, other = Window(start), Window(start)
    assert one.frames == other.frames == {1: [0, 1, 2, 3]}
    assert other.journal.is_beside and not one.journal.is_beside
    one.track(4, 2)
    other.draw(2)  # what followed is gone in this window
    other.track(3, 6)
    one.track(6, 1)
    mine, others = (entries_of(window.runs.active) for window in (one, other))
    for window in (other, one):
        window.close()
    again = Window(start)
    assert again.frames == {1: list(range(7)), 2: list(range(9))} and again.saved.joined == 1
    found = [{entry[:1] + entry[2:] for entry in entries_of(run)} for run in again.runs]  # whatever its number
    assert found == [{entry[:1] + entry[2:] for entry in entries} for entries in (mine, others)]
    assert len({run.color for run in again.runs}) == 2
    again.close()
    assert Window(start).frames == again.frames, "it is joined once"
    assert not list(start.glob("*-2.*"))


# which window closes first makes no difference
@pytest.mark.parametrize("is_first", [True, False])
def test_what_only_one_of_them_found_continues_its_run(start, is_first):
    one, other = Window(start), Window(start)
    other.track(4, 5)
    for window in (one, other) if is_first else (other, one):
        window.close()
    assert Window(start).frames == {1: list(range(9))}


def test_a_window_that_only_looked_leaves_nothing(start):
    one, other = Window(start), Window(start)
    one.track(4, 2)
    other.close()
    one.close()
    assert Window(start).frames == {1: list(range(6))}
    assert not list(start.glob("*-2.*"))


def test_a_run_that_one_deleted_and_the_other_continued_stays(start):
    one, other = Window(start), Window(start)
    one.runs.delete(1)
    one.journal.save(one.runs)
    other.track(4, 2)
    one.close()
    other.close()
    again = Window(start)
    assert again.frames == {2: list(range(6))}
    assert [run.number for run in again.saved.deleted] == [1], "and undo brings back what was deleted, beside it"


def test_a_second_window_that_is_opened_again_has_its_own_and_what_the_first_found(start):
    one, other = Window(start), Window(start)
    other.draw(2)
    other.track(3, 2)
    other.close()
    one.track(4, 3)
    again = Window(start)
    assert sorted(again.frames.values()) == [[0, 1, 2, 3, 4], list(range(7))]
    again.track(5, 2)
    one.track(7, 1)
    again.close()
    one.close()
    assert {tuple(frames) for frames in Window(start).frames.values()} >= {tuple(range(8)), tuple(range(7))}


def test_what_is_of_other_content_is_kept_aside(start):
    one = Window(start)
    other = Window(start)
    other.track(4, 2)
    other.close()
    one.close()
    with pytest.raises(Exception, match="other content"):
        Window(start, replace(CLIP, fingerprint="b" * 64))
    assert len(list(start.glob("*.earlier*.jsonl"))) == 1
