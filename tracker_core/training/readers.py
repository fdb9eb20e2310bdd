"""Training data on disk, as clips: GOT-10k shaped folders and COCO files (the other layouts stand beside these)."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import DataSetError
from tracker_core.training.clips import Clip

logger = logging.getLogger(__name__)
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def read_got10k_clips(root: str | Path, exclude: Iterable[str] = (), step: int = 60) -> list[Clip]:
    """Return the clips of a GOT-10k shaped folder; frames marked in `absence.label` have no box."""
    root = Path(root)
    if not root.is_dir():
        raise DataSetError(f"There is no training folder '{root}'; set its path in the config.")
    excluded = set(exclude)
    clips = []
    for folder in sorted(path for path in root.iterdir() if (path / "groundtruth.txt").is_file()):
        if folder.name in excluded:
            continue
        frames = sorted(str(path) for path in folder.iterdir() if path.suffix.lower() in PICTURES)
        rows = [_numbers(line) for line in (folder / "groundtruth.txt").read_text().splitlines() if line.strip()]
        boxes = np.array([row if len(row) == 4 else [np.nan] * 4 for row in rows], np.float64).reshape(-1, 4)
        count = min(len(frames), len(boxes))
        if len(frames) != len(boxes):
            logger.warning("'%s' has %d pictures and %d boxes; the rest is left out.", folder, len(frames), len(boxes))
        absence = folder / "absence.label"
        if absence.is_file():
            absent = np.array([int(float(line)) for line in absence.read_text().split()])[:count]
            boxes[: len(absent)][absent == 1] = np.nan
        if count:
            clips.append(Clip(folder.name, tuple(frames[:count]), boxes[:count], step=step))
    return clips


def read_coco_clips(annotations: str | Path, images: str | Path, box_weight: float = 1.0) -> list[Clip]:
    """Return each object of a COCO file as a clip of one picture; crowds and boxes without area are left out."""
    annotations, images = Path(annotations), Path(images)
    try:
        content: dict[str, Any] = json.loads(annotations.read_text())
    except (OSError, ValueError) as error:
        raise DataSetError(f"The COCO file '{annotations}' cannot be read: {error}") from error
    names = {entry["id"]: entry["file_name"] for entry in content["images"]}
    kinds = {entry["id"]: entry["name"] for entry in content.get("categories", [])}
    clips, skipped = [], 0
    present = {path.name for path in images.iterdir()} if images.is_dir() else set()
    for entry in content["annotations"]:
        name = names.get(entry["image_id"])
        x, y, w, h = (float(value) for value in entry["bbox"])
        if entry.get("iscrowd") or name is None or Path(name).name not in present or w < 8 or h < 8:
            skipped += 1
            continue
        outline = _largest_polygon(entry.get("segmentation"))
        clips.append(
            Clip(
                f"{annotations.stem}-{entry['id']}",
                (str(images / name),),
                np.array([[x, y, w, h]]),
                kinds.get(entry["category_id"], ""),
                None if outline is None else (outline,),
                box_weight,
            )
        )
    if skipped:
        logger.warning("'%s': %d of %d objects are not usable.", annotations, skipped, len(content["annotations"]))
    return clips


def _largest_polygon(segmentation: Any) -> NDArray[np.float32] | None:
    if not isinstance(segmentation, list) or len(segmentation) != 1:
        return None  # objects in several parts would be cut in pieces
    points = np.array(segmentation[0], np.float32).reshape(-1, 2)
    return points if len(points) >= 6 else None


def _numbers(line: str) -> list[float]:
    return [float(part) for part in re.split(r"[,\s]+", line.strip())]
