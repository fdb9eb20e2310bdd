"""Pairs: determinism, true boxes, other objects as negatives, unreadable images."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_samples import COLOURS, PLAIN, SMALL, make_got10k, make_stills, write_image

from tracker_core.config.training import AugmentConfig, PairConfig
from tracker_core.crops import Framing
from tracker_core.errors import ConfigError, DataSetError
from tracker_core.training.clips import Clip
from tracker_core.training.cutouts import CutOut, Placement, extent, paste
from tracker_core.training.drawing import place_beside
from tracker_core.training.geometry import View, cut_view
from tracker_core.training.images import ImageCache, UnreadableImageError, choose_shrink, decode_image
from tracker_core.training.pairs import PairSource, jitter_box
from tracker_core.training.readers import readers

read_got10k_clips = readers()["got10k"]


def measured_box(crop: np.ndarray, brighter_than: int = 100) -> np.ndarray:
    """Return cx, cy, w, h around the crop's centre of what is brighter than the background, in any channel."""
    x, y, w, h = cv2.boundingRect((crop.max(axis=2) > brighter_than).astype(np.uint8))
    return np.array([x + w / 2 - crop.shape[1] / 2, y + h / 2 - crop.shape[0] / 2, w, h])


def outlined_stills(folder: Path, count: int = 4, category: str = "") -> list[Clip]:
    """Return stills whose outline is the rectangle itself, so that a pasted one can be measured."""
    clips = []
    for clip in make_stills(folder, count):
        x, y, w, h = clip.boxes_xywh[0]
        outline = np.array(
            [[x, y], [x + w / 2, y], [x + w, y], [x + w, y + h], [x + w / 2, y + h], [x, y + h]], np.float32
        )
        clips.append(dataclasses.replace(clip, polygons=(outline,), category=category))
    return clips


def test_a_pair_depends_on_seed_and_number_alone(tmp_path: Path) -> None:
    clips = [*outlined_stills(tmp_path / "s"), *read_got10k_clips(make_got10k(tmp_path / "g"))]
    config = PairConfig(cache_mb=1)
    one, other = PairSource(clips, [], config, 3), PairSource(clips, [], dataclasses.replace(config, cache_mb=0), 3)
    for index in (40, 7, 0, 40, 1 << 40):  # in any order, with any cache, any number of times
        for first, second in zip(vars(one.pair(index)).values(), vars(other.pair(index)).values(), strict=True):
            np.testing.assert_array_equal(first, second)
    assert not np.array_equal(one.pair(1).search, PairSource(clips, [], config, 4).pair(1).search)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_box_of_a_crop_is_where_the_rectangle_is(suffix: str, seed: int, tmp_path: Path) -> None:
    """Shift, scale, stretch and flip move the image and the box alike: threshold the crop and compare."""
    augment = dataclasses.replace(PLAIN, aspect=0.3, scale=0.4, template_shift=3.0, flip_probability=0.5)
    source = PairSource(make_stills(tmp_path, 8, suffix), [], PairConfig(negative_share=0, augment=augment), seed)
    for index in range(12):
        pair = source.pair(index)
        low = pair.box_cxcywh[:2] - pair.box_cxcywh[2:] / 2
        if (low < -127).any() or (low + pair.box_cxcywh[2:] > 127).any():
            continue  # it is cut off by the crop
        np.testing.assert_allclose(measured_box(pair.search), pair.box_cxcywh, atol=1.6)
        np.testing.assert_allclose(measured_box(pair.exemplar)[2:], pair.exemplar_wh, atol=1.6)


@pytest.mark.parametrize("size", [(160, 120), (1601, 1201), (3203, 2402)])
def test_a_image_decoded_small_keeps_the_box_true(size: tuple[int, int], tmp_path: Path) -> None:
    """Large targets are decoded at a half, a quarter, an eighth: odd sizes must not shift the box."""
    factor = size[0] / 160
    box = tuple(round(value * factor) for value in (40, 30, 61, 45))
    path = write_image(tmp_path / "large.jpg", box, COLOURS[5], size)
    view = View(255, Framing().search_scales(box[2], box[3]), (10.0, -7.0))
    crop, box_cxcywh = cut_view(ImageCache(0), path, np.array(box, np.float64), view)
    np.testing.assert_allclose(measured_box(crop, 130), box_cxcywh, atol=1.1)


