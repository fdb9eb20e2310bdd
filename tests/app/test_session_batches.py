"""Several targets of a session are one batch for the network, and each has the results that it has alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from fakes import DrawnSource, true_box

from app.session.backwards import BackwardTracking
from app.session.session import Session
from tracker_core.config import AnchorConfig, NetworkConfig, TrackerConfig
from tracker_core.models.network import Network
from tracker_core.runtime.base import OneByOne
from tracker_core.trackers.siamese import SiameseTracker

OTHER = np.array([60.0, 60.0, 50.0, 36.0])
SIDE = 15


class CountingRunner(OneByOne):
    """Answers with how like the exemplar's colour each place of the crop is; notes what it is asked for at once."""

    name, device, network = "counting", "cpu", Network()

    def __init__(self):
        self.batches = []

    def template(self, crop, exemplar_wh):
        return crop[48:80, 48:80].mean((0, 1))

    def search(self, template, crop, guide_cxcywh):
        distance = np.abs(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA) - template).mean(2)
        cls = np.zeros((1, 2, SIDE, SIDE), np.float32)
        cls[0, 1] = 3 - distance / 10
        return cls, np.zeros((1, 4, SIDE, SIDE), np.float32)

    def search_batch(self, requests):
        self.batches.append(len(requests))
        return super().search_batch(requests)


@pytest.fixture
def tracker():
    network, anchors = NetworkConfig(anchors_per_position=1), AnchorConfig("exemplar", 16, [1.0], [1.0])
    return SiameseTracker(TrackerConfig("made-up", network, anchors), CountingRunner())


@pytest.fixture
def session(tracker):
    session = Session(lambda choice: tracker.fork())
    session.open(DrawnSource(12), "drawn")
    yield session
    session.close_source()


def begin(session, boxes, index=0):
    for box in boxes:
        session.begin(session.seek(index).frame, box)
    session.is_tracking = True


def follow(session, boxes):
    begin(session, boxes)
    while session.read_next() is not None:
        pass
    return [{index: r.box_xywh for index, r in target.results.items()} for target in session.targets.values()]


def test_each_target_has_the_boxes_that_it_has_alone(session, tracker):
    boxes = [true_box(0), OTHER, true_box(0) + 10]
    together = follow(session, boxes)
    assert tracker.runner.batches == [3] * 11
    for box, found in zip(boxes, together, strict=True):
        alone = Session(lambda choice: tracker.fork())
        alone.open(DrawnSource(12), "drawn")
        (expected,) = follow(alone, [box])
        assert found.keys() == expected.keys()
        for index, box_xywh in expected.items():
            np.testing.assert_array_equal(found[index], box_xywh)


def test_a_target_that_starts_later_joins(session, tracker):
    begin(session, [true_box(0)])
    for _ in range(3):
        session.read_next()
    begin(session, [OTHER], 3)
    session.read_next()
    assert tracker.runner.batches == [1, 1, 1, 2]


def test_explanations_of_one_frame_are_one_batch(session, tracker):
    follow(session, [true_box(0), OTHER])
    tracker.runner.batches.clear()
    session.wants_debug = True
    view = session.seek(7)
    assert tracker.runner.batches == [2]
    assert all(target.result.debug is not None for target in view.targets)
    assert view.remark == ""
    for target in view.targets:  # each with its own candidates: the winner leads to the box
        best = target.result.debug.proposals_xywh[target.result.debug.best]
        assert np.abs(best[:2] + best[2:] / 2 - target.result.box_xywh[:2] - target.result.box_xywh[2:] / 2).max() < 1


def test_a_stored_frame_is_computed_again_for_the_target_that_is_looked_at_alone(session, tracker):
    follow(session, [true_box(0), OTHER])
    tracker.runner.batches.clear()
    session.wants_debug, session.explained = True, 2
    view = session.seek(7)
    assert tracker.runner.batches == [1]
    assert [target.number for target in view.targets if target.result.debug is not None] == [2]


def test_tracking_backwards_takes_all_targets_at_once(session, tracker):
    begin(session, [true_box(4), OTHER], 4)
    session.seek(4)
    backwards = BackwardTracking(session, to_start=True)
    while backwards.step() is not None:
        pass
    assert tracker.runner.batches == [2] * 4
    assert [sorted(target.results) for target in session.targets.values()] == [[0, 1, 2, 3, 4]] * 2
