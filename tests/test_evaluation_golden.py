"""Scores of published result files: an extract of SiamTri on OTB and of DaSiamRPN and SiamAPN++ on VOT2018.

The numbers per OTB sequence are those that the benchmark's published analysis gives; failures are the lines "2". Means
and the supervised numbers were computed from the extract by the code that gives the official analysis on all of
VOT2018 (EAO 0.3827 and 0.2680).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracker_core.cli.main import main

DATA = Path(__file__).parent / "data" / "evaluation"
OTB = {  # success AUC, precision at 20 pixels
    "Crossing": (0.7524, 1.0),
    "Deer": (0.7431, 1.0),
    "Jogging": (0.6876, 0.9805),
    "Matrix": (0.2476, 0.35),
    "Skiing": (0.0888, 0.1358),
}
VOT = {  # EAO, accuracy, robustness, failures
    "DaSiamRPN": (0.19294, 0.580651, 1.424051, 9),
    "SiamAPN++": (0.159355, 0.621638, 1.740506, 11),
}
NUMBERS = ("eao", "accuracy", "robustness", "failures")


def score(tmp_path: Path, protocol: str, *more: str) -> dict[str, dict]:
    out = tmp_path / "scores.json"
    truth, results = DATA / protocol / "groundtruth.json", DATA / protocol
    arguments = ["score", protocol, "--groundtruth", str(truth), "--results", str(results), "--json", str(out)]
    assert main([*arguments, *more]) == 0
    return json.loads(out.read_text())["trackers"]


def test_one_pass_numbers_are_the_published_ones(tmp_path: Path) -> None:
    found = score(tmp_path, "otb")["SiamTri"]
    each = found["per_sequence"]
    assert set(each) == set(OTB)
    for name, (auc, precision) in OTB.items():
        assert each[name]["success_auc"] == pytest.approx(auc, abs=6e-5)
        assert each[name]["precision_20"] == pytest.approx(precision, abs=6e-5)
    # every sequence counts alike, however long it is
    assert found["success_auc"] == pytest.approx(sum(auc for auc, _ in OTB.values()) / 5, abs=1e-4)
    assert found["precision_20"] == pytest.approx(sum(precision for _, precision in OTB.values()) / 5, abs=1e-4)
    assert len(found["curves"]["success"]) == 21 and len(found["curves"]["precision"]) == 51
    assert found["complete"] is False  # five clips are not all of OTB


def test_a_finer_curve_changes_the_area_a_little(tmp_path: Path) -> None:
    coarse, fine = score(tmp_path, "otb"), score(tmp_path, "otb", "--thresholds", "101")
    assert len(fine["SiamTri"]["curves"]["success"]) == 101
    difference = fine["SiamTri"]["success_auc"] - coarse["SiamTri"]["success_auc"]
    assert 0 < abs(difference) < 0.01
    assert fine["SiamTri"]["precision_20"] == coarse["SiamTri"]["precision_20"]


def test_supervised_numbers(tmp_path: Path) -> None:
    found = score(tmp_path, "vot")
    for tracker, expected in VOT.items():
        assert [found[tracker][key] for key in NUMBERS] == pytest.approx(expected, abs=2e-5)
        lines = [path.read_text().split() for path in (DATA / "vot" / tracker).rglob("*_001.txt")]
        assert found[tracker]["failures"] == sum(part.count("2") for part in lines)
        frames = sum(map(len, lines))
        assert found[tracker]["robustness"] == pytest.approx(100 * found[tracker]["failures"] / frames, abs=1e-5)


def test_attributes_come_from_the_frames(tmp_path: Path) -> None:
    attributes = score(tmp_path, "vot")["DaSiamRPN"]["attributes"]
    assert attributes["occlusion"]["failures"] == 4
    assert attributes["illum_change"]["failures"] == 0
    assert attributes["camera_motion"]["accuracy"] == pytest.approx(0.332742, abs=2e-5)


def test_another_year_has_another_interval(tmp_path: Path) -> None:
    of_2018, of_2019 = score(tmp_path, "vot"), score(tmp_path, "vot", "--year", "2019")
    assert of_2019["DaSiamRPN"]["eao_interval"] == [46, 291]
    # shorter runs count, in which there is less time to fail
    assert of_2019["DaSiamRPN"]["eao"] > of_2018["DaSiamRPN"]["eao"]


@pytest.mark.parametrize(
    ("separator", "ending"),
    [
        ("\t", "\n"),  # tabs, as in the benchmark's own files
        (" ", "\n"),  # blanks
        ("   ", "\r\n"),  # padded columns from Windows
        (";", "\n"),  # semicolons
        (", ", "\n\n"),  # a comma and a blank; blank lines only at the end
    ],
)
def test_separators_do_not_matter(tmp_path: Path, separator: str, ending: str) -> None:
    expected = score(tmp_path, "otb")["SiamTri"]
    folder = tmp_path / "results" / "SiamTri"
    folder.mkdir(parents=True)
    for path in (DATA / "otb" / "SiamTri").glob("*.txt"):
        lines = [line.replace(",", separator) for line in path.read_text().split()]
        newline = ending if ending == "\r\n" else "\n"
        (folder / path.name).write_bytes((newline.join(lines) + ending).encode())
    out = tmp_path / "again.json"
    truth = DATA / "otb" / "groundtruth.json"
    assert main(["score", "otb", "--groundtruth", str(truth), "--results", str(folder), "--json", str(out)]) == 0
    found = json.loads(out.read_text())["trackers"]["SiamTri"]
    assert found["success_auc"] == expected["success_auc"]


@pytest.mark.parametrize("name", ["Jogging-1", "Jogging.1", "Jogging_1", "jogging"])
def test_names_of_numbered_targets_are_understood(tmp_path: Path, name: str) -> None:
    """One target is in the ground truth: the result that begins on its box is its, whatever number it has."""
    folder = tmp_path / "Somebody"
    folder.mkdir()
    text = (DATA / "otb/SiamTri/Jogging.txt").read_text()
    (folder / f"{name}.txt").write_text(text)
    moved = [f"{float(line.split(',')[0]) - 150},{line.split(',', 1)[1]}" for line in text.split()]
    (folder / "Jogging-2.txt").write_text("\n".join(moved))  # the other runner
    out = tmp_path / "scores.json"
    truth = DATA / "otb" / "groundtruth.json"
    assert main(["score", "otb", "--groundtruth", str(truth), "--results", str(folder), "--json", str(out)]) == 0
    found = json.loads(out.read_text())["trackers"]["Somebody"]
    assert found["per_sequence"]["Jogging"]["success_auc"] == pytest.approx(OTB["Jogging"][0], abs=6e-5)
    assert found["remarks"]["unknown"] == ["Jogging-2"]


def test_a_result_without_a_number_is_the_target_it_begins_on(tmp_path: Path) -> None:
    truth = json.loads((DATA / "otb" / "groundtruth.json").read_text())
    boxes = truth["Jogging"]["groundtruth_rect"]
    other = [[x - 150, y, w, h] for x, y, w, h in boxes]
    named = {"Jogging-1": {"groundtruth_rect": other}, "Jogging-2": {"groundtruth_rect": boxes}}
    (tmp_path / "truth.json").write_text(json.dumps(named))
    out = tmp_path / "scores.json"
    results = DATA / "otb" / "SiamTri"
    arguments = ["score", "otb", "--groundtruth", str(tmp_path / "truth.json"), "--results", str(results)]
    assert main([*arguments, "--json", str(out)]) == 0
    found = json.loads(out.read_text())["trackers"]["SiamTri"]
    assert list(found["per_sequence"]) == ["Jogging-2"] and found["remarks"]["missing"] == ["Jogging-1"]
    assert found["success_auc"] == pytest.approx(OTB["Jogging"][0], abs=6e-5)