@pytest.mark.parametrize(
    ("scale", "shrink"), [(2.0, 1), (0.51, 1), (0.5, 2), (0.26, 2), (0.25, 4), (0.1, 8), (0.01, 8)]
)
def test_images_are_never_decoded_below_the_crop_s_resolution(scale: float, shrink: int) -> None:
    assert choose_shrink(scale) == shrink


def test_png_and_jpeg_shrink_to_the_same_grid(tmp_path: Path) -> None:
    for suffix in (".png", ".jpg"):
        path = write_image(tmp_path / f"a{suffix}", (40, 24, 64, 48), COLOURS[5], (163, 121))
        image = decode_image(path, 4)
        x, y, w, h = cv2.boundingRect((image[..., 0] > 130).astype(np.uint8))
        assert (x, y, w, h) == (10, 6, 16, 12)


@settings(max_examples=25, deadline=None)
@given(
    angle=st.sampled_from([0.0, 90.0, 180.0, -90.0]),  # the box around a turned rectangle is its outline's only then
    scale=st.floats(0.5, 2.0),
    x=st.floats(-50, 50),
    y=st.floats(-50, 50),
    aspect=st.floats(0.7, 1.4),
)
def test_a_pasted_rectangle_is_where_its_box_says(
    angle: float, scale: float, x: float, y: float, aspect: float
) -> None:
    image = np.full((60, 80, 3), 40, np.uint8)
    image[10:50, 20:70] = 250
    outline = np.array([[20, 10], [45, 10], [70, 10], [70, 50], [45, 50], [20, 50]], np.float32)
    cut = CutOut.from_image(image, outline)
    assert cut is not None
    canvas = np.zeros((255, 255, 3), np.uint8)
    box_cxcywh = paste(canvas, cut, Placement(angle, scale, (x, y), aspect))
    np.testing.assert_allclose(measured_box(canvas, 125), box_cxcywh, atol=1.6)
    np.testing.assert_allclose(box_cxcywh[2:], extent(cut, angle, aspect, scale), rtol=1e-5)


def test_a_smeared_object_keeps_its_centre_and_softens(tmp_path: Path) -> None:
    image = np.full((60, 60, 3), 250, np.uint8)
    outline = np.array([[15, 15], [30, 15], [45, 15], [45, 45], [30, 45], [15, 45]], np.float32)
    cut = CutOut.from_image(image, outline)
    assert cut is not None
    sharp, smeared = np.zeros((2, 127, 127, 3), np.uint8)
    paste(sharp, cut, Placement())
    paste(smeared, cut, Placement(smear=(13, 0.0)))
    np.testing.assert_allclose(measured_box(smeared, 10)[:2], 0, atol=1.5)
    assert measured_box(smeared, 10)[2] > measured_box(sharp, 10)[2] + 6
    assert measured_box(smeared, 10)[3] == pytest.approx(measured_box(sharp, 10)[3], abs=4)


def test_cutout_pairs_have_true_boxes(tmp_path: Path) -> None:
    """Without rotation the pasted rectangle can be measured on a dark background."""
    background = tmp_path / "dark.png"
    cv2.imwrite(str(background), np.full((200, 200, 3), 5, np.uint8))
    augment = dataclasses.replace(PLAIN, scale=0.3, aspect=0.2, rotation=0.0, shift=40.0)
    shares = {"video_share": 0.0, "still_share": 0.0, "cutout_share": 1.0, "negative_share": 0.0}
    source = PairSource(outlined_stills(tmp_path), [str(background)], PairConfig(**shares, augment=augment), 1)
    for index in range(10):
        pair = source.pair(index)
        box = measured_box(pair.search, 70)
        # turned by up to 20 degrees, the soft corners of the outline reach a little less far than its box
        np.testing.assert_allclose(box[:2], pair.box_cxcywh[:2], atol=2.5)
        np.testing.assert_allclose(box[2:], pair.box_cxcywh[2:], atol=6)


