"""A tracker that asks a second network: what both make of a candidate, and that one without the other is unchanged."""

import dataclasses

import cv2
import numpy as np
import pytest

from tracker_core.candidates import make_layout
from tracker_core.checkpoints.pairing import pair_weights
from tracker_core.checkpoints.weights import SHIPPED_FOLDER, list_weights, load_checkpoint, save_checkpoint
from tracker_core.errors import CheckpointError, ConfigError, InputError
from tracker_core.trackers.builder import build_tracker
from tracker_core.trackers.second_opinion import Opinion, agree, second_tracker

LIGHT, OTHER = SHIPPED_FOLDER / "siamscope-light.safetensors", SHIPPED_FOLDER / "siamrpn-small.safetensors"
BOX = (50.0, 50.0, 20.0, 20.0)  # cx, cy, w, h
FAR = (200.0, 200.0, 20.0, 20.0)


def moving_square(count):
    """Return images of a textured square that moves by 4 and 2 pixels a frame, and its boxes."""
    rng = np.random.default_rng(3)
    ground = cv2.GaussianBlur(rng.integers(60, 140, (240, 320, 3), np.uint8), (9, 9), 0)
    patch = cv2.resize(rng.integers(0, 255, (6, 5, 3), np.uint8), (50, 60), interpolation=cv2.INTER_NEAREST)
    boxes = [np.array([80 + 4 * index, 70 + 2 * index, 50, 60], float) for index in range(count)]
    frames = []
    for x, y in ((int(box[0]), int(box[1])) for box in boxes):
        image = ground.copy()
        image[y : y + 60, x : x + 50] = patch
        frames.append(image)
    return frames, boxes


def logit(p):
    return np.log(p / (1 - p))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def opinion(boxes_cxcywh, scores):
    """Return what a network says that sees 300 pixels to each side."""
    view = np.array([0.0, 0.0, 600, 600])
    return Opinion(np.array(boxes_cxcywh, float).reshape(-1, 4), np.array(scores, float), view)


@pytest.mark.parametrize(
    ("mine", "others", "weight", "box", "score"),
    [
        # the same box: the mean of the logits
        (([BOX], [0.6]), ([BOX], [0.9]), 1.0, BOX, sigmoid((logit(0.6) + logit(0.9)) / 2)),
        # the second counts twice
        (([BOX], [0.6]), ([BOX], [0.9]), 2.0, BOX, sigmoid((logit(0.6) + 2 * logit(0.9)) / 3)),
        # nothing is there for the second: the box stays, and hardly a score is left
        (([BOX], [0.6]), ([FAR], [0.9]), 1.0, BOX, sigmoid((logit(0.6) + logit(1e-4)) / 2)),
        # the second has no candidate at all
        (([BOX], [0.6]), ([], []), 1.0, BOX, sigmoid((logit(0.6) + logit(1e-4)) / 2)),
        # the second does not see so far: the first one's score stands
        (([(320, 50, 20, 20)], [0.6]), ([BOX], [0.9]), 1.0, (320, 50, 20, 20), 0.6),
        # equally sure: halfway between the boxes, whose overlap is 3 / 5, the same object
        (([BOX], [0.8]), ([(55, 50, 20, 20)], [0.8]), 1.0, (52.5, 50, 20, 20), 0.8),
        # three times as sure: three quarters of the way
        (([BOX], [0.3]), ([(54, 50, 20, 20)], [0.9]), 1.0, (53, 50, 20, 20), sigmoid((logit(0.3) + logit(0.9)) / 2)),
        # sizes by a constant factor: √(20 · 24) between 20 and 24; the overlap is 400 / 576, the same object
        (([BOX], [0.5]), ([(50, 50, 24, 24)], [0.5]), 1.0, (50, 50, 480**0.5, 480**0.5), 0.5),
    ],
)
def test_scores_and_boxes_are_averaged(mine, others, weight, box, score):
    boxes, scores = np.array(mine[0], np.float32), np.array(mine[1], np.float32)
    agreed = agree(boxes, scores, opinion(*others), weight, weight)
    np.testing.assert_allclose(agreed[0], [box], atol=1e-4)
    np.testing.assert_allclose(agreed[1], [score], atol=1e-5)


