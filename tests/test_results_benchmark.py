"""A benchmark's results are runs: their boxes, their frames' files, and the producer that made them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_sources import make_otb

from tracker_core.cli.main import main
from tracker_core.errors import InputError
from tracker_core.evaluation.benchmarks import Benchmark, open_benchmark
from tracker_core.evaluation.result_runs import read_producer, read_result_run
from tracker_core.results.run import BoxOrigin
from tracker_core.results.run_file import load_run, save_run
from tracker_core.trackers.producers import rebuild_tracker


@pytest.fixture
def benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    """Two short sequences that the shipped tracker, with one value changed, was run on."""
    monkeypatch.chdir(tmp_path)
    for name in ("Deer", "Own"):
        make_otb(Path("data") / name, 5)
    code = main(["eval", "--dataset", "otb", "--root", "data", "--tracker", "siamscope-light", "--out", "results",
                 "--device", "cpu", "--jobs", "1", "--progress", "none",
                 "tracking.window_influence=0.37"])  # fmt: skip
    assert code == 0
    return open_benchmark("otb", "data", sequences=["Deer"])


def test_a_result_is_a_run_of_its_own_producer(benchmark: Benchmark) -> None:
    (folder,) = (path for path in Path("results/otb").iterdir() if (path / "Deer.txt").is_file())
    source, run = read_result_run(benchmark, folder, benchmark.infos[0])
    assert source.frame_count == 5 and len(run) == 5
    np.testing.assert_allclose(run.targets[0].boxes_xywh[0], [10, 20, 24, 20])  # 0-based, from a 1-based file
    assert run.file_names == ("0001.png", "0002.png", "0003.png", "0004.png", "0005.png")
    assert run.targets[0].key_frames[0].by is BoxOrigin.GROUND_TRUTH
    assert run.update_times_s[0] == 0 and (run.update_times_s[1:] > 0).all()
    assert run.producer is not None and run.producer.config["tracking"]["window_influence"] == 0.37
    assert rebuild_tracker(run.producer, device="cpu", runtime="eager").config.tracking.window_influence == 0.37
    assert load_run(save_run("run.json", run)).producer == run.producer
    assert (folder / "settings.json").read_text().count('"window_influence"') == 1


def test_older_and_foreign_folders_say_what_they_know(tmp_path: Path) -> None:
    assert read_producer(tmp_path / "ECO").tracker == "ECO"
    folder = tmp_path / "older"
    folder.mkdir()
    (folder / "settings.json").write_text(
        json.dumps({"benchmark": "OTB", "tracker": "light", "configuration": {"name": "light"}, "weights": "ab"})
    )
    producer = read_producer(folder)
    assert (producer.tracker, producer.config) == ("light", {"name": "light"})
    with pytest.raises(InputError, match="do not say with which weights"):
        rebuild_tracker(producer)


@pytest.mark.parametrize("command", [
    ["eval", "--dataset", "otb", "--root", "data"],
    ["score", "otb", "--groundtruth", "data", "--results", "results"],
    ["bench"],
])  # fmt: skip
def test_an_unwritable_summary_is_refused_before_the_work(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main([*command, "--json", str(tmp_path / "file" / "figures.json")]) == 2
    assert f"'{tmp_path / 'file'}' could not be written" in " ".join(capsys.readouterr().err.split())
