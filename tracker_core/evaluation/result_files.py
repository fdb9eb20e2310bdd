"""Result files on disk, ours and anybody's: which trackers a folder holds, and what their files say.

One-pass results are `<tracker>/<sequence>.txt` (x, y, w, h per line; commas, tabs or spaces), also GOT-10k's
`<tracker>/<sequence>/<sequence>_001.txt`; supervised ones are `<tracker>/baseline/<sequence>/<sequence>_001.txt`.
Times are beside them: `<tracker>/times/<sequence>_time.txt`, or `<sequence>_time.txt` in VOT's folders.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from tracker_core.boxes import iou_xywh
from tracker_core.errors import DataSetError, InputError
from tracker_core.evaluation.failures import REGION, Trajectory
from tracker_core.evaluation.regions import xywh_to_polygon
from tracker_core.sources.sequences.annotation import read_lines, read_number_rows, split_numbers
from tracker_core.sources.sequences.otb import evaluated_rows
from tracker_core.sources.sequences.subsets import clip_of
from tracker_core.sources.sequences.vot import stack_polygons
from tracker_core.types import FloatArray

EXPERIMENT = "baseline"  # VOT's name for the supervised experiment
LONG_TERM_EXPERIMENT = "longterm"
NOT_TRACKERS = frozenset({"times", "runs", "reports"})
# What toolkits write beside the boxes of a sequence, under its name and one of these endings.
_SIDECAR = re.compile(
    r"(.+?)_(times?|fps|scores?|conf|confidences?|object_presence_scores|all_boxes|all_scores|visibility|iou)"
)
_REPETITION = re.compile(r"(.+)_(\d{3})$")


@dataclass(frozen=True)
class ResultFolder:
    """The result files of one tracker: per sequence its repetitions, in order; and the files of times."""

    tracker: str
    folder: Path
    files: dict[str, list[Path]]
    times: dict[str, Path] = field(default_factory=dict)


def find_one_pass_results(folder: str | Path) -> list[ResultFolder]:
    """Return the trackers in `folder`: itself, if it holds text files, else each folder inside that does.

    Raises `InputError` for a folder that is absent or holds no result file.
    """
    root = _require_folder(folder)
    own = _one_pass_files(root)
    if own:
        return [ResultFolder(root.resolve().name, root, own, _times(root))]
    found = []
    for place in _subfolders(root):
        found += _one_pass_folder(place) or [
            # pytracking's <tracker>/<parameters>, with _000, _001, … for repeated runs
            dataclasses.replace(results, tracker=f"{place.name}/{results.tracker}")
            for run in _subfolders(place)
            for results in _one_pass_folder(run)
        ]
    return found or _raise_empty(root, "<tracker>/<sequence>.txt")


def find_supervised_results(folder: str | Path) -> list[ResultFolder]:
    """Return the trackers in `folder`, which is a folder of trackers, one tracker, or its `baseline` folder."""
    return _find_experiment(folder, EXPERIMENT)


def find_long_term_results(folder: str | Path) -> list[ResultFolder]:
    """Return the trackers in `folder`, which is a folder of trackers, one tracker, or its `longterm` folder."""
    return _find_experiment(folder, LONG_TERM_EXPERIMENT)


def _find_experiment(folder: str | Path, experiment: str) -> list[ResultFolder]:
    root = _require_folder(folder)
    own = _nested_folder(root.resolve().parent.name, root, root) if root.name == experiment else []
    own = own or _nested_folder(root.resolve().name, root, root / experiment)
    if own:
        return own
    found = [one for place in _subfolders(root) for one in _nested_folder(place.name, place, place / experiment)]
    return found or _raise_empty(root, f"<tracker>/{experiment}/<sequence>/<sequence>_001.txt")


def gather_results(found: Iterable[ResultFolder]) -> list[ResultFolder]:
    """Return the result folders of several places under names that differ.

    A folder that was given twice counts once; trackers with the same name get their parent folder's name before it.
    Raises `InputError` where that does not tell them apart.
    """
    places: dict[Path, ResultFolder] = {}
    for results in found:
        places.setdefault(results.folder.resolve(), results)
    by_name: dict[str, list[ResultFolder]] = {}
    for results in places.values():
        by_name.setdefault(results.tracker, []).append(results)
    gathered: dict[str, ResultFolder] = {}
    for results in places.values():
        name = results.tracker
        if len(by_name[name]) > 1:
            tracker_folder = results.folder.resolve()
            while tracker_folder.name != results.tracker and tracker_folder.parent != tracker_folder:
                tracker_folder = tracker_folder.parent  # VOT's files lie in <tracker>/baseline
            name = f"{tracker_folder.parent.name}/{name}"
        if name in gathered:
            raise InputError(
                f"Two result folders are called '{name}': '{gathered[name].folder}' and '{results.folder}'. "
                "Rename one of them."
            )
        gathered[name] = ResultFolder(name, results.folder, results.files, results.times)
    return list(gathered.values())


def match_sequences(
    names: Iterable[str], known: Mapping[str, FloatArray | None], first_box: Callable[[str], FloatArray | None]
) -> tuple[dict[str, str], list[str]]:
    """Return `{known sequence: result name}` and the result names that are in no sequence.

    A name counts in any case, and with another mark before the number of a target. `Jogging` in the ground truth is
    whichever of `Jogging-1` and `Jogging-2` begins on its first box, and a result `Jogging` is whichever of the two
    in the ground truth it begins on: `known` holds first boxes (4,), `first_box` gives that of a result.
    """
    matched: dict[str, str] = {}
    by_key = {_key(name): name for name in known}
    targets_of: dict[str, list[str]] = {}
    for name in known:
        if _key(name) != _key(clip_of(name)):
            targets_of.setdefault(_key(clip_of(name)), []).append(name)
    clips: dict[str, list[str]] = {}
    unknown = []
    for name in sorted(names, key=lambda name: (name not in known, name)):
        own = by_key.get(_key(name))
        clip = by_key.get(_key(clip_of(name)))
        numbered = targets_of.get(_key(name), []) if own is None else []
        target = _closest(first_box(name), {target: known[target] for target in numbered}) if numbered else None
        if own is not None and own not in matched:
            matched[own] = name
        elif target is not None and target not in matched:
            matched[target] = name
        elif own is None and clip is not None:
            clips.setdefault(clip, []).append(name)
        else:
            unknown.append(name)
    for clip, targets in clips.items():
        chosen = None if clip in matched else _closest(known[clip], {target: first_box(target) for target in targets})
        if chosen is not None:
            matched[clip] = chosen
        unknown.extend(target for target in targets if target != chosen)
    return matched, sorted(unknown)


def read_boxes_of_result(path: Path) -> FloatArray:
    """Return the boxes (N, 4) of a one-pass result file as they stand; raises `DataSetError` naming file and line."""
    _require_content(path)
    return read_number_rows(path)


def fit_to_frames(name: str, path: Path, rows: FloatArray, frames: int) -> tuple[FloatArray, str]:
    """Return the rows of a result that belong to the `frames` of `name`'s ground truth, and a note if others are left.

    Rows beyond the part of a clip that OTB evaluates are left out, and so is one surplus row at the end, as in
    pytracking's analysis. Raises `InputError` for any other number of rows, also where one of two equal lines in the
    middle may be the surplus one: every frame behind it would be compared with a wrong box.
    """
    if len(rows) == frames:
        return rows, ""
    evaluated = evaluated_rows(name, rows)
    if len(evaluated) == frames:
        return evaluated, f"{name} has {len(rows)} lines, of which the {frames} of the frames that OTB evaluates count."
    twice = np.flatnonzero((rows[1:] == rows[:-1]).all(axis=1))
    if len(rows) == frames + 1 and (not len(twice) or (rows[twice[0] :] == rows[-1]).all()):
        return rows[:-1], f"{name} has one line more than frames ({len(rows)} for {frames}); the last one is left out."
    return refuse_length(name, path, len(rows), frames)


def refuse_length(name: str, path: Path, lines: int, frames: int) -> NoReturn:
    """Raise `InputError` for a result of another number of lines than its sequence has frames."""
    relation = "fewer" if lines < frames else "more"
    raise InputError(f"'{path}' has {relation} lines than '{name}' has frames ({lines} lines, {frames} frames).")


def list_names(names: Sequence[str], shown: int = 12) -> str:
    """Return names for a sentence, the first ones if there are many."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def read_trajectory(path: Path) -> Trajectory:
    """Return what a supervised result file holds; raises `DataSetError` naming file and line."""
    _require_content(path)
    lines = read_lines(path)
    if not lines:
        raise DataSetError(f"The result file '{path}' holds no line with a region.")
    codes = np.full(len(lines), REGION, np.int64)
    polygons: list[FloatArray] = []
    for number, line in enumerate(lines):
        try:
            values = [float(part) for part in split_numbers(line)]
        except ValueError:
            raise DataSetError(f"Line {number + 1} of '{path}' is not a list of numbers: '{line[:60]}'.") from None
        if len(values) == 4:
            polygons.append(xywh_to_polygon(values))
        elif len(values) >= 6 and len(values) % 2 == 0:
            polygons.append(np.array(values).reshape(-1, 2))
        elif len(values) == 1 and values[0] in (0, 1, 2):
            codes[number] = int(values[0])
            polygons.append(np.full((4, 2), np.nan))
        else:
            raise DataSetError(
                f"Line {number + 1} of '{path}' is '{line[:60]}'; a VOT result has 0, 1, 2, four numbers or a polygon."
            )
    return Trajectory(codes, stack_polygons(polygons))


