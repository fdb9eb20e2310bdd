"""The table of a benchmark's sequences makes again only the rows that say something else than before."""

from __future__ import annotations

import pytest

from app.panels.benchmark_views import SequenceTable
from app.panels.number_table import Column, NumberTable, Row, share_room
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


@pytest.mark.parametrize(
    ("needed", "room", "given"),
    [
        ([50, 200, 30], 160, [50, 80, 30]),  # too little room: no name pushes the numbers out
        ([50, 200, 30], 135, [45, 60, 30]),  # nor does a name of the usual width: each gives of what it has over half
        ([50, 200, 30], 60, [40, 40, 30]),  # down to half of it
        ([60, 80, 30, 30, 500], 160, [56, 73, 30, 30, 80]),  # for the first number, not for all
        ([50, 200, 30], 280, [50, 200, 30]),  # room for all
        ([50, 200, 30], 250, [50, 170, 30]),  # what there is
        ([150, 200, 30], 290, [150, 110, 30]),  # from left to right
        ([50, 60, 30], 900, [50, 60, 30]),  # no more than needed
    ],
)
def test_names_are_elided_only_where_there_is_no_room(needed, room, given):
    assert share_room(needed, 2, 80, room) == given


def test_names_take_the_room_of_a_table_that_grows_unless_the_user_made_them_narrow(qtbot):
    table = NumberTable(1, "Table", widest=10)
    qtbot.addWidget(table)
    table.resize(200, 200)
    table.show()
    table.set_rows(["name"], [Column("number")], [Row(("a name with rather many letters",), (1.0,))])
    whole = table.fontMetrics().horizontalAdvance("a name with rather many letters")
    assert table.columnWidth(0) < whole
    table.resize(600, 200)
    assert table.columnWidth(0) > whole
    table.setColumnWidth(0, 70)
    table.resize(700, 200)
    assert table.columnWidth(0) == 70
