"""Finding a recipe's data: where they were named, around it, or a data set that stands in for the recipe's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tracker_core.config.training import DataConfig
from tracker_core.errors import SiamscopeError
from tracker_core.sources.sequences import detect_layout, is_sequence_folder, list_sequences

PATHS = ("root", "annotations", "images")
HELD_OUT = 10  # of a data set that stands in for the recipe's own, each tenth sequence is for validation
LEAST_TO_HOLD_OUT = 3


@dataclass(frozen=True)
class DataPart:
    """One path of a recipe: `count` entries (folders where there are any, else files), None where it is not there."""

    path: str
    count: int | None

    def __str__(self) -> str:
        return self.path if not self.count else f"{self.path} ({self.count})"


@dataclass(frozen=True)
class FoundData:
    """What was found for a recipe; `data` is what it trains on, None where something is missing.

    `layout` names the data set that stands in for the recipe's own data, "" where those are used.
    """

    folder: Path
    data: DataConfig | None
    parts: tuple[DataPart, ...] = ()
    layout: str = ""
    sequences: int = 0
    held_out: int = 0

    def __str__(self) -> str:
        here = ", ".join(str(part) for part in self.parts if part.count is not None)
        if self.layout:
            size = f"{self.sequences} sequences to train on, {self.held_out} for validation" if self.sequences else ""
            return f"A data set in the layout '{self.layout}'{size and ': '}{size}. It replaces the recipe's own data."
        if self.data is not None:
            return f"Found in '{self.folder}': {here}."
        missing = ", ".join(part.path for part in self.parts if part.count is None)
        return f"The recipe expects {missing} inside the data folder '{self.folder}' (found: {here or 'nothing'})."


def find_data(data: DataConfig, folder: str | Path) -> FoundData:
    """Look for a recipe's data in `folder`, above it where it is one of the recipe's own, and in the folders in it.

    Where they are not complete and `folder` is a data set in a known layout, that one is taken instead. Counts folders
    and files without reading them. Raises nothing: what cannot be read counts as missing.
    """
    folder = Path(folder)
    best = _look_in(data, folder)
    for base in _places_near(data, folder):
        if best.data is not None:
            return best
        other = _look_in(data, base)
        if other.data is not None or _found(other) > _found(best):
            best = other
    return best if best.data is not None else _take_data_set(data, folder) or best


def paths_of(data: DataConfig) -> list[str]:
    """Return the paths that a recipe names, each once, in its order."""
    entries: list[Mapping[str, Any]] = [*data.sets, *data.validation]
    paths = [str(entry[name]) for entry in entries for name in PATHS if name in entry]
    return list(dict.fromkeys([*paths, *data.backgrounds]))


def _look_in(data: DataConfig, base: Path) -> FoundData:
    parts = tuple(DataPart(path, _count(base / path)) for path in paths_of(data))
    is_complete = bool(parts) and all(part.count is not None for part in parts)
    return FoundData(base, replace(data, root=str(base)) if is_complete else None, parts)


def _found(found: FoundData) -> int:
    return sum(part.count is not None for part in found.parts)


def _places_near(data: DataConfig, folder: Path) -> Iterator[Path]:
    """Yield the folders from which a path of the recipe leads to or through `folder`, and the folders in it."""
    here = folder.absolute()
    for path in paths_of(data):
        parts = Path(path).parts
        for count in range(1, len(parts) + 1):
            if here.parts[-count:] == parts[:count]:
                yield here.parents[count - 1]
    yield from _folders_in(folder)


def _folders_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []


def _count(path: Path) -> int | None:
    """Return how many folders, or else files, are in a folder; 0 for a file, None where there is nothing."""
    try:
        if not path.is_dir():
            return 0 if path.is_file() else None
        entries = list(path.iterdir())
        return sum(entry.is_dir() for entry in entries) or len(entries)
    except OSError:
        return None


def _take_data_set(data: DataConfig, folder: Path) -> FoundData | None:
    root = folder.parent if is_sequence_folder(folder) else folder
    annotations = sorted(root.glob("annotations/instances_*.json"))
    images = next((path for path in _folders_in(root) if path.name in _image_folders(annotations)), None)
    if (root / "Data" / "VID").is_dir():
        return _stand_in(data, root, "vid", {"root": str(root)})
    if annotations and images is not None:
        chosen = next((path for path in annotations if path.stem.endswith(images.name)), annotations[0])
        return _stand_in(data, root, "coco", {"annotations": str(chosen), "images": str(images)})
    layout = detect_layout(root)
    try:
        infos = list_sequences(root, layout) if layout else []
    except SiamscopeError:
        return None
    folders = sorted({info.folder for info in infos})
    if layout is None or len(folders) < 2:
        return None
    # whole folders: several targets of one sequence must not stand on both sides
    held = set(folders[::HELD_OUT] if len(folders) >= LEAST_TO_HOLD_OUT else [])
    names = [f"{info.group}/{info.name}" if info.group else info.name for info in infos if info.folder in held]
    entry = {"layout": layout, "root": str(root)}
    taken = replace(
        data, root=str(root), sets=[{**entry, "exclude": names}], backgrounds=[],
        validation=[{**entry, "names": names}] if names else [],
    )  # fmt: skip
    return FoundData(root, taken, (), layout, len(infos) - len(names), len(names))


def _image_folders(annotations: list[Path]) -> set[str]:
    return {"images", *(path.stem.removeprefix("instances_") for path in annotations)} if annotations else set()


def _stand_in(data: DataConfig, root: Path, layout: str, paths: dict[str, str]) -> FoundData:
    taken = replace(data, root=str(root), sets=[{"layout": layout, **paths}], backgrounds=[], validation=[])
    return FoundData(root, taken, (), layout)
