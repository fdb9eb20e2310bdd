"""What was followed stays on disk, so that another variant costs only its own time and a stop only the one at work."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.evaluation.result_store import describe_tracker
from tracker_core.experiments.holding.following import Followed
from tracker_core.files import write_text
from tracker_core.results.provenance import program_version
from tracker_core.training.clips import Clip
from tracker_core.types import Tracker

Families = dict[str, list[Followed]]
FOLDER = "followed"


def digest_study(tracker: Tracker, families: Mapping[str, list[Clip]]) -> str:
    """Return a digest of what answers follow from: version of the program, tracker and weights, clips and boxes."""
    digest = hashlib.sha256(json.dumps([program_version(), describe_tracker(tracker)], sort_keys=True).encode())
    for family, clips in families.items():
        for clip in clips:
            digest.update(json.dumps([family, clip.name, clip.frames]).encode())
            digest.update(np.ascontiguousarray(clip.boxes_xywh).tobytes())
    return digest.hexdigest()


def keep(folder: Path, name: str, digest: str, families: Families) -> None:
    """Write what a variant said below a folder, in one step; raises `OutputError`."""
    clips = {family: [_to_plain(one) for one in followed] for family, followed in families.items()}
    write_text(_path(folder, name), json.dumps({"made_by": digest, "families": clips}, allow_nan=False) + "\n")


def find_kept(folder: Path, name: str, digest: str) -> Families | None:
    """Return what a variant said before; None where nothing is kept, or another tracker or other clips said it."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads(_path(folder, name).read_text(encoding="utf-8"))
        if content["made_by"] == digest:
            families = content["families"].items()
            return {family: [_from_plain(one) for one in followed] for family, followed in families}
    return None


def _path(folder: Path, name: str) -> Path:
    return folder / FOLDER / f"{name.replace('/', '_')}.json"


def _to_plain(one: Followed) -> dict[str, Any]:
    numbers = {"overlaps": one.overlaps, "scores": one.scores, "raw": one.raw}
    plain = {key: [None if np.isnan(value) else float(value) for value in values] for key, values in numbers.items()}
    return {"name": one.name, **plain, "is_lost": one.is_lost.tolist()}


def _from_plain(plain: Mapping[str, Any]) -> Followed:
    overlaps, scores, raw = (np.array(plain[key], np.float64) for key in ("overlaps", "scores", "raw"))
    return Followed(plain["name"], overlaps, scores, raw, np.array(plain["is_lost"], np.bool_))
