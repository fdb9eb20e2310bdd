"""Runs as plain JSON data, exactly, and back; data of the earlier version too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import InputError
from tracker_core.results.motion import known_scale
from tracker_core.results.provenance import Producer, SourceIdentity, SourceKind
from tracker_core.results.run import BoxOrigin, KeyFrame, Run, TargetTrack
from tracker_core.results.visibility import Visibility
from tracker_core.types import FloatArray, ResultOrigin, TrackingState

RUN_FORMAT = "siamscope-tracks"
RUN_VERSION = 2
MOST_FRAMES = 1 << 31


def run_to_data(run: Run) -> dict[str, Any]:
    """Return everything in `run` as plain JSON data; NaN becomes null, floats keep all their digits."""
    return {
        "format": RUN_FORMAT,
        "version": RUN_VERSION,
        "created": run.created,
        "title": run.title,
        **({"length_scale": run.length_scale} if run.length_scale else {}),
        **({"other_sizes": [[index, *size] for index, size in run.other_sizes.items()]} if run.other_sizes else {}),
        "source": source_to_data(run.source),
        "producers": [producer_to_data(producer) for producer in run.producers],
        "frames": run.frame_indices.tolist(),
        "times_s": _nullable(run.times_s),
        "update_times_s": _nullable(run.update_times_s),
        "file_names": list(run.file_names),
        "targets": [_target_to_data(target) for target in run.targets],
    }


def run_from_data(data: Mapping[str, Any]) -> Run:
    """Return what `run_to_data` was given; raises `InputError` for data of another kind or a newer version."""
    if not isinstance(data, Mapping) or data.get("format") != RUN_FORMAT:
        raise InputError(f"The data are not of the format '{RUN_FORMAT}'; give a file that was saved as json.")
    version = int(data.get("version", 0))
    if not 1 <= version <= RUN_VERSION:
        raise InputError(f"It has version {data.get('version')}, which is newer than this program; update it.")
    return _checked(_read_version_1(data) if version == 1 else _read_version_2(data))


def _read_version_2(data: Mapping[str, Any]) -> Run:
    return Run(
        source=source_from_data(data["source"]),
        frame_indices=np.array(data["frames"], np.int64),
        times_s=_from_nullable(data["times_s"]),
        targets=tuple(_target_from_data(entry) for entry in data["targets"]),
        producers=tuple(producer_from_data(entry) for entry in data["producers"]),
        file_names=tuple(str(name) for name in data["file_names"]),
        update_times_s=_from_nullable(data["update_times_s"]),
        created=str(data["created"]),
        title=str(data["title"]),
        length_scale=known_scale(str(data.get("length_scale", ""))),
        other_sizes={int(index): (int(w), int(h)) for index, w, h in data.get("other_sizes", ())},
    )


def _checked(run: Run) -> Run:
    """Return the run; raises `ValueError` for numbers that no run has, which a damaged or edited file may hold."""
    if not np.isfinite(run.times_s).all():
        raise ValueError("a frame has no time")
    if not (np.isfinite(run.source.fps) and run.source.fps > 0 and 0 <= (run.source.frame_count or 0) < MOST_FRAMES):
        raise ValueError("the source has an impossible rate or number of frames")
    if len(run) and not 0 <= run.frame_indices.min() <= run.frame_indices.max() < MOST_FRAMES:
        raise ValueError("a frame has an impossible number")
    for target in run.targets:
        if target.made_by is not None and np.any(target.made_by >= len(run.producers)):
            raise ValueError(f"target {target.number} has boxes of a tracker that is not named")
    return run


def producer_to_data(producer: Producer) -> dict[str, Any]:
    """Return a producer as plain JSON data."""
    plain = _plain(vars(producer))
    assert isinstance(plain, dict)
    return plain


def producer_from_data(data: Mapping[str, Any]) -> Producer:
    """Return what `producer_to_data` was given."""
    texts = {key: str(value) for key, value in data.items() if key != "config"}
    return Producer(config=dict(data["config"]), **texts)


def source_to_data(source: SourceIdentity) -> dict[str, Any]:
    """Return a source's identity as plain JSON data."""
    return {**vars(source), "kind": source.kind.value, "size": list(source.size) if source.size else None}


