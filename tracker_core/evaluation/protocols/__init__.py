"""How trackers are evaluated: one object per protocol, which runner, scores, reports and tables ask."""

from tracker_core.evaluation.protocols.long_term import LongTerm
from tracker_core.evaluation.protocols.one_pass import OnePass
from tracker_core.evaluation.protocols.protocol import AnyProtocol, Measure
from tracker_core.evaluation.protocols.supervised import Supervised

PROTOCOLS: dict[str, AnyProtocol] = {protocol.name: protocol for protocol in (OnePass(), Supervised(), LongTerm())}

__all__ = ["PROTOCOLS", "AnyProtocol", "LongTerm", "Measure", "OnePass", "Supervised"]
