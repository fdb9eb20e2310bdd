"""One hand-made score map for each finding, the Fourier series, and the climb of boxes."""

import numpy as np
import pytest
import torch

from tracker_core.config import OnlineConfig
from tracker_core.trackers.atom.localisation import Finding, localise, upsample
from tracker_core.trackers.atom.refinement import climb, refine, start_boxes

CONFIG = OnlineConfig()
SIZE, TARGET = 288, (58.0, 58.0)  # the neighbourhood is 2.2 × 58 = 128 pixels wide: 64 to each side


def score_map(*peaks):
    """A map of 0 with single values at (x, y) from the centre."""
    scores = np.zeros((SIZE, SIZE), np.float32)
    for x, y, value in peaks:
        scores[SIZE // 2 + y, SIZE // 2 + x] = value
    return scores


@pytest.mark.parametrize(
    ("peaks", "finding", "shift"),
    [
        # nothing reaches 0.25
        ([(10, -20, 0.24)], Finding.NOT_FOUND, (10, -20)),
        ([(10, -20, 0.25)], Finding.FOUND, (10, -20)),
        # a rival inside the neighbourhood (63 < 64 pixels away) is the target's own
        ([(0, 0, 0.9), (63, 0, 0.85)], Finding.FOUND, (0, 0)),
        # a rival of at most half the score does not count
        ([(0, 0, 0.9), (100, 0, 0.45)], Finding.FOUND, (0, 0)),
        # more than half, and above 0.25: something like the target is there
        ([(0, 0, 0.9), (100, 0, 0.46)], Finding.HARD_NEGATIVE, (0, 0)),
        # more than half, but below 0.25 itself
        ([(0, 0, 0.4), (100, 0, 0.24)], Finding.FOUND, (0, 0)),
        # more than 0.8 of it, both near (0.8 · 144 = 115.2 pixels): either may be the target
        ([(0, 0, 0.9), (100, 0, 0.73)], Finding.UNCERTAIN, (0, 0)),
        # the same with the rival far away: the near one is the target
        ([(0, 0, 0.9), (116, 0, 0.73)], Finding.HARD_NEGATIVE, (0, 0)),
        # the better one far away and the rival near: the target is the rival
        ([(0, 120, 0.9), (-10, 0, 0.73)], Finding.HARD_NEGATIVE, (-10, 0)),
        # both far away
        ([(0, 120, 0.9), (0, -120, 0.73)], Finding.UNCERTAIN, (0, 120)),
    ],
)
def test_one_map_for_each_finding(peaks, finding, shift):
    found = localise(score_map(*peaks), TARGET, CONFIG)
    assert found.finding is finding
    assert found.shift == shift
    expected = next(value for x, y, value in peaks if (x, y) == shift)
    assert found.score == pytest.approx(expected)


def test_a_peak_at_the_edge_has_a_neighbourhood_cut_off_there():
    found = localise(score_map((-144, -144, 0.9), (143, 143, 0.4)), TARGET, CONFIG)
    assert found.finding is Finding.FOUND and found.shift == (-144, -144)


def test_the_series_goes_through_the_scores():
    scores = np.random.default_rng(0).normal(size=(18, 18))
    np.testing.assert_allclose(upsample(scores, SIZE)[::16, ::16], scores, atol=1e-5)


def test_the_series_of_a_wave_is_the_wave():
    # three periods down and two across, sampled at 18 positions and known everywhere
    index = np.arange(18)
    fine = np.arange(SIZE) / 16
    wave = [np.cos(2 * np.pi * 3 * i / 18 + 0.4)[:, None] * np.sin(2 * np.pi * 2 * i / 18) for i in (index, fine)]
    np.testing.assert_allclose(upsample(wave[0], SIZE), wave[1], atol=1e-6)


def test_the_peak_of_a_label_is_found_between_positions():
    distance = np.arange(18) - 9
    profile = [np.exp(-0.5 * ((distance - shift) / 1.2) ** 2) for shift in (1.5, -2.25)]  # x, y
    found = localise(upsample(np.outer(profile[1], profile[0]), SIZE), TARGET, CONFIG)
    assert found.shift == (24, -36)
    assert found.score == pytest.approx(1.0, abs=0.01)


def test_boxes_start_around_the_rough_one():
    draws = torch.tensor([[0.5, -0.5, 0.5, 0.0], [0.0, 0.0, -0.5, -0.5]])
    boxes = start_boxes(torch.tensor([100.0, 100.0, 20.0, 80.0]), draws, CONFIG)
    # √(20 · 80) = 40: centres move by 0.5 · 0.1 · 40 = 2, sizes change by 0.5 · 0.5 · 40 = 10
    expected = [[100, 100, 20, 80], [97, 98, 30, 80], [105, 105, 10, 70]]
    np.testing.assert_allclose(boxes.numpy(), expected)
    # no side below a third of the shorter side of the rough box
    small = start_boxes(torch.tensor([0.0, 0.0, 6.0, 96.0]), torch.tensor([[0.0, 0.0, -0.5, 0.0]]), CONFIG)
    assert float(small[1, 2]) == pytest.approx(2.0)


def test_a_step_is_the_gradient_times_the_box_s_side():
    weights = torch.tensor([0.1, -0.2, 0.3, 0.4])
    start = torch.tensor([[10.0, 20.0, 30.0, 40.0]])
    boxes, overlap = climb(lambda corners: corners @ weights, start, OnlineConfig(ascent_steps=1))
    # ∂/∂x = 0.1 + 0.3, ∂/∂y = −0.2 + 0.4, ∂/∂w = 0.3, ∂/∂h = 0.4; times 30, 40, 30, 40
    np.testing.assert_allclose(boxes.numpy(), [[10 + 12, 20 + 8, 30 + 9, 40 + 16]], rtol=1e-6)
    # what was predicted before the step
    assert float(overlap) == pytest.approx(10 * 0.1 - 20 * 0.2 + 40 * 0.3 + 60 * 0.4)


def test_the_best_three_plausible_boxes_are_averaged():
    draws = torch.zeros(4, 4)
    draws[:, 2] = torch.tensor([0.1, 0.2, 0.3, 0.4])  # widths 40 + 2, 4, 6, 8
    still = OnlineConfig(step_length=0.0)
    answer = refine(lambda corners: corners[:, 2] - corners[:, 0], torch.tensor([0.0, 0.0, 40.0, 40.0]), draws, still)
    assert float(answer.box_xywh[2]) == pytest.approx(np.mean([44, 46, 48]))
    # a box more than six times as wide as high is none, however good it is said to be
    wide = torch.tensor([0.0, 0.0, 84.0, 14.5])  # 5.8 : 1; the wider ones leave
    narrow = refine(lambda corners: corners[:, 2] - corners[:, 0], wide, draws, still)
    assert float(narrow.box_xywh[2]) < 6 * 14.5


def test_no_plausible_box_is_none():
    answer = refine(
        lambda corners: corners.sum(1) * float("nan"), torch.tensor([0.0, 0, 9, 9]), torch.zeros(2, 4), CONFIG
    )
    assert answer.box_xywh is None
