"""Whole updates on the runtime for GPUs: crops cut and candidates chosen by it, several targets in one batch.

Here on the CPU's tensors: the same code without recording. What needs a GPU is at the end.
"""

from __future__ import annotations

import dataclasses
import gc
import weakref
from typing import Any

import cv2
import numpy as np
import pytest

from tracker_core.candidates import Chosen
from tracker_core.models.builder import build_network
from tracker_core.presets import preset
from tracker_core.results.loop import step
from tracker_core.runtime import EagerRunner
from tracker_core.runtime.cuda import CudaRunner
from tracker_core.runtime.staging import DeviceCrops, HostCrops
from tracker_core.trackers.builder import build_tracker
from tracker_core.trackers.siamese import SiameseTracker
from tracker_core.types import Frame

BOXES = [(60.0, 50.0, 40.0, 30.0), (150.0, 100.0, 30.0, 40.0), (4.0, 4.0, 24.0, 24.0)]
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "look-alikes and coasting": ("siamscope-light", {}),
    "the network alone": ("siamscope-light", {"rival_weight": 0.0, "coast_frames": 0}),
    "three sizes of a response map": ("siamfc-small", {}),
}


def images(count: int, width: int = 240, height: int = 180) -> list[np.ndarray]:
    """A textured square that wanders over a textured ground."""
    random = np.random.default_rng(2)
    ground = cv2.resize(random.integers(60, 120, (9, 12, 3)).astype(np.uint8), (width, height))
    patch = cv2.resize(random.integers(0, 255, (5, 6, 3)).astype(np.uint8), (40, 30), interpolation=cv2.INTER_NEAREST)
    found = []
    for number in range(count):
        image = ground.copy()
        x, y = 60 + 5 * number, 50 + 3 * number
        image[y : y + 30, x : x + 40] = patch
        found.append(image)
    return found


def trackers_of(name: str, device: str = "cpu", crops: str = "device") -> tuple[SiameseTracker, SiameseTracker]:
    """The same tracker on the runtime for GPUs and in plain PyTorch on the CPU."""
    tracker, changes = SETTINGS[name]
    other = build_tracker(tracker, device="cpu", runtime="eager", overrides={"tracking": changes} if changes else ())
    assert isinstance(other, SiameseTracker)
    mine = SiameseTracker(other.config, CudaRunner(build_copy(other), device, crops=crops))
    return mine, other


def build_copy(tracker: SiameseTracker) -> Any:
    network = build_network(tracker.config.network)
    network.load_state_dict(tracker.network.state_dict())
    return network


def follow(tracker: SiameseTracker, boxes: Any, frames: list[np.ndarray], debug: bool = False) -> list[list[Any]]:
    trackers = [tracker.fork() for _ in boxes]
    for each, box in zip(trackers, boxes, strict=True):
        each.init(frames[0], box)
    return [list(step(trackers, Frame(0, 0.0, image), debug=debug).results) for image in frames[1:]]


def furthest(some: list[list[Any]], others: list[list[Any]]) -> float:
    pairs = [pair for mine, theirs in zip(some, others, strict=True) for pair in zip(mine, theirs, strict=True)]
    assert all(mine.state is theirs.state for mine, theirs in pairs)
    assert max(abs(mine.score - theirs.score) for mine, theirs in pairs) < 1e-4
    return max(float(np.abs(mine.box_xywh - theirs.box_xywh).max()) for mine, theirs in pairs)


@pytest.mark.parametrize("name", SETTINGS)
def test_whole_updates_give_the_boxes_of_plain_pytorch(name: str) -> None:
    mine, other = trackers_of(name)
    frames = images(4)
    assert furthest(follow(mine, BOXES[:1], frames), follow(other, BOXES[:1], frames)) < 1e-3


def test_targets_in_one_batch_have_the_boxes_that_they_have_alone() -> None:
    mine, _ = trackers_of("look-alikes and coasting")
    frames = images(3)
    together = follow(mine, BOXES, frames)
    for number, box in enumerate(BOXES):
        alone = follow(mine, [box], frames)
        assert furthest([[results[number]] for results in together], alone) < 1e-3


def test_all_candidates_come_back_only_where_they_are_asked_for() -> None:
    mine, other = trackers_of("the network alone")
    frames, answers = images(2), []
    search = mine.runner.search_batch
    mine.runner.search_batch = lambda requests: answers.extend(search(requests)) or answers[-1:]  # type: ignore[method-assign]
    plain, seen = follow(mine, BOXES[:1], frames)[0][0], follow(mine, BOXES[:1], frames, debug=True)[0][0]
    assert all(isinstance(answer, Chosen) for answer in answers)
    assert [answer.choice.selection is None for answer in answers] == [True, False]
    small, _ = mine.runner._searches.values()
    assert [back.numel() for back in small._back] == [8]
    assert np.array_equal(plain.box_xywh, seen.box_xywh)
    expected = follow(other, BOXES[:1], frames, debug=True)[0][0].debug
    assert plain.debug is None and seen.debug.best == expected.best and seen.debug.levels == expected.levels
    for field in ("anchors_xywh", "proposals_xywh", "scores_raw", "scores_penalised", "scores_windowed", "search_crop"):
        assert np.allclose(getattr(seen.debug, field), getattr(expected, field), atol=1e-2), field


