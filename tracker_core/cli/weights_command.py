"""`siamscope weights`: list, show, verify and import checkpoints."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tracker_core.errors import CheckpointError, nearest_name
from tracker_core.weights import WeightsEntry, hash_file, import_weights, list_weights, read_metadata


def add_parser(subparsers: Any) -> None:
    """Add the sub-command to the command line."""
    parser = subparsers.add_parser("weights", help="list the weights that are here, or import published ones")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="name, network, size, licence, source, SHA-256, where it is used")
    listing.add_argument("--json", action="store_true", help="print JSON instead of a table")
    listing.set_defaults(run=_list)
    showing = actions.add_parser("show", help="everything that one weights file says of itself")
    showing.add_argument("name", help="a name from 'weights list', or a file")
    showing.set_defaults(run=_show)
    verifying = actions.add_parser("verify", help="read every file, compare its SHA-256 with the catalogue")
    verifying.set_defaults(run=_verify)
    importing = actions.add_parser(
        "import", help="bring in a PySOT or DaSiamRPN checkpoint (.pth, .pth.tar, .model); no code in it is run"
    )
    importing.add_argument("file", metavar="FILE")
    importing.add_argument("--name", help="which network it is, where two have the same shapes (SiamRPNvot, SiamRPNotb)")
    importing.set_defaults(run=_import)


def _list(args: argparse.Namespace) -> int:
    entries = list_weights()
    console = Console()
    if args.json:
        console.print_json(json.dumps([_as_plain(entry) for entry in entries]))
        return 0
    if not entries:
        console.print("There are no weights here yet; 'weights import FILE' brings in published ones.")
        return 0
    for entry in entries:
        table = Table(show_header=False, box=None, padding=(0, 2), title=f"[bold]{entry.name}[/bold]", title_justify="left")
        for key, value in _rows(entry):
            table.add_row(f"  {key}", value, style="red" if key == "problem" else None)
        console.print(table)
    return 0


def _rows(entry: WeightsEntry) -> list[tuple[str, str]]:
    rows = [
        ("network", f"{entry.network}, {entry.parameters / 1e6:.2f} million parameters"),
        ("size", f"{entry.bytes / 1e6:.1f} MB"),
        ("licence", entry.licence),
        ("source", entry.source),
        ("SHA-256", entry.sha256),
        ("used by", f"tracker {entry.used_by}"),
        ("file", str(entry.path)),
    ]
    return rows + ([("problem", entry.problem)] if entry.problem else [])


def _as_plain(entry: WeightsEntry) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, Path) else value for key, value in vars(entry).items()}


def _show(args: argparse.Namespace) -> int:
    path = Path(args.name)
    if not path.is_file():
        path = _entry(args.name).path
    metadata = read_metadata(path)
    config = json.loads(metadata.pop("config"))
    console = Console()
    console.print(f"[bold]{path}[/bold]\nSHA-256 {hash_file(path)}", highlight=False)
    console.print_json(json.dumps({**metadata, "config": config}))
    return 0


def _entry(name: str) -> WeightsEntry:
    entries = {entry.name: entry for entry in list_weights()}
    if name not in entries:
        raise CheckpointError(
            f"There are no weights called '{name}'.{nearest_name(name, entries)} Here: {', '.join(entries) or 'none'}."
        )
    return entries[name]


def _verify(args: argparse.Namespace) -> int:
    console = Console()
    bad = 0
    for entry in list_weights():
        bad += bool(entry.problem)
        verdict = f"[red]{entry.problem}[/red]" if entry.problem else "[green]good[/green]"
        console.print(f"{entry.name}: {verdict}", highlight=False)
    return 2 if bad else 0


def _import(args: argparse.Namespace) -> int:
    target = import_weights(args.file, args.name)
    Console().print(f"Imported as [bold]{target.stem}[/bold]: {target}", highlight=False)
    Console().print(f"Use it with: track --tracker {target.stem} --source …", highlight=False)
    return 0
