"""The interface behind which a network runs: uint8 crops in, float32 arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tracker_core.models.network import Network
from tracker_core.types import Image

Outputs = tuple[NDArray[np.float32], ...]


class Runner(Protocol):
    """Runs one Siamese network for batches of one.

    `template` keeps nothing: what it returns belongs to the tracker, so that one runner serves many targets.
    """

    name: str
    device: str
    network: Network

    def template(self, crop: Image, exemplar_wh: tuple[float, float]) -> Any:
        """Return the exemplar's features of a uint8 E×E×3 BGR crop whose target measures `exemplar_wh` crop pixels.

        The network is told the size if it takes it.
        """
        ...

    def search(self, template: Any, crop: Image, guide_cxcywh: Sequence[float]) -> Outputs:
        """Return the network's raw outputs (cls, loc) for a uint8 S×S×3 BGR search crop, batch axis kept.

        `guide_cxcywh` is the box of the frame before, in crop pixels around the centre; the network is told if it takes
        it.
        """
        ...
