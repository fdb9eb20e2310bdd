"""Which trackers can be chosen by name."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from tracker_core.config import TrackerConfig
from tracker_core.errors import InputError, nearest_name

DEFAULT_TRACKER = "siamscope-base"


@dataclass(frozen=True)
class TrackerEntry:
    """A tracker that can be chosen by name: its settings, and a line for people.

    `source` and `licence` are those of weights that others published.
    """

    config: TrackerConfig
    description: str
    source: str = ""
    licence: str = ""

    @property
    def name(self) -> str:
        """The name by which it is chosen."""
        return self.config.name


_ENTRIES: dict[str, TrackerEntry] = {}


def register_tracker(entry: TrackerEntry) -> None:
    """Make a tracker choosable by name; a second entry of the same name replaces the first."""
    _ENTRIES[entry.name] = entry


def list_trackers() -> list[TrackerEntry]:
    """Return every registered tracker, the default one first."""
    return sorted(_ENTRIES.values(), key=lambda entry: (entry.name != DEFAULT_TRACKER, entry.name))


def preset(name: str) -> TrackerConfig:
    """Return a fresh copy of the preset `name`; raises `InputError` that names the nearest known tracker."""
    if name not in _ENTRIES:
        known = ", ".join(sorted(_ENTRIES))
        raise InputError(f"There is no tracker '{name}'.{nearest_name(name, _ENTRIES)} Known: {known}.")
    return copy.deepcopy(_ENTRIES[name].config)
