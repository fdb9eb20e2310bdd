"""Anyone's result files beside ours: scored by the same rules, under names of their own, in tables to take along."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_sequences import FRAMES, make_otb, path_of_target, write_rows

from tracker_core.cli.main import main
from tracker_core.errors import InputError
from tracker_core.evaluation.benchmarks import open_benchmark
from tracker_core.evaluation.comparison import compare
from tracker_core.evaluation.protocols import OnePass
from tracker_core.evaluation.result_runs import read_result_run
from tracker_core.evaluation.score_tables import rank, tabulate, tabulate_comparison, write_tables

SEQUENCES = {"Alpha": FRAMES, "Jogging": FRAMES}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sequences, perfect results of `mine`, and others' that are off by a third of the target."""
    monkeypatch.chdir(tmp_path)
    root = make_otb(tmp_path / "data", SEQUENCES)
    for seed, name in enumerate(SEQUENCES):
        truth = path_of_target(seed) + np.array([1, 1, 0, 0])
        write_rows(tmp_path / "results" / "otb" / "mine" / f"{name}.txt", truth)
        off = truth + np.array([0, 0, 0, 0]) + np.where(np.arange(FRAMES)[:, None] > 0, [[8, 0, 0, 0]], 0)
        write_rows(tmp_path / "published" / "SiamX" / "default" / f"{name.lower()}.txt", off, "\t")
    return root


def evaluate(root: Path, *more: str) -> int:
    return main(["eval", "--dataset", "otb", "--root", str(root), "--progress", "none", *more])


def trackers(path: str = "scores.json") -> dict[str, Any]:
    return dict(json.loads(Path(path).read_text())["trackers"])


def test_results_that_are_there_are_scored_without_tracking(data: Path) -> None:
    assert evaluate(data, "--only-score", "--json", "scores.json") == 0
    assert list(trackers()) == ["mine"] and trackers()["mine"]["average_overlap"] == 1
    assert not list(Path("results").rglob("settings.json")), "nothing was run"


def test_others_are_scored_beside(data: Path) -> None:
    assert evaluate(data, "--only-score", "--compare", "published", "--json", "scores.json") == 0
    found = trackers()
    assert list(found) == ["mine", "SiamX/default"]
    # 16 pixels wide and moved by 8: a third, in all frames but the first
    assert found["SiamX/default"]["average_overlap"] == pytest.approx((1 + (FRAMES - 1) / 3) / FRAMES, abs=1e-6)


def test_folders_of_one_name_stay_apart(data: Path) -> None:
    Path("other").mkdir()
    Path("published/SiamX/default").rename("other/mine")
    assert evaluate(data, "--only-score", "--compare", "other", "--json", "scores.json") == 0
    assert list(trackers()) == ["otb/mine", "other/mine"]


