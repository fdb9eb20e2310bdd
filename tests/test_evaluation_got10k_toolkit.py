"""Our trackers in the got10k toolkit, and its numbers beside ours."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_sequences import (
    FRAMES,
    HEIGHT,
    WIDTH,
    LosingTracker,
    TemplateTracker,
    draw_frame,
    make_got10k,
    path_of_target,
)

from tracker_core.cli.main import main
from tracker_core.errors import InputError, SourceError
from tracker_core.evaluation.benchmarks import open_benchmark
from tracker_core.evaluation.clients.got10k_toolkit import Got10kTracker, read_toolkit_image
from tracker_core.evaluation.runner import Candidate, Evaluation
from tracker_core.types import FloatArray, Image, TrackResult

CLIPS = ("Deer", "Jogging", "Walking2")
ONE_BASED = np.array([1, 1, 0, 0])


class DriftingTracker(TemplateTracker):
    """Slides off its target by fractions of a pixel and grows, so that curves are not all steps at their ends."""

    name = "drifting"

    def init(self, image: Image, box_xywh: FloatArray) -> None:
        super().init(image, box_xywh)
        self._frames = 0

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        self._frames += 1
        found = super().update(image)
        drift = self._frames * np.array([1.37, -0.61, 0.83, 0.29])
        return TrackResult(found.box_xywh + drift, found.score)


@pytest.fixture
def otb(tmp_path: Path) -> Path:
    """A small OTB: JPEG images, comma and tab separated 1-based boxes, a clip with two targets."""
    root = tmp_path / "OTB"
    for seed, name in enumerate(CLIPS):
        boxes = path_of_target(seed, FRAMES + 2 * seed)
        (root / name / "img").mkdir(parents=True)
        for number, box in enumerate(boxes, 1):
            image = draw_frame(seed, box)
            assert cv2.imwrite(str(root / name / "img" / f"{number:04d}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 98])
        write_boxes(root / name, boxes + ONE_BASED, two_targets=name == "Jogging")
    return root


def write_boxes(folder: Path, boxes: FloatArray, two_targets: bool) -> None:
    def write(name: str, rows: FloatArray, separator: str) -> None:
        (folder / name).write_text("".join(separator.join(f"{value:g}" for value in row) + "\n" for row in rows))

    if not two_targets:
        return write("groundtruth_rect.txt", boxes, ",")
    write("groundtruth_rect.1.txt", boxes, "\t")
    return write("groundtruth_rect.2.txt", boxes + np.array([3, 5, -2, 4]), "\t")


def paths_of(folder: Path) -> list[str]:
    return sorted(map(str, (folder / "img").iterdir()))


def test_boxes_are_in_the_coordinates_of_the_annotation(otb: Path) -> None:
    truth = path_of_target(0) + ONE_BASED
    boxes, seconds = Got10kTracker(TemplateTracker(), origin=1).track(paths_of(otb / "Deer"), truth[0])
    assert boxes == pytest.approx(truth)
    assert seconds.shape == (FRAMES,) and (seconds > 0).all()


def test_a_image_at_a_time_gives_the_same_boxes(otb: Path) -> None:
    from PIL import Image as PilImage

    truth = path_of_target(0)
    adapter = Got10kTracker(TemplateTracker(), origin=0)
    first, *rest = (PilImage.open(path) for path in paths_of(otb / "Deer"))
    adapter.init(first, truth[0])
    assert np.array([adapter.update(pil_image) for pil_image in rest]) == pytest.approx(truth[1:])


def test_images_of_every_kind_become_bgr(otb: Path, tmp_path: Path) -> None:
    from PIL import Image as PilImage

    bgr = draw_frame(3, path_of_target(3)[0])
    path = tmp_path / "one.png"
    assert cv2.imwrite(str(path), bgr)
    pil_image = PilImage.open(path)
    for image in (path, str(path), pil_image, np.asarray(pil_image), pil_image.convert("RGBA")):
        assert np.array_equal(read_toolkit_image(image), bgr)
    grey = read_toolkit_image(pil_image.convert("L"))
    assert grey.shape == (HEIGHT, WIDTH, 3) and np.array_equal(grey[:, :, 0], grey[:, :, 2])
    assert np.array_equal(read_toolkit_image(np.asarray(pil_image.convert("L"))), grey)
    with pytest.raises(SourceError, match="absent"):
        read_toolkit_image(tmp_path / "absent.png")


def test_its_name_is_the_trackers_or_another() -> None:
    assert Got10kTracker(TemplateTracker(), origin=0).name == "template"
    assert Got10kTracker(TemplateTracker(), origin=0, name="mine").name == "mine"
    with pytest.raises(InputError, match="not \\(2, 2\\)"):
        Got10kTracker(TemplateTracker(), origin=2)


@pytest.mark.got10k_toolkit
@pytest.mark.parametrize("make", [TemplateTracker, DriftingTracker, LosingTracker])
def test_the_toolkits_otb_experiment_gives_our_numbers(
    otb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: type[TemplateTracker]
) -> None:
    pytest.importorskip("got10k", reason="the package got10k is not installed")
    monkeypatch.setenv("MPLBACKEND", "agg")
    from got10k.experiments import ExperimentOTB
    from got10k.experiments import otb as toolkit_otb

    # the toolkit would fetch the 97 other clips, and its table of versions asks for all of them
    monkeypatch.setattr(toolkit_otb.OTB, "_download", lambda self, root_dir, version: None)
    experiment = ExperimentOTB(str(otb), 2015, result_dir=str(tmp_path / "results"), report_dir=str(tmp_path / "out"))
    experiment.run(Got10kTracker(make(), origin=1))
    theirs = experiment.report([make.name])[make.name]

    scores = tmp_path / "scores.json"
    results = tmp_path / "results" / "OTB2015"
    assert main(["score", "otb", "--groundtruth", str(otb), "--results", str(results), "--json", str(scores)]) == 0
    ours = json.loads(scores.read_text())["trackers"][make.name]
    assert ours["sequences"] == len(theirs["seq_wise"]) == 4
    for name, row in {"": theirs["overall"], **theirs["seq_wise"]}.items():
        own = ours["per_sequence"][name.replace(".", "-")] if name else ours
        assert own["success_auc"] == pytest.approx(row["success_score"], abs=1e-6)
        assert own["precision_20"] == pytest.approx(row["precision_score"], abs=1e-6)
        assert own["success_rate_50"] == pytest.approx(row["success_rate"], abs=1e-6)
    assert ours["curves"]["success"] == pytest.approx(theirs["overall"]["success_curve"], abs=1e-6)
    assert ours["curves"]["precision"] == pytest.approx(theirs["overall"]["precision_curve"], abs=1e-6)

    # and tracking by ourselves writes the same boxes
    evaluation = Evaluation(open_benchmark("otb", otb), tmp_path / "own")
    plan = evaluation.plan(Candidate(make.name, make), make())
    evaluation.carry_out(plan, jobs=1)
    for name in theirs["seq_wise"]:
        own_boxes = np.loadtxt(plan.store.result_path(name.replace(".", "-")), delimiter=",")
        assert np.loadtxt(results / make.name / f"{name}.txt", delimiter=",") == pytest.approx(own_boxes, abs=6e-4)


@pytest.mark.got10k_toolkit
@pytest.mark.parametrize("make", [DriftingTracker, LosingTracker])
def test_the_toolkits_own_experiment_gives_our_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: type[TemplateTracker]
) -> None:
    pytest.importorskip("got10k", reason="the package got10k is not installed")
    monkeypatch.setenv("MPLBACKEND", "agg")
    from got10k.experiments import ExperimentGOT10k

    root, names = tmp_path / "GOT-10k", ("GOT-10k_Val_000001", "GOT-10k_Val_000002")
    make_got10k(root / "val", names, [8, 8, 3, 0, 0, *[8] * (FRAMES - 5)])
    for name in names:
        folder = root / "val" / name
        for pil_image in folder.glob("*.png"):  # the toolkit looks for .jpg; the content tells what it is
            pil_image.rename(pil_image.with_suffix(".jpg"))
        (folder / "meta_info.ini").write_text(f"[METAINFO]\nresolution: ({WIDTH}, {HEIGHT})\n")
        (folder / "cut_by_image.label").write_text("0\n" * FRAMES)
    experiment = ExperimentGOT10k(str(root), "val", result_dir=str(tmp_path / "results"), report_dir=str(tmp_path))
    experiment.run(Got10kTracker(make(), origin=0))
    theirs = experiment.report([make.name])[make.name]["overall"]

    evaluation = Evaluation(open_benchmark("got10k", root), tmp_path / "own")
    plan = evaluation.plan(Candidate(make.name, make), make())
    evaluation.carry_out(plan, jobs=1)
    ours = evaluation.score(plan.store).to_json()
    assert ours["average_overlap"] == pytest.approx(theirs["ao"], abs=1e-4)  # their files have three decimals
    assert ours["success_rate_50"] == pytest.approx(theirs["sr"], abs=1e-6)
