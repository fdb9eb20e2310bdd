"""What a saved run was tracked in, opened again, and its targets as a person names them."""

from __future__ import annotations

from tracker_core.errors import InputError, SiamscopeError
from tracker_core.results.identity import identify_source
from tracker_core.results.run import Run
from tracker_core.sources.opening import open_source
from tracker_core.types import FrameSource


def open_run_source(run: Run, run_file: str, named: str | None, notes: list[str]) -> FrameSource:
    """Open what `run`, from the file `run_file`, was tracked in, or what is `named` instead.

    Where the content of what is named differs, `notes` gets a sentence. Raises `InputError` where the source of the run
    is gone or another one, and where the images of what is named have another size.
    """
    place = named or run.source.location
    if not place:
        raise InputError(f"'{run_file}' does not say where its images are; give --source.")
    try:
        source = open_source(place)
    except SiamscopeError as error:
        if named:
            raise
        raise InputError(f"The source of the run cannot be opened; name it again with --source. {error}") from error
    try:
        found = identify_source(source, place)
        run.source.check_size(found)
        if not named:
            run.source.check_content(found)
        elif not run.source.has_content_of(found):
            notes.append(f"The content of '{place}' differs from what was tracked; boxes may not fit its images.")
    except InputError:
        source.close()
        raise
    return source


def choose_targets(run: Run, text: str) -> tuple[int, ...]:
    """Return the numbers of the targets that a list of numbers and names means, () for an empty one."""
    wanted = [word.strip() for word in text.split(",") if word.strip()]
    return tuple(dict.fromkeys(_number_of(run, word) for word in wanted))


def _number_of(run: Run, word: str) -> int:
    for target in run.targets:
        if word in (target.name, str(target.number)):
            return target.number
    known = ", ".join(
        f"{target.number} ({target.name})" if target.name else f"{target.number}" for target in run.targets
    )
    raise InputError(f"The run has no target '{word}'; it has {known}.")