def test_a_negative_never_shows_the_target(tmp_path: Path) -> None:
    """Two objects of one image, and two clips of one identity, are no negatives of each other."""
    stills = make_stills(tmp_path, 4)
    shared = dataclasses.replace(stills[0], name="second object", boxes_xywh=np.array([[5.0, 5, 20, 20]]))
    twins = [dataclasses.replace(clip, identity="dog") for clip in stills[1:3]]
    source = PairSource(
        [stills[0], shared, *twins, stills[3]], [], PairConfig(negative_share=1.0, augment=PLAIN), 0, SMALL
    )
    rng = np.random.default_rng(0)
    for clip in (stills[0], shared, *twins, stills[3]):
        others = [source.others.choose(rng, clip) for _ in range(40)]
        assert all(other is None or not clip.may_show_same(other) for other in others)
    assert not any(source.pair(index).is_positive for index in range(10))


def test_semantic_distractors_are_of_the_same_kind(tmp_path: Path) -> None:
    cats, dogs = (outlined_stills(tmp_path / kind, 4, kind) for kind in ("cat", "dog"))
    source = PairSource([*cats, *dogs], [], PairConfig(same_kind_share=1.0), 0)
    rng = np.random.default_rng(0)
    chosen = [source.others.choose(rng, cats[0]) for _ in range(30)]
    assert {other.category for other in chosen if other} == {"cat"}


def test_a_distractor_is_pasted_beside_the_target(tmp_path: Path) -> None:
    stills = outlined_stills(tmp_path, 4)
    augment = dataclasses.replace(PLAIN, shift=0.0, far_shift=0.0, scale=0.0)
    shares = {"still_share": 1.0, "cutout_share": 0.0, "negative_share": 0.0}
    plain = PairSource(stills, [], PairConfig(**shares, augment=augment), 0)
    busy = PairSource(
        stills, [], PairConfig(**shares, augment=dataclasses.replace(augment, pasted_distractor_probability=1.0)), 0
    )
    pasted = 0
    for index in range(8):
        before, after = plain.pair(index), busy.pair(index)
        np.testing.assert_allclose(before.box_cxcywh, after.box_cxcywh)
        changed = np.any(before.search != after.search, axis=2)
        pasted += changed.sum() > 200
        x, y, w, h = after.box_cxcywh
        inner = changed[
            round(127 + y - h / 4) : round(127 + y + h / 4), round(127 + x - w / 4) : round(127 + x + w / 4)
        ]
        assert inner.mean() < 0.1  # the target itself stays visible
    assert pasted >= 4  # the target itself is drawn now and then, and then nothing is pasted


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), w=st.floats(5, 120), h=st.floats(5, 120), other=st.floats(5, 120))
def test_beside_is_not_on_top(seed: int, w: float, h: float, other: float) -> None:
    box = np.array([3, -4, w, h], np.float32)
    x, y = place_beside(np.random.default_rng(seed), box, (other, other))
    overlap = np.minimum(box[:2] + box[2:] / 2, [x + other / 2, y + other / 2]) - np.maximum(
        box[:2] - box[2:] / 2, [x - other / 2, y - other / 2]
    )
    covered = float(np.prod(np.maximum(overlap, 0))) / (w * h)
    assert covered < 0.3


def test_the_guide_is_jittered_by_a_quarter_of_the_size() -> None:
    rng = np.random.default_rng(0)
    box = np.array([10, -20, 40, 80], np.float32)
    guides = np.array([jitter_box(rng, box, 0.25) for _ in range(4000)])
    np.testing.assert_allclose(guides[:, :2].mean(0), [10, -20], atol=1.5)
    np.testing.assert_allclose(guides[:, :2].std(0), [10, 20], rtol=0.06)
    assert (guides[:, 2:] > 0).all()
    np.testing.assert_array_equal(jitter_box(rng, box, 0.0), box)


