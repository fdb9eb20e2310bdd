"""Results that survive a crash: one file per source in the user's state folder, written as tracking goes on.

The file is JSON lines: a header that names the source, then one line per target with its key frames, its results
and the run before it. It is replaced in one step, so that a crash leaves the last complete state.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from app.session.targets import Target
from tracker_core.errors import OutputError
from tracker_core.files import atomic_path
from tracker_core.types import FrameSource, TrackingState, TrackResult

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
CHUNK = 500  # results per line: encoding one line holds the interpreter for about a millisecond


class Journal:
    """Saves and restores the targets of file-like sources; live sources have no identity and are not kept."""

    def __init__(self, folder: str | Path | None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._saved: tuple[Any, ...] | None = None
        self.is_on = True

    def path_for(self, spec: str) -> Path | None:
        """Return where the results of source `spec` are kept, None if they are not."""
        if self._folder is None:
            return None
        place = Path(spec).expanduser()
        identity = str(place.resolve()) if place.exists() else spec
        return self._folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}.jsonl"

    def save(self, spec: str, source: FrameSource, targets: dict[int, Target]) -> None:
        """Write the targets if they changed since the last time; trouble is logged, never raised."""
        path = self.path_for(spec)
        if path is None or source.is_live or not self.is_on:
            return
        state = (
            spec,
            tuple(
                (t.number, len(t.results), tuple(t.key_boxes), max(t.results, default=0), len(t.ghost))
                for t in targets.values()
            ),
        )
        if state == self._saved:
            return
        self._saved = state
        if not targets:
            path.unlink(missing_ok=True)
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
                header = {
                    "format": "siamscope-session",
                    "version": FORMAT_VERSION,
                    "source": spec,
                    "size": list(source.size),
                    "fingerprint": fingerprint(spec),
                }
                file.write(json.dumps(header) + "\n")
                for target in targets.values():
                    for record in _records(target):
                        file.write(json.dumps(record) + "\n")
        except (OutputError, OSError) as error:
            logger.warning("Results could not be saved: %s", error)

    def restore(self, spec: str, source: FrameSource) -> dict[int, Target]:
        """Return the targets that were saved for this very source; empty if none were or if it changed since."""
        path = self.path_for(spec)
        self._saved = None
        if path is None or source.is_live or not self.is_on or not path.is_file():
            return {}
        targets: dict[int, Target] = {}
        try:
            with path.open(encoding="utf-8") as file:
                header = json.loads(file.readline())
                if (
                    header.get("version") != FORMAT_VERSION
                    or header.get("size") != list(source.size)
                    or header.get("fingerprint") != fingerprint(spec)
                ):
                    logger.info("The saved results of '%s' are of another version of it; they are not used.", spec)
                    return {}
                for line in file:
                    _take_record(targets, json.loads(line))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            logger.warning("The saved results in '%s' cannot be read (%s); they are not used.", path, error)
            return {}
        return targets


def fingerprint(spec: str) -> list[int]:
    """Return what tells whether a file was replaced: its size and time of change; empty for anything else."""
    place = Path(spec).expanduser()
    if not place.is_file():
        return []
    status = place.stat()
    return [status.st_size, int(status.st_mtime)]


def _records(target: Target) -> Any:
    yield {
        "target": target.number,
        "keys": [[index, *(float(v) for v in box)] for index, box in target.key_boxes.items()],
    }
    for name, results in (("results", target.results), ("ghost", target.ghost)):
        rows = [
            [i, *(float(v) for v in r.box_xywh), round(float(r.score), 6), r.state.value] for i, r in results.items()
        ]
        for start in range(0, len(rows), CHUNK):
            yield {"target": target.number, name: rows[start : start + CHUNK]}


def _take_record(targets: dict[int, Target], record: dict[str, Any]) -> None:
    target = targets.setdefault(int(record["target"]), Target(int(record["target"])))
    for index, *box in record.get("keys", ()):
        target.key_boxes[int(index)] = np.array(box, np.float64)
    for name, store in (("results", target.results), ("ghost", target.ghost)):
        for index, x, y, w, h, score, state in record.get(name, ()):
            store[int(index)] = TrackResult(np.array([x, y, w, h], np.float64), float(score), TrackingState(state))
