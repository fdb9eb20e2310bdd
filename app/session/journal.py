"""Results that survive a crash: one unfinished run per source in the user's state folder, written while tracking.

Every result is appended as it is found. A change of what is there already (a box drawn again, undo) writes the file
again, in one step, so that a crash leaves either state whole. The results that were replaced stand in a file beside.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from app.session.journal_v1 import read_version_1
from app.session.live_run import LiveRun
from tracker_core.errors import InputError, OutputError
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.unfinished import RunJournal, is_unfinished, parse_unfinished

logger = logging.getLogger(__name__)


class Journal:
    """Saves and restores the runs of file-like sources; live sources have no identity and are not kept."""

    def __init__(self, folder: str | Path | None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._file: RunJournal | None = None
        self._edits = -1
        self._restored: Path | None = None  # the file whose results are in the run
        self.is_on = True

    def path_for(self, source: SourceIdentity) -> Path | None:
        """Return where the results in a source are kept, None if they are not."""
        if self._folder is None or source.is_live or not source.location or not self.is_on:
            return None
        return self._folder / f"{hashlib.sha256(source.location.encode()).hexdigest()[:24]}.jsonl"

    def save(self, run: LiveRun) -> None:
        """Write what changed since the last time; trouble is logged, never raised."""
        path = self.path_for(run.source)
        if path is None:
            return
        try:
            if self._file is not None and self._file.path == path and self._edits == run.edits:
                for index in run.take_unsaved():
                    self._file.add(run.recorder, index)
            elif run.is_touched:  # else nothing was done in this source: what an earlier session left stays
                self._write_again(path, run)
        except (OutputError, OSError) as error:
            self.close()
            logger.warning("Results could not be saved: %s", error)

    def restore(self, source: SourceIdentity) -> tuple[RunRecorder, RunRecorder | None] | None:
        """Return the run that was saved for this very source and what it replaced, None if there is none.

        Raises `InputError`, one sentence, if results were saved but belong to other content or cannot be read.
        """
        path = self.path_for(source)
        if path is None or not path.is_file():
            return None
        try:
            recorder, ghost = self._read(path, source)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise InputError(f"The saved results in '{path}' cannot be read ({error}); they are not used.") from error
        self._restored = path
        return (recorder, ghost) if recorder.targets else None

    def close(self) -> None:
        """Write nothing more into the file of the source that was open."""
        self._restored = None
        if self._file is not None:
            self._file.close()
        self._file = None

    def _write_again(self, path: Path, run: LiveRun) -> None:
        if path.is_file() and path != self._restored:  # a saved run was opened instead, or it is of other content
            earlier = path.with_suffix(".earlier.jsonl")
            path.replace(earlier)
            logger.info("Earlier results in '%s' are kept as '%s'.", run.source.name, earlier)
        self.close()
        self._restored = path
        run.take_unsaved()
        if not run.recorder.targets:
            path.unlink(missing_ok=True)
            _ghost_path(path).unlink(missing_ok=True)
            return
        RunJournal(_ghost_path(path), run.ghost).close()
        self._file, self._edits = RunJournal(path, run.recorder), run.edits

    @staticmethod
    def _read(path: Path, source: SourceIdentity) -> tuple[RunRecorder, RunRecorder | None]:
        text = path.read_text(encoding="utf-8")
        if not is_unfinished(text):
            return read_version_1(path, text, source)
        recorder = parse_unfinished(text)
        saved = recorder.source
        is_counted = saved.frame_count is not None and source.frame_count is not None
        if (
            saved.size != source.size
            or saved.fingerprint != source.fingerprint
            or (is_counted and saved.frame_count != source.frame_count)
        ):
            raise InputError(f"The saved results of '{source.name}' are of other content; they are not used.")
        beside = _ghost_path(path)
        return recorder, parse_unfinished(beside.read_text(encoding="utf-8")) if beside.is_file() else None


def _ghost_path(path: Path) -> Path:
    return path.with_suffix(".ghost.jsonl")
