"""The layers: a module imports only what stands above it in docs/architecture.md, and Qt stays in `app/`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from setuptools import find_packages
from setuptools.config.setupcfg import read_configuration

ROOT = Path(__file__).resolve().parents[1]

# Top to bottom; a room imports only what stands above it, and rooms on one line do not import each other.
LAYERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "tracker_core": (
        ("errors",),
        ("types",),
        ("files", "opencv", "packaged", "pipeline", "crew", "cores"),
        ("locks",),
        ("boxes",),
        ("metrics", "click_boxes"),
        ("config",),
        ("candidates", "crops"),
        ("sources",),
        ("results",),
        ("rendering", "batch"),
        ("models",),
        ("presets",),
        ("checkpoints",),
        ("runtime",),
        ("trackers",),
        ("evaluation",),
        ("training",),
        ("experiments",),
        ("cli",),
    ),
    "app": (
        ("settings",),
        ("session",),
        ("worker", "jobs"),
        ("commands",),
        ("canvas",),
        ("panels",),
        ("dialogs",),
        ("controls",),
        ("window",),
        ("bench",),
        ("command_line",),
    ),
}
# All of the core stands above all of the window program.
LEVELS = {
    f"{package}.{name}": level
    for level, (package, names) in enumerate((package, names) for package in LAYERS for names in LAYERS[package])
    for name in names
}

QT = {"PyQt5", "PyQt6", "PySide2", "PySide6", "qtpy", "sip", "pyqtgraph", "qimage2ndarray"}
# Parts of the window program that can be used and tested without a window.
QT_FREE_IN_APP = ("session", "settings")


@dataclass(frozen=True)
class Import:
    """One import: the module in which it stands, what it names, its line, whether it runs when the module loads."""

    importer: str
    imported: str
    line: int
    at_load: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def module_name(path: Path, root: Path) -> str:
    """Return the dotted name of the module in file `path`."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def read_imports(source: str, importer: str, is_package: bool = False) -> Iterator[Import]:
    """Yield what the Python text `source` of module `importer` imports, also inside functions."""

    def visit(node: ast.AST, at_load: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(importer, alias.name, node.lineno, at_load)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = importer.split(".")
                parents = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parents, *filter(None, [node.module])])
            for alias in node.names:
                yield Import(importer, f"{base}.{alias.name}", node.lineno, at_load)
        at_load = at_load and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, at_load)

    yield from visit(ast.parse(source), True)


def imports_of(package: str) -> list[Import]:
    """Return all imports in a top-level package of this project."""
    found: list[Import] = []
    for path in sorted((ROOT / package).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found += read_imports(text, module_name(path, ROOT), is_package=path.name == "__init__.py")
    return found


def room_of(module: str) -> str | None:
    """Return the room that `module` belongs to ("app.canvas"), None for a package's front or a stranger."""
    room = ".".join(module.split(".")[:2])
    # `from tracker_core import load_published` names the package's front and not a room
    return room if module.split(".")[0] in LAYERS and (room in LEVELS or is_there(room)) else None


def is_there(room: str) -> bool:
    """Whether a room is a package or a module."""
    path = ROOT.joinpath(*room.split("."))
    return "." in room and (path.is_dir() or path.with_suffix(".py").is_file())


def upward(found: Import) -> bool:
    """Whether an import of one room by another points up (or sideways) in the diagram."""
    importer, imported = room_of(found.importer), room_of(found.imported)
    if importer is None or imported is None or importer == imported:
        return False
    return LEVELS.get(imported, -1) >= LEVELS.get(importer, len(LEVELS))


@pytest.mark.parametrize("package", LAYERS)
def test_every_room_has_a_place(package: str) -> None:
    rooms = {
        f"{package}.{path.stem}"
        for path in (ROOT / package).iterdir()
        if (path.suffix == ".py" and path.stem not in ("__init__", "__main__")) or (path / "__init__.py").exists()
    }
    assert rooms <= set(LEVELS), "put it into LAYERS here; `python tests/architecture_diagram.py` draws the diagram"


@pytest.mark.parametrize("package", LAYERS)
def test_no_arrow_points_up(package: str) -> None:
    arrows = [found for found in imports_of(package) if upward(found)]
    assert [str(found) for found in arrows] == []


def test_the_core_has_no_qt() -> None:
    assert [str(found) for found in imports_of("tracker_core") if found.imported.split(".")[0] in QT] == []


def test_the_core_does_not_know_the_window() -> None:
    assert [str(found) for found in imports_of("tracker_core") if found.imported.split(".")[0] == "app"] == []


def test_the_session_has_no_qt() -> None:
    arrows = [found for found in imports_of("app") if found.importer.split(".")[1:2] in [[n] for n in QT_FREE_IN_APP]]
    assert [str(found) for found in arrows if found.imported.split(".")[0] in QT] == []


def test_setup_cfg_names_every_package() -> None:
    named = set(read_configuration(str(ROOT / "setup.cfg"))["options"]["packages"])
    there = set(find_packages(str(ROOT), include=["app*", "tracker_core*"]))
    data = {"tracker_core.data.configs", "tracker_core.data.resources", "tracker_core.data.weights"}
    assert there - named == set(), "add it to [options] packages in setup.cfg"
    assert named - there == data


# Longest file, class and function, in lines; what is longer is named here with its reason.
LIMITS = {"file": 400, "class": 250, "function": 60}
LONGER = {"resources/clip/draw_clip.py: draw_beetle": "one figure, stroke by stroke"}


def test_nothing_is_too_long() -> None:
    found = {}
    for path in sorted(p for top in (*LAYERS, "resources", "docs") for p in (ROOT / top).rglob("*.py")):
        name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        lengths = [("file", name, len(text.splitlines()))]
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                kind = "class" if isinstance(node, ast.ClassDef) else "function"
                lengths.append((kind, f"{name}: {node.name}", (node.end_lineno or 0) - node.lineno + 1))
        found |= {what: lines for kind, what, lines in lengths if lines > LIMITS[kind]}
    assert set(found) == set(LONGER), f"longer than {LIMITS}, or not any more: {found}"


def test_no_file_is_called_utils() -> None:
    names = [p.stem for package in ("tracker_core", "app") for p in (ROOT / package).rglob("*.py")]
    assert [name for name in names if name in {"utils", "util", "helpers", "misc", "common"}] == []


@pytest.mark.parametrize(
    ("line", "imported", "is_upward"),
    [
        ("import tracker_core.boxes", "tracker_core.boxes", False),  # down: video uses boxes
        ("import tracker_core.training.loop", "tracker_core.training.loop", True),  # up
        ("from tracker_core import cli", "tracker_core.cli", True),  # up, the part named after `import`
        ("from tracker_core import load_published", "tracker_core.load_published", False),  # the front, not a part
        ("from . import writers", "tracker_core.rendering.writers", False),  # within the package
        ("from .. import training", "tracker_core.training", True),  # relative and up
        ("from ..trackers.state import State", "tracker_core.trackers.state.State", True),
        ("def f():\n    from tracker_core.cli import main", "tracker_core.cli.main", True),  # hidden in a function
        ("if True:\n    import numpy", "numpy", False),  # a stranger
    ],
)
def test_arrows_are_recognised(line: str, imported: str, is_upward: bool) -> None:
    (found,) = read_imports(line, "tracker_core.rendering.drawing")
    assert (found.imported, upward(found)) == (imported, is_upward)
    assert found.at_load == (not line.startswith("def"))
