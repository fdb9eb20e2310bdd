"""The benchmarks that can be run: where their sequences are, by which rules they count, and how many there are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tracker_core.errors import DataSetError, InputError, nearest_name
from tracker_core.evaluation.protocols import AnyProtocol, LongTerm, OnePass, Supervised
from tracker_core.sources.opening import SequenceSource
from tracker_core.sources.sequences import SequenceInfo, list_sequences, load
from tracker_core.sources.sequences.annotation import read_lines
from tracker_core.sources.sequences.subsets import OTB_100, select_subset, subset_clips


@dataclass(frozen=True)
class Rules:
    """What is agreed for one benchmark.

    Attributes:
        name: as the command line knows it.
        title: as reports call it.
        layout: of `tracker_core.sources.sequences`.
        size: number of sequences (targets) of the whole benchmark.
        protocol: how it is run, filed, measured and reported.
        subset: which clips count, None for all that are there.
    """

    name: str
    title: str
    layout: str
    size: int
    protocol: AnyProtocol
    subset: str | None = None


BENCHMARKS = {
    rules.name: rules
    for rules in (
        Rules("otb", "OTB-100", "otb", 100, OnePass()),
        Rules("otb2013", "OTB-2013", "otb", 51, OnePass(), "otb2013"),
        Rules("otb50", "OTB-50", "otb", 50, OnePass(), "otb50"),
        Rules("otb100", "OTB-100", "otb", 100, OnePass(), "otb100"),
        Rules("otb2015", "OTB-100", "otb", 100, OnePass(), "otb100"),
        Rules("uav123", "UAV123", "uav123", 123, OnePass(origin=0)),
        Rules("dtb70", "DTB70", "dtb70", 70, OnePass()),
        Rules("got10k", "GOT-10k", "got10k", 180, OnePass(origin=0, by_frame=True, nested=True)),
        Rules("lasot", "LaSOT", "lasot", 280, OnePass(), "lasot-test"),
        Rules("vot", "VOT", "vot", 60, Supervised()),
        Rules("votlt", "VOT-LT", "vot", 50, LongTerm()),
    )
}


@dataclass(frozen=True)
class Benchmark:
    """The chosen sequences of a benchmark on disk, and the protocol as it was chosen.

    `total` is the number of sequences of the whole benchmark, `absent` those that are not on disk where their names
    are known.
    """

    rules: Rules
    protocol: AnyProtocol
    infos: tuple[SequenceInfo, ...]
    total: int
    absent: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The benchmark's name for people, with its year if it has one."""
        return f"{self.rules.title}{self.protocol.edition}"

    @property
    def is_partial(self) -> bool:
        """Whether sequences of the benchmark are left out, chosen so or not on disk."""
        return len(self.infos) < self.total


def open_benchmark(
    name: str, root: str | Path, *, sequences: Iterable[str] = (), year: str = "2018", thresholds: int = 21
) -> Benchmark:
    """Return the benchmark `name` as it lies under `root`, all of it or the named sequences.

    A clip's name stands for all its targets. `year` and `thresholds` are those of the protocols that have them. Raises
    `InputError` for an unknown benchmark, year or number of thresholds, and `DataSetError` for a folder without its
    sequences or an unknown sequence; both name the nearest known one.
    """
    if name not in BENCHMARKS:
        raise InputError(
            f"There is no benchmark '{name}'.{nearest_name(name, BENCHMARKS)} Known: {', '.join(BENCHMARKS)}."
        )
    rules = BENCHMARKS[name]
    protocol = rules.protocol.configured(thresholds=thresholds, year=year)
    title = f"{rules.title}{protocol.edition}"
    place = _find_split(rules, Path(root))
    infos = [info for info in list_sequences(place, rules.layout) if info.has_ground_truth]
    infos, absent = _take_subset(rules, place, infos)
    if not infos:
        raise DataSetError(f"'{place}' holds sequences, but none of {title}; check --dataset and --root.")
    total = _count_whole(rules, place, infos, absent)
    chosen = _choose(infos, [text for text in sequences if text], title)
    return Benchmark(rules, protocol, tuple(chosen), total, tuple(absent))


def open_frames(info: SequenceInfo) -> SequenceSource:
    """Return a sequence with its frames ready to be read; raises `DataSetError` or `SourceError`."""
    return SequenceSource(load(info))


def _find_split(rules: Rules, root: Path) -> Path:
    """Return the validation split of GOT-10k where `root` is the top of the data set; its test boxes are secret."""
    return root / "val" if rules.layout == "got10k" and (root / "val").is_dir() else root


def _take_subset(rules: Rules, root: Path, infos: list[SequenceInfo]) -> tuple[list[SequenceInfo], list[str]]:
    if rules.subset is None:
        listed = _read_list(root)
        if listed:
            return infos, sorted(set(listed) - {info.folder.name for info in infos})
        clips = OTB_100 if _looks_like_otb_100(rules, infos) else ()
        return infos, select_subset(infos, clips)[1]
    if rules.layout == "lasot" and not (root / "testing_set.txt").is_file():
        return infos, []
    return select_subset(infos, subset_clips(rules.subset, root))


def _count_whole(rules: Rules, root: Path, infos: list[SequenceInfo], absent: list[str]) -> int:
    if rules.name == "otb" and not _looks_like_otb_100(rules, infos):
        return len(infos) + len(absent)  # somebody's own sequences in OTB's layout
    return max(rules.size, len(infos) + len(absent))


def _looks_like_otb_100(rules: Rules, infos: list[SequenceInfo]) -> bool:
    return rules.name == "otb" and {info.folder.name for info in infos} <= set(OTB_100)


def _read_list(root: Path) -> list[str]:
    path = root / "list.txt"
    return [line.strip() for line in read_lines(path) if line.strip()] if path.is_file() else []


def _choose(infos: list[SequenceInfo], wanted: list[str], title: str) -> list[SequenceInfo]:
    if not wanted:
        return infos
    chosen: dict[str, SequenceInfo] = {}
    for text in wanted:
        key = _key(text)
        found = [info for info in infos if _key(info.name) == key] or [
            info for info in infos if info.folder.name.casefold() == text.casefold()
        ]
        if not found:
            known = [info.name for info in infos]
            raise DataSetError(f"There is no sequence '{text}' of {title} on disk.{nearest_name(text, known)}")
        chosen.update({info.name: info for info in found})
    return [info for info in infos if info.name in chosen]


def _key(name: str) -> str:
    return re.sub(r"[-._](\d)$", r"-\1", name.strip().casefold())