def source_from_data(data: Mapping[str, Any]) -> SourceIdentity:
    """Return what `source_to_data` was given."""
    size = data["size"]
    return SourceIdentity(
        name=str(data["name"]),
        location=str(data["location"]),
        kind=SourceKind(data["kind"]),
        size=(int(size[0]), int(size[1])) if size else None,
        fps=float(data["fps"]),
        frame_count=None if data["frame_count"] is None else int(data["frame_count"]),
        fingerprint=str(data["fingerprint"]),
    )


def _target_to_data(target: TargetTrack) -> dict[str, Any]:
    return {
        "number": target.number,
        "name": target.name,
        "boxes_xywh": [
            [float(value) for value in box] if known else None
            for box, known in zip(target.boxes_xywh, target.has_box, strict=True)
        ],
        "scores": _nullable(target.scores),
        "states": [state.value if state else None for state in target.states],
        "made_by": None if target.made_by is None else target.made_by.tolist(),
        "key_frames": [
            {"index": key.index, "box_xywh": _nullable(key.box_xywh), "by": key.by.value} for key in target.key_frames
        ],
        **({"color": target.color} if target.color else {}),
        **({"origins": [origin.value for origin in target.origins]} if target.origins else {}),
        **({"marks": [[index, mark.value] for index, mark in target.marks.items()]} if target.marks else {}),
    }


def _target_from_data(data: Mapping[str, Any]) -> TargetTrack:
    boxes = _boxes(data["boxes_xywh"])
    return TargetTrack(
        number=int(data["number"]),
        boxes_xywh=boxes,
        scores=_from_nullable(data["scores"]),
        states=_states(data["states"], boxes),
        name=str(data["name"]),
        key_frames=tuple(
            KeyFrame(int(key["index"]), _from_nullable(key["box_xywh"]), BoxOrigin(key["by"]))
            for key in data["key_frames"]
        ),
        made_by=None if data["made_by"] is None else np.array(data["made_by"], np.int64),
        origins=tuple(ResultOrigin(origin) for origin in data.get("origins", ())),
        marks={int(index): Visibility(mark) for index, mark in data.get("marks", ())},
        color=str(data.get("color", "")),
    )


def _read_version_1(data: Mapping[str, Any]) -> Run:
    """Read a run that knew its tracker's name only, and of key frames only where they are."""
    frames = np.array(data["frames"], np.int64)
    size, facts, name = data.get("size"), data.get("metadata", {}), data.get("tracker", "")
    targets = []
    for number, entry in enumerate(data["targets"], 1):
        boxes, rows = _boxes(entry["boxes_xywh"]), {index: row for row, index in enumerate(frames.tolist())}
        keys = tuple(
            KeyFrame(key, boxes[rows[key]], BoxOrigin.UNKNOWN) for key in entry.get("key_frames", ()) if key in rows
        )
        scores, states = _from_nullable(entry["scores"]), _states(entry["states"], boxes)
        targets.append(TargetTrack(number, boxes, scores, states, entry.get("label", ""), keys))
    times = data.get("update_times_s")
    return Run(
        source=SourceIdentity(
            name=str(data["source"]),
            location=str(facts.get("source_path", "")),
            size=(int(size[0]), int(size[1])) if size else None,
            fps=float(data.get("fps", 30.0)),
        ),
        frame_indices=frames,
        times_s=_from_nullable(data["times_s"]),
        targets=tuple(targets),
        producers=(Producer(str(name), runtime=str(facts.get("runtime", ""))),) if name else (),
        file_names=tuple(str(name) for name in data.get("frame_names", ())),
        update_times_s=np.full(len(frames), np.nan) if times is None else _from_nullable(times),
    )


def _boxes(rows: Sequence[Sequence[float] | None]) -> FloatArray:
    boxes = np.array([[np.nan] * 4 if box is None else box for box in rows], np.float64).reshape(-1, 4)
    boxes[~np.isfinite(boxes).all(axis=1)] = np.nan
    return boxes


def _states(values: Sequence[str | None], boxes_xywh: FloatArray) -> tuple[TrackingState | None, ...]:
    """Return the states, None where there is no box."""
    known: NDArray[np.bool_] = np.asarray(np.isfinite(boxes_xywh).all(axis=1))
    return tuple(TrackingState(value) if value and there else None for value, there in zip(values, known, strict=True))


def _nullable(values: FloatArray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _from_nullable(values: Sequence[float | None]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it: numpy values as numbers and lists, NaN as null, the rest as text."""
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
