"""`siamscope score`: score result files that any tracker wrote, without images."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tracker_core.cli.score_tables import show_comparison, show_scores
from tracker_core.errors import InputError, nearest_name
from tracker_core.evaluation.comparison import Comparison, compare
from tracker_core.evaluation.curves import THRESHOLD_COUNTS
from tracker_core.evaluation.failures import EAO_INTERVALS
from tracker_core.evaluation.protocols import PROTOCOLS
from tracker_core.evaluation.result_files import ResultFolder
from tracker_core.evaluation.scoring import Score, score_results
from tracker_core.files import write_text

INCOMPLETE = 1  # exit code of --strict


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line takes after the command's name."""
    parser.description = "Score result files that any tracker wrote, against ground truth without images."
    parser.epilog = "Example: siamscope score otb --groundtruth OTB100/ --results results/otb --json scores.json"
    parser.add_argument(
        "protocol", choices=tuple(PROTOCOLS), help="otb: one-pass evaluation; vot: supervised; votlt: long-term"
    )
    parser.add_argument(
        "--groundtruth", required=True, metavar="PATH", help="a JSON file, or a data-set folder (images not needed)"
    )
    parser.add_argument(
        "--results", required=True, metavar="DIR", help="one tracker's result folder, or a folder of such folders"
    )
    parser.add_argument(
        "--tracker", action="append", default=[], metavar="N", help="score only this one of the folders; repeatable"
    )
    parser.add_argument("--json", metavar="FILE", help="write all numbers as JSON")
    add_scoring_options(parser)
    parser.set_defaults(run=run_score)


def add_scoring_options(parser: argparse.ArgumentParser) -> None:
    """Add the choices of the protocols, --against and --strict; `score`, `report` and `eval` share them."""
    parser.add_argument(
        "--thresholds", type=int, choices=THRESHOLD_COUNTS, default=21, help="thresholds of the success curve (21)"
    )
    parser.add_argument("--year", choices=tuple(EAO_INTERVALS), default="2018", help="of a VOT challenge (2018)")
    parser.add_argument(
        "--against", metavar="N", help="compare the others with this tracker, sequence by sequence (paired bootstrap)"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 if any score is partial")


def run_score(args: argparse.Namespace) -> int:
    """Carry out `score`."""
    protocol = PROTOCOLS[args.protocol].configured(thresholds=args.thresholds, year=args.year)
    truth = protocol.read_truth(args.groundtruth)
    part = protocol.describe_part(list(truth))
    scores = [
        score_results(protocol, results, truth).mark_part(part, protocol.whole)
        for results in choose_trackers(protocol.find_results(args.results), args.tracker)
    ]
    comparison = compare_scores(scores, args.against)
    if args.json:
        write_scores(args.json, args.protocol, scores, {"comparison": comparison.to_json()} if comparison else {})
    show_scores(scores)
    if comparison:
        show_comparison(comparison)
    return INCOMPLETE if args.strict and not all(score.is_complete for score in scores) else 0


def compare_scores(scores: list[Score], against: str | None) -> Comparison | None:
    """Return the comparison with the tracker `against`; None where none is asked for. Raises `InputError`."""
    if against is None:
        return None
    return compare(scores[0].protocol, {score.tracker: score.to_json() for score in scores}, against)


def write_scores(path: str | Path, protocol: str, scores: list[Score], head: Mapping[str, Any] | None = None) -> None:
    """Write `{"protocol": …, "trackers": {name: {…}}}`, and what is in `head` beside them."""
    trackers = {score.tracker: score.to_json() for score in scores}
    data = {"protocol": protocol, **(head or {}), "trackers": trackers}
    write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def choose_trackers(found: list[ResultFolder], wanted: list[str]) -> list[ResultFolder]:
    """Return the results of the trackers in `wanted`, all if there are none; raises `InputError` for unknown names."""
    by_name = {results.tracker: results for results in found}
    for name in wanted:
        if name not in by_name:
            known = ", ".join(by_name)
            raise InputError(f"There are no results of '{name}'.{nearest_name(name, by_name)} There are: {known}.")
    return [by_name[name] for name in dict.fromkeys(wanted)] if wanted else found
