"""Keeping more than one idea: the look-alikes beside the target decide together with the scores, and its motion.

Around any network with box candidates. A peak of the scores beside the target is a look-alike; it is followed from
frame to frame by its place and its size (the association of KeepTrack, Mayer et al. 2021, without a learned matcher). A
candidate that lies on a look-alike's track is held back (DaSiamRPN, Zhu et al. 2018, equation 5, with overlap in place
of likeness). While nothing is seen of the target, its box continues as it moved before. All boxes here are cx, cy, w,
h in image pixels.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.boxes import cxcywh_to_xywh, iou_xywh

Box = NDArray[np.float64]
# boxes (N, 4) in the units of a network's candidates → the same in image pixels
ToImage = Callable[[NDArray[Any]], Box]

GOOD, WEAK = 0.6, 0.25  # from this score of the network on the target is sure, and below that it is not seen
RIVAL_SCORE = 0.3  # a peak below this share of the winner's score is no look-alike
RIVALS = 5  # at most so many are followed
CONFIRMED = 2  # frames in which a look-alike was seen before it counts
FORGOTTEN = 15  # frames without it after which a look-alike is forgotten
STEADY_MOTION, STEADY_SIZE = 0.15, 0.05  # how fast the usual motion and size follow those of a good frame
SLOWING = 0.9  # in each frame in which the target is not seen
GAIN = 0.4  # how fast a velocity follows what is measured
DOUBT_AFTER, DOUBT = 3, 30  # after so many weak frames in a row: good frames until a new look-alike is believed
REFUSED = 0.05  # what is taken from a candidate's score, at least, where a look-alike counts against it
REACH = 0.8  # over the box's size: how far from where it is expected a look-alike may be
SHRUNK, GROWN = 0.12, 0.15  # a width or height that changes by more, beside a look-alike, takes in or loses a part
GUARDED = 40  # frames in a row in which a look-alike may change the size; then the box is taken as it is found
COVERED, STAYED = 0.15, 0.06  # one side moves in by more, over the size, and the opposite one by less
ASIDE = 0.15  # what the other dimension may change by meanwhile
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

    Attributes:
        target: its track. rivals: those of its look-alikes.
        motion, size: its usual velocity and its usual width and height, of frames with a good score.
        weak: frames in a row in which it was not seen. hidden: such frames since the last good one.
        doubt: good frames that are missing until the box is surely the target's again. Whoever was lost may have come
            back to another object, and the target itself would then be the look-alike.
        guarded: frames in a row in which the box was found with another size than it can have.
    """

    target: Track
    motion: NDArray[np.float64]
    size: NDArray[np.float64]
    rivals: tuple[Track, ...] = ()
    weak: int = 0
    hidden: int = 0
    doubt: int = 0
    guarded: int = 0

    @classmethod
    def of(cls, box_cxcywh: Box) -> Memory:
        """Return what is known of a target of which only its box is known."""
        return cls(Track(box_cxcywh, np.zeros(2)), np.zeros(2), box_cxcywh[2:])

    def after(self, box_cxcywh: Box, score: float, peaks: list[Box], is_guarded: bool = False) -> Memory:
        """Return the memory after one more frame: the target's box as it was moved, its score, the peaks beside it."""
        is_good, is_weak = score >= GOOD, score < WEAK
        weak = self.weak + 1 if is_weak else 0
        coasted = dataclasses.replace(self.target.coasted(), box_cxcywh=box_cxcywh)
        change = box_cxcywh[:2] - self.target.box_cxcywh[:2]
        return Memory(
            target=coasted if is_weak else self.target.moved_to(box_cxcywh),
            motion=self.motion + is_good * STEADY_MOTION * (change - self.motion),
            size=self.size * (box_cxcywh[2:] / self.size) ** (is_good * STEADY_SIZE),
            rivals=follow(self.rivals, peaks, may_begin=is_good and not self.doubt),
            weak=weak,
            hidden=0 if is_good else self.hidden + is_weak,
            doubt=DOUBT if weak >= DOUBT_AFTER else max(self.doubt - is_good, 0),
            guarded=self.guarded + 1 if is_guarded else 0,
        )


