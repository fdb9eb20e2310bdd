"""The report of one-pass and supervised scores: its files, its page, and that partial results are called partial."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from evaluation_sequences import FRAMES, LosingTracker, make_got10k

from tracker_core.cli.main import main
from tracker_core.errors import InputError
from tracker_core.evaluation.benchmarks import open_benchmark
from tracker_core.evaluation.result_files import find_one_pass_results, gather_results
from tracker_core.evaluation.runner import Candidate, Evaluation

CLIPS = {"David": ("IV", "OCC", "BC"), "Deer": ("FM", "BC"), "Car4": ("IV", "SV"), "Plain": ()}
LENGTH = 40
SVG_LINK = "http://www.w3.org/"


def truth_boxes(clip: str) -> np.ndarray:
    start = 20.0 + 7 * len(clip)
    return np.stack([[start + 2 * frame, start + frame, 30.0, 40.0] for frame in range(LENGTH)])


def write_boxes(path: Path, boxes: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, boxes, fmt="%.3f", delimiter=",")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of the trackers of `otb`, for tests that only read it."""
    folder = tmp_path_factory.mktemp("otb")
    make_otb(folder)
    return report(folder, "otb")


@pytest.fixture
def otb(tmp_path: Path) -> Path:
    """Ground truth of four clips; a good, a worse and a partial tracker."""
    return make_otb(tmp_path)


def make_otb(folder: Path) -> Path:
    """Write what `otb` holds into `folder`."""
    truth = {c: {"groundtruth_rect": truth_boxes(c).tolist(), "attr": list(tags)} for c, tags in CLIPS.items()}
    (folder / "truth.json").write_text(json.dumps(truth))
    for clip in CLIPS:
        drift = np.linspace(0, 1, LENGTH)[:, None] * np.array([[30.0, 0.0, 0.0, 0.0]])
        write_boxes(folder / "results/Good" / f"{clip}.txt", truth_boxes(clip) + drift * 0.1)
        write_boxes(folder / "results/Worse" / f"{clip}.txt", truth_boxes(clip) + drift)
    write_boxes(folder / "results/$Part_1$ & <b>" / "Deer.txt", truth_boxes("Deer"))
    return folder
    return folder


