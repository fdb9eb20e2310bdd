"""`siamscope weights`: list, show, verify, import, configure, average, pair, measure and remove checkpoints."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.text import Text

from tracker_core.checkpoints.averaging import average_weights
from tracker_core.checkpoints.pairing import pair_weights
from tracker_core.checkpoints.published_names import SAME_SHAPES
from tracker_core.checkpoints.weights import (
    WeightsEntry,
    configure_weights,
    find_weights,
    hash_file,
    import_weights,
    list_weights,
    load_checkpoint,
    read_metadata,
    remove_weights,
)
from tracker_core.cli.console import Reporter, add_device_options, add_progress_option, emit, output
from tracker_core.errors import CheckpointError
from tracker_core.trackers.builder import build_tracker
from tracker_core.trackers.speeds import UPDATES, WARM_UP, Speed, keep_speed, known_speeds, measure_speed


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line takes after the command's name."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="name, network, size, licence, source, SHA-256, score, speed here")
    listing.add_argument("--json", action="store_true", help="print JSON instead of a table")
    add_progress_option(listing)
    listing.set_defaults(run=_list)
    showing = actions.add_parser("show", help="everything that one weights file says of itself")
    showing.add_argument("name", metavar="NAME", help="a name from 'weights list', or a file")
    showing.set_defaults(run=_show)
    verifying = actions.add_parser("verify", help="read every file, compare its SHA-256 with the catalogue")
    verifying.set_defaults(run=_verify)
    importing = actions.add_parser(
        "import",
        help="bring in a PySOT or DaSiamRPN checkpoint (.pth, .pth.tar, .model), or one of your own training; "
        "no code in it is run",
    )
    importing.add_argument("file", metavar="FILE", help="the checkpoint")
    importing.add_argument(
        "--name",
        metavar="N",
        help="what to store it as; a published name also says which network it is, where two have the same shapes "
        "(dasiamrpn_SiamRPNvot, dasiamrpn_SiamRPNotb)",
    )
    add_progress_option(importing)
    importing.set_defaults(run=_import)
    configuring = actions.add_parser(
        "configure", help="store other tracking parameters in a weights file; its tensors stay as they are"
    )
    configuring.add_argument("name", metavar="NAME", help="a name from 'weights list', or a file")
    configuring.add_argument("--out", metavar="FILE", help="write another file instead of changing this one")
    configuring.add_argument(
        "overrides",
        nargs="+",
        metavar="key=value",
        help="tracking.… or online.…, such as tracking.confidence_slope=0.8",
    )
    configuring.set_defaults(run=_configure)
    _add_combining(actions)
    removing = actions.add_parser("remove", help="delete imported weights")
    removing.add_argument("name", metavar="NAME", help="a name from 'weights list'")
    removing.set_defaults(run=_remove)
    measuring = actions.add_parser("measure", help="measure how fast weights are here, and remember it for the list")
    measuring.add_argument("names", metavar="NAME", nargs="*", help="names from 'weights list' (default: all)")
    add_device_options(measuring)
    add_progress_option(measuring)
    measuring.set_defaults(run=_measure)


def _add_combining(actions: Any) -> None:
    averaging = actions.add_parser("average", help="the mean of several runs of one network that began alike")
    averaging.add_argument(
        "files", nargs="+", metavar="FILE", help="checkpoints; the first one's configuration is kept"
    )
    averaging.add_argument("--out", required=True, metavar="FILE", help="where the mean is written")
    averaging.set_defaults(run=_average)
    pairing = actions.add_parser("pair", help="a tracker that asks a second network as well, in one file")
    pairing.add_argument("first", metavar="FIRST", help="the tracker: a name from 'weights list', or a file")
    pairing.add_argument("second", metavar="SECOND", help="whose network is asked as well")
    pairing.add_argument("--out", required=True, metavar="FILE", help="where the pair is written")
    pairing.add_argument("--name", metavar="N", default="", help="the tracker's name (that of FIRST)")
    pairing.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the tracker's configuration")
    pairing.set_defaults(run=_pair)


def _list(args: argparse.Namespace) -> int:
    entries, speeds = list_weights(), known_speeds()
    if args.json:
        output.print_json(json.dumps([_as_plain(entry, speeds.get(entry.sha256)) for entry in entries]))
        return 0
    if args.progress == "json":
        for entry in entries:
            emit({"event": "weights", **_as_plain(entry, speeds.get(entry.sha256))})
        return 0
    if not entries:
        output.print("There are no weights here yet; 'weights import FILE' brings in published ones.")
        return 0
    for entry in entries:
        # lines and no table: a table cuts a SHA-256 short where the terminal is narrow
        output.print(entry.name, style="bold")
        for key, value in _rows(entry, speeds.get(entry.sha256)):
            output.print(f"  {key:<8} {value}", style="red" if key == "problem" else None)
    return 0


def _rows(entry: WeightsEntry, speed: Speed | None) -> list[tuple[str, str]]:
    measured = "not measured ('weights measure')"
    if speed is not None:
        measured = f"{speed.updates_per_second:.0f} updates/s here ({speed.device}, {speed.runtime})"
    rows = [
        ("network", f"{entry.network}, {entry.parameters / 1e6:.2f} million parameters"),
        ("size", f"{entry.bytes / 1e6:.1f} MB"),
        ("licence", entry.licence),
        ("source", entry.source),
        ("SHA-256", entry.sha256),
        ("score", f"success / precision {entry.score}" if entry.score else "unknown"),
        ("speed", measured),
        ("used by", entry.used_by),
        ("file", str(entry.path)),
    ]
    return rows + ([("problem", entry.problem)] if entry.problem else [])


def _as_plain(entry: WeightsEntry, speed: Speed | None) -> dict[str, Any]:
    shown = {key: value for key, value in vars(entry).items() if key != "config"}
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in shown.items()}
    return {**plain, "speed": None if speed is None else asdict(speed)}


def _show(args: argparse.Namespace) -> int:
    path = _path_of(args.name)
    metadata = read_metadata(path)
    config = load_checkpoint(path).config
    output.print(str(path), style="bold")
    output.print(f"SHA-256 {hash_file(path)}")
    output.print_json(json.dumps({**metadata, "config": config}))
    return 0


def _path_of(name: str) -> Path:
    """Return the file that a name from the list, or a path, stands for."""
    return Path(name) if Path(name).is_file() else find_weights(name)


def _configure(args: argparse.Namespace) -> int:
    target = configure_weights(_path_of(args.name), args.overrides, args.out)
    output.print(f"Wrote {target} (SHA-256 {hash_file(target)})")
    return 0


def _average(args: argparse.Namespace) -> int:
    target = average_weights(args.files, args.out)
    output.print(f"Wrote {target} (SHA-256 {hash_file(target)})")
    return 0


def _pair(args: argparse.Namespace) -> int:
    target = pair_weights(_path_of(args.first), _path_of(args.second), args.out, args.name, args.overrides)
    output.print(f"Wrote {target} (SHA-256 {hash_file(target)})")
    return 0


def _verify(args: argparse.Namespace) -> int:
    entries = list_weights()
    for entry in entries:
        verdict = (entry.problem, "red") if entry.problem else ("good", "green")
        output.print(Text.assemble(f"{entry.name}: ", verdict))
    if not entries:
        output.print("There are no weights here to verify.")
    return 2 if any(entry.problem for entry in entries) else 0


def _import(args: argparse.Namespace) -> int:
    target = import_weights(args.file, args.name)
    tracker = read_metadata(target)["tracker"]
    pairs = {name: other for name, others in SAME_SHAPES.items() for other in others}
    twin = pairs.get(tracker) or {other: name for name, other in pairs.items()}.get(tracker)
    note = ""
    if twin is not None and args.name is None:
        note = f"{twin} has the same shapes; if the file is that one, import it with --name {twin}."
    if args.progress == "json":
        emit({"event": "imported", "name": target.stem, "path": str(target), "note": note})
        return 0
    output.print(Text.assemble("Imported as ", (target.stem, "bold"), f": {target}"))
    output.print(f"Use it with: track --tracker {target.stem} --source …")
    if note:
        output.print(note)
    return 0


def _remove(args: argparse.Namespace) -> int:
    output.print(f"Removed {remove_weights(args.name)}")
    return 0


def _measure(args: argparse.Namespace) -> int:
    entries = {entry.name: entry for entry in list_weights() if not entry.problem}
    for name in args.names:
        if name not in entries:
            find_weights(name)  # says what is wrong with the name
            raise CheckpointError(f"The weights '{name}' are damaged; see 'weights verify'.")
    names = args.names or list(entries)
    with Reporter(args.progress, "Measuring", len(names) * (WARM_UP + UPDATES), "updates") as bar:
        for name in names:
            bar.retitle(f"Measuring {name}")
            tracker = build_tracker(weights=entries[name].path, device=args.device, runtime=args.runtime)
            speed = measure_speed(tracker, bar.advance)
            keep_speed(entries[name].sha256, speed)
            if args.progress == "json":
                emit({"event": "speed", "name": name, **asdict(speed)})
            else:
                text = f"{speed.updates_per_second:.0f} updates/s ({speed.device}, {speed.runtime})"
                output.print(Text.assemble((name, "bold"), f": {text}"))
    return 0
