"""ATOM's loop on a drawn clip with every random draw given: its path, its learning, standing again at a frame."""

import dataclasses

import cv2
import numpy as np
import pytest
import torch
from reference_answers import CLIPS

from tracker_core.boxes import iou_xywh
from tracker_core.checkpoints.weights import find_weights, load_checkpoint
from tracker_core.config import OnlineConfig
from tracker_core.errors import InputError, TrackerStateError
from tracker_core.models.builder import build_network
from tracker_core.presets import preset
from tracker_core.runtime.eager import EagerRunner
from tracker_core.trackers.atom.draws import Draws
from tracker_core.trackers.atom.samples import Region, cut_region, first_samples
from tracker_core.trackers.atom.tracker import AtomTracker

BOX = CLIPS["scene"].box_xywh


class GivenDraws(Draws):
    """Draws from fixed tables: no shift, every fifth channel left out, small waves for the filter."""

    def __init__(self):
        super().__init__(0)

    def shifts(self, count):
        return np.linspace(-0.5, 0.5, 2 * count).reshape(count, 2)

    def dropped(self, count, channels, share):
        return (np.arange(channels) + np.arange(count)[:, None]) % 5 == 0

    def start(self, channels, features, taps):
        return np.sin(np.arange(channels * taps)).reshape(channels, taps), np.cos(
            np.arange(channels * features) * 0.7
        ).reshape(channels, features)

    def jitter(self, frame, count):
        return np.sin(frame + np.arange(4 * count)).reshape(count, 4) / 2


