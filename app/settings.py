"""What a user prefers, in a YAML file of their own; no Qt. A damaged file is kept aside and costs nobody their work."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs
import yaml

from tracker_core.errors import OutputError
from tracker_core.files import write_text

logger = logging.getLogger(__name__)

THEMES = ("auto", "light", "dark")
RECORD_MOST = {"record_minutes": 24 * 60, "record_gigabytes": 1000}


@dataclass
class Settings:
    """Preferences.

    Attributes:
        theme: one of `THEMES`.
        pause_on_lost: whether playing pauses when a target is lost.
        loop: whether playing begins again at the end.
        autosave: whether results are kept across a crash and reopened with the file.
        record: whether cameras and streams are recorded from when they are opened.
        record_minutes, record_gigabytes: how much of a recording is kept at most, from its end.
        tracker, device: what is used at the start; "" is the default tracker.
        overlays: by name, whether it is shown at the start, and how opaque.
        overlay_options: by name, the overlay's further options.
        shortcuts: by action, its key where it is not the default; "" for none.
        path: where it is kept; None keeps it nowhere.
        warning: one sentence about a file that could not be read, "" otherwise.
    """

    theme: str = "auto"
    pause_on_lost: bool = False
    loop: bool = False
    autosave: bool = True
    record: bool = False
    record_minutes: int = 10
    record_gigabytes: int = 4
    tracker: str = ""
    device: str = "auto"
    overlays: dict[str, tuple[bool, float]] = field(default_factory=dict)
    overlay_options: dict[str, dict[str, int | str]] = field(default_factory=dict)
    shortcuts: dict[str, str] = field(default_factory=dict)
    path: Path | None = None
    warning: str = ""

    @classmethod
    def load(cls, path: Path | None) -> Settings:
        """Return the preferences in a file; what is missing or makes no sense there has its default."""
        settings = cls(path=path)
        if path is None:
            return settings
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return settings
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            return cls._damaged(path, error)
        if content is not None and not isinstance(content, dict):
            return cls._damaged(path, ValueError("it holds no keys"))
        settings._take(content or {})
        return settings

    def save(self) -> None:
        """Write the file; raises `OutputError` where that is impossible."""
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The settings cannot be kept in '{self.path.parent}': {error.strerror}.") from error
        content = {name: getattr(self, name) for name in _KEPT}
        content["overlays"] = {name: list(value) for name, value in self.overlays.items()}
        write_text(self.path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))

    @classmethod
    def _damaged(cls, path: Path, error: Exception) -> Settings:
        aside = path.with_name(path.name + ".damaged")
        try:
            path.replace(aside)
            where = f"it is kept as '{aside.name}'"
        except OSError:
            where = "it stays where it is"
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        warning = f"The settings in '{path}' cannot be read ({reason}); {where}, and the defaults are used."
        logger.warning("%s", warning)
        return cls(path=path, warning=warning)

    def _take(self, content: dict[Any, Any]) -> None:
        for name in ("pause_on_lost", "loop", "autosave", "record"):
            if isinstance(content.get(name), bool):
                setattr(self, name, content[name])
        for name, most in RECORD_MOST.items():
            if type(content.get(name)) is int and 1 <= content[name] <= most:
                setattr(self, name, content[name])
        for name in ("tracker", "device"):
            if isinstance(content.get(name), str):
                setattr(self, name, content[name])
        if content.get("theme") in THEMES:
            self.theme = content["theme"]
        shortcuts, overlays = content.get("shortcuts"), content.get("overlays")
        if isinstance(shortcuts, dict):
            self.shortcuts = {str(k): v for k, v in shortcuts.items() if isinstance(v, str)}
        options = content.get("overlay_options")
        for name, values in options.items() if isinstance(options, dict) else ():
            if isinstance(values, dict):
                kept = {str(k): v for k, v in values.items() if isinstance(v, (int, str)) and not isinstance(v, bool)}
                self.overlay_options[str(name)] = kept
        for name, value in overlays.items() if isinstance(overlays, dict) else ():
            if isinstance(value, list) and len(value) == 2 and isinstance(value[0], bool):
                opacity = value[1]
                if isinstance(opacity, (int, float)) and 0 <= opacity <= 1:
                    self.overlays[str(name)] = (value[0], float(opacity))


_KEPT = tuple(f.name for f in dataclasses.fields(Settings) if f.name not in ("path", "warning"))


def settings_path() -> Path:
    """Return where the user's preferences are kept."""
    return Path(platformdirs.user_config_dir("siamscope", appauthor=False)) / "settings.yaml"
