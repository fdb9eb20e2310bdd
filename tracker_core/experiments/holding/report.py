"""Variants compared family by family, as a page, numbers and a calibration plot."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.experiments.holding.confidence import count_alarms, fit_logistic, reliability
from tracker_core.experiments.holding.following import Followed
from tracker_core.files import atomic_path, write_text
from tracker_core.metrics import Gain

Families = Mapping[str, Sequence[Followed]]
ALL = "all"


def describe_variant(families: Families, baseline: Families) -> dict[str, Any]:
    """Return a variant's numbers: success by family with its gain, calibration, alarms, each clip's success."""
    everything, before = _together(families), _together(baseline)
    scores = np.concatenate([one.scores for one in everything])
    hits = np.concatenate([one.hits for one in everything])
    rows, error = reliability(scores, hits)
    slope, offset = fit_logistic(scores, hits)
    return {
        "families": {
            name: _compare(part, with_base)
            for name, part, with_base in [
                *((name, families[name], baseline[name]) for name in families),
                (ALL, everything, before),
            ]
        },
        "calibration": {"rows": rows, "error": error, "slope": slope, "offset": offset},
        "alarms": dataclasses.asdict(count_alarms(everything)),
        "clips": {one.name: round(one.success_auc, 4) for one in everything},
    }


def write_comparison(described: Mapping[str, Mapping[str, Any]], folder: Path) -> Path:
    """Write `holding.md`, `holding.json` and `calibration.png` below a folder; return the page."""
    write_text(folder / "holding.json", json.dumps(described, indent=1) + "\n")
    plot_calibration(described, folder / "calibration.png")
    page = folder / "holding.md"
    write_text(page, make_page(described))
    return page


def make_page(described: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the tables as Markdown."""
    first = next(iter(described))
    names = list(described[first]["families"])
    lines = ["# Which tracker holds on?", "", f"Success AUC by family, and the mean gain over `{first}` per clip with "]
    lines[-1] += "its 95 % interval (paired bootstrap over the clips)."
    lines += ["", _row(["variant", *names, "gain"]), _row(["---"] * (len(names) + 2))]
    for name, facts in described.items():
        cells = [f"{facts['families'][family]['success_auc']:.3f}" for family in names]
        lines.append(_row([name, *cells, "" if name == first else facts["families"][ALL]["gain"]["text"]]))
    lines += ["", "| variant | family | clips | gain |", "|---|---|---|---|"]
    for name, facts in list(described.items())[1:]:
        lines += [
            _row([name, family, str(facts["families"][family]["clips"]), facts["families"][family]["gain"]["text"]])
            for family in names
        ]
    lines += ["", "Losses that were declared within 10 frames, returns that were found within 30, frames called lost "]
    lines[-1] += "while the box covered the target; the score's calibration error, and the logistic fit."
    lines += ["", "| variant | declared | found | false | calibration error | slope | offset |"]
    lines += ["|---|---|---|---|---|---|---|"]
    lines += [_confidence_row(name, facts["alarms"], facts["calibration"]) for name, facts in described.items()]
    return "\n".join(lines) + "\n"


def plot_calibration(described: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Plot the share of frames whose box covers the target over the score, a line for each variant."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5))
    axes = figure.add_subplot(xlabel="score", ylabel="share of frames with IoU > 0.5", xlim=(0, 1), ylim=(0, 1))
    axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    for name, facts in described.items():
        rows = np.array([row[:2] for row in facts["calibration"]["rows"]])
        axes.plot(rows[:, 0], rows[:, 1], marker="o", label=f"{name} (error {facts['calibration']['error']:.3f})")
    axes.legend(fontsize="small")
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def _together(families: Families) -> list[Followed]:
    return [one for part in families.values() for one in part]


def _compare(part: Sequence[Followed], baseline: Sequence[Followed]) -> dict[str, Any]:
    reached, before = ([one.success_auc for one in clips] for clips in (part, baseline))
    gain = Gain.over(reached, before)
    numbers = {"mean": gain.mean, "low": gain.low, "high": gain.high, "text": str(gain)}
    return {"success_auc": float(np.mean(reached)), "clips": len(reached), "gain": numbers}


def _confidence_row(name: str, alarms: Mapping[str, int], calibration: Mapping[str, Any]) -> str:
    cells = [
        f"{alarms['declared']} of {alarms['losses']}", f"{alarms['found']} of {alarms['returns']}",
        f"{alarms['false_lost']} of {alarms['frames']}", f"{calibration['error']:.3f}",
        f"{calibration['slope']:.3f}", f"{calibration['offset']:+.3f}",
    ]  # fmt: skip
    return _row([name, *cells])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
