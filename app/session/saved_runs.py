"""Looking at a saved run: its source is opened again, and what was found in it is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.session.runs import Runs
from tracker_core.errors import InputError
from tracker_core.results.identity import identify_source
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import Run
from tracker_core.results.run_data import RUN_FORMAT
from tracker_core.results.run_file import load_run, save_run
from tracker_core.results.unfinished import UNFINISHED_FORMAT
from tracker_core.types import FrameSource

SUFFIXES = (".json", ".jsonl")


def is_saved_run(spec: str) -> bool:
    """Tell whether what the user named is a file of this program with a run, finished or not."""
    path = Path(spec).expanduser()
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(200)
    return RUN_FORMAT.encode() in head or UNFINISHED_FORMAT.encode() in head


def open_saved_run(spec: str, open_source: Callable[[str], FrameSource]) -> tuple[FrameSource, RunRecorder]:
    """Return the source of a run, ready to be read, and the run.

    Raises `InputError`, one sentence, where the source is gone or is not what was tracked, and what opening raises.
    """
    run = load_run(Path(spec).expanduser())
    if run.source.is_live:
        raise InputError(
            f"'{run.source.name}' was live and its frames were not recorded, so the run cannot be shown; "
            "its boxes can be exported with 'siamscope export --format'."
        )
    if not run.source.location:
        raise InputError(f"'{spec}' does not say what it was tracked in, so it cannot be shown.")
    source = open_source(run.source.location)
    found = identify_source(source, run.source.location)
    is_same_size = run.source.size in (None, found.size)
    if not (is_same_size and run.source.has_content_of(found)):
        source.close()
        what = "content" if is_same_size else "image size"
        raise InputError(f"The {what} of '{run.source.location}' is not what was tracked in this run; it was replaced.")
    return source, RunRecorder.from_run(run)


def save_beside(run_file: str, runs: Runs, prepare: Callable[[Run], Run]) -> None:
    """Write what is shown beside the active run next to its file: the visible other runs, and what was replaced in it.

    `prepare` has the last word on each run. See `beside_files`.
    """
    others = (run for run in runs if run is not runs.active and run.number not in runs.hidden)
    shown = {f"{run.number}-{run.color + 1}": run.recorder for run in others}
    for name, recorder in {"0": runs.active.ghost, **shown}.items():
        if len(recorder):
            save_run(f"{run_file}.{name}", prepare(recorder.build()))


def beside_files(run_file: str) -> dict[str, str]:
    """Return the files that `save_beside` wrote for a run's file, by number and colour ("3:2"), "0" for the ghost."""
    found = Path(run_file).parent.glob(f"{Path(run_file).name}.*")
    return {path.suffix[1:].replace("-", ":"): str(path) for path in sorted(found)}
