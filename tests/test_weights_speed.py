"""Speeds are measured on the bundled clip, remembered by the weights' content, and shown in the list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracker_core.checkpoints.weights import find_weights, hash_file
from tracker_core.cli.main import main
from tracker_core.presets import DEFAULT_TRACKER
from tracker_core.trackers import speeds


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of speeds of the test's own, and few updates."""
    monkeypatch.setattr(speeds, "_cache", lambda: tmp_path / "speeds.json")
    monkeypatch.setattr(speeds, "UPDATES", 5)
    return tmp_path / "speeds.json"


def test_a_measured_speed_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "measure", DEFAULT_TRACKER, "--device", "cpu", "--progress", "json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (event,) = (event for event in events if event["event"] == "speed")
    assert event["name"] == DEFAULT_TRACKER and event["updates_per_second"] > 0
    kept = speeds.known_speeds()[hash_file(find_weights(DEFAULT_TRACKER))]
    assert (kept.updates_per_second, kept.device) == (event["updates_per_second"], "cpu")
    assert main(["weights", "list", "--progress", "json"]) == 0
    entries = {entry["name"]: entry for entry in map(json.loads, capsys.readouterr().out.splitlines())}
    assert entries[DEFAULT_TRACKER]["speed"]["updates_per_second"] == kept.updates_per_second
    assert all(entry["speed"] is None for name, entry in entries.items() if name != DEFAULT_TRACKER)
    assert main(["weights", "list"]) == 0
    assert f"{kept.updates_per_second:.0f} updates/s here (cpu, {kept.runtime})" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 3}', '{"a": {"speed": 1}}'])
def test_a_damaged_cache_counts_as_none(cache: Path, text: str) -> None:
    cache.write_text(text)
    assert speeds.known_speeds() == {}
    speeds.keep_speed("b", speeds.Speed(3.0, "cpu", "eager"))
    assert speeds.known_speeds() == {"b": speeds.Speed(3.0, "cpu", "eager")}


def test_unknown_weights_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "measure", "siamscope-ligth"]) == 2
    assert "Did you mean 'siamscope-light'" in capsys.readouterr().err
