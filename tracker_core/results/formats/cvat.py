"""CVAT for video 1.1: one track for each target, its boxes frame by frame, seen, occluded or outside.

https://docs.cvat.ai/docs/manual/advanced/formats/format-cvat/. CVAT interpolates between the boxes that are marked as
key frames; every tracked box is one here, so that it comes back as it was. Frames count from 0, boxes are the corners
`xtl, ytl, xbr, ybr` in image pixels.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.results.formats.reading import Table, assemble_run, from_one
from tracker_core.results.formats.writing import UNNAMED
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.run import Run, TargetTrack
from tracker_core.results.visibility import Visibility
from tracker_core.types import FloatArray, ResultOrigin, TrackingState

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ATTRIBUTES = ("score", "state", "origin")


def write_cvat(path: Path, run: Run) -> dict[Path, str]:
    """Return CVAT's XML; a track ends one frame after its last box, where it is said to be outside.

    Not after the last frame of the source: CVAT refuses a file that speaks of a frame which is not there.
    """
    root = ElementTree.Element("annotations")
    _add_text(root, "version", "1.1")
    _describe_task(ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task"), run)
    for target in run.targets:
        track = ElementTree.SubElement(root, "track", id=str(target.number), label=_label(target), source="auto")
        _add_boxes(track, run, target)
    ElementTree.indent(root)
    return {path: ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"}


def read_cvat(text: str, path: Path) -> Run:
    """Return the run in CVAT's XML, its own or one that was exported there.

    A box between two key frames has no score; one that is outside and does not say its state is no box. Raises
    `ValueError` for text that is not XML and shapes that are no boxes in tracks, `KeyError` for missing coordinates.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"it is not XML: {error}") from error
    if root.tag != "annotations":
        raise ValueError(f"its outermost element is '{root.tag}', not 'annotations'")
    tracks = _tracks(root)
    frames = sorted({int(box.attrib["frame"]) for _, box in _boxes(tracks) if not _is_end(box)})
    table = Table(frames, [*tracks])
    for number, box in _boxes(tracks):
        if not _is_end(box):
            _take_box(table, number, box)
    colors = {entry.findtext("name"): entry.findtext("color") or "" for entry in root.iter("label")}
    for number, track in tracks.items():
        label = track.get("label", "")
        table.names[number] = "" if label == UNNAMED else label
        table.colors[number] = colors.get(label, "")
    return assemble_run(_source(root, path), frames, table.targets())


def _describe_task(task: Any, run: Run) -> None:
    _add_text(task, "name", run.source.name)
    _add_text(task, "size", str(run.line_count))
    _add_text(task, "mode", "interpolation")
    size = ElementTree.SubElement(task, "original_size")
    for name, value in zip(("width", "height"), run.source.size or (0, 0), strict=True):
        _add_text(size, name, str(value))
    labels = ElementTree.SubElement(task, "labels")
    for name in dict.fromkeys(map(_label, run.targets)):
        label = ElementTree.SubElement(labels, "label")
        _add_text(label, "name", name)
        color = next((t.color for t in run.targets if t.color and _label(t) == name), "")
        if color:
            _add_text(label, "color", color)
        attributes = ElementTree.SubElement(label, "attributes")
        for attribute in ATTRIBUTES:
            entry = ElementTree.SubElement(attributes, "attribute")
            for tag, text in (("name", attribute), ("mutable", "True"), ("input_type", "text")):
                _add_text(entry, tag, text)


def _add_boxes(track: Any, run: Run, target: TargetTrack) -> None:
    last: Any = None
    for row, index in enumerate(run.frame_indices.tolist()):
        state = target.states[row]
        if last is not None and (state is None or index > int(last.attrib["frame"]) + 1):
            _add_end(track, last, run)
            last = None
        if state is not None:
            last = _add_box(track, index, target, row, run.visibility_at(index, target.number))
    if last is not None:
        _add_end(track, last, run)


