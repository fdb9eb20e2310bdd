"""How much a network computes."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from tracker_core.models.network import Network


def search_flops(network: Network, exemplar_size: int, search_size: int) -> int:
    """Return the floating point operations of the search branch for one crop; sizes are sides of crops in pixels.

    A multiplication and an addition are two.
    """
    place = next(network.parameters()).device
    exemplar, search = (torch.zeros(1, 3, size, size, device=place) for size in (exemplar_size, search_size))
    guide = torch.tensor([[0.0, 0.0, 60.0, 60.0]], device=place) if network.takes_guide else None
    with torch.no_grad():
        template = network.template(exemplar)
        counter = FlopCounterMode(display=False)
        with counter:
            network.search(template, search, guide)
    return int(counter.get_total_flops())
