"""Live frames are gone once they were seen: keeping them in a video, so that they can be gone through afterwards."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from app.session.live_run import LiveRun
from tracker_core.errors import OutputError
from tracker_core.rendering.recording import (
    RecordedSource,
    Recording,
    RecordingLimits,
    journal_of,
    recorded_run,
)
from tracker_core.results.identity import output_name
from tracker_core.results.run import Run
from tracker_core.results.run_file import save_run
from tracker_core.results.unfinished import RunJournal


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


class RecordingJournal:
    """Keeps the active run of a live source beside its recording while that grows; raises `OutputError`."""

    def __init__(self) -> None:
        self._file: RunJournal | None = None
        self._written = (0, 0)  # number and revision of the run in the file

    def save(self, video: Path, run: LiveRun) -> None:
        """Append what changed since the last time, be it that another run is the active one."""
        path, (unsaved, _) = journal_of(video), run.take_unsaved()
        if not run.recorder.targets:
            return
        try:
            self._save(path, run, unsaved)
        except OutputError:
            self.close()  # what is in the file now is not known: the next time all is written
            raise
        self._written = (run.number, run.revision)

    def _save(self, path: Path, run: LiveRun, unsaved: list[int]) -> None:
        if self._file is None or self._file.path != path:
            self.close()
            self._file = RunJournal(path, run.recorder)
        elif self._written == (run.number, run.revision):
            for index in unsaved:
                self._file.add(run.recorder, index)
        else:
            self._file.update(run.recorder)

    def close(self) -> None:
        """Write no more; the file stays."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def remove(self) -> None:
        """Remove the file: the recording is complete, and what was found in it is kept as a whole."""
        if self._file is not None:
            self._file.remove()
        self._file = None
