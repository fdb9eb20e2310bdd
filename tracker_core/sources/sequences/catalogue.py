"""All layouts together: say what a folder is, list its sequences, load one."""

from __future__ import annotations

from pathlib import Path

from tracker_core.errors import DataSetError, nearest_name
from tracker_core.sources.sequences.davis import DavisLayout
from tracker_core.sources.sequences.got10k import Got10kLayout
from tracker_core.sources.sequences.lasot import LasotLayout
from tracker_core.sources.sequences.layout import Annotation, Layout, SequenceInfo
from tracker_core.sources.sequences.otb import Dtb70Layout, OtbLayout
from tracker_core.sources.sequences.trackingnet import TrackingNetLayout
from tracker_core.sources.sequences.uav123 import UAV_LAYOUTS
from tracker_core.sources.sequences.vot import VotLayout
from tracker_core.types import Sequence

# In the order in which they are tried: the most telling file names first.
LAYOUTS: list[Layout] = [
    OtbLayout(),
    *UAV_LAYOUTS,
    DavisLayout(),
    TrackingNetLayout(),
    VotLayout(),
    LasotLayout(),
    Got10kLayout(),
    Dtb70Layout(),  # nothing tells it from OTB, so that it has to be asked for
]
# Sets that are laid out exactly like another one.
ALIASES = {"otb2013": "otb", "otb50": "otb", "otb100": "otb", "otb2015": "otb", "youtube-vos": "davis"}


def layout_by_name(name: str) -> Layout:
    """Return the layout called `name`; raises `DataSetError` that names the nearest known one."""
    wanted = ALIASES.get(name.lower(), name.lower())
    for layout in LAYOUTS:
        if layout.name == wanted:
            return layout
    known = [*(layout.name for layout in LAYOUTS), *ALIASES]
    raise DataSetError(
        f"There is no data-set layout '{name}'; known are {', '.join(known)}.{nearest_name(name, known)}"
    )


def detect_layout(folder: str | Path) -> str | None:
    """Return the name of the layout of a sequence folder or data-set root, or None if it is neither."""
    layout = _detect(Path(folder))
    return layout.name if layout else None


def is_sequence_folder(folder: str | Path) -> bool:
    """Tell whether `folder` is one sequence (of one or more targets), not a data set of many."""
    folder = Path(folder)
    return folder.is_dir() and any(layout.is_sequence(folder) for layout in LAYOUTS)


def list_sequences(root: str | Path, layout: str | None = None) -> list[SequenceInfo]:
    """Return the sequences under a data-set root (or in a single sequence folder), without reading images.

    `layout` is a name of `LAYOUTS`, found from the files if left out. Raises `DataSetError` for a folder that is
    absent or holds no sequence.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataSetError(f"There is no data-set folder '{root}'; check the path.")
    try:
        chosen = layout_by_name(layout) if layout else _detect(root)
        infos = chosen.find(root) if chosen else []
    except OSError as error:
        raise DataSetError(f"The data-set folder '{root}' cannot be read ({error.strerror or error}).") from error
    if not infos:
        kind = f"{layout} " if layout else ""
        raise DataSetError(f"No {kind}sequence was found in '{root}'; give the folder that holds the sequences.")
    return infos


def find_sequence(root: str | Path, name: str, layout: str | None = None) -> SequenceInfo:
    """Return the entry of `list_sequences` called `name` (any case); `DataSetError` names the nearest one.

    Numbered targets may be written `Jogging-2`, `Jogging.2` or `Jogging_2`.
    """
    infos = list_sequences(root, layout)
    wanted = name.casefold()
    for info in infos:
        if info.name.casefold() == wanted:
            return info
    for info in infos:
        if info.name[-2:-1] == "-" and wanted in {f"{info.name[:-2]}{mark}{info.target}".casefold() for mark in "._"}:
            return info
    known = [info.name for info in infos]
    raise DataSetError(f"There is no sequence '{name}' in '{root}'.{nearest_name(name, known)}")


def load_sequence(root: str | Path, name: str | None = None, layout: str | None = None) -> Sequence:
    """Read the sequence called `name` under `root`, or the only one there if `name` is left out.

    Raises `DataSetError` where files are missing or do not fit together.
    """
    if name is not None:
        return load(find_sequence(root, name, layout))
    infos = list_sequences(root, layout)
    if len(infos) > 1:
        names = ", ".join(info.name for info in infos[:5])
        raise DataSetError(f"'{root}' holds {len(infos)} sequences ({names} …); name one of them.")
    return load(infos[0])


def load(info: SequenceInfo) -> Sequence:
    """Read the sequence that an entry of `list_sequences` stands for; `DataSetError` where files do not fit."""
    return read_annotation(info).fit()


def read_annotation(info: SequenceInfo) -> Annotation:
    """Read what is on disk of an entry of `list_sequences`, images or not; `DataSetError` for damaged files."""
    try:
        return layout_by_name(info.layout).read(info)
    except OSError as error:
        raise DataSetError(f"The sequence '{info.name}' cannot be read ({error.strerror or error}).") from error


def _detect(folder: Path) -> Layout | None:
    if not folder.is_dir():
        return None
    for layout in LAYOUTS:
        if layout.is_sequence(folder):
            return layout
    return next((layout for layout in LAYOUTS if layout.is_data_set(folder)), None)