def _add_box(track: Any, index: int, target: TargetTrack, row: int, seen: Visibility | None) -> Any:
    x, y, w, h = (float(value) for value in target.boxes_xywh[row])
    corners = {"xtl": x, "ytl": y, "xbr": x + w, "ybr": y + h}
    flags = {"outside": int(seen is Visibility.OUTSIDE), "occluded": int(seen is Visibility.OCCLUDED), "keyframe": 1}
    facts = {name: f"{value:.4f}" for name, value in corners.items()}
    facts |= {name: str(value) for name, value in flags.items()}
    box = ElementTree.SubElement(track, "box", {"frame": str(index), **facts, "z_order": "0"})
    state, score = target.states[row], float(target.scores[row])
    values = (f"{score:.6f}" if np.isfinite(score) else "", state.value if state else "", target.origin(row).value)
    for name, text in zip(ATTRIBUTES, values, strict=True):
        _add_text(box, "attribute", text).set("name", name)
    return box


def _add_end(track: Any, last: Any, run: Run) -> None:
    """Say that the track is outside from the frame after `last` on, as CVAT does; else it would stay in view."""
    index = int(last.attrib["frame"]) + 1
    if run.source.frame_count is None or index < run.source.frame_count:
        ElementTree.SubElement(track, "box", {**last.attrib, "frame": str(index), "outside": "1", "occluded": "0"})


def _label(target: TargetTrack) -> str:
    """Return a target's name as XML can hold it."""
    return _NOT_IN_XML.sub(" ", target.name) or UNNAMED


def _tracks(root: Any) -> dict[int, Any]:
    """Return the tracks by target: those of this program by the number that they have, any others by their place."""
    tracks = list(root.iter("track"))
    if not tracks and next(root.iter("image"), None) is not None:
        raise ValueError("it holds shapes of single images; export it from CVAT in the format 'CVAT for video'")
    for track in tracks:
        if track.find("box") is None:
            raise ValueError(f"the track of '{track.get('label')}' holds no boxes but other shapes; leave it out")
    ids = [track.get("id", "") for track in tracks]
    is_ours = all("state" in _attributes(box) for track in tracks if (box := track.find("box")) is not None)
    is_numbered = is_ours and len(set(ids)) == len(ids) and all(text.isdecimal() for text in ids)
    numbers = from_one([int(text) for text in ids]) if is_numbered else range(1, len(ids) + 1)
    return dict(zip(numbers, tracks, strict=True))


def _is_end(box: Any) -> bool:
    return box.get("outside") == "1" and "state" not in _attributes(box)


def _take_box(table: Table, number: int, box: Any) -> None:
    index, attributes = int(box.attrib["frame"]), _attributes(box)
    state = TrackingState(attributes.get("state") or "tracking")
    score = float(attributes.get("score") or "nan")
    table.put(index, number, _box_around(box), score, state)
    covered = Visibility.OCCLUDED if box.get("occluded") == "1" else Visibility.VISIBLE
    seen = Visibility.OUTSIDE if box.get("outside") == "1" else covered
    between = ResultOrigin.FILLED if box.get("keyframe") == "0" else ResultOrigin.TRACKED
    table.describe(index, number, seen.value, attributes.get("origin") or between.value)


def _box_around(box: Any) -> FloatArray:
    """Return the upright box x, y, w, h around a box, which CVAT may have turned about its centre (degrees)."""
    left, top, right, bottom = (float(box.attrib[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
    if right < left or bottom < top:
        raise ValueError(f"the box in frame {box.get('frame')} ends before it begins; xtl, ytl is its top left corner")
    turn = np.deg2rad(float(box.get("rotation") or 0))
    across, along = abs(np.cos(turn)), abs(np.sin(turn))
    w, h = right - left, bottom - top
    size = np.array([w * across + h * along, w * along + h * across])
    return np.concatenate((np.array([left + right, top + bottom]) / 2 - size / 2, size))


def _boxes(tracks: dict[int, Any]) -> Iterator[tuple[int, Any]]:
    return ((number, box) for number, track in tracks.items() for box in track.iter("box"))


def _attributes(box: Any) -> dict[str, str]:
    return {entry.get("name", ""): entry.text or "" for entry in box.iter("attribute")}


def _source(root: Any, path: Path) -> SourceIdentity:
    width, height = (int(root.findtext(f".//original_size/{name}") or 0) for name in ("width", "height"))
    name = root.findtext(".//task/name") or path.stem
    return SourceIdentity(name, size=(width, height) if width and height else None)


def _add_text(parent: Any, tag: str, text: str) -> Any:
    child = ElementTree.SubElement(parent, tag)
    child.text = text
    return child
