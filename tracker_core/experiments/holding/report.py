"""Variants compared family by family, as a page, numbers and a calibration plot."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.experiments.holding.confidence import (
    count_alarms,
    fit_by_clips,
    fit_logistic,
    join_scores,
    reliability,
)
from tracker_core.experiments.holding.following import Followed
from tracker_core.files import whole_file, write_text
from tracker_core.metrics import Gain

Families = Mapping[str, Sequence[Followed]]
ALL = "all"
COLUMNS = 3  # of panels in the plot


def describe_variant(families: Families, baseline: Families) -> dict[str, Any]:
    """Return a variant's numbers: success by family with its gain, calibration, alarms, each clip's success."""
    everything, before = _together(families), _together(baseline)
    return {
        "families": {
            name: _compare(part, with_base)
            for name, part, with_base in [
                *((name, families[name], baseline[name]) for name in families),
                (ALL, everything, before),
            ]
        },
        "calibration": describe_calibration(everything),
        "alarms": dataclasses.asdict(count_alarms(everything)),
        "clips": {one.name: round(one.success_auc, 4) for one in everything},
    }


def describe_calibration(followed: Sequence[Followed]) -> dict[str, Any] | None:
    """Return how far scores are from the share of frames whose box covers the target, in tenths of the score.

    `network` is the network's own score, `reported` that of the configuration, `fitted` what a fit on other clips makes
    of the network's; `slope` and `offset` are those of a fit on all clips, for `tracking.confidence_slope` and
    `confidence_offset`. None where the tracker has no score.
    """
    scored = [one for one in followed if not np.isnan(one.raw).all()]
    if not scored:
        return None
    raw, hits = join_scores(scored)
    slope, offset = fit_logistic(raw, hits)
    kinds = {
        "network": raw,
        "reported": np.concatenate([one.scores for one in scored]),
        "fitted": fit_by_clips(scored),
    }
    tables = {
        name: dict(zip(("rows", "error"), reliability(scores, hits), strict=True)) for name, scores in kinds.items()
    }
    return {**tables, "slope": slope, "offset": offset}


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
    lines += [
        "",
        "How the state followed: losses of ten frames or more that were declared within 10, targets that came ",
    ]
    lines[-1] += "back and were covered again within 30 frames, frames called lost while the box covered the target."
    lines += ["", "| variant | declared | found | false |", "|---|---|---|---|"]
    lines += [_alarms_row(name, facts["alarms"]) for name, facts in described.items()]
    lines += ["", "Calibration error, the mean difference of score and share of frames with an IoU above 0.5: of the "]
    lines[-1] += "network's own score, as reported, and of a logistic fit on other clips; the fit on all clips."
    lines += ["", "| variant | network | reported | fitted | slope | offset |", "|---|---|---|---|---|---|"]
    lines += [_calibration_row(name, facts["calibration"]) for name, facts in described.items()]
    return "\n".join(lines) + "\n"


def plot_calibration(described: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Plot the share of frames whose box covers the target over the score: a panel for each variant with a score.

    The grey line is the network's own score, the dark one that which is reported; each point is a tenth of the score,
    its area the share of the frames.
    """
    from matplotlib.figure import Figure

    known = {name: facts["calibration"] for name, facts in described.items() if facts["calibration"]}
    columns = min(COLUMNS, max(len(known), 1))
    rows = -(-max(len(known), 1) // columns)
    figure = Figure(figsize=(3.2 * columns, 3.2 * rows), layout="constrained")
    panels = np.ravel(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False))
    for axes, (name, calibration) in zip(panels, known.items(), strict=False):
        _plot_panel(axes, name, calibration)
    for axes in panels[len(known) :]:
        axes.set_axis_off()
    figure.supxlabel("score")
    figure.supylabel("share of frames with IoU > 0.5")
    with whole_file(path) as content:
        figure.savefig(content, format="png", dpi=120)


def _plot_panel(axes: Any, name: str, calibration: Mapping[str, Any]) -> None:
    axes.set(title=name, xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    for kind, colour in (("network", "0.6"), ("reported", "C0")):
        rows = np.array(calibration[kind]["rows"])
        label = f"{kind}, error {calibration[kind]['error']:.3f}"
        axes.plot(rows[:, 0], rows[:, 1], color=colour, label=label)
        axes.scatter(rows[:, 0], rows[:, 1], 8 + 150 * rows[:, 2] / rows[:, 2].sum(), color=colour)
    axes.legend(fontsize="small", loc="upper left")


def _together(families: Families) -> list[Followed]:
    return [one for part in families.values() for one in part]


def _compare(part: Sequence[Followed], baseline: Sequence[Followed]) -> dict[str, Any]:
    reached, before = ([one.success_auc for one in clips] for clips in (part, baseline))
    gain = Gain.over(reached, before)
    numbers = {"mean": gain.mean, "low": gain.low, "high": gain.high, "text": str(gain)}
    return {"success_auc": float(np.mean(reached)), "clips": len(reached), "gain": numbers}


def _alarms_row(name: str, alarms: Mapping[str, int]) -> str:
    pairs = (("declared", "losses"), ("found", "returns"), ("false_lost", "frames"))
    return _row([name, *(f"{alarms[part]} of {alarms[whole]}" for part, whole in pairs)])


def _calibration_row(name: str, calibration: Mapping[str, Any] | None) -> str:
    if calibration is None:
        return _row([name, *["no score"] * 3, "", ""])
    errors = [f"{calibration[kind]['error']:.3f}" for kind in ("network", "reported", "fitted")]
    return _row([name, *errors, f"{calibration['slope']:.2f}", f"{calibration['offset']:+.2f}"])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
