"""What a batch has to do: every video of a folder with its first boxes, or why one cannot be tracked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tracker_core.batch.box_table import FirstBox, match_boxes, read_boxes_beside, read_first_boxes
from tracker_core.batch.clips import Clip, number_alike, output_names
from tracker_core.results.identity import output_name
from tracker_core.sources.sequences import is_sequence_folder, list_sequences

TABLES = ("boxes.csv", "boxes.json")  # looked for in the folder where nothing else is said


@dataclass(frozen=True)
class Task:
    """One run of a batch.

    Attributes:
        name: of the video, its path below the folder.
        path: what opens it; None where there is only a box for it.
        output: what its results are called.
        frame: where its targets start.
        boxes: the targets; empty where the sequence's ground truth shall be used, or where there is a problem.
        problem: why it cannot be tracked, "" if it can.
    """

    name: str
    path: Path | None
    output: str
    frame: int = 0
    boxes: tuple[FirstBox, ...] = ()
    problem: str = ""


def find_boxes(folder: Path, clips: Sequence[Clip], place: str | Path | None) -> list[FirstBox]:
    """Return the first boxes in `place`: a file, or a folder with a file for each video.

    None looks into `folder` for `boxes.csv` or `boxes.json`, else for a file beside each video. Raises `InputError`.
    """
    if place is not None:
        return read_boxes_beside(clips, Path(place)) if Path(place).is_dir() else read_first_boxes(place)
    table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    return read_boxes_beside(clips) if table is None else read_first_boxes(table)


def plan_batch(clips: Sequence[Clip], boxes: Sequence[FirstBox], use_truth: bool = False) -> list[Task]:
    """Return what is to be tracked; `use_truth` starts sequences without a box from their ground truth.

    Targets of a video that start in one frame are tracked together, those of other frames in a run of their own.
    """
    by_clip, problems = match_boxes(boxes, clips)
    tasks: list[Task] = []
    wanted = [output_name(clip.name.replace("/", "_")) for clip in clips]
    for clip, output in zip(clips, output_names(clips, wanted), strict=True):
        own = by_clip.get(clip.name, [])
        starts = sorted({box.frame for box in own})
        for frame in starts:
            together = tuple(box for box in own if box.frame == frame)
            tasks.append(
                Task(clip.name, clip.path, output if len(starts) == 1 else f"{output}-{frame}", frame, together)
            )
        if not own:
            problem = "" if use_truth and has_truth(clip) else f"There is no first box for '{clip.name}'."
            tasks.append(Task(clip.name, clip.path, output, problem=problem))
    tasks += [Task(name, None, output_name(name), problem=problem) for name, problem in problems.items()]
    # "street" from frame 4 on and a clip that is called "street-4" must not have the same results
    outputs = number_alike([task.output for task in tasks])
    return [replace(task, output=output) for task, output in zip(tasks, outputs, strict=True)]


def has_truth(clip: Clip) -> bool:
    """Tell whether a clip is a sequence that comes with ground truth."""
    return is_sequence_folder(clip.path) and list_sequences(clip.path)[0].has_ground_truth
