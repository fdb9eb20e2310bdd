"""What came of a batch, video by video: tables, and what a later call need not do again."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracker_core.files import write_text

SUMMARY = "batch-summary.json"
TABLE = "batch-summary.csv"
FORMAT = "siamscope-batch"
TRACKED, PRESENT, FAILED, STOPPED = "tracked", "present", "failed", "stopped"
COLUMNS = (
    "name", "status", "target", "label", "frames", "lost_frames", "lost_share", "mean_score", "success_auc",
    "seconds", "updates_per_second", "run", "error", "notes",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What came of one video.

    Attributes:
        name, output: as the task has them.
        status: "tracked" now, "present" from an earlier call, "failed", or "stopped" by the user.
        frames: how many were tracked.
        seconds: how long it took, reading and writing included.
        updates_per_second: of the tracker alone, None if unknown.
        targets: per target `label`, `lost_frames`, `mean_score`, and `success_auc` where there is ground truth.
        files: what was written, the run first.
        error: why it failed, one sentence; "" if it did not.
        notes: what a user should know besides, such as frames that could not be read.
        made_from: everything that its results depend on.
    """

    name: str
    output: str
    status: str
    frames: int = 0
    seconds: float = 0.0
    updates_per_second: float | None = None
    targets: tuple[Mapping[str, Any], ...] = ()
    files: tuple[str, ...] = ()
    error: str = ""
    notes: tuple[str, ...] = ()
    made_from: Mapping[str, Any] = field(default_factory=dict)

    @property
    def run(self) -> str:
        """The file of the complete run, "" where nothing was tracked."""
        return self.files[0] if self.files else ""

    def is_answer_to(self, made_from: Mapping[str, Any]) -> bool:
        """Tell whether this is what tracking from `made_from` would give again, and its files are still there."""
        is_done = self.status in (TRACKED, PRESENT) and self.made_from == made_from
        return is_done and all(Path(path).is_file() for path in self.files)

    def rows(self) -> list[dict[str, Any]]:
        """Return a line of `COLUMNS` for each target, or one that says what went wrong."""
        head = {
            "name": self.name, "status": self.status, "frames": self.frames, "seconds": round(self.seconds, 2),
            "updates_per_second": self.updates_per_second, "run": self.run, "error": self.error,
            "notes": " ".join(self.notes),
        }  # fmt: skip
        shares = ({"lost_share": target["lost_frames"] / max(1, self.frames)} for target in self.targets)
        rows = [
            {**head, "target": number, **target, **share}
            for number, (target, share) in enumerate(zip(self.targets, shares, strict=True), 1)
        ]
        return rows or [head]


def write_outcomes(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Write `batch-summary.json` and `batch-summary.csv`; raises `OutputError`."""
    data = {"format": FORMAT, "version": 1, "videos": [dataclasses.asdict(outcome) for outcome in outcomes]}
    write_text(folder / SUMMARY, json.dumps(data, indent=1) + "\n")
    write_text(folder / TABLE, _to_csv(row for outcome in outcomes for row in outcome.rows()))


def read_outcomes(folder: Path) -> dict[str, Outcome]:
    """Return what an earlier batch wrote into `folder`, by `output`; nothing where there is none, or it is damaged."""
    try:
        data = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        entries = [Outcome(**entry) for entry in data["videos"]]
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return {
        entry.output: dataclasses.replace(
            entry, targets=tuple(entry.targets), files=tuple(entry.files), notes=tuple(entry.notes)
        )
        for entry in entries
    }


def has_results_of_another(folder: Path, videos: Path) -> bool:
    """Tell whether an earlier batch wrote results into `folder` of which none is of a video below `videos`."""
    places = [Path(outcome.made_from["source"][1]) for outcome in read_outcomes(folder).values() if outcome.made_from]
    return bool(places) and not any(place.is_relative_to(videos.resolve()) for place in places)


def _to_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    buffer = io.StringIO()
    table = csv.DictWriter(buffer, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    for row in rows:
        table.writerow({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()})
    return buffer.getvalue()
