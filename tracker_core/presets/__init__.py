"""The settings of every tracker that can be chosen by name; nothing here imports torch."""

from tracker_core.presets import atom, base, correlation_study, light, published
from tracker_core.presets.registry import DEFAULT_TRACKER, TrackerEntry, list_trackers, preset, register_tracker

__all__ = ["DEFAULT_TRACKER", "TrackerEntry", "list_trackers", "preset", "register_tracker"]

for _entry in (
    light.LIGHT, base.BASE, atom.SMALL_ATOM, *correlation_study.STUDIED.values(), *published.PUBLISHED.values()
):  # fmt: skip
    register_tracker(_entry)
