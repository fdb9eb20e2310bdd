"""Presets of the trackers that ask whether the correlation is needed: SiamFC, SiamRPN, SiamConcatRPN, SiamBroadcastRPN.

Each as published, with a ResNet-50 where it has one, and small, on MobileNetV3-small, with weights of our own.
"""

from __future__ import annotations

from tracker_core.config import AnchorConfig, BoxLevelConfig, NetworkConfig, TrackerConfig, TrackingConfig
from tracker_core.presets.registry import TrackerEntry

# s_k of SSD300 and the ratios beside 1, finest map first (Liu et al. 2016, section 3.1)
SSD_SIZES = (0.1, 0.2, 0.37, 0.54, 0.71, 0.88, 1.05)
SSD_RATIOS = ((2.0,), (2.0, 3.0), (2.0, 3.0), (2.0, 3.0), (2.0,), (2.0,))


def _ssd_levels(sides: tuple[int, ...]) -> list[BoxLevelConfig]:
    pairs = zip(sides, SSD_SIZES, SSD_SIZES[1:], SSD_RATIOS, strict=False)
    return [BoxLevelConfig(side, size, following, list(ratios)) for side, size, following, ratios in pairs]


def _concat(name: str, backbone: str, width: float, size: int, sides: tuple[int, ...]) -> TrackerConfig:
    levels = _ssd_levels(sides)
    boxes = [2 + 2 * len(level.ratios) for level in levels]
    return TrackerConfig(
        name,
        NetworkConfig("siamconcat", backbone, width, options={"boxes": boxes}),
        AnchorConfig("ssd", levels=levels),
        TrackingConfig(
            exemplar_size=size, search_size=size, context=1.5, window_influence=0.3, penalty_k=0.1, size_lr=0.5
        ),
    )


def _broadcast(name: str, backbone: str, width: float) -> TrackerConfig:
    levels = [BoxLevelConfig(17, 0.2, 0.31, [2.0, 3.0]), BoxLevelConfig(9, 0.31, 0.48, [2.0, 3.0])]
    return TrackerConfig(
        name,
        NetworkConfig("siambroadcast", backbone, width, options={"boxes": [6, 6]}),
        AnchorConfig("ssd", levels=levels),
        TrackingConfig(exemplar_size=129, search_size=257, window_influence=0.3, penalty_k=0.1, size_lr=0.5),
    )


def _fc(name: str, backbone: str) -> TrackerConfig:
    return TrackerConfig(
        name,
        NetworkConfig("siamfc", backbone),
        AnchorConfig("none", stride=8),
        TrackingConfig(window_influence=0.176, penalty_k=0.0255, size_lr=0.59, scale_count=3, scale_step=1.0375),
    )


def _rpn(name: str, backbone: str, stride: int, scale: float, tracking: TrackingConfig) -> TrackerConfig:
    return TrackerConfig(
        name,
        NetworkConfig("siamrpn", backbone, anchors_per_position=5),
        AnchorConfig("rpn", stride=stride, ratios=[0.33, 0.5, 1.0, 2.0, 3.0], scales=[scale]),
        tracking,
    )


STUDIED: dict[str, TrackerEntry] = {
    entry.name: entry
    for entry in (
        TrackerEntry(
            _concat("siamconcat-small", "mobilenetv3", 0.125, 152, (19, 10, 5, 3, 2, 1)),
            "SiamConcatRPN, small: global convolutions instead of a correlation",
        ),
        TrackerEntry(
            _broadcast("siambroadcast-small", "mobilenetv3", 0.25),
            "SiamBroadcastRPN, small: the exemplar as one vector instead of a correlation",
        ),
        TrackerEntry(
            _rpn(
                "siamrpn-small", "mobilenetv3", 16, 4.0,
                TrackingConfig(window_influence=0.3, penalty_k=0.1, size_lr=0.5),
            ),
            "SiamRPN with up-channel correlation, small",
        ),
        TrackerEntry(_fc("siamfc-small", "mobilenetv3"), "SiamFC, small: one response map, three scales"),
        TrackerEntry(
            _concat("siamconcat", "resnet50", 1.0, 300, (38, 19, 10, 5, 3, 1)),
            "SiamConcatRPN as published, on ResNet-50 (to be trained)",
        ),
        TrackerEntry(
            _broadcast("siambroadcast", "resnet50", 1.0), "SiamBroadcastRPN as published, on ResNet-50 (to be trained)"
        ),
        TrackerEntry(
            _rpn("siamrpn", "alexnet", 8, 8.0, TrackingConfig(window_influence=0.4, penalty_k=0.22, size_lr=0.3)),
            "SiamRPN as published, on AlexNet (to be trained)",
        ),
        TrackerEntry(_fc("siamfc", "alexnet"), "SiamFC as published, on AlexNet (to be trained)"),
    )
}  # fmt: skip
