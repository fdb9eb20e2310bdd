"""A box from clicks: drawn objects whose box is known, refined by more clicks; refusals."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tracker_core.boxes import iou_xywh
from tracker_core.click_boxes import Click, propose_box
from tracker_core.errors import InputError


def ground(height: int = 240, width: int = 320, seed: int = 0) -> np.ndarray:
    """A grey-green ground with noise."""
    noise = np.random.default_rng(seed).normal(0, 8, (height, width, 3))
    return np.clip(np.array([80, 120, 90]) + cv2.GaussianBlur(noise, (0, 0), 2) * 2, 0, 255).astype(np.uint8)


def with_box(box, color=(40, 50, 200), seed=0) -> np.ndarray:
    image = ground(seed=seed)
    x, y, w, h = box
    texture = np.random.default_rng(seed + 1).normal(0, 12, (h, w, 3))
    image[y : y + h, x : x + w] = np.clip(np.array(color) + texture, 0, 255)
    return image


def with_ellipse(box, color=(190, 120, 30)) -> np.ndarray:
    image = ground(seed=5)
    x, y, w, h = box
    cv2.ellipse(image, (x + w // 2, y + h // 2), (w // 2, h // 2), 0, 0, 360, color, cv2.FILLED, cv2.LINE_AA)
    return image


OBJECTS = [
    (with_box, (120, 90, 60, 50)),  # near the middle
    (with_box, (20, 20, 24, 20)),  # small, near a corner
    (with_box, (60, 30, 180, 150)),  # most of the image
    (with_box, (150, 60, 30, 120)),  # tall
    (with_box, (0, 100, 70, 60)),  # at the edge of the image
    (with_ellipse, (90, 80, 120, 60)),  # with another shape than its box
]


@pytest.mark.parametrize(("draw", "box"), OBJECTS)
@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.12, -0.1)])
def test_a_click_on_an_object_that_stands_out_gives_its_box(draw, box, offset):
    x, y, w, h = box
    image = draw(box)
    before = image.copy()
    proposal = propose_box(image, [Click(x + w * (0.5 + offset[0]), y + h * (0.5 + offset[1]))])
    assert float(iou_xywh(proposal.box_xywh, np.array(box, float))) > 0.7
    assert np.array_equal(image, before)
    assert 0 <= proposal.expected_overlap <= 1


def test_the_same_click_gives_the_same_box():
    image = with_box((120, 90, 60, 50))
    one, other = (propose_box(image, [Click(150, 115)]) for _ in range(2))
    assert np.array_equal(one.box_xywh, other.box_xywh)


def two_parts() -> np.ndarray:
    """A red part and, not far from it, a blue one: together or apart, only the user knows."""
    image = with_box((100, 90, 50, 60))
    image[90:150, 180:230] = (200, 60, 40)
    return image


def test_a_click_on_another_part_extends_the_box():
    image = two_parts()
    one = propose_box(image, [Click(125, 120)]).box_xywh
    both = propose_box(image, [Click(125, 120), Click(205, 120)]).box_xywh
    assert float(iou_xywh(one, np.array([100.0, 90, 50, 60]))) > 0.7
    assert float(iou_xywh(both, np.array([100.0, 90, 130, 60]))) > 0.7


def test_a_click_beside_the_object_cuts_the_box_back():
    """Two parts of one colour: the second click says where the object ends."""
    image = with_box((100, 90, 110, 60))
    whole = propose_box(image, [Click(140, 120)]).box_xywh
    assert whole[0] + whole[2] > 190
    cut = propose_box(image, [Click(125, 120), Click(185, 120, is_object=False)]).box_xywh
    assert cut[0] <= 125 <= cut[0] + cut[2] < 185


# where the further click is, beside the box so far or in it; what happens to each side of the box
@pytest.mark.parametrize("seed", range(6))
def test_a_click_beside_the_box_only_extends_it_and_one_in_it_only_cuts_it_back(seed):
    draws = np.random.default_rng(seed)
    image = cv2.GaussianBlur(draws.integers(0, 256, (240, 320, 3), np.uint8), (0, 0), 9)  # every scale finds another
    first = Click(160.0, 120.0)
    box = propose_box(image, [first]).box_xywh
    x, y, w, h = box
    further = Click(float(min(x + w + 15, 319)), float(y + h / 2))
    wider = propose_box(image, [first, further], box).box_xywh
    assert (wider[:2] <= box[:2]).all() and (wider[:2] + wider[2:] >= box[:2] + box[2:]).all()
    assert wider[0] + wider[2] > further.x
    wrong = Click(float(max(x + 1, 0)), float(y + h / 2), is_object=False)
    narrower = propose_box(image, [first, wrong], box).box_xywh
    assert (narrower[:2] >= box[:2]).all() and (narrower[:2] + narrower[2:] <= box[:2] + box[2:]).all()
    assert narrower[0] > wrong.x


@pytest.mark.parametrize("seed", range(4))
def test_every_click_on_the_object_is_inside_and_no_other_where_that_can_be(seed):
    draws = np.random.default_rng(seed)
    image = draws.integers(0, 256, (120, 160, 3), np.uint8)  # nothing stands out
    clicks = [Click(float(draws.uniform(60, 100)), float(draws.uniform(40, 80))) for _ in range(3)]
    beside = [Click(5.0, 60.0, False), Click(80.0, 115.0, False), Click(150.0, 60.0, False)]
    x, y, w, h = propose_box(image, [*clicks, *beside]).box_xywh
    assert all(x <= c.x <= x + w and y <= c.y <= y + h for c in clicks)
    assert not any(x <= c.x <= x + w and y <= c.y <= y + h for c in beside)


@pytest.mark.parametrize(
    "image",
    [
        np.full((60, 80, 3), 128, np.uint8),  # one colour
        np.zeros((3, 5, 3), np.uint8),  # hardly an image
        np.zeros((400, 9, 3), np.uint8),  # a strip
    ],
)
def test_where_nothing_stands_out_there_is_a_box_around_the_click_inside_the_image(image):
    height, width = image.shape[:2]
    x, y, w, h = propose_box(image, [Click(width / 2, height / 2)]).box_xywh
    assert w > 0 and h > 0 and x <= width / 2 <= x + w and y <= height / 2 <= y + h
    assert x >= -1 and y >= -1 and x + w <= width + 1 and y + h <= height + 1


# what a click cannot mean
@pytest.mark.parametrize(
    ("clicks", "words"),
    [
        ([], "object first"),  # nothing at all
        ([Click(10, 10, is_object=False)], "object first"),  # only what it is not
        ([Click(-1, 10)], "outside the image"),
        ([Click(10, 10), Click(10, 240)], "outside the image"),
        ([Click(float("nan"), 10)], "outside the image"),
    ],
)
def test_clicks_without_a_meaning_are_refused(clicks, words):
    with pytest.raises(InputError, match=words):
        propose_box(ground(), clicks)