class Association:
    """The memory of one target over the frames."""

    def __init__(self, box_cxcywh: Box) -> None:
        self._memory = Memory.of(box_cxcywh)
        self._frame = 0
        self._favour: NDArray[np.float32] | None = None  # of the frame in progress
        self._is_guarded = False  # in the frame in progress
        self._past: OrderedDict[int, Memory] = OrderedDict({0: self._memory})

    def stand_at(self, frame: int, box_cxcywh: Box) -> None:
        """Return to what was known after the frame, counted from the start: of the last 1000, or begin again there."""
        self._memory = self._past.get(frame) or Memory.of(box_cxcywh)
        self._frame = frame

    def favour(self, boxes_cxcywh: NDArray[Any], in_image: ToImage, rival_weight: float) -> NDArray[np.float32] | None:
        """Return what is added to the scores of candidates (N, 4); None where no look-alike is known."""
        self._favour = None
        rivals = [rival for rival in self._memory.rivals if rival.seen >= CONFIRMED]
        if rivals and rival_weight:
            expected = np.array([track.expected_cxcywh for track in (self._memory.target, *rivals)])
            boxes_xywh = cxcywh_to_xywh(in_image(boxes_cxcywh))
            mine, *theirs = iou_xywh(cxcywh_to_xywh(expected)[:, None], boxes_xywh)
            self._favour = (-rival_weight * np.maximum(np.max(theirs, axis=0) - mine, 0.0)).astype(np.float32)
        return self._favour

    def is_refused(self, scores: NDArray[np.float32], best: int) -> bool:
        """Return whether the best that was left is weak beside what look-alikes took away: the target is hidden."""
        if self._favour is None:
            return False
        taken = scores[self._favour < -REFUSED]
        return bool(len(taken) and scores[best] < RIVAL_SCORE * taken.max())

    def guard(self, box_cxcywh: Box, rival_share: float, cover_frames: int) -> Box:
        """Return the target's box as it was found, without what it took in of another object and with what one hides.

        A box grows over a look-alike that comes close, and shrinks where something covers the target. With more than
        `rival_share` of a look-alike inside the box, or for `cover_frames` while one side is covered, its usual size is
        put back. A cover that comes slowly is not told from a target that turns.
        """
        if not rival_share and not cover_frames:
            return box_cxcywh
        known, kept, limit = self._memory, box_cxcywh, GUARDED
        expected = np.concatenate((known.target.box_cxcywh[:2] + known.motion, known.size))
        if rival_share and self._takes_in(box_cxcywh, rival_share):
            kept = put_back(box_cxcywh, expected)
        if kept is box_cxcywh and cover_frames:
            kept, limit = uncover(box_cxcywh, expected), cover_frames
        self._is_guarded = kept is not box_cxcywh
        return kept if known.guarded < limit else box_cxcywh

    def _takes_in(self, box_cxcywh: Box, share: float) -> bool:
        """Return whether more than a share of a known look-alike lies inside a box."""
        rivals = (rival.expected_cxcywh for rival in self._memory.rivals if rival.seen >= CONFIRMED)
        return any(_share_inside(rival, box_cxcywh) > share for rival in rivals)

    def coast(self, score: float, frames: int) -> Box | None:
        """Return where an unseen target should be, with its usual motion and size; None if seen, or after `frames`."""
        known = self._memory
        if score >= WEAK or known.hidden >= frames:
            return None
        center = known.target.box_cxcywh[:2] + known.motion * SLOWING ** (known.hidden + 1)
        return np.concatenate((center, known.size))

    def learn(
        self, box_cxcywh: Box, boxes_cxcywh: NDArray[Any], in_image: ToImage, scores: NDArray[np.float32], best: int
    ) -> None:
        """Take over a frame: the target's box as it was moved, all candidates (N, 4), (N,), and which one was taken."""
        score = float(scores[best])
        peaks = find_peaks(boxes_cxcywh, scores, best, RIVAL_SCORE * max(score, GOOD))
        peaks = list(in_image(np.array(peaks))) if peaks else []
        self._memory = self._memory.after(box_cxcywh, score, peaks, self._is_guarded)
        self._is_guarded = False
        self._frame += 1
        self._past[self._frame] = self._memory
        while len(self._past) > KEPT:
            self._past.popitem(last=False)


