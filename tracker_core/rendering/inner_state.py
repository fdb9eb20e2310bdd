"""What a network saw in one update, drawn into images: its window, candidates, anchor, guide and memory."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.rendering.drawing import (
    ANCHOR_COLOR,
    DASH_DOTTED,
    DOTTED,
    EDGE_COLOR,
    GUIDE_COLOR,
    LONG_DASHED,
    PROPOSAL_COLOR,
    SEARCH_WINDOW_COLOR,
    SOLID,
    STARTED_COLOR,
    STARTED_DASHES,
    Color,
    draw_label,
    draw_outline,
    outline_of,
    touches,
)
from tracker_core.types import FloatArray, Image, TrackDebug

_SCORED = 4  # proposals whose scores are written beside the best one
_TILE = 24  # side of a sample of the memory, in line widths


def draw_search_window(canvas: Image, debug: TrackDebug, width: int) -> None:
    """Draw the square that was cut out and shown to the network."""
    draw_outline(canvas, outline_of(debug.search_window_xywh), SEARCH_WINDOW_COLOR, width, LONG_DASHED)


def draw_anchor(canvas: Image, debug: TrackDebug, width: int) -> None:
    """Draw the anchor whose regression won."""
    if 0 <= debug.best < len(debug.anchors_xywh):
        draw_outline(canvas, outline_of(debug.anchors_xywh[debug.best]), ANCHOR_COLOR, width, DOTTED)


def draw_guide(canvas: Image, debug: TrackDebug, width: int) -> None:
    """Draw the guide box of trackers that take one."""
    if debug.guide_xywh is not None:
        draw_outline(canvas, outline_of(debug.guide_xywh), GUIDE_COLOR, width, DASH_DOTTED)


def draw_proposals(canvas: Image, debug: TrackDebug, count: int, width: int) -> None:
    """Draw the `count` best proposals, the better the more opaque, and the scores of the first few."""
    best = best_candidates(debug.scores_windowed, count)
    for rank, index in reversed(list(enumerate(best))):
        opacity = 0.95 - 0.65 * rank / len(best)
        _draw_faint(canvas, outline_of(debug.proposals_xywh[index]), PROPOSAL_COLOR, width, SOLID, opacity)
    if len(best) and touches(canvas, debug.proposals_xywh[best[0]].astype(np.float64)):
        scores = "  ".join(f"{debug.scores_windowed[index]:.2f}" for index in best[:_SCORED])
        x, y, _, h = (float(value) for value in debug.proposals_xywh[best[0]])
        # below the box: its own label stands above
        draw_label(canvas, scores, (x, y + h + 12 * width), EDGE_COLOR, width)


def draw_refinement(canvas: Image, debug: TrackDebug, width: int) -> None:
    """Draw the boxes before and after they climbed the predicted overlap, and the overlap of the best one."""
    online = debug.online
    if online is None or not len(online.overlaps):
        return
    for box in online.started_xywh:
        draw_outline(canvas, outline_of(box), STARTED_COLOR, width, STARTED_DASHES)
    order = np.argsort(np.nan_to_num(online.overlaps, nan=-np.inf), kind="stable")
    for rank, index in enumerate(order):
        opacity = 0.3 + 0.7 * (rank + 1) / len(order)
        _draw_faint(canvas, outline_of(online.refined_xywh[index]), PROPOSAL_COLOR, width, SOLID, opacity)
    x, y, w, _ = (float(value) for value in online.refined_xywh[order[-1]])
    draw_label(canvas, f"overlap {online.overlaps[order[-1]]:.2f}", (x + w + 4, y), PROPOSAL_COLOR, width)


def draw_memory(canvas: Image, debug: TrackDebug, width: int) -> None:
    """Draw the samples that a tracker remembers below its search window, over bars of their weights."""
    online = debug.online
    if online is None:
        return
    x, y, _, h = (float(value) for value in debug.search_window_xywh)
    draw_label(canvas, online.finding, (x, y), SEARCH_WINDOW_COLOR, width)
    heaviest = max(online.sample_weights, default=0.0)
    tile, bar = _TILE * width, 2 * width
    step = tile + 2 * width
    top = round(min(y + h + 2 * width, canvas.shape[0] - tile - bar))
    for number, (sample, weight) in enumerate(zip(online.samples, online.sample_weights, strict=True)):
        left = round(max(0.0, x)) + number * step
        if top < 0 or left + tile > canvas.shape[1]:
            return
        canvas[top : top + tile, left : left + tile] = cv2.resize(sample, (tile, tile), interpolation=cv2.INTER_AREA)
        share = weight / heaviest if heaviest > 0 else 0.0
        canvas[top + tile : top + tile + bar, left : left + round(tile * share)] = SEARCH_WINDOW_COLOR


def best_candidates(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return the indices of the `count` highest finite scores, the best first."""
    usable = np.nan_to_num(scores, nan=-np.inf)
    count = max(0, min(count, len(usable)))
    if count == 0:
        return np.zeros(0, np.intp)
    top = np.argpartition(-usable, count - 1)[:count]
    return top[np.argsort(-usable[top], kind="stable")]


def _draw_faint(
    canvas: Image, corners: FloatArray, color: Color, width: int, pattern: tuple[float, ...], opacity: float
) -> None:
    """Draw an outline that lets through what is below it."""
    if not np.isfinite(corners).all():
        return
    rows, columns = canvas.shape[:2]
    reach = 3 * width
    left, top = np.clip(np.floor(corners.min(axis=0)) - reach, 0, (columns, rows)).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0)) + reach, 0, (columns, rows)).astype(int)
    if right <= left or bottom <= top:
        return
    part = np.array(canvas[top:bottom, left:right])
    drawn = part.copy()
    draw_outline(drawn, corners - (left, top), color, width, pattern)
    canvas[top:bottom, left:right] = cv2.addWeighted(drawn, opacity, part, 1 - opacity, 0)