def read_speed(path: Path | None) -> float | None:
    """Return frames per second from a file of seconds per frame (0 where the tracker was started); None without one."""
    if path is None or not path.is_file():
        return None
    try:
        seconds = np.array([float(part) for line in read_lines(path) for part in split_numbers(line)])
    except (ValueError, DataSetError):
        return None
    seconds = seconds[np.isfinite(seconds) & (seconds > 0)]
    return len(seconds) / float(seconds.sum()) if len(seconds) else None


def _require_content(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataSetError(f"The result file '{path}' cannot be read ({error.strerror}).") from error
    if size == 0:
        raise DataSetError(f"The result file '{path}' is empty.")


def _closest(box: FloatArray | None, others: Mapping[str, FloatArray | None]) -> str | None:
    """Return the name whose box overlaps `box` most, if by more than half."""
    overlaps = {
        name: float(iou_xywh(box, other)) for name, other in others.items() if box is not None and other is not None
    }
    best = max(overlaps, key=lambda name: overlaps[name], default=None)
    return best if best is not None and overlaps[best] > 0.5 else None


def _key(name: str) -> str:
    return re.sub(r"[-._](\d)$", r"-\1", name.casefold())


def _require_folder(folder: str | Path) -> Path:
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"There is no results folder '{root}'; check the path.")
    return root


