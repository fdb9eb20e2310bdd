"""`bench --against FILE`: figures of now beside those of an earlier run, another commit's for example."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tracker_core.errors import InputError

Report = dict[str, Any]


def read_earlier(path: str | Path) -> Report:
    """Return what `bench --json` wrote; raises `InputError` for another file."""
    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"'{path}' cannot be read ({error.strerror}); give a file that bench --json wrote.") from error
    except ValueError as error:
        raise InputError(f"'{path}' is not JSON; give a file that bench --json wrote.") from error
    if not isinstance(report, dict) or not _runs(report):
        raise InputError(f"'{path}' holds no speeds of trackers; give a file that bench --json wrote.")
    return report


def compare_reports(now: Report, earlier: Report) -> list[Report]:
    """Return, for each tracker and runtime that both have, the medians and how many times as fast it is now."""
    before = _runs(earlier)
    rows = []
    for (name, runtime), run in _runs(now).items():
        if (name, runtime) in before:
            medians = [float(each["update_ms"]["median"]) for each in (before[name, runtime], run)]
            row = {"name": name, "runtime": runtime, "before_ms": medians[0], "now_ms": medians[1]}
            rows.append(row | {"times_as_fast": medians[0] / medians[1]})
    return rows


def is_other_machine(now: Report, earlier: Report) -> bool:
    """Whether the two were measured on different machines, so that the ratio says little of the program."""
    here, there = now.get("machine") or {}, earlier.get("machine") or {}
    return any(here.get(key) != there.get(key) for key in ("processor", "cores", "cuda"))


def _runs(report: Report) -> dict[tuple[str, str], Report]:
    try:
        return {
            (str(entry["name"]), str(run["runtime"])): run
            for entry in report.get("trackers", ())
            for run in entry["runs"]
            if float(run["update_ms"]["median"]) > 0
        }
    except (TypeError, KeyError, ValueError):
        return {}
