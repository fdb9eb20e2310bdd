"""Long-term evaluation: numbers worked out by hand, VOT's files, and trackers that know when the target is away."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_sequences import TemplateTracker, make_vot, path_of_target
from test_evaluation_runs import evaluate

from tracker_core.cli.main import main
from tracker_core.errors import DataSetError, InputError
from tracker_core.evaluation.benchmarks import open_benchmark
from tracker_core.evaluation.detections import SequenceDetections, choose_thresholds, detect, summarise_detections
from tracker_core.evaluation.protocols import LongTerm
from tracker_core.evaluation.protocols.long_term import read_scores
from tracker_core.evaluation.runner import Evaluation
from tracker_core.types import FloatArray, Image, TrackResult

NAN = float("nan")
# the start; found; half; away, though the tracker says 0.3; half
PART = SequenceDetections("one", np.array([0, 1, 0.5, 0, 0.5]), np.array([NAN, 0.9, 0.8, 0.3, 0.6]), visible=4)


def test_numbers_worked_out_by_hand() -> None:
    curves = summarise_detections([PART])
    assert curves.thresholds.tolist() == [np.inf, 0.9, 0.8, 0.6, 0.3, -np.inf]
    assert curves.precision == pytest.approx([1, 1, 1.5 / 2, 2 / 3, 2 / 4, 2 / 4])
    # four frames show the target, that of the start among them
    assert curves.recall == pytest.approx([0, 1 / 4, 1.5 / 4, 2 / 4, 2 / 4, 2 / 4])
    assert curves.f_score[3] == pytest.approx(2 * (2 / 3) * 0.5 / (2 / 3 + 0.5))
    assert curves.best == 3


def test_sequences_count_alike_at_common_thresholds() -> None:
    # says nothing above 0.7: at 0.8 its precision is 1 and its recall 0
    other = SequenceDetections("two", np.array([0, 1.0]), np.array([NAN, 0.7]), visible=2)
    curves = summarise_detections([PART, other])
    assert curves.thresholds.tolist() == [np.inf, 0.9, 0.8, 0.7, 0.6, 0.3, -np.inf]
    assert curves.precision[2] == pytest.approx((1.5 / 2 + 1) / 2)
    assert curves.recall[2] == pytest.approx((1.5 / 4 + 0) / 2)
    assert curves.recall[3] == pytest.approx((1.5 / 4 + 1 / 2) / 2)


def test_many_scores_become_a_hundred_thresholds() -> None:
    thresholds = choose_thresholds(np.linspace(0, 1, 1001))
    assert len(thresholds) == 100
    assert (thresholds[0], thresholds[-1]) == (np.inf, -np.inf)
    assert (np.diff(thresholds) <= 0).all()
    assert np.diff(thresholds[1:-1]) == pytest.approx(-981 / 97 / 1000, abs=1.1e-3)  # equal parts


@pytest.mark.parametrize(
    ("box", "truth", "size", "overlap"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), None, 1),
        ((0, 0, 10, 10), (NAN,) * 4, None, 0),  # the target is away
        ((NAN,) * 4, (0, 0, 10, 10), None, 0),  # the tracker says nothing
        ((-10, 0, 20, 10), (0, 0, 10, 10), None, 0.5),
        ((-10, 0, 20, 10), (0, 0, 10, 10), (100, 100), 1),  # outside the image nothing counts
    ],
)
def test_overlap_of_a_frame(
    box: tuple[float, ...], truth: tuple[float, ...], size: tuple[int, int] | None, overlap: float
) -> None:
    part = detect("one", np.array([box]), np.array([0.5]), np.array([truth], np.float64), size)
    assert part.overlaps == pytest.approx([overlap])
    assert part.visible == int(np.isfinite(truth[0]))


class Aware(TemplateTracker):
    """Says 0.1 where the target is away (grey noise alone), 0.9 elsewhere."""

    high, low = 0.9, 0.1

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        found = super().update(image, debug=debug)
        score = self.high if np.ptp(image) > 100 else self.low
        return TrackResult(found.box_xywh, score, found.state)


class Unaware(Aware):
    """Is always sure."""

    low = 0.9


def away(root: Path, frames: list[int]) -> Path:
    """Take the target out of frames of the only sequence."""
    folder = make_vot(root, {"ants": 12}, turned=False) / "ants"
    rows = (folder / "groundtruth.txt").read_text().splitlines()
    for index in frames:
        path = str(folder / "color" / f"{index + 1:08d}.png")
        image = cv2.imread(path)
        image[:] = np.random.default_rng(index).integers(105, 115, image.shape)
        cv2.imwrite(path, image)
        rows[index] = "nan,nan,nan,nan"
    (folder / "groundtruth.txt").write_text("\n".join(rows) + "\n")
    return root


def test_a_tracker_that_knows_is_better_than_one_that_does_not(tmp_path: Path) -> None:
    data = away(tmp_path / "data", [5, 6, 7, 8])
    numbers = {}
    for kind in (Aware, Unaware):
        evaluation = Evaluation(open_benchmark("votlt", data), tmp_path / kind.__name__)
        plan, _, failed = evaluate(evaluation, kind)
        assert not failed
        numbers[kind] = evaluation.score(plan.store).to_json()
    # seven of the eight frames that show the target are tracked, the other is that of the start
    assert (numbers[Aware]["precision"], numbers[Aware]["recall"]) == pytest.approx((1, 7 / 8), abs=1e-3)
    assert (numbers[Unaware]["precision"], numbers[Unaware]["recall"]) == pytest.approx((7 / 11, 7 / 8), abs=1e-3)
    assert numbers[Aware]["threshold"] == pytest.approx(0.9)


def test_scoring_the_files_gives_what_running_gave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A box that reaches out of the image by as much as it lies inside is cut at the border by both commands."""
    data = away(tmp_path / "data", [5])
    evaluation = Evaluation(open_benchmark("votlt", data), tmp_path / "results")
    evaluate(evaluation, Aware)
    path = evaluation.folder / "template" / "longterm" / "ants" / "ants_001.txt"
    lines = path.read_text().splitlines()
    truth = (data / "ants" / "groundtruth.txt").read_text().splitlines()
    truth[3], lines[3] = "0,10,20,10", "-20,10,40,10"
    path.write_text("\n".join(lines) + "\n")
    (data / "ants" / "groundtruth.txt").write_text("\n".join(truth) + "\n")
    monkeypatch.chdir(tmp_path)
    assert main(["score", "votlt", "--groundtruth", "data", "--results", "results/votlt", "--json", "s.json"]) == 0
    (found,) = json.loads(Path("s.json").read_text())["trackers"].values()
    # ten frames are tracked without a fault, of the eleven that show the target
    assert (found["precision"], found["recall"]) == pytest.approx((1, 10 / 11), abs=1e-3)
    assert found["remarks"]["notes"] == {}