def test_a_folder_of_something_else_is_named_and_the_rest_scored(data: Path) -> None:
    assert evaluate(data, "--only-score", "--compare", "data", "--json", "scores.json") == 1
    assert list(trackers()) == ["mine"]
    problems = json.loads(Path("scores.json").read_text())["problems"]
    assert len(problems) == 2 and "could be scored" in problems[0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--compare", "nowhere"), "no results folder 'nowhere'"),
        (("--compare", "data/Alpha/img"), "holds no result file"),
        (("--tracker", "min"), "Did you mean 'mine'"),
        (("--table", "scores.doc"), "end it in .csv, .md, .tex"),
    ],
)
def test_what_cannot_be_compared_is_said(
    data: Path, arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(data, "--only-score", *arguments) == 2
    assert sentence in capsys.readouterr().err


def test_without_any_result_it_says_where_they_would_be(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(data, "--only-score", "--out", "empty") == 2
    assert "empty/otb" in capsys.readouterr().err


def test_a_foreign_result_is_looked_at_under_its_own_name(data: Path) -> None:
    benchmark = open_benchmark("otb", data, sequences=["Jogging"])
    source, run = read_result_run(benchmark, Path("published/SiamX/default"), benchmark.infos[0])
    source.close()
    np.testing.assert_allclose(run.targets[0].boxes_xywh[3], path_of_target(1)[3] + [8, 0, 0, 0])
    Path("published/SiamX/default/jogging.txt").unlink()
    with pytest.raises(InputError, match="hold nothing for 'Jogging'"):
        read_result_run(benchmark, Path("published/SiamX/default"), benchmark.infos[0])


def numbers(success: float | None, precision: float) -> dict[str, float | None]:
    return {"success_auc": success, "precision_20": precision}


SCORES = {
    "old_one": {
        **numbers(0.25, 0.5), "sequences": 1, "sequences_total": 2,
        "per_sequence": {"Deer": numbers(0.25, 0.5)}, "attributes": {"FM": numbers(0.25, 0.5)},
    },
    "new": {
        **numbers(0.75, 1.0), "sequences": 2, "sequences_total": 2,
        "per_sequence": {"Deer": numbers(0.5, 1.0), "Car": numbers(1.0, 1.0)}, "attributes": {},
    },
    "none": {**numbers(None, 0.0)},
}  # fmt: skip


def test_tables_hold_trackers_attributes_sequences_and_means(tmp_path: Path) -> None:
    assert rank(OnePass(), SCORES) == ["new", "old_one", "none"]
    assert [table.title for table in tabulate(OnePass(), SCORES)] == ["Trackers", "Attributes", "Sequences"]
    for suffix in ("csv", "md", "tex"):
        write_tables(tmp_path / f"t.{suffix}", OnePass(), SCORES)
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:4] == ["tracker", "sequences", "success_auc", "precision_20"]
    assert rows[1][:4] == ["new", "2", "0.75", "1.0"] and rows[2][:2] == ["old_one", "1 of 2"]
    assert ["Car", "old_one"] in [row[:2] for row in rows], "a sequence that one tracker lacks has an empty line"
    assert [row[:3] for row in rows if row and row[0].startswith("mean")] == [
        ["mean", "new", "0.75"], ["mean of 1 of 2", "old_one", "0.25"], ["mean", "none", ""],
    ]  # fmt: skip
    markdown = (tmp_path / "t.md").read_text()
    assert "| new | 2 | 0.750 | 1.000 |" in markdown and "| FM | old_one | 0.250 |" in markdown
    latex = (tmp_path / "t.tex").read_text()
    assert r"old\_one & 1 of 2 & 0.250 & 0.500" in latex and latex.count(r"\toprule") == 3


def compared(values: dict[str, dict[str, float | None]]) -> dict[str, dict[str, Any]]:
    """Return scores with a success AUC by tracker and sequence."""
    return {
        name: {"per_sequence": {key: {"success_auc": value} for key, value in row.items()}}
        for name, row in values.items()
    }


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        # won four times, lost twice: the mean of four times +0.2 and twice −0.4
        ({**dict.fromkeys("abcd", 0.7), **dict.fromkeys("ef", 0.1)}, (6, 4, 2, 0.0, "a draw")),
        (dict.fromkeys("abcdef", 0.6), (6, 6, 0, 0.1, "better")),  # every draw of sequences has the same mean
        (dict.fromkeys("abcdef", 0.4), (6, 0, 6, -0.1, "worse")),
        (dict.fromkeys("abcdef", 0.5), (6, 0, 0, 0.0, "a draw")),  # equal is neither won nor lost
        (dict.fromkeys("abcde", 0.6), (5, 5, 0, 0.1, "too few")),  # one in 16 does so by tossing coins
        ({"a": 0.7, "b": None}, (1, 1, 0, 0.2, "too few")),
        ({"d": None, "g": 0.9}, (0, 0, 0, None, "too few")),  # none in common
    ],
)
def test_a_tracker_beside_another(theirs: dict[str, float | None], expected: tuple[Any, ...]) -> None:
    scores = compared({"base": dict.fromkeys("abcdef", 0.5), "other": theirs})
    (found,) = compare(OnePass(), scores, "base").others
    mean = None if found.gain is None else pytest.approx(expected[3], abs=1e-9)
    assert (found.common, found.won, found.lost, mean, found.verdict) == (*expected[:3], expected[3], expected[4])


def test_means_by_sequence_are_of_the_same_sequences() -> None:
    """`some` lacks the hard sequence: a mean of its own would put it before `all`, which is better on each."""
    scores = compared({"all": {"easy": 0.9, "hard": 0.3}, "some": {"easy": 0.8}})
    table = tabulate_comparison(compare(OnePass(), scores, "all"))[0]
    assert table.rows[-1] == (("mean of 1 in common",), (pytest.approx(0.9), pytest.approx(0.8)))


def test_a_comparison_is_a_table_by_sequence_and_one_of_gains(data: Path) -> None:
    more = ["--compare", "published", "--against", "mine"]
    for suffix in ("md", "csv", "tex"):
        assert evaluate(data, "--only-score", *more, "--table", f"t.{suffix}") == 0
    third = (1 + (FRAMES - 1) * 7 / 21) / FRAMES  # success AUC of an overlap of a third: 7 of 21 thresholds lie below
    lines = Path("t.md").read_text().splitlines()
    assert "| Sequence | mine | SiamX/default |" in lines
    perfect = 20 / 21  # an overlap of 1 does not exceed the threshold 1
    assert f"| mean | {perfect:.3f} | {third - 1 / 21 / FRAMES:.3f} |" in lines
    assert any(line.startswith("| SiamX/default | too few | 2 | 0 | 2 |") for line in lines)
    assert "won" in Path("t.csv").read_text() and "by sequence" not in Path("t.csv").read_text()
