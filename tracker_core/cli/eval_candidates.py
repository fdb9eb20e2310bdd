"""Who takes part in `siamscope eval`: trackers by name, variants of one, and trackers of others."""

from __future__ import annotations

import argparse
import functools
import re
from typing import Any

from tracker_core.errors import InputError
from tracker_core.evaluation.runner import Candidate
from tracker_core.evaluation.workers import MakeTracker
from tracker_core.trackers.builder import build_tracker
from tracker_core.trackers.peers import build_peer


def choose_candidates(args: argparse.Namespace, names: list[str | None], device: str) -> list[tuple[Candidate, Any]]:
    """Return the candidates of a call, each with its tracker; what cannot be made is refused here.

    Raises `InputError` for two that would write into one folder of results.
    """
    made: list[tuple[str | None, MakeTracker]] = [(args.name, _maker(args, name, device)) for name in names]
    for text in args.variant:
        name, changes = parse_variant(text)
        made.append((name, _maker(args, names[0], device, changes)))
    made += [(None, functools.partial(build_peer, text)) for text in args.peers]
    candidates: dict[str, tuple[Candidate, Any]] = {}
    for given, make in made:
        tracker: Any = make()
        name = check_folder_name(given or tracker.name)
        if name in candidates:
            raise InputError(f"Two trackers would write results under the name '{name}'; give one another name.")
        candidates[name] = Candidate(name, make), tracker
    return list(candidates.values())


def parse_variant(text: str) -> tuple[str, list[str]]:
    """Return name and changes of `NAME:key=value,key=value`; raises `InputError` for another form."""
    name, _, changes = text.partition(":")
    parts = [part for part in re.split(r",(?=[\w.]+=)", changes) if part]
    if not name or not parts or not all("=" in part for part in parts):
        raise InputError(f"The variant '{text}' is not NAME:key=value,key=value; an example: wide:tracking.context=0.6")
    return name, parts


def _maker(
    args: argparse.Namespace, name: str | None, device: str, changes: list[str] | None = None
) -> functools.partial[Any]:
    return functools.partial(
        build_tracker, name, weights=args.weights, device=device, runtime=args.runtime, precision=args.precision,
        overrides=(*args.overrides, *(changes or [])),
    )  # fmt: skip


def check_folder_name(name: str) -> str:
    """Return a name of results; raises `InputError` for one that no folder can have."""
    if not re.fullmatch(r"[\w+.-]+", name):
        raise InputError(f"The name '{name}' is not a folder name; use letters, digits, '-', '_', '+' and '.'.")
    return name
