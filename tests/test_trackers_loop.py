"""The tracking loop, first with a network that answers what the test wants, then with the weights that ship."""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tracker_core.boxes import iou_xywh, xywh_to_cxcywh
from tracker_core.config import AnchorConfig, NetworkConfig, TrackerConfig, TrackingConfig
from tracker_core.errors import ConfigError, InputError, TrackerStateError
from tracker_core.models.network import Network
from tracker_core.runtime import onnx
from tracker_core.runtime.base import OneByOne
from tracker_core.trackers.builder import build_tracker, tracker_from_network
from tracker_core.trackers.siamese import SiameseTracker
from tracker_core.types import Image, TrackingState

WIDTH, HEIGHT = 320, 240
SIDE = 15  # positions along a side of the answer of the made-up network
BLOCKS = np.random.default_rng(0).integers(40, 140, (HEIGHT // 8, WIDTH // 8, 3)).astype(np.uint8)
IMAGE = BLOCKS.repeat(8, 0).repeat(8, 1)
START = np.array([100.0, 80.0, 40.0, 40.0])


class Answers(OneByOne):
    """A runner whose network always sees the target at `at` (row, column), with `score` and `deltas`."""

    name = "answers"
    device = "cpu"
    network = Network()

    def __init__(self, at: tuple[int, int] = (7, 7), score: float = 0.9, side: int = SIDE) -> None:
        self.at, self.score, self.side = at, score, side
        self.deltas = (0.0, 0.0, 0.0, 0.0)
        self.templates: list[tuple[int, tuple[float, float]]] = []
        self.crops: list[int] = []

    def template(self, crop: Image, exemplar_wh: tuple[float, float]) -> Any:
        self.templates.append((crop.shape[0], exemplar_wh))
        return ()

    def search(self, template: Any, crop: Image, guide_cxcywh: Any) -> tuple[NDArray[np.float32], ...]:
        self.crops.append(crop.shape[0])
        cls, loc = (
            np.zeros((1, 2, self.side, self.side), np.float32),
            np.zeros((1, 4, self.side, self.side), np.float32),
        )
        cls[0, 0] = 8.0
        cls[0, 0, self.at[0], self.at[1]] = np.log((1 - self.score) / self.score)
        loc[0, :, self.at[0], self.at[1]] = self.deltas
        return cls, loc


def make(**tracking: Any) -> tuple[SiameseTracker, Answers]:
    """A tracker with one anchor of the exemplar's shape on a grid of stride 16, and the runner behind it."""
    config = TrackerConfig(
        "made-up", NetworkConfig(anchors_per_position=1), AnchorConfig("exemplar", 16, [1.0], [1.0]),
        TrackingConfig(**{"window_influence": 0.0, "penalty_k": 0.0, **tracking}),
    )  # fmt: skip
    runner = Answers()
    return SiameseTracker(config, runner), runner


def centre(box_xywh: Any) -> list[float]:
    return [float(value) for value in xywh_to_cxcywh(np.asarray(box_xywh))[:2]]


def test_a_target_that_stands_still() -> None:
    tracker, _ = make()
    tracker.init(IMAGE, START)
    for _ in range(3):
        result = tracker.update(IMAGE)
        assert np.allclose(result.box_xywh, START, atol=1e-6)
        assert result.score == pytest.approx(0.9, abs=1e-3)
        assert result.state is TrackingState.TRACKING
        assert result.debug is None
        assert not result.box_xywh.flags.writeable


def test_one_position_is_one_stride_of_the_crop() -> None:
    tracker, runner = make()
    tracker.init(IMAGE, START)
    runner.at = (6, 9)  # one up, two to the right
    scale = 127 / 80  # the context square of a 40 × 40 target is 80 pixels wide
    x, y = centre(tracker.update(IMAGE).box_xywh)
    assert (x, y) == pytest.approx((120 + 2 * 16 / scale, 100 - 16 / scale))


def test_an_even_map_has_its_middle_between_positions() -> None:
    tracker, runner = make(search_size=271)
    runner.side, runner.at = 16, (7, 8)
    tracker.init(IMAGE, START)
    x, y = centre(tracker.update(IMAGE).box_xywh)
    assert (x, y) == pytest.approx((120 + 8 / (127 / 80), 100 - 8 / (127 / 80)))


def test_size_follows_slowly() -> None:
    tracker, runner = make(size_lr=0.5)
    tracker.init(IMAGE, START)
    runner.deltas = (0.0, 0.0, float(np.log(1.5)), 0.0)  # half as wide again
    result = tracker.update(IMAGE)
    rate = 0.5 * 0.9  # size_lr · penalty · score
    assert result.box_xywh[2:] == pytest.approx([40 * (1 - rate) + 60 * rate, 40], abs=0.01)


def test_box_stays_in_the_image_and_above_its_minimum() -> None:
    tracker, runner = make(size_lr=1.0, minimum_size=12.0)
    tracker.init(IMAGE, START)
    runner.at, runner.deltas = (0, 0), (0.0, 0.0, -5.0, -5.0)
    for _ in range(20):
        result = tracker.update(IMAGE)
    assert centre(result.box_xywh) == [0, 0]
    assert result.box_xywh[2:] == pytest.approx([12, 12])
    runner.deltas = (0.0, 0.0, 5.0, 5.0)
    for _ in range(20):
        result = tracker.update(IMAGE)
    assert (result.box_xywh[2:] <= [WIDTH, HEIGHT]).all()


def test_weak_answers_hold_the_box() -> None:
    tracker, runner = make(hold_below=0.3, score_low=0.25, score_high=0.6, patience=2)
    tracker.init(IMAGE, START)
    runner.at, runner.score = (2, 2), 0.1
    results = [tracker.update(IMAGE) for _ in range(3)]
    assert all(np.allclose(result.box_xywh, START) for result in results)
    assert [result.state for result in results] == [TrackingState.UNCERTAIN, TrackingState.LOST, TrackingState.LOST]


def test_a_lost_target_is_looked_for_in_a_wider_region() -> None:
    tracker, runner = make(patience=1, lost_search_scale=2.0)
    tracker.init(IMAGE, START)
    before = tracker.update(IMAGE, debug=True).debug
    runner.score = 0.1
    tracker.update(IMAGE)
    runner.at = (7, 8)
    runner.score = 0.9
    found = tracker.update(IMAGE, debug=True)
    assert before is not None
    assert found.debug is not None
    assert found.debug.search_window_xywh[2] == pytest.approx(2 * before.search_window_xywh[2], abs=1)
    assert centre(found.box_xywh)[0] == pytest.approx(120 + 2 * 16 / (127 / 80))
    assert found.state is TrackingState.TRACKING


def test_answers_that_are_no_numbers_hold_the_box() -> None:
    tracker, runner = make()
    tracker.init(IMAGE, START)
    runner.score = float("nan")
    result = tracker.update(IMAGE)
    assert np.allclose(result.box_xywh, START)
    assert result.score == 0


# what a camera gives that sees nothing: black, one grey, black as a lossy codec leaves it, a covered lens, a flash
@pytest.mark.parametrize(
    "blank",
    [
        np.zeros_like(IMAGE),
        np.full_like(IMAGE, 127),
        np.random.default_rng(1).integers(0, 3, IMAGE.shape).astype(np.uint8),
        np.random.default_rng(2).normal(12, 4, IMAGE.shape).clip(0, 255).astype(np.uint8),
        np.full_like(IMAGE, 255),
    ],
    ids=["black", "grey", "coded", "covered", "white"],
)
def test_an_image_that_shows_nothing_moves_nothing(blank: Image) -> None:
    tracker, runner = make(patience=2, score_low=0.25, score_high=0.6)
    tracker.init(IMAGE, START)
    runner.at, runner.deltas = (3, 11), (0.1, 0.2, 0.3, 0.4)  # whatever the network says of it
    results = [tracker.update(blank) for _ in range(60)]
    assert all(np.allclose(result.box_xywh, START) and result.score == 0 for result in results)
    assert results[-1].state is TrackingState.LOST
    runner.at, runner.deltas = (7, 7), (0.0, 0.0, 0.0, 0.0)
    found = tracker.update(IMAGE)
    assert np.allclose(found.box_xywh, START) and found.state is TrackingState.TRACKING


def test_parameters_take_effect_on_the_next_frame() -> None:
    tracker, runner = make(size_lr=0.0)
    tracker.init(IMAGE, START)
    runner.deltas = (0.0, 0.0, float(np.log(2)), float(np.log(2)))
    assert tracker.update(IMAGE).box_xywh[2] == pytest.approx(40)
    tracker.set_tracking(dataclasses.replace(tracker.tracking, size_lr=1.0, search_size=287, score_high=0.95))
    assert tracker.update(IMAGE).box_xywh[2] == pytest.approx(76, abs=0.1)  # 40 · 0.1 + 80 · 0.9
    assert runner.crops == [255, 287]
    tracker.set_tracking(dataclasses.replace(tracker.tracking, score_low=0.92, patience=1))
    assert tracker.update(IMAGE).state is TrackingState.LOST


def test_what_belongs_to_the_template_waits_for_the_next_start() -> None:
    tracker, runner = make()
    tracker.init(IMAGE, START)
    tracker.update(IMAGE)
    window = tracker.update(IMAGE, debug=True).debug
    tracker.set_tracking(dataclasses.replace(tracker.tracking, context=1.0))
    changed = tracker.update(IMAGE, debug=True).debug
    assert window is not None
    assert changed is not None
    assert np.array_equal(window.search_window_xywh, changed.search_window_xywh)
    tracker.init(IMAGE, START)
    restarted = tracker.update(IMAGE, debug=True).debug
    assert restarted is not None
    assert restarted.search_window_xywh[2] == pytest.approx(1.5 * window.search_window_xywh[2], abs=1)
    assert [round(wh[0], 2) for _, wh in runner.templates] == [63.5, 42.33]


def test_a_value_out_of_range_changes_nothing() -> None:
    tracker, _ = make()
    with pytest.raises(ConfigError, match="window_influence"):
        tracker.set_tracking(dataclasses.replace(tracker.tracking, window_influence=2.0))
    assert tracker.tracking.window_influence == 0


def test_small_targets_get_their_own_search_region() -> None:
    tracker, runner = make(small_target_search_size=287, small_target_fraction=0.004)
    tracker.init(IMAGE, (100, 80, 12, 12))  # 144 of 76 800 pixels
    tracker.update(IMAGE)
    tracker.init(IMAGE, START)  # 1600
    tracker.update(IMAGE)
    assert runner.crops == [287, 255]


def test_a_fork_is_another_target() -> None:
    tracker, runner = make()
    tracker.init(IMAGE, START)
    other = tracker.fork()
    with pytest.raises(TrackerStateError, match="before it was started"):
        other.update(IMAGE)
    other.init(IMAGE, (200, 150, 20, 20))
    runner.at = (7, 8)
    moved = other.update(IMAGE).box_xywh
    runner.at = (7, 7)
    assert np.allclose(tracker.update(IMAGE).box_xywh, START), "the first one stands where it stood"
    assert centre(moved)[0] > 210
    other.set_tracking(dataclasses.replace(other.tracking, size_lr=0.9))
    assert tracker.tracking.size_lr == TrackingConfig().size_lr
    assert other.runner is tracker.runner, "one network for both"


def test_an_earlier_run_is_taken_up_where_it_stood() -> None:
    tracker, runner = make(patience=3)
    tracker.init(IMAGE, START)
    runner.at, runner.score = (7, 8), 0.1
    first = [tracker.update(IMAGE) for _ in range(4)]
    again = tracker.fork()
    again.init(IMAGE, START)
    again.resume(first[1].box_xywh, [result.score for result in first[:2]])
    for expected in first[2:]:
        result = again.update(IMAGE)
        assert np.allclose(result.box_xywh, expected.box_xywh)
        assert result.state is expected.state


def test_debug_output_is_complete_and_in_image_pixels() -> None:
    tracker, runner = make(window_influence=0.3, penalty_k=0.1)
    tracker.init(IMAGE, START)
    runner.at, runner.deltas = (6, 8), (0.1, 0.0, 0.2, -0.1)
    result = tracker.update(IMAGE, debug=True)
    debug = result.debug
    assert debug is not None
    count = SIDE * SIDE
    assert debug.levels == ((1, SIDE, SIDE),)
    assert debug.anchors_xywh.shape == debug.proposals_xywh.shape == (count, 4)
    assert debug.anchors_xywh.dtype == debug.proposals_xywh.dtype == np.float32
    for scores in (debug.scores_raw, debug.scores_penalised, debug.scores_windowed):
        assert (scores.shape, scores.dtype) == ((count,), np.float32)
    assert debug.best == int(debug.scores_windowed.argmax()) == 6 * SIDE + 8
    assert debug.scores_raw[debug.best] == pytest.approx(result.score)
    # the middle anchor lies where the target was, with its size; neighbours lie one stride of the crop apart
    assert np.allclose(debug.anchors_xywh[count // 2], START, atol=1e-4)
    steps = debug.anchors_xywh[count // 2 + 1] - debug.anchors_xywh[count // 2]
    assert np.allclose(steps, [16 / (127 / 80), 0, 0, 0], atol=1e-4)
    # the winner's centre is the new centre
    assert centre(debug.proposals_xywh[debug.best]) == pytest.approx(centre(result.box_xywh), abs=1e-3)
    left, top, width, height = debug.search_window_xywh
    assert width == height == round(80 * 255 / 127)
    assert (left + width / 2, top + height / 2) == pytest.approx((120, 100), abs=1)
    assert debug.search_crop.shape == (255, 255, 3)
    assert debug.exemplar_crop.shape == (127, 127, 3)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((240, 320), np.uint8),  # grey
        np.zeros((240, 320, 4), np.uint8),  # with alpha
        np.zeros((240, 320, 3), np.uint16),
        np.zeros((0, 320, 3), np.uint8),
    ],
)
def test_images_of_another_kind_are_refused(image: Any) -> None:
    tracker, _ = make()
    with pytest.raises(InputError, match="uint8 images of height × width × 3"):
        tracker.init(image, START)
    tracker.init(IMAGE, START)
    with pytest.raises(InputError, match="uint8 images of height × width × 3"):
        tracker.update(image)


def test_frames_may_change_their_size() -> None:
    tracker, _ = make()
    tracker.init(IMAGE, START)
    small = IMAGE[:60, :70]
    box = tracker.update(small).box_xywh
    assert centre(box)[0] <= 70
    assert centre(box)[1] <= 60


def test_as_many_anchors_as_the_network_has() -> None:
    config = TrackerConfig("odd", NetworkConfig(anchors_per_position=3), AnchorConfig("rpn", 8, [1.0], [8.0]))
    with pytest.raises(ConfigError, match=r"1 anchors per position, but network\.anchors_per_position is 3"):
        tracker_from_network(config, Network())


# --- with the weights that ship


def box_at(index: int) -> NDArray[np.float64]:
    """Where the target is: it circles and grows by a third."""
    size = 44 + 14 * index / 40
    x, y = 150 + 60 * np.sin(index / 12), 110 + 45 * np.cos(index / 9)
    return np.array([round(x - size / 2), round(y - size / 2), round(size), round(size)], np.float64)


def draw(index: int) -> Image:
    """A checked, coloured target over a quiet ground."""
    rng = np.random.default_rng(5)
    ground = cv2.resize(
        rng.integers(70, 130, (12, 16, 3)).astype(np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    patch = np.zeros((6, 6, 3), np.uint8)
    patch[:] = (30, 60, 230)
    patch[1:3, 1:3] = (240, 240, 240)
    patch[3:5, 2:5] = (20, 20, 20)
    x, y, w, h = box_at(index).astype(int)
    ground[y : y + h, x : x + w] = cv2.resize(patch, (w, h), interpolation=cv2.INTER_NEAREST)
    return cv2.GaussianBlur(ground, (3, 3), 0)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> SiameseTracker:
    """The default tracker, its exported network in a cache of the test's own."""
    folder = tmp_path_factory.mktemp("networks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx, "cache_folder", lambda: folder)
        return build_tracker(device="cpu")


def test_the_shipped_weights_follow_a_moving_target(shipped: SiameseTracker) -> None:
    shipped.init(draw(0), box_at(0))
    overlaps = [float(iou_xywh(shipped.update(draw(index)).box_xywh, box_at(index))) for index in range(1, 40)]
    assert min(overlaps) > 0.5, overlaps


def test_two_targets_at_once_are_as_good_as_one(shipped: SiameseTracker) -> None:
    first, second = shipped.fork(), shipped.fork()
    first.init(draw(0), box_at(0))
    alone = [first.update(draw(index)).box_xywh for index in range(1, 6)]
    first.init(draw(0), box_at(0))
    second.init(draw(0), (20, 20, 50, 40))
    for index in range(1, 6):
        together = first.update(draw(index)).box_xywh
        second.update(draw(index))
        assert np.array_equal(together, alone[index - 1])


# every tracker that ships: what its network answers to black images would carry the box away
@pytest.mark.parametrize(
    "name",
    ["siamscope-light", "siamscope-base", "siamrpn-small", "siambroadcast-small", "siamconcat-small", "siamfc-small"],
)
def test_a_covered_lens_does_not_move_the_box(name: str) -> None:
    tracker = build_tracker(name, device="cpu", runtime="eager")
    assert tracker.tracking.hold_below > 0
    tracker.init(draw(0), box_at(0))
    before = tracker.update(draw(0))
    covered = [tracker.update(np.zeros_like(draw(0))) for _ in range(tracker.tracking.patience)]
    assert all(np.array_equal(result.box_xywh, before.box_xywh) and result.score == 0 for result in covered)
    assert covered[-1].state is TrackingState.LOST
    assert iou_xywh(tracker.update(draw(0)).box_xywh, box_at(0)) > 0.5
