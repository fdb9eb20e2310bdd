"""From a network's configuration to the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tracker_core.config import NetworkConfig, check_values
from tracker_core.errors import ConfigError, nearest_name
from tracker_core.models.atom import Atom
from tracker_core.models.fear import FearSiamRPN
from tracker_core.models.light import LightSiamRPN
from tracker_core.models.network import Network
from tracker_core.models.siambroadcast import SiamBroadcastRPN
from tracker_core.models.siamconcat import SiamConcatRPN
from tracker_core.models.siamfc import LightSiamFC, SiamFC
from tracker_core.models.siamrpn import SiamRPN, UpChannelSiamRPN
from tracker_core.models.siamrpnpp import SiamRPNPP


@dataclass(frozen=True)
class NetworkKind:
    """How a kind of network is built, and the names of the options that only it knows."""

    build: Callable[[NetworkConfig], Network]
    options: tuple[str, ...] = ()


NETWORKS: dict[str, NetworkKind] = {
    "atom": NetworkKind(lambda config: Atom(config.backbone, config.width)),
    "light": NetworkKind(
        lambda config: LightSiamRPN(config.anchors_per_position, bool(config.options.get("box_cues", True))),
        ("box_cues",),
    ),
    "fear": NetworkKind(lambda config: FearSiamRPN(config.anchors_per_position)),
    "siamrpnpp": NetworkKind(
        lambda config: SiamRPNPP(
            config.backbone, config.anchors_per_position, config.width, bool(config.options.get("weighted", False))
        ),
        ("weighted",),
    ),
    "siamrpn": NetworkKind(
        lambda config: (
            UpChannelSiamRPN(config.anchors_per_position, max(1, round(64 * config.width)))
            if config.backbone == "mobilenetv3"
            else SiamRPN(config.anchors_per_position, config.width)
        )
    ),
    "siamfc": NetworkKind(
        lambda config: (
            LightSiamFC(max(1, round(64 * config.width))) if config.backbone == "mobilenetv3" else SiamFC(config.width)
        )
    ),
    "siamconcat": NetworkKind(
        lambda config: SiamConcatRPN(
            config.backbone,
            config.options.get("boxes", (4, 6, 6, 6, 4, 4)),
            max(1, round(256 * config.width)),
            bool(config.options.get("correlation_guide", False)),
        ),
        ("boxes", "correlation_guide"),
    ),
    "siambroadcast": NetworkKind(
        lambda config: SiamBroadcastRPN(
            config.backbone, config.options.get("boxes", (6, 6)), max(1, round(256 * config.width))
        ),
        ("boxes",),
    ),
}


def build_network(config: NetworkConfig) -> Network:
    """Return the network that `config` describes, with fresh weights.

    Raises `ConfigError` for an unknown kind, backbone or option, and for a width or count of anchors out of range.
    """
    if config.kind not in NETWORKS:
        known = ", ".join(sorted(NETWORKS))
        raise ConfigError(f"There is no network '{config.kind}'.{nearest_name(config.kind, NETWORKS)} Known: {known}.")
    kind = NETWORKS[config.kind]
    check_values(config, "network.")
    for option in config.options:
        if option not in kind.options:
            known = ", ".join(kind.options) or "none"
            raise ConfigError(
                f"The network '{config.kind}' has no option '{option}'.{nearest_name(option, kind.options)} "
                f"Known: {known}."
            )
    try:
        return kind.build(config)
    except ValueError as error:
        raise ConfigError(f"The network '{config.kind}' cannot be built as configured: {error}.") from error
