"""The names of tensors in published checkpoints, and ours; PySOT's names are ours already."""

from __future__ import annotations

from collections.abc import Iterable

# published prefix → ours
DASIAMRPN_RENAMES = (
    ("featureExtract.", "backbone.features."),
    ("conv_r1.", "loc_kernel."),
    ("conv_r2.", "loc_search."),
    ("conv_cls1.", "cls_kernel."),
    ("conv_cls2.", "cls_search."),
    ("regress_adjust.", "loc_adjust."),
)

ATOM_RENAMES = (("feature_extractor.", "trunk."), ("bb_regressor.", "overlap."))
# beginning of a tracker's name → how the names in its checkpoints become ours
RENAMES: dict[str, tuple[tuple[str, str], ...]] = {"dasiamrpn_": DASIAMRPN_RENAMES, "atom_": ATOM_RENAMES}
# what published checkpoints hold that tracking does not need: a backbone's last stage and its classifier
UNUSED = ("feature_extractor.layer4.", "feature_extractor.fc.")

# networks of the same shape, which nothing in a state dict tells apart: name → those it may be mistaken for
SAME_SHAPES: dict[str, tuple[str, ...]] = {
    "siamrpn_r50_l234_dwxcorr": ("siamrpn_r50_l234_dwxcorr_lt",),
    "dasiamrpn_SiamRPNvot": ("dasiamrpn_SiamRPNotb", "dasiamrpn_SiamRPNvot_lt"),
}


def published_names(tracker: str, ours: Iterable[str]) -> dict[str, str]:
    """Return a mapping from published names to ours for the entries `ours` of a published tracker's state dict."""
    renames = next((renames for prefix, renames in RENAMES.items() if tracker.startswith(prefix)), ())
    return {_published_name(name, renames): name for name in ours}


def _published_name(name: str, renames: Iterable[tuple[str, str]]) -> str:
    for theirs, prefix in renames:
        if name.startswith(prefix):
            return theirs + name[len(prefix) :]
    return name
