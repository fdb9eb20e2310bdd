"""A network's score as the probability that the box covers the target."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tracker_core.config import TrackingConfig
from tracker_core.trackers.confidence import confidence, network_scores


def sigma(x: float) -> float:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    ("score", "slope", "offset", "expected"),
    [
        (0.123456789, 1.0, 0.0, 0.123456789),  # unchanged, bit by bit
        (0.5, 2.0, 1.0, sigma(1.0)),  # the logit of 0.5 is 0
        (0.9, 0.5, -1.0, sigma(0.5 * np.log(9) - 1)),
        (0.0, 0.5, 0.0, sigma(-7.0)),  # logits end at ±14
        (1.0, 0.5, 0.0, sigma(7.0)),
        (float("nan"), 0.5, 0.0, sigma(-7.0)),
    ],
)
def test_confidence(score: float, slope: float, offset: float, expected: float) -> None:
    found = confidence(score, TrackingConfig(confidence_slope=slope, confidence_offset=offset))
    assert found == expected if slope == 1 else found == pytest.approx(expected)


def test_scores_keep_their_order() -> None:
    tracking = TrackingConfig(confidence_slope=0.7, confidence_offset=0.4)
    found = [confidence(score, tracking) for score in np.linspace(0, 1, 50)]
    assert all(one < other for one, other in itertools.pairwise(found))


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.53, -2.18), (2.0, 1.0)])
def test_the_networks_own_score_comes_back(slope: float, offset: float) -> None:
    tracking = TrackingConfig(confidence_slope=slope, confidence_offset=offset)
    scores = np.array([0.001, 0.2, 0.5, 0.9, 0.999])
    reported = np.array([confidence(score, tracking) for score in scores])
    np.testing.assert_allclose(network_scores(reported, tracking), scores, rtol=1e-9)
    assert np.isnan(network_scores(np.array([np.nan]), tracking)).all()
