"""The command line, without a window of its own. Sub-commands are loaded only when they are called."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracker_core.cli.console import errors, run_safely, set_up_logging
from tracker_core.errors import InputError, nearest_name
from tracker_core.files import check_writable_file
from tracker_core.packaged import CLIP
from tracker_core.results.provenance import program_version

# name → module and the line that --help shows; the module itself is loaded only for the command that was typed
COMMANDS: dict[str, tuple[str, str]] = {
    "track": ("tracker_core.cli.track_command", "follow targets in a video, camera, stream, folder or sequence"),
    "batch": ("tracker_core.cli.batch_command", "track a folder of videos, each from its first boxes"),
    "export": ("tracker_core.cli.export_command", "draw a saved run into a video or images, or convert its boxes"),
    "eval": ("tracker_core.cli.eval_command", "run trackers on a benchmark and score them"),
    "score": ("tracker_core.cli.score_command", "score result files that any tracker wrote"),
    "report": ("tracker_core.cli.report_command", "plots, tables and a page from results"),
    "train": ("tracker_core.cli.train_command", "train a tracker from a configuration"),
    "tune": ("tracker_core.cli.tune_command", "search tracking parameters on validation sequences"),
    "experiment": ("tracker_core.cli.experiment_command", "repeat a study: train, evaluate, plot"),
    "weights": ("tracker_core.cli.weights_command", "list the weights that are here, or import published ones"),
    "bench": ("tracker_core.cli.bench_command", "measure speed, stage by stage"),
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence with the nearest known word, and exit with 2."""

    def error(self, message: str) -> Any:
        """Raise `InputError`; the caller prints it."""
        raise InputError(f"{message[:1].upper()}{message[1:]}. See '{self.prog} --help'.")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            name = "/".join(action.option_strings) or action.metavar or action.dest
            known = [str(choice) for choice in action.choices]
            raise InputError(
                f"'{value}' is not known for {name}.{nearest_name(str(value), known)} Known: {', '.join(known)}."
            )


@dataclass(frozen=True)
class Window:
    """What a window program hands in: whether it can open here, opening it on a source, measuring it (`bench`)."""

    can_open: Callable[[], bool]
    open: Callable[[Sequence[str]], int]
    measure: Callable[[Sequence[str]], int]


def main(argv: Sequence[str] | None = None, window: Window | None = None) -> int:
    """Run the command line and return its exit code.

    Without a command `window` opens; where there is none, or no display, the bundled clip is tracked.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    return run_safely(lambda: _dispatch(arguments, window))


def _dispatch(arguments: list[str], window: Window | None) -> int:
    if not arguments or (not arguments[0].startswith("-") and _names_a_source(arguments[0])):
        return _open_window_or_demo(arguments, window)
    parser = _make_parser(arguments)
    parser.set_defaults(measure_window=window and window.measure)
    args, rest = parser.parse_known_args(arguments)
    # argparse takes positional words only in one go: changes that stand between options come back here
    if rest and not (hasattr(args, "overrides") and all("=" in word and word[0] != "-" for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        args.overrides = [*args.overrides, *rest]
    set_up_logging(args.verbose)
    if isinstance(getattr(args, "json", None), str):
        check_writable_file(args.json)  # before the work whose figures go there
    code: int = args.run(args)
    return code


def _make_parser(arguments: Sequence[str]) -> Parser:
    parser = Parser(
        prog="siamscope",
        description="Draw a box, watch a Siamese tracker follow it, and see why it does what it does.",
        epilog="Without a command the window opens (on a file or folder, if given); see 'siamscope COMMAND --help'.",
    )
    parser.add_argument("--version", action="version", version=f"siamscope {program_version() or '(not installed)'}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log everything")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    wanted = next((word for word in arguments if word in COMMANDS), None)
    for name, (module, line) in COMMANDS.items():
        command = subparsers.add_parser(name, help=line)
        if name == wanted:
            importlib.import_module(module).add_options(command)
    return parser


def _names_a_source(word: str) -> bool:
    """Whether the first argument is something to open instead of a command."""
    return word not in COMMANDS and ("://" in word or Path(word).exists())


def _open_window_or_demo(arguments: list[str], window: Window | None) -> int:
    if window is not None and window.can_open():
        return window.open(arguments)
    if window is not None:
        errors.print("There is no display, so the window cannot open; tracking without it.")
    return _dispatch(["track", f"--source={arguments[0] if arguments else CLIP}", "--init-from-gt"], window)