def _raise_empty(root: Path, layout: str) -> list[ResultFolder]:
    inside = ", ".join(f"'{path.name}'" for path in _subfolders(root)[:4])
    hint = f" Inside are {inside}; perhaps one of them is meant." if inside else ""
    if any(root.glob("*.mat")) or any(root.glob("*/*.mat")):
        hint = " MATLAB's .mat files cannot be read; write each as text, one line x,y,w,h per frame."
    raise InputError(f"The results folder '{root}' holds no result file; {layout} is expected.{hint}")


def _subfolders(root: Path) -> list[Path]:
    return sorted(
        path for path in root.iterdir() if path.is_dir() and path.name[0] not in "._" and path.name not in NOT_TRACKERS
    )


def _one_pass_folder(place: Path) -> list[ResultFolder]:
    files = _one_pass_files(place) or _nested_files(place)
    return [ResultFolder(place.name, place, files, _times(place))] if files else []


def _nested_folder(tracker: str, folder: Path, base: Path) -> list[ResultFolder]:
    files = _nested_files(base) if base.is_dir() else {}
    return [ResultFolder(tracker, folder, files, _nested_times(base))] if files else []


def _one_pass_files(folder: Path) -> dict[str, list[Path]]:
    files = {path.stem: [path] for path in sorted(folder.glob("*.txt")) if path.name[0] != "."}
    # a file of times is never a sequence, the others only are none beside the file that they belong to
    return {
        name: paths
        for name, paths in files.items()
        if not ((sidecar := _SIDECAR.fullmatch(name)) and (sidecar[2].startswith("time") or sidecar[1] in files))
    }


def _nested_files(folder: Path) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for place in _subfolders(folder):
        for path in sorted(place.glob("*.txt")):
            match = _REPETITION.fullmatch(path.stem)
            if match and match.group(1) == place.name:
                files.setdefault(place.name, []).append(path)
    return files


def _times(folder: Path) -> dict[str, Path]:
    for place in (folder / "times", folder):
        if found := {path.stem.removesuffix("_time"): path for path in place.glob("*_time.txt")}:
            return found
    return _nested_times(folder)


def _nested_times(folder: Path) -> dict[str, Path]:
    return {path.parent.name: path for path in folder.glob("*/*_time.txt")}
