"""A run keeps its colour for good, and two runs have the same one only where there are more runs than colours."""

from __future__ import annotations

import pytest
from fakes import DrawnSource, MatchingTracker, true_box

from app.session.journal import Journal
from app.session.session import Session
from tracker_core.rendering.drawing import RUN_COLORS


@pytest.fixture
def session(tmp_path):
    """A session with one run of one frame, in a file that a journal knows again."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"stands for a video")
    session = Session(lambda choice: MatchingTracker())
    session.open(DrawnSource(9, paths=[str(clip)]), str(clip))
    session.begin(session.seek(0).frame, true_box(0), None)
    yield session
    session.close_source()


def colors(session) -> dict[int, int]:
    return {run.number: run.color for run in session.runs}


def test_runs_that_come_and_go_change_no_colour_of_others(session):
    for _ in range(len(RUN_COLORS) - 1):
        session.run_again()
    before = colors(session)
    assert len(set(before.values())) == len(RUN_COLORS)
    for number in (2, 3, 5):
        session.change_runs(lambda runs, number=number: runs.delete(number))
    kept = colors(session)
    assert kept == {number: before[number] for number in kept}
    # the first run is still there: one that is added does not look like it, whatever its number
    session.run_again()
    added = set(colors(session)) - set(kept)
    assert not {colors(session)[number] for number in added} & set(kept.values())
    session.undo()
    session.undo()
    assert colors(session)[5] == before[5], "a run that is brought back has the colour that it had"


def test_one_colour_more_than_there_are_is_shared_by_two(session):
    for _ in RUN_COLORS:
        session.run_again()
    assert sorted(list(colors(session).values()).count(color) for color in range(len(RUN_COLORS))) == [1] * 6 + [2]


def test_colours_come_back_with_the_source(session, tmp_path):
    for _ in range(3):
        session.run_again()
    session.change_runs(lambda runs: runs.delete(2))
    for _ in range(5):
        session.run_again()
    session.change_runs(lambda runs: runs.delete(3))
    Journal(tmp_path / "state").save(session.runs)
    saved = Journal(tmp_path / "state").restore(session.runs.source)
    assert {run.number: run.color for run in saved.runs} == colors(session)
