"""From the scores of all runs to the findings: seeds together, the baseline beside, conditions named."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tracker_core.errors import InputError
from tracker_core.evaluation.baseline import StayingBox
from tracker_core.evaluation.benchmarks import BENCHMARKS, Benchmark, open_benchmark
from tracker_core.evaluation.protocols import OnePass
from tracker_core.evaluation.scoring import Score, keep_common
from tracker_core.experiments.correlation_study.report import Findings
from tracker_core.experiments.correlation_study.runs import BenchmarkSection, Run, find_differences, flatten
from tracker_core.experiments.correlation_study.seed_scores import TrackerSummary, summarise
from tracker_core.models.builder import build_network

SHIPPED_AS = "as shipped"
# conditions that a reader asks for first, and how the page calls them
COMMON = {
    "loop.batch": "pairs a step",
    "loop.learning_rate": "peak learning rate",
    "tracker.network.backbone": "backbone",
    "loop.trunk_factor": "rate of the backbone (a factor)",
}


def open_one_pass(section: BenchmarkSection) -> Benchmark:
    """Return the benchmark to evaluate on; raises `InputError` for a supervised one, and what `open_benchmark` does."""
    rules = BENCHMARKS.get(section.name)
    if rules is not None and not isinstance(rules.protocol, OnePass):
        raise InputError(
            f"benchmark.name is '{section.name}', which is supervised; success and precision need one pass."
        )
    return open_benchmark(section.name, section.root, sequences=section.sequences)


def compare_runs(benchmark: Benchmark, runs: list[Run], scores: Mapping[str, Score]) -> Findings:
    """Return the findings of all runs; `scores` maps their names, and the baseline's, to what they reached.

    Only sequences that every run could track count. Raises `InputError` where there is none.
    """
    kept = dict(zip(scores, keep_common(list(scores.values())), strict=True))
    baseline = kept[StayingBox.name]
    summaries = []
    for tracker in dict.fromkeys(run.tracker for run in runs):
        own = [run for run in runs if run.tracker == tracker]
        seeds = {SHIPPED_AS if run.seed is None else f"seed {run.seed}": kept[run.name] for run in own}
        summaries.append(summarise(tracker, seeds, baseline, describe_network(own)))
    still = summarise(StayingBox.name, {"": baseline}, None)
    # it computes nothing, so that its speed says nothing
    spreads = {name: spread for name, spread in still.spreads.items() if name != "fps"}
    summaries.append(dataclasses.replace(still, seeds=(), spreads=spreads))
    names = tuple(part.name for part in baseline.sequences)
    differences = find_differences(runs)
    return Findings(
        benchmark.title, names, benchmark.total, tuple(summaries), differences,
        _common_conditions(runs, differences), _remarks(runs, scores, names, summaries),
    )  # fmt: skip


def describe_network(runs: list[Run]) -> dict[str, Any]:
    """Return a network's count of parameters, and the pairs that its runs saw (None where unknown or not alike)."""
    network = build_network(runs[0].config.tracker.network)
    pairs = {run.facts.get("training_pairs") for run in runs}
    seen = pairs.pop() if len(pairs) == 1 else None
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "training_pairs": None if seen is None else int(seen),
    }


def _common_conditions(runs: list[Run], differences: Mapping[str, Any]) -> dict[str, Any]:
    saved = [flatten(found) for run in runs if (found := run.saved_conditions()) is not None]
    if len(saved) < len(runs):
        return {}
    found = {text: saved[0][key] for key, text in COMMON.items() if key not in differences}
    if "loop.initial" not in differences:
        # the file's name alone: a folder of somebody's computer says nothing to a reader
        found["backbone's weights"] = Path(str(saved[0]["loop.initial"])).name or "random"
    return found


def _remarks(
    runs: list[Run], scores: Mapping[str, Score], counted: tuple[str, ...], summaries: list[TrackerSummary]
) -> list[str]:
    remarks = []
    for name, score in scores.items():
        left = [part.name for part in score.sequences if part.name not in counted]
        if left:
            remarks.append(f"{name}: {', '.join(left)} not counted, because another run has no result there.")
        remarks += [f"{name}: {reason}" for reason in score.remarks.left_out.values()]
    pairs = {run.name: run.facts.get("training_pairs", "unknown") for run in runs}
    if len(set(pairs.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in pairs.items())
        remarks.append(f"Not trained on the same number of pairs: {told}.")
    gains = {summary.tracker: summary.gain for summary in summaries if summary.gain is not None}
    unclear = [name for name, gain in gains.items() if math.isfinite(gain.standard_error) and not gain.is_clear]
    if unclear:
        remarks.append(f"Within two standard errors of the baseline, so not clearly different: {', '.join(unclear)}.")
    return remarks
