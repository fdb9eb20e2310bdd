"""Drawing and adjusting one box: hit tests and drags as pure functions on `x, y, w, h` in image pixels."""

from __future__ import annotations

import math
from enum import Enum

Box = tuple[float, float, float, float]

MINIMUM_SIDE = 4.0  # image pixels; a smaller box has no texture to follow


class Handle(Enum):
    """What of a box the mouse holds; the value is which sides move (left, top, right, bottom)."""

    TOP_LEFT = (1, 1, 0, 0)
    TOP = (0, 1, 0, 0)
    TOP_RIGHT = (0, 1, 1, 0)
    RIGHT = (0, 0, 1, 0)
    BOTTOM_RIGHT = (0, 0, 1, 1)
    BOTTOM = (0, 0, 0, 1)
    BOTTOM_LEFT = (1, 0, 0, 1)
    LEFT = (1, 0, 0, 0)
    INSIDE = (1, 1, 1, 1)


def handle_points(box_xywh: Box) -> dict[Handle, tuple[float, float]]:
    """Return where the eight grips of a box are: corners and middles of its sides."""
    x, y, w, h = box_xywh
    return {
        Handle.TOP_LEFT: (x, y),
        Handle.TOP: (x + w / 2, y),
        Handle.TOP_RIGHT: (x + w, y),
        Handle.RIGHT: (x + w, y + h / 2),
        Handle.BOTTOM_RIGHT: (x + w, y + h),
        Handle.BOTTOM: (x + w / 2, y + h),
        Handle.BOTTOM_LEFT: (x, y + h),
        Handle.LEFT: (x, y + h / 2),
    }


def hit_test(box_xywh: Box, x: float, y: float, tolerance: float) -> Handle | None:
    """Return what of the box lies under (x, y), everything in the same units.

    The nearest grip within `tolerance` wins; then a side, along its whole length; then the inside. None if nothing.
    """
    nearest, distance = None, math.inf
    for handle, (handle_x, handle_y) in handle_points(box_xywh).items():
        away = math.hypot(x - handle_x, y - handle_y)
        if away <= tolerance and away < distance:
            nearest, distance = handle, away
    if nearest is not None:
        return nearest
    left, top, w, h = box_xywh
    right, bottom = left + w, top + h
    if top <= y <= bottom:
        if abs(x - left) <= tolerance / 2:
            return Handle.LEFT
        if abs(x - right) <= tolerance / 2:
            return Handle.RIGHT
    if left <= x <= right:
        if abs(y - top) <= tolerance / 2:
            return Handle.TOP
        if abs(y - bottom) <= tolerance / 2:
            return Handle.BOTTOM
        if top <= y <= bottom:
            return Handle.INSIDE
    return None


def hit_boxes(boxes: list[tuple[int, Box]], x: float, y: float) -> int | None:
    """Return the number of the smallest of several (number, box) that holds the point, None if none does."""
    holding = [(w * h, number) for number, (left, top, w, h) in boxes if left <= x <= left + w and top <= y <= top + h]
    return min(holding)[1] if holding else None


def box_from_corners(x0: float, y0: float, x1: float, y1: float, image_size: tuple[int, int]) -> Box:
    """Return the box between two corners in any order, clipped to the image (width, height)."""
    width, height = image_size
    left, right = sorted((min(max(x0, 0.0), width), min(max(x1, 0.0), width)))
    top, bottom = sorted((min(max(y0, 0.0), height), min(max(y1, 0.0), height)))
    return left, top, right - left, bottom - top


def is_large_enough(box_xywh: Box, minimum_side: float = MINIMUM_SIDE) -> bool:
    """Tell whether a drawn box can be tracked."""
    return box_xywh[2] >= minimum_side and box_xywh[3] >= minimum_side


def drag_handle(
    box_xywh: Box,
    handle: Handle,
    dx: float,
    dy: float,
    image_size: tuple[int, int],
    minimum_side: float = MINIMUM_SIDE,
) -> Box:
    """Return the box after a drag of `handle` by (dx, dy).

    A side stops at the opposite one less `minimum_side` and at the image's edge; a move keeps the size and
    stops at the edge. A box that already reaches over the edge is not pulled in by an unrelated drag.
    """
    x, y, w, h = box_xywh
    width, height = image_size
    if handle is Handle.INSIDE:
        return _shift(x, w, dx, width), _shift(y, h, dy, height), w, h
    moves_left, moves_top, moves_right, moves_bottom = handle.value
    left, right = _move_sides(x, x + w, moves_left * dx, moves_right * dx, width, minimum_side)
    top, bottom = _move_sides(y, y + h, moves_top * dy, moves_bottom * dy, height, minimum_side)
    return left, top, right - left, bottom - top


def _shift(start: float, side: float, change: float, limit: int) -> float:
    lowest, highest = min(0.0, start), max(limit - side, start)
    return min(highest, max(lowest, start + change))


def _move_sides(
    low: float, high: float, low_change: float, high_change: float, limit: int, minimum_side: float
) -> tuple[float, float]:
    if low_change:
        low = max(min(0.0, low), min(low + low_change, high - minimum_side))
    if high_change:
        high = min(max(float(limit), high), max(high + high_change, low + minimum_side))
    return low, high
