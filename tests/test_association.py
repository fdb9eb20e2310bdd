"""Look-alikes and motion: a made-up response in which the network alone goes over to the twin."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tracker_core.boxes import iou_xywh
from tracker_core.candidates import make_layout
from tracker_core.config import AnchorConfig, NetworkConfig, TrackerConfig, TrackingConfig
from tracker_core.models.network import Network
from tracker_core.runtime.base import OneByOne
from tracker_core.trackers.association import FORGOTTEN, GUARDED, RIVALS, Track, find_peaks, follow, put_back, uncover
from tracker_core.trackers.builder import build_tracker
from tracker_core.trackers.siamese import SiameseTracker
from tracker_core.types import Image

WIDTH, HEIGHT, SIZE = 480, 240, 40.0
SIDE = 15
BLOCKS = np.random.default_rng(0).integers(40, 140, (HEIGHT // 8, WIDTH // 8, 3)).astype(np.uint8)
IMAGE = BLOCKS.repeat(8, 0).repeat(8, 1)
STRIDE = 16 / (127 / (2 * SIZE))  # image pixels from one position of the map to the next


class Scene(OneByOne):
    """A runner that answers with a peak for each object: `objects(frame)` gives x, y, score, and maybe a width."""

    name = "scene"
    device = "cpu"
    network = Network()

    def __init__(self, objects: Any) -> None:
        self.objects, self.frame, self.tracker = objects, 0, None

    def template(self, crop: Image, exemplar_wh: tuple[float, float]) -> Any:
        return ()

    def search(self, template: Any, crop: Image, guide_cxcywh: Any) -> tuple[NDArray[np.float32], ...]:
        cls = np.zeros((1, 2, SIDE, SIDE), np.float32)
        loc = np.zeros((1, 4, SIDE, SIDE), np.float32)
        cls[0, 0] = 8.0
        for x, y, score, *width in self.objects(self.frame):
            offset = (np.array([x, y]) - self.tracker._center) / STRIDE + SIDE // 2
            column, row = np.round(offset).astype(int)
            if 0 <= column < SIDE and 0 <= row < SIDE:
                cls[0, 0, row, column] = np.log((1 - score) / score)
                # the box is the object's own, wherever its position lies on the grid
                loc[0, :2, row, column] = (offset - (column, row)) * STRIDE / SIZE
                loc[0, 2, row, column] = np.log(width[0] / SIZE) if width else 0.0
        return cls, loc


def follow_scene(objects: Any, frames: int, **tracking: Any) -> tuple[SiameseTracker, list[Any], Scene]:
    config = TrackerConfig(
        "made-up", NetworkConfig(anchors_per_position=1), AnchorConfig("exemplar", 16, [1.0], [1.0]),
        TrackingConfig(**{"window_influence": 0.2, "penalty_k": 0.0, "size_lr": 0.0, **tracking}),
    )  # fmt: skip
    runner = Scene(objects)
    tracker = runner.tracker = SiameseTracker(config, runner)
    x, y, *_ = objects(0)[0]
    tracker.init(IMAGE, (x - SIZE / 2, y - SIZE / 2, SIZE, SIZE))
    return tracker, go_on(tracker, runner, 1, frames), runner


def go_on(tracker: SiameseTracker, runner: Scene, first: int, last: int) -> list[Any]:
    results = []
    for runner.frame in range(first, last):
        results.append(tracker.update(IMAGE))
    return results


def overlap(result: Any, place: tuple[float, float, float]) -> float:
    return float(iou_xywh(result.box_xywh, np.array([place[0] - SIZE / 2, place[1] - SIZE / 2, SIZE, SIZE])))


def passing(frame: int) -> list[tuple[float, float, float]]:
    """The target walks to the right, its twin comes towards it; where they pass, the twin scores better."""
    weak = 21 <= frame <= 30  # the twin has been in the search region since frame 18
    return [(80.0 + 5 * frame, 120.0, 0.7 if weak else 0.95), (330.0 - 5 * frame, 150.0, 0.95 if weak else 0.9)]


def standing(frame: int) -> list[tuple[float, float, float]]:
    """The target stands beside a twin, weakens, and the twin scores much better from then on."""
    return [(200.0, 120.0, 0.95 if frame < 10 else 0.4), (250.0, 120.0, 0.8 if frame < 10 else 0.95)]


@pytest.mark.parametrize(("scene", "frames"), [(passing, 50), (standing, 25)])
def test_the_twin_does_not_take_over(scene: Any, frames: int) -> None:
    _, alone, _ = follow_scene(scene, frames)
    assert overlap(alone[-1], scene(frames - 1)[0]) < 0.1  # the network alone goes over
    _, held, _ = follow_scene(scene, frames, rival_weight=0.6)
    assert overlap(held[-1], scene(frames - 1)[0]) > 0.6


def test_a_new_object_is_no_look_alike_when_the_target_was_not_sure() -> None:
    track = Track(np.array([100.0, 100, 40, 40]), np.zeros(2))
    peak = np.array([180.0, 100, 40, 40])
    assert len(follow((track,), [peak], may_begin=True)) == 2
    assert len(follow((track,), [peak], may_begin=False)) == 1


def test_a_look_alike_is_followed_and_forgotten() -> None:
    tracks = (Track(np.array([100.0, 100, 40, 40]), np.zeros(2)),)
    for step in range(1, 6):
        tracks = follow(tracks, [np.array([100.0 + 10 * step, 100, 40, 40])], may_begin=True)
        assert len(tracks) == 1  # the same one
    assert tracks[0].seen == 6 and 5 < tracks[0].velocity[0] <= 10
    for _ in range(FORGOTTEN):
        tracks = follow(tracks, [], may_begin=True)
        assert len(tracks) == 1
    assert follow(tracks, [], may_begin=True) == ()


def test_peaks_are_apart_from_the_best_and_from_each_other() -> None:
    boxes = np.array(
        [[100.0, 100, 40, 40], [104, 100, 40, 40], [160, 100, 40, 40], [163, 100, 40, 40], [220, 100, 40, 40]]
    )
    scores = np.array([0.9, 0.89, 0.6, 0.7, 0.2], np.float32)
    peaks = find_peaks(boxes, scores, best=0, least=0.3)
    assert [peak[0] for peak in peaks] == [163]  # not its own neighbour, the better of two, nothing weak


@pytest.mark.parametrize("seed", range(20))
def test_peaks_are_those_that_a_plain_search_finds(seed: int) -> None:
    dice = np.random.default_rng(seed)
    boxes = np.concatenate((dice.uniform(0, 200, (60, 2)), dice.uniform(5, 60, (60, 2))), 1).astype(np.float32)
    scores = dice.uniform(0, 1, 60).astype(np.float32)
    kept = [boxes[7]]
    for number in np.argsort(-scores):
        box = boxes[number]
        away = [max(abs(box[:2] - other[:2]) / other[2:]) for other in kept]
        overlaps = [iou_xywh(corner(box), corner(other)) for other in kept]
        if scores[number] >= 0.3 and min(away) > 0.5 and max(overlaps) < 0.3 and len(kept) <= RIVALS:
            kept.append(box)
    found = find_peaks(np.asfortranarray(boxes), scores, best=7, least=0.3)
    assert len(found) > 2 and np.array_equal(found, kept[1:])


def corner(box_cxcywh: NDArray[Any]) -> NDArray[Any]:
    cx, cy, w, h = box_cxcywh.astype(float)
    return np.array([cx - w / 2, cy - h / 2, w, h])


def test_turned_off_nothing_is_added() -> None:
    _, alone, _ = follow_scene(passing, 12)
    tracker, off, _ = follow_scene(passing, 12, rival_weight=0.0, rival_guard=0.0, cover_frames=0, coast_frames=0)
    for one, other in zip(alone, off, strict=True):
        assert one.box_xywh.tobytes() == other.box_xywh.tobytes() and one.score == other.score
    assert tracker._favour(np.zeros(2), np.ones(2)) is None


def test_a_frame_that_is_done_again_has_the_same_answer() -> None:
    tracker, results, runner = follow_scene(
        passing, 40, rival_weight=0.6, rival_guard=0.1, cover_frames=30, coast_frames=10
    )
    scores = [result.score for result in results]
    for stood in (30, 12, 25):  # back, further back, and forward again
        tracker.resume(results[stood - 1].box_xywh, scores[:stood])
        for result, expected in zip(
            go_on(tracker, runner, stood + 1, stood + 5), results[stood : stood + 4], strict=True
        ):
            assert np.allclose(result.box_xywh, expected.box_xywh, atol=1e-9)
            assert result.state is expected.state


def test_memory_can_be_turned_on_while_a_target_is_followed() -> None:
    tracker, _, runner = follow_scene(standing, 3)
    tracker.set_tracking(dataclasses.replace(tracker.tracking, rival_weight=0.6))
    assert overlap(go_on(tracker, runner, 3, 25)[-1], standing(24)[0]) > 0.6


def test_what_is_remembered_stays_small() -> None:
    tracker, _, _ = follow_scene(standing, 1200, rival_weight=0.6)
    assert len(tracker._association._past) <= 1000


def hidden(frame: int) -> list[tuple[float, float, float]]:
    """The target is behind something for ten frames; its twin stays beside it."""
    twin = (255.0, 120.0, 0.9)
    return [twin, (170.0, 60.0, 0.02)] if 12 <= frame < 22 else [(200.0, 120.0, 0.95), twin]


def test_while_the_target_is_hidden_the_box_stays() -> None:
    _, results, _ = follow_scene(hidden, 30, rival_weight=0.6)
    places = [(result.box_xywh[0], result.box_xywh[1]) for result in results]
    assert np.allclose(places[12:21], [places[10]] * 9, atol=1.0)  # neither to the twin nor to noise
    assert overlap(results[-1], (200.0, 120.0, 0)) > 0.9


def returning(frame: int) -> list[tuple[float, float, float]]:
    """The target goes away; another object is taken for it; then the target comes back beside that one, and wins."""
    if frame < 10:
        return [(200.0, 120.0, 0.95)]
    if frame < 16:
        return [(400.0, 20.0, 0.3)]
    other = (230.0, 120.0, 0.8)
    return [other] if frame < 24 else [(180.0, 120.0, 0.75 if frame < 28 else 0.97), other]


def test_after_a_loss_the_target_itself_is_no_look_alike() -> None:
    _, results, _ = follow_scene(returning, 40, rival_weight=0.6, window_influence=0.0, hold_below=0.01)
    assert overlap(results[-1], (180.0, 120.0, 0)) > 0.6


def swallowing(frame: int) -> list[tuple[float, ...]]:
    """A twin stands beside the target; from the 15th frame on the box of the target spans the two of them."""
    return [(200.0, 120.0, 0.95), (250.0, 120.0, 0.8)] if frame < 15 else [(225.0, 120.0, 0.95, 90.0)]


def test_the_box_does_not_grow_over_a_twin() -> None:
    _, alone, _ = follow_scene(swallowing, 25, size_lr=0.6)
    assert alone[-1].box_xywh[2] > 80
    _, guarded, _ = follow_scene(swallowing, 25, size_lr=0.6, rival_guard=0.3)
    assert all(overlap(result, (200.0, 120.0, 0)) > 0.9 for result in guarded)


def test_without_a_twin_the_box_is_taken_as_it_is_found() -> None:
    def growing(frame: int) -> list[tuple[float, ...]]:
        return [(200.0 + 2 * frame, 120.0, 0.95, SIZE + 4 * frame)]  # its left side stays

    _, alone, _ = follow_scene(growing, 15, size_lr=0.6)
    _, guarded, _ = follow_scene(growing, 15, size_lr=0.6, rival_guard=0.3)
    for one, other in zip(alone, guarded, strict=True):
        assert np.array_equal(one.box_xywh, other.box_xywh)


def test_sides_are_not_put_back_for_ever() -> None:
    def spanning(frame: int) -> list[tuple[float, ...]]:
        twin = [(250.0, 120.0, 0.8)]  # seen in the frames between, so that it is not forgotten
        return swallowing(0) if frame < 15 or frame % 5 == 0 else [*swallowing(15), *twin]

    frames = 15 + GUARDED
    _, results, _ = follow_scene(lambda frame: spanning(min(frame, 16)), frames + 20, size_lr=0.6, rival_guard=0.3)
    widths = [float(result.box_xywh[2]) for result in results]
    assert widths[20] < 45 and widths[-1] > 80


def covered(frame: int) -> list[tuple[float, ...]]:
    """From the 15th frame on something comes over the target from the right, until a third of it is to be seen."""
    seen = min(max(1.0 - 0.17 * (frame - 15), 0.33), 1.0)
    return [(200.0 - SIZE * (1 - seen) / 2, 120.0, 0.9, SIZE * seen)]


def test_a_covered_side_stays() -> None:
    _, alone, _ = follow_scene(covered, 36, size_lr=0.6)
    assert alone[-1].box_xywh[2] < 0.4 * SIZE
    _, kept, _ = follow_scene(covered, 36, size_lr=0.6, cover_frames=30)
    assert all(overlap(result, (200.0, 120.0, 0)) > 0.75 for result in kept)


def test_a_covered_side_is_given_up_in_the_end() -> None:
    _, results, _ = follow_scene(covered, 80, size_lr=0.6, cover_frames=10)
    assert results[20].box_xywh[2] > 0.8 * SIZE and results[-1].box_xywh[2] < 0.4 * SIZE


EXPECTED = (100.0, 100.0, 40.0, 60.0)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        ((100, 100, 40, 60), (100, 100, 40, 60)),  # as expected
        ((110, 100, 60, 60), (100, 100, 40, 60)),  # wider, to the right: the target is where it is expected
        ((90, 112, 60, 84), (100, 100, 40, 60)),  # both
        ((120, 100, 60, 60), (110, 100, 40, 60)),  # it cannot lie further to the left than the wide box does
        ((100, 88, 40, 36), (100, 100, 40, 60)),  # lower: a part is hidden, what is seen lies inside
        ((100, 80, 40, 36), (100, 92, 40, 60)),  # as near to the expected place as what is seen allows
        ((104, 100, 44, 60), (104, 100, 44, 60)),  # so little is no sign
        ((108, 90, 40, 60), (108, 90, 40, 60)),  # it has moved and kept its size
    ],
)
def test_beside_a_look_alike_the_size_is_put_back(found: tuple[float, ...], kept: tuple[float, ...]) -> None:
    assert np.allclose(put_back(np.array(found, float), np.array(EXPECTED)), kept)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        ((100, 100, 40, 60), (100, 100, 40, 60)),  # as expected
        ((95, 100, 30, 60), (100, 100, 40, 60)),  # the right side has moved in, and no other
        ((105, 101, 30, 58), (100, 101, 40, 58)),  # the left one; the height stays as it is found
        ((100, 92, 40, 44), (100, 100, 40, 60)),  # the upper or lower one likewise
        ((96, 100, 30, 60), (101, 100, 40, 60)),  # a pixel further on: the side that is seen says where
        ((100, 100, 30, 60), (100, 100, 30, 60)),  # both sides: it is narrower
        ((95, 91, 30, 42), (95, 91, 30, 42)),  # width and height: it is smaller, or further away
        ((97.5, 100, 35, 60), (97.5, 100, 35, 60)),  # so little is no sign
        ((105, 100, 50, 60), (105, 100, 50, 60)),  # nothing is hidden where a box grows
    ],
)
def test_a_side_that_has_moved_in_alone_is_covered(found: tuple[float, ...], kept: tuple[float, ...]) -> None:
    assert np.allclose(uncover(np.array(found, float), np.array(EXPECTED)), kept)


def walking(frame: int) -> list[tuple[float, float, float]]:
    """The target walks behind something for eight frames and comes out on the other side."""
    place = (80.0 + 5 * frame, 120.0)
    return [(*place, 0.02 if 20 <= frame < 28 else 0.9)]


def test_an_unseen_target_continues_as_it_moved() -> None:
    tracker, _, runner = follow_scene(walking, 20, coast_frames=10)
    runner.objects = lambda frame: [] if 20 <= frame < 28 else walking(frame)
    hidden_for = go_on(tracker, runner, 20, 28)
    steps = np.diff([result.box_xywh[0] for result in hidden_for])
    assert (steps > 1.5).all() and (np.diff(steps) < 0).all()  # onwards, ever slower
    assert [float(result.box_xywh[2]) for result in hidden_for] == [SIZE] * 8
    assert overlap(go_on(tracker, runner, 28, 31)[-1], walking(30)[0]) > 0.6


def test_coasting_ends() -> None:
    tracker, results, runner = follow_scene(walking, 20, coast_frames=3, hold_below=0.01)
    runner.objects = lambda frame: []
    places = [float(result.box_xywh[0]) for result in [results[-1], *go_on(tracker, runner, 20, 28)]]
    assert places[0] < places[1] < places[2] < places[3] == places[4] == places[8]


# anchors, default boxes on several maps, a response map without boxes
@pytest.mark.parametrize("name", ["siamrpn-small", "siambroadcast-small", "siamconcat-small", "siamfc-small"])
def test_every_kind_of_candidates_can_be_followed_so(name: str) -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 255, (240, 320, 3)).astype(np.uint8)
    tracker = build_tracker(
        name, device="cpu", runtime="eager", overrides=["tracking.rival_weight=0.5", "tracking.coast_frames=5"]
    )
    tracker.init(image, (140, 100, 40, 40))
    for shift in range(1, 5):
        result = tracker.update(np.roll(image, 2 * shift, axis=1), debug=True)
        assert np.isfinite(result.box_xywh).all() and result.debug is not None
        assert result.debug.best == int(result.debug.scores_windowed.argmax())


def test_a_response_map_leaves_a_look_alike() -> None:
    config = TrackerConfig("made-up", NetworkConfig("siamfc"), AnchorConfig("none", 8), TrackingConfig())
    layout = make_layout(config)
    response = np.full((1, 1, 17, 17), -6.0, np.float32)
    response[0, 0, 8, 8], response[0, 0, 8, 13] = 1.0, 3.0
    candidates = layout.lay_out(response.shape, np.array([40.0, 40.0]), 255)
    tracking = TrackingConfig(window_influence=0.1)
    assert layout.choose([response], candidates, (40.0, 40.0), tracking).box_cxcywh[0] > 35  # the higher one
    held_back = layout.choose(
        [response], candidates, (40.0, 40.0), tracking, lambda boxes: np.float32(-1) * (boxes[:, 0] > 20)
    )
    assert np.allclose(held_back.box_cxcywh, [0, 0, 40, 40])
    assert held_back.score == pytest.approx(1 / (1 + np.exp(-1.0)))  # its own
