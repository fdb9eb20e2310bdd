"""The clip that ships: it decodes, its ground truth fits it, and its script draws it again."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parents[1] / "resources" / "clip"
CLIP = FOLDER / "siamscope_clip.mp4"
BEHIND_LEAF = slice(208, 234)  # frames in which the leaf hides most of the target


@pytest.fixture(scope="module")
def frames() -> list[NDArray[np.uint8]]:
    """All frames, uint8 H×W×3 BGR."""
    with av.open(str(CLIP)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def boxes_xywh() -> NDArray[np.float64]:
    """The ground truth, 0-based."""
    rows = np.loadtxt(FOLDER / "siamscope_clip_groundtruth_rect.txt", delimiter=",", ndmin=2)
    return rows - [1, 1, 0, 0]


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """The script that drew the clip, as a module."""
    spec = importlib.util.spec_from_file_location("draw_clip", FOLDER / "draw_clip.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    sys.modules["draw_clip"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["draw_clip"]
    sys.path[:] = path


def test_it_opens_everywhere_and_is_small(frames: list[NDArray[np.uint8]]) -> None:
    with av.open(str(CLIP)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert float(stream.average_rate or 0) == 30
    assert CLIP.stat().st_size < 8e6
    assert len(frames) >= 300
    assert {frame.shape for frame in frames} == {(480, 640, 3)}


def test_ground_truth_has_a_box_inside_the_image_for_every_frame(
    frames: list[NDArray[np.uint8]], boxes_xywh: NDArray[np.float64]
) -> None:
    assert boxes_xywh.shape == (len(frames), 4)
    x, y, w, h = boxes_xywh.T
    assert (x >= 0).all() and (y >= 0).all() and (x + w <= 640).all() and (y + h <= 480).all()
    assert (w > 20).all() and (h > 20).all()
    # a walk and not a jump: no frame moves it by more than a fifth of its size
    assert np.hypot(np.diff(x + w / 2), np.diff(y + h / 2)).max() < 0.2 * np.sqrt(w * h).min()


def test_the_box_holds_something_that_its_surroundings_do_not(
    frames: list[NDArray[np.uint8]], boxes_xywh: NDArray[np.float64]
) -> None:
    def redness(image: NDArray[np.uint8]) -> float:
        blue, green, red = image.reshape(-1, 3).mean(axis=0)
        return float(red / (blue + green + 1))

    seen = np.ones(len(frames), bool)
    seen[BEHIND_LEAF] = False
    for index in np.flatnonzero(seen)[::10]:
        x, y, w, h = boxes_xywh[index].astype(int)
        inside = frames[index][y : y + h, x : x + w]
        strips = [frames[index][max(0, y - h) : y, x : x + w], frames[index][y + h : y + 2 * h, x : x + w]]
        around = np.concatenate([strip for strip in strips if strip.size])
        assert redness(inside) > 1.2 * redness(around), f"frame {index}"


def test_the_leaf_hides_it(frames: list[NDArray[np.uint8]], boxes_xywh: NDArray[np.float64]) -> None:
    # the middle of the occlusion: green wins over red in the box
    x, y, w, h = boxes_xywh[218].astype(int)
    _, green, red = frames[218][y : y + h, x : x + w].reshape(-1, 3).mean(axis=0)
    assert green > red


def test_the_script_draws_this_clip_again(
    script: ModuleType, frames: list[NDArray[np.uint8]], boxes_xywh: NDArray[np.float64]
) -> None:
    for number, (image, box) in enumerate(islice(script.draw_frames(), 3)):
        assert np.allclose(np.round(box), boxes_xywh[number])
        # compression and nothing else lies between the two
        assert np.abs(image.astype(int) - frames[number]).mean() < 6
