"""Choosing where the network runs gives what choosing in NumPy gives, for every layout; tensors on the CPU here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from tracker_core.candidates import Candidates, Choice, Layout, make_layout
from tracker_core.candidates.on_device import Ranking, Terms
from tracker_core.candidates.selection import Selection
from tracker_core.config import TrackingConfig
from tracker_core.presets import preset

# name: tracker whose layout it is, shapes of the outputs of one search, scale of the random outputs
LAYOUTS: dict[str, tuple[str, list[tuple[int, ...]]]] = {
    "anchors of the exemplar's shape": ("siamscope-light", [(6, 16, 16), (12, 16, 16)]),
    "fixed anchors": ("siamrpn_alex_dwxcorr", [(10, 17, 17), (20, 17, 17)]),
    "default boxes": ("siamconcat-small", [(2, -1), (4, -1)]),
    "default boxes around a peak": ("siambroadcast-small", [(2, -1), (4, -1), (1, 17, 17)]),
    "a response map": ("siamfc-small", [(1, 17, 17)]),
}
# expected width and height, weight of the penalty and of the window
TERMS = [((60.0, 40.0), 0.1, 0.35), ((12.5, 130.0), 0.4, 0.0), ((300.0, 2.0), 0.0, 1.0)]


def lay_out(name: str) -> tuple[Layout, list[tuple[int, ...]], int]:
    tracker, shapes = LAYOUTS[name]
    config = preset(tracker)
    count = sum(side_count(level) for level in config.anchors.levels)
    shapes = [tuple(count if side == -1 else side for side in shape) for shape in shapes]
    return make_layout(config), shapes, config.tracking.search_size


def side_count(level: Any) -> int:
    return (2 + 2 * len(level.ratios)) * level.side**2


def draw(shapes: Sequence[tuple[int, ...]], seed: int) -> list[np.ndarray]:
    random, scales = np.random.default_rng(seed), (3, 0.5, 1)
    return [random.normal(0, scales[n], (1, *shape)).astype(np.float32) for n, shape in enumerate(shapes)]


def rank(layout: Layout, searches: list[list[np.ndarray]], candidates: list[Candidates], terms: Any) -> Ranking:
    """Several searches as one batch of tensors."""
    outputs = [torch.from_numpy(np.concatenate(parts)) for parts in zip(*searches, strict=True)]
    expected, penalty_k, influence = (
        torch.tensor([term[place] for term in terms], dtype=torch.float64).reshape(len(terms), -1) for place in range(3)
    )
    boxes = torch.from_numpy(np.stack([each.boxes_cxcywh for each in candidates]))
    windows = torch.from_numpy(np.stack([each.window for each in candidates]))
    return layout.rank(outputs, Terms(boxes, windows, expected, penalty_k, influence, candidates[0].search_size))


def chosen(layout: Layout, outputs: list[np.ndarray], candidates: Candidates, term: Any) -> Choice:
    tracking = TrackingConfig(penalty_k=term[1], window_influence=term[2], size_lr=1.0)
    return layout.choose(outputs, candidates, term[0], tracking)


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_search_of_a_batch_has_the_choice_that_numpy_makes(name: str) -> None:
    layout, shapes, size = lay_out(name)
    exemplars = [np.array(wh) for wh in ((60.0, 40.0), (20.0, 90.0), (64.0, 64.0))]
    candidates = [layout.lay_out((1, *shapes[0]), wh, size) for wh in exemplars]
    for seed in range(0, 30, 3):
        searches = [draw(shapes, seed + number) for number in range(3)]
        ranking = rank(layout, searches, candidates, TERMS)
        winners, planes = ranking.winners().numpy(), ranking.candidates().numpy()
        for number, term in enumerate(TERMS):
            expected = chosen(layout, searches[number], candidates[number], term)
            found = Selection.of(planes[number], int(winners[number, 7]))
            assert expected.selection is not None
            assert found.best == expected.selection.best
            # within 1e-5, relative where boxes are large
            assert np.allclose(winners[number, :4], expected.box_cxcywh, rtol=1e-5, atol=1e-5)
            assert np.allclose(winners[number, 4:6], (expected.score, expected.rate), rtol=0, atol=1e-5)
            assert winners[number, 6] == pytest.approx(layout.peak(searches[number]), abs=1e-5)
            for field in ("boxes_cxcywh", "scores", "penalised", "windowed", "penalty"):
                mine, theirs = getattr(found, field), getattr(expected.selection, field)
                assert mine.dtype == theirs.dtype == np.float32
                assert np.allclose(mine, theirs, rtol=1e-5, atol=1e-5), field


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "a response map"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda outputs: outputs[1].__setitem__((0, 2), 200.0),  # widths without bound
        lambda outputs: outputs[1].__setitem__((0, 2), -200.0),  # no width at all
        lambda outputs: outputs[1].__setitem__((0, 3), np.nan),
        lambda outputs: outputs[0].fill(0.0),  # ties: the first of the best
        lambda outputs: outputs[0].__imul__(1e6),
    ],
)  # fmt: skip
def test_outputs_of_a_network_gone_wrong(name: str, spoil: Any) -> None:
    layout, shapes, size = lay_out(name)
    candidates = layout.lay_out((1, *shapes[0]), np.array((60.0, 40.0)), size)
    outputs = draw(shapes, 1)
    spoil(outputs)
    expected = chosen(layout, outputs, candidates, TERMS[0])
    ranking = rank(layout, [outputs], [candidates], TERMS[:1])
    assert expected.selection is not None
    assert int(ranking.best) == expected.selection.best
    assert np.allclose(ranking.windowed[0].numpy(), expected.selection.windowed, atol=1e-5, equal_nan=True)


def test_a_response_without_a_finite_peak_keeps_every_box() -> None:
    layout, shapes, size = lay_out("default boxes around a peak")
    candidates = layout.lay_out((1, *shapes[0]), np.array((60.0, 40.0)), size)
    outputs = draw(shapes, 1)
    kept = rank(layout, [outputs], [candidates], TERMS[:1]).scores.numpy()
    assert (kept == 0).any()
    outputs[2][0, 0, 3, 4] = np.nan
    scores = rank(layout, [outputs], [candidates], TERMS[:1]).scores.numpy()
    assert (scores > 0).all()
    assert np.allclose(scores[0], chosen(layout, outputs, candidates, TERMS[0]).selection.scores)


@pytest.mark.parametrize("name", LAYOUTS)
def test_look_alikes_change_a_choice_made_elsewhere_as_one_made_here(name: str) -> None:
    layout, shapes, size = lay_out(name)
    candidates = layout.lay_out((1, *shapes[0]), np.array((60.0, 40.0)), size)
    outputs = draw(shapes, 5)
    winners = rank(layout, [outputs], [candidates], TERMS[:1])
    tracking = TrackingConfig(penalty_k=TERMS[0][1], window_influence=TERMS[0][2], size_lr=1.0)
    found = Selection.of(winners.candidates().numpy()[0], int(winners.best))
    numbers = winners.winners().numpy()[0]
    choice = Choice(found, numbers[:4], float(numbers[4]), float(numbers[5]))

    def favour(boxes_cxcywh: Any) -> Any:  # all to the right of the first winner are held back
        return np.where(boxes_cxcywh[:, 0] >= choice.box_cxcywh[0] - 8, -1.0, 0.0).astype(np.float32)

    mine = layout.favoured(choice, favour, tracking)
    theirs = layout.choose(outputs, candidates, TERMS[0][0], tracking, favour)
    assert mine.selection is not None and theirs.selection is not None
    assert mine.selection.best == theirs.selection.best != found.best
    assert np.allclose(mine.box_cxcywh, theirs.box_cxcywh, rtol=1e-5, atol=1e-5)
    assert mine.score == pytest.approx(theirs.score, abs=1e-5)
    assert layout.favoured(choice, lambda boxes: None, tracking) is choice
