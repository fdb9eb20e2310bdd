"""Configurations: YAML and dotted overrides, keys that do not exist, values out of range."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tracker_core import config as configs
from tracker_core.candidates import make_layout
from tracker_core.config import AnchorConfig, TrackerConfig, TrackingConfig
from tracker_core.errors import ConfigError


def test_dotted_texts_change_a_copy() -> None:
    original = TrackerConfig()
    changed = configs.apply_overrides(
        original, ["tracking.window_influence=0.3", "anchors.ratios=[0.5,1,2]", "network.options.box_cues=false"]
    )
    assert changed.tracking.window_influence == 0.3
    assert changed.anchors.ratios == [0.5, 1.0, 2.0]
    assert changed.network.options == {"box_cues": False}
    assert original == TrackerConfig(), "the original is as it was"


def test_a_copy_shares_no_lists() -> None:
    original = TrackerConfig()
    configs.apply_overrides(original).anchors.ratios.append(9.0)
    assert original.anchors.ratios == TrackerConfig().anchors.ratios


@pytest.mark.parametrize(
    "changes", [{"tracking.penalty_k": 0.2}, {"tracking": {"penalty_k": 0.2}}], ids=["dotted", "nested"]
)
def test_mappings_change_it_too(changes: dict[str, Any]) -> None:
    changed = configs.apply_overrides(TrackerConfig(), changes)
    assert changed.tracking == dataclasses.replace(TrackingConfig(), penalty_k=0.2)


def test_later_overrides_win() -> None:
    assert configs.apply_overrides(TrackerConfig(), ["name=a", "name=b"]).name == "b"


def test_yaml_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "tracker.yaml"
    path.write_text("name: mine\ntracking:\n  context: 0.6\n  patience: 9\nanchors: {ratios: [1, 2], style: rpn}\n")
    config = configs.config_from_mapping(TrackerConfig, configs.load_yaml(path))
    assert (config.name, config.tracking.context, config.tracking.patience) == ("mine", 0.6, 9)
    assert config.anchors == AnchorConfig("rpn", 16, [1.0, 2.0])
    assert configs.config_from_mapping(TrackerConfig, configs.config_to_mapping(config)) == config


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("tracking.windw_influence=0.3", r"'tracking.windw_influence'.* Did you mean 'window_influence'\?"),
        ("traking.context=0.3", r"'traking'.* Did you mean 'tracking'\?"),
        ("nothing_like_it=1", "Known here: anchors, name, network, online, second, tracking"),  # nothing near: all
        ("tracking.context", "not of the form key=value"),
        ("tracking.patience=soon", "'tracking.patience' cannot take that value"),
        ("tracking.patience=1.5", "'tracking.patience' cannot take that value"),
        ("tracking=3", r"'tracking' is a section; set a key in it, as tracking\.exemplar_size"),
        ("anchors.ratios=1", "'anchors.ratios' cannot take that value"),
    ],
)
def test_what_no_configuration_has(override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        configs.apply_overrides(TrackerConfig(), [override])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no configuration file"),
        ("a: [1, 2", "cannot be read"),  # not YAML
        ("- 1\n- 2\n", "holds no mapping"),  # a list
    ],
)
def test_yaml_that_cannot_be_used(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "some.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=words):
        configs.load_yaml(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"window_influence": 1.01}, "tracking.window_influence is 1.01, which is outside 0..1"),
        ({"window_influence": float("nan")}, "window_influence is nan"),
        ({"size_lr": -0.1}, "size_lr"),
        ({"patience": 0}, "patience"),
        ({"lost_search_scale": 0.5}, "lost_search_scale"),
        ({"convention": "pysott"}, r"'pysott' is unknown\. Did you mean 'pysot'"),
        ({"score_low": 0.7}, "score_low .* above .*score_high"),
        ({"search_size": 126}, "search_size is 126, which must not be below tracking.exemplar_size"),
        ({"scale_count": 2}, "scale_count is 2; it must be odd"),
        ({"small_target_search_size": 100}, "small_target_search_size"),
    ],
)
def test_tracking_values_out_of_range(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        configs.check_tracking(dataclasses.replace(TrackingConfig(), **change))


def test_every_number_of_the_tracking_configuration_has_a_range() -> None:
    numbers = {f.name for f in dataclasses.fields(TrackingConfig) if f.type in ("int", "float")}
    assert numbers == set(configs.ranges_of(TrackingConfig))
    assert configs.check_tracking(TrackingConfig()) == TrackingConfig()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"style": "exemplr"}, r"Did you mean 'exemplar'\?"),
        ({"stride": 0}, "stride is 0"),
        ({"ratios": []}, "ratios"),
        ({"ratios": [1.0, 0.0]}, "ratios"),
        ({"scales": [float("inf")]}, "scales"),
    ],
)
def test_anchors_that_cannot_be_laid_out(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_layout(TrackerConfig(anchors=dataclasses.replace(AnchorConfig(), **change)))
