"""Crops cut out and resized where the network runs, with the pixels that OpenCV gives.

`cv2.resize` works bilinearly on uint8 in integers: positions in double, weights in 2048ths, sums shortened by 4 and
then 16 bits (`resizeLinear`, OpenCV's modules/imgproc/src/resize.cpp). The same integers here give the same pixels;
where an OpenCV is built with other routines, as on some Arm processors, they differ by at most one grey level.
"""

from __future__ import annotations

import torch
from torch import Tensor

WEIGHT = 2048  # that of a whole pixel: INTER_RESIZE_COEF_SCALE
# of a region: left, top, width, height; columns and rows of the pixels around it, where these begin; padding
COLUMNS = 10


def cut_regions(pixels: Tensor, regions: Tensor, size: int) -> Tensor:
    """Cut B regions out of images, pad them, and resize them to uint8 B×size×size×3.

    Args:
        pixels: uint8 P×3, the pixels of all images, one after another, row by row.
        regions: int64 B×10: left, top, width and height in pixels of the region's image; columns and rows of that image
            and the place in `pixels` of its first one; the three grey levels of what lies outside.
        size: side of the answer in pixels.

    Nothing here waits for the device, so that it can be recorded as a CUDA graph.
    """
    left, top, wide, high, columns, rows, first = regions[:, :7, None, None].unbind(1)  # each B×1×1
    x, across = _samples(wide, size, is_clamped=True)
    y, down = _samples(high, size, is_clamped=False)
    x, y = x + left, y + top  # B×S×2: the two pixels that each one of the crop lies between
    inside = _between(y, rows)[:, :, :, None, None] & _between(x, columns)[:, None, None]
    line = first + _nearest(y, rows) * columns
    places = line[:, :, :, None, None] + _nearest(x, columns)[:, None, None]  # B×S×2×S×2
    values = pixels.index_select(0, places.reshape(-1)).view(*places.shape, 3)
    padding = regions[:, 7:].to(torch.uint8)[:, None, None, None, None]
    values = torch.where(inside[..., None], values, padding).int()
    across, down = across[:, None, None, :, :, None], down[:, :, :, None, None]
    lines = values[..., 0, :] * across[..., 0, :] + values[..., 1, :] * across[..., 1, :]  # B×S×2×S×3
    above, below = ((lines[:, :, n] >> 4) * down[:, :, n] >> 16 for n in (0, 1))
    return ((above + below + 2) >> 2).clamp(max=255).to(torch.uint8)


def _samples(span: Tensor, size: int, is_clamped: bool) -> tuple[Tensor, Tensor]:
    """Return the two pixels B×S×2 that each of `size` positions lies between, within B×1×1 `span`, and their weights.

    At the ends OpenCV takes the last column alone, but the last row twice, with both weights, which rounds otherwise.
    """
    steps = torch.arange(size, device=span.device, dtype=torch.float64)[:, None] + 0.5
    # in double up to here, as OpenCV's; in single precision from here on
    places = (steps * (1.0 / (size / span.double())) - 0.5).float()
    pixels = places.floor()
    shares = places - pixels
    if is_clamped:
        shares = shares * ((pixels >= 0) & (pixels < span - 1))
    weights = torch.cat(((1.0 - shares) * WEIGHT, shares * WEIGHT), -1).round().int()
    found = torch.cat((pixels, pixels + 1), -1).long()
    return _nearest(found, span), weights


def _nearest(places: Tensor, count: Tensor) -> Tensor:
    """Return the nearest of `count` places from 0; 0 where there is none."""
    return torch.minimum(places, count - 1).clamp(min=0)


def _between(places: Tensor, count: Tensor) -> Tensor:
    return (places >= 0) & (places < count)
