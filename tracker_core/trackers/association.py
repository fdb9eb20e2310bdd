"""Keeping more than one idea: the target's motion, and the look-alikes beside it, decide together with the scores.

Around any network with box candidates. A peak of the scores beside the target is a look-alike; it is followed from
frame to frame by its place and its size (the association of KeepTrack, Mayer et al. 2021, without a learned matcher). A
candidate that lies on a look-alike's track is held back (DaSiamRPN, Zhu et al. 2018, equation 5, with overlap in place
of likeness), one where the target is expected is favoured (SAMURAI, Yang et al. 2024). All boxes here are cx, cy, w, h
in image pixels.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker_core.boxes import cxcywh_to_xywh, iou_xywh
from tracker_core.config import TrackingConfig

Box = NDArray[np.float64]

GOOD = 0.6  # from this score of the network on the target is sure; below half of it, it is weak
RIVAL_SCORE = 0.3  # a peak below this share of the winner's score is no look-alike
RIVALS = 5  # at most so many are followed
CONFIRMED = 2  # frames in which a look-alike was seen before it counts
FORGOTTEN = 15  # frames without it after which a look-alike is forgotten
STABLE = 4  # frames in a row with a good score before the motion counts
GAIN = 0.4  # how fast a velocity follows what is measured
DOUBT_AFTER, DOUBT = 3, 30  # after so many weak frames in a row: good frames until a new look-alike is believed
REFUSED = 0.05  # what is taken from a candidate's score, at least, where a look-alike counts against it
REACH = 0.8  # over the box's size: how far from where it is expected a look-alike may be
SAME = 0.3  # overlap from which two candidates are one object
KEPT = 1000  # frames whose memory can be returned to


@dataclass(frozen=True)
class Track:
    """An object that is followed: its box, its velocity in pixels a frame, and for how long it was seen or missed."""

    box_cxcywh: Box
    velocity: NDArray[np.float64]
    seen: int = 1
    missed: int = 0

    @property
    def expected_cxcywh(self) -> Box:
        """Where it should be in the next frame."""
        return np.concatenate((self.box_cxcywh[:2] + self.velocity, self.box_cxcywh[2:]))

    def moved_to(self, box_cxcywh: Box) -> Track:
        """Return the track with the box of a new frame."""
        change = box_cxcywh[:2] - self.box_cxcywh[:2]
        return Track(box_cxcywh, self.velocity + GAIN * (change - self.velocity), self.seen + 1)

    def coasted(self) -> Track:
        """Return the track after a frame in which it was not seen."""
        slower = self.velocity * 0.8
        return Track(self.expected_cxcywh, slower, self.seen, self.missed + 1)


@dataclass(frozen=True)
class Memory:
    """What is known after a frame.

    `stable` and `weak` count the frames in a row with a good and with a weak score. `doubt` counts the good frames that
    are missing until the box is surely the target's again: whoever was lost may have come back to another object, and
    the target itself would then be the look-alike.
    """

    target: Track
    rivals: tuple[Track, ...] = ()
    stable: int = 0
    weak: int = 0
    doubt: int = 0

    def after(self, target: Track, rivals: tuple[Track, ...], is_good: bool, is_weak: bool) -> Memory:
        """Return the memory after one more frame."""
        weak = self.weak + 1 if is_weak else 0
        doubt = DOUBT if weak >= DOUBT_AFTER else max(self.doubt - is_good, 0)
        return Memory(target, rivals, self.stable + 1 if is_good else 0, weak, doubt)


class Association:
    """The memory of one target over the frames."""

    def __init__(self, box_cxcywh: Box) -> None:
        self._memory = Memory(Track(box_cxcywh, np.zeros(2)))
        self._frame = 0
        self._favour = np.zeros(0, np.float32)  # of the frame in progress
        self._past: OrderedDict[int, Memory] = OrderedDict({0: self._memory})

    def stand_at(self, frame: int, box_cxcywh: Box) -> None:
        """Return to what was known after the frame, counted from the start: of the last 1000, or begin again there."""
        found = self._past.get(frame)
        self._memory = found or Memory(Track(box_cxcywh, np.zeros(2)))
        self._frame = frame

    def favour(self, boxes_cxcywh: Box, tracking: TrackingConfig) -> NDArray[np.float32]:
        """Return what is added to the scores of candidates (N, 4)."""
        known = self._memory
        boxes = cxcywh_to_xywh(boxes_cxcywh)
        mine = iou_xywh(boxes, cxcywh_to_xywh(known.target.expected_cxcywh))
        bonus = np.zeros(len(boxes))
        if known.stable >= STABLE:
            bonus += tracking.motion_weight * mine
        rivals = [rival for rival in known.rivals if rival.seen >= CONFIRMED]
        if rivals and tracking.rival_weight:
            theirs = [iou_xywh(boxes, cxcywh_to_xywh(rival.expected_cxcywh)) for rival in rivals]
            bonus -= tracking.rival_weight * np.maximum(np.max(theirs, axis=0) - mine, 0.0)
        self._favour = np.asarray(bonus, np.float32)
        return self._favour

    def is_refused(self, scores: NDArray[np.float32], best: int) -> bool:
        """Whether the best that was left is weak beside what look-alikes took away: the target is hidden, or gone."""
        taken = scores[self._favour < -REFUSED]
        return bool(len(taken) and scores[best] < RIVAL_SCORE * taken.max())

    def learn(self, box_cxcywh: Box, boxes_cxcywh: Box, scores: NDArray[np.float32], best: int) -> None:
        """Take over a frame: the target's box as it was moved, all candidates (N, 4), (N,), and which one was taken."""
        known, score = self._memory, float(scores[best])
        is_good, is_weak = score >= GOOD, score < GOOD / 2
        coasted = dataclasses.replace(known.target.coasted(), box_cxcywh=box_cxcywh)
        target = coasted if is_weak else known.target.moved_to(box_cxcywh)
        peaks = find_peaks(boxes_cxcywh, scores, best, RIVAL_SCORE * max(score, GOOD))
        rivals = follow(known.rivals, peaks, may_begin=is_good and not known.doubt)
        self._memory = known.after(target, rivals, is_good, is_weak)
        self._frame += 1
        self._past[self._frame] = self._memory
        while len(self._past) > KEPT:
            self._past.popitem(last=False)


