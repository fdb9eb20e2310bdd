"""Accuracy, robustness and EAO, counted again from the definitions, one frame and one pixel after the other.

Written from Kristan et al., "The Visual Object Tracking VOT2015 Challenge Results", sections 3 and 4, and what the
challenge's own analysis does where they leave a choice: a run begins at each start and reaches to the next one, a run
that failed goes on with zeros for ever, one that the end of its sequence cut off tells nothing of longer ones, and the
mean of a run leaves its first frame out, in which the box was given. A failure so late that no start follows within the
sequence cuts its run off like the end does.
"""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from tracker_core.cli.main import main

WIDTH, HEIGHT = 48, 32
LOW, HIGH = 46, 291  # of VOT2019
TAG = "occlusion"
Box = tuple[int, int, int, int]
Line = list[str]

# Lengths of the sequences, share of frames in which the tracker fails, repetitions
CASES = {
    "some_failures": ([30, 80, 140], 0.02, 1),
    "many_failures": ([60, 75, 90], 0.08, 1),
    "no_failure": ([20, 50, 70], 0.0, 1),  # one is shorter than the interval begins
    "longer_than_the_interval": ([320, 45], 0.01, 1),
    "repeated": ([55, 100], 0.03, 3),
    "fails_at_the_end": ([64, 64, 80], -1, 1),  # see LATE
}

LATE = (5, 6, 1)  # frames before the end in which the tracker fails: one too late for a start, one just in time


def make_truth(rng: random.Random, length: int) -> list[Box]:
    """A box that walks, partly out of the image."""
    x, y, boxes = rng.randint(0, 30), rng.randint(0, 20), []
    for _ in range(length):
        x, y = min(40, max(-4, x + rng.randint(-2, 2))), min(26, max(-4, y + rng.randint(-2, 2)))
        boxes.append((x, y, 10 + rng.randint(0, 2), 8))
    return boxes


def make_run(rng: random.Random, truth: list[Box], share: float, late: int) -> Line:
    """The lines of a tracker that is off by a few pixels and is started again five frames after each failure."""
    lines, start = [], 0
    for index, (x, y, w, h) in enumerate(truth):
        if index < start:
            lines.append("0")
        elif index == start:
            lines.append("1")
        elif rng.random() < share or (share < 0 and index in (20, len(truth) - late)):
            lines.append("2")
            start = index + 5
        else:
            lines.append(f"{x + rng.randint(-3, 3)},{y + rng.randint(-3, 3)},{w + rng.randint(-2, 2)},{h}")
    return lines


def pixels(box: Box) -> set[tuple[int, int]]:
    """The pixels of the image that a box covers: VOT paints from corner to corner, both included."""
    x, y, w, h = box
    return {(c, r) for c in range(x, x + w + 1) for r in range(y, y + h + 1) if 0 <= c < WIDTH and 0 <= r < HEIGHT}


def overlap(line: str, truth: Box) -> float | None:
    if "," not in line:
        return None
    mine, true = pixels(tuple(map(int, line.split(",")))), pixels(truth)
    return len(mine & true) / len(mine | true)


def pieces(lines: Line) -> list[tuple[int, int, bool]]:
    """First and last frame of every run, and whether it failed."""
    begins = [0, *(i + 5 for i, line in enumerate(lines) if line == "2" and i + 5 < len(lines))]
    ends = [*((begin, True) for begin in begins[1:]), (len(lines) - 1, False)]
    return [(begin, end, failed) for begin, (end, failed) in zip(begins, ends, strict=True)]


def by_hand(truths: dict[str, list[Box]], runs: dict[str, list[Line]], tags: dict[str, list[int]]) -> dict[str, float]:
    counted, failures, frames = [], 0.0, 0
    for name, truth in truths.items():
        frames += len(truth)
        failures += sum(line == "2" for lines in runs[name] for line in lines) / len(runs[name])
        for index, box in enumerate(truth):
            values = []
            for lines in runs[name]:
                since = index - max(i for i in range(index + 1) if i == 0 or lines[i] == "1")
                value = overlap(lines[index], box)
                values += [value] if value is not None and since >= 10 else []
            counted += [sum(values) / len(values)] if values else []
    return {
        "accuracy": sum(counted) / len(counted),
        "robustness": 100 * failures / frames,
        "failures": failures,
        "eao": eao(truths, runs, {name: [1] * len(truth) for name, truth in truths.items()}),
        f"eao of {TAG}": eao(truths, runs, tags),
    }


