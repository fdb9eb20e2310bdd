"""Opening whatever the user names: one function that recognises cameras, files, streams, folders, sequences."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from pathlib import Path

from tracker_core.errors import DataSetError, SourceError, nearest_name
from tracker_core.sources.addresses import scheme_of, to_path
from tracker_core.sources.cache import DEFAULT_CACHE_BYTES
from tracker_core.sources.cameras import CameraSource, CaptureFactory
from tracker_core.sources.image_list import ImageListSource
from tracker_core.sources.images import IMAGE_SUFFIXES, OTHER_IMAGE_SUFFIXES, count_images_in, list_images
from tracker_core.sources.live import DEFAULT_STALL_S
from tracker_core.sources.sequences.annotation import match_rows_to_frames
from tracker_core.sources.sequences.catalogue import detect_layout, is_sequence_folder, list_sequences, load
from tracker_core.sources.sequences.layout import find_video, image_places, is_video, subfolders
from tracker_core.sources.sequences.otb import load_video_sequence
from tracker_core.sources.stream import open_stream
from tracker_core.sources.video_file import VideoFileSource
from tracker_core.types import Frame, FrameSource, Sequence

STREAM_SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "rtp", "tcp", "srt")
ANIMATED_SUFFIXES = (".png", ".avif")  # of images of which FFmpeg reads animations too
GROUND_TRUTH_BESIDE = ("_groundtruth_rect.txt", ".groundtruth_rect.txt")


class SequenceSource:
    """The frames of a benchmark sequence, with its ground truth in `sequence`.

    `sequences` holds every target of the clip (Jogging has two), `sequence` the one that was asked for. Frame 0
    is the first evaluated frame. An image that cannot be decoded raises `SourceError`: a benchmark on a part of
    the frames would be wrong without showing it.
    """

    is_live = False
    is_seekable = True

    def __init__(self, sequence: Sequence, others: tuple[Sequence, ...] = ()) -> None:
        self.sequences = others or (sequence,)
        chosen = next(i for i, entry in enumerate(self.sequences) if entry is sequence)
        self.name = sequence.name
        frames: VideoFileSource | ImageListSource
        if len(sequence.frames) == 1 and is_video(Path(sequence.frames[0])):
            frames = VideoFileSource(sequence.frames[0], keeps_pixels=True)
            count = frames.count_frames()
            if count is not None:
                self.sequences = tuple(_match_to_video(entry, count) for entry in self.sequences)
        else:
            frames = ImageListSource(sequence.name, sequence.frames, fps=sequence.fps, strict=True)
        self.sequence = self.sequences[chosen]
        self._frames = frames
        self.warnings = frames.warnings

    @property
    def paths(self) -> tuple[str, ...]:
        """The image files in order, or the one video file."""
        return self._frames.paths

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the first image."""
        return self._frames.size

    @property
    def fps(self) -> float:
        """Nominal images per second."""
        return self._frames.fps

    @property
    def frame_count(self) -> int | None:
        """Number of frames."""
        return self._frames.frame_count

    @property
    def frame_names(self) -> tuple[str, ...] | None:
        """File name of every image in order; None for a sequence that is one video."""
        return self._frames.frame_names

    def last_index(self) -> int:
        """Return the index of the last frame."""
        return self._frames.last_index()

    @property
    def is_count_exact(self) -> bool:
        """Whether `frame_count` is the truth; false for a video until its end was seen."""
        return self._frames.is_count_exact

    def count_frames(self) -> int | None:
        """Return the number of frames, of a video by reading all packets once; None where they do not tell it."""
        frames = self._frames
        return frames.count_frames() if isinstance(frames, VideoFileSource) else frames.frame_count

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end."""
        return self._frames.read()

    def seek(self, index: int) -> None:
        """Make the next `read` return frame `index`, exactly."""
        self._frames.seek(index)

    def close(self) -> None:
        """Release the files; calling it twice is harmless."""
        self._frames.close()


def _match_to_video(sequence: Sequence, count: int) -> Sequence:
    """Return the sequence of a video with one box per frame; raises `DataSetError` where the numbers differ."""
    return replace(sequence, boxes_xywh=match_rows_to_frames(sequence.name, sequence.boxes_xywh, count))


def open_source(
    spec: str | Path | int,
    *,
    camera_size: tuple[int, int] | None = None,
    stall_timeout_s: float = DEFAULT_STALL_S,
    cache_bytes: int = DEFAULT_CACHE_BYTES,
    capture_factory: CaptureFactory | None = None,
) -> FrameSource:
    """Open what `spec` names and return it as a `FrameSource`.

    * a camera: `0`, `"0"`, `"camera"`, `"camera:1"`, `"/dev/video0"` (write `./0` for a file of that name);
    * a stream or video by address: rtsp, http, https, … ;
    * a video file, or a folder of images;
    * a benchmark sequence, as `SequenceSource`: its folder, its video where it has one instead of images, or
      `…/Jogging-2` for the second target of `…/Jogging`.

    `camera_size` is the wanted width and height, `stall_timeout_s` how long a live source may be silent,
    `cache_bytes` the pixels that a video keeps for stepping back, `capture_factory` stands in for
    `cv2.VideoCapture` in tests. Raises `SourceError` or `DataSetError`, one sentence each.
    """
    camera = parse_camera(spec)
    if camera is not None:
        return CameraSource(camera, size=camera_size, stall_timeout_s=stall_timeout_s, capture_factory=capture_factory)
    text = str(spec)
    scheme = scheme_of(text)
    if scheme not in ("", "file"):
        if scheme not in STREAM_SCHEMES:
            known, hint = ", ".join(STREAM_SCHEMES), nearest_name(scheme, STREAM_SCHEMES)
            raise SourceError(f"Addresses that begin with '{scheme}://' cannot be opened; known are {known}.{hint}")
        return open_stream(text.strip(), stall_timeout_s=stall_timeout_s, cache_bytes=cache_bytes)
    if not text.strip():
        raise SourceError("The source is empty; give a camera, a file, a folder or an address.")
    path = to_path(text)
    try:
        if path.is_dir():
            return _open_folder(path)
        if path.exists():
            return _open_file(path, cache_bytes)
        return _open_target(path)
    except OSError as error:
        raise SourceError(f"'{path}' cannot be read ({error.strerror or error}).") from error


def parse_camera(spec: str | Path | int) -> int | None:
    """Return the camera number that `spec` names, or None if it is not a camera; a `Path` is one below /dev alone."""
    if isinstance(spec, int):
        if spec < 0:
            raise SourceError(f"There is no camera {spec}; cameras count from 0.")
        return spec
    text = str(spec).strip()
    if isinstance(spec, Path) or text.startswith("/dev/"):
        text = str(Path(text).resolve()) if text.startswith("/dev/") else ""  # /dev/v4l/by-id/… points to /dev/video0
    match = re.fullmatch(r"(?:camera:|cam:|/dev/video)?(\d+)|(camera)", text, re.IGNORECASE)
    if match is None:
        return None
    return int(match.group(1) or 0)


def _open_file(path: Path, cache_bytes: int) -> FrameSource:
    suffix = path.suffix.lower()
    is_image = suffix in IMAGE_SUFFIXES | OTHER_IMAGE_SUFFIXES and suffix != ".gif"
    count = count_images_in(path) if is_image else 0
    if count > 1 and suffix not in ANIMATED_SUFFIXES:
        raise SourceError(f"'{path}' holds {count} images in one file; save them as files of a folder, or as a video.")
    if is_image and count < 2:
        raise SourceError(f"'{path}' is a single image; give the folder that holds the images.")
    if is_video(path) and is_sequence_folder(path.parent) and find_video(path.parent) == path:
        return _open_folder(path.parent)
    for ending in GROUND_TRUTH_BESIDE:
        truth = path.with_name(path.stem + ending)
        if truth.is_file():
            return SequenceSource(load_video_sequence(path, truth))
    return VideoFileSource(path, cache_bytes=cache_bytes)


def _open_folder(folder: Path) -> FrameSource:
    if is_sequence_folder(folder):
        sequences = tuple(load(info) for info in list_sequences(folder))
        return SequenceSource(sequences[0], sequences)
    places = list(image_places(folder))
    if places:
        return _open_images(folder, places)
    layout = detect_layout(folder)
    if layout is not None:
        names = [info.name for info in list_sequences(folder)]
        some = ", ".join(names[:4]) + (" …" if len(names) > 4 else "")
        raise SourceError(
            f"'{folder}' is a data set ({layout}) of {len(names)} sequences; open one of its folders ({some})."
        )
    videos = [path.name for path in folder.iterdir() if is_video(path)]
    if videos:
        raise SourceError(f"The folder '{folder}' holds no images but videos; open one of them, such as '{videos[0]}'.")
    inside = [place for place in subfolders(folder) if list_images(place)]
    if len(inside) > 1:
        some = ", ".join(f"'{place.name}'" for place in inside[:4]) + (" …" if len(inside) > 4 else "")
        raise SourceError(f"The folder '{folder}' holds {len(inside)} folders of images ({some}); open one of them.")
    return _open_images(folder, inside or [folder])


def _open_images(folder: Path, places: list[Path]) -> ImageListSource:
    """Open the images in the first of `places`, which is `folder` or inside it; a note says so where that is a choice.

    What lies deeper and was not asked for by name could be another sequence than the one that is meant.
    """
    source = ImageListSource.from_folder(places[0], name=folder.name)
    if places[0] != folder:
        others = [f"'{place.name}'" if place != folder else "the folder itself" for place in places[1:]]
        rest = f"; those in {' and '.join(others)} were not" if others else ""
        source.add_note(f"The images in '{places[0].name}', a folder inside '{folder.name}', were opened{rest}.")
    return source


def _open_target(path: Path) -> FrameSource:
    """Open `…/Jogging-2` where only `…/Jogging` exists, or say that there is nothing at `path`."""
    match = re.fullmatch(r"(.+)[-._](\d)", path.name)
    folder = path.with_name(match.group(1)) if match else None
    if match and folder is not None and is_sequence_folder(folder):
        sequences = tuple(load(info) for info in list_sequences(folder))
        number = int(match.group(2))
        if not 1 <= number <= len(sequences):
            raise DataSetError(f"'{folder.name}' holds {len(sequences)} targets; there is no target {number}.")
        return SequenceSource(sequences[number - 1], sequences)
    if re.search(r":[^/]*@", str(path)):  # `user:password@host`; it is not repeated, because messages are kept in logs
        raise SourceError("There is no file of that name; an address begins with its scheme, such as 'rtsp://'.")
    raise SourceError(f"There is no file or folder '{path}'; check the path.{_nearest_sibling(path)}")


def _nearest_sibling(path: Path) -> str:
    try:
        names = [sibling.name for sibling in path.parent.iterdir()]
    except OSError:
        return ""
    match = difflib.get_close_matches(path.name, names, n=1, cutoff=0.7)
    return f" Did you mean '{path.with_name(match[0])}'?" if match else ""
