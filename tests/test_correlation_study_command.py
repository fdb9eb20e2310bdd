"""`experiment correlation-study` as a user runs it: training, resuming, loading, files, a sentence for each mistake."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from correlation_study_samples import CONFIGS
from evaluation_sequences import make_otb
from training_samples import make_got10k

from tracker_core.checkpoints.weights import load_checkpoint, save_checkpoint
from tracker_core.cli.main import main
from tracker_core.evaluation.baseline import StayingBox
from tracker_core.evaluation.curves import measure_sequence
from tracker_core.evaluation.protocols import OnePass
from tracker_core.evaluation.scoring import Score, keep_common
from tracker_core.experiments.correlation_study.seed_scores import Spread, summarise

NET = """
tracker:
  name: siamfc-small
  network: {{kind: siamfc, backbone: mobilenetv3, width: {width}}}
  anchors: {{style: none, stride: 8}}
  tracking: {{exemplar_size: 127, search_size: 255, scale_count: {scales}}}
data:
  sets:
    - {{layout: got10k, root: train}}
pairs: {{augment: {{shift: {shift}}}}}
loop: {{trunk_factor: 0.0, release_step: 1000000, warmup: 1, workers: 0, learning_rate: 1.0e-3}}
"""
EXPERIMENT = """
trackers: {narrow: narrow.yaml, wide: wide.yaml}
seeds: [0, 1]
training:
  loop: {steps: 2, batch: 2, threads: 1, log_every: 1, tensorboard: false, initial: "trunk:siamscope-light"}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with training data, a benchmark of two short sequences and an experiment of two small nets."""
    folder = tmp_path_factory.mktemp("correlation_study")
    make_got10k(folder / "data" / "train", clips=2)
    make_otb(folder / "otb", {"one": 6, "two": 8})
    (folder / "narrow.yaml").write_text(NET.format(width=0.25, scales=1, shift=20))
    (folder / "wide.yaml").write_text(NET.format(width=0.5, scales=3, shift=30))
    (folder / "correlation_study.yaml").write_text(EXPERIMENT)
    return folder


@pytest.fixture(scope="module")
def command(place: Path) -> Callable[..., list[str]]:
    def arguments(out: str, *more: str, data: bool = True, benchmark: bool = True) -> list[str]:
        options = [word for word in more if "=" not in word]
        overrides = [word for word in more if "=" in word]
        if data:
            overrides.append(f"training.data.root={place / 'data'}")
        if benchmark:
            overrides.append(f"benchmark.root={place / 'otb'}")
        return [
            "experiment", "correlation-study", "--config", str(place / "correlation_study.yaml"),
            "--out", str(place / out), "--device", "cpu", "--runtime", "eager", "--jobs", "1", *options, *overrides,
        ]  # fmt: skip

    return arguments


@pytest.fixture(scope="module")
def finished(place: Path, command: Callable[..., list[str]]) -> Path:
    """Return the folder of an experiment that ran from nothing to the figure."""
    assert main(command("whole", "--progress", "none")) == 0
    return place / "whole"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the report of single runs, which takes longest and has tests of its own."""
    monkeypatch.setattr("tracker_core.cli.experiment_command._write_report", lambda *_: None)


def test_everything_is_trained_evaluated_and_written(finished: Path) -> None:
    for name in ("narrow_0", "narrow_1", "wide_0", "wide_1"):
        checkpoint = load_checkpoint(finished / "runs" / name / "last.safetensors")
        assert checkpoint.facts["training_step"] == "2"
    names = {path.name for path in (finished / "results" / "otb").iterdir()}
    assert names == {"narrow_0", "narrow_1", "wide_0", "wide_1", "staying-box"}
    figures = ("correlation_study.png", "correlation_study.pdf")
    for name in (*figures, "results.md", "results.csv", "results.json", "report/report.html"):
        assert (finished / name).stat().st_size > 500, name
    found = json.loads((finished / "results.json").read_text())
    assert found["sequences"] == ["one", "two"] and list(found["trackers"]) == ["narrow", "wide", "staying-box"]
    narrow, still = found["trackers"]["narrow"], found["trackers"]["staying-box"]
    assert narrow["seeds"] == ["seed 0", "seed 1"] and narrow["training_pairs"] == 4
    success = narrow["success_auc"]
    assert success["low"] <= success["mean"] <= success["high"] and success["deviation"] is not None
    gain = success["mean"] - still["success_auc"]["mean"]
    assert narrow["gain_over_baseline"]["mean"] == pytest.approx(gain, abs=1e-5)
    assert still["gain_over_baseline"] is None and "fps" not in still
    # what is not alike is named, what must differ between trackers is not
    assert found["differences"] == {
        "pairs.augment.shift": {"narrow": 20.0, "wide": 30.0}, "tracker.network.width": {"narrow": 0.25, "wide": 0.5}
    }  # fmt: skip
    with (finished / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["success_auc_mean"]) == pytest.approx(success["mean"])
    page = (finished / "results.md").read_text()
    assert "| narrow | seed 0, seed 1 |" in page and "pairs.augment.shift" in page and "correlation_study.png" in page


