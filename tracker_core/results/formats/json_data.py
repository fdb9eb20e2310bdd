"""Everything a run gave as JSON data, and back: the exact form, used for autosave as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tracker_core.errors import InputError
from tracker_core.results.tracked import TrackedBoxes, TrackedTarget
from tracker_core.types import FloatArray, TrackingState

JSON_FORMAT = "siamscope-tracks"
JSON_VERSION = 1


def to_json_data(tracked: TrackedBoxes) -> dict[str, Any]:
    """Return everything in `tracked` as plain JSON data; NaN becomes null, floats keep all their digits."""
    times = tracked.update_times_s
    return {
        "format": JSON_FORMAT,
        "version": JSON_VERSION,
        "source": tracked.source,
        "tracker": tracked.tracker,
        "size": list(tracked.size) if tracked.size else None,
        "fps": tracked.fps,
        "frames": [int(index) for index in tracked.frame_indices],
        "times_s": _nullable(tracked.times_s),
        "update_times_s": None if times is None else _nullable(times),
        "frame_names": list(tracked.frame_names),
        "targets": [
            {
                "label": target.label,
                "boxes_xywh": [
                    [float(value) for value in box] if known else None
                    for box, known in zip(target.boxes_xywh, target.has_box, strict=True)
                ],
                "scores": _nullable(target.scores),
                "states": [state.value if state else None for state in target.states],
                "key_frames": list(tracked.key_frames[number]) if number < len(tracked.key_frames) else [],
            }
            for number, target in enumerate(tracked.targets)
        ],
        "metadata": _plain(tracked.metadata),
    }


def from_json_data(data: Mapping[str, Any]) -> TrackedBoxes:
    """Return what `to_json_data` was given; raises `InputError` for data of another kind or a newer version."""
    if data.get("format") != JSON_FORMAT:
        raise InputError(f"The JSON data is not of the format '{JSON_FORMAT}'; give a file that was exported as json.")
    if not 1 <= int(data.get("version", 0)) <= JSON_VERSION:
        raise InputError(f"The JSON data has version {data.get('version')}, newer than this program; update it.")
    targets = []
    for entry in data["targets"]:
        rows = [box if box is not None else [np.nan] * 4 for box in entry["boxes_xywh"]]
        states = tuple(TrackingState(state) if state else None for state in entry["states"])
        boxes = np.array(rows, np.float64).reshape(-1, 4)
        targets.append(TrackedTarget(boxes, _from_nullable(entry["scores"]), states, entry.get("label", "")))
    times = data.get("update_times_s")
    size = data.get("size")
    return TrackedBoxes(
        source=data["source"],
        frame_indices=np.array(data["frames"], np.int64),
        times_s=_from_nullable(data["times_s"]),
        targets=tuple(targets),
        size=(int(size[0]), int(size[1])) if size else None,
        fps=float(data.get("fps", 30.0)),
        tracker=data.get("tracker", ""),
        frame_names=tuple(data.get("frame_names", ())),
        update_times_s=None if times is None else _from_nullable(times),
        key_frames=tuple(tuple(int(key) for key in entry.get("key_frames", ())) for entry in data["targets"]),
        metadata=dict(data.get("metadata", {})),
    )


def _nullable(values: FloatArray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _from_nullable(values: Sequence[float | None]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _plain(value: Any) -> Any:
    """Return metadata as JSON knows it: numpy values as numbers and lists, NaN as null, the rest as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)
