"""Success and precision: strictly above each of 21 thresholds, at most 20 pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tracker_core.metrics import SUCCESS_THRESHOLDS, precision_at, success_auc

TRUTH = np.array([[10.0, 10.0, 40.0, 40.0]])


def shifted(x: float, y: float = 0.0) -> NDArray[np.float64]:
    return TRUTH + np.array([x, y, 0, 0])


def test_thresholds() -> None:
    assert np.allclose(SUCCESS_THRESHOLDS, [i / 20 for i in range(21)])


def test_a_perfect_run_is_20_of_21() -> None:
    # an overlap of 1 is not above the last threshold, which is 1
    assert success_auc(TRUTH, TRUTH) == pytest.approx(20 / 21)


@given(st.lists(st.tuples(*[st.floats(0.1, 500)] * 4), min_size=1, max_size=9))
def test_ground_truth_against_itself_is_20_of_21_whatever_its_fractions(rows: list[tuple[float, ...]]) -> None:
    # x + w − x exceeds w by rounding for a third of all boxes; an overlap above 1 would pass the last threshold
    assert success_auc(rows, rows) == pytest.approx(20 / 21)


def test_no_overlap_is_zero() -> None:
    # an overlap of 0 is not above the first threshold, which is 0
    assert success_auc(shifted(100), TRUTH) == 0


@pytest.mark.parametrize(
    ("width", "thresholds_passed"),
    [
        (20, 10),  # an overlap of 0.5 exactly: above 0, 0.05 … 0.45, and not above 0.5
        (21, 11),  # 0.525
        (40, 20),
        (1, 1),  # 0.025 is above 0 only
    ],
)
def test_strictly_above(width: float, thresholds_passed: int) -> None:
    box = TRUTH.copy()
    box[0, 2] = width
    assert success_auc(box, TRUTH) == pytest.approx(thresholds_passed / 21)


@pytest.mark.parametrize(("distance", "counts"), [(19.9, 1), (20.0, 1), (20.1, 0)])
def test_twenty_pixels_still_count(distance: float, counts: int) -> None:
    # 3-4-5: the distance is that of the centres in the plane
    assert precision_at(shifted(distance * 0.6, distance * 0.8), TRUTH) == counts


def test_precision_looks_at_centres_only() -> None:
    assert precision_at([[0, 0, 60, 60]], TRUTH) == 1


def test_frames_without_truth_do_not_count() -> None:
    truth = np.vstack([TRUTH, [[np.nan] * 4], TRUTH])
    boxes = np.vstack([TRUTH, [[500, 500, 9, 9]], shifted(100)])
    assert success_auc(boxes, truth) == pytest.approx(0.5 * 20 / 21)
    assert precision_at(boxes, truth) == 0.5


def test_a_missing_box_is_a_miss() -> None:
    boxes = np.array([[np.nan] * 4])
    assert success_auc(boxes, TRUTH) == 0
    assert precision_at(boxes, TRUTH) == 0


def test_without_any_truth_there_is_no_number() -> None:
    nothing = np.full((3, 4), np.nan)
    assert np.isnan(success_auc(np.zeros((3, 4)), nothing))
    assert np.isnan(precision_at(np.zeros((3, 4)), nothing))


@given(shift=st.floats(0, 60), more=st.floats(0, 60))
def test_farther_away_is_never_better(shift: float, more: float) -> None:
    near, far = shifted(shift), shifted(shift + more)
    assert success_auc(far, TRUTH) <= success_auc(near, TRUTH)
    assert precision_at(far, TRUTH) <= precision_at(near, TRUTH)
