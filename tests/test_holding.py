"""Families of validation clips, drawn ones among them, and what is said of a tracker on them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import training_samples
import yaml

from tracker_core.cli.main import main
from tracker_core.evaluation.baseline import StayingBox
from tracker_core.experiments.holding.confidence import count_alarms, fit_by_clips, fit_logistic, reliability
from tracker_core.experiments.holding.following import Followed
from tracker_core.experiments.holding.kept import digest_study, find_kept, keep
from tracker_core.experiments.holding.report import describe_calibration
from tracker_core.metrics import Gain
from tracker_core.training.clips import Clip
from tracker_core.training.drawn_clips import HEIGHT, LENGTH, SCENES, WIDTH, draw_clip, write_clips
from tracker_core.training.images import ImageCache


def test_a_clear_gain_and_a_draw() -> None:
    before = np.full(40, 0.5)
    clear = Gain.over(before + np.linspace(0.01, 0.03, 40), before)
    assert clear.is_clear and 0.01 < clear.low < clear.mean < clear.high < 0.03
    assert clear.mean == pytest.approx(0.02) and str(clear) == f"+0.020 [+{clear.low:.3f}, +{clear.high:.3f}]"
    swing = np.where(np.arange(40) % 2, 0.2, -0.19)  # better on half of the clips, worse on the others
    draw = Gain.over(before + swing, before)
    assert not draw.is_clear and draw.low < 0 < draw.high and str(draw).endswith(": a draw")
    assert draw == Gain.over(before + swing, before)  # drawn from a seed


def test_of_one_clip_nothing_is_sure() -> None:
    assert not Gain.over([0.9], [0.1]).is_clear


def followed(overlaps: list[float], lost: list[int]) -> Followed:
    count = len(overlaps)
    scores = np.full(count, 0.5)
    return Followed("x", np.array(overlaps), scores, scores, np.isin(np.arange(count), lost))


NAN = float("nan")


@pytest.mark.parametrize(
    ("overlaps", "lost", "counts"),
    [
        ([0.8] * 20, [], (0, 0, 0, 0, 0)),  # held throughout
        ([0.8] * 20, [3, 4], (0, 0, 0, 0, 2)),  # called lost while it was held
        ([0.8] * 5 + [0.0] * 12, [9], (1, 1, 0, 0, 0)),  # declared in the fifth frame of the loss
        ([0.8] * 5 + [0.0] * 12, [15], (1, 0, 0, 0, 0)),  # in the eleventh: too late
        ([0.8] * 5 + [0.0] * 9 + [0.8], [], (0, 0, 0, 0, 0)),  # nine frames are no loss
        ([0.8] * 5 + [NAN] * 12 + [0.0, 0.7], [6], (1, 1, 1, 1, 0)),  # absent, and found in the second frame
        ([0.8] * 5 + [NAN] * 12 + [0.0] * 40, [6], (1, 1, 1, 0, 0)),  # it came back and was not found
    ],
)
def test_alarms(overlaps: list[float], lost: list[int], counts: tuple[int, ...]) -> None:
    found = count_alarms([followed(overlaps, lost)])
    assert (found.losses, found.declared, found.returns, found.found, found.false_lost) == counts
    assert found.frames == len(overlaps)


def test_a_logistic_fit_finds_what_scores_were_drawn_from() -> None:
    rng = np.random.default_rng(0)
    logit = rng.uniform(-6, 6, 20000)
    hits = rng.random(20000) < 1 / (1 + np.exp(-(0.5 * logit + 1.0)))
    scores = 1 / (1 + np.exp(-logit))
    slope, offset = fit_logistic(scores, hits)
    assert slope == pytest.approx(0.5, abs=0.03) and offset == pytest.approx(1.0, abs=0.08)
    corrected = 1 / (1 + np.exp(-(slope * logit + offset)))
    assert reliability(corrected, hits)[1] < 0.02 < 0.05 < reliability(scores, hits)[1]


def drawn_clip(rng: np.random.Generator, slope: float, offset: float) -> Followed:
    """Return a clip whose hits follow σ(slope · logit(raw) + offset)."""
    logit = rng.uniform(-4, 4, 2000)
    raw = 1 / (1 + np.exp(-logit))
    hits = rng.random(2000) < 1 / (1 + np.exp(-(slope * logit + offset)))
    return Followed("x", np.where(hits, 0.8, 0.2), raw, raw, np.zeros(2000, np.bool_))


def test_a_clip_is_fitted_by_the_others_alone() -> None:
    """The first clip behaves otherwise than the rest: it gets their fit, and they keep theirs nearly."""
    rng = np.random.default_rng(0)
    odd, *others = [drawn_clip(rng, 1.0, offset) for offset in (3.0, -1.0, -1.0, -1.0, -1.0)]
    fitted = fit_by_clips([odd, *others])
    logit = np.log(odd.raw / (1 - odd.raw))
    np.testing.assert_allclose(fitted[:2000], 1 / (1 + np.exp(-(logit - 1.0))), atol=0.03)
    alone = fit_by_clips([odd])  # a single clip has no others
    np.testing.assert_allclose(alone, 1 / (1 + np.exp(-(logit + 3.0))), atol=0.05)


def test_calibration_tells_the_networks_own_score_from_the_reported_one() -> None:
    clips = [drawn_clip(np.random.default_rng(seed), 0.5, -2.0) for seed in range(6)]
    calibrated = [
        dataclasses.replace(one, scores=1 / (1 + np.exp(2.0) * ((1 - one.raw) / one.raw) ** 0.5)) for one in clips
    ]
    found = describe_calibration(calibrated)
    assert found is not None
    assert found["network"]["error"] > 0.25 and found["reported"]["error"] < 0.02 and found["fitted"]["error"] < 0.02
    assert (found["slope"], found["offset"]) == (pytest.approx(0.5, abs=0.03), pytest.approx(-2.0, abs=0.08))
    nothing = np.full(2000, np.nan)
    assert describe_calibration([dataclasses.replace(one, scores=nothing, raw=nothing) for one in clips]) is None


def test_scores_that_separate_perfectly_can_be_fitted() -> None:
    slope, offset = fit_logistic(np.array([0.0, 0.1, 0.9, 1.0]), np.array([False, False, True, True]))
    assert 0 < slope < 20 and np.isfinite(offset)


@pytest.fixture
def cutouts(tmp_path: Path) -> list[Clip]:
    """Two textured objects on plain ground, with outlines."""
    clips = []
    for number in range(2):
        image = np.full((80, 80, 3), 200, np.uint8)
        image[20:60, 20:60] = np.random.default_rng(number).integers(0, 255, (40, 40, 3))
        path = str(tmp_path / f"cut{number}.png")
        assert cv2.imwrite(path, image)
        outline = np.array([[20, 20], [60, 20], [60, 60], [20, 60]], np.float32)
        clips.append(Clip(f"cut{number}", (path,), np.array([[20.0, 20, 40, 40]]), polygons=(outline,)))
    return clips


@pytest.fixture
def ground(tmp_path: Path) -> str:
    path = str(tmp_path / "ground.png")
    assert cv2.imwrite(path, np.full((120, 160, 3), 90, np.uint8))
    return path


@pytest.mark.parametrize("kind", list(SCENES))
def test_drawn_clips_follow_from_their_seed(kind: str, cutouts: list[Clip], ground: str) -> None:
    images, boxes = draw_clip(kind, 1, cutouts, [ground], ImageCache(0))
    again, same = draw_clip(kind, 1, cutouts, [ground], ImageCache(0))
    assert all(np.array_equal(one, other) for one, other in zip(images, again, strict=True))
    np.testing.assert_array_equal(boxes, same)
    assert len(images) == len(boxes) == LENGTH and images[0].shape == (HEIGHT, WIDTH, 3)
    assert np.isfinite(boxes[0]).all()
    if kind in ("leaving", "hiding"):
        assert np.isnan(boxes).any() and np.isfinite(boxes[-1]).all()  # it is away, and comes back
    # the box holds the object: the ground is plain, the object is not
    x, y, w, h = boxes[0].round().astype(int)
    assert images[0][y : y + h, x : x + w].std() > 30


def test_drawn_clips_that_are_there_stay(tmp_path: Path, cutouts: list[Clip], ground: str) -> None:
    write_clips(tmp_path / "drawn", ["crossing"], 1, cutouts, [ground])
    truth = tmp_path / "drawn" / "crossing_0" / "groundtruth.txt"
    truth.write_text("kept\n")
    write_clips(tmp_path / "drawn", ["crossing"], 1, cutouts, [ground])
    assert truth.read_text() == "kept\n"


@pytest.fixture
def study(tmp_path: Path) -> list[str]:
    """The arguments of a small study of two variants on two clips."""
    training_samples.make_got10k(tmp_path / "data" / "clips")
    content = {
        "root": str(tmp_path / "data"),
        "frames": 4,
        "families": {"plain": [{"layout": "got10k", "root": "clips"}]},
        "variants": {
            "first": {"tracker": "siamfc-small"},
            "other": {"tracker": "siamfc-small", "changes": {"tracking.window_influence": 0.9}},
        },
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))
    return ["experiment", "holding", "--config", str(tmp_path / "study.yaml"), "--out", str(tmp_path / "out")]


def test_the_command_compares_variants(study: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = [*study, "--device", "cpu", "--progress", "none", "--peers", "mil"]
    assert main(again) == 0
    found = json.loads((tmp_path / "out" / "holding.json").read_text())
    assert list(found) == ["first", "other", "mil"] and found["mil"]["calibration"] is None
    assert found["first"]["families"]["all"]["gain"]["mean"] == 0
    assert found["other"]["families"]["plain"]["clips"] == 2
    assert found["first"]["alarms"]["frames"] == 2 * 3  # the first frame of a clip is given
    assert (tmp_path / "out" / "calibration.png").stat().st_size > 1000
    assert "| other |" in (tmp_path / "out" / "holding.md").read_text()

    def refuse(*arguments: Any) -> None:
        raise AssertionError("what was followed is followed again")

    monkeypatch.setattr("tracker_core.experiments.holding.following.follow_clips", refuse)
    assert main(again) == 0
    assert json.loads((tmp_path / "out" / "holding.json").read_text()) == found
    with pytest.raises(AssertionError):
        main([*again, "--again"])


def kept_clip() -> Followed:
    numbers = np.array([0.25, NAN, 1.0])
    return Followed("x", numbers, numbers / 2, numbers / 4, np.array([True, False, True]))


def test_what_was_followed_comes_back_from_disk(tmp_path: Path) -> None:
    keep(tmp_path, "a/b", "digest", {"plain": [kept_clip()]})
    found = find_kept(tmp_path, "a/b", "digest")
    assert found is not None
    (one,), expected = found["plain"], kept_clip()
    assert one.name == "x" and one.is_lost.tolist() == [True, False, True]
    for part in ("overlaps", "scores", "raw"):
        np.testing.assert_array_equal(getattr(one, part), getattr(expected, part))
    assert find_kept(tmp_path, "a/b", "other") is None  # another tracker, or other clips
    assert find_kept(tmp_path, "c", "digest") is None
    next((tmp_path / "followed").glob("*.json")).write_text('{"made_by": "digest"')  # damaged
    assert find_kept(tmp_path, "a/b", "digest") is None


def test_answers_are_known_by_program_tracker_and_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = StayingBox()
    clips = [Clip("x", ("1.jpg", "2.jpg"), np.ones((2, 4)))]
    digest = digest_study(tracker, {"plain": clips})
    assert digest == digest_study(StayingBox(), {"plain": clips})
    moved = [dataclasses.replace(clips[0], boxes_xywh=np.ones((2, 4)) * 2)]
    assert digest not in (digest_study(tracker, {"plain": moved}), digest_study(tracker, {"other": clips}))
    monkeypatch.setattr("tracker_core.experiments.holding.kept.program_version", lambda: "another")
    assert digest != digest_study(tracker, {"plain": clips})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("root=", "root is empty"),
        ("only=[othr]", "Did you mean 'other'?"),
        ("drawn.kinds.crosing=plain", "no drawn scene 'crosing'"),
        ("drawn.kinds.crossing=plan", "not among the families"),
        ("frames=1", "frames must be at least 2"),
    ],
)
def test_what_is_wrong_is_said(study: list[str], change: str, sentence: str, capsys: pytest.CaptureFixture) -> None:
    assert main([*study, change]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
