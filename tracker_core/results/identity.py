"""Recognising a source: what was opened, and a fingerprint of its content that survives a copy to another place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from tracker_core.results.provenance import SourceIdentity, SourceKind
from tracker_core.sources.addresses import hide_credentials, is_address, scheme_of, to_path
from tracker_core.sources.image_list import ImageListSource
from tracker_core.sources.opening import SequenceSource, parse_camera
from tracker_core.sources.sequences.layout import VIDEO_SUFFIXES
from tracker_core.sources.video_file import VideoFileSource
from tracker_core.types import FrameSource

OTHER_VIDEO_SUFFIXES = {
    ".3gp",
    ".asf",
    ".f4v",
    ".flv",
    ".gif",
    ".h264",
    ".m2ts",
    ".mts",
    ".mxf",
    ".ogv",
    ".vob",
    ".y4m",
}
HASHED_BYTES = 16 * 1024 * 1024  # of all files together; what is larger is sampled
HASHED_FILES = 4096
LEAST_PIECES, MOST_PIECES = 3, 15  # from head to tail, of a file that is not hashed whole; an odd number has a middle
PIECE_BYTES = 4096  # at least, where there are more than the least


def identify_source(source: FrameSource, spec: str | Path | int) -> SourceIdentity:
    """Return what tells `source`, which was opened by `spec`, from every other."""
    return SourceIdentity(
        name=source.name,
        location=locate(spec),
        kind=_kind_of(source, spec),
        size=source.size,
        fps=source.fps,
        frame_count=exact_count(source),
        fingerprint=fingerprint(content_files(source)),
    )


def locate(spec: str | Path | int) -> str:
    """Return what opens the source again from any folder: an absolute path, or an address without credentials."""
    camera = parse_camera(spec)
    if camera is not None:
        return f"camera:{camera}"
    text = str(spec)
    is_remote = is_address(text) and scheme_of(text) != "file"
    return hide_credentials(text) if is_remote else str(to_path(text).resolve())


def exact_count(source: FrameSource) -> int | None:
    """Return the number of frames where it is known exactly by now, else None."""
    return source.frame_count if getattr(source, "is_count_exact", not source.is_live) else None


def count_now(source: FrameSource) -> int | None:
    """Return the number of frames, where need be by reading a video file's packets to the end; None if nobody knows.

    A video at an address is not counted: it would have to be downloaded.
    """
    known, count = exact_count(source), getattr(source, "count_frames", None)
    is_here = not any(is_address(str(path)) for path in getattr(source, "paths", ()))
    return count() if known is None and count is not None and is_here else known


def output_name(name: str) -> str:
    """Return what results of the source called `name` are named after: without a video's ending, harmless in a path."""
    stem = name
    if not is_address(name) and Path(name).suffix.lower() in VIDEO_SUFFIXES | OTHER_VIDEO_SUFFIXES:
        stem = Path(name).stem
    return re.sub(r"[^\w.-]+", "_", stem).strip("_.") or "source"


def content_files(source: FrameSource) -> tuple[str, ...]:
    """Return the files that `source` is read from, in order; empty for cameras, streams and addresses."""
    paths: Iterable[str] = getattr(source, "paths", ())
    return tuple(path for path in paths if not is_address(path))


def is_read_from(source: FrameSource, path: Path) -> bool:
    """Whether `path` is a file that `source` is read from, or the folder of one: nothing must be written there."""
    files = [Path(name).resolve() for name in content_files(source)]
    return path.resolve() in {*files, *(file.parent for file in files if len(files) > 1)}


def sound_location(source: FrameSource) -> str | None:
    """Return the one video file or address that `source` is read from, which may have sound; None for all others."""
    paths: Sequence[str] = getattr(source, "paths", ())
    return paths[0] if len(paths) == 1 and source.frame_names is None else None


def file_name(source: FrameSource, index: int) -> str:
    """Return the name of the file that frame `index` is read from, "" where a frame is no file of its own."""
    names = source.frame_names
    return names[index] if names and 0 <= index < len(names) else ""


def fingerprint(paths: Sequence[str | Path]) -> str:
    """Return 64 hexadecimal digits that follow from names, sizes and content of files; "" for none or unreadable ones.

    A video's own name does not count, the names inside a folder do; the folder's place and times of change never do.
    Files of up to 16 MB together are hashed whole, larger ones in up to 15 pieces from head to tail, and of more than
    4096 files an even sample.
    """
    if not paths:
        return ""
    digest = hashlib.sha256()
    sampled = {len(paths) * place // HASHED_FILES for place in range(HASHED_FILES)}
    budget = HASHED_BYTES // min(len(paths), HASHED_FILES)
    try:
        for number, path in enumerate(map(Path, paths)):
            name = path.name if len(paths) > 1 else ""
            digest.update(f"{name}\0{path.stat().st_size}\0".encode())
            if number in sampled:
                for piece in _pieces(path, budget):
                    digest.update(piece)
    except OSError:
        return ""
    return digest.hexdigest()


def _pieces(path: Path, budget: int) -> Iterable[bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= budget:
            yield file.read()
            return
        pieces = min(MOST_PIECES, max(LEAST_PIECES, budget // PIECE_BYTES // 2 * 2 + 1))
        length = budget // pieces
        for place in range(pieces):
            file.seek((size - length) * place // (pieces - 1))
            yield file.read(length)


def _kind_of(source: FrameSource, spec: str | Path | int) -> SourceKind:
    if isinstance(source, SequenceSource):
        return SourceKind.SEQUENCE
    if isinstance(source, ImageListSource):
        return SourceKind.IMAGES
    if isinstance(source, VideoFileSource):
        return SourceKind.VIDEO
    if not source.is_live:
        return SourceKind.UNKNOWN
    return SourceKind.STREAM if parse_camera(spec) is None else SourceKind.CAMERA
