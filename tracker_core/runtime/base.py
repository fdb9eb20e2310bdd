"""The interface behind which a network runs: uint8 crops in, float32 arrays out, or the candidate that is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tracker_core.candidates import Asking, Chosen
from tracker_core.crops import Cutout
from tracker_core.models.network import Network
from tracker_core.types import Image

Outputs = tuple[NDArray[np.float32], ...]
Answer = Outputs | Chosen


class SearchRequest(Protocol):
    """What one search of one target needs: the arguments of `Runner.search`, the crop as what it is cut from.

    `asking` says how a candidate is chosen; a runtime that can may then answer with that one alone.
    """

    @property
    def template(self) -> Any: ...
    @property
    def cutout(self) -> Cutout: ...
    @property
    def guide_cxcywh(self) -> Sequence[float]: ...
    @property
    def asking(self) -> Asking | None: ...


@dataclass(frozen=True)
class CropRequest:
    """A search in a crop that was cut already, for all outputs."""

    template: Any
    crop: Image
    guide_cxcywh: Sequence[float]
    asking: None = None

    @property
    def cutout(self) -> Cutout:
        """The crop as it is."""
        return Cutout.whole(self.crop)


class Runner(Protocol):
    """Runs one Siamese network.

    `template` keeps nothing: what it returns belongs to the tracker, so that one runner serves many targets.
    """

    name: str
    device: str
    precision: str
    network: Network

    @property
    def lanes(self) -> int:
        """From how many threads it can be asked at the same time; where that is 1, several searches are one batch."""
        ...

    @property
    def is_cutting(self) -> bool:
        """Whether it cuts the crops of requests elsewhere, so that whoever asks does not have to."""
        ...

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

    def search_batch(self, requests: Sequence[SearchRequest]) -> list[Answer]:
        """Return the answers of several searches, of several targets of one frame for example, in their order."""
        ...


class OneByOne:
    """A runtime that gains nothing by a batch: several searches run one after the other, each for all outputs."""

    is_cutting = False
    lanes = 1
    precision = "fp32"

    def search(self, template: Any, crop: Image, guide_cxcywh: Sequence[float]) -> Outputs:
        """Return the outputs of one search."""
        raise NotImplementedError

    def search_batch(self, requests: Sequence[SearchRequest]) -> list[Answer]:
        """Return the outputs of several searches in their order."""
        return [self.search(request.template, request.cutout.crop, request.guide_cxcywh) for request in requests]