def eao(truths: dict[str, list[Box]], runs: dict[str, list[Line]], tags: dict[str, list[int]]) -> float:
    longest = max(map(len, truths.values()))
    parts = []
    for name, truth in truths.items():
        for lines in runs[name]:
            for begin, end, failed in pieces(lines):
                overlaps = [overlap(lines[i], truth[i]) or 0.0 for i in range(begin, end + 1)]
                marks = tags[name][begin : end + 1]
                parts.append((overlaps, failed, sum(marks) / len(marks) / len(runs[name])))
    means = []
    for length in range(LOW, min(HIGH, longest) + 1):
        total = weights = 0.0
        for overlaps, failed, weight in parts:
            if failed or len(overlaps) >= length:
                total += weight * sum(overlaps[1:length]) / (length - 1)
                weights += weight
        means += [total / weights] if weights else []
    return sum(means) / len(means)


@pytest.mark.parametrize("case", CASES)
def test_the_numbers_are_those_of_the_definition(tmp_path: Path, case: str) -> None:
    lengths, share, repetitions = CASES[case]
    rng = random.Random(case)
    truths = {f"s{i}": make_truth(rng, length) for i, length in enumerate(lengths)}
    tags = {name: [int(rng.random() < 0.4) for _ in truth] for name, truth in truths.items()}
    runs: dict[str, list[Line]] = {}
    for place, (name, truth) in enumerate(truths.items()):
        runs[name] = [make_run(rng, truth, share, LATE[place]) for _ in range(repetitions)]
        folder = tmp_path / "results" / "mine" / "baseline" / name
        folder.mkdir(parents=True)
        for number, lines in enumerate(runs[name], 1):
            (folder / f"{name}_{number:03d}.txt").write_text("".join(f"{line}\n" for line in lines))
    entries = {
        name: {"groundtruth": truth, "width": WIDTH, "height": HEIGHT, TAG: tags[name]}
        for name, truth in truths.items()
    }
    truth_file, out = tmp_path / "truth.json", tmp_path / "scores.json"
    truth_file.write_text(json.dumps(entries))
    given = ["--groundtruth", str(truth_file), "--results", str(tmp_path / "results")]
    assert main(["score", "vot", *given, "--year", "2019", "--json", str(out)]) == 0
    found = json.loads(out.read_text())["trackers"]["mine"]
    expected = by_hand(truths, runs, tags)
    found[f"eao of {TAG}"] = found["attributes"][TAG]["eao"]
    assert {key: found[key] for key in expected} == pytest.approx(expected, abs=2e-6)


def test_the_report_has_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker_core.evaluation.report.save_figure", lambda figure, path: None)  # they take seconds
    rng = random.Random(7)
    truth = make_truth(rng, 90)
    lines = make_run(rng, truth, 0.03, 0)
    folder = tmp_path / "results" / "mine" / "baseline" / "s"
    folder.mkdir(parents=True)
    (folder / "s_001.txt").write_text("".join(f"{line}\n" for line in lines))
    entry = {"groundtruth": truth, "width": WIDTH, "height": HEIGHT}
    (tmp_path / "truth.json").write_text(json.dumps({"s": entry}))
    given = ["--groundtruth", str(tmp_path / "truth.json"), "--results", str(tmp_path / "results"), "--year", "2019"]
    assert main(["report", "--dataset", "vot", *given, "--out", str(tmp_path / "report")]) == 0
    with (tmp_path / "report" / "trackers.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    expected = by_hand({"s": truth}, {"s": [lines]}, {"s": [1] * 90})
    assert {key: float(row[key]) for key in ("eao", "accuracy", "robustness", "failures")} == pytest.approx(
        {key: expected[key] for key in ("eao", "accuracy", "robustness", "failures")}, abs=2e-6
    )