def test_parameters_that_change_while_tracking_count_at_once() -> None:
    mine, other = trackers_of("the network alone")
    frames = images(4)
    for tracker in (mine, other):
        tracker.init(frames[0], BOXES[0])
    for number, influence in enumerate((0.1, 0.9, 0.1), 1):
        results = []
        for tracker in (mine, other):
            tracker.set_tracking(dataclasses.replace(tracker.tracking, window_influence=influence, penalty_k=influence))
            results.append([[tracker.update(frames[number])]])
        assert furthest(*results) < 1e-3


def test_a_target_started_again_is_followed_with_its_new_anchors() -> None:
    """Candidates of the exemplar's shape lie on the device: another exemplar's have to be copied there."""
    mine, other = trackers_of("the network alone")
    frames = images(3)
    for box in (BOXES[0], (60.0, 40.0, 20.0, 60.0)):
        results = []
        for tracker in (mine, other):
            tracker.init(frames[0], box)
            results.append([[tracker.update(frames[1])]])
        assert furthest(*results) < 1e-3


def test_larger_images_find_room() -> None:
    mine, other = trackers_of("the network alone")
    for width in (240, 480, 240):
        frames = images(2, width, width * 3 // 4)
        assert furthest(follow(mine, BOXES[:1], frames), follow(other, BOXES[:1], frames)) < 1e-3
    assert len(mine.runner._searches) == 1, "one for the shape, whatever the images' size"


@pytest.mark.parametrize("crops", ["host", "device", "auto"])
def test_where_crops_are_cut_changes_no_box(crops: str) -> None:
    mine, _ = trackers_of("the network alone", crops=crops)
    frames = images(2)
    found = follow(mine, BOXES[:2], frames)
    device, _ = trackers_of("the network alone", crops="device")
    assert furthest(found, follow(device, BOXES[:2], frames)) < 1e-3
    assert mine.runner.is_cutting is (crops == "device" or DeviceCrops in mine.runner._crops.values())
    if crops == "auto":
        assert set(mine.runner._crops.values()) <= {DeviceCrops, HostCrops}
        assert len(mine.runner._crops) == 1, "measured once"


def test_a_runner_that_is_dropped_takes_its_recordings_along_at_once() -> None:
    """Not when Python's collector comes by: the next tracker needs the memory now."""
    config = preset("siamscope-light")
    tracker = SiameseTracker(config, CudaRunner(build_network(config.network), "cpu", crops="device"))
    frames = images(2)
    follow(tracker, BOXES[:1], frames)
    parts = [weakref.ref(part) for part in tracker.runner._searches.values()]
    parts += [weakref.ref(part) for part in tracker.runner._templates.values()]
    parts += [weakref.ref(tracker.runner.network)]
    gc.disable()
    try:
        del tracker
        assert [part() for part in parts] == [None] * 3
    finally:
        gc.enable()


# --- on a GPU


@pytest.mark.cuda
@pytest.mark.parametrize("crops", ["host", "device"])
@pytest.mark.parametrize("name", SETTINGS)
def test_whole_updates_on_a_gpu(name: str, crops: str, cuda: str) -> None:
    mine, other = trackers_of(name, cuda, crops)
    frames = images(12)
    assert furthest(follow(mine, BOXES, frames), follow(other, BOXES, frames)) < 0.05
    assert mine.runner._recorder.is_recording, "cut, network and choice were recorded"


@pytest.mark.cuda
def test_debug_output_of_a_gpu(cuda: str) -> None:
    mine, other = trackers_of("the network alone", cuda)
    frames = images(3)
    seen, expected = (follow(tracker, BOXES[:1], frames, debug=True)[-1][0].debug for tracker in (mine, other))
    assert seen.best == expected.best
    assert np.allclose(seen.scores_windowed, expected.scores_windowed, atol=1e-3)


@pytest.mark.cuda
def test_two_trackers_in_turn_on_one_gpu(cuda: str) -> None:
    """Each has its own stream and its own memory for recordings."""
    pairs = [trackers_of(name, cuda) for name in list(SETTINGS)[:2]]
    frames = images(6)
    started = [(mine.fork(), EagerTracker(other)) for mine, other in pairs]
    for image, is_first in zip(frames, [True] + [False] * 5, strict=True):
        for mine, other in started:
            if is_first:
                mine.init(image, BOXES[0])
                other.tracker.init(image, BOXES[0])
            else:
                difference = mine.update(image).box_xywh - other.tracker.update(image).box_xywh
                assert np.abs(difference).max() < 0.05


@dataclasses.dataclass
class EagerTracker:
    """A fork of a tracker in plain PyTorch."""

    base: SiameseTracker

    def __post_init__(self) -> None:
        assert isinstance(self.base.runner, EagerRunner)
        self.tracker = self.base.fork()
