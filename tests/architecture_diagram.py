"""The diagram of rooms and arrows in docs/architecture.md. Run as a script it draws the diagram there again."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

from test_architecture import LAYERS, ROOT, imports_of, is_there, room_of

PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = (
    "<!-- rooms: `python tests/architecture_diagram.py` draws them again -->\n```\n",
    "```\n<!-- end of rooms -->\n",
)
COLUMN, WIDTH = 15, 118


def arrows() -> dict[str, set[str]]:
    """Return what each room ("app.canvas") imports of other rooms."""
    found: dict[str, set[str]] = {}
    for one in (one for package in LAYERS for one in imports_of(package)):
        importer, imported = room_of(one.importer), room_of(one.imported)
        if importer and imported and importer != imported:
            found.setdefault(importer, set()).add(imported)
    return found


def draw() -> str:
    """Return the diagram: every room from top to bottom with its first line, and below it the rooms that it imports."""
    imported = arrows()
    lines: list[str] = []
    for package, layers in LAYERS.items():
        lines.append(f"{package}/  {first_line(ROOT / package / '__init__.py')}")
        for name in (name for names in layers for name in names if is_there(f"{package}.{name}")):
            lines += _text(name, first_line(file_of(f"{package}.{name}")))
            order = [f"{top}.{room}" for top, below in LAYERS.items() for rooms in below for room in rooms]
            others = sorted(imported.get(f"{package}.{name}", ()), key=order.index)
            if others:
                lines += _text("", "→ " + ", ".join(other.removeprefix("tracker_core.") for other in others), "  ")
    return "\n".join(lines) + "\n"


def file_of(room: str) -> Path:
    """Return the file whose docstring describes a room."""
    path = ROOT.joinpath(*room.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def first_line(path: Path) -> str:
    """Return the first line of a module's docstring, "" without one."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def _text(name: str, text: str, hanging: str = "") -> list[str]:
    indent = " " * COLUMN
    return textwrap.wrap(
        text or "?", WIDTH, initial_indent=f"  {name:<{COLUMN - 2}}", subsequent_indent=indent + hanging,
        break_on_hyphens=False, break_long_words=False,
    )  # fmt: skip


def split_page() -> tuple[str, str, str]:
    """Return the page before the diagram, the diagram, and the page after it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    picture, _, after = rest.partition(END)
    return before, picture, after


if __name__ == "__main__":
    before, _, after = split_page()
    PAGE.write_text(before + BEGIN + draw() + END + after, encoding="utf-8")
