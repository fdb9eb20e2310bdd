"""Where and how a target is looked for that is lost: in a larger region, in one that grows, or all over the image.

PySOT's long-term tracker (SiamRPN++, Li et al. 2019) takes a larger search region at once, DaSiamRPN (Zhu et al. 2018,
section 3.4) lets it grow by a constant step in each frame. Both cost more with the region's area. The sweep costs no
more than an ordinary frame: it searches one tile of the image after another, the nearest first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker_core.config import TrackingConfig

AT_HOME = 3  # every third frame of a sweep looks where the target was last seen: most come back there


def lost_search_size(tracking: TrackingConfig, search_size: int, lost_frames: int) -> int:
    """Return the side of the search crop in pixels for a target that has been lost for `lost_frames` frames."""
    if not lost_frames or not tracking.lost_search_size:
        return search_size
    if not tracking.lost_search_step:
        return max(search_size, tracking.lost_search_size)
    grown = search_size + tracking.lost_search_step * lost_frames
    return max(search_size, min(grown, tracking.lost_search_size))


def sweep_center(
    center: NDArray[np.float64], sides: NDArray[np.float64], image_wh: tuple[int, int], lost_frames: int
) -> NDArray[np.float64]:
    """Return the centre (2,) of the tile that is searched in the `lost_frames`-th frame of a sweep.

    Tiles have the search region's `sides` and lie half a side apart, so that every target lies whole in one of them;
    the nearest to the last `center` comes first. A sweep that is through starts again.
    """
    if lost_frames % AT_HOME == 1:
        return center
    centers = tile_centers(sides, image_wh)
    order = np.argsort(((centers - center) ** 2).sum(1), kind="stable")
    turn = lost_frames - 1 - (lost_frames + AT_HOME - 2) // AT_HOME  # frames of the sweep that were not at home
    return np.asarray(centers[order[turn % len(order)]], np.float64)


def tile_centers(sides: NDArray[np.float64], image_wh: tuple[int, int]) -> NDArray[np.float64]:
    """Return the centres (N, 2) of tiles of `sides` that cover an image, at most half a side apart."""
    axes = []
    for side, length in zip(sides, image_wh, strict=True):
        first = min(side, length) / 2
        count = 1 + int(np.ceil(max(0.0, length - side) / (side / 2)))
        axes.append(np.linspace(first, length - first, count))
    grid = np.meshgrid(*axes)
    return np.stack([axis.ravel() for axis in grid], -1)