@pytest.mark.parametrize(
    ("box_weight", "x"),
    [
        (0.0, 50.0),  # the first one's box stays, whatever the second thinks of its place
        (1.0, 52.0),  # as sure as the first: halfway
        (3.0, 53.0),  # three times as heavy: three quarters of the way
    ],
)
def test_boxes_have_a_weight_of_their_own(box_weight, x):
    boxes, scores = np.array([BOX], np.float32), np.array([0.8], np.float32)
    agreed = agree(boxes, scores, opinion([(54, 50, 20, 20)], [0.8]), 0.5, box_weight)
    np.testing.assert_allclose(agreed[0], [(x, 50, 20, 20)], atol=1e-4)
    np.testing.assert_allclose(agreed[1], [0.8], atol=1e-5)


def test_a_candidate_without_a_say_keeps_its_box():
    boxes = np.array([BOX, BOX], np.float32)
    agreed, scores = agree(boxes, np.array([0.9, 0.001], np.float32), opinion([(54, 50, 20, 20)], [0.9]), 1, 1)
    np.testing.assert_array_equal(agreed[1], BOX)
    assert agreed[0, 0] == pytest.approx(52, abs=1e-4) and scores[1] < 0.001 < scores[0]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return pair_weights(LIGHT, OTHER, tmp_path_factory.mktemp("pair") / "pair.safetensors", "both")


def follow(tracker, frames, boxes):
    tracker.init(frames[0], boxes[0])
    return np.array([tracker.update(frame).box_xywh for frame in frames[1:]])


def test_a_pair_is_one_file_that_is_tracked_with(pair):
    frames, boxes = moving_square(12)
    tracker = build_tracker(weights=pair, runtime="eager")
    assert tracker.name == "both"
    first, second = load_checkpoint(LIGHT), load_checkpoint(OTHER)
    assert set(load_checkpoint(pair).state) == set(first.state) | {f"second.{name}" for name in second.state}
    found = follow(tracker, frames, boxes)
    assert np.abs(found - boxes[1:]).max() < 8
    again = tracker.fork()
    np.testing.assert_array_equal(follow(again, frames, boxes), found)  # the copy asks the second one as well


def test_the_second_is_heard_and_can_be_turned_off(pair):
    frames, boxes = moving_square(8)
    alone = follow(build_tracker("siamscope-light", runtime="eager"), frames, boxes)
    silent = follow(build_tracker(weights=pair, runtime="eager", overrides=["tracking.second_weight=0"]), frames, boxes)
    heard = follow(build_tracker(weights=pair, runtime="eager"), frames, boxes)
    np.testing.assert_array_equal(silent, alone)
    assert np.abs(heard - alone).max() > 0.01


def test_what_was_seen_says_whether_both_looked(pair):
    frames, boxes = moving_square(2)
    for overrides, is_agreed in (((), True), (["tracking.second_weight=0"], False)):
        tracker = build_tracker(weights=pair, runtime="eager", overrides=overrides)
        tracker.init(frames[0], boxes[0])
        assert tracker.update(frames[1], debug=True).debug.is_agreed == is_agreed


def test_several_targets_are_answered_as_one_by_one(pair):
    frames, boxes = moving_square(5)
    alone = [build_tracker(weights=pair, runtime="eager") for _ in range(2)]
    together = [alone[0].fork(), alone[0].fork()]
    starts = [boxes[0], boxes[0] + np.array([3.0, -2, 4, 1])]
    for tracker, start in zip(alone + together, starts * 2, strict=True):
        tracker.init(frames[0], start)
    for frame in frames[1:]:
        expected = [tracker.update(frame).box_xywh for tracker in alone]
        found = [result.box_xywh for result in type(together[0]).update_all(together, frame)]
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_side_by_side_both_networks_find_the_boxes_that_they_find_in_turn(pair, monkeypatch):
    frames, boxes = moving_square(5)
    found = {}
    for cores, threads in (("1", 1), ("2", 1), ("4", 2)):  # on which each network has so many threads
        monkeypatch.setenv("OMP_NUM_THREADS", cores)
        tracker = build_tracker(weights=pair, runtime="onnx")
        assert [runner.threads for runner in tracker.runners] == [threads, threads]
        trackers = [tracker.fork(), tracker.fork()]
        for number, one in enumerate(trackers):
            one.init(frames[0], boxes[0] + 3 * number)
        found[cores] = [[r.box_xywh for r in type(tracker).update_all(trackers, frame)] for frame in frames[1:]]
        assert tracker.runners[0].lanes >= int(cores) // threads
    np.testing.assert_array_equal(found["2"], found["1"])
    np.testing.assert_allclose(found["4"], found["1"], atol=1e-3)