@pytest.fixture
def vot(tmp_path: Path) -> Path:
    """Ground truth of two sequences; one tracker fails once, the other never."""
    truth = {}
    for clip in ("ants1", "bag"):
        boxes = truth_boxes(clip)
        truth[clip] = {"groundtruth": boxes.tolist(), "width": 320, "height": 240}
        truth[clip] |= {tag: [0, 1] * (LENGTH // 2) for tag in ("camera_motion", "occlusion", "size_change")}
        lines = [",".join(f"{value:.2f}" for value in box) for box in boxes]
        steady = ["1", *lines[1:]]
        failing = ["1", *lines[1:15], "2", "0", "0", "0", "0", "1", *lines[21:]]
        for tracker, content in (("Steady", steady), ("Failing", failing)):
            path = tmp_path / "results" / tracker / "baseline" / clip / f"{clip}_001.txt"
            path.parent.mkdir(parents=True)
            path.write_text("\n".join(content) + "\n")
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    return tmp_path


@pytest.fixture
def without_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the drawing out, which takes most of the time, where only tables or the page's texts are looked at."""
    monkeypatch.setattr("matplotlib.figure.Figure.draw_without_rendering", lambda figure: None)
    monkeypatch.setattr("tracker_core.evaluation.report.save_figure", lambda figure, path: None)
    monkeypatch.setattr("tracker_core.evaluation.report.figure_to_svg", lambda figure, name: "<svg></svg>")


def report(folder: Path, dataset: str, *more: str) -> Path:
    """Run the command on a folder of the fixtures and return where it wrote."""
    arguments = ["--dataset", dataset, "--groundtruth", str(folder / "truth.json"), "--out", str(folder / "report")]
    if "--results" not in more:
        arguments += ["--results", str(folder / "results")]
    assert main(["report", *arguments, *more]) == 0
    return folder / "report"


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class PageReader(HTMLParser):
    """Collects the tags, addresses and texts of a page."""

    VOID = frozenset({"meta", "input", "link", "br", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.cells: dict[str, list[list[str]]] = {}
        self.table = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.tags.append(tag)
        self.addresses += [v or "" for k, v in attributes if k in ("src", "href", "xlink:href", "action")]
        if "id" in values:
            self.ids.append(values["id"] or "")
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.table = values["id"] or ""
            self.cells[self.table] = []
        if tag == "tr":
            self.cells[self.table].append([])
        if tag in ("td", "th"):
            self.cells[self.table][-1].append("")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open or "th" in self.open:
            self.cells[self.table][-1][-1] += data


def test_one_pass_report_has_plots_tables_and_a_page(written: Path) -> None:
    out = written
    plots = {"success", "precision", "normalised_precision", "attribute_radar"}
    plots |= {"success_by_attribute", "precision_by_attribute"}
    assert {path.stem for path in out.glob("*.png")} == plots
    assert {path.stem for path in out.glob("*.pdf")} == plots
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in out.glob("*.png"))
    assert all(path.read_bytes().startswith(b"%PDF") for path in out.glob("*.pdf"))
    rows = read_csv(written / "trackers.csv")
    assert [(row["tracker"], row["complete"]) for row in rows] == [
        ("$Part_1$ & <b>", "no"),
        ("Good", "yes"),
        ("Worse", "yes"),
    ]
    assert not list(out.glob(".*"))  # nothing half-written stays behind


def test_numbers_of_the_report_are_those_of_the_score(written: Path, tmp_path: Path) -> None:
    arguments = ["--groundtruth", str(written.parent / "truth.json"), "--results", str(written.parent / "results")]
    assert main(["score", "otb", *arguments, "--json", str(tmp_path / "score.json")]) == 0
    scores = json.loads((tmp_path / "score.json").read_text())["trackers"]
    for row in read_csv(written / "trackers.csv"):
        for key in ("success_auc", "precision_20", "normalised_precision", "success_rate_50"):
            assert float(row[key]) == pytest.approx(scores[row["tracker"]][key], abs=1e-6)
    for row in read_csv(written / "sequences.csv"):
        own = scores[row["tracker"]]["per_sequence"].get(row["sequence"])
        assert row["success_auc"] == ("" if own is None else str(own["success_auc"]))
    good = [float(row["Good"]) for row in read_csv(written / "success_curve.csv")]
    assert np.mean(good) == pytest.approx(scores["Good"]["success_auc"], abs=1e-5)


def test_page_is_one_file_without_addresses_and_well_formed(written: Path) -> None:
    text = (written / "report.html").read_text(encoding="utf-8")
    page = PageReader(text)
    assert all(address.startswith("#") for address in page.addresses)
    assert {"link", "img", "iframe"}.isdisjoint(page.tags)
    # the only addresses are the names of SVG's own vocabulary
    assert all(url.startswith(SVG_LINK) for url in re.findall(r"https?://[^\s\"'<]+", text))
    assert len(page.ids) == len(set(page.ids))
    assert "prefers-color-scheme: dark" in text
    assert "{{" not in text


@pytest.mark.usefixtures("without_images")
def test_page_shows_names_as_they_are(otb: Path) -> None:
    text = (report(otb, "otb", "--title", "</script><script>alert(1)</script>") / "report.html").read_text("utf-8")
    assert "<b>" not in text
    assert text.count("<script") == 2  # the data and the page's own
    page = PageReader(text)
    assert page.cells["overall-table"][1][0].strip() == "$Part_1$ & <b>"


def test_page_has_every_sequence_and_a_dash_where_a_tracker_has_none(written: Path) -> None:
    page = PageReader((written / "report.html").read_text("utf-8"))
    rows = {row[0]: row[1:] for row in page.cells["sequences-table"][1:]}
    assert sorted(rows) == sorted(CLIPS)
    assert rows["David"][0] == "–"
    assert rows["Deer"][0] != "–"
    assert rows["David"][-1] == "IV, OCC, BC"


@pytest.mark.usefixtures("without_images")
@pytest.mark.parametrize("kind", ["trackers.csv", "report.html", "plot"])
def test_partial_results_are_called_partial_everywhere(otb: Path, kind: str) -> None:
    out = report(otb, "otb", "--tracker", "$Part_1$ & <b>")
    if kind == "trackers.csv":
        assert read_csv(out / kind)[0]["complete"] == "no"
    elif kind == "report.html":
        text = (out / kind).read_text("utf-8")
        assert "Partial results." in text
        assert "1 of 4 sequences" in text
    else:
        from tracker_core.evaluation.plot_parts import Look
        from tracker_core.evaluation.plot_style import assign_styles
        from tracker_core.evaluation.plots import SUCCESS, Curve, plot_curves

        line = Curve(np.array([0.0, 1.0]), np.array([1.0, 0.0]), 0.5)
        figure = plot_curves({"T": line}, SUCCESS, "Title", Look(assign_styles("T"), {"T": "1 of 4"}))
        assert "Partial results: 1 of 4 sequences" in figure.axes[0].get_title()


def test_best_number_is_not_that_of_a_partial_tracker(written: Path) -> None:
    text = (written / "report.html").read_text("utf-8")
    table = text[text.index('id="overall-table"') : text.index("</table>")]
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", table)
    assert ["best" in row for row in rows] == [False, True, False]


@pytest.mark.usefixtures("without_images")
def test_common_compares_on_the_same_sequences(otb: Path) -> None:
    rows = read_csv(report(otb, "otb", "--common") / "sequences.csv")
    assert {row["sequence"] for row in rows} == {"Deer"}
    assert {row["complete"] for row in rows} == {"no"}


def test_same_scores_give_the_same_files(written: Path, otb: Path) -> None:
    first = {path.name: path.read_bytes() for path in written.iterdir()}
    out = report(otb, "otb", "--title", written.parent.name)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first


def test_supervised_report_has_plots_tables_and_a_page(vot: Path) -> None:
    out = report(vot, "vot", "--year", "2019")
    plots = {"accuracy_robustness", "expected_overlap", "eao_ranking", "attribute_radar"}
    assert {path.stem for path in out.glob("*.png")} == plots
    rows = {row["tracker"]: row for row in read_csv(out / "trackers.csv")}
    assert (rows["Steady"]["failures"], rows["Failing"]["failures"]) == ("0", "2")
    assert float(rows["Steady"]["accuracy"]) == pytest.approx(1.0, abs=1e-3)
    page = PageReader((out / "report.html").read_text("utf-8"))
    assert [row[0] for row in page.cells["sequences-table"][1:]] == ["ants1", "bag"]


@pytest.mark.usefixtures("without_images")
def test_an_eao_that_is_not_known_is_shown_as_a_dash(vot: Path) -> None:
    # VOT2018's interval begins at 100 frames, and no sequence here is as long
    out = report(vot, "vot")
    page = PageReader((out / "report.html").read_text("utf-8"))
    assert {row[1] for row in page.cells["overall-table"][1:]} == {"–"}
    assert {row["eao"] for row in read_csv(out / "trackers.csv")} == {""}


@pytest.mark.usefixtures("without_images")
def test_trackers_of_one_name_from_two_folders_are_told_apart(otb: Path) -> None:
    other = otb / "other/Good"
    for clip in CLIPS:
        write_boxes(other / f"{clip}.txt", truth_boxes(clip))
    out = report(otb, "otb", "--results", str(otb / "results/Good"), str(other), str(otb / "results/Good"))
    assert [row["tracker"] for row in read_csv(out / "trackers.csv")] == ["other/Good", "results/Good"]


def test_trackers_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    found = []
    for place in ("a/same/T", "b/same/T"):
        write_boxes(tmp_path / place / "Deer.txt", truth_boxes("Deer"))
        found += find_one_pass_results(tmp_path / place)
    with pytest.raises(InputError, match="same/T"):
        gather_results(found)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--tracker", "Goood"], "Did you mean 'Good'"),  # a slip in a name
        (["--results", "nowhere"], "nowhere"),  # no such folder
        (["--title", "x", "--results", "."], "holds no result file"),  # a folder without results
    ],
)
def test_slips_are_named(
    otb: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    named: str,
) -> None:
    empty = otb / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    base = ["report", "--dataset", "otb", "--groundtruth", str(otb / "truth.json"), "--out", str(otb / "report")]
    given = arguments if "--results" in arguments else [*arguments, "--results", str(otb / "results")]
    assert main([*base, *given]) == 2
    assert named in " ".join(capsys.readouterr().err.split())


@pytest.mark.usefixtures("without_images")
def test_ground_truth_that_is_a_part_of_a_benchmark_makes_every_score_partial(tmp_path: Path) -> None:
    clips = ("Deer", "David", "Couple")
    (tmp_path / "truth.json").write_text(json.dumps({c: {"groundtruth_rect": truth_boxes(c).tolist()} for c in clips}))
    for clip in clips:
        write_boxes(tmp_path / "results/All" / f"{clip}.txt", truth_boxes(clip))
    write_boxes(tmp_path / "results/Two/Deer.txt", truth_boxes("Deer"))
    write_boxes(tmp_path / "results/Two/David.txt", truth_boxes("David"))
    out = report(tmp_path, "otb")
    assert {row["complete"] for row in read_csv(out / "trackers.csv")} == {"no"}
    text = (out / "report.html").read_text("utf-8")
    assert "All: 3 of 100 sequences, Two: 2 of 100 sequences" in text
    assert "the ground truth holds 3 of the 98 clips of OTB-100" in text
    table = text[text.index('id="overall-table"') : text.index("</table>")]
    assert "best" not in table  # two sequences are not compared with three


@pytest.mark.usefixtures("without_images")
def test_a_report_counts_the_frames_that_an_evaluation_counts(tmp_path: Path) -> None:
    names, cover = ("GOT-10k_Val_000001", "GOT-10k_Val_000002"), [8, 8, 0, 0, *[8] * (FRAMES - 4)]
    make_got10k(tmp_path / "data" / "val", names, cover)
    evaluation = Evaluation(open_benchmark("got10k", tmp_path / "data"), tmp_path / "results")
    plan = evaluation.plan(Candidate("losing", LosingTracker), LosingTracker())
    evaluation.carry_out(plan, jobs=1)
    out = tmp_path / "report"
    arguments = ["--groundtruth", str(tmp_path / "data"), "--results", str(evaluation.folder), "--out", str(out)]
    assert main(["report", "--dataset", "got10k", *arguments]) == 0
    score = evaluation.score(plan.store).to_json()
    (row,) = read_csv(out / "trackers.csv")
    for key in ("success_auc", "precision_20", "success_rate_50", "average_overlap"):
        assert float(row[key]) == pytest.approx(score[key], abs=1e-6)
    assert row["complete"] == "no"
    assert "2 of the 180 sequences of GOT-10k" in (out / "report.html").read_text("utf-8")


def test_a_comparison_has_a_table_on_the_page_and_two_files(otb: Path, without_images: None) -> None:
    out = report(otb, "otb", "--against", "Good")
    page = (out / "report.html").read_text()
    assert "Success AUC over Good" in page and 'id="gains-table"' in page
    rows = {row[0]: row[1:5] for row in csv.reader((out / "gains.csv").read_text().splitlines())}
    assert rows["tracker"] == ["verdict", "common", "won", "lost"]
    assert rows["Worse"] == ["too few", "4", "0", "4"]
    assert rows["$Part_1$ & <b>"][:2] == ["too few", "1"]
    head, *lines = csv.reader((out / "by_sequence.csv").read_text().splitlines())
    assert head == ["sequence", "Good", "Worse", "$Part_1$ & <b>"] or set(head[1:]) == set(rows) - {"tracker"} | {
        "Good"
    }
    assert [line[0] for line in lines] == ["Car4", "David", "Deer", "Plain", "mean of 1 in common"]
