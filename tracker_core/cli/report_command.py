"""`siamscope report`: plots, tables and one page from result files."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from tracker_core.cli.console import errors, output
from tracker_core.cli.score_command import INCOMPLETE, mark_part, mark_part_of_vot
from tracker_core.errors import InputError, nearest_name
from tracker_core.evaluation.benchmarks import BENCHMARKS, describe_part_of_otb, open_benchmark, read_box_truth_of
from tracker_core.evaluation.ground_truth import BoxTruth, read_box_truth, read_region_truth
from tracker_core.evaluation.one_pass import THRESHOLD_COUNTS
from tracker_core.evaluation.result_files import ResultFolder, find_one_pass_results, find_supervised_results
from tracker_core.evaluation.scoring import OnePassScore, SupervisedScore, score_one_pass, score_supervised
from tracker_core.evaluation.supervised import EAO_INTERVALS, interval_of_year
from tracker_core.files import check_writable


def add_parser(subparsers: Any) -> None:
    """Add the sub-command to the command line."""
    parser = subparsers.add_parser(
        "report",
        help="plots, tables and a page from results",
        description="Plots (PNG, PDF), tables (CSV) and one self-contained HTML page from result files.",
        epilog="Example: siamscope report --dataset otb --groundtruth OTB100/ --results results/otb --out report/",
    )
    parser.add_argument(
        "--dataset",
        required=True,
        choices=tuple(BENCHMARKS),
        help="whose rules: vot is supervised, got10k counts frames, the others are one-pass; otb takes any boxes",
    )
    parser.add_argument(
        "--groundtruth",
        required=True,
        metavar="PATH",
        help="a JSON file, or a data-set folder (otb and vot do without its images)",
    )
    parser.add_argument(
        "--results",
        required=True,
        action="append",
        nargs="+",
        metavar="DIR",
        help="a tracker's result folder, or a folder of such folders; several, and repeatable",
    )
    parser.add_argument(
        "--tracker", action="append", default=[], metavar="N", help="report only this tracker; repeatable"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="where the files are written")
    parser.add_argument("--title", metavar="T", help="title of the page and the plots (name of the ground truth)")
    parser.add_argument(
        "--common", action="store_true", help="compare on the sequences that every tracker has results for"
    )
    parser.add_argument("--thresholds", type=int, choices=THRESHOLD_COUNTS, default=21, help="success thresholds (21)")
    parser.add_argument("--year", choices=tuple(EAO_INTERVALS), default="2018", help="whose EAO interval, vot (2018)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if any score is partial")
    parser.set_defaults(run=run_report)


def run_report(args: argparse.Namespace) -> int:
    """Carry out `report`."""
    # matplotlib takes a while to load, and a slip in the arguments should be told at once
    from tracker_core.evaluation.one_pass_report import build_one_pass_report
    from tracker_core.evaluation.report import Report, gather_results, write_report
    from tracker_core.evaluation.supervised_report import build_supervised_report

    find = find_supervised_results if args.dataset == "vot" else find_one_pass_results
    folders = [Path(folder) for group in args.results for folder in group]
    found = _choose(gather_results(results for folder in folders for results in find(folder)), args.tracker)
    title = args.title or _title_of(Path(args.groundtruth), args.dataset)
    scores: list[OnePassScore] | list[SupervisedScore]
    report: Report
    if args.dataset == "vot":
        region_truth, interval = read_region_truth(args.groundtruth), interval_of_year(args.year)
        supervised = [
            mark_part_of_vot(score_supervised(results, region_truth, interval), region_truth, args.year)
            for results in found
        ]
        if args.common:
            common = _common_sequences(supervised)
            supervised = [_keep(score, common) for score in supervised]
        scores, report = supervised, build_supervised_report(supervised, title)
    else:
        box_truth, part, whole = _read_boxes(args.dataset, args.groundtruth)
        by_frame = BENCHMARKS[args.dataset].by_frame
        one_pass = [
            score_one_pass(results, box_truth, thresholds=args.thresholds, by_frame=by_frame, skip_first=by_frame)
            for results in found
        ]
        one_pass = [mark_part(score, part, whole) for score in one_pass]
        if args.common:
            common = _common_sequences(one_pass)
            one_pass = [_keep(score, common) for score in one_pass]
        scores, report = one_pass, build_one_pass_report(one_pass, title)
    out = check_writable(args.out)
    written = write_report(report, out)
    for tracker, sentences in report.remarks.items():
        for sentence in sentences:
            errors.print(f"{tracker}: {sentence}", style="yellow", markup=False)
    output.print(f"{len(written)} files were written to '{out}'; open '{written[0]}'.", markup=False)
    return INCOMPLETE if args.strict and not all(score.is_complete for score in scores) else 0


def _read_boxes(dataset: str, groundtruth: str) -> tuple[dict[str, BoxTruth], str, int]:
    """Return boxes to compare with, how they are only a part of the data set, if so, and its number of sequences.

    A folder is read as `eval` reads it, so that the same frames count; OTB's needs no images.
    """
    if dataset == "otb" or not Path(groundtruth).is_dir():
        truth = read_box_truth(groundtruth)
        return truth, describe_part_of_otb(truth), BENCHMARKS["otb"].size
    benchmark = open_benchmark(dataset, groundtruth)
    truth = {info.name: read_box_truth_of(benchmark, info) for info in benchmark.infos}
    part = f"{len(truth)} of the {benchmark.total} sequences of {benchmark.title} are in '{groundtruth}'."
    return truth, part if benchmark.is_partial else "", benchmark.total


def _common_sequences(scores: list[OnePassScore] | list[SupervisedScore]) -> set[str]:
    names = set.intersection(*({part.name for part in score.sequences} for score in scores))
    if not names:
        raise InputError("There is no sequence that every tracker has results for; leave out --common or a tracker.")
    return names


def _keep(score: Any, names: set[str]) -> Any:
    return replace(score, sequences=tuple(part for part in score.sequences if part.name in names))


def _choose(found: list[ResultFolder], wanted: list[str]) -> list[ResultFolder]:
    by_name = {results.tracker: results for results in found}
    for name in wanted:
        if name not in by_name:
            known = ", ".join(by_name)
            raise InputError(f"There are no results of '{name}'.{nearest_name(name, by_name)} There are: {known}.")
    return [by_name[name] for name in dict.fromkeys(wanted)] if wanted else found


def _title_of(groundtruth: Path, dataset: str) -> str:
    """Return the data set's folder name; a JSON file is called after the folder that it lies in."""
    place = groundtruth.resolve()
    name = place.parent.name if place.is_file() else place.name
    return name or dataset.upper()
