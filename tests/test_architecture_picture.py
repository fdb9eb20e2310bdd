"""docs/architecture.md shows the rooms and arrows that there are."""

from __future__ import annotations

from architecture_picture import draw, split_page


def test_the_picture_is_true() -> None:
    assert split_page()[1] == draw(), (
        "run `python tests/architecture_picture.py`, and read whether the arrows are meant"
    )
