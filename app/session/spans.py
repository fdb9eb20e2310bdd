"""Stretches of frames with the same word: what was marked, and which way boxes were come by."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from app.session.frame_view import Span
from tracker_core.results.targets import Target
from tracker_core.types import ResultOrigin


def mark_spans(target: Target) -> tuple[Span, ...]:
    """Return where a person said whether the target is seen."""
    return _spans((index, mark.value) for index, mark in sorted(target.record.marks.items()))


def way_spans(target: Target) -> tuple[Span, ...]:
    """Return where boxes were not tracked forwards."""
    ways = ((index, target.results[index].origin) for index in sorted(target.results))
    return _spans((index, way.value) for index, way in ways if way is not ResultOrigin.TRACKED)


def _spans(frames: Iterable[tuple[int, str]]) -> tuple[Span, ...]:
    """Join frames, in order, that follow each other and have the same word."""
    found = []
    for (_, word), group in groupby(enumerate(frames), key=lambda entry: (entry[1][0] - entry[0], entry[1][1])):
        indices = [index for _, (index, _) in group]
        found.append(Span(indices[0], indices[-1], word))
    return tuple(found)
