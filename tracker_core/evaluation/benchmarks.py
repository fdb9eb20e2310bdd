"""The benchmarks that can be run: where their sequences are, by which rules they count, and how many there are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracker_core.errors import DataSetError, InputError, nearest_name
from tracker_core.evaluation.ground_truth import BoxTruth, RegionTruth, box_truth_of, region_truth_of
from tracker_core.evaluation.supervised import interval_of_year
from tracker_core.sources.opening import SequenceSource
from tracker_core.sources.sequences import SequenceInfo, list_sequences, load
from tracker_core.sources.sequences.annotation import read_lines, read_number_rows
from tracker_core.sources.sequences.subsets import OTB_50, OTB_100, OTB_2013, select_subset, subset_clips
from tracker_core.types import FloatArray, Sequence

ONE_PASS, SUPERVISED = "otb", "vot"  # the protocols, named as `score` names them


@dataclass(frozen=True)
class Rules:
    """What is agreed for one benchmark.

    Attributes:
        name: as the command line knows it.
        title: as reports call it.
        layout: of `tracker_core.sources.sequences`.
        size: number of sequences (targets) of the whole benchmark.
        origin: coordinate of the first pixel in its annotation files, and so in its result files.
        protocol: ONE_PASS or SUPERVISED.
        subset: which clips count, None for all that are there.
        by_frame: means are taken over frames, the first one of each sequence left out, as GOT-10k has it.
        nested: results are `<sequence>/<sequence>_001.txt`, as GOT-10k's and VOT's toolkits write them.
    """

    name: str
    title: str
    layout: str
    size: int
    origin: int = 0
    protocol: str = ONE_PASS
    subset: str | None = None
    by_frame: bool = False
    nested: bool = False


BENCHMARKS = {
    rules.name: rules
    for rules in (
        Rules("otb", "OTB-100", "otb", 100, origin=1),
        Rules("otb2013", "OTB-2013", "otb", 51, origin=1, subset="otb2013"),
        Rules("otb50", "OTB-50", "otb", 50, origin=1, subset="otb50"),
        Rules("otb100", "OTB-100", "otb", 100, origin=1, subset="otb100"),
        Rules("otb2015", "OTB-100", "otb", 100, origin=1, subset="otb100"),
        Rules("uav123", "UAV123", "uav123", 123),
        Rules("dtb70", "DTB70", "dtb70", 70, origin=1),
        Rules("got10k", "GOT-10k", "got10k", 180, by_frame=True, nested=True),
        Rules("lasot", "LaSOT", "lasot", 280, origin=1, subset="lasot-test"),
        Rules("vot", "VOT", "vot", 60, protocol=SUPERVISED, nested=True),
    )
}


@dataclass(frozen=True)
class Benchmark:
    """The chosen sequences of a benchmark on disk.

    `total` is the number of sequences of the whole benchmark, `absent` those that are not on disk where their names
    are known, `interval` the EAO interval of a supervised one.
    """

    rules: Rules
    infos: tuple[SequenceInfo, ...]
    total: int
    absent: tuple[str, ...] = ()
    title: str = ""
    interval: tuple[int, int] = (0, 0)

    @property
    def is_partial(self) -> bool:
        """Whether sequences of the benchmark are left out, chosen so or not on disk."""
        return len(self.infos) < self.total


def open_benchmark(name: str, root: str | Path, *, sequences: Iterable[str] = (), year: str = "2018") -> Benchmark:
    """Return the benchmark `name` as it lies under `root`, all of it or the named sequences.

    A clip's name stands for all its targets. Raises `InputError` for an unknown benchmark or year and `DataSetError`
    for a folder without its sequences or an unknown sequence; both name the nearest known one.
    """
    if name not in BENCHMARKS:
        raise InputError(
            f"There is no benchmark '{name}'.{nearest_name(name, BENCHMARKS)} Known: {', '.join(BENCHMARKS)}."
        )
    rules = BENCHMARKS[name]
    interval = interval_of_year(year) if rules.protocol == SUPERVISED else (0, 0)
    title = f"{rules.title}{year}" if rules.protocol == SUPERVISED else rules.title
    place = _find_split(rules, Path(root))
    infos = [info for info in list_sequences(place, rules.layout) if info.has_ground_truth]
    infos, absent = _take_subset(rules, place, infos)
    if not infos:
        raise DataSetError(f"'{place}' holds sequences, but none of {title}; check --dataset and --root.")
    total = _count_whole(rules, place, infos, absent)
    chosen = _choose(infos, [text for text in sequences if text], title)
    return Benchmark(rules, tuple(chosen), total, tuple(absent), title, interval)


def describe_part_of_otb(names: Iterable[str]) -> str:
    """Return how sequences that are all of OTB are fewer than one of its published sets, "" if they are one of them.

    Sets are told by their clips: some copies keep one target of a clip that has two.
    """
    clips = {clip if (clip := re.sub(r"[-._]\d$", "", name)) in OTB_100 else name for name in names}
    if not clips <= set(OTB_100) or clips in (set(OTB_2013), set(OTB_50), set(OTB_100)):
        return ""
    return f"the ground truth holds {len(clips)} of the {len(OTB_100)} clips of OTB-100."


def describe_part_of_vot(names: Iterable[str], year: str) -> str:
    """Return how sequences are fewer than a VOT challenge has, whose EAO interval was asked for; "" if they are not."""
    count, whole = len(set(names)), BENCHMARKS["vot"].size
    if count >= whole:
        return ""
    return f"the ground truth holds {count} sequences, VOT{year} has {whole}; the interval of its EAO is that of all."


def open_frames(info: SequenceInfo) -> SequenceSource:
    """Return a sequence with its frames ready to be read; raises `DataSetError` or `SourceError`."""
    return SequenceSource(load(info))


def read_box_truth_of(benchmark: Benchmark, info: SequenceInfo) -> BoxTruth:
    """Return the ground truth that the result file of a sequence is compared with, in the files' coordinates."""
    sequence = load(info)
    truth = box_truth_of(sequence, benchmark.rules.origin)
    if not benchmark.rules.by_frame:
        return truth
    visible = _read_visible(info, truth.boxes_xywh)
    return BoxTruth(truth.name, visible, truth.attributes, _image_size(sequence))


def read_region_truth_of(info: SequenceInfo) -> RegionTruth:
    """Return the regions of a sequence of a supervised benchmark, and its image size."""
    sequence = load(info)
    return region_truth_of(sequence, _image_size(sequence))


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


def _read_visible(info: SequenceInfo, boxes_xywh: FloatArray) -> FloatArray:
    """Return GOT-10k's boxes with NaN where `cover.label` says that nothing of the target is visible."""
    path = info.folder / "cover.label"
    if not path.is_file():
        return boxes_xywh
    cover = read_number_rows(path, (1,))[:, 0]
    if len(cover) != len(boxes_xywh):
        raise DataSetError(f"'{path}' has {len(cover)} lines for {len(boxes_xywh)} frames.")
    visible: FloatArray = boxes_xywh.copy()
    visible[cover == 0] = np.nan
    return visible


def _image_size(sequence: Sequence) -> tuple[int, int]:
    source = SequenceSource(sequence)
    try:
        return source.size
    finally:
        source.close()
