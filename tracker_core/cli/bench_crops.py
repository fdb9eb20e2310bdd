"""Whether the device cuts crops as OpenCV does on the host: a part of `bench --verify-device`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker_core.crops import Cutout
from tracker_core.types import Image

CUTS, BATCH, SIZE = 100, 4, 127
LARGEST_LEVEL, SHARE = 1, 0.99  # grey levels; of pixels that are equal


@dataclass(frozen=True)
class CropVerdict:
    """How many regions were cut, the largest difference in grey levels, and the share of pixels without any."""

    count: int
    largest: int
    equal: float

    @property
    def is_good(self) -> bool:
        """Whether no crop is further from OpenCV's than rounding explains."""
        return self.largest <= LARGEST_LEVEL and self.equal >= SHARE


def verify_crops(image: Image, device: str) -> CropVerdict:
    """Cut regions of all sizes inside, across and outside an image on `device`, and compare them with OpenCV's."""
    from tracker_core.runtime.eager import device_errors  # both load torch
    from tracker_core.runtime.graphs import Recorder
    from tracker_core.runtime.staging import DeviceCrops

    cutouts = _draw(image)
    differences = []
    with device_errors(device):
        recorder = Recorder(device)
        with recorder.working():
            crops = DeviceCrops(cutouts[:BATCH], device)
            crops.write(cutouts[:BATCH])
            recording = recorder.record(lambda: (crops.crops(),))
            for first in range(0, CUTS, BATCH):
                batch = cutouts[first : first + BATCH]
                crops.write(batch)
                (found,) = recording.run()
                mine = found.cpu().numpy().astype(np.int16)
                differences.append(np.abs(mine - [cutout.crop for cutout in batch]))
    every = np.concatenate(differences)
    return CropVerdict(CUTS, int(every.max()), float((every == 0).mean()))


def _draw(image: Image) -> list[Cutout]:
    random, (height, width) = np.random.default_rng(0), image.shape[:2]
    spans = np.exp(random.uniform(0, np.log(2 * max(height, width)), (CUTS, 2))).astype(int)
    spans[::2, 1] = spans[::2, 0]  # every second one is square, as most trackers' are
    corners = random.uniform(-0.3, 1.1, (CUTS, 2)) * (width, height) - spans / 2
    colour = (104, 117, 123)
    return [
        Cutout(image, int(x), int(y), int(wide), int(high), SIZE, colour)
        for (x, y), (wide, high) in zip(corners, spans, strict=True)
    ]