def put_back(box_cxcywh: Box, expected_cxcywh: Box) -> Box:
    """Return a box with the expected width or height where its own has jumped.

    Its place is then the one nearest to where it is expected, within a box that has grown or around one that has
    shrunk.
    """
    center, size, usual = box_cxcywh[:2], box_cxcywh[2:], expected_cxcywh[2:]
    play = np.abs(size - usual) / 2
    has_jumped = (size < (1 - SHRUNK) * usual) | (size > (1 + GROWN) * usual)
    if not has_jumped.any():
        return box_cxcywh
    nearest = np.clip(expected_cxcywh[:2], center - play, center + play)
    return np.concatenate((np.where(has_jumped, nearest, center), np.where(has_jumped, usual, size)))


def uncover(box_cxcywh: Box, expected_cxcywh: Box) -> Box:
    """Return a box with the expected width, or height, where one side has moved in and the three others have not."""
    usual = expected_cxcywh[2:]
    change = box_cxcywh[2:] / usual - 1
    for axis in range(2):
        if change[axis] > -COVERED or abs(change[1 - axis]) > ASIDE:
            continue
        moved = np.array([-1, 1]) * change[axis] / 2 + (box_cxcywh[axis] - expected_cxcywh[axis]) / usual[axis]
        stayed = int(np.argmin(np.abs(moved)))
        if abs(moved[stayed]) < STAYED:
            kept: Box = box_cxcywh.copy()
            kept[axis] += (-1, 1)[stayed] * (box_cxcywh[2 + axis] - usual[axis]) / 2
            kept[2 + axis] = usual[axis]
            return kept
    return box_cxcywh


def find_peaks(boxes_cxcywh: NDArray[Any], scores: NDArray[np.float32], best: int, least: float) -> list[Box]:
    """Return boxes apart from the best one and from each other with a score of at least `least`, the best first."""
    open_ = np.flatnonzero(scores >= least)
    open_ = open_[_apart(boxes_cxcywh[open_], boxes_cxcywh[best])]
    boxes = boxes_cxcywh[open_[np.argsort(-scores[open_], kind="stable")]]
    found: list[Box] = []
    while len(boxes) and len(found) < RIVALS:
        found.append(boxes[0])
        boxes = boxes[_apart(boxes, boxes[0])]
    return found


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


def _share_inside(one_cxcywh: Box, other_cxcywh: Box) -> float:
    """Return how much of the first box's area lies inside the second."""
    reach = (one_cxcywh[2:] + other_cxcywh[2:]) / 2 - np.abs(one_cxcywh[:2] - other_cxcywh[:2])
    common = np.clip(reach, 0.0, np.minimum(one_cxcywh[2:], other_cxcywh[2:]))
    return float(common.prod() / one_cxcywh[2:].prod())


def _apart(boxes_cxcywh: NDArray[Any], box_cxcywh: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which boxes (N, 4) belong to another object than a box: centres half a box apart, and little overlap."""
    boxes, box = boxes_cxcywh.astype(np.float64), box_cxcywh.astype(np.float64)
    apart = np.asarray((np.abs(boxes[:, :2] - box[:2]) > 0.5 * box[2:]).any(axis=1), np.bool_)
    if apart.any():  # in most frames all good candidates are the target's own, and overlaps need not be worked out
        apart[apart] = iou_xywh(cxcywh_to_xywh(boxes[apart]), cxcywh_to_xywh(box)) < SAME
    return apart
