"""The published networks and trackers compute what the published implementations compute."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import reference_answers as reference
import torch
from reference_answers import CLIPS, NAMES

from tracker_core import load_published
from tracker_core.candidates.anchor_grid import grid_anchors, rpn_base_sizes
from tracker_core.candidates.selection import cosine_window
from tracker_core.presets.published import SHORT_TERM, published_config
from tracker_core.trackers.siamese import SiameseTracker

ANSWERS = reference.answers()

# frames to follow: enough for an error to show, few where a frame is slow
LENGTHS = {
    "siamrpn_alex_dwxcorr": {"scene": 24, "small": 4, "edge": 6},
    "siamrpn_mobilev2_l234_dwxcorr": {"scene": 8, "small": 3, "edge": 4},
    "siamrpn_r50_l234_dwxcorr": {"scene": 3, "edge": 3},
    "dasiamrpn_SiamRPNvot": {"scene": 12, "small": 4, "edge": 6},
    "dasiamrpn_SiamRPNotb": {"scene": 6, "edge": 4},
    "dasiamrpn_SiamRPNBIG": {"scene": 3, "small": 3},
}


@pytest.fixture(scope="module", params=NAMES)
def tracker(request: pytest.FixtureRequest) -> Iterator[SiameseTracker]:
    yield load_published(request.param, reference.draw_state_dict(request.param))


def relative_difference(ours: torch.Tensor, key: str, step: int) -> float:
    theirs = torch.from_numpy(ANSWERS[key])
    ours = ours[:, :, ::step, ::step]
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max() / theirs.abs().max())


def test_outputs_equal_the_published_ones(tracker: SiameseTracker) -> None:
    network = tracker.network
    template = network.template(reference.random_image(1, 127))
    cls, loc = network.search(template, reference.random_image(2, tracker.tracking.search_size))
    assert relative_difference(cls, f"{tracker.name}/cls", 3) < 1e-4
    assert relative_difference(loc, f"{tracker.name}/loc", 3) < 1e-4
    if tracker.tracking.small_target_search_size:
        cls, loc = network.search(template, reference.random_image(2, tracker.tracking.small_target_search_size))
        assert relative_difference(cls, f"{tracker.name}/cls_287", 4) < 1e-4
        assert relative_difference(loc, f"{tracker.name}/loc_287", 4) < 1e-4


def test_trajectories_equal_the_published_ones(tracker: SiameseTracker) -> None:
    for clip_name, length in LENGTHS[tracker.name].items():
        clip = CLIPS[clip_name]
        images = clip.frames(length)
        follower = tracker.fork()
        follower.init(images[0], np.array(clip.box_xywh))
        results = [follower.update(image) for image in images[1:]]
        theirs = ANSWERS[f"{tracker.name}/track_{clip_name}"][1:length]
        np.testing.assert_allclose([r.box_xywh for r in results], theirs[:, :4], atol=0.05, err_msg=clip_name)
        np.testing.assert_allclose([r.score for r in results], theirs[:, 4], atol=1e-4, err_msg=clip_name)


def test_the_network_is_ready_for_inference(tracker: SiameseTracker) -> None:
    assert not tracker.network.training
    assert not any(parameter.requires_grad for parameter in tracker.network.parameters())


@pytest.mark.parametrize("name", [name for name in NAMES if f"{name}/anchors" in ANSWERS])
def test_anchors_and_window_equal_the_published_ones(name: str) -> None:
    config = published_config(name)
    # PySOT: 21 positions with search 287; 25 with search 255, where "base size" 8 adds to the 17
    side = {287: 21, 255: 25}[config.tracking.search_size]
    sizes = rpn_base_sizes(config.anchors.stride, config.anchors.ratios, config.anchors.scales)
    anchors = grid_anchors(sizes, (side, side), config.anchors.stride, is_centred=False)
    window = cosine_window(side, side, len(sizes))
    np.testing.assert_allclose(anchors[::13], ANSWERS[f"{name}/anchors"], atol=1e-3)
    np.testing.assert_allclose(window[::13], ANSWERS[f"{name}/window"], atol=1e-3)


def test_every_published_tracker_is_compared() -> None:
    # ATOM's network has other outputs; tests/test_atom_networks.py compares it
    # and the long-term trackers differ by their rule alone, tests/test_long_term.py
    assert set(NAMES) == set(SHORT_TERM) - {"atom_default"} == set(LENGTHS)
