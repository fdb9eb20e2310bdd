"""From a network's configuration to the network."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from tracker_core.config import NetworkConfig
from tracker_core.errors import ConfigError, nearest_name
from tracker_core.models.light import LightSiamRPN
from tracker_core.models.siamfc import SiamFC
from tracker_core.models.siamrpn import SiamRPN
from tracker_core.models.siamrpnpp import SiamRPNPP

NETWORKS: dict[str, Callable[[NetworkConfig], nn.Module]] = {
    "light": lambda config: LightSiamRPN(config.anchors_per_position, bool(config.options.get("box_cues", True))),
    "siamrpnpp": lambda config: SiamRPNPP(
        config.backbone, config.anchors_per_position, config.width, bool(config.options.get("weighted", False))
    ),
    "siamrpn": lambda config: SiamRPN(config.anchors_per_position, int(config.width)),
    "siamfc": lambda config: SiamFC(config.width),
}


def build_network(config: NetworkConfig) -> nn.Module:
    """Return the network that `config` describes, with fresh weights; raises `ConfigError` for an unknown one."""
    if config.kind not in NETWORKS:
        known = ", ".join(sorted(NETWORKS))
        raise ConfigError(f"There is no network '{config.kind}'.{nearest_name(config.kind, NETWORKS)} Known: {known}.")
    try:
        return NETWORKS[config.kind](config)
    except (ValueError, RuntimeError) as error:
        raise ConfigError(f"The network '{config.kind}' cannot be built as configured: {error}.") from error
