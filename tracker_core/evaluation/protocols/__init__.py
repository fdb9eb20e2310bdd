"""How trackers are evaluated: one object per protocol, which runner, scores, reports and tables ask."""

from tracker_core.evaluation.protocols.one_pass import OnePass
from tracker_core.evaluation.protocols.protocol import AnyProtocol, Measure
from tracker_core.evaluation.protocols.supervised import Supervised

PROTOCOLS: dict[str, AnyProtocol] = {OnePass.name: OnePass(), Supervised.name: Supervised()}

__all__ = ["PROTOCOLS", "AnyProtocol", "Measure", "OnePass", "Supervised"]
