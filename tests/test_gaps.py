"""Gaps of a target: where they are, what fills them, and that nothing is filled across an absence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tracker_core.errors import InputError
from tracker_core.results.gaps import (
    Gap,
    GapTracking,
    blend,
    bridge,
    find_every_gap,
    find_gap_around,
    find_gaps,
    interpolate,
)
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.recorder import RunRecorder, TargetRecord
from tracker_core.results.visibility import Visibility
from tracker_core.types import Frame, ResultOrigin, TrackingState, TrackResult

GOOD, LOST = TrackingState.TRACKING, TrackingState.LOST


def make_record(states: str, keys: tuple[int, ...] = (0,), outside: tuple[int, ...] = ()) -> TargetRecord:
    """One letter for each frame: g good, l lost, - not tracked; the box's x is ten times the frame."""
    recorder = RunRecorder(SourceIdentity("clip"))
    for index, letter in enumerate(states):
        if letter != "-":
            box = np.array([10.0 * index, 0.0, 8.0, 8.0])
            recorder.put(index, 1, TrackResult(box, 0.9, GOOD if letter == "g" else LOST))
    for key in keys:
        recorder.set_key_frame(1, key, (10.0 * key, 0, 8, 8))
    recorder.target(1).marks = dict.fromkeys(outside, Visibility.OUTSIDE)
    return recorder.target(1)


def spans(gaps: list[Gap]) -> list[tuple[Any, ...]]:
    """First and last frame of each gap, and the x of the boxes beside it."""
    beside = [(gap.before_xywh, gap.after_xywh) for gap in gaps]
    x = [[None if box is None else float(box[0]) for box in pair] for pair in beside]
    return [(gap.first, gap.last, *boxes) for gap, boxes in zip(gaps, x, strict=True)]


AROUND = [
    ("ggllllgg", (0,), (), 4, [(2, 5, 10, 60)]),  # a lost stretch between two good boxes
    ("gg----gg", (0, 6), (), 2, [(2, 5, 10, 60)]),  # a stretch that was never tracked
    ("ggl--lgg", (0, 6), (), 3, [(2, 5, 10, 60)]),  # some of both
    ("gggggggg", (0, 6), (), 3, [(1, 5, 0, 60)]),  # all good: from key frame to key frame
    ("ggllllgg", (0,), (4,), 3, [(2, 3, 10, None), (5, 5, None, 60)]),  # an absence has a gap on either side
    ("ggllllgg", (0,), (2, 3, 4), 5, [(5, 5, None, 60)]),  # one that starts the stretch leaves only its end
]


@pytest.mark.parametrize(("states", "keys", "outside", "at", "want"), AROUND)
def test_the_gap_at_a_frame(states: str, keys: Any, outside: Any, at: int, want: Any) -> None:
    assert spans(find_gap_around(make_record(states, keys, outside), at)) == want


RANGES = [
    ("gggggggg", (0,), (), 1, 6, [(2, 5, 10, 60)]),  # good boxes at its ends stay
    ("glllgllg", (0,), (), 2, 6, [(1, 6, 0, 70)]),  # reaches to the next good ones; good ones within are filled anew
    ("glllgllg", (0, 4), (), 2, 6, [(1, 3, 0, 40), (5, 6, 40, 70)]),  # a key frame within stays and divides
    ("gllllllg", (0,), (3, 4), 0, 7, [(1, 2, 0, None), (5, 6, None, 70)]),  # an absence divides
    ("gllllllg", (0,), (3, 5), 0, 7, [(1, 2, 0, None), (6, 6, None, 70)]),  # nothing beside frame 4 is known
]


@pytest.mark.parametrize(("states", "keys", "outside", "first", "last", "want"), RANGES)
def test_the_gaps_in_a_range(states: str, keys: Any, outside: Any, first: int, last: int, want: Any) -> None:
    assert spans(find_gaps(make_record(states, keys, outside), first, last)) == want


EVERY = [
    ("gglgg-gg", (0,), (), [(2, 2, 10, 30), (5, 5, 40, 60)]),  # lost, and not tracked
    ("ll-gg-ll", (3,), (), []),  # before the first good box and after the last one is no gap
    ("gllllg", (0,), (2, 3), [(1, 1, 0, None), (4, 4, None, 50)]),  # an absence divides
    ("gllg", (0,), (1, 2), []),  # nothing but an absence
]


@pytest.mark.parametrize(("states", "keys", "outside", "want"), EVERY)
def test_every_gap(states: str, keys: Any, outside: Any, want: Any) -> None:
    assert spans(find_every_gap(make_record(states, keys, outside))) == want


REFUSED = [
    (lambda: find_gap_around(make_record("ggll"), 3), r"After frame 3 target 1 has no good box; draw one"),
    (lambda: find_gap_around(make_record("llgg", (2,)), 1), r"Before frame 1 target 1 has no good box; .*backwards"),
    (lambda: find_gap_around(make_record("gggg"), 2), r"In frame 2 target 1 has a good box and no key frame"),
    (lambda: find_gap_around(make_record("gllg", outside=(1,)), 1), r"marked as outside, so nothing is filled in"),
    (lambda: find_gaps(make_record("ggll"), 1, 3), r"no good box at or after frame 3"),
    (lambda: find_gaps(make_record("gg"), 0, 1), r"Between frames 0 and 1 target 1 has nothing to fill"),
]


