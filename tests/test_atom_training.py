"""What ATOM's overlap predictor learns from: proposals around the target, their overlap, the loss, one small run."""

import dataclasses

import numpy as np
import pytest
import torch
from training_samples import make_stills

from tracker_core.boxes import cxcywh_to_xywh, iou_xywh
from tracker_core.candidates import make_layout
from tracker_core.config.training import LossConfig, PairConfig
from tracker_core.crops import Framing
from tracker_core.models.builder import build_network
from tracker_core.packaged import CONFIGS
from tracker_core.presets import preset
from tracker_core.training.batches import collate_pairs
from tracker_core.training.config import load_training_config
from tracker_core.training.loop import network_inputs
from tracker_core.training.pairs import PairSource
from tracker_core.training.proposals import DEVIATIONS, draw_proposals


@pytest.mark.parametrize("box", [(10.0, -5.0, 60.0, 60.0), (0.0, 0.0, 200.0, 12.0), (3.0, 4.0, 2.5, 2.0)])
def test_every_proposal_overlaps_the_target(box):
    truth = np.array(box, np.float32)
    proposals = draw_proposals(np.random.default_rng(0), truth, 400)
    overlaps = iou_xywh(cxcywh_to_xywh(proposals.astype(float)), cxcywh_to_xywh(truth.astype(float)))
    assert proposals.shape == (400, 4) and (proposals[:, 2:] > 0).all()
    assert overlaps.min() >= 0.1
    # the five deviations give close boxes and loose ones
    assert (overlaps > 0.9).mean() > 0.15 and (overlaps < 0.6).mean() > 0.15


def test_proposals_deviate_by_shares_of_the_target_s_size():
    """Of draws that needed no second try, centre and size have the standard deviations of the five shares."""
    truth = np.array([0, 0, 100, 100], np.float32)
    proposals = draw_proposals(np.random.default_rng(1), truth, 20000)
    spread = np.sqrt(np.mean(np.square(DEVIATIONS))) * 100
    # the loosest ones are drawn again where they miss the target, so that the spread is a little smaller
    for column, middle in zip(proposals.T, truth, strict=True):
        assert 0.85 * spread < np.std(column - middle) < 1.02 * spread


def test_the_loss_is_the_squared_error_on_twice_the_overlap_less_one():
    layout = make_layout(preset("atom-small"))
    box = torch.tensor([[0.0, 0, 10, 10], [5.0, 5, 20, 20]])
    # the box itself (1), half of it beside (1/3), and one that does not touch it (0)
    proposals = torch.stack((box, box + torch.tensor([[5.0, 0, 0, 0], [10.0, 0, 0, 0]]), box + 100), 1)
    batch = batch_of(box, proposals, torch.tensor([1.0, 0.25]))
    predicted = torch.tensor([[1.0, 0.0, -1.0], [0.5, -1 / 3, 0.0]], requires_grad=True)
    terms = layout.loss((predicted,), batch, LossConfig())
    pair_errors = ((1 / 3) ** 2 / 3, (0.5**2 + 1) / 3)
    assert float(terms["total"].detach()) == pytest.approx(pair_errors[0] * 0.8 + pair_errors[1] * 0.2)
    assert float(terms["error"]) == pytest.approx((1 / 9 * 0.8 + 1.5 / 3 * 0.2) / 2)
    assert terms["total"].requires_grad and not terms["error"].requires_grad


def batch_of(box, proposals, weight):
    from tracker_core.training.batches import Batch

    flags = torch.ones(len(box), dtype=torch.bool)
    empty = torch.zeros(len(box), 3, 8, 8, dtype=torch.uint8)
    return Batch(empty, empty, box[:, 2:], box, box, flags, weight, proposals)


def test_the_predictor_learns_a_batch_and_the_backbone_stays(tmp_path):
    config = preset("atom-small")
    network = build_network(dataclasses.replace(config.network, width=0.0625 * 2))
    pairs = PairConfig(negative_share=0, proposals=16)
    source = PairSource(make_stills(tmp_path), [], pairs, 0, Framing.of(config.tracking))
    batch = collate_pairs([source.pair(index) for index in range(4)])
    assert batch.proposals_cxcywh.shape == (4, 16, 4) and batch.search.shape[-1] == 288
    network.train()
    network.trunk.eval().requires_grad_(False)
    layout, inputs = make_layout(config), network_inputs(network, batch)
    optimizer = torch.optim.Adam(network.overlap.parameters(), 3e-3)
    losses = []
    for _ in range(12):
        loss = layout.loss(network(*inputs), batch, LossConfig())["total"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.5 * losses[0]
    assert all(parameter.grad is None for parameter in network.trunk.parameters())


def test_pairs_without_proposals_have_none(tmp_path):
    source = PairSource(make_stills(tmp_path), [], PairConfig(), 0)
    assert source.pair(0).proposals_cxcywh.shape == (0, 4)


def test_the_recipe_that_ships_describes_the_tracker_that_ships():
    recipe = load_training_config(CONFIGS / "atom_small.yaml", ["data.root=DATA"])
    shipped = preset("atom-small")
    assert recipe.tracker.network == shipped.network and recipe.tracker.anchors == shipped.anchors
    assert recipe.pairs.proposals == 16 and recipe.pairs.negative_share == 0
