"""`siamscope experiment`: studies that one command repeats, from training to the figure."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tracker_core.cli.console import Reporter, add_device_options, add_progress_option, emit, errors, output
from tracker_core.cli.holding_command import add_holding
from tracker_core.files import check_writable
from tracker_core.packaged import CONFIGS

DEFAULT_CONFIG = CONFIGS / "experiments" / "correlation_study.yaml"
INCOMPLETE = 1


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line takes after the command's name."""
    parser.description = "Repeat a study."
    studies = parser.add_subparsers(dest="experiment", required=True, metavar="NAME")
    study = studies.add_parser(
        "correlation-study",
        help="is the correlation map needed?",
        description="Is the correlation map needed? Train its trackers alike (or load them), evaluate each, "
        "and plot success and precision with the spread over seeds. Runs and sequences that are finished are not done "
        "again; Ctrl-C saves, and the same command resumes.",
        epilog="Example: siamscope experiment correlation-study --load shipped benchmark.root=OTB100/",
    )
    study.add_argument(
        "--config", default=str(DEFAULT_CONFIG), metavar="FILE", help="a YAML file (the one in configs/experiments)"
    )
    study.add_argument(
        "--load", metavar="WHAT", help="do not train: 'shipped', or a folder of runs called TRACKER_SEED"
    )
    study.add_argument("--out", metavar="DIR", help="folder of runs, results and the figure")
    study.add_argument("--jobs", type=int, metavar="N", help="sequences at a time (default: one per core)")
    add_device_options(study)
    study.add_argument("--again", action="store_true", help="remove the results of the sequences and track them again")
    add_progress_option(study)
    study.add_argument("overrides", nargs="*", metavar="key=value", help="changes, such as seeds=[0,1,2]")
    study.set_defaults(run=run_correlation_study)
    add_holding(studies)


def run_correlation_study(args: argparse.Namespace) -> int:
    """Carry out `experiment correlation-study`; what can be refused is refused before the first step."""
    from tracker_core.config import apply_overrides
    from tracker_core.evaluation.runner import Evaluation, choose_jobs
    from tracker_core.experiments.correlation_study.findings import compare_runs, open_one_pass
    from tracker_core.experiments.correlation_study.report import write_findings
    from tracker_core.experiments.correlation_study.runs import BASELINE, load_experiment, plan_runs
    from tracker_core.runtime.devices import resolve_device

    config = load_experiment(args.config, args.overrides)
    named = {"load": args.load, "out": args.out, "training.loop.device": args.device}
    config = apply_overrides(config, {key: value for key, value in named.items() if value is not None})
    device = resolve_device(args.device)
    benchmark = open_one_pass(config.benchmark)
    out = check_writable(config.out)
    evaluation = Evaluation(benchmark, out / "results")
    jobs = choose_jobs(args.jobs, device, len(evaluation.truths))
    runs = plan_runs(config, Path(args.config).resolve().parent)
    if not config.load and (code := _train(runs, args.progress)):
        return code
    candidates = [run.candidate(device, args.runtime) for run in runs]
    scores = _evaluate(evaluation, [*candidates, BASELINE], jobs, args)
    findings = compare_runs(benchmark, runs, scores)
    written = write_findings(findings, out)
    _write_report(list(scores.values()), benchmark.title, out / "report")
    if args.progress == "json":
        emit({"event": "result", "out": str(out), "page": str(written[0])})
    else:
        output.print(written[0].read_text(encoding="utf-8"))
        output.print(f"The figure, the table and the page are in '{out}'.")
    return INCOMPLETE if any(score.remarks.left_out for score in scores.values()) else 0


def _train(runs: list[Any], progress: str) -> int:
    """Train what is not finished; return the exit code, 0 unless it was stopped."""
    from tracker_core.cli.train_progress import TrainingReporter
    from tracker_core.experiments.correlation_study.runs import train_run
    from tracker_core.training.interrupt import StopRequest

    with StopRequest().listen() as stop:
        for run in runs:
            _tell(progress, run)
            if run.is_finished:
                continue
            with TrainingReporter(progress, run.step, run.config.loop) as teller:
                finished = train_run(run, stop, teller.start, teller.note_step)
            if not finished or stop.is_set:
                if progress != "json":
                    errors.print("Stopped; the same command resumes from there.")
                return stop.exit_code
    return 0


def _tell(progress: str, run: Any) -> None:
    if progress == "json":
        emit({"event": "run", "tracker": run.tracker, "seed": run.seed, "step": run.step, "finished": run.is_finished})
    elif progress == "bar":
        what = "is already trained" if run.is_finished else f"is trained from step {run.step}"
        errors.print(f"{run.name} {what}.")


def _evaluate(evaluation: Any, candidates: list[Any], jobs: int, args: argparse.Namespace) -> dict[str, Any]:
    """Track what has no result yet and return the score of every candidate, by its name."""
    plans = []
    for candidate in candidates:
        tracker = candidate.make()
        plans.append((evaluation.plan(candidate, tracker, again=args.again), tracker))
    failed = {}
    total = sum(plan.frames for plan, _ in plans)
    with Reporter(args.progress, f"Running {evaluation.benchmark.title}", total) as bar:
        for plan, tracker in plans:
            failed[plan.candidate.name] = evaluation.carry_out(plan, jobs=jobs, tracker=tracker, on_frames=bar.advance)
    scores = {}
    for plan, _ in plans:
        score = evaluation.score(plan.store, failed=failed[plan.candidate.name])
        for sentence in score.remarks.left_out.values():
            errors.print(f"{score.tracker}: {sentence}", style="yellow")
        scores[plan.candidate.name] = score
    return scores


def _write_report(scores: list[Any], title: str, folder: Path) -> None:
    from tracker_core.evaluation.report import build_report, write_report

    write_report(build_report(scores, title), folder)
