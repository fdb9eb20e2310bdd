"""One-pass evaluation: success, precision and normalised precision of one sequence, and their means over many.

Success and precision are those of Wu, Lim and Yang (TPAMI 2015); normalised precision is that of TrackingNet (Müller
et al., ECCV 2018) and LaSOT (Fan et al., CVPR 2019); average overlap is that of GOT-10k (Huang et al., TPAMI 2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker_core.boxes import xywh_to_cxcywh
from tracker_core.errors import InputError
from tracker_core.metrics import frame_center_errors, frame_overlaps, precision_curve, success_curve
from tracker_core.types import FloatArray

THRESHOLD_COUNTS = (21, 101)
NORMALISED_THRESHOLDS = np.arange(51) / 100  # shares of the target's width and height
PRECISION_AT = 20  # index and pixels
NORMALISED_AT = 20  # index: a fifth of the target


@dataclass(frozen=True)
class SequenceCurves:
    """What one-pass evaluation measures on one sequence.

    Attributes:
        name: the sequence.
        frames: number of frames that count: those with ground truth.
        success: (T,) share of frames whose overlap is strictly greater than each threshold.
        precision: (51,) share of frames whose centre error is at most 0, 1, …, 50 pixels.
        normalised_precision: (51,) the same with the error divided by the target's width and height, 0 to 0.5.
        overlap: mean overlap.
        success_rate_50: share of frames with an overlap greater than 0.5.
        success_rate_75: share of frames with an overlap greater than 0.75.
        fps: frames per second that the tracker processed, None if not measured.
        attributes: the data set's tags of this sequence.
    """

    name: str
    frames: int
    success: FloatArray
    precision: FloatArray
    normalised_precision: FloatArray
    overlap: float
    success_rate_50: float
    success_rate_75: float
    fps: float | None = None
    attributes: tuple[str, ...] = ()

    @property
    def success_auc(self) -> float:
        """Area under the success curve: its mean over the thresholds."""
        return float(self.success.mean())

    @property
    def overlapping(self) -> float:
        """Share of frames with any overlap."""
        return float(self.success[0])

    @property
    def precision_20(self) -> float:
        """Precision at 20 pixels."""
        return float(self.precision[PRECISION_AT])


def success_thresholds(count: int = 21) -> FloatArray:
    """Return 21 (as published numbers use) or 101 overlap thresholds from 0 to 1; raises `InputError`."""
    if count not in THRESHOLD_COUNTS:
        raise InputError(f"Success is measured at 21 or 101 thresholds, not at {count}.")
    return np.linspace(0.0, 1.0, count)


def measure_sequence(
    name: str,
    boxes_xywh: ArrayLike,
    truth_xywh: ArrayLike,
    *,
    thresholds: int = 21,
    fps: float | None = None,
    attributes: Sequence[str] = (),
    image_size: tuple[int, int] | None = None,
    skip_first: bool = False,
) -> SequenceCurves:
    """Measure boxes (N, 4) against ground truth (N, 4), both x, y, w, h with the same origin.

    Frames whose truth is NaN do not count; a box with NaN or infinity, or without area, overlaps nothing, and one
    with NaN is beyond every distance. With `image_size` (width, height) both are cut at the image border, and with
    `skip_first` the given box does not count, as GOT-10k has it. Raises `InputError` where no frame counts.
    """
    boxes, truth = np.asarray(boxes_xywh, np.float64), np.asarray(truth_xywh, np.float64)
    if boxes.shape != truth.shape:
        raise InputError(f"'{name}' has {len(boxes)} boxes for {len(truth)} frames of ground truth.")
    counted: NDArray[np.bool_] = np.all(np.isfinite(truth), axis=1)
    if len(truth) > 1 and counted.sum() == 1:
        raise InputError(f"The ground truth of '{name}' is a start box alone, so there is nothing to compare with.")
    if skip_first:
        counted[:1] = False
    if not counted.any():
        raise InputError(f"'{name}' has no frame with ground truth to compare with.")
    boxes, truth = boxes[counted], truth[counted]
    boxes[~np.isfinite(boxes).all(axis=1)] = np.nan  # cutting at the border would make an infinite side finite
    error, normalised = frame_center_errors(boxes, truth), _normalised_errors(boxes, truth)
    if image_size is not None:
        boxes, truth = _bound(boxes, image_size), _bound(truth, image_size)
    overlap = frame_overlaps(boxes, truth)
    return SequenceCurves(
        name=name,
        frames=len(truth),
        success=success_curve(overlap, success_thresholds(thresholds)),
        precision=precision_curve(error),
        normalised_precision=precision_curve(normalised, NORMALISED_THRESHOLDS),
        overlap=float(overlap.mean()),
        success_rate_50=float((overlap > 0.5).mean()),
        success_rate_75=float((overlap > 0.75).mean()),
        fps=fps,
        attributes=tuple(attributes),
    )


def average_curves(name: str, measured: Iterable[SequenceCurves], *, by_frame: bool = False) -> SequenceCurves:
    """Return the mean over sequences: every sequence counts alike, or every frame does (`by_frame`, as in GOT-10k).

    The speed is the frames of all measured sequences over their time. Raises `InputError` for no sequence at all.
    """
    parts = list(measured)
    if not parts:
        raise InputError(f"There is no sequence to average for '{name}'.")
    weights = np.array([part.frames if by_frame else 1 for part in parts], np.float64)
    weights /= weights.sum()

    def mean(values: Iterable[float | FloatArray]) -> FloatArray:
        return np.asarray(np.tensordot(weights, np.array(list(values)), axes=1), np.float64)

    timed = [part for part in parts if part.fps]
    seconds = sum(part.frames / part.fps for part in timed if part.fps)
    return SequenceCurves(
        name=name,
        frames=sum(part.frames for part in parts),
        success=mean(part.success for part in parts),
        precision=mean(part.precision for part in parts),
        normalised_precision=mean(part.normalised_precision for part in parts),
        overlap=float(mean(part.overlap for part in parts)),
        success_rate_50=float(mean(part.success_rate_50 for part in parts)),
        success_rate_75=float(mean(part.success_rate_75 for part in parts)),
        fps=sum(part.frames for part in timed) / seconds if seconds else None,
    )


def group_by_attribute(measured: Iterable[SequenceCurves]) -> dict[str, list[SequenceCurves]]:
    """Return the sequences that carry each attribute, attributes in alphabetical order."""
    groups: dict[str, list[SequenceCurves]] = {}
    for part in measured:
        for attribute in part.attributes:
            groups.setdefault(attribute, []).append(part)
    return dict(sorted(groups.items()))


def _bound(boxes_xywh: FloatArray, image_size: tuple[int, int]) -> FloatArray:
    """Return boxes moved and cut to fit into the image as GOT-10k's evaluation does it.

    A corner outside is moved inside first and keeps the size that then has room: this is not the part of the box
    that lies inside, but it is what published numbers were made with.
    """
    bound = np.array(image_size, np.float64)
    corner = np.clip(boxes_xywh[:, :2], 0, bound)
    return np.concatenate((corner, np.clip(boxes_xywh[:, 2:], 0, bound - corner)), axis=1)


def _normalised_errors(boxes_xywh: FloatArray, truth_xywh: FloatArray) -> FloatArray:
    """Return the centre errors (N,) in units of the target's width and height; infinite for a target without area."""
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = (xywh_to_cxcywh(boxes_xywh)[:, :2] - xywh_to_cxcywh(truth_xywh)[:, :2]) / truth_xywh[:, 2:]
        known = np.isfinite(boxes_xywh).all(axis=1) & (truth_xywh[:, 2:] > 0).all(axis=1)
    return np.where(known, np.hypot(offset[:, 0], offset[:, 1]), np.inf)
