"""`train` and `tune` as a user runs them: progress, Ctrl-C, resuming, errors before any work."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import load_file
from training_samples import make_got10k

from tracker_core.cli.main import main
from tracker_core.config.training import TrainingConfig
from tracker_core.errors import ConfigError
from tracker_core.training.config import load_training_config

ROOT = Path(__file__).resolve().parents[1]
TUNED = {"window_influence", "penalty_k", "size_lr", "rival_weight"}
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
TINY = """
tracker:
  network: {kind: light, anchors_per_position: 3}
data:
  sets:
    - {layout: got10k, root: train}
  validation:
    - {layout: got10k, root: val}
loop: {steps: 5, batch: 2, workers: 0, warmup: 1, validate_every: 0, log_every: 1, threads: 1, device: cpu}
"""


def make_tiny(folder: Path, clips: int = 1, frames: int = 4) -> Callable[..., list[str]]:
    """Write a small data set with so many validation clips; return a function that makes the arguments of a run."""
    make_got10k(folder / "train", clips=2)
    make_got10k(folder / "val", clips, frames)
    (folder / "tiny.yaml").write_text(TINY)

    def arguments(out: str, *more: str) -> list[str]:
        overrides = [word for word in more if "=" in word]
        options = [word for word in more if "=" not in word]
        return [
            "train", "--config", str(folder / "tiny.yaml"), "--out", str(folder / out), *options,
            f"data.root={folder}", *overrides,
        ]  # fmt: skip

    return arguments


@pytest.fixture
def tiny(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that makes the arguments of a run on a small data set."""
    return make_tiny(tmp_path)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of `LONG_VALIDATION` that nothing interrupted."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert main(make_tiny(folder, *VALIDATION_SIZE)("whole", "--progress", "none", *LONG_VALIDATION)) == 0
    return folder / "whole"


