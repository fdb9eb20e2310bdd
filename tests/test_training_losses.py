"""Labels of default boxes and the losses over them, on cases small enough to work out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from tracker_core.candidates import make_layout
from tracker_core.candidates.coding import decode, encode, split_outputs
from tracker_core.candidates.default_boxes import DefaultBoxLevel, default_boxes
from tracker_core.candidates.losses import (
    candidate_loss,
    giou_loss,
    label_batch,
    mined_cross_entropy,
    sampled_cross_entropy,
)
from tracker_core.config import AnchorConfig, NetworkConfig, TrackerConfig, TrackingConfig
from tracker_core.config.training import LossConfig

YES = torch.tensor([True])
NO = torch.tensor([False])


def boxes(*rows: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor([rows], dtype=torch.float32)


# a 10 × 10 target at the origin; anchors of the same size moved by d overlap with IoU (10 − d) / (10 + d)
@pytest.mark.parametrize(
    ("moved", "label"),
    [
        (0.0, 1),  # the best of all
        (2.5, 1),  # IoU 0.6: positive from there on, inclusive
        (2.6, -1),  # just below: neither
        (5.3, -1),  # IoU 0.307
        (5.5, 0),  # IoU 0.290: background
        (20.0, 0),  # no overlap
    ],
)
def test_thresholds(moved: float, label: int) -> None:
    anchors = boxes((0, 0, 10, 10), (moved, 0, 10, 10))
    labels = label_batch(anchors, torch.tensor([[0.0, 0, 10, 10]]), YES, 0.6 - 1e-6, 0.3)
    assert labels.tolist() == [[1, label]]


def test_the_best_anchor_is_positive_however_little_it_overlaps() -> None:
    anchors = boxes((9, 0, 10, 10), (30, 0, 10, 10))
    target = torch.tensor([[0.0, 0, 10, 10]])
    assert label_batch(anchors, target, YES, 0.6, 0.3).tolist() == [[1, 0]]
    assert label_batch(anchors, target, NO, 0.6, 0.3).tolist() == [[0, 0]]  # a negative pair has no positives
    far = torch.tensor([[500.0, 0, 10, 10]])
    assert label_batch(anchors, far, YES, 0.6, 0.3).tolist() == [[0, 0]]  # nor has a target that nothing overlaps


def anchors_of(config: AnchorConfig, exemplar_wh: Any, side: int, convention: str = "exact") -> Any:
    count = len(config.ratios) * len(config.scales)
    tracker = TrackerConfig(
        "any", NetworkConfig(anchors_per_position=count), config, TrackingConfig(convention=convention)
    )
    return make_layout(tracker).boxes((1, 2 * count, side, side), exemplar_wh, 255)


def test_rpn_anchors_are_the_same_for_every_pair() -> None:
    config = AnchorConfig(style="rpn", stride=8, ratios=[0.33, 0.5, 1, 2, 3], scales=[8])
    anchors = anchors_of(config, torch.tensor([[10.0, 20], [90, 3]]), 25)
    assert anchors.shape == (2, 5 * 25 * 25, 4) and torch.equal(anchors[0], anchors[1])
    assert anchors[0, 0].tolist() == [-96, -96, 104, 32]  # w = int(√(64 / 0.33)), h = int(w · 0.33), times 8


# (positions along a side, convention, centre of the first anchor in cells): an even map has no middle cell, and the
# published trackers take the one beyond the middle for it (PySOT's `generate_anchor`, DaSiamRPN's `generate_anchor`)
@pytest.mark.parametrize(
    ("side", "convention", "first"),
    [
        (15, "exact", -7.0),
        (15, "pysot", -7.0),
        (15, "dasiamrpn", -7.0),
        (16, "exact", -7.5),
        (16, "pysot", -8.0),
        (16, "dasiamrpn", -8.0),
    ],
)
@pytest.mark.parametrize("style", ["rpn", "exemplar"])
def test_training_and_tracking_lay_out_the_same_anchors(style: str, side: int, convention: str, first: float) -> None:
    config = AnchorConfig(style=style, stride=16, ratios=[0.66, 1.0, 1.5], scales=[1.0, 2.0])
    exemplar_wh = np.random.default_rng(0).uniform(20, 80, (5, 2))
    batch = anchors_of(config, torch.tensor(exemplar_wh, dtype=torch.float32), side, convention)
    for index in range(5):
        one = anchors_of(config, exemplar_wh[index], side, convention)
        assert one.dtype == np.float32 and one[0, :2].tolist() == [first * 16, first * 16]
        np.testing.assert_allclose(batch[index].numpy(), one, rtol=1e-5, atol=1e-4)


def test_ssd_default_boxes_are_matched_and_encoded() -> None:
    prior = torch.from_numpy(
        default_boxes([DefaultBoxLevel(9, 9, 0.2, 0.4, (2.0,)), DefaultBoxLevel(3, 3, 0.4, 0.6, ())])
    ).expand(2, -1, -1)
    targets = torch.tensor([[0.5, 0.5, 0.21, 0.19], [0.2, 0.7, 0.35, 0.5]])
    labels = label_batch(prior, targets, torch.tensor([True, True]), 0.5, 0.5)
    assert (labels == 1).any(1).all() and (labels == -1).sum() == 0  # one threshold: nothing is ignored
    wanted = targets[:, None].expand_as(prior)
    decoded = decode(encode(wanted, prior, (0.1, 0.2)), prior, (0.1, 0.2))
    torch.testing.assert_close(decoded, wanted, atol=1e-5, rtol=1e-4)
    assert (label_batch(prior, targets, torch.tensor([False, False]), 0.5, 0.5) == 0).all()


def loss_of(cls: torch.Tensor, loc: torch.Tensor, *arguments: Any, **keywords: Any) -> dict[str, torch.Tensor]:
    return candidate_loss(*split_outputs(cls, loc), *arguments, **keywords)


def test_outputs_are_read_in_the_published_layout() -> None:
    """The first K planes of cls are background; planes of loc are dx of every anchor, then dy, dw, dh."""
    cls = torch.arange(2 * 3 * 4.0).reshape(1, 6, 2, 2)
    loc = torch.arange(4 * 3 * 4.0).reshape(1, 12, 2, 2)
    logits, deltas = split_outputs(cls, loc)
    assert logits.tolist() == [[12.0] * 12]  # foreground of an anchor stands 3 planes behind its background
    assert deltas[0, 5].tolist() == [5, 17, 29, 41]


def test_mining_keeps_the_three_hardest_negatives_a_positive() -> None:
    # one positive, five negatives of rising hardness, one ignored that would be the hardest
    logits = torch.tensor([[2.0, -3.0, -2.0, -1.0, 0.0, 1.0, 9.0]])
    labels = torch.tensor([[1, 0, 0, 0, 0, 0, -1]])
    loss = mined_cross_entropy(logits, labels, torch.ones_like(logits), 3, 1)

    def entropy(logit: float, target: float) -> float:
        return math.log1p(math.exp(-logit)) if target else math.log1p(math.exp(logit))

    expected = entropy(2.0, 1) + (entropy(1.0, 0) + entropy(0.0, 0) + entropy(-1.0, 0)) / 3
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_mining_without_positives_keeps_the_least_number() -> None:
    logits = torch.tensor([[3.0, 1.0, -5.0, -5.0]])
    loss = mined_cross_entropy(logits, torch.zeros(1, 4, dtype=torch.int64), torch.ones_like(logits), 3, 2)
    assert loss.item() == pytest.approx((math.log1p(math.exp(3)) + math.log1p(math.exp(1))) / 2, rel=1e-5)


def test_sampling_takes_sixteen_and_fortyeight() -> None:
    """Logits that tell the loss how many were taken: each positive costs 1, each negative 2, on average."""
    labels = torch.zeros(1, 400, dtype=torch.int64)
    labels[0, :40] = 1
    logits = torch.zeros(1, 400, requires_grad=True)
    loss = sampled_cross_entropy(logits, labels, 16, 48, torch.Generator().manual_seed(0))
    assert loss.item() == pytest.approx(math.log(2), rel=1e-5)
    loss.backward()
    assert logits.grad is not None
    assert (logits.grad[0, :40] != 0).sum() == 16 and (logits.grad[0, 40:] != 0).sum() == 48
    # the two halves weigh the same: 16 · (0.5 · 0.5 / 16) each
    assert logits.grad[0, :40].sum().item() == pytest.approx(-0.25) and logits.grad[
        0, 40:
    ].sum().item() == pytest.approx(0.25)


def test_sampling_repeats_by_its_generator() -> None:
    labels, logits = torch.zeros(2, 300, dtype=torch.int64), torch.randn(2, 300)
    one, two = (sampled_cross_entropy(logits, labels, 16, 48, torch.Generator().manual_seed(5)) for _ in range(2))
    assert one.item() == two.item()
    other = sampled_cross_entropy(logits, labels, 16, 48, torch.Generator().manual_seed(6))
    assert one.item() != other.item()


# (first box, second box, 1 − GIoU)
@pytest.mark.parametrize(
    ("one", "other", "loss"),
    [
        ((0, 0, 2, 2), (0, 0, 2, 2), 0.0),  # the same
        ((0, 0, 2, 2), (1, 0, 2, 2), 1 - 1 / 3),  # half of each: union 6 fills its hull
        ((0, 0, 2, 2), (4, 0, 2, 2), 1 + 1 / 3),  # apart: hull 12, of which 4 are empty
        ((0, 0, 2, 2), (0, 0, 4, 4), 1 - 0.25),  # one inside the other
    ],
)
def test_giou(one: tuple[float, ...], other: tuple[float, ...], loss: float) -> None:
    assert giou_loss(
        torch.tensor(one, dtype=torch.float32), torch.tensor(other, dtype=torch.float32)
    ).item() == pytest.approx(loss, abs=1e-5)


def perfect_outputs(count: int = 2) -> tuple[torch.Tensor, ...]:
    config = AnchorConfig(style="exemplar", stride=16, ratios=[1.0])
    exemplar_wh = torch.tensor([[40.0, 30.0]]).repeat(count, 1)
    targets = torch.tensor([[5.0, -9.0, 44.0, 28.0]]).repeat(count, 1)
    anchors = anchors_of(config, exemplar_wh, 9)
    labels = label_batch(anchors, targets, torch.ones(count, dtype=torch.bool), 0.5, 0.35)
    deltas = encode(targets[:, None].expand_as(anchors), anchors)
    loc = deltas.transpose(1, 2).reshape(count, 4, 9, 9).contiguous()
    score = torch.where(labels == 1, 20.0, -20.0).reshape(count, 1, 9, 9)
    return torch.cat((-score / 2, score / 2), 1), loc, anchors, labels, targets


def test_perfect_outputs_cost_nothing_and_worse_ones_something() -> None:
    cls, loc, anchors, labels, targets = perfect_outputs()
    weights = torch.ones(2)
    terms = loss_of(cls, loc, anchors, labels, targets, weights, LossConfig())
    assert all(abs(value.item()) < 1e-4 for value in terms.values())
    moved = loss_of(cls, loc + 0.3, anchors, labels, targets, weights, LossConfig())
    assert moved["l1"] > 0.5 and moved["giou"] > 0.1 and moved["cls"] < 1e-4
    turned = loss_of(-cls, loc, anchors, labels, targets, weights, LossConfig())
    assert turned["cls"] > 10


def test_the_total_is_weighted_by_the_configuration() -> None:
    cls, loc, anchors, labels, targets = perfect_outputs()
    config = LossConfig(classification="sampled", cls_weight=1.0, l1_weight=1.2, giou_weight=0.0)
    terms = loss_of(cls * 0.1, loc + 0.2, anchors, labels, targets, torch.ones(2), config, generator=torch.Generator())
    assert terms["total"].item() == pytest.approx(terms["cls"].item() + 1.2 * terms["l1"].item(), rel=1e-5)


def test_machine_made_boxes_weigh_less_and_negative_pairs_nothing() -> None:
    cls, loc, anchors, labels, targets = perfect_outputs()
    wrong = loc.clone()
    wrong[1] += 0.4  # the second pair's boxes are off
    full = loss_of(cls, wrong, anchors, labels, targets, torch.tensor([1.0, 1.0]), LossConfig())
    light = loss_of(cls, wrong, anchors, labels, targets, torch.tensor([1.0, 0.1]), LossConfig())
    assert light["l1"] < 0.25 * full["l1"]
    labels = labels.clone()
    labels[1] = 0  # a negative pair
    negative = loss_of(cls, wrong, anchors, labels, targets, torch.ones(2), LossConfig())
    assert negative["l1"].item() == pytest.approx(0, abs=1e-5)


def test_a_batch_of_negatives_has_a_finite_loss_and_gradient() -> None:
    cls, loc, anchors, labels, targets = perfect_outputs()
    cls.requires_grad_(True)
    loc.requires_grad_(True)
    terms = loss_of(cls, loc, anchors, torch.zeros_like(labels), targets, torch.ones(2), LossConfig())
    terms["total"].backward()
    assert torch.isfinite(cls.grad).all() and torch.isfinite(loc.grad).all()


def test_huge_outputs_stay_finite() -> None:
    cls, loc, anchors, labels, targets = perfect_outputs()
    loc = (loc + 1e4).requires_grad_(True)
    terms = loss_of(cls, loc, anchors, labels, targets, torch.ones(2), LossConfig())
    terms["total"].backward()
    assert torch.isfinite(terms["total"]) and torch.isfinite(loc.grad).all()


def test_quality_targets_follow_the_predicted_box() -> None:
    """A confident score on a box that fits badly costs more than on one that fits."""
    cls, loc, anchors, labels, targets = perfect_outputs()
    config = LossConfig(quality_target=True)
    fits = loss_of(cls, loc, anchors, labels, targets, torch.ones(2), config)
    fails = loss_of(cls, loc + 0.3, anchors, labels, targets, torch.ones(2), config)
    assert fits["cls"] < 1e-3 < fails["cls"]


def test_a_teacher_pulls_the_best_anchor_of_a_position() -> None:
    cls, loc, anchors, labels, targets = perfect_outputs()
    agreed = torch.sigmoid(cls[:, 1] - cls[:, 0])
    config = LossConfig(distill_weight=0.5)
    good = loss_of(cls, loc, anchors, labels, targets, torch.ones(2), config, agreed)
    bad = loss_of(cls, loc, anchors, labels, targets, torch.ones(2), config, 1 - agreed)
    assert good["distill"] < 1e-4 < 1 < bad["distill"]
    assert bad["total"].item() == pytest.approx(0.5 * bad["distill"].item(), rel=1e-3)
    assert "distill" not in loss_of(cls, loc, anchors, labels, targets, torch.ones(2), LossConfig(), agreed)
