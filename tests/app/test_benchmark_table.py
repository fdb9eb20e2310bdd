"""The table of a benchmark's sequences makes again only the rows that say something else than before."""

from __future__ import annotations

import pytest

from app.panels.benchmark_views import SequenceTable
from app.panels.tracker_colors import TrackerColors
from app.session.benchmark_scores import BenchmarkScores
from tracker_core.evaluation.benchmarks import BENCHMARKS

PROTOCOL = BENCHMARKS["otb"].protocol


def told(sequence, value=0.5, tracker="one", **more):
    numbers = {measure.key: value for measure in PROTOCOL.columns}
    return {"event": "sequence", "tracker": tracker, "sequence": sequence, **numbers, **more}


@pytest.fixture
def table(qtbot):
    table = SequenceTable(TrackerColors())
    qtbot.addWidget(table)
    table.scores = BenchmarkScores(PROTOCOL)
    for sequence in ("a", "b"):
        table.scores.take(told(sequence))
    table.set_scores(table.scores, frozenset())
    return table


def row_of(table, sequence, tracker="one"):
    return next(row for row in table.table.numbers.rows if row.key == (sequence, tracker))


@pytest.mark.parametrize(
    ("event", "text", "number"),
    [
        (told("a", 0.7), "a", 0.7),  # run again
        (told("a", reason="it stopped"), "a ⚠", 0.5),
        (told("a", tags=["OCC"]), "a", 0.5),  # the tooltip names it
    ],
)
def test_a_row_is_made_again_where_it_says_something_else(table, event, text, number):
    a, b = row_of(table, "a"), row_of(table, "b")
    table.scores.take(event)
    table.set_scores(table.scores, frozenset())
    changed = row_of(table, "a")
    assert changed is not a and (changed.texts[0], changed.numbers[0]) == (text, number)
    assert ("OCC" in changed.tip) == ("tags" in event)
    assert row_of(table, "b") is b


def test_another_tracker_has_rows_of_its_own_and_the_filter_takes_and_gives_them(table):
    a = row_of(table, "a")
    table.scores.take(told("a", 0.1, "two"))
    table.set_scores(table.scores, frozenset())
    assert row_of(table, "a") is a and row_of(table, "a", "two").numbers[0] == 0.1
    table.filter.setText("two")
    assert [row.key for row in table.table.numbers.rows if not row.is_summary] == [("a", "two")]
    table.filter.setText("")
    assert row_of(table, "a") is a


def test_other_scores_have_other_rows(table):
    a = row_of(table, "a")
    other = BenchmarkScores(PROTOCOL)
    other.trackers["one"] = table.scores.trackers["one"]
    table.set_scores(other, frozenset())
    assert row_of(table, "a") is not a