def json_lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_progress_as_json_lines(tiny: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(tiny("run", "--progress", "json", "loop.validate_every=3")) == 0
    told = json_lines(capsys.readouterr().out)
    validating = [line for line in told if line.get("title") == "Validation"]
    assert [line["step"] for line in validating] == [3, 5] and validating[0]["total"] == 1
    lines = [line for line in told if line not in validating]
    assert [line["event"] for line in lines] == [
        "start", "progress", "progress", "progress", "validation", "progress", "progress", "validation", "end",
    ]  # fmt: skip
    step = lines[1]
    # two validations are to come, then one of known length
    assert step["validations_left"] == 2 and lines[5]["validations_left"] == 0 and lines[5]["eta_s"] > 0
    assert (step["done"], step["total"], step["unit"]) == (1, 5, "steps")
    assert {"total", "cls", "l1", "giou"} <= set(step["loss"]) and step["learning_rate"] > 0
    assert 0 <= lines[4]["figures"]["success_auc"] <= 1 and "sequence/clip0" in lines[4]["figures"]
    assert lines[-1]["step"] == 5 and lines[0]["videos"] == 2
    for name in ("best.safetensors", "last.safetensors", "state.safetensors", "config.yaml"):
        assert (tmp_path / "run" / name).is_file()
    assert list((tmp_path / "run" / "tensorboard").iterdir())
    assert load_training_config(tmp_path / "run" / "config.yaml").loop.steps == 5  # what ran can be run again


def test_a_run_is_not_overwritten_and_nothing_is_not_resumed(
    tiny: Callable[..., list[str]], capsys: pytest.CaptureFixture
) -> None:
    assert main(tiny("run", "--progress", "none", "loop.steps=1")) == 0
    assert main(tiny("run", "--progress", "none")) == 2
    assert "--resume" in capsys.readouterr().err
    assert main(tiny("fresh", "--progress", "none", "--resume")) == 2
    assert "no run to resume" in capsys.readouterr().err


LONG_VALIDATION = ("loop.steps=6", "loop.workers=1", "loop.validate_every=2", "loop.checkpoint_every=3")
VALIDATION_SIZE = (2, 20)  # clips, frames: long enough to be interrupted
FROM_STEP = {"Training": 3, "Validation": 2}  # something is saved by then


def run_until(command: list[str], moment: str, number: int) -> tuple[int, list[dict], str]:
    """Run `train` in a process that gets a signal at its first sign of `moment`; return code, all lines and errors."""
    with subprocess.Popen(
        [sys.executable, "-m", "tracker_core.cli", *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        lines = []
        for line in process.stdout:
            lines.append(json.loads(line))
            if lines[-1].get("title") == moment and lines[-1]["step"] >= FROM_STEP[moment]:
                break
        # the workers too where nothing can be caught, the process alone where it is asked
        os.killpg(process.pid, number) if number == signal.SIGKILL else process.send_signal(number)
        rest, errors = process.communicate(timeout=120)
    return process.returncode, lines + json_lines(rest), errors


# a request in a step, in a validation; the end without any warning in a step, in a validation
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a child alone")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["asked", "killed"])
@pytest.mark.parametrize("moment", ["Training", "Validation"])
def test_interrupted_anywhere_and_resumed_ends_with_the_same_weights(
    uninterrupted: Path, tmp_path: Path, moment: str, number: int, capsys: pytest.CaptureFixture
) -> None:
    command = make_tiny(tmp_path, *VALIDATION_SIZE)("parts", "--progress", "json", *LONG_VALIDATION)
    code, lines, errors = run_until(command, moment, number)
    assert "Traceback" not in errors
    if number == signal.SIGINT:
        assert code == 130, errors
        assert lines[-1]["event"] == "interrupted" and lines[-1]["step"] < 6
        # a validation is broken off; only a step has to be saved first
        stopping = [line["step"] for line in lines if line["event"] == "stopping"]
        assert stopping == ([lines[-1]["step"]] if moment == "Training" else [])
    assert main([*command, "--resume"]) == 0
    resumed = json_lines(capsys.readouterr().out)
    if moment == "Validation":  # nothing of step 2 is lost, and its validation is made up
        assert resumed[0]["step"] == 2
        assert next(line for line in resumed if line["event"] == "validation")["step"] == 2
    for name in ("last", "best"):
        parts, whole = (load_file(run / f"{name}.safetensors") for run in (tmp_path / "parts", uninterrupted))
        assert all((parts[key] == whole[key]).all() for key in whole)
    histories = [json.loads(read_facts(run)["facts"])["history"] for run in (tmp_path / "parts", uninterrupted)]
    assert histories[0] == histories[1] and [entry["step"] for entry in histories[0]] == [2, 4, 6]


def read_facts(folder: Path) -> dict[str, str]:
    with safe_open(folder / "state.safetensors", framework="pt") as file:
        return file.metadata()


# (what is wrong with the arguments, part of the sentence)
@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["loop.bach=3"], "Did you mean 'batch'"),
        (["pairs.augment.colr=1"], "Did you mean 'colour'"),
        (["tracker.tracking.windw_influence=1"], "Did you mean 'window_influence'"),
        (["loop.batch=many"], "loop.batch"),
        (["loop.batch=0"], "loop.batch is 0"),
        (["loss.classification=mine"], "Did you mean 'mined'"),
        (["loss.positive_from=0.2"], "negative_below"),
        (["loss.distill_weight=1"], "loop.teacher"),
        (["tracker.anchors.ratios=[1.0]"], "anchors_per_position"),
        (["tracker.network.kind=ligth"], "Did you mean 'light'"),
        (["pairs.augment.flip_probability=2"], "flip_probability is 2.0, which is outside 0..1"),
        (["data.root=/nowhere/at/all"], "There is no GOT-10k folder"),
        (["data.sets=[]"], "nothing to train on"),
        (["loop.device=gpu"], "There is no device"),
        (["loop.initial=resnet:file"], "neither"),
        (["loop.initial=nanotrack:one.onnx"], "two"),
        (["loop.initial=gone.safetensors"], "There is no weights file"),
    ],
)
def test_a_mistake_is_one_sentence_before_any_work(
    overrides: list[str], sentence: str, tiny: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(tiny("run", "--progress", "none", *overrides)) == 2
    errors = capsys.readouterr().err
    assert sentence in errors.replace("\n", " ") and "Traceback" not in errors
    assert not (tmp_path / "run" / "state.safetensors").exists()


def test_data_with_nothing_usable_stops_before_training(
    tiny: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for path in (tmp_path / "train").glob("*/groundtruth.txt"):
        path.write_text("5,5,-3,0\n" * 5)
    assert main(tiny("run", "--progress", "none")) == 2
    assert "nothing usable" in capsys.readouterr().err


def test_measuring_the_data(tiny: Callable[..., list[str]], capsys: pytest.CaptureFixture, monkeypatch) -> None:
    from tracker_core.training import throughput

    monkeypatch.setattr(throughput, "WARM_UP_S", 0.05)
    monkeypatch.setattr(throughput, "MEASURED_S", 0.2)
    assert main(tiny("run", "--measure-data", "--progress", "json", "pairs.augment.photometric=device")) == 0
    (line,) = json_lines(capsys.readouterr().out)
    assert line["pairs_per_second"] > 1 and line["augmentation_ms_per_batch"] > 0


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_configurations_that_ship_are_valid(path: Path) -> None:
    config = load_training_config(path)
    text = path.read_text()
    assert config.data.root == "" and "data.root=" in text  # no path of anyone's machine
    assert not any(str(value).startswith("/") for entry in config.data.sets for value in entry.values())
    held_out = {name for entry in config.data.validation for name in entry.get("names", [])}
    excluded = {name for entry in config.data.sets for name in entry.get("exclude", [])}
    assert held_out <= excluded  # validation is never trained on


def test_every_field_says_what_it_is_and_every_number_its_range() -> None:
    def visit(config: object) -> None:
        for field in dataclasses.fields(config):  # type: ignore[arg-type]
            value = getattr(config, field.name)
            if dataclasses.is_dataclass(value):
                visit(value)
            elif field.name == "name":
                continue
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                allowed = field.metadata["range"]
                assert allowed.low <= value <= allowed.high and allowed.text.endswith("."), field.name
            else:
                assert field.metadata["text"].endswith("."), field.name

    visit(TrainingConfig())


@pytest.mark.parametrize("key", ["loop.initial", "loop.teacher", "data.root"])
def test_an_empty_value_is_an_empty_text(key: str, tmp_path: Path) -> None:
    section, name = key.split(".")
    (tmp_path / "empty.yaml").write_text(
        f"data: {{sets: [{{layout: got10k}}]}}\n{section}: {{{name}: }}\n"
        if section != "data"
        else "data: {sets: [{layout: got10k}], root: }\n"
    )
    for config in (
        load_training_config(CONFIGS[0], [f"{key}="]),
        load_training_config(tmp_path / "empty.yaml"),
    ):
        assert getattr(getattr(config, section), name) == ""


def test_an_unreadable_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("loop: [1, 2\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_training_config(tmp_path / "bad.yaml")
    with pytest.raises(ConfigError, match="no configuration file"):
        load_training_config(tmp_path / "absent.yaml")


def test_tuning_reports_best_spread_and_writes_yaml(
    tiny: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(tiny("run", "--progress", "none", "loop.steps=1")) == 0
    weights = str(tmp_path / "run" / "last.safetensors")
    common = ["tune", "--weights", weights, "--sequences", str(tmp_path / "val"), "--progress", "none"]
    out, report = tmp_path / "best.yaml", tmp_path / "report.json"
    assert main([*common, "--trials", "3", "--out", str(out), "--json", str(report)]) == 0
    assert "3 trials" not in capsys.readouterr().out  # the start counts: four
    found = json.loads(report.read_text())
    assert len(found["trials"]) == 4 and set(found["tracking"]) == TUNED
    spread = found["spread"]
    assert spread["lowest"] <= spread["median"] <= spread["highest"] == found["best"]["success_auc"]
    assert "window_influence" in out.read_text()
    grid = ["--grid", "2", "--search", "size_lr=0.2:0.6", "--json", str(report)]
    assert main([*common, *grid]) == 0
    assert [trial.get("size_lr") for trial in json.loads(report.read_text())["trials"]] == [None, 0.2, 0.6]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--search", "windw_influence=0:1"], "Did you mean 'window_influence'"),
        (["--search", "size_lr=0.6:0.2"], "empty or outside"),
        (["--search", "size_lr=0.6"], "name=low:high"),
        (["--trials", "0"], "at least 1"),
    ],
)
def test_tuning_mistakes_are_one_sentence(
    options: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    make_got10k(tmp_path, clips=1)
    assert main(["tune", "--sequences", str(tmp_path), *options]) == 2
    assert sentence in capsys.readouterr().err.replace("\n", " ")


def test_a_tracker_of_two_networks_is_trained_one_network_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        "tracker: {name: siamscope-base, network: {kind: fear, backbone: fbnet}}\n"
        "data: {sets: [{layout: got10k, root: DATA}]}\n"
    )
    # the preset's second network is not part of what is trained: the checkpoint could not be loaded with it
    assert load_training_config(file).tracker.second.network.kind == ""
    with pytest.raises(ConfigError, match=r"one network is trained at a time; .*'siamscope weights pair'"):
        load_training_config(file, ["tracker.second.network.kind=fear"])
