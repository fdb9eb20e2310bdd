"""docs/architecture.md shows the rooms and arrows that there are."""

from __future__ import annotations

from architecture_diagram import draw, split_page


def test_the_diagram_is_true() -> None:
    assert split_page()[1] == draw(), (
        "run `python tests/architecture_diagram.py`, and read whether the arrows are meant"
    )
