"""A ground truth with boxes without area: one number in the window, in `eval`, in `score` and in `track`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fakes import DrawnSource, MatchingTracker, true_box

from app.session.live_scores import RunningScores
from app.session.session import Session
from tracker_core.cli.main import main
from tracker_core.results.formats import write_boxes

COUNT, EMPTY = 20, (8, 9, 15)


@pytest.fixture
def session():
    session = Session(lambda choice: MatchingTracker())
    source = DrawnSource(COUNT)
    for index in EMPTY:  # as some tools write "the target is not there"
        source.sequence.boxes_xywh[index, 2:] = 0
    session.open(source, "drawn")
    yield session
    session.close_source()


def test_the_window_has_the_number_of_the_benchmarks(session: Session, tmp_path: Path) -> None:
    session.begin(session.seek(0).frame, true_box(0))
    session.is_tracking = True
    running = RunningScores()
    while session.read_next() is not None:
        pass
    (target,) = session.targets.values()
    for index, result in target.results.items():  # as they come in while tracking
        row = session.truth.row(session.run, target, index, result)
        running.add(row.index, row.iou, row.center_error)
    (summary,) = session.run_table.summarise(session.runs, session.truth)

    run, boxes = session.build_run(), session.truth.sequence.boxes_xywh
    (tmp_path / "results").mkdir()
    write_boxes(tmp_path / "results" / "drawn.txt", "otb", run)
    truth = [[x + 1, y + 1, w, h] for x, y, w, h in boxes.tolist()]  # OTB's corner is (1, 1)
    (tmp_path / "truth.json").write_text(json.dumps({"drawn": {"groundtruth_rect": truth}}))
    given = ["--groundtruth", str(tmp_path / "truth.json"), "--results", str(tmp_path / "results")]
    assert main(["score", "otb", *given, "--json", str(tmp_path / "scores.json")]) == 0
    scored = json.loads((tmp_path / "scores.json").read_text())["trackers"]["results"]

    # by hand: nothing overlaps a box without area, and a share of 17 of 20 frames can be found at most
    assert scored["success_auc"] < 17 / COUNT
    assert summary.success == pytest.approx(scored["success_auc"], abs=2e-4)  # files have four decimals
    assert (running.success, running.precision) == pytest.approx((summary.success, summary.precision))
    assert summary.precision == pytest.approx(scored["precision_20"], abs=1e-6)
    assert "3 boxes without area (the first is line 9)" in json.dumps(scored["remarks"])


def test_a_box_without_area_is_not_drawn_and_nothing_starts_on_it(session: Session) -> None:
    assert [session.truth.box(index) is None for index in range(COUNT)] == [index in EMPTY for index in range(COUNT)]
    np.testing.assert_array_equal(session.truth.box(0), true_box(0))
