"""The score map of one update as an image over the search window."""

from __future__ import annotations

import cv2
import numpy as np

from tracker_core.errors import InputError, nearest_name
from tracker_core.types import FloatArray, Image, TrackDebug

HEAT_MAP_KINDS = ("raw", "penalised", "windowed")
BEST_ANCHOR = -1


def winning_level(debug: TrackDebug) -> int:
    """Return the number of the feature map that the winning candidate is on."""
    ends = np.cumsum([anchors * rows * columns for anchors, rows, columns in debug.levels])
    return min(int(np.searchsorted(ends, debug.best, side="right")), len(debug.levels) - 1)


def score_map(debug: TrackDebug, kind: str = "windowed", anchor: int = BEST_ANCHOR, level: int = 0) -> FloatArray:
    """Return the scores of one feature map, float64 (rows, columns): of one anchor, or the best at each position.

    `kind` is one of `HEAT_MAP_KINDS`; NaN counts as 0. An anchor that the map does not have is the best one. Raises
    `InputError` for an unknown kind.
    """
    if kind not in HEAT_MAP_KINDS:
        raise InputError(
            f"There is no heat map '{kind}'; known are {', '.join(HEAT_MAP_KINDS)}.{nearest_name(kind, HEAT_MAP_KINDS)}"
        )
    scores = {"raw": debug.scores_raw, "penalised": debug.scores_penalised, "windowed": debug.scores_windowed}[kind]
    start = sum(anchors * rows * columns for anchors, rows, columns in debug.levels[:level])
    anchors, rows, columns = debug.levels[level]
    part = np.asarray(scores[start : start + anchors * rows * columns], np.float64).reshape(anchors, rows, columns)
    planes = np.nan_to_num(part, nan=0.0)
    return np.asarray(planes[anchor] if 0 <= anchor < anchors else planes.max(axis=0), np.float64)


def heat_map_of(
    debug: TrackDebug, kind: str = "windowed", *, level: int | None = None, anchor: int = BEST_ANCHOR
) -> tuple[FloatArray, FloatArray]:
    """Return a map of scores as `score_map` does, and the region x, y, w, h that it covers.

    `level` chooses among several feature maps, None that of the winning candidate. The region reaches half a cell
    beyond the outer anchor centres, in image pixels.
    """
    level = winning_level(debug) if level is None else level
    values = score_map(debug, kind, anchor, level)
    start = sum(anchors * rows * columns for anchors, rows, columns in debug.levels[:level])
    _, rows, columns = debug.levels[level]
    boxes = np.asarray(debug.anchors_xywh[start : start + rows * columns], np.float64)
    centers = boxes[:, :2] + boxes[:, 2:] / 2
    low, high = centers.min(axis=0), centers.max(axis=0)
    cell = (high - low) / np.maximum(1, np.array([columns - 1, rows - 1]))
    # a map of one row or column has no spacing of its own
    cell = np.where(cell > 0, cell, np.asarray(debug.search_window_xywh[2:]) / np.array([columns, rows]))
    return values, np.concatenate([low - cell / 2, high - low + cell])


def color_heat_map(values: FloatArray) -> Image:
    """Return scores (h, w) in 0..1 as a uint8 BGR image of the same size; NaN counts as 0."""
    scaled = np.rint(np.clip(np.nan_to_num(values), 0.0, 1.0) * 255).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(scaled, cv2.COLORMAP_TURBO), np.uint8)


def heat_map_alpha(values: FloatArray) -> Image:
    """Return how opaque a map of scores (h, w) in 0..1 is, uint8 of the same size: low scores let the image through."""
    scaled = np.rint(np.clip(np.nan_to_num(values), 0.0, 1.0) * 255)
    return np.asarray(np.clip(40 + 3 * scaled, 0, 255), np.uint8)


def blend_heat_map(canvas: Image, values: FloatArray, region_xywh: FloatArray, opacity: float = 0.5) -> None:
    """Lay a score map over its region of `canvas` (uint8 BGR, changed in place), clipped to the image."""
    rows, columns = canvas.shape[:2]
    x, y, w, h = (float(value) for value in region_xywh)
    if not np.isfinite([x, y, w, h]).all() or w < 1 or h < 1:
        return
    left, top = max(0, round(x)), max(0, round(y))
    right, bottom = min(columns, round(x + w)), min(rows, round(y + h))
    if right <= left or bottom <= top:
        return
    # sample the map at the centres of the pixels that are really covered: the region may be far larger
    map_x = ((np.arange(left, right) + 0.5 - x) / w * values.shape[1] - 0.5).astype(np.float32)
    map_y = ((np.arange(top, bottom) + 0.5 - y) / h * values.shape[0] - 0.5).astype(np.float32)
    grid_x, grid_y = np.meshgrid(map_x, map_y)
    smooth = cv2.remap(values.astype(np.float32), grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    weight = (opacity / 255 * heat_map_alpha(np.asarray(smooth, np.float64))).astype(np.float32)
    part = np.ascontiguousarray(canvas[top:bottom, left:right])
    colors = color_heat_map(np.asarray(smooth, np.float64))
    canvas[top:bottom, left:right] = cv2.blendLinear(colors, part, weight, np.float32(1.0) - weight)
