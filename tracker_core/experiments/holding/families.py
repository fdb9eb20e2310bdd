"""The clips of each family: those of data sets, cut to a bounded length, and those that are drawn."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tracker_core.experiments.holding.config import HoldingConfig
from tracker_core.training.clips import Clip
from tracker_core.training.drawn_clips import write_clips
from tracker_core.training.readers import list_backgrounds, read_sequence_clips, read_sets


def read_families(config: HoldingConfig) -> dict[str, list[Clip]]:
    """Return family → clips that start on a box; drawn ones are written below `out` first, where they are missing.

    Raises `DataSetError` where a data set is absent.
    """
    families = {name: read_sets(sets, config.root) for name, sets in config.families.items()}
    drawn = config.drawn
    if drawn.kinds and drawn.seeds:
        folder = Path(config.out) / "drawn"
        cutouts = [clip for clip in read_sets(drawn.cutouts, config.root) if clip.outlined]
        write_clips(folder, list(drawn.kinds), drawn.seeds, cutouts, list_backgrounds(drawn.backgrounds, config.root))
        for kind, family in drawn.kinds.items():
            names = [f"{kind}_{seed}" for seed in range(drawn.seeds)]
            families[family] += read_sequence_clips("got10k", folder, names=names)
    return {name: [_cut(clip, config.frames) for clip in clips] for name, clips in families.items()}


def _cut(clip: Clip, frames: int) -> Clip:
    first = int(clip.usable[0])
    kept = slice(first, first + frames)
    return dataclasses.replace(clip, frames=clip.frames[kept], boxes_xywh=clip.boxes_xywh[kept], polygons=None)