# what can be wrong with an image, given the bytes of a good one
@pytest.mark.parametrize(
    "break_it",
    [
        lambda good: b"",  # empty
        lambda good: b"text, not an image",
        lambda good: good[: len(good) // 2],  # cut short: a decoder would fill the rest with grey
        lambda good: good[:20],
    ],
)
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_an_unreadable_image_is_replaced_and_named(break_it, suffix: str, tmp_path: Path) -> None:
    stills = make_stills(tmp_path, 3, suffix)
    bad = Path(stills[1].frames[0])
    bad.write_bytes(break_it(bad.read_bytes()))
    source = PairSource(stills, [], PairConfig(negative_share=0, augment=PLAIN), 0, SMALL)
    pairs = [source.pair(index) for index in range(20)]
    named = {path for pair in pairs for path in pair.unreadable}
    assert named == {str(bad)}
    bad.unlink()  # absent is as bad
    assert any(source.pair(index).unreadable for index in range(20))


def test_a_box_outside_its_image_is_not_a_positive(tmp_path: Path) -> None:
    stills = make_stills(tmp_path, 2)
    outside = dataclasses.replace(stills[0], boxes_xywh=np.array([[500.0, 500, 30, 30]]))
    source = PairSource([outside, stills[1]], [], PairConfig(negative_share=0, augment=PLAIN), 0, SMALL)
    notes = {note for index in range(12) for note in source.pair(index).unreadable}
    assert len(notes) == 1 and "outside" in notes.pop()


def test_nothing_readable_or_usable_is_a_clear_error(tmp_path: Path) -> None:
    stills = make_stills(tmp_path, 2)
    for clip in stills:
        Path(clip.frames[0]).unlink()
    with pytest.raises(DataSetError, match="could not be read"):
        PairSource(stills, [], PairConfig(augment=PLAIN), 0).pair(0)
    empty = Clip("empty", ("x.png",), np.array([[1.0, 2, 0, 5]]))
    with pytest.raises(DataSetError, match="usable box"):
        PairSource([empty], [], PairConfig(), 0)
    with pytest.raises(ConfigError, match="leave nothing"):
        PairSource(make_stills(tmp_path, 2), [], PairConfig(still_share=0.0), 0)


def test_video_pairs_stay_within_the_step(tmp_path: Path) -> None:
    """The rectangle moves three pixels a frame: with a step of one its size and look are those of a neighbour."""
    (clip,) = read_got10k_clips(make_got10k(tmp_path, clips=1, frames=30), step=1)
    drawn = []

    class Spy(ImageCache):
        def read(self, path: str, shrink: int = 1):
            drawn.append(int(Path(path).stem))
            return super().read(path, shrink)

    source = PairSource([clip], [], PairConfig(negative_share=0, augment=PLAIN), 0)
    source.cache = Spy(1 << 20)
    for index in range(20):
        source.pair(index)
    assert max(abs(a - b) for a, b in zip(drawn[::2], drawn[1::2], strict=True)) == 1


def test_the_cache_keeps_its_bound(tmp_path: Path) -> None:
    paths = [write_image(tmp_path / f"{index}.png", (10, 10, 30, 30), COLOURS[0]) for index in range(6)]
    one = 160 * 120 * 3
    cache = ImageCache(5 * one)
    first = cache.read(paths[0])
    assert cache.read(paths[0]) is first
    for path in paths:
        cache.read(path)
    assert cache.read(paths[0]) is not first  # the oldest was dropped
    with pytest.raises(UnreadableImageError):
        cache.read(str(tmp_path / "absent.png"))


def test_full_augmentation_makes_valid_pairs(tmp_path: Path) -> None:
    """Everything on: crops keep their shape and type, boxes stay finite and positive."""
    clips = [*outlined_stills(tmp_path / "s", 5, "thing"), *read_got10k_clips(make_got10k(tmp_path / "g"))]
    always = {
        field.name: 1.0
        for field in dataclasses.fields(AugmentConfig)
        if field.name.endswith(("_probability", "_share"))
    }
    source = PairSource(clips, [], PairConfig(augment=AugmentConfig(**always)), 0)
    for index in range(25):
        pair = source.pair(index)
        assert pair.exemplar.shape == (127, 127, 3) and pair.search.shape == (255, 255, 3)
        assert pair.search.dtype == pair.exemplar.dtype == np.uint8
        assert np.isfinite([*pair.box_cxcywh, *pair.guide_cxcywh, *pair.exemplar_wh]).all()
        assert (pair.box_cxcywh[2:] > 0).all() and (pair.exemplar_wh > 0).all()
