"""Which clips make up the published subsets of a benchmark."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tracker_core.errors import DataSetError, nearest_name
from tracker_core.sources.sequences.annotation import read_lines
from tracker_core.sources.sequences.layout import SequenceInfo

# Wu, Lim and Yang, CVPR 2013: 50 clips, 51 targets (Jogging has two).
_CVPR_2013 = """
    Basketball Bolt Boy Car4 CarDark CarScale Coke Couple Crossing David David2 David3 Deer Dog1 Doll Dudek FaceOcc1
    FaceOcc2 Fish FleetFace Football Football1 Freeman1 Freeman3 Freeman4 Girl Ironman Jogging Jumping Lemming Liquor
    Matrix Mhyang MotorRolling MountainBike Shaking Singer1 Singer2 Skating1 Skiing Soccer Subway Suv Sylvester Tiger1
    Tiger2 Trellis Walking Walking2 Woman
"""
# Wu, Lim and Yang, TPAMI 2015, "TB-50": 49 clips, 50 targets (Skating2 has two).
_TB_50 = """
    Basketball Biker Bird1 BlurBody BlurCar2 BlurFace BlurOwl Bolt Box Car1 Car4 CarDark CarScale ClifBar Couple
    Crowds David Deer Diving DragonBaby Dudek Football Freeman4 Girl Human3 Human4 Human6 Human9 Ironman Jump Jumping
    Liquor Matrix MotorRolling Panda RedTeam Shaking Singer2 Skating1 Skating2 Skiing Soccer Surfer Sylvester Tiger2
    Trellis Walking Walking2 Woman
"""
# The other half of "TB-100" (OTB-2015) in the same paper; together 98 clips, 100 targets.
_TB_100_REST = """
    Bird2 BlurCar1 BlurCar3 BlurCar4 Board Bolt2 Boy Car2 Car24 Coke Coupon Crossing Dancer Dancer2 David2 David3 Dog
    Dog1 Doll FaceOcc1 FaceOcc2 Fish FleetFace Football1 Freeman1 Freeman3 Girl2 Gym Human2 Human5 Human7 Human8
    Jogging KiteSurf Lemming Man Mhyang MountainBike Rubik Singer1 Skater Skater2 Subway Suv Tiger1 Toy Trans
    Twinnings Vase
"""
OTB_2013 = tuple(_CVPR_2013.split())
OTB_50 = tuple(_TB_50.split())
OTB_100 = tuple(sorted((*OTB_50, *_TB_100_REST.split())))

CLIPS = {"otb2013": OTB_2013, "otb50": OTB_50, "otb100": OTB_100, "otb2015": OTB_100}
# Subsets that the data set itself lists, in a file beside its sequences.
LIST_FILES = {"lasot-test": "testing_set.txt", "lasot-train": "training_set.txt"}
SUBSETS = (*CLIPS, *LIST_FILES)


def clip_of(name: str) -> str:
    """Return the clip of a numbered target: `Jogging` for `Jogging-1`, `Jogging.1` and `Jogging_1`."""
    return re.sub(r"[-._]\d$", "", name)


def subset_clips(name: str, root: str | Path = ".") -> tuple[str, ...]:
    """Return the clips of a subset; for those of LaSOT they are read from its own list under `root`.

    Raises `DataSetError` for an unknown name (naming the nearest) or an absent list.
    """
    key = name.lower()
    if key in CLIPS:
        return CLIPS[key]
    if key not in LIST_FILES:
        raise DataSetError(f"There is no subset '{name}'; known are {', '.join(SUBSETS)}.{nearest_name(key, SUBSETS)}")
    path = Path(root) / LIST_FILES[key]
    if not path.is_file():
        raise DataSetError(f"The list of '{name}' is not at '{path}'; it comes with the data set.")
    return tuple(line.strip() for line in read_lines(path) if line.strip())


def select_subset(infos: Iterable[SequenceInfo], clips: Iterable[str]) -> tuple[list[SequenceInfo], list[str]]:
    """Return the entries whose clip (folder) is one of `clips`, and the clips that are not on disk."""
    wanted = set(clips)
    chosen = [info for info in infos if info.folder.name in wanted]
    return chosen, sorted(wanted - {info.folder.name for info in chosen})
