"""`siamscope score`: score result files that any tracker wrote, without images."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from tracker_core.cli.console import errors
from tracker_core.cli.score_tables import show_one_pass, show_supervised
from tracker_core.errors import InputError, nearest_name
from tracker_core.evaluation.benchmarks import BENCHMARKS, describe_part_of_otb, describe_part_of_vot
from tracker_core.evaluation.ground_truth import read_box_truth, read_region_truth
from tracker_core.evaluation.one_pass import THRESHOLD_COUNTS
from tracker_core.evaluation.result_files import ResultFolder, find_one_pass_results, find_supervised_results
from tracker_core.evaluation.scoring import OnePassScore, SupervisedScore, score_one_pass, score_supervised
from tracker_core.evaluation.supervised import EAO_INTERVALS, interval_of_year
from tracker_core.files import write_text

INCOMPLETE = 1  # exit code of --strict
Score = TypeVar("Score", OnePassScore, SupervisedScore)


def add_parser(subparsers: Any) -> None:
    """Add the sub-command to the command line."""
    parser = subparsers.add_parser(
        "score",
        help="score result files that any tracker wrote",
        description="Score result files that any tracker wrote, against ground truth without images.",
        epilog="Example: siamscope score otb --groundtruth OTB100/ --results results/otb --json scores.json",
    )
    parser.add_argument("protocol", choices=("otb", "vot"), help="otb: one-pass evaluation; vot: supervised")
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
    parser.add_argument(
        "--thresholds", type=int, choices=THRESHOLD_COUNTS, default=21, help="success thresholds of otb (21)"
    )
    parser.add_argument("--year", choices=tuple(EAO_INTERVALS), default="2018", help="whose EAO interval (2018)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if any score is partial")
    parser.set_defaults(run=run_score)


def run_score(args: argparse.Namespace) -> int:
    """Carry out `score`."""
    scores: list[OnePassScore | SupervisedScore] = []
    if args.protocol == "otb":
        box_truth = read_box_truth(args.groundtruth)
        for results in _choose(find_one_pass_results(args.results), args.tracker):
            one_pass = score_one_pass(results, box_truth, thresholds=args.thresholds)
            scores.append(mark_part_of_otb(one_pass, box_truth))
    else:
        region_truth, interval = read_region_truth(args.groundtruth), interval_of_year(args.year)
        for results in _choose(find_supervised_results(args.results), args.tracker):
            supervised = score_supervised(results, region_truth, interval)
            scores.append(mark_part_of_vot(supervised, region_truth, args.year))
    if args.json:
        write_scores(args.json, args.protocol, scores)
    show_scores(scores)
    return INCOMPLETE if args.strict and not all(score.is_complete for score in scores) else 0


def write_scores(
    path: str | Path,
    protocol: str,
    scores: list[OnePassScore | SupervisedScore],
    head: Mapping[str, Any] | None = None,
) -> None:
    """Write `{"protocol": …, "trackers": {name: {…}}}`, and what is in `head` beside them."""
    trackers = {score.tracker: score.to_json() for score in scores}
    data = {"protocol": protocol, **(head or {}), "trackers": trackers}
    write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def mark_part(score: Score, part: str, whole: int) -> Score:
    """Return the score with the remark `part`: how its ground truth is only some of a benchmark's `whole` sequences."""
    return replace(score, remarks=replace(score.remarks, part=part, whole=whole if part else 0))


def mark_part_of_otb(score: OnePassScore, sequences: Iterable[str]) -> OnePassScore:
    """Return the score with the remark that the ground truth holds only some of OTB's sequences, if that is so."""
    return mark_part(score, describe_part_of_otb(sequences), BENCHMARKS["otb"].size)


def mark_part_of_vot(score: SupervisedScore, sequences: Iterable[str], year: str) -> SupervisedScore:
    """Return the score with the remark that the ground truth holds only some of a challenge's, if that is so."""
    return mark_part(score, describe_part_of_vot(sequences, year), BENCHMARKS["vot"].size)


def show_scores(scores: list[OnePassScore | SupervisedScore]) -> None:
    """Print one table with a line per tracker, then what is to be known about each score."""
    one_pass = [score for score in scores if isinstance(score, OnePassScore)]
    supervised = [score for score in scores if isinstance(score, SupervisedScore)]
    if one_pass:
        show_one_pass(one_pass)
    if supervised:
        show_supervised(supervised)
    for score in scores:
        for line in score.remarks.describe(len(score.sequences), score.total):
            errors.print(f"{score.tracker}: {line}", style="yellow", markup=False)


def _choose(found: list[ResultFolder], wanted: list[str]) -> list[ResultFolder]:
    by_name = {results.tracker: results for results in found}
    for name in wanted:
        if name not in by_name:
            known = ", ".join(by_name)
            raise InputError(f"There are no results of '{name}'.{nearest_name(name, by_name)} There are: {known}.")
    return [by_name[name] for name in wanted] if wanted else found