def test_what_is_finished_is_not_done_again(
    quick: None, finished: Path, command: Callable[..., list[str]], capsys: pytest.CaptureFixture
) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*_0/*") if path.is_file()}
    page = (finished / "results.md").read_text()
    assert main(command("whole", "--progress", "json")) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["finished"] for event in events if event["event"] == "run"] == [True] * 4
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (finished / "results.md").read_text() == page


def test_a_stopped_run_goes_on_to_the_same_weights(
    quick: None, place: Path, finished: Path, command: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracker_core.training.interrupt import StopRequest
    from tracker_core.training.loop import Trainer

    whole = Trainer.train_step

    def stop_after(self: Trainer, batch: object) -> dict[str, float]:
        self.stop.signal_number = 2  # as Ctrl-C sets it
        return whole(self, batch)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "train_step", stop_after)
        assert main(command("parts", "--progress", "none", "only=[narrow]", "seeds=[1]")) == StopRequest().exit_code + 2
    assert load_checkpoint(place / "parts/runs/narrow_1/last.safetensors").facts["training_step"] == "1"
    assert main(command("parts", "--progress", "none", "only=[narrow]", "seeds=[1]")) == 0
    parts, once = (load_checkpoint(at / "runs/narrow_1/last.safetensors").state for at in (place / "parts", finished))
    assert all(bool((parts[name] == once[name]).all()) for name in once)


def test_trained_runs_are_loaded_from_their_folder(
    quick: None, place: Path, finished: Path, command: Callable[..., list[str]]
) -> None:
    assert main(command("loaded", "--load", str(finished / "runs"), "--progress", "none", data=False)) == 0
    ours, theirs = (json.loads((at / "results.json").read_text()) for at in (place / "loaded", finished))
    assert not (place / "loaded" / "runs").exists()
    for name in ("narrow", "wide"):
        assert ours["trackers"][name]["success_auc"] == theirs["trackers"][name]["success_auc"]


def test_weights_that_ship_are_loaded_by_their_name(
    quick: None, place: Path, finished: Path, command: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = load_checkpoint(finished / "runs/wide_1/last.safetensors")
    facts = {"training_pairs": "24000"}
    save_checkpoint(place / "weights" / "siamfc-small.safetensors", checkpoint.state, checkpoint.config, facts)
    monkeypatch.setattr("tracker_core.checkpoints.weights.weights_folders", lambda: [place / "weights"])
    words = ("--load", "shipped", "--progress", "none", "only=[wide]")
    assert main(command("shipped", *words, data=False)) == 0
    ours, theirs = (json.loads((at / "results.json").read_text()) for at in (place / "shipped", finished))
    wide = ours["trackers"]["wide"]
    assert wide["seeds"] == ["as shipped"] and wide["training_pairs"] == 24000
    assert wide["success_auc"]["deviation"] is None
    spread = theirs["trackers"]["wide"]["success_auc"]
    assert wide["success_auc"]["mean"] in (pytest.approx(spread["low"]), pytest.approx(spread["high"]))


def test_runs_of_different_lengths_are_told(
    quick: None, place: Path, finished: Path, command: Callable[..., list[str]]
) -> None:
    runs = place / "uneven"
    for name in ("narrow_0", "wide_0"):
        checkpoint = load_checkpoint(finished / "runs" / name / "last.safetensors")
        pairs = "4" if name == "narrow_0" else "400"
        save_checkpoint(
            runs / name / "last.safetensors", checkpoint.state, checkpoint.config, {"training_pairs": pairs}
        )
    assert main(command("told", "--load", str(runs), "--progress", "none", "seeds=[0]", data=False)) == 0
    page = (place / "told" / "results.md").read_text()
    assert "Not trained on the same number of pairs: narrow_0 4, wide_0 400." in page


# (what is wrong, part of the sentence)
@pytest.mark.parametrize(
    ("more", "without", "sentence"),
    [
        ((), "data", "training.data.root is empty"),
        ((), "benchmark", "benchmark.root is empty"),
        (("benchmark.root=nowhere",), "benchmark", "nowhere"),
        (("training.data.root=nowhere",), "data", "nowhere"),
        (("benchmark.name=vot",), "", "supervised"),
        (("benchmark.name=got10",), "", "Did you mean 'got10k'"),
        (("benchmark.sequences=[onne]",), "", "Did you mean 'one'"),
        (("only=[narow]",), "", "Did you mean 'narrow'"),
        (("seeds=[]",), "", "seeds is []"),
        (("seeds=[1,1]",), "", "different numbers"),
        (("seed=[1]",), "", "Did you mean 'seeds'"),
        (("training.loop.bach=2",), "", "Did you mean 'batch'"),
        (("training.loop.initial=''",), "", "frozen, but starts at random"),
        (("training.loop.initial=trunk:nobody",), "", "no weights called 'nobody'"),
        (("training.loop.learning_rate=0.5",), "", "was begun with other values (loop.learning_rate)"),
        (("trackers.narrow=gone.yaml",), "", "gone.yaml"),
        (("--load", "nowhere"), "data", "There are no weights of 'narrow_0'"),
        (("--load", "shipped", "training.data.root=x"), "data", "siamfc-small"),
    ],
)
def test_each_mistake_is_one_sentence_before_any_work(
    more: tuple[str, ...],
    without: str,
    sentence: str,
    finished: Path,
    command: Callable[..., list[str]],
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tracker_core.checkpoints.weights.weights_folders", lambda: [CONFIGS / "none"])
    if "initial" not in "".join(more):
        monkeypatch.setattr("tracker_core.cli.experiment_command._evaluate", lambda *_: pytest.fail("was evaluated"))
    out = "whole" if "learning_rate" in "".join(more) else "wrong"
    assert (
        main(command(out, *more, "--progress", "none", data=without != "data", benchmark=without != "benchmark")) == 2
    )
    told = capsys.readouterr().err
    assert sentence in " ".join(told.split()) and told.count("Error:") == 1 and "Traceback" not in told


def test_weights_of_another_tracker_are_refused(
    place: Path, finished: Path, command: Callable[..., list[str]], capsys: pytest.CaptureFixture
) -> None:
    checkpoint = load_checkpoint(finished / "runs/narrow_0/last.safetensors")
    other = place / "others" / "narrow_0" / "last.safetensors"
    save_checkpoint(other, checkpoint.state, {**checkpoint.config, "name": "another"}, {})
    assert main(command("x", "--load", str(place / "others"), "seeds=[0]", "only=[narrow]", data=False)) == 2
    assert "are of 'another', not of 'siamfc-small'" in " ".join(capsys.readouterr().err.split())


def score(tracker: str, offsets: dict[str, float]) -> Score:
    """Return the score of boxes 20 × 20 that lie `offset` pixels beside the truth, by sequence."""
    truth = np.tile([10.0, 10.0, 20.0, 20.0], (5, 1))
    parts = tuple(
        measure_sequence(name, truth + np.array([offset, 0, 0, 0]), truth) for name, offset in offsets.items()
    )
    return Score(OnePass(), tracker, parts, len(parts))


def test_mean_spread_and_gain_by_hand() -> None:
    still = score("still", {"a": 30.0, "b": 10.0})  # overlaps 0 and 1/3
    summary = summarise("net", {"seed 0": score("net_0", {"a": 0.0, "b": 10.0}), "seed 1": still}, still)
    # overlap 1 is above 20 of 21 thresholds, 1/3 above 7 (0 to 0.3); the mean of two sequences
    first, second = (20 / 21 + 7 / 21) / 2, (0 + 7 / 21) / 2
    spread = summary.spreads["success_auc"]
    assert (spread.high, spread.low) == pytest.approx((first, second), abs=1e-6)
    assert spread.mean == pytest.approx((first + second) / 2, abs=1e-6)
    assert spread.deviation == pytest.approx((first - second) / math.sqrt(2), abs=1e-6)
    assert summary.gain is not None
    # on a: half of 20/21, as one of two seeds; on b nothing
    assert summary.gain.mean == pytest.approx(20 / 21 / 4)
    assert summary.gain.standard_error == pytest.approx(20 / 21 / 4)  # of two values, 0 and 20/42
    assert summary.gain.sequences_won == 1 and not summary.gain.is_clear
    np.testing.assert_allclose(summary.bands["success"][1], score("x", {"a": 0.0, "b": 10.0}).overall.success)


def test_one_seed_has_no_deviation() -> None:
    assert math.isnan(Spread.of([0.5]).deviation) and Spread.of([0.5]).low == 0.5


def test_only_sequences_of_all_runs_count() -> None:
    kept = keep_common([score("x", {"a": 0.0, "b": 1.0}), score("y", {"b": 0.0, "c": 1.0})])
    assert [[part.name for part in one.sequences] for one in kept] == [["b"], ["b"]]


def test_the_baseline_stays() -> None:
    tracker = StayingBox()
    tracker.init(np.zeros((9, 9, 3), np.uint8), np.array([1.0, 2.0, 3.0, 4.0]))
    assert tracker.update(np.ones((9, 9, 3), np.uint8)).box_xywh.tolist() == [1, 2, 3, 4]