@pytest.mark.parametrize(("ask", "sentence"), REFUSED)
def test_what_cannot_be_filled_is_one_sentence(ask: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        ask()


def test_a_straight_line_has_no_score() -> None:
    gap = Gap(1, 5, 7, np.array([0.0, 10, 20, 40]), np.array([8.0, 10, 40, 20]))
    found = interpolate(gap)
    assert {i: r.box_xywh.tolist() for i, r in found.items()} == {
        5: [2, 10, 25, 35],
        6: [4, 10, 30, 30],
        7: [6, 10, 35, 25],
    }
    assert all(math.isnan(r.score) and r.origin is ResultOrigin.FILLED for r in found.values())
    assert interpolate(Gap(1, 5, 7, gap.before_xywh, None)) == {}


BOX = np.zeros(4)


def result(x: float, score: float, state: TrackingState = GOOD, size: float = 20) -> TrackResult:
    return TrackResult(np.array([x, -size / 2, size, size]), score, state)


BLENDS = [
    # frame 3 of 1 to 3: u = 3/4, so v = 0.8 / 4 = 0.2 and w = 0.4 * 3/4 = 0.3
    (3, result(0, 0.8), result(5, 0.4), 3.0, 20, (0.2 * 0.8 + 0.3 * 0.4) / 0.5, GOOD),
    # sizes are averaged as logarithms: 20 and 25 equally weighted, both with the centre 12.5
    (2, result(2.5, 0.5, size=20), result(0, 0.5, size=25), 12.5 - 500**0.5 / 2, 500**0.5, 0.5, GOOD),
    # no overlap: the heavier side alone
    (1, result(0, 0.5), result(100, 0.9), 0.0, 20, (0.375 * 0.5 + 0.225 * 0.9) / 0.6, GOOD),
    # a lost side weighs nothing, however sure its score
    (1, result(0, 0.9, LOST), result(5, 0.3), 5.0, 20, 0.3, GOOD),
    # both lost: the nearer one stays, lost
    (3, result(0, 0.9, LOST), result(5, 0.1, LOST), 5.0, 20, 0.1, LOST),
    (1, None, result(5, 0.3), 5.0, 20, 0.3, GOOD),  # one side alone
]


@pytest.mark.parametrize(("index", "forwards", "backwards", "x", "size", "score", "state"), BLENDS)
def test_two_sides_become_one(
    index: int, forwards: Any, backwards: Any, x: float, size: float, score: float, state: TrackingState
) -> None:
    mixed = blend(Gap(1, 1, 3, BOX, BOX), index, forwards, backwards)
    np.testing.assert_allclose(mixed.box_xywh, [x, -size / 2, size, size], atol=1e-9)
    assert (mixed.score, mixed.state, mixed.origin) == (pytest.approx(score), state, ResultOrigin.FILLED)


def test_a_target_that_neither_side_sees_is_covered() -> None:
    """Lost in 2 and 3 of 1 to 4: on the way from the box in 1 to that in 4; a loss beside an absence stays."""
    lost = result(90, 0.1, LOST)
    found = {1: result(10, 0.8), 2: lost, 3: lost, 4: result(40, 0.8)}
    covered = bridge(Gap(1, 1, 4, BOX, BOX), found)
    assert [float(covered[i].box_xywh[0]) for i in (1, 2, 3, 4)] == [10, 20, 30, 40]
    assert [covered[i].state.value for i in (1, 2, 3, 4)] == ["tracking", "uncertain", "uncertain", "tracking"]
    assert covered[2].score == 0.1
    assert bridge(Gap(1, 1, 2, BOX, None), {1: result(10, 0.8), 2: lost})[2] is lost


class Clip:
    """Images of 8x8 that hold their number; frame 4 is damaged."""

    name, is_seekable, frame_count = "clip", True, 10

    def __init__(self) -> None:
        self.at = 0

    def seek(self, index: int) -> None:
        self.at = index

    def read(self) -> Frame | None:
        self.at += self.at == 4
        frame = Frame(self.at, 0.0, np.full((8, 8, 3), self.at, np.uint8))
        self.at += 1
        return frame if frame.index < 10 else None


class Echo:
    """Finds the target where the image's number says."""

    starts: list[tuple[int, float]] = []  # noqa: RUF012

    def __init__(self, frame: Frame, box_xywh: Any) -> None:
        self.starts.append((int(frame.image[0, 0, 0]), float(box_xywh[0])))

    def update(self, image: Any) -> TrackResult:
        return result(float(image[0, 0, 0]), 0.8)


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """The images and boxes that a tracker was started on."""
    monkeypatch.setattr(Echo, "starts", [])
    return Echo.starts


def test_a_gap_is_tracked_from_both_sides(starts: list[tuple[int, float]]) -> None:
    source: Any = Clip()
    start: Any = Echo
    tracking = GapTracking(Gap(1, 2, 6, np.array([10.0, 0, 20, 20]), np.array([70.0, 0, 20, 20])), source, start)
    done = []
    for count in tracking:
        done.append(count)
        source.seek(0)  # somebody else reads in between
    assert starts == [(1, 10.0), (7, 70.0)], "on the boxes beside the gap, in their frames"
    assert done == list(range(1, len(done) + 1)) and tracking.steps == 10
    assert {i: round(float(r.box_xywh[0]), 6) for i, r in tracking.results.items()} == {2: 2, 3: 3, 5: 5, 6: 6}


def test_a_side_without_a_box_is_left_out(starts: list[tuple[int, float]]) -> None:
    start: Any = Echo
    source: Any = Clip()
    tracking = GapTracking(Gap(1, 7, 8, None, np.array([90.0, 0, 20, 20])), source, start)
    assert [*tracking] == [1, 2] and starts == [(9, 90.0)] and sorted(tracking.results) == [7, 8]
