"""How fast weights are on this machine: measured on the bundled clip, and remembered."""

from __future__ import annotations

import contextlib
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs

from tracker_core.errors import OutputError
from tracker_core.files import write_text
from tracker_core.packaged import CLIP
from tracker_core.sources.opening import SequenceSource, open_source

WARM_UP = 5  # updates that are not counted
UPDATES = 60


@dataclass(frozen=True)
class Speed:
    """Updates per second of one target, in the median, and on what they were measured."""

    updates_per_second: float
    device: str
    runtime: str


def measure_speed(tracker: Any, on_update: Callable[[], None] = lambda: None) -> Speed:
    """Track the bundled clip for a moment and return the speed; only updates are timed."""
    source = open_source(CLIP)
    try:
        assert isinstance(source, SequenceSource)
        first = source.read()
        assert first is not None
        tracker.init(first.image, source.sequence.boxes_xywh[0])
        seconds = []
        for _ in range(WARM_UP + UPDATES):
            frame = source.read()
            assert frame is not None
            began = time.perf_counter()
            tracker.update(frame.image)
            seconds.append(time.perf_counter() - began)
            on_update()
    finally:
        source.close()
    return Speed(round(1 / statistics.median(seconds[WARM_UP:]), 1), tracker.device, tracker.runtime)


def known_speeds() -> dict[str, Speed]:
    """Return what was measured here earlier, by the SHA-256 of the weights; a damaged file counts as none."""
    try:
        data = json.loads(_cache().read_text(encoding="utf-8"))
        return {str(key): Speed(**value) for key, value in data.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def keep_speed(sha256: str, speed: Speed) -> None:
    """Remember the speed of weights; where that cannot be written it is measured again another time."""
    speeds = {**known_speeds(), sha256: speed}
    with contextlib.suppress(OutputError):
        write_text(_cache(), json.dumps({key: asdict(value) for key, value in speeds.items()}, indent=1) + "\n")


def _cache() -> Path:
    return Path(platformdirs.user_cache_dir("siamscope", appauthor=False)) / "speeds.json"
