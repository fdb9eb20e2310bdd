"""Noticing that a file is no longer the one that was opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tracker_core.errors import SourceError

HEAD_BYTES = 4096


@dataclass(frozen=True)
class FileStamp:
    """What tells a file that is open from another that takes its place: which one it is, how large, how it begins.

    A file that only grows stays the same one: it may be a recording that is still being written.
    """

    path: Path
    place: tuple[int, int]
    size: int
    head: bytes

    @classmethod
    def of(cls, path: str | Path) -> FileStamp:
        """Return the stamp of a file; raises `OSError` where there is none that can be read."""
        path = Path(path)
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        facts = path.stat()
        return cls(path, (facts.st_dev, facts.st_ino), facts.st_size, head)

    def check(self) -> None:
        """Raise `SourceError`, one sentence, if the file is gone, was replaced, written over or cut."""
        try:
            now = FileStamp.of(self.path)
        except OSError as error:
            raise SourceError(
                f"'{self.path.name}' can no longer be read ({error.strerror}). What was found in it is kept, and it "
                "can be used again when it is back."
            ) from error
        begins_alike = now.head[: len(self.head)] == self.head
        if now.place != self.place or now.size < self.size or not begins_alike:
            raise SourceError(
                f"'{self.path.name}' was replaced or changed while it was open. What was found in it is kept; open it "
                "again."
            )