def test_the_files_are_those_of_the_vot_toolkit(tmp_path: Path) -> None:
    evaluation = Evaluation(open_benchmark("votlt", away(tmp_path / "data", [5])), tmp_path / "results")
    evaluate(evaluation, Aware)
    path = evaluation.folder / "template" / "longterm" / "ants" / "ants_001.txt"
    lines = path.read_text().splitlines()
    assert lines[0] == "1"
    first: FloatArray = np.array(lines[1].split(","), np.float64)
    assert first == pytest.approx(path_of_target(0)[1], abs=1e-3)
    assert path.with_name("ants_001_confidence.value").read_text().splitlines() == [
        "",
        *["0.9"] * 4,
        "0.1",
        *["0.9"] * 6,
    ]
    assert len(path.with_name("ants_time.txt").read_text().split()) == 12


def test_scores_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs the tracker's score of each frame"):
        read_scores(tmp_path / "none.value")
    (tmp_path / "odd.value").write_text("\n0.5\nhigh\n")
    with pytest.raises(DataSetError, match=r"Line 3 .* is not a number: 'high'"):
        read_scores(tmp_path / "odd.value")


def test_results_of_another_length_are_refused(tmp_path: Path) -> None:
    evaluation = Evaluation(open_benchmark("votlt", make_vot(tmp_path / "data", {"ants": 12})), tmp_path / "results")
    evaluate(evaluation, Aware)
    path = evaluation.folder / "template" / "longterm" / "ants" / "ants_001.txt"
    truth = LongTerm().read_truth(tmp_path / "data")["ants"]
    scores = path.with_name("ants_001_confidence.value")
    scores.write_text("\n0.5\n")
    with pytest.raises(InputError, match=r"confidence\.value' has fewer lines"):
        LongTerm().measure(truth, [path], None)
