"""docs/cli.md names every command, every option and what each does, in the words of --help; examples parse."""

from __future__ import annotations

import argparse
import html
import re
import shlex
from pathlib import Path

import pytest

from tracker_core.cli.main import COMMANDS, _make_parser

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = html.unescape((DOCS / "cli.md").read_text(encoding="utf-8"))


def parser_of(command: str) -> argparse.ArgumentParser:
    (choices,) = (a.choices for a in _make_parser([command])._actions if isinstance(a, argparse._SubParsersAction))
    assert choices is not None
    return choices[command]


def section(title: str) -> str:
    """The text under a heading, up to the next one of its level or above."""
    match = re.search(rf"^(##+) {re.escape(title)}$(.*?)(?=^##? |\Z)", PAGE, re.S | re.M)
    assert match, f"docs/cli.md has no section '{title}'"
    return match[2]


def described(parser: argparse.ArgumentParser, text: str) -> list[str]:
    """The options of `parser` that `text` does not name with their help."""
    missing = []
    for action in parser._actions:
        if isinstance(action, (argparse._HelpAction, argparse._SubParsersAction)):
            continue
        name = action.option_strings[0] if action.option_strings else (action.metavar or action.dest)
        if action.option_strings and not re.search(rf"^\| `{re.escape(str(name))}[` ,].*\| ", text, re.M):
            missing.append(str(name))
        elif f"| {action.help} |" not in text:
            missing.append(f"{name}: {action.help}")
    return missing


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_option_is_described(command: str) -> None:
    parser = parser_of(command)
    assert described(parser, section(command)) == []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in (action.choices or {}).items():
                assert described(sub, section(f"{command} {name}")) == []


EXAMPLES = re.findall(r"^siamscope (.+)$", PAGE, re.M)


@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_parse(line: str) -> None:
    words = shlex.split(line)
    args, rest = _make_parser(words).parse_known_args(words)
    assert args.command == words[0] and all("=" in word for word in rest)


@pytest.mark.parametrize(
    "page", [*sorted(DOCS.rglob("*.md")), DOCS.parent / "README.md", DOCS.parent / "weights/README.md"]
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to '{target}', which is not there"
