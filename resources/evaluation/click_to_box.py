"""How good the boxes are that a click proposes: `python resources/evaluation/click_to_box.py FOLDER …`.

One click in the middle of the true box in the first frame of every sequence in the folders (data sets or sequences),
and one beside the middle, by up to 15 % of the box's sides. Prints the median overlap (IoU) with the truth, the share
of boxes that overlap by more than a half, and the median time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cv2
import numpy as np

from tracker_core.boxes import iou_xywh
from tracker_core.click_boxes import Click, propose_box
from tracker_core.sources.sequences.catalogue import list_sequences, load
from tracker_core.types import FloatArray, Image

MOST_OFF = 0.15  # of the box's sides


def first_frames(folder: Path) -> Iterator[tuple[Image, FloatArray]]:
    """Yield the first frame with a true box of every sequence, and that box."""
    for info in list_sequences(folder):
        sequence = load(info)
        index = int(np.flatnonzero(np.isfinite(sequence.boxes_xywh).all(axis=1))[0])
        image = cv2.imread(sequence.frames[index])
        if image is not None:
            yield np.asarray(image, np.uint8), sequence.boxes_xywh[index]


def measure(image: Image, truth: FloatArray, offset: FloatArray) -> tuple[float, float]:
    """Return the overlap of the proposed box, and the seconds it took, for a click off the middle by `offset`."""
    x, y = truth[:2] + truth[2:] * (0.5 + offset)
    height, width = image.shape[:2]
    click = Click(float(np.clip(x, 0, width - 1)), float(np.clip(y, 0, height - 1)))
    started = time.perf_counter()
    proposal = propose_box(image, [click])
    return float(iou_xywh(proposal.box_xywh, truth)), time.perf_counter() - started


def main() -> None:
    """Measure and print a line for each folder and kind of click."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="data sets, or single sequences")
    folders: list[Path] = parser.parse_args().folders
    draws = np.random.default_rng(0)
    for folder in folders:
        measured = {"in the middle": [], "beside it": []}
        for image, truth in first_frames(folder):
            measured["in the middle"].append(measure(image, truth, np.zeros(2)))
            measured["beside it"].append(measure(image, truth, draws.uniform(-MOST_OFF, MOST_OFF, 2)))
        for kind, rows in measured.items():
            overlaps, seconds = np.array(rows).T
            sys.stdout.write(
                f"{folder.name}, click {kind}: {len(rows)} frames, median IoU {np.median(overlaps):.2f}, "
                f"over 0.5 in {np.mean(overlaps > 0.5):.0%}, {np.median(seconds) * 1e3:.0f} ms\n"
            )


if __name__ == "__main__":
    main()
