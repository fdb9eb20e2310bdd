"""Live frames are gone once they were seen: keeping them in a video, so that more than boxes can be exported."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tracker_core.rendering.recording import RecordedSource
from tracker_core.results.identity import identify_source, output_name
from tracker_core.results.run import Run
from tracker_core.sources.opening import open_source
from tracker_core.types import FrameSource


def start_recording(source: FrameSource, folder: Path) -> RecordedSource:
    """Return the live `source` with its frames going to a new video in `folder`; raises `OutputError`."""
    began = datetime.now().strftime("%Y%m%d-%H%M%S")
    return RecordedSource(source, folder / f"{output_name(source.name)}-{began}.mp4")


def as_recorded(run: Run, source: RecordedSource) -> Run:
    """Complete the recording and return `run` as one of that video, as far as it goes.

    Raises `OutputError` where the video cannot be completed.
    """
    source.finish()
    recording = open_source(source.path)
    try:
        identity = identify_source(recording, source.path)
        last = recording.last_index() or 0
    finally:
        recording.close()
    return replace(run.select(0, last), source=replace(identity, name=source.name))
