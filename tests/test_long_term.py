"""Looking for a lost target: the published long-term rules step by step, tiles that cover an image, a sweep."""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
import pytest
import reference_answers as reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tracker_core import load_published
from tracker_core.config import AnchorConfig, NetworkConfig, TrackerConfig, TrackingConfig
from tracker_core.models.network import Network
from tracker_core.presets.published import published_config
from tracker_core.runtime.base import OneByOne
from tracker_core.trackers.lost_search import lost_search_size, sweep_center, tile_centers
from tracker_core.trackers.siamese import SiameseTracker
from tracker_core.types import Image, TrackingState

ENTER, LEAVE, LOST_SIZE = 0.59, 0.605, 415  # the filled network's scores lie between 0.58 and 0.63


def published_trajectory(tracker: SiameseTracker, images: list[Image], box: Any) -> list[tuple[list[float], float]]:
    """The rule of PySOT's long-term tracker, written down again from its description, one statement after another.

    Boxes x, y, w, h as it reports them, and scores. Sizes and thresholds are those above; the rest is the tracker's.
    """
    cfg = tracker.tracking
    mean = [int(v) for v in cv2.mean(images[0])[:3]]

    def crop(image: Image, center: Any, size: int, side: int) -> Image:
        left, top = (int(np.floor(c - (side + 1) / 2 + 0.5)) for c in center)
        padded = cv2.copyMakeBorder(image, 900, 900, 900, 900, cv2.BORDER_CONSTANT, value=mean)
        return cv2.resize(padded[top + 900 : top + 900 + side, left + 900 : left + 900 + side], (size, size))

    def side_of(size: Any) -> float:
        return float(np.sqrt((size[0] + 0.5 * sum(size)) * (size[1] + 0.5 * sum(size))))

    x, y, w, h = box
    center, size, is_lost = np.array([x + (w - 1) / 2, y + (h - 1) / 2]), np.array([w, h], float), False
    template = tracker.runner.template(crop(images[0], center, 127, round(side_of(size))), (0.0, 0.0))
    rows = []
    for image in images[1:]:
        side = side_of(size)
        scale = 127 / side
        instance = LOST_SIZE if is_lost else cfg.search_size
        searched = crop(image, center, instance, round(side * (instance / 127)))
        cls, loc = tracker.runner.search(template, searched, (0.0, 0.0, 0.0, 0.0))[:2]
        count = (instance - 127) // 8 + 1
        assert cls.shape[-1] == count
        planes = np.asarray(cls, np.float64).transpose(1, 2, 3, 0).reshape(2, -1)
        score = np.exp(planes[1]) / np.exp(planes).sum(0)
        deltas = np.asarray(loc, np.float64).transpose(1, 2, 3, 0).reshape(4, -1)
        anchors = []
        for ratio in (0.33, 0.5, 1, 2, 3):
            wide = int(np.sqrt(64 / ratio))
            high = int(wide * ratio)
            steps = (np.arange(count) - count // 2) * 8
            grid_x, grid_y = np.meshgrid(steps, steps)
            ones = np.ones(count * count)
            anchors.append(np.stack([grid_x.ravel(), grid_y.ravel(), ones * wide * 8, ones * high * 8]))
        anchor = np.concatenate(anchors, 1)
        cx, cy = deltas[:2] * anchor[2:] + anchor[:2]
        pw, ph = np.exp(deltas[2:]) * anchor[2:]
        window = np.tile(np.outer(np.hanning(count), np.hanning(count)).ravel(), 5)

        def change(ratio: Any) -> Any:
            return np.maximum(ratio, 1 / ratio)

        def padded(wide: Any, high: Any) -> Any:
            return np.sqrt((wide + (wide + high) / 2) * (high + (wide + high) / 2))

        scale_change = change(padded(pw, ph) / padded(*(size * scale)))
        penalty = np.exp(-(change((size[0] / size[1]) / (pw / ph)) * scale_change - 1) * cfg.penalty_k)
        influence = 0.001 if is_lost else cfg.window_influence
        best = int(np.argmax(penalty * score * (1 - influence) + window * influence))
        if score[best] >= ENTER:
            rate = penalty[best] * score[best] * cfg.size_lr
            center = center + np.array([cx[best], cy[best]]) / scale
            size = size * (1 - rate) + np.array([pw[best], ph[best]]) / scale * rate
        if score[best] < ENTER:
            is_lost = True
        elif score[best] > LEAVE:
            is_lost = False
        height, width = image.shape[:2]
        shown = np.clip(center, 0, [width, height])
        shown_size = np.maximum(10, np.minimum(size, [width, height]))
        rows.append(([*(shown - shown_size / 2), *shown_size], float(score[best]), is_lost))
    return rows


def test_the_published_rule_step_by_step() -> None:
    tracker = load_published("siamrpn_alex_dwxcorr", reference.draw_state_dict("siamrpn_alex_dwxcorr"))
    rule = published_config("siamrpn_r50_l234_dwxcorr_lt").tracking
    tracker.set_tracking(
        dataclasses.replace(
            tracker.tracking,
            score_low=ENTER,
            hold_below=ENTER,
            score_high=LEAVE,
            lost_search_size=LOST_SIZE,
            patience=rule.patience,
            lost_window_influence=rule.lost_window_influence,
            keeps_in_image=rule.keeps_in_image,
        )
    )
    clip = reference.CLIPS["scene"]
    images = clip.frames(10)
    images[5] = cv2.GaussianBlur(images[5], (0, 0), 9)
    images[6] = cv2.GaussianBlur(images[6], (0, 0), 9)
    tracker.init(images[0], np.array(clip.box_xywh))
    theirs = published_trajectory(tracker, images, clip.box_xywh)
    tracker.init(images[0], np.array(clip.box_xywh))
    ours = [tracker.update(image) for image in images[1:]]
    lost = [is_lost for *_, is_lost in theirs]
    assert True in lost, "the clip enters the lost state"
    assert False in lost[lost.index(True) :], "and leaves it"
    np.testing.assert_allclose([result.box_xywh for result in ours], [box for box, *_ in theirs], atol=0.05)
    np.testing.assert_allclose([result.score for result in ours], [score for _, score, _ in theirs], atol=1e-4)
    assert [result.state is TrackingState.LOST for result in ours] == lost


def test_the_published_thresholds() -> None:
    pysot, dasiamrpn = (
        published_config(name).tracking for name in ("siamrpn_r50_l234_dwxcorr_lt", "dasiamrpn_SiamRPNvot_lt")
    )
    assert (pysot.score_low, pysot.score_high, pysot.search_size, pysot.lost_search_size) == (0.8, 0.998, 255, 831)
    assert (pysot.hold_below, pysot.lost_window_influence, pysot.patience) == (0.8, 0.001, 1)
    assert (pysot.penalty_k, pysot.window_influence, pysot.size_lr) == (0.05, 0.28, 0.22)
    assert (dasiamrpn.score_low, dasiamrpn.score_high, dasiamrpn.lost_search_size) == (0.8, 0.95, 767)


@pytest.mark.parametrize(
    ("changes", "lost_frames", "side"),
    [
        ({}, 5, 255),  # nothing is asked for
        ({"lost_search_size": 831}, 0, 255),  # not lost
        ({"lost_search_size": 831}, 1, 831),  # PySOT: the whole at once
        ({"lost_search_size": 767, "lost_search_step": 100}, 1, 355),  # DaSiamRPN: a step a frame
        ({"lost_search_size": 767, "lost_search_step": 100}, 5, 755),
        ({"lost_search_size": 767, "lost_search_step": 100}, 6, 767),  # and no further
        ({"lost_search_size": 200}, 1, 255),  # never smaller than usual
    ],
)
def test_how_large_the_search_region_is(changes: dict[str, Any], lost_frames: int, side: int) -> None:
    assert lost_search_size(TrackingConfig(**changes), 255, lost_frames) == side


@given(
    wide=st.integers(40, 2000),
    high=st.integers(40, 2000),
    side=st.floats(30, 900),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_target_of_half_a_side_lies_whole_in_a_tile(
    wide: int, high: int, side: float, place: tuple[float, float]
) -> None:
    sides = np.array([side, side * 0.8])
    half = np.minimum(sides / 2, [wide, high])  # the target's width and height
    low = np.array(place) * ([wide, high] - half)
    centers = tile_centers(sides, (wide, high))
    inside = (centers - sides / 2 <= low + 1e-6) & (centers + sides / 2 >= low + half - 1e-6)
    assert inside.all(1).any()


def test_a_sweep_looks_everywhere_and_again_where_the_target_was() -> None:
    home, sides = np.array([100.0, 80.0]), np.array([160.0, 160.0])
    places = [tuple(sweep_center(home, sides, (640, 480), frame)) for frame in range(1, 200)]
    assert {tuple(center) for center in tile_centers(sides, (640, 480))} <= set(places)
    assert all(place == tuple(home) for place in places[::3])
    away = [np.hypot(*(np.array(place) - home)) for place in places if place != tuple(home)]
    assert away[:10] == sorted(away[:10]), "near tiles come first"


class SeesRed(OneByOne):
    """A runner that finds what is red, and elsewhere answers weakly at a corner."""

    name = "red"
    device = "cpu"
    network = Network()

    def template(self, crop: Image, exemplar_wh: tuple[float, float]) -> Any:
        return ()

    def search(self, template: Any, crop: Image, guide_cxcywh: Any) -> tuple[NDArray[np.float32], ...]:
        cls, loc = np.zeros((1, 2, 15, 15), np.float32), np.zeros((1, 4, 15, 15), np.float32)
        cls[0, 0] = 8.0
        red = np.argwhere((crop[..., 2] > 200) & (crop[..., 0] < 60))
        row, column = (2, 2) if len(red) < 200 else np.clip(np.round((red.mean(0) - 127.5) / 16) + 7, 0, 14).astype(int)
        cls[0, 0, row, column] = -3.0 if len(red) >= 200 else 0.0  # 0.95 or 0.5
        return cls, loc


def picture(x: int, y: int) -> Image:
    blocks = np.random.default_rng(0).integers(40, 140, (60, 80, 3)).astype(np.uint8)
    image = blocks.repeat(8, 0).repeat(8, 1)
    if x >= 0:
        image[y : y + 40, x : x + 40] = (20, 20, 240)
    return image


@pytest.mark.parametrize("sweeps", [True, False])
def test_a_sweep_finds_a_target_that_comes_back_elsewhere(sweeps: bool) -> None:
    config = TrackerConfig(
        "red", NetworkConfig(anchors_per_position=1), AnchorConfig("exemplar", 16, [1.0], [1.0]),
        TrackingConfig(score_low=0.6, score_high=0.9, patience=2, window_influence=0.2, lost_sweep=sweeps),
    )  # fmt: skip
    tracker = SiameseTracker(config, SeesRed())
    tracker.init(picture(60, 60), np.array([60.0, 60, 40, 40]))
    for _ in range(3):
        assert tracker.update(picture(60, 60)).state is TrackingState.TRACKING
    gone = [tracker.update(picture(-1, 0)) for _ in range(30)]
    assert gone[-1].state is TrackingState.LOST
    back = [tracker.update(picture(560, 400)) for _ in range(90)]
    found = [result for result in back if result.state is TrackingState.TRACKING]
    if not sweeps:
        assert not found
        return
    assert np.allclose(gone[-1].box_xywh, gone[2].box_xywh), "a weak answer elsewhere carries nothing away"
    assert np.hypot(*(found[-1].box_xywh[:2] - [560, 400])) < 12
    assert back[-1].state is TrackingState.TRACKING