def test_a_resumed_pair_goes_on_as_the_first_run_did(pair):
    frames, boxes = moving_square(9)
    tracker = build_tracker(weights=pair, runtime="eager")
    tracker.init(frames[0], boxes[0])
    results = [tracker.update(frame) for frame in frames[1:]]
    other = tracker.fork()
    other.init(frames[0], boxes[0])
    other.resume(results[3].box_xywh, [result.score for result in results[:4]])
    again = [other.update(frame).box_xywh for frame in frames[5:]]
    np.testing.assert_allclose(again, [result.box_xywh for result in results[4:]], atol=0.05)


def test_what_makes_no_pair_is_refused(pair, tmp_path):
    out = tmp_path / "pair.safetensors"
    with pytest.raises(InputError, match="is a pair already"):
        pair_weights(LIGHT, pair, out)
    with pytest.raises(InputError, match="no boxes of their own"):
        pair_weights(LIGHT, SHIPPED_FOLDER / "siamfc-small.safetensors", out)
    assert not out.exists()


# values of the second network are held to their ranges as the first one's are
@pytest.mark.parametrize("override", ["second.search_size=0", "second.context=-1", "second.crop_shape=round"])
def test_a_second_network_that_cannot_be_configured_so_is_refused(pair, override):
    with pytest.raises(ConfigError, match=override.split("=")[0]):
        build_tracker(weights=pair, runtime="eager", overrides=[override])


def test_a_pair_whose_second_network_is_cut_off_is_refused(pair, tmp_path):
    content = load_checkpoint(pair)
    half = tmp_path / "half.safetensors"
    save_checkpoint(half, {k: v for k, v in content.state.items() if not k.startswith("second.")}, content.config)
    with pytest.raises(CheckpointError, match="do not fit the network 'siamrpn' as it is configured"):
        build_tracker(weights=half, runtime="eager")
    single = load_checkpoint(LIGHT)
    more = tmp_path / "more.safetensors"
    save_checkpoint(more, content.state, single.config)
    with pytest.raises(CheckpointError, match="hold a second network"):
        build_tracker(weights=more, runtime="eager")


def test_a_second_network_keeps_the_half_strides_of_its_training(pair):
    """Published networks put the middle of an even map half a stride from the centre; here it would move every box."""
    tracker = build_tracker(weights=pair, runtime="eager")
    second = tracker.config.second
    moved = dataclasses.replace(tracker.config, second=dataclasses.replace(second, convention="pysot"))
    shape, size = (1, 2 * second.network.anchors_per_position, 16, 16), np.array([60.0, 60.0])
    centred, shifted = (
        make_layout(second_tracker(config)).boxes(shape, size, second.search_size) for config in (tracker.config, moved)
    )
    np.testing.assert_allclose(centred[:, :2] - shifted[:, :2], second.anchors.stride / 2)


def test_the_shipped_pair_is_the_light_network_and_a_larger_one():
    pair, light = load_checkpoint(SHIPPED_FOLDER / "siamscope-base.safetensors"), load_checkpoint(LIGHT)
    assert all((pair.state[name] == value).all() for name, value in light.state.items())
    listed = {entry.name: entry.network for entry in list_weights()}
    assert listed["siamscope-base"] == "light on mobilenetv3, fear on fbnet"
    assert listed["siamscope-light"] == "light on mobilenetv3"
    frames, boxes = moving_square(12)
    tracker = build_tracker("siamscope-base", runtime="eager")
    assert sum(value.numel() for value in tracker.runners[1].network.parameters()) > 1_000_000
    assert np.abs(follow(tracker, frames, boxes) - boxes[1:]).max() < 8
