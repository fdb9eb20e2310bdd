"""What an export shows: overlays, hidden and lit targets, the following crop; in files that are read back."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from cli_sources import draw_image, make_images, make_video
from numpy.typing import NDArray

from tracker_core.cli.main import main
from tracker_core.rendering.camera_path import parse_aspect, plan_camera
from tracker_core.rendering.drawing import ANCHOR_COLOR, LOST_COLOR, PREDICTION_COLOR, TARGET_COLORS
from tracker_core.rendering.effects import Effect, HeldBoxes, apply_effect
from tracker_core.rendering.image_view import ImageView
from tracker_core.results.identity import identify_source
from tracker_core.results.provenance import Producer, SourceIdentity
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import Run
from tracker_core.results.run_file import load_run, save_run
from tracker_core.results.smoothing import smooth
from tracker_core.results.visibility import Visibility
from tracker_core.sources.opening import open_source
from tracker_core.types import FloatArray, Image, TrackingState, TrackResult

SEEN, LOST = TrackingState.TRACKING, TrackingState.LOST


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def box_at(index: int) -> FloatArray:
    """The drawn target's box."""
    return np.array([10.0 + index, 20.0, 24.0, 20.0])


def make_run(count: int = 12, lost: tuple[int, ...] = (), names: tuple[str, ...] = ("",), spec: str = "walk") -> Run:
    """A run over a folder of images, found by nobody known; a second target stands at (60, 2)."""
    if not Path(spec).exists():
        make_images(Path(spec), count)
    source = open_source(spec)
    recorder = RunRecorder(identify_source(source, spec))
    for index in range(count):
        recorder.note_frame(index, index / 30, f"{index + 1:04d}.png")
        for number, name in enumerate(names, 1):
            box = box_at(index) if number == 1 else np.array([60.0, 2.0, 20.0, 12.0])
            recorder.put(index, number, TrackResult(box, 0.5, LOST if index in lost else SEEN))
            recorder.targets[number].name = name
    save_run("run.json", recorder.build())
    return recorder.build()


def export(*arguments: str) -> list[Image]:
    """Export as PNG images and return them in order."""
    for path in Path("shots").glob("*.png") if Path("shots").exists() else ():
        path.unlink()
    command = ["export", "--run", "run.json", "--out", "shots", "--images", "--progress", "none", *arguments]
    assert main(command) == 0
    return [np.asarray(cv2.imread(str(path)), np.uint8) for path in sorted(Path("shots").glob("*.png"))]


