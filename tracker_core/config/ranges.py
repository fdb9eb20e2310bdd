"""What a field of a configuration may hold and what it means: declared at the field, used by checks, window and search.

A field that is made by `number` or `choice` is checked by `check_values`; the text of any field is in its metadata.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tracker_core.errors import ConfigError, nearest_name


@dataclass(frozen=True)
class Range:
    """What a number may be.

    Attributes:
        low, high: the lowest and the highest value that is accepted.
        text: what the number does, one sentence.
        label: its name in the window; "" for a number that the window does not offer.
        by_hand: lowest, highest and step of the window's slider, which over the whole range could not be set finely.
        tuned: between which values `tune` looks for the best one; None for a number that it leaves alone.
    """

    low: float
    high: float
    text: str
    label: str = ""
    by_hand: tuple[float, float, float] | None = None
    tuned: tuple[float, float] | None = None


def number(
    default: float,
    low: float,
    high: float,
    text: str,
    *,
    label: str = "",
    by_hand: tuple[float, float, float] | None = None,
    tuned: tuple[float, float] | None = None,
) -> Any:
    """Declare a field that holds a number; the arguments are those of `Range`."""
    return field(default=default, metadata={"range": Range(low, high, text, label, by_hand, tuned)})


def share(default: float, text: str) -> Any:
    """Declare a field that holds a share or a probability."""
    return number(default, 0, 1, text)


def choice(default: str, known: tuple[str, ...], text: str) -> Any:
    """Declare a field that holds one of the words `known`."""
    return field(default=default, metadata={"known": known, **described(text)})


def setting(default: Any, text: str) -> Any:
    """Declare a field that holds a text or a flag."""
    return field(default=default, metadata=described(text))


def described(text: str) -> dict[str, str]:
    """Return the metadata of a field of any other kind, made by `dataclasses.field`."""
    return {"text": text}


def ranges_of(kind: Any) -> dict[str, Range]:
    """Return the ranges of the numbers of a configuration class (or of an instance) by the names of their fields."""
    return {f.name: f.metadata["range"] for f in dataclasses.fields(kind) if "range" in f.metadata}


def check_values(config: Any, prefix: str = "") -> None:
    """Raise `ConfigError` for the first value of a configuration, or of its sections, that its field does not allow."""
    for name, found, metadata in _fields(config, prefix):
        if "range" in metadata:
            allowed: Range = metadata["range"]
            if not allowed.low <= found <= allowed.high:  # NaN fails too
                raise ConfigError(f"{name} is {found}, which is outside {allowed.low:g}..{allowed.high:g}.")
        elif "known" in metadata and found not in metadata["known"]:
            known = metadata["known"]
            raise ConfigError(f"{name} '{found}' is unknown.{nearest_name(found, known)} Known: {', '.join(known)}.")


def _fields(config: Any, prefix: str) -> Iterator[tuple[str, Any, Any]]:
    for f in dataclasses.fields(config):
        found = getattr(config, f.name)
        if dataclasses.is_dataclass(found):
            yield from _fields(found, f"{prefix}{f.name}.")
        else:
            yield f"{prefix}{f.name}", found, f.metadata
