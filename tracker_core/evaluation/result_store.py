"""Where the results of one tracker on one benchmark lie: written in one step, found complete or not, locked."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.errors import InputError, SiamscopeError
from tracker_core.evaluation.ground_truth import RegionTruth
from tracker_core.evaluation.protocols import AnyProtocol
from tracker_core.evaluation.protocols.protocol import Tracked
from tracker_core.evaluation.result_files import ResultFolder
from tracker_core.files import write_text
from tracker_core.locks import try_lock
from tracker_core.results.provenance import Producer
from tracker_core.results.run_data import producer_to_data
from tracker_core.sources.sequences.layout import SequenceInfo, list_frames

SETTINGS_FILE = "settings.json"
LOCKS = ".locks"
MADE_FROM = ".made-from"  # by sequence, what its result was made from


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

    def find_flaw(self, sequence: str, frames: int, made_from: str) -> str | None:
        """Return why an existing result cannot be used ("is not there", "has 3 of 5 lines", …), None if it can.

        `made_from` is what `fingerprint_task` gives today; where it was not noted the result is taken as it is.
        """
        path = self.result_path(sequence)
        if not path.is_file():
            return "is not there"
        try:
            lines = len(self.protocol.read_boxes(path))
        except (SiamscopeError, OSError) as error:
            return f"is damaged ({error})"
        if lines != frames:
            return f"has {lines} lines for {frames} frames"
        note = self._note_path(sequence)
        is_same = not note.is_file() or note.read_text(encoding="utf-8").strip() == made_from
        return None if is_same else "was made from other images or another ground truth"

    def write(self, sequence: str, tracked: Tracked, made_from: str) -> None:
        """Write a finished sequence; a result that is there is whole, because it comes last and in one step."""
        write_text(self.time_path(sequence), "".join(f"{value:.6f}\n" for value in tracked.seconds))
        score_path = self.protocol.score_path(self.folder, sequence)
        if score_path is not None and tracked.scores is not None:
            lines = ["" if math.isnan(score) else f"{score:.8g}" for score in tracked.scores]
            write_text(score_path, "".join(f"{line}\n" for line in lines))
        write_text(self._note_path(sequence), f"{made_from}\n")
        write_text(self.result_path(sequence), "".join(f"{line}\n" for line in tracked.lines))

    def _note_path(self, sequence: str) -> Path:
        return self.folder / MADE_FROM / f"{sequence}.txt"

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

    def check_settings(self, settings: dict[str, Any], producer: Producer, replaced: Collection[str] = ()) -> None:
        """Note how the results are made; raises `InputError` if others that are there were made by something else.

        Results of two settings in one folder would give a mean of neither. Those of the sequences in `replaced` do not
        count. The `producer` of the first ones is kept beside the settings, for whoever looks at them.
        """
        path = self.folder / SETTINGS_FILE
        if self._holds_others(replaced) or (path.exists() and not replaced):
            self._refuse_other_settings(path, settings)
        elif _read_settings(path) != settings:
            data = producer_to_data(producer)
            rest = {key: value for key, value in data.items() if key not in ("tracker", "config")}  # in the settings
            write_text(path, json.dumps({**settings, "producer": rest}, indent=1) + "\n")

    def _holds_others(self, replaced: Collection[str]) -> bool:
        """Tell whether there are results of other sequences than those."""
        gone = {self.result_path(name) for name in replaced}
        pattern = self.result_path("*").relative_to(self.folder)
        return any(path not in gone for path in self.folder.glob(str(pattern)))

    def _refuse_other_settings(self, path: Path, settings: dict[str, Any]) -> None:
        what_to_do = (
            "give these another name with --name, another folder with --out, or run all sequences again with --again."
        )
        known = _read_settings(path)
        if known is None:
            raise InputError(
                f"'{path}' cannot be read, so it is not known what made the results beside it; {what_to_do}"
            )
        if other := [key for key in {**settings, **known} if known.get(key) != settings.get(key)]:
            raise InputError(
                f"The results in '{self.folder}' were made with another {' and '.join(other)}; {what_to_do}"
            )

    def clear(self, sequences: Iterable[str]) -> None:
        """Remove the results of some sequences."""
        for name in sequences:
            self.result_path(name).unlink(missing_ok=True)
            self.time_path(name).unlink(missing_ok=True)


def _read_settings(path: Path) -> dict[str, Any] | None:
    """Return the settings that a file notes, without their producer; None where it cannot be read or is not there."""
    try:
        known = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    known.pop("producer", None)
    return {"precision": "fp32", **known}  # there was no other before it was noted


def fingerprint_task(info: SequenceInfo, truth: Any) -> str:
    """Return 64 hexadecimal digits that follow from a sequence's ground truth and its files' names and sizes.

    `truth` is what the protocol makes of it. Content of images is not read: a resumed benchmark would read all of it.
    """
    digest = hashlib.sha256()
    for path in list_frames(info.folder):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
    rows = truth.polygons if isinstance(truth, RegionTruth) else truth.boxes_xywh
    digest.update(np.ascontiguousarray(rows, np.float64).tobytes())
    return digest.hexdigest()


def describe_tracker(tracker: Any) -> dict[str, Any]:
    """Return what the boxes of a tracker follow from: name, configuration, precision, and its networks' weights."""
    settings: dict[str, Any] = {"tracker": str(tracker.name), "precision": str(getattr(tracker, "precision", "fp32"))}
    config = getattr(tracker, "config", None)
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        settings["configuration"] = json.loads(json.dumps(dataclasses.asdict(config)))
    networks = [network for runner in getattr(tracker, "runners", ()) if (network := getattr(runner, "network", None))]
    if networks:
        digest = hashlib.sha256()
        for network in networks:
            for key, value in sorted(network.state_dict().items()):
                digest.update(key.encode())
                digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        settings["weights"] = digest.hexdigest()
    return settings
