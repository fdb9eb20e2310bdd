"""From a network's outputs to one box: layout, cosine window, penalty on changes of scale and ratio."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.candidates.coding import split_outputs
from tracker_core.candidates.selection import cosine_window, probability, select


def test_foreground_is_the_second_half_of_the_planes() -> None:
    cls = np.zeros((1, 4, 2, 3), np.float32)  # two anchors: planes 0, 1 background, 2, 3 foreground
    cls[0, 3, 1, 2] = math.log(3)  # anchor 1, row 1, column 2: 3 to 1
    cls[0, 0, 0, 1] = math.log(4)  # anchor 0, row 0, column 1: 1 to 4
    scores = probability(split_outputs(cls, cls)[0][0])
    assert (scores.shape, scores.dtype) == ((12,), np.float32)
    assert scores[(1 * 2 + 1) * 3 + 2] == pytest.approx(0.75)
    assert scores[1] == pytest.approx(0.2)
    assert scores[0] == pytest.approx(0.5)


def test_scores_of_extreme_outputs_are_finite() -> None:
    cls = np.array([1e9, -1e9, -1e9, 1e9], np.float32).reshape(1, 4, 1, 1)
    assert probability(split_outputs(cls, cls)[0][0]).tolist() == [0, 1]


def test_deltas_are_the_planes_of_an_anchor() -> None:
    loc = np.arange(1 * 8 * 2 * 3, dtype=np.float32).reshape(1, 8, 2, 3)  # component c of anchor k is plane c·2 + k
    deltas = split_outputs(loc, loc)[1][0]
    assert deltas.shape == (12, 4)
    assert deltas[(1 * 2 + 1) * 3 + 2].tolist() == [loc[0, c * 2 + 1, 1, 2] for c in range(4)]


def test_cosine_window() -> None:
    window = cosine_window(3, 5, 2)
    single = window[:15].reshape(3, 5)
    assert np.array_equal(window[15:], window[:15]), "the same for every anchor"
    assert single[1, 2] == 1, "one in the middle"
    assert np.allclose(single[[0, 2]], 0), "zero on the border"
    assert np.allclose(single[:, [0, 4]], 0)
    assert np.allclose(single[1], [0, 0.5, 1, 0.5, 0])


def boxes(*sizes: tuple[float, float]) -> Any:
    return np.array([(0, 0, w, h) for w, h in sizes], np.float32)


def padded(w: float, h: float) -> float:
    return math.sqrt((w + (w + h) / 2) * (h + (w + h) / 2))


def test_penalty_on_a_change_of_scale_and_ratio() -> None:
    candidates = boxes((40, 40), (80, 80), (20, 20), (80, 20))
    chosen = select(np.ones(4, np.float32), candidates, np.zeros(4, np.float32), (40, 40), 0.1, 0.0)
    turned = padded(80, 20) / padded(40, 40)
    expected = [1, math.exp(-0.1), math.exp(-0.1), math.exp(-0.1 * (4 * max(turned, 1 / turned) - 1))]
    assert np.allclose(chosen.penalty, expected)
    assert np.allclose(chosen.penalised, expected)
    assert chosen.best == 0


def test_no_penalty_leaves_the_scores() -> None:
    scores = np.array([0.2, 0.9], np.float32)
    chosen = select(scores, boxes((40, 40), (400, 10)), np.zeros(2, np.float32), (40, 40), 0.0, 0.0)
    assert np.allclose(chosen.penalised, scores)
    assert chosen.best == 1


def test_the_window_draws_to_the_middle() -> None:
    scores, window = np.array([0.6, 0.5], np.float32), np.array([0, 1], np.float32)
    same = boxes((40, 40), (40, 40))
    assert select(scores, same, window, (40, 40), 0.1, 0.0).best == 0
    drawn = select(scores, same, window, (40, 40), 0.1, 0.4)
    assert drawn.best == 1
    assert np.allclose(drawn.windowed, [0.6 * 0.6, 0.5 * 0.6 + 0.4])


@given(
    w=st.floats(1, 300), h=st.floats(1, 300), previous=st.tuples(st.floats(1, 300), st.floats(1, 300)),
    k=st.floats(0, 5),
)  # fmt: skip
def test_the_penalty_is_symmetric_and_at_most_one(w: float, h: float, previous: tuple[float, float], k: float) -> None:
    def penalty(a: tuple[float, float], b: tuple[float, float]) -> float:
        return float(select(np.ones(1, np.float32), boxes(a), np.zeros(1, np.float32), b, k, 0.0).penalty[0])

    value = penalty((w, h), previous)
    assert 0 <= value <= 1 + 1e-6
    assert value == pytest.approx(penalty(previous, (w, h)), abs=1e-3)
    assert penalty(previous, previous) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("size", [(0, 0), (np.inf, 40), (np.nan, 40)])
def test_candidates_without_a_size_never_win(size: tuple[float, float]) -> None:
    chosen = select(np.array([1, 0.1], np.float32), boxes(size, (40, 40)), np.zeros(2, np.float32), (40, 40), 0.1, 0.0)
    assert chosen.best == 1
    assert np.isfinite(chosen.windowed).all()
