"""Where the results of one tracker on one benchmark lie: written in one step, found complete or not, locked."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracker_core.errors import InputError, SiamscopeError
from tracker_core.evaluation.locks import try_lock
from tracker_core.evaluation.protocols import AnyProtocol
from tracker_core.evaluation.protocols.protocol import Tracked
from tracker_core.evaluation.result_files import ResultFolder
from tracker_core.files import write_text
from tracker_core.results.provenance import Producer
from tracker_core.results.run_data import producer_to_data

SETTINGS_FILE = "settings.json"
LOCKS = ".locks"


@dataclass(frozen=True)
class ResultStore:
    """The folder `<out>/<benchmark>/<tracker>`, with files where the protocol has them."""

    folder: Path
    protocol: AnyProtocol

    def result_path(self, sequence: str) -> Path:
        """Return the file of boxes or regions."""
        return self.protocol.result_path(self.folder, sequence)

    def time_path(self, sequence: str) -> Path:
        """Return the file of seconds per frame."""
        return self.protocol.time_path(self.folder, sequence)

    def find_flaw(self, sequence: str, frames: int) -> str | None:
        """Return why an existing result cannot be used ("is not there", "has 3 of 5 lines", …), None if it can."""
        path = self.result_path(sequence)
        if not path.is_file():
            return "is not there"
        try:
            lines = len(self.protocol.read_boxes(path))
        except (SiamscopeError, OSError) as error:
            return f"is damaged ({error})"
        return None if lines == frames else f"has {lines} lines for {frames} frames"

    def write(self, sequence: str, tracked: Tracked) -> None:
        """Write a finished sequence; a result that is there is whole, because it comes last and in one step."""
        write_text(self.time_path(sequence), "".join(f"{value:.6f}\n" for value in tracked.seconds))
        score_path = self.protocol.score_path(self.folder, sequence)
        if score_path is not None and tracked.scores is not None:
            lines = ["" if math.isnan(score) else f"{score:.8g}" for score in tracked.scores]
            write_text(score_path, "".join(f"{line}\n" for line in lines))
        write_text(self.result_path(sequence), "".join(f"{line}\n" for line in tracked.lines))

    @contextlib.contextmanager
    def claim(self, sequence: str) -> Iterator[bool]:
        """Keep other processes from the sequence inside the block; yields whether nobody else is at it."""
        with try_lock(self.folder / LOCKS / f"{sequence}.lock") as held:
            yield held

    def results(self, sequences: Iterable[str]) -> ResultFolder:
        """Return the files of the sequences that have one, for scoring."""
        names = [name for name in sequences if self.result_path(name).is_file()]
        return ResultFolder(
            self.folder.name,
            self.folder,
            {name: [self.result_path(name)] for name in names},
            {name: self.time_path(name) for name in names},
        )

    def check_settings(self, settings: dict[str, Any], producer: Producer) -> None:
        """Note how the results are made; raises `InputError` if existing ones were made by something else.

        Results of two settings in one folder would give a mean of neither. The `producer` of the first ones is kept
        beside the settings, for whoever looks at them.
        """
        path = self.folder / SETTINGS_FILE
        try:
            known = dict(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            data = producer_to_data(producer)
            rest = {key: value for key, value in data.items() if key not in ("tracker", "config")}  # in the settings
            write_text(path, json.dumps({**settings, "producer": rest}, indent=1) + "\n")
            return
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"'{path}' cannot be read ({error}), so it is not known what made the results beside it; run "
                "everything again with --again, or choose another folder with --out."
            ) from error
        if other := [key for key in settings if known.get(key) != settings[key]]:
            raise InputError(
                f"The results in '{self.folder}' were made with another {' and '.join(other)}; give these another "
                "name with --name, another folder with --out, or run everything again with --again."
            )

    def clear(self, sequences: Iterable[str]) -> None:
        """Remove the results of some sequences, and the note of what made them."""
        for name in sequences:
            self.result_path(name).unlink(missing_ok=True)
            self.time_path(name).unlink(missing_ok=True)
        (self.folder / SETTINGS_FILE).unlink(missing_ok=True)


def describe_tracker(tracker: Any) -> dict[str, Any]:
    """Return what the boxes of a tracker follow from: its name, its configuration and its network's weights."""
    settings: dict[str, Any] = {"tracker": str(tracker.name)}
    config = getattr(tracker, "config", None)
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        settings["configuration"] = json.loads(json.dumps(dataclasses.asdict(config)))
    network = getattr(tracker, "network", None)
    if network is not None:
        digest = hashlib.sha256()
        for key, value in sorted(network.state_dict().items()):
            digest.update(key.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        settings["weights"] = digest.hexdigest()
    return settings
