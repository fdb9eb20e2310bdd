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

# The picture in docs/architecture.md, top to bottom; modules on one line do not import each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("types",),
    ("files", "opencv", "packaged"),
    ("boxes",),
    ("metrics",),
    ("config",),
    ("anchors", "crops"),
    ("sources",),
    ("results",),
    ("rendering",),
    ("models",),
    ("presets",),
    ("checkpoints",),
    ("runtime",),
    ("trackers",),
    ("evaluation",),
    ("training",),
    ("experiments",),
    ("cli",),
)
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names}

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


def part_of(module: str) -> str | None:
    """Return the part of the core that `module` belongs to ("video"), None for the package's front or a stranger."""
    words = module.split(".")
    if words[0] != "tracker_core" or len(words) < 2:
        return None
    # `from tracker_core import load_published` names the package's front and not a part
    return words[1] if words[1] in LEVELS or (ROOT / "tracker_core" / words[1]).exists() else None


def upward(found: Import) -> bool:
    """Whether an import of one part of the core by another points up (or sideways) in the picture."""
    importer, imported = part_of(found.importer), part_of(found.imported)
    if importer is None or imported is None or importer == imported:
        return False
    return LEVELS.get(imported, -1) >= LEVELS.get(importer, len(LAYERS))


def test_every_part_of_the_core_has_a_place() -> None:
    parts = {
        path.stem
        for path in (ROOT / "tracker_core").iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }
    assert parts <= set(LEVELS), "put it into LAYERS here and into the picture in docs/architecture.md"


def test_the_picture_shows_every_part_in_this_order() -> None:
    picture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    core = picture.split("tracker_core/", 1)[1].split("\napp/", 1)[0]
    shown: list[str] = []
    for line in core.splitlines():
        names = line[:33].split()  # what stands after that column is the description
        shown += [name.removesuffix(".py").removesuffix("/") for name in names if name.endswith((".py", "/"))]
    levels = [LEVELS[name] for name in shown]
    assert sorted(shown) == sorted(LEVELS)
    assert levels == sorted(levels)


def test_no_arrow_points_up() -> None:
    assert [str(found) for found in imports_of("tracker_core") if upward(found)] == []


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