def pixels_of(image: Image, color: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.asarray((np.abs(image.astype(int) - color).max(axis=2) < 12), np.bool_)


# --- what is drawn ----------------------------------------------------------------------------------------


def test_lost_boxes_are_grey_and_dotted_or_hidden() -> None:
    make_run(lost=(3,))
    seen, lost = export("--overlays", "prediction", "--scale", "4")[2:4]
    whole, dotted = pixels_of(seen, PREDICTION_COLOR).sum(), pixels_of(lost, LOST_COLOR).sum()
    assert not pixels_of(lost, PREDICTION_COLOR).any() and 0.1 * whole < dotted < 0.6 * whole
    hidden = export("--overlays", "prediction,labels", "--scale", "4", "--lost", "hidden")[3]
    plain = export("--overlays", "none", "--scale", "4")[3]
    np.testing.assert_array_equal(hidden, plain)


def test_targets_keep_their_colours_and_names(capsys: pytest.CaptureFixture[str]) -> None:
    make_run(names=("left", "Jürgen"))
    (image, *_) = export("--overlays", "prediction", "--targets", "Jürgen", "--scale", "4")
    assert pixels_of(image, TARGET_COLORS[1]).any() and not pixels_of(image, PREDICTION_COLOR)[:100].any()
    assert main(["export", "--run", "run.json", "--out", "shots", "--images", "--targets", "right"]) == 2
    assert "no target 'right'; it has 1 (left), 2 (Jürgen)" in " ".join(capsys.readouterr().err.split())
    named = export("--overlays", "names", "--targets", "2", "--scale", "4")[0]
    assert (named != export("--overlays", "none", "--scale", "4")[0]).any()


def test_the_trail_goes_where_the_target_went() -> None:
    make_run()
    image = export("--overlays", "trail", "--scale", "4", "--trail", "6", "--frames", "11:")[0]
    plain = export("--overlays", "none", "--scale", "4", "--frames", "11:")[0]
    ys, xs = np.nonzero((image != plain).any(axis=2))
    # centres of frames 6 to 11, also of those before the range: x = 22 + index, y = 30
    assert xs.min() == pytest.approx(28 * 4, abs=6) and xs.max() == pytest.approx(33 * 4, abs=6)
    assert ys.min() >= 30 * 4 - 8 and ys.max() <= 30 * 4 + 8


def test_the_whole_video_has_the_frames_that_were_not_tracked() -> None:
    run = make_run()
    save_run("run.json", run.select(4, 6))
    assert len(export()) == 3
    every = export("--whole", "--overlays", "prediction")
    assert [path.name for path in sorted(Path("shots").iterdir())] == [f"{n:04d}.png" for n in range(1, 13)]
    changed = [index for index, image in enumerate(every) if (image != draw_image(index)).any()]
    assert len(every) == 12 and changed == [4, 5, 6]
    assert len(export("--whole", "--frames", "3:5")) == 2


def track_clip(count: int = 10) -> None:
    make_video(Path("clip.mp4"), count)
    assert main(
        ["track", "--source", "clip.mp4", "--box", "10,20,24,20", "--out", ".", "--no-video", "--progress", "none"]
    ) == 0  # fmt: skip
    Path("clip-run.json").rename("run.json")


def test_what_the_network_saw_is_computed_again(capsys: pytest.CaptureFixture[str]) -> None:
    """In a part of the run too: the anchor lies at the target, and the boxes stay the stored ones."""
    track_clip()
    image = export("--overlays", "anchor,heat_map,search_window", "--scale", "4", "--frames", "6:8")[0]
    ys, xs = np.nonzero(pixels_of(image, ANCHOR_COLOR))
    assert abs(xs.mean() / 4 - 28) < 12 and abs(ys.mean() / 4 - 30) < 12
    plain = export("--overlays", "none", "--scale", "4", "--frames", "6:8")[0]
    assert ((image != plain).any(axis=2)).mean() > 0.2  # the map covers the search window
    assert "another box" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"producers": []}, "do not say which tracker"),  # boxes from a file
        ({"sha": "0" * 64}, "are not here or were changed"),  # weights that are gone
        ({"shift": 30.0}, "finds other boxes"),  # results of something else under its name
    ],
)
def test_what_cannot_be_reproduced_is_refused(
    change: dict[str, object], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    track_clip()
    run = load_run("run.json")
    recorder = RunRecorder(run.source)
    producer = run.producer
    assert producer is not None
    if "sha" in change:
        producer = Producer(producer.tracker, producer.config, producer.weights, "", str(change["sha"]))
    recorder.producer = None if "producers" in change else producer
    for index, results in run:
        moved = results[1].box_xywh + np.array([float(str(change.get("shift", 0))) * (index > 0), 0, 0, 0])
        recorder.put(index, 1, TrackResult(moved, 0.5))
    save_run("run.json", recorder.build())
    assert main(["export", "--run", "run.json", "--out", "a.mp4", "--overlays", "heat_map", "--progress", "none"]) == 2
    assert words in " ".join(capsys.readouterr().err.split()) and not Path("a.mp4").exists()
    assert export("--overlays", "prediction")  # all else can be drawn


# --- hidden and lit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["blur", "pixelate"])
def test_a_hidden_target_cannot_be_recognised(kind: str) -> None:
    make_run()
    image = export("--overlays", "none", "--effect", kind, "--strength", "10")[5].astype(int)
    plain = draw_image(5).astype(int)
    inside, far = (slice(26, 34), slice(21, 29)), (slice(0, 16), slice(0, 96))
    assert plain[inside][..., 0].min() == 240  # the white mark on the red target
    assert np.abs(image[inside] - plain[inside]).mean() > 40
    if kind == "pixelate":  # at most 7 × 6 blocks are left of the box and its margin
        assert len(np.unique(image[17:43, 12:43].reshape(-1, 3), axis=0)) <= 42
    np.testing.assert_array_equal(image[far], plain[far])


def test_a_spotlight_leaves_the_target_and_darkens_the_rest() -> None:
    make_run()
    image = export("--overlays", "none", "--effect", "spotlight")[5]
    np.testing.assert_array_equal(image[20:40, 15:39], draw_image(5)[20:40, 15:39])
    assert image[60, 90].max() < 60


def test_an_effect_may_be_for_one_target() -> None:
    make_run(names=("a", "b"))
    image = export("--overlays", "none", "--effect", "pixelate", "--effect-targets", "b")[5]
    np.testing.assert_array_equal(image[18:42, 13:41], draw_image(5)[18:42, 13:41])


def lost_now_and_then() -> Run:
    """Nine frames: seen in 2 and 6, lost in 3 and 4, no result in 5, marked as outside in 8."""
    recorder = RunRecorder(SourceIdentity("walk", size=(96, 64)))
    for index, state in ((2, SEEN), (3, LOST), (4, LOST), (6, SEEN)):
        recorder.put(index, 1, TrackResult(box_at(index), 0.1, state))
    recorder.targets[1].marks = {8: Visibility.OUTSIDE}
    return recorder.build()


def test_a_spotlight_holds_on_to_a_lost_target() -> None:
    """Both where it was seen last and where it is searched for, and on in frames without a result."""
    held = HeldBoxes(lost_now_and_then(), Effect("spotlight"))
    xs = [[box[0] for box in held.at(index)] for index in range(9)]
    #          none yet    seen   lost            no result  seen   after the run, and out of the image
    assert xs == [[], [], [12], [12, 13], [12, 14], [12], [16], [16], []]
    notes = held.notes(range(9))
    assert "lost or has no box in 4 of 9 frames" in notes[0] and "no box yet in 2 of 9 frames" in notes[1]


@pytest.mark.parametrize("kind", ["blur", "pixelate"])
def test_what_hides_a_target_reaches_to_where_it_is_seen_next(kind: str) -> None:
    """The boxes of frames 2 and 6 are 24 wide and begin at 12 and 16: between them all from 12 to 40 is hidden."""
    held = HeldBoxes(lost_now_and_then(), Effect(kind))
    spans = [[(box[0], box[0] + box[2]) for box in held.at(index)] for index in range(9)]
    seen, both, again = (12, 36), (12, 40), (16, 40)
    assert spans == [[seen], [seen], [seen], [both, (13, 37)], [both, (14, 38)], [both], [again], [again], []]
    notes = held.notes(range(9))
    assert ["in 1 of 9" in notes[0], "in 3 of 9" in notes[1], "in 2 of 9" in notes[2]] == [True] * 3
    assert "where it was seen last" in notes[0] and "between the boxes" in notes[1] and "first seen" in notes[2]


def test_a_target_that_moves_while_it_is_lost_is_hidden_in_every_frame() -> None:
    """The run knows nothing of frames 3 to 8, and the tracker looked in the wrong place."""
    recorder = RunRecorder(identify_source(open_source(make_images(Path("walk"), 12)), "walk"))
    for index in (2, 9, 10, 11):
        recorder.put(index, 1, TrackResult(box_at(index), 0.9, SEEN))
    for index in (4, 5):
        recorder.put(index, 1, TrackResult(np.array([70.0, 40.0, 24.0, 20.0]), 0.1, LOST))
    save_run("run.json", recorder.build())
    images = export("--overlays", "none", "--effect", "blur", "--strength", "10", "--whole")
    white = [pixels_of(image, (240, 240, 240)).sum() for image in images]
    # frame 0 shows the target two pixels beside its first box, which its margin of 3.6 pixels covers
    assert len(images) == 12 and white == [0] * 12
    assert pixels_of(draw_image(0), (240, 240, 240)).sum() == 64


def test_a_target_that_is_half_outside_is_hidden_as_well_as_any() -> None:
    """Stripes of 3 pixels in a box of 100 are gone at strength 10, however little of the box is in the image."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[:, ::6] = image[:, 1::6] = image[:, 2::6] = 255
    hidden = apply_effect(image, [np.array([-80.0, -80.0, 100.0, 100.0])], Effect("blur", 10))
    assert np.ptp(image[2:18, 2:18]) == 255 and np.ptp(hidden[2:18, 2:18]) < 40


def test_the_images_in_a_memory_are_not_shown_beside_a_hidden_target(capsys: pytest.CaptureFixture[str]) -> None:
    make_run()
    arguments = ["export", "--run", "run.json", "--out", "a.mp4", "--overlays", "prediction,memory", "--effect", "blur"]
    assert main(arguments) == 2 and not Path("a.mp4").exists()
    assert "'memory' shows images of what 'blur' is to hide" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "box", [[-50, -50, 10, 10], [90, 60, 40, 40], [10, 10, 0.4, 0.3], [np.nan] * 4, [-9, -9, 500, 500]]
)
@pytest.mark.parametrize("kind", ["blur", "pixelate", "spotlight"])
def test_any_box_can_be_hidden(kind: str, box: list[float]) -> None:
    image = draw_image(0)
    changed = apply_effect(image, [np.array(box, np.float64)], Effect(kind, 10))
    assert changed.shape == image.shape and (image == draw_image(0)).all()


# --- the crop that follows --------------------------------------------------------------------------------


def wander(count: int = 200, image: tuple[int, int] = (640, 360), seed: int = 0) -> Run:
    """A target that walks about with jitter, lost for a while."""
    rng = np.random.default_rng(seed)
    recorder = RunRecorder(SourceIdentity("walk", size=image))
    for index in range(count):
        x = 300 + 280 * np.sin(index / 30) + rng.normal(0, 3)
        y = 170 + 160 * np.sin(index / 47) + rng.normal(0, 3)
        size = 40 + 20 * np.sin(index / 60) + rng.normal(0, 2)
        recorder.note_frame(index, index / 30)
        recorder.put(index, 1, TrackResult(np.array([x, y, size, size]), 0.5, LOST if 80 < index < 95 else SEEN))
    return recorder.build()


@pytest.mark.parametrize("aspect", ["source", "16:9", "1:1", "9:16", "4:5"])
@pytest.mark.parametrize("image", [(640, 360), (360, 641), (97, 63)])  # portrait and odd sides too
def test_crops_are_inside_of_one_shape_and_have_the_target(aspect: str, image: tuple[int, int]) -> None:
    run = wander(image=image)
    ratio = parse_aspect(aspect, image)
    path = plan_camera(run, [1], ratio, image)
    width, height = path.size
    assert width % 2 == height % 2 == 0 and abs(width / height - ratio) < 2.5 / min(path.size)
    x, y, w, h = path.rects_xywh.T
    assert x.min() >= 0 and y.min() >= 0 and (x + w).max() <= image[0] + 1e-6 and (y + h).max() <= image[1] + 1e-6
    np.testing.assert_allclose(w / h, width / height, rtol=1e-6)
    if image == (640, 360):
        centers = run.targets[0].boxes_xywh[:, :2] + run.targets[0].boxes_xywh[:, 2:] / 2
        seen = (centers > 0).all(axis=1) & (centers < image).all(axis=1)
        seen[81:95] = False
        off = np.abs(centers - path.rects_xywh[:, :2] - path.rects_xywh[:, 2:] / 2)[seen]
        assert (off <= path.rects_xywh[seen, 2:] / 2 + 1e-6).all()


def test_the_camera_is_calm_and_neither_late_nor_early() -> None:
    """Jitter of 5 pixels is taken away; even motion stays as it is, to the ends, at uneven times."""
    times = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.08, 300))
    line = np.stack([3 + 40 * times, 9 - 2 * times], axis=1)
    np.testing.assert_allclose(smooth(times, line, 0.5), line, atol=1e-6)
    shaken = line + np.random.default_rng(2).normal(0, 5, line.shape)
    calm = smooth(times, shaken, 0.5)
    assert np.abs(calm - line)[20:-20].mean() < 1.5
    assert np.abs(np.diff(calm - line, 2, axis=0)).mean() < 0.02 * np.abs(np.diff(shaken - line, 2, axis=0)).mean()
    swing = np.sin(times / 2)[:, None]
    lags = [float(np.abs(smooth(times, swing, 0.3)[5 + lag : 290 + lag] - swing[5:290]).mean()) for lag in (-2, 0, 2)]
    assert lags[1] < lags[0] and lags[1] < lags[2]
    np.testing.assert_array_equal(smooth(np.arange(5.0) * 100, line[:5], 0.5), line[:5])  # time lapse: nothing is near


def test_a_following_crop_shows_the_target_in_the_middle() -> None:
    make_run()
    images = export("--overlays", "none", "--follow", "1", "--aspect", "1:1", "--context", "2", "--smoothness", "0.2")
    assert {image.shape for image in images} == {images[0].shape} and images[0].shape[0] == images[0].shape[1]
    for image in images[3:]:
        ys, xs = np.nonzero(image[..., 2] > 200)  # the red target
        assert abs(xs.mean() - image.shape[1] / 2) < 6 and abs(ys.mean() - image.shape[0] / 2) < 6


def test_what_is_drawn_fits_the_crop_and_the_video_has_its_size() -> None:
    make_run()
    assert main(["export", "--run", "run.json", "--out", "a.mp4", "--follow", "all", "--aspect", "9:16",
                 "--overlays", "prediction", "--scale", "3", "--progress", "none"]) == 0  # fmt: skip
    with av.open("a.mp4") as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(frames) == 12 and abs(frames[0].shape[1] / frames[0].shape[0] - 9 / 16) < 0.02
    red = np.abs(frames[6].astype(int) - PREDICTION_COLOR).max(axis=2) < 60
    assert red.any()


def test_a_view_takes_points_where_it_takes_pixels() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    image[20:30, 40:50] = 255
    for rect, size in (((30.0, 10.0, 40.0, 30.0), (160, 120)), ((30.5, 10.25, 40.0, 30.0), (80, 60)),
                       ((0.0, 0.0, 80.0, 60.0), (40, 30))):  # fmt: skip
        view = ImageView(rect, size)
        ys, xs = np.nonzero(view.cut(image)[..., 0] > 127)
        x, y, w, h = view.boxes([40, 20, 10, 10])
        assert xs.min() == pytest.approx(x, abs=1) and xs.max() + 1 == pytest.approx(x + w, abs=1)
        assert ys.min() == pytest.approx(y, abs=1) and ys.max() + 1 == pytest.approx(y + h, abs=1)


# --- refused ----------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[list[str], str]] = {
    "effect": (["--effect", "blurr"], "Did you mean 'blur'?"),
    "strength": (["--effect", "blur", "--strength", "11"], "goes from 1 to 10"),
    "overlay": (["--overlays", "heatmap,anchor"], "Did you mean 'heat_map'?"),
    "aspect": (["--follow", "all", "--aspect", "wide"], "'wide' is not one of source, 16:9"),
    "no height": (["--follow", "all", "--aspect", "1:0"], "'1:0' is not one of"),
    "aspect of nothing": (["--aspect", "1:1"], "add --follow"),
    "target": (["--follow", "7"], "no target '7'"),
    "context": (["--follow", "1", "--context", "0.5"], "--context 0.5 is outside 1 to 20"),
    "opacity": (["--overlays", "heat_map", "--opacity", "7"], "--opacity 7 is outside 0 to 1"),
    "lost": (["--lost", "gone"], "dotted, hidden"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_wrong_option_is_one_sentence(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(3)
    arguments, words = REFUSED[kind]
    assert main(["export", "--run", "run.json", "--out", "a.mp4", *arguments]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert words in said, said
    assert not Path("a.mp4").exists()
