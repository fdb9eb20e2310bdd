"""What is wrong with results or ground truth is named, and never silently part of a mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from evaluation_sequences import make_otb

from tracker_core.cli.main import main

LENGTH = 30
REFUSED = 2


def boxes_of(name: str) -> list[list[float]]:
    return [[20.0 + len(name) + 2 * frame, 30.0 + frame, 24.0, 32.0] for frame in range(LENGTH)]


def lines_of(rows: list[list[float]]) -> list[str]:
    return [",".join(f"{value:g}" for value in row) for row in rows]


@pytest.fixture
def otb(tmp_path: Path) -> Path:
    """Ground truth of three sequences (`truth.json`) and the perfect results of `Good`."""
    truth = {name: {"groundtruth_rect": boxes_of(name)} for name in ("Alpha", "Beta", "Gamma")}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    folder = tmp_path / "results" / "Good"
    folder.mkdir(parents=True)
    for name, entry in truth.items():
        (folder / f"{name}.txt").write_text("\n".join(lines_of(entry["groundtruth_rect"])) + "\n")
    return tmp_path


@pytest.fixture
def vot(tmp_path: Path) -> Path:
    """The same for the supervised protocol; `Good` never fails."""
    truth = {}
    for name in ("ants", "bag"):
        rows = boxes_of(name)
        truth[name] = {"groundtruth": rows, "width": 320, "height": 240}
        folder = tmp_path / "results" / "Good" / "baseline" / name
        folder.mkdir(parents=True)
        (folder / f"{name}_001.txt").write_text("\n".join(["1", *lines_of(rows)[1:]]) + "\n")
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    return tmp_path


def score(folder: Path, protocol: str, *more: str) -> tuple[int, dict]:
    out = folder / "scores.json"
    out.unlink(missing_ok=True)
    arguments = ["score", protocol, "--groundtruth", str(folder / "truth.json"), "--results", str(folder / "results")]
    code = main([*arguments, "--json", str(out), *more])
    return code, json.loads(out.read_text())["trackers"] if out.is_file() else {}


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("\n".join(change(path.read_text().split("\n"))))


def replaced(line: int, text: str) -> Callable[[list[str]], list[str]]:
    return lambda lines: [*lines[:line], text, *lines[line + 1 :]]


def test_what_is_right_is_complete_and_silent(otb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, trackers = score(otb, "otb", "--strict")
    assert code == 0 and trackers["Good"]["complete"] is True
    assert trackers["Good"]["success_auc"] == pytest.approx(20 / 21, abs=1e-6)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: lines[:10], "fewer lines than 'Beta' has frames (10 lines, 30 frames)"),  # cut short
        (
            lambda lines: lines[:4] + lines[3:],
            "more lines than 'Beta' has frames (31 lines, 30 frames)",
        ),  # a line twice
        (replaced(6, "1|2|3|4"), "Line 7 of"),  # another separator in one line
        (lambda lines: [line.replace(",", "|") for line in lines], "is not a list of numbers"),  # in all lines
        (lambda lines: [line.replace(",", ".") for line in lines], "is not a list of numbers"),  # 1.2.3.4
        (replaced(2, "1,2,3"), "Line 3 of"),  # a number too few
        (replaced(0, "x,y,w,h"), "Line 1 of"),  # a heading
        (lambda lines: [], "is empty"),  # an empty file
        (lambda lines: ["", ""], "holds no box"),  # blank lines only
        (lambda lines: ["0.1"] * 30, "Line 1 of"),  # scores instead of boxes
    ],
)
def test_a_result_that_cannot_be_counted_is_left_out_and_named(
    otb: Path, capsys: pytest.CaptureFixture[str], change: Callable[[list[str]], list[str]], told: str
) -> None:
    edit(otb / "results" / "Good" / "Beta.txt", change)
    code, trackers = score(otb, "otb", "--strict")
    found = trackers["Good"]
    assert code == 1 and found["complete"] is False
    assert (found["sequences"], found["sequences_total"]) == (2, 3)
    assert told in found["remarks"]["left_out"]["Beta"] and "Beta.txt" in found["remarks"]["left_out"]["Beta"]
    assert found["success_auc"] == pytest.approx(20 / 21, abs=1e-6)  # the mean of the two that count
    shown = capsys.readouterr().err
    assert "Partial: 2 of 3" in shown and told in shown


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"),  # a byte-order mark, as Windows' Notepad writes it
        lambda text: text.encode("utf-16"),  # PowerShell's > writes UTF-16
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: (text + "\n \n\n").encode(),  # blank lines at the end
        lambda text: text.replace(",", ".50;").replace("\n", ".50\n").replace(".", ",").encode(),  # decimal commas
    ],
)
def test_a_result_is_read_whatever_program_wrote_it(otb: Path, encode: Callable[[str], bytes]) -> None:
    path = otb / "results" / "Good" / "Beta.txt"
    path.write_bytes(encode(path.read_text()))
    code, trackers = score(otb, "otb", "--strict")
    assert code == 0 and trackers["Good"]["per_sequence"]["Beta"]["precision_20"] == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda lines: [*lines[:LENGTH], "1,2,3,4"], 20 / 21),  # pytracking's analysis cuts the end, too
        (lambda lines: [*lines[:LENGTH], lines[LENGTH - 1]], 20 / 21),  # the last one twice
    ],
)
def test_one_line_too_many_at_the_end_is_left_out_and_noted(
    otb: Path, change: Callable[[list[str]], list[str]], expected: float
) -> None:
    edit(otb / "results" / "Good" / "Beta.txt", change)
    code, trackers = score(otb, "otb", "--strict")
    assert code == 0 and trackers["Good"]["per_sequence"]["Beta"]["success_auc"] == pytest.approx(expected, abs=1e-6)
    assert "one line more than frames (31 for 30)" in trackers["Good"]["remarks"]["notes"]["Beta"]


# (clip, lines of a result for the whole clip, first and last line that OTB evaluates); the parts are those of the
# benchmark's configuration, which pytracking and the got10k toolkit repeat, the latter without Tiger1's
OTB_PARTS = [
    ("Tiger1", 354, 5, 354),
    ("David", 770, 299, 770),
    ("Football1", 81, 0, 74),
    ("Freeman3", 500, 0, 460),
    ("Freeman4", 300, 0, 283),
    ("Diving", 231, 0, 215),
    ("BlurCar1", 988, 246, 988),
    ("BlurCar3", 359, 2, 359),
    ("BlurCar4", 397, 17, 397),
]


@pytest.mark.parametrize(("clip", "whole", "first", "last"), OTB_PARTS)
@pytest.mark.parametrize("is_truth_whole", [True, False])
def test_results_on_the_whole_clip_and_on_its_evaluated_part_are_scored_alike(
    tmp_path: Path, clip: str, whole: int, first: int, last: int, is_truth_whole: bool
) -> None:
    rows = [[10.0 + frame % 90, 20.0 + frame % 70, 40.0, 30.0] for frame in range(whole)]
    truth = rows if is_truth_whole else rows[first:last]
    (tmp_path / "truth.json").write_text(json.dumps({clip: {"groundtruth_rect": truth}}))
    for tracker, own in (("Whole", rows), ("Part", rows[first:last])):
        (tmp_path / "results" / tracker).mkdir(parents=True)
        (tmp_path / "results" / tracker / f"{clip}.txt").write_text("\n".join(lines_of(own)))
    _, trackers = score(tmp_path, "otb")
    for found in trackers.values():
        assert found["success_auc"] == pytest.approx(20 / 21, abs=1e-6) and found["per_sequence"][clip]["frames"] == (
            last - first
        )
    assert not trackers["Part"]["remarks"]["notes"] and "OTB evaluates" in trackers["Whole"]["remarks"]["notes"][clip]


@pytest.mark.parametrize(
    "folder",
    ["mytracker", "mytracker_000", "mytracker/default", "mytracker/default_000"],  # with and without the run's number
)
def test_folders_of_pytracking_are_read_with_their_speed(tmp_path: Path, folder: str) -> None:
    rows = boxes_of("Deer")
    (tmp_path / "truth.json").write_text(json.dumps({"Deer": {"groundtruth_rect": rows}}))
    place = tmp_path / "results" / folder
    place.mkdir(parents=True)
    (place / "Deer.txt").write_text("\n".join(line.replace(",", "\t") for line in lines_of(rows)))
    (place / "Deer_time.txt").write_text("0.02\n" * LENGTH)
    for scores in ("object_presence_scores", "all_scores", "confidence"):
        (place / f"Deer_{scores}.txt").write_text("0.9\n" * LENGTH)
    _, trackers = score(tmp_path, "otb")
    assert list(trackers) == [folder] and trackers[folder]["fps"] == pytest.approx(50)
    assert trackers[folder]["remarks"]["unknown"] == []


def test_a_sequence_that_is_called_like_a_file_of_scores_is_a_sequence(otb: Path) -> None:
    truth = {name: {"groundtruth_rect": boxes_of(name)} for name in ("car2_s", "own_score")}
    (otb / "truth.json").write_text(json.dumps(truth))
    for name in truth:
        (otb / "results" / "Good" / f"{name}.txt").write_text("\n".join(lines_of(boxes_of(name))))
    assert set(score(otb, "otb")[1]["Good"]["per_sequence"]) == set(truth)


def test_files_of_matlab_are_refused(otb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (otb / "results" / "Good").iterdir():
        path.rename(path.with_suffix(".mat"))
    assert score(otb, "otb") == (REFUSED, {})
    assert ".mat files cannot be read" in capsys.readouterr().err
    (otb / "truth.mat").write_bytes(b"MATLAB 5.0")
    assert main(["score", "otb", "--groundtruth", str(otb / "truth.mat"), "--results", str(otb)]) == REFUSED
    assert "is a MATLAB file" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["nan,nan,nan,nan", "NaN", "inf,0,10,10", "20,30,nan,32"])
def test_boxes_that_are_no_numbers_count_as_misses_and_are_named(otb: Path, value: str) -> None:
    edit(otb / "results" / "Good" / "Beta.txt", replaced(4, value))
    code, trackers = score(otb, "otb")
    beta, note = trackers["Good"]["per_sequence"]["Beta"], trackers["Good"]["remarks"]["notes"]["Beta"]
    assert code == 0
    assert "1 lines with NaN or infinity (the first is line 5), counted as misses" in note
    assert beta["precision_20"] == pytest.approx(29 / 30, abs=1e-6)
    assert beta["success_auc"] == pytest.approx(20 / 21 * 29 / 30, abs=1e-6)


def test_boxes_without_area_are_named(otb: Path) -> None:
    edit(otb / "results" / "Good" / "Beta.txt", replaced(4, "30,35,0,0"))
    _, trackers = score(otb, "otb")
    assert "1 boxes without area (the first is line 5)" in trackers["Good"]["remarks"]["notes"]["Beta"]
    assert trackers["Good"]["per_sequence"]["Beta"]["success_rate_50"] == pytest.approx(29 / 30, abs=1e-6)


# what stands in the file in place of x, y, w, h; its numbers only look like those of a bad tracker
@pytest.mark.parametrize("other", [
    lambda x, y, w, h: [x, y, x + w, y + h],  # corners
    lambda x, y, w, h: [x + w / 2, y + h / 2, w, h],  # the centre
    lambda x, y, w, h: [x / 320, y / 240, w / 320, h / 240],  # shares of the image
    lambda x, y, w, h: [x + 90, y, w, h],  # another target
])  # fmt: skip
def test_boxes_of_another_form_or_target_are_named(otb: Path, other: Callable[..., list[float]]) -> None:
    path = otb / "results" / "Good" / "Beta.txt"
    path.write_text("\n".join(lines_of([other(*row) for row in boxes_of("Beta")])))
    _, trackers = score(otb, "otb")
    assert "and its ground truth on 24, 30, 24, 32" in trackers["Good"]["remarks"]["notes"]["Beta"]
    assert set(trackers["Good"]["remarks"]["notes"]) == {"Beta"}


def test_a_sequence_that_is_not_in_the_data_set_is_named(otb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (otb / "results" / "Good" / "Delta.txt").write_text("1,2,3,4\n")
    _, trackers = score(otb, "otb")
    assert trackers["Good"]["remarks"]["unknown"] == ["Delta"] and trackers["Good"]["sequences"] == 3
    assert "Not in the data set, so not scored: Delta" in capsys.readouterr().err


def test_missing_results_make_a_partial_score(otb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (otb / "results" / "Good" / "Alpha.txt").unlink()
    code, trackers = score(otb, "otb")
    assert code == 0 and trackers["Good"]["remarks"]["missing"] == ["Alpha"]
    captured = capsys.readouterr()
    assert "2 of 3" in captured.out and "No result file for Alpha" in captured.err


def test_nothing_is_cut_off_a_table_that_goes_into_a_file(otb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (otb / "results" / "Good").rename(otb / "results" / "A-tracker-of-a-name-that-leaves-little-of-eighty-columns")
    score(otb, "otb")
    table = capsys.readouterr().out
    assert "…" not in table and "columns" in table and "3 of 3" in table


def test_results_that_count_from_zero_are_remarked(otb: Path) -> None:
    for path in (otb / "results" / "Good").iterdir():
        rows = np.loadtxt(path, delimiter=",") - [1, 1, 0, 0]
        path.write_text("\n".join(lines_of(rows.tolist())))
    _, trackers = score(otb, "otb")
    assert "count pixels from 0" in trackers["Good"]["remarks"]["notes"]["*"]


@pytest.mark.parametrize("protocol", ["otb", "vot"])
def test_folders_without_results_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], protocol: str) -> None:
    (tmp_path / "truth.json").write_text('{"A": {"groundtruth_rect": [[1, 2, 3, 4]], "groundtruth": [[1, 2, 3, 4]]}}')
    assert score(tmp_path, protocol) == (REFUSED, {})
    assert "no results folder" in capsys.readouterr().err
    (tmp_path / "results").mkdir()
    assert score(tmp_path, protocol) == (REFUSED, {})
    assert "holds no result file" in capsys.readouterr().err
    (tmp_path / "results" / "Somebody").mkdir()
    assert score(tmp_path, protocol) == (REFUSED, {})
    assert "'Somebody'" in capsys.readouterr().err


def test_results_of_another_data_set_are_refused(otb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (otb / "results" / "Good").iterdir():
        path.rename(path.with_name(f"other{path.name}"))
    assert score(otb, "otb") == (REFUSED, {})
    assert "None of the 3 sequences" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not readable JSON"),  # an empty file
        ("[1, 2]", "does not map sequence names"),  # a list
        ("{}", "does not map sequence names"),  # nothing in it
        ('{"A": {"boxes_of_it": []}}', "has no 'groundtruth_rect'"),  # no known key
        ('{"A": {"groundtruth_rect": [[1, 2, 3]]}}', "not rows of four numbers"),  # three numbers
        ('{"A": {"groundtruth_rect": [[1, 2, 3, 4], [1, 2]]}}', "not rows of four numbers"),  # uneven rows
        ('{"A": {"groundtruth_rect": "1,2,3,4"}}', "not rows of four numbers"),  # text
        ('{"A": {"groundtruth_rect": []}}', "not rows of four numbers"),  # no row
    ],
)
def test_ground_truth_that_cannot_be_read_is_refused(
    otb: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    (otb / "truth.json").write_text(text)
    assert score(otb, "otb") == (REFUSED, {})
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("nothing", [None, [None] * 4, [float("nan")] * 4])
def test_ground_truth_that_is_nan_throughout_leaves_its_sequence_out(otb: Path, nothing: object) -> None:
    truth = json.loads((otb / "truth.json").read_text())
    truth["Beta"]["groundtruth_rect"] = [nothing] * LENGTH
    (otb / "truth.json").write_text(json.dumps(truth))
    _, trackers = score(otb, "otb")
    assert "no frame with ground truth" in trackers["Good"]["remarks"]["left_out"]["Beta"]
    assert trackers["Good"]["success_auc"] == pytest.approx(20 / 21, abs=1e-6)


def test_a_start_box_alone_is_not_scored(otb: Path) -> None:
    # the given box overlaps itself: every tracker would reach 20/21 on such a sequence
    truth = json.loads((otb / "truth.json").read_text())
    truth["Beta"]["groundtruth_rect"][1:] = [None] * (LENGTH - 1)
    (otb / "truth.json").write_text(json.dumps(truth))
    _, trackers = score(otb, "otb")
    assert "is a start box alone" in trackers["Good"]["remarks"]["left_out"]["Beta"]


def test_ground_truth_that_is_nan_everywhere_is_refused(otb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = {name: {"groundtruth_rect": [None] * LENGTH} for name in ("Alpha", "Beta", "Gamma")}
    (otb / "truth.json").write_text(json.dumps(truth))
    assert score(otb, "otb") == (REFUSED, {})
    assert "no frame with ground truth" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: lines[:10], "fewer lines"),  # cut short
        (replaced(3, "7"), "Line 4 of"),  # a code that does not exist
        (replaced(3, "1,2,3"), "Line 4 of"),  # neither a box nor a polygon
        (replaced(3, "1 2 x 4"), "Line 4 of"),  # no number
        (lambda lines: [], "is empty"),  # an empty file
    ],
)
def test_supervised_results_that_cannot_be_counted_are_left_out(
    vot: Path, change: Callable[[list[str]], list[str]], told: str
) -> None:
    edit(vot / "results" / "Good" / "baseline" / "bag" / "bag_001.txt", change)
    _, trackers = score(vot, "vot")
    assert told in trackers["Good"]["remarks"]["left_out"]["bag"]
    assert (trackers["Good"]["sequences"], trackers["Good"]["sequences_total"]) == (1, 2)
    assert trackers["Good"]["accuracy"] == pytest.approx(1.0)


def test_supervised_regions_with_nan_overlap_nothing_and_are_named(vot: Path) -> None:
    edit(vot / "results" / "Good" / "baseline" / "bag" / "bag_001.txt", replaced(20, "nan,nan,nan,nan"))
    _, trackers = score(vot, "vot")
    assert "1 regions with NaN" in trackers["Good"]["remarks"]["notes"]["bag"]
    assert trackers["Good"]["per_sequence"]["bag"]["accuracy"] == pytest.approx(19 / 20, abs=1e-6)


def test_a_supervised_result_that_does_not_begin_with_a_start_is_named(vot: Path) -> None:
    edit(vot / "results" / "Good" / "baseline" / "bag" / "bag_001.txt", replaced(0, "22,30,24,32"))
    _, trackers = score(vot, "vot")
    assert "a first line that is not 1" in trackers["Good"]["remarks"]["notes"]["bag"]


def test_runs_too_short_for_the_interval_have_no_eao(vot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, trackers = score(vot, "vot")
    assert trackers["Good"]["eao"] is None and trackers["Good"]["complete"] is False
    captured = capsys.readouterr()
    assert "–" in captured.out and "holds 2 sequences, VOT2018 has 60" in captured.err


def test_image_sizes_that_are_not_known_are_remarked(vot: Path) -> None:
    truth = json.loads((vot / "truth.json").read_text())
    del truth["bag"]["width"]
    (vot / "truth.json").write_text(json.dumps(truth))
    _, trackers = score(vot, "vot")
    assert "image size of bag is not known" in trackers["Good"]["remarks"]["notes"]["*"]


def test_a_misspelt_tracker_is_refused(otb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score(otb, "otb", "--tracker", "Goof") == (REFUSED, {})
    assert "Did you mean 'Good'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--dataset", "otbx", "--root", "."], "Did you mean"),  # a benchmark that does not exist
        (["--dataset", "otb", "--root", "nowhere"], "no data-set folder"),  # a folder that does not
        (["--dataset", "otb", "--root", "."], "No otb sequence"),  # an empty one
        (["--dataset", "vot", "--root", ".", "--year", "1999"], "'1999' is not known"),
        (["--dataset", "otb", "--root", ".", "--thresholds", "7"], "'7' is not known"),
        (["--dataset", "otb", "--root", ".", "--name", "a/b"], "not a folder name"),
        (["--dataset", "otb", "--root", ".", "--tracker", "a", "--tracker", "b", "--name", "c"], "one tracker"),
    ],
)
def test_eval_refuses_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["eval", *arguments]) == REFUSED
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_regions_that_are_absent_do_not_count(vot: Path) -> None:
    truth = json.loads((vot / "truth.json").read_text())
    truth["bag"]["groundtruth"][20] = None
    truth["bag"]["groundtruth"][21] = [None]
    (vot / "truth.json").write_text(json.dumps(truth))
    edit(vot / "results" / "Good" / "baseline" / "bag" / "bag_001.txt", replaced(20, "1,1,5,5"))
    _, trackers = score(vot, "vot")
    assert trackers["Good"]["per_sequence"]["bag"]["accuracy"] == pytest.approx(1.0)


def test_a_result_that_is_no_file_of_text_is_left_out_and_named(otb: Path) -> None:
    folder = otb / "results" / "Good"
    (folder / "Alpha.txt").unlink()
    (folder / "Alpha.txt").mkdir()
    (folder / "Beta.txt").write_bytes(b"\xff\xfe\x00\x01")
    _, trackers = score(otb, "otb")
    told = trackers["Good"]["remarks"]["left_out"]
    assert "Alpha.txt' cannot be read" in told["Alpha"] and "Beta.txt' cannot be read (it is not text)" in told["Beta"]
    assert trackers["Good"]["sequences"] == 1 and trackers["Good"]["success_auc"] == pytest.approx(20 / 21, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--tracker", "siamscope-lihgt"], "Did you mean 'siamscope-light'"),
        (["--jobs", "0"], "--jobs 0 is not possible"),
        (["--weights", "nowhere.safetensors"], "nowhere.safetensors"),
        (["tracking.window_influenze=0.4"], "Did you mean"),
    ],
)
def test_a_slip_about_the_tracker_leaves_no_folder_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    root = make_otb(tmp_path / "data", {"Own": 3})
    out = tmp_path / "results"
    command = ["eval", "--dataset", "otb", "--root", str(root), "--out", str(out), "--device", "cpu", *arguments]
    assert main(command) == REFUSED
    assert told in capsys.readouterr().err
    assert not out.exists()