@pytest.fixture(autouse=True)
def one_thread():
    """Sums on several threads are rounded in another order, which the filter's learning makes pixels of."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def network():
    """The backbone that ships, and an overlap predictor that knows nothing."""
    torch.manual_seed(0)
    network = build_network(dataclasses.replace(preset("atom-small").network, width=0.125))
    state = load_checkpoint(find_weights("siamscope-light")).state
    network.load_state_dict({key: value for key, value in state.items() if key.startswith("trunk.")}, strict=False)
    return network


@pytest.fixture(scope="module")
def frames():
    return CLIPS["scene"].frames(24)


def make(network, draws=None, **online):
    config = preset("atom-small")
    config.online = dataclasses.replace(config.online, **online)
    return AtomTracker(config, EagerRunner(network), draws or GivenDraws())


def truth(index):
    return (60.0 + 5 * index, 90.0 + round(30 * np.sin(index / 4)), 64.0, 48.0)


def test_the_classifier_alone_follows_the_block(network, frames):
    tracker = make(network, refine=False)
    tracker.init(frames[0], BOX)
    for index, image in enumerate(frames[1:], 1):
        result = tracker.update(image)
        assert iou_xywh(result.box_xywh, truth(index)) > 0.6, index
        np.testing.assert_allclose(result.box_xywh[2:], BOX[2:])


# frame, then x, y, w, h that this program gave when it was written; the tolerance is for other processors' arithmetic
PATH = (
    (1, (64.00, 97.70, 65.20, 49.04)),
    (2, (67.95, 103.09, 66.84, 50.18)),
    (4, (76.50, 115.61, 69.88, 51.85)),
    (8, (99.91, 112.58, 69.08, 53.26)),
    (12, (113.39, 91.51, 70.59, 55.73)),
)


def test_the_path_of_what_ships(frames):
    network = build_network(preset("atom-small").network)
    network.load_state_dict(load_checkpoint(find_weights("atom-small")).state)
    tracker = make(network)
    tracker.init(frames[0], BOX)
    boxes = [BOX, *(tracker.update(image).box_xywh for image in frames[1:13])]
    for index, expected in PATH:
        np.testing.assert_allclose(boxes[index], expected, atol=1.0)
        assert iou_xywh(boxes[index], truth(index)) > 0.7


def test_without_the_classifier_it_is_sought_where_it_was(network, frames):
    tracker = make(network, classify=False, refine=False)
    tracker.init(frames[0], BOX)
    for image in frames[1:4]:
        np.testing.assert_allclose(tracker.update(image).box_xywh, BOX)


def test_draws_decide_everything_else_is_repeatable(network, frames):
    def path(draws):
        tracker = make(network, draws)
        tracker.init(frames[0], BOX)
        return [tracker.update(image) for image in frames[1:8]]

    first, again = path(GivenDraws()), path(GivenDraws())
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.box_xywh, other.box_xywh) and one.score == other.score
    assert not np.array_equal(path(Draws(1))[-1].box_xywh, path(Draws(2))[-1].box_xywh)


def test_a_fit_changes_the_score_and_no_box(network, frames):
    def follow(**fit):
        tracker = make(network)
        tracker.set_tracking(dataclasses.replace(tracker.tracking, **fit))
        tracker.init(frames[0], BOX)
        return [tracker.update(image) for image in frames[1:6]]

    own, fitted = follow(), follow(confidence_slope=2.0, confidence_offset=-1.0)
    for one, other in zip(own, fitted, strict=True):
        assert np.array_equal(one.box_xywh, other.box_xywh)
        odds = (one.score / (1 - one.score)) ** 2 / np.e
        assert other.score == pytest.approx(odds / (1 + odds))


def test_it_stands_again_at_a_frame_and_does_not_learn_it_twice(network, frames):
    tracker = make(network, update_every=3)
    tracker.init(frames[0], BOX)
    results = [tracker.update(image) for image in frames[1:20]]
    memory = tracker._classifier.memory.weights.clone()
    scores = [result.score for result in results]
    # results[4] is of frame 5: standing there, frame 6 comes out as it did
    tracker.resume(results[4].box_xywh, scores[:5])
    for index in (5, 6, 7):
        repeated = tracker.update(frames[index + 1], debug=index == 6)
        np.testing.assert_array_equal(repeated.box_xywh, results[index].box_xywh)
        assert repeated.score == scores[index] and repeated.state == results[index].state
    assert torch.equal(tracker._classifier.memory.weights, memory)
    # and back at the end it goes on as if nothing had been
    straight = make(network, update_every=3)
    straight.init(frames[0], BOX)
    for image in frames[1:20]:
        straight.update(image)
    tracker.resume(results[-1].box_xywh, scores)
    for image in frames[20:]:
        np.testing.assert_array_equal(tracker.update(image).box_xywh, straight.update(image).box_xywh)


def test_forks_follow_targets_of_their_own(network, frames):
    tracker = make(network)
    other = tracker.fork()
    tracker.init(frames[0], BOX)
    with pytest.raises(TrackerStateError, match=r"call init\(image, box\) first"):
        other.update(frames[1])
    other.init(frames[0], (200.0, 40.0, 30.0, 30.0))
    assert other.network is tracker.network
    assert not np.allclose(tracker.update(frames[1]).box_xywh, other.update(frames[1]).box_xywh)


def test_what_was_seen_is_told_on_request(network, frames):
    tracker = make(network)
    tracker.init(frames[0], BOX)
    assert tracker.update(frames[1]).debug is None
    debug = tracker.update(frames[2], debug=True).debug
    assert debug.levels == ((1, 18, 18),) and debug.scores_raw.shape == (324,)
    # the candidate in the middle, row 9 and column 9, lies in the search region's centre
    left, top, side, _ = debug.search_window_xywh
    middle = debug.anchors_xywh[9 * 18 + 9]
    np.testing.assert_allclose(middle[:2] + middle[2:] / 2, (left + side / 2, top + side / 2), atol=1e-3)
    online = debug.online
    assert online.finding in ("found", "not found", "uncertain", "hard negative")
    assert online.started_xywh.shape == online.refined_xywh.shape == (10, 4)
    assert len(online.samples) == len(online.sample_weights) == 12
    assert online.sample_weights[0] == max(online.sample_weights) and 0 < sum(online.sample_weights) <= 1


def test_a_target_that_is_not_found_stays_where_it_was(network, frames):
    tracker = make(network)
    tracker.init(frames[0], BOX)
    box = tracker.update(frames[1]).box_xywh
    grey = np.full_like(frames[0], 128)
    result = tracker.update(grey, debug=True)
    assert result.debug.online.finding == "not found"
    np.testing.assert_array_equal(result.box_xywh, box)
    for _ in range(tracker.tracking.patience):
        result = tracker.update(grey)
    assert result.state.value == "lost"


def test_images_and_boxes_that_cannot_be_used_are_refused(network, frames):
    tracker = make(network)
    with pytest.raises(InputError, match="outside"):
        tracker.init(frames[0], (400, 300, 20, 20))
    with pytest.raises(InputError, match="uint8"):
        tracker.init(frames[0].astype(np.float32), BOX)


@pytest.mark.parametrize(
    "box",
    [
        (-20.0, -10.0, 60.0, 40.0),  # over the image's corner
        (0.0, 0.0, 320.0, 240.0),  # the whole image: the region is nine tenths border
        (100.0, 100.0, 3.0, 3.0),  # smaller than the smallest size
        (10.0, 100.0, 300.0, 20.0),  # far longer than any plausible box
    ],
)
def test_extreme_boxes_are_followed_with_numbers(network, frames, box):
    tracker = make(network)
    tracker.init(frames[0], box)
    for image in frames[1:4]:
        assert np.isfinite(tracker.update(image).box_xywh).all()


def test_a_region_is_cut_to_a_fraction_of_a_pixel():
    # a ramp of one grey level a pixel: the value at a crop's pixel centre is its place in the image
    ramp = np.repeat(np.arange(200, dtype=np.uint8)[None, :, None], 3, 2).repeat(100, 0)
    crop = cut_region(ramp, Region((100.25, 50.0), 50.0), 100, "edge")
    # pixel 50 of the crop has its centre half a crop pixel, a quarter of an image pixel, right of the middle
    assert crop[50, 50, 0] == round(100.25 + 0.25 - 0.5)
    np.testing.assert_allclose(crop[50, 10:90, 0], 100.25 + (np.arange(10, 90) + 0.5 - 50) / 2 - 0.5, atol=0.51)
    shrunk = cut_region(ramp, Region((100.25, 50.0), 150.0), 50, "edge")
    np.testing.assert_allclose(shrunk[25, 3:47, 0], 100.25 + (np.arange(3, 47) + 0.5 - 25) * 3 - 0.5, atol=1.01)


def test_the_first_frame_gives_twenty_three_samples():
    image = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(image, (110, 90), 6, (255, 255, 255), -1)
    draws = np.random.default_rng(0).uniform(-0.5, 0.5, (18, 2))
    samples = list(first_samples(image, Region((110.5, 90.5), 100.0), 200, "edge", draws))
    assert len(samples) == 1 + 4 + 1 + 5 + 12
    for sample in samples:
        # the white disc lies where the sample says
        ys, xs = np.nonzero(sample.crop[..., 0] > 127)
        np.testing.assert_allclose((xs.mean() + 0.5, ys.mean() + 0.5), np.array(sample.shift) + 100, atol=0.7)
    assert [sample.shift for sample in samples[1:5]] == [(60, 60), (-60, 60), (60, -60), (-60, -60)]
    assert max(abs(np.array([sample.shift for sample in samples[5:]])).ravel()) <= 200 / 6


def test_the_published_values_are_the_defaults():
    online, tracking = preset("atom_default").online, preset("atom_default").tracking
    assert online == OnlineConfig() and tracking.search_size == 18 * 16
    assert (online.first_steps, online.first_inner_steps, online.steps, online.update_every) == (6, 10, 5, 10)
    assert (online.memory, online.rate, online.hard_negative_rate, online.first_share) == (250, 0.01, 0.02, 0.25)
