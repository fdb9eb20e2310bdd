"""The compared networks can learn: eight pairs by heart, and then they follow the target of those pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from correlation_study_samples import NETS, TARGETS, draw_clip, eight_pairs, learn_by_heart, small_config
from torch import nn

from tracker_core.boxes import cxcywh_to_xywh, iou_xywh
from tracker_core.candidates import make_layout
from tracker_core.candidates.response_map import find_peak
from tracker_core.config.training import TrainingConfig
from tracker_core.trackers.builder import tracker_from_network
from tracker_core.training.batches import Batch
from tracker_core.training.loop import network_inputs

STEPS = {"siamconcat": 70, "siambroadcast": 45, "siamrpn": 60, "siamfc": 30}


@dataclass(frozen=True)
class Learned:
    """A network, what it learned and how it is configured."""

    network: nn.Module
    batch: Batch
    config: TrainingConfig


@pytest.fixture(scope="module", params=NETS)
def learned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Learned:
    config = small_config(request.param)
    batch = eight_pairs(config, tmp_path_factory.mktemp(request.param))
    return Learned(learn_by_heart(config, batch, STEPS[request.param]), batch, config)


def found_boxes(network: nn.Module, batch: Batch, config: TrainingConfig) -> np.ndarray:
    """Return the boxes B×4 (cx, cy, w, h) of the highest scores, without window and penalty.

    SiamFC gives a place; its box has the exemplar's size there.
    """
    with torch.no_grad():
        outputs = network(*network_inputs(network, batch))
    if config.tracker.anchors.style == "none":
        places = [find_peak(response[0].numpy(), 0.0) * config.tracker.anchors.stride for response in outputs[0]]
        return np.concatenate((np.array(places), batch.exemplar_wh.numpy()), axis=1)
    _, boxes, logits = make_layout(config.tracker).read(outputs, batch)
    return boxes[torch.arange(len(boxes)), logits.argmax(1)].numpy()


def overlaps(found_cxcywh: np.ndarray, batch: Batch) -> np.ndarray:
    return iou_xywh(cxcywh_to_xywh(found_cxcywh), cxcywh_to_xywh(batch.box_cxcywh.numpy()))


def test_eight_pairs_are_learned_by_heart(learned: Learned) -> None:
    reached = overlaps(found_boxes(learned.network, learned.batch, learned.config), learned.batch)
    assert reached.mean() > 0.8, reached
    assert reached.min() > 0.7, reached
    # standing still in the crop's centre would not do
    still = np.concatenate((np.zeros((8, 2)), learned.batch.exemplar_wh.numpy()), axis=1)
    assert overlaps(still, learned.batch).mean() < 0.4


@pytest.mark.parametrize("number", range(len(TARGETS)))
def test_a_moving_target_is_followed(learned: Learned, number: int, tmp_path: Path) -> None:
    clip = draw_clip(tmp_path, number)
    tracker = tracker_from_network(learned.config.tracker, learned.network)
    images = [cv2.imread(path) for path in clip.frames]
    tracker.init(images[0], clip.boxes_xywh[0])
    found = np.array([tracker.update(image).box_xywh for image in images[1:]])
    reached = iou_xywh(found, clip.boxes_xywh[1:])
    still = iou_xywh(np.repeat(clip.boxes_xywh[:1], len(found), axis=0), clip.boxes_xywh[1:])
    assert reached.mean() > 0.6, reached
    assert reached.mean() > still.mean() + 0.15
    assert reached[-1] > 0.4, reached