def find_peaks(boxes_cxcywh: Box, scores: NDArray[np.float32], best: int, least: float) -> list[Box]:
    """Return boxes apart from the best one and from each other with a score of at least `least`, the best first."""
    open_ = np.flatnonzero(scores >= least)
    if len(open_) == 0:
        return []
    open_ = open_[np.argsort(-scores[open_], kind="stable")]
    boxes = boxes_cxcywh[open_]
    found = [boxes_cxcywh[best]]
    free = _apart(boxes, found[0])
    while free.any() and len(found) <= RIVALS:
        found.append(boxes[int(np.argmax(free))])
        free &= _apart(boxes, found[-1])
    return found[1:]


def follow(rivals: tuple[Track, ...], peaks: list[Box], may_begin: bool) -> tuple[Track, ...]:
    """Return the look-alikes' tracks after a frame with these peaks; new ones begin only while the target is sure."""
    left = list(peaks)
    after = []
    for rival in rivals:
        expected = rival.expected_cxcywh
        distances = [_distance(expected, peak) for peak in left]
        if distances and min(distances) < REACH:
            after.append(rival.moved_to(left.pop(int(np.argmin(distances)))))
        elif rival.missed < FORGOTTEN:
            after.append(rival.coasted())
    if may_begin:
        after += [Track(peak, np.zeros(2)) for peak in left]
    return tuple(sorted(after, key=lambda one: one.missed)[:RIVALS])


def _distance(one_cxcywh: Box, other_cxcywh: Box) -> float:
    """Return the distance of two centres over the size of the first box."""
    return float(np.hypot(*(one_cxcywh[:2] - other_cxcywh[:2])) / np.sqrt(one_cxcywh[2] * one_cxcywh[3]))


def _apart(boxes_cxcywh: Box, box_cxcywh: Box) -> NDArray[np.bool_]:
    """Return which boxes (N, 4) belong to another object than a box: little overlap, and centres half a box apart."""
    offsets = np.abs(boxes_cxcywh[:, :2] - box_cxcywh[:2]) / box_cxcywh[2:]
    overlap = iou_xywh(cxcywh_to_xywh(boxes_cxcywh), cxcywh_to_xywh(box_cxcywh))
    return np.asarray((overlap < SAME) & (offsets.max(axis=1) > 0.5), np.bool_)
