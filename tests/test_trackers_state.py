"""The state of a target: hysteresis on the score."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.trackers.state import StateMachine
from tracker_core.types import TrackingState

LETTERS = {TrackingState.TRACKING: "T", TrackingState.UNCERTAIN: "U", TrackingState.LOST: "L"}


def states(scores: list[float], patience: int = 3) -> str:
    machine = StateMachine(high=0.6, low=0.25, patience=patience)
    return "".join(LETTERS[machine.step(score)] for score in scores)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.9, 0.6, 0.9], "TTT"),  # the upper bound belongs to tracking
        ([0.9, 0.4, 0.25], "TTT"),  # between the bounds nothing changes
        ([0.2, 0.4, 0.4, 0.6], "UUUT"),  # uncertain rises at the upper bound only
        ([0.2, 0.2, 0.2, 0.2], "UULL"),  # lost after three weak frames
        ([0.2, 0.2, 0.3, 0.2, 0.2, 0.2], "UUUUUL"),  # in a row: a middling one starts the count again
        ([0.1, 0.1, 0.1, 0.5, 0.6], "UULLT"),  # lost rises at the upper bound only
        ([0.1, 0.1, 0.1, 0.5, 0.1], "UULLL"),  # and does not become uncertain on the way
        ([0.9, float("nan"), 0.9], "TUT"),  # an answer that is no number is a weak one
    ],
)
def test_scores_become_states(scores: list[float], expected: str) -> None:
    assert states(scores) == expected


def test_patience_of_one_loses_at_once() -> None:
    assert states([0.1], patience=1) == "L"


@given(st.lists(st.floats(0, 1), max_size=40), st.integers(1, 6))
def test_one_weak_frame_never_loses_a_patient_tracker(scores: list[float], patience: int) -> None:
    sequence = states(scores, patience)
    for place, letter in enumerate(sequence):
        if letter == "T" and place + 1 < len(sequence):
            assert sequence[place + 1] in ("TU" if patience > 1 else "TL")
        if scores[place] >= 0.6:
            assert letter == "T"
