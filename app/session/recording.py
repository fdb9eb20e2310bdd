"""Live frames are gone once they were seen: keeping them in a video, so that they can be gone through afterwards."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tracker_core.rendering.recording import RecordedSource, Recording, RecordingLimits, recorded_run
from tracker_core.results.identity import output_name
from tracker_core.results.run import Run
from tracker_core.results.run_file import save_run


def start_recording(source: RecordedSource, folder: Path, limits: RecordingLimits) -> Path:
    """Let the frames of a live source go to a new video in `folder` and return it; raises `OutputError`."""
    began = datetime.now().strftime("%Y%m%d-%H%M%S")
    path = folder / f"{output_name(source.name)}-{began}.mp4"
    source.record(path, limits)
    return path


def keep_recording(recording: Recording, run: Run) -> Path | None:
    """Save what was found in a finished recording beside its video, and return what opens it again.

    That is the run where anything was found, else the video; None where no frame was recorded. Raises `OutputError`.
    """
    if not recording.images:
        return None
    found = recorded_run(run, recording)
    if not len(found):
        return recording.path
    return save_run(recording.path.with_name(f"{recording.path.stem}-run.json"), found)
