"""What the user wants of an export, and the command that carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

VIDEO, GIF, IMAGES, BOXES, MOTION = "video", "gif", "images", "boxes", "motion"
RENDERED = (VIDEO, GIF, IMAGES)


@dataclass(frozen=True)
class ShownOptions:
    """How a run is shown in a video or in images; the fields are options of `siamscope export`.

    Targets are given by number, () for all; `follow` is None for the whole image.
    """

    targets: tuple[int, ...] = ()
    lost: str = "dotted"
    explain: int | None = None
    heat_map: str = "windowed"
    opacity: float = 0.6
    proposals: int = 8
    effect: str = ""
    strength: int = 5
    effect_targets: tuple[int, ...] = ()
    follow: tuple[int, ...] | None = None
    aspect: str = "source"
    context: float = 3.0
    heat_map_anchor: int = -1

    def arguments(self) -> list[str]:
        """Return the options of the command."""
        command = ["--lost", self.lost, "--heat-map", self.heat_map, "--opacity", f"{self.opacity:g}"]
        command += ["--heat-map-anchor", str(self.heat_map_anchor)]
        command += ["--proposals", str(self.proposals), *_list("--targets", self.targets)]
        if self.explain is not None:
            command += ["--explain", str(self.explain)]
        if self.effect:
            command += ["--effect", self.effect, "--strength", str(self.strength)]
            command += _list("--effect-targets", self.effect_targets)
        if self.follow is not None:
            command += ["--follow", ",".join(map(str, self.follow)) or "all", "--aspect", self.aspect]
            command += ["--context", f"{self.context:g}"]
        return command


@dataclass(frozen=True)
class ExportOptions:
    """What the user wants: `first` and `last` are frames, both included; `scale` is a factor, `path` has no `~`.

    With `is_all` it is every frame that was tracked, with `whole` every one of the source, tracked or not.
    """

    kind: str
    path: str
    first: int
    last: int
    scale: float = 1.0
    overlays: tuple[str, ...] = field(default=("prediction", "ground_truth", "labels"))
    box_format: str = "otb"
    whole: bool = False
    shown: ShownOptions = ShownOptions()
    length_scale: str = ""
    smooth_s: float = 0.0
    is_all: bool = False

    def arguments(self, run_file: str, beside: Mapping[str, str] | None = None) -> list[str]:
        """Return the command that carries it out on a saved run.

        `beside` are the files of the other runs by number and colour ("3:2"), "0" that of what was replaced; what is
        not there is not drawn.
        """
        command = ["export", "--run", run_file, "--out", self.path, "--progress", "json"]
        if self.whole:
            command.append("--whole")
        elif not self.is_all:
            command += ["--frames", f"{self.first}:{self.last + 1}"]
        if self.kind == BOXES:
            return [*command, "--format", self.box_format]
        if self.kind == MOTION:
            scale = ["--length-scale", self.length_scale] if self.length_scale else []
            return [*command, "--format", "motion", *scale, "--smooth-speed", f"{self.smooth_s:g}"]
        files = beside or {}
        is_there = {"ghost": "0" in files, "runs": any(name != "0" for name in files)}
        overlays = [name for name in self.overlays if is_there.get(name, True)]
        command += ["--overlays", ",".join(overlays) or "none", "--scale", f"{self.scale:g}"]
        if "ghost" in overlays:
            command += ["--ghost", files["0"]]
        for name, path in files.items() if "runs" in overlays else ():
            command += ["--beside", f"{name}={path}"] if name != "0" else []
        command += ["--images"] if self.kind == IMAGES else []
        return [*command, *self.shown.arguments()]


def _list(option: str, numbers: tuple[int, ...]) -> list[str]:
    return [option, ",".join(map(str, numbers))] if numbers else []
