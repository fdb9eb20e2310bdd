"""Anchors on one grid: of SiamRPN's fixed ratios, or of the exemplar's own shape."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.candidates.coding import constants, library_of
from tracker_core.candidates.layout import BoxLayout, Candidates
from tracker_core.candidates.selection import cosine_window
from tracker_core.config import TrackerConfig
from tracker_core.errors import ConfigError, TrackerStateError


def rpn_base_sizes(stride: int, ratios: Sequence[float], scales: Sequence[float]) -> NDArray[np.float64]:
    """Return widths and heights (K, 2) of SiamRPN's anchors in search-region pixels (DaSiamRPN, PySOT `Anchors`).

    For each ratio r = h / w: w = int(√(stride² / r)), h = int(w · r), both times each scale.
    """
    sizes = []
    for ratio in ratios:
        width = int(math.sqrt(stride * stride / ratio))
        height = int(width * ratio)
        sizes += [(width * scale, height * scale) for scale in scales]
    return np.array(sizes, np.float64)


def exemplar_base_sizes(exemplar_wh: Any, ratios: Sequence[float], scales: Sequence[float]) -> Any:
    """Return widths and heights (…, K, 2) of anchors that take the exemplar's shape (…, 2), in its units and kind.

    A ratio r makes the exemplar's shape r times taller for its width at the same area: (w·s/√r, h·s·√r). A thin
    target thus has thin anchors; SiamRPN's fixed ratios ignore what the first box already told.
    """
    roots = constants(np.sqrt(np.repeat(np.array(ratios, np.float64), len(scales))), exemplar_wh)
    factors = constants(np.tile(np.array(scales, np.float64), len(ratios)), exemplar_wh)
    width, height = exemplar_wh[..., :1], exemplar_wh[..., 1:]
    return library_of(exemplar_wh).stack((width * factors / roots, height * factors * roots), -1)


def grid_anchors(sizes: Any, map_size: tuple[int, int], stride: float, is_centred: bool) -> Any:
    """Lay anchors of `sizes` (…, K, 2) on a grid of h × w around the search region's centre → (…, K·h·w, 4).

    Centres lie `stride` apart. The middle of the map is the origin where `is_centred`; published trackers put position
    n // 2 there, which moves a map of an even side by half a stride. NumPy arrays become float32.
    """
    rows, columns = map_size
    ys, xs = (stride * (np.arange(n) - ((n - 1) / 2 if is_centred else n // 2)) for n in map_size)
    centers = np.stack(np.broadcast_arrays(xs[None, :], ys[:, None]), -1).reshape(-1, 2)
    library = library_of(sizes)
    shape = (*sizes.shape[:-1], rows * columns, 2)
    parts = (constants(centers, sizes), sizes[..., None, :])
    anchors = library.concatenate([library.broadcast_to(part, shape) for part in parts], -1)
    anchors = anchors.reshape(*sizes.shape[:-2], -1, 4)
    return anchors.astype(np.float32) if library is np else anchors


class AnchorGrid(BoxLayout):
    """K anchors at every position of one map."""

    def __init__(self, config: TrackerConfig) -> None:
        super().__init__(config)
        for name, values in (("ratios", self.config.ratios), ("scales", self.config.scales)):
            if not values or not all(math.isfinite(value) and value > 0 for value in values):
                raise ConfigError(f"anchors.{name} is {list(values)}; give one or more numbers above 0.")
        self.count = len(self.config.ratios) * len(self.config.scales)
        if self.count != config.network.anchors_per_position:
            raise ConfigError(
                f"anchors.ratios and anchors.scales make {self.count} anchors per position, but "
                f"network.anchors_per_position is {config.network.anchors_per_position}."
            )
        self.is_centred = config.tracking.convention == "exact"

    @abstractmethod
    def sizes(self, exemplar_wh: Any) -> Any:
        """Return widths and heights (…, K, 2) of the anchors for exemplars of size (…, 2)."""

    def boxes(self, shape: Sequence[int], exemplar_wh: Any, search_size: int) -> Any:
        """Return the anchors (…, K·h·w, 4) for an output B×2K×h×w."""
        _, planes, rows, columns = shape
        if planes != 2 * self.count:
            raise TrackerStateError(
                f"The network gives {planes // 2} anchors per position, but its configuration describes {self.count}."
            )
        return grid_anchors(self.sizes(exemplar_wh), (rows, columns), self.config.stride, self.is_centred)

    def lay_out(self, shape: Sequence[int], exemplar_wh: NDArray[np.float64], search_size: int) -> Candidates:
        """Return the anchors of one target with the cosine window of their map."""
        level = (self.count, shape[-2], shape[-1])
        boxes = np.asfortranarray(self.boxes(shape, exemplar_wh, search_size))
        return Candidates((level,), boxes, cosine_window(shape[-2], shape[-1], self.count), search_size)


class FixedAnchors(AnchorGrid):
    """SiamRPN's anchors: the same for every target."""

    def sizes(self, exemplar_wh: Any) -> Any:
        """Return `rpn_base_sizes`, once for each exemplar."""
        sizes = constants(rpn_base_sizes(self.config.stride, self.config.ratios, self.config.scales), exemplar_wh)
        return library_of(exemplar_wh).broadcast_to(sizes, (*exemplar_wh.shape[:-1], *sizes.shape))


class ExemplarAnchors(AnchorGrid):
    """Anchors of the exemplar's own shape."""

    def sizes(self, exemplar_wh: Any) -> Any:
        """Return `exemplar_base_sizes`."""
        return exemplar_base_sizes(exemplar_wh, self.config.ratios, self.config.scales)
