"""Configurations from `key.sub=value` texts, mappings and YAML files; every key is checked by its dataclass."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tracker_core.errors import ConfigError, nearest_name

ConfigT = TypeVar("ConfigT")


def apply_overrides(config: ConfigT, overrides: Iterable[str] | Mapping[str, Any] = ()) -> ConfigT:
    """Return a copy of a config dataclass changed by `key.sub=value` texts, or by a mapping of dotted keys or sections.

    Unknown keys raise `ConfigError` with the nearest known name; so do values of the wrong type.
    """
    if isinstance(overrides, Mapping):
        changes = OmegaConf.create()
        for key, value in overrides.items():
            OmegaConf.update(changes, str(key), value, merge=True)
    else:
        texts = list(overrides)
        for text in texts:
            if "=" not in text:
                raise ConfigError(f"The override '{text}' is not of the form key=value.")
        changes = OmegaConf.from_dotlist(texts)
    plain = OmegaConf.to_container(changes)
    assert isinstance(plain, dict)
    if not plain:
        return copy.deepcopy(config)
    checked = _check_keys(type(config), {str(key): value for key, value in plain.items()}, "")
    try:
        # a copy, so that lists inside are not shared with the caller's config
        merged = OmegaConf.unsafe_merge(OmegaConf.structured(copy.deepcopy(config)), checked)
        result = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"The configuration key '{error.full_key or '?'}' cannot take that value: {reason}"
        ) from error
    assert isinstance(result, type(config))
    return result


def config_from_mapping(kind: type[ConfigT], values: Mapping[str, Any]) -> ConfigT:
    """Build a config dataclass of type `kind` from nested plain values (a checkpoint's, a YAML file's)."""
    return apply_overrides(kind(), dict(values))


def config_to_mapping(config: Any) -> dict[str, Any]:
    """Return a config dataclass as nested plain values, ready for JSON or YAML."""
    return dataclasses.asdict(config)


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; raises `ConfigError` with the line where it cannot be read."""
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"There is no configuration file '{path}'. Give a .yaml file.")
    try:
        loaded = OmegaConf.to_container(OmegaConf.load(path))
    except Exception as error:  # YAML errors have no common base with OmegaConf's
        raise ConfigError(f"The configuration file '{path}' cannot be read: {str(error).splitlines()[0]}") from error
    if not isinstance(loaded, dict):
        raise ConfigError(f"The configuration file '{path}' holds no mapping of keys to values.")
    return {str(key): value for key, value in loaded.items()}


def _check_keys(kind: type, values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return `values` with "" where a text key has no value; raises `ConfigError` for the first key `kind` lacks."""
    known = {f.name: f for f in dataclasses.fields(kind)}
    checked: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(
                f"Unknown configuration key '{prefix}{key}'.{nearest_name(str(key), known)}"
                f" Known here: {', '.join(sorted(known))}."
            )
        # YAML reads nothing as null, which is how people write an empty text
        checked[key] = "" if value is None and known[key].type in ("str", str) else value
        section = known[key].default_factory
        if dataclasses.is_dataclass(section) and isinstance(section, type):
            if not isinstance(value, Mapping):
                some = dataclasses.fields(section)[0].name
                raise ConfigError(
                    f"The configuration key '{prefix}{key}' is a section; set a key in it, as {prefix}{key}.{some}."
                )
            checked[key] = _check_keys(section, value, f"{prefix}{key}.")
    return checked
