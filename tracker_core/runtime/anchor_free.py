"""Networks of others without anchors (NanoTrack, FEAR) from their ONNX files: a score and four distances at each cell.

They are run as they are. What they say is handed on as if each cell had one square anchor, in the published order of
planes, so that the loop of every Siamese tracker takes it: the boxes that are decoded are those of the distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.cores import usable_cores
from tracker_core.errors import CheckpointError
from tracker_core.runtime.base import OneByOne, Outputs
from tracker_core.runtime.onnx import open_session
from tracker_core.types import Image

LEAST_SIDE = 1e-3  # pixels: distances may cancel out, and a box has a size


class AnchorFreeRunner(OneByOne):
    """Runs two ONNX files on the CPU: one makes templates, the other compares a template with a search region.

    `shares_backbone` says that the first one is the backbone of both branches and that the second takes its features;
    otherwise the second takes the search region itself. `anchor` is the side in pixels of the square that the loop
    believes each cell to have.
    """

    name = "onnx"
    device = "cpu"

    def __init__(
        self, exemplar_file: str | Path, search_file: str | Path, *, anchor: float, is_rgb: bool, shares_backbone: bool
    ) -> None:
        self.anchor, self._is_rgb, self._shares_backbone = anchor, is_rgb, shares_backbone
        self._embedding, self._comparison = (_open(path) for path in (exemplar_file, search_file))

    def try_out(self, exemplar_size: int, search_size: int) -> None:
        """Run crops of nothing; raises `CheckpointError` where the files are not those of one network."""
        exemplar, search = (np.zeros((side, side, 3), np.uint8) for side in (exemplar_size, search_size))
        try:
            self.search(self.template(exemplar, (1.0, 1.0)), search, ())
        except Exception as error:  # ONNX Runtime's are of many kinds
            reason = " ".join(str(error).split())[:200]
            raise CheckpointError(f"The ONNX files do not work together as one network ({reason}).") from error

    def template(self, crop: Image, exemplar_wh: tuple[float, float]) -> NDArray[np.float32]:
        """Return the features of a uint8 E×E×3 BGR crop; the target's size in it is not asked for."""
        return self._embed(self._planes(crop))

    def search(self, template: Any, crop: Image, guide_cxcywh: Sequence[float]) -> Outputs:
        """Return cls 1×2×h×w and loc 1×4×h×w for a uint8 S×S×3 BGR crop; the guide box is not asked for."""
        region = self._planes(crop)
        if self._shares_backbone:
            region = self._embed(region)
        # the template is the smaller one of the two inputs
        small, large = sorted(self._comparison.get_inputs(), key=lambda one: one.shape[-1])
        found = self._comparison.run(None, {small.name: template, large.name: region})
        distances = next(one for one in found if one.shape[1] == 4)
        scores = next(one for one in found if one.shape[1] < 4)
        if scores.shape[1] == 1:
            scores = np.concatenate((np.zeros_like(scores), scores), 1)
        return scores, distances_to_deltas(distances, self.anchor)

    def _planes(self, crop: Image) -> NDArray[np.float32]:
        ordered = crop[..., ::-1] if self._is_rgb else crop
        return np.ascontiguousarray(ordered.transpose(2, 0, 1)[None], np.float32)

    def _embed(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        features: NDArray[np.float32] = self._embedding.run(None, {self._embedding.get_inputs()[0].name: planes})[0]
        return features


def distances_to_deltas(distances: NDArray[np.float32], anchor: float) -> NDArray[np.float32]:
    """Return what leads from a square anchor on each cell to its box, B×4×h×w: dx, dy, dw, dh (see `encode`).

    `distances` B×4×h×w are those from the cell's centre to the box's left, top, right and bottom, in pixels.
    """
    left, top, right, bottom = np.split(distances.astype(np.float64), 4, 1)
    shifts = [(far - near) / 2 / anchor for near, far in ((left, right), (top, bottom))]
    sides = [np.maximum(near + far, LEAST_SIDE) for near, far in ((left, right), (top, bottom))]
    return np.concatenate([*shifts, *(np.log(side / anchor) for side in sides)], 1).astype(np.float32)


def _open(path: str | Path) -> Any:
    """Return a session on an ONNX file that takes images of any size; raises `CheckpointError` for another file.

    A backbone that was exported for search regions has their size written in, although it takes exemplars as well.
    """
    import onnx

    try:
        model = onnx.load(str(path))
        for side in (*model.graph.input, *model.graph.output):
            dimensions = side.type.tensor_type.shape.dim
            if len(model.graph.input) == 1 and len(dimensions) == 4:
                for axis, dimension in zip("hw", list(dimensions)[2:], strict=True):
                    dimension.dim_param = f"{side.name}_{axis}"
        del model.graph.value_info[:]
        return open_session(model.SerializeToString(), usable_cores())
    except Exception as error:  # a damaged file raises whatever the protobuf and ONNX libraries please
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"'{path}' cannot be run as an ONNX file ({reason}); get it again.") from error
