"""What regression outputs mean: encode, decode, and the published order of planes; NumPy and torch by one formula."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def library_of(array: Any) -> Any:
    """Return the library whose functions take `array`: NumPy or torch."""
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch


def constants(values: NDArray[Any], like: Any) -> Any:
    """Return numbers that were worked out in NumPy as an array of the kind, type and device of `like`."""
    if isinstance(like, np.ndarray):
        return values
    import torch

    return torch.from_numpy(values).to(like.device, like.dtype)


def encode(boxes_cxcywh: Any, anchors_cxcywh: Any, variances: tuple[float, float] = (1.0, 1.0)) -> Any:
    """Return the regression targets (…, 4) that lead from the anchors to the boxes (Faster R-CNN, equation 2).

    ((cx − cx_a) / w_a, (cy − cy_a) / h_a) / v₀ and (log(w / w_a), log(h / h_a)) / v₁; SSD's variances are
    (0.1, 0.2), an RPN has (1, 1). `decode` is the inverse.
    """
    library = library_of(anchors_cxcywh)
    shifts = (boxes_cxcywh[..., :2] - anchors_cxcywh[..., :2]) / anchors_cxcywh[..., 2:] / variances[0]
    growths = library.log(boxes_cxcywh[..., 2:] / anchors_cxcywh[..., 2:]) / variances[1]
    return library.concatenate((shifts, growths), -1)


def decode(deltas: Any, anchors_cxcywh: Any, variances: tuple[float, float] = (1.0, 1.0)) -> Any:
    """Return the boxes `cx, cy, w, h` (…, 4) that the regression outputs (…, 4) make of the anchors."""
    library = library_of(anchors_cxcywh)
    with np.errstate(over="ignore"):
        centers = deltas[..., :2] * variances[0] * anchors_cxcywh[..., 2:] + anchors_cxcywh[..., :2]
        sizes = library.exp(deltas[..., 2:] * variances[1]) * anchors_cxcywh[..., 2:]
    return library.concatenate((centers, sizes), -1)


def split_outputs(cls: Any, loc: Any) -> tuple[Any, Any]:
    """Return foreground logits B×N and deltas B×N×4 of outputs in the published layout.

    cls is B×2K×h×w or B×2×N, its first half background; loc is B×4K×h×w or B×4×N: planes of dx, dy, dw, dh.
    """
    planes = cls.reshape(len(cls), 2, -1)
    deltas = loc.reshape(len(loc), 4, -1)
    return planes[:, 1] - planes[:, 0], deltas.swapaxes(1, 2)
