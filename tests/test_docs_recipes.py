"""What docs/architecture.md says about adding things is done as it says, and then used."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipes import run_recipe

from tracker_core.checkpoints.weights import save_checkpoint
from tracker_core.cli.main import main
from tracker_core.config import config_to_mapping
from tracker_core.models import builder
from tracker_core.packaged import CLIP
from tracker_core.presets import preset, registry
from tracker_core.results.formats import BOX_FORMATS

TRACK = ["track", "--source", str(CLIP), "--init-from-gt", "--frames", "0:4", "--no-video", "--progress", "none"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)


def test_a_tracker_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "NETWORKS", dict(builder.NETWORKS))
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    run_recipe("A tracker")
    config = preset("plain")
    save_checkpoint("plain.safetensors", builder.build_network(config.network).state_dict(), config_to_mapping(config))
    assert main([*TRACK, "--tracker", "plain", "--weights", "plain.safetensors"]) == 0
    assert len((tmp_path / "runs/siamscope_clip-plain/siamscope_clip-boxes.csv").read_text().splitlines()) == 5


def test_an_export_format_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BOX_FORMATS, "centers", BOX_FORMATS["csv"])  # so that it is gone afterwards
    run_recipe("An export format")
    assert main([*TRACK, "--format", "centers"]) == 0
    lines = (tmp_path / "runs/siamscope_clip-siamscope-base/siamscope_clip-boxes.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["0", "1", "2", "3"]
    truth = CLIP.with_name(f"{CLIP.stem}_groundtruth_rect.txt").read_text().split()[0]
    x, y, w, h = (float(value) for value in truth.split(","))
    assert lines[0] == f"0 {x - 1 + w / 2:.2f} {y - 1 + h / 2:.2f}"  # the file counts pixels from 1
