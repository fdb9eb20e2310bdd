"""`siamscope report`: plots, tables and one page from result files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tracker_core.cli.console import errors, output
from tracker_core.cli.score_command import INCOMPLETE, add_scoring_options, choose_trackers
from tracker_core.evaluation.benchmarks import BENCHMARKS, open_benchmark
from tracker_core.evaluation.protocols import PROTOCOLS, AnyProtocol
from tracker_core.evaluation.result_files import gather_results
from tracker_core.evaluation.scoring import keep_common, score_results
from tracker_core.files import check_writable


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line takes after the command's name."""
    parser.description = "Plots (PNG, PDF), tables (CSV) and one self-contained HTML page from result files."
    parser.epilog = "Example: siamscope report --dataset otb --groundtruth OTB100/ --results results/otb --out report/"
    parser.add_argument(
        "--dataset", required=True, choices=tuple(BENCHMARKS),
        help="whose rules: vot is supervised, votlt long-term, got10k counts frames, the others are one-pass; "
        "otb takes any boxes",
    )  # fmt: skip
    parser.add_argument(
        "--groundtruth", required=True, metavar="PATH",
        help="a JSON file, or a data-set folder (otb and vot do without its images)",
    )  # fmt: skip
    parser.add_argument(
        "--results", required=True, action="append", nargs="+", metavar="DIR",
        help="a tracker's result folder, or a folder of such folders; several, and repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--tracker", action="append", default=[], metavar="N", help="report only this tracker; repeatable"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="where the files are written")
    parser.add_argument("--title", metavar="T", help="title of the page and the plots (name of the ground truth)")
    parser.add_argument(
        "--common", action="store_true", help="compare on the sequences that every tracker has results for"
    )
    add_scoring_options(parser)
    parser.set_defaults(run=run_report)


def run_report(args: argparse.Namespace) -> int:
    """Carry out `report`."""
    # matplotlib takes a while to load, and a mistake in the arguments should be reported at once
    from tracker_core.evaluation.report import build_report, write_report

    protocol = BENCHMARKS[args.dataset].protocol.configured(thresholds=args.thresholds, year=args.year)
    folders = [Path(folder) for group in args.results for folder in group]
    found = gather_results(results for folder in folders for results in protocol.find_results(folder))
    chosen = choose_trackers(found, args.tracker)
    truth, part, whole = _read_truth(protocol, args.dataset, args.groundtruth)
    scores = [score_results(protocol, results, truth).mark_part(part, whole) for results in chosen]
    if args.common:
        scores = keep_common(scores)
    report = build_report(scores, args.title or _title_of(Path(args.groundtruth), args.dataset), args.against)
    out = check_writable(args.out)
    written = write_report(report, out)
    for tracker, sentences in report.remarks.items():
        for sentence in sentences:
            errors.print(f"{tracker}: {sentence}", style="yellow")
    output.print(f"{len(written)} files were written to '{out}'; open '{written[0]}'.")
    return INCOMPLETE if args.strict and not all(score.is_complete for score in scores) else 0


def _read_truth(protocol: AnyProtocol, dataset: str, groundtruth: str) -> tuple[dict[str, Any], str, int]:
    """Return ground truth, how it is only a part of the data set, if so, and the data set's number of sequences.

    A folder is read as `eval` reads it, so that the same frames count; OTB's and VOT's need no images.
    """
    if dataset in PROTOCOLS or not Path(groundtruth).is_dir():
        truth = protocol.read_truth(groundtruth)
        return truth, protocol.describe_part(list(truth)), protocol.whole
    benchmark = open_benchmark(dataset, groundtruth)
    truth = {info.name: benchmark.protocol.truth_of(info) for info in benchmark.infos}
    part = f"{len(truth)} of the {benchmark.total} sequences of {benchmark.title} are in '{groundtruth}'."
    return truth, part if benchmark.is_partial else "", benchmark.total


def _title_of(groundtruth: Path, dataset: str) -> str:
    """Return the data set's folder name; a JSON file is named after its folder."""
    place = groundtruth.resolve()
    name = place.parent.name if place.is_file() else place.name
    return name or dataset.upper()
