"""The options of `export` that say how a run is shown: overlays, hidden or lit targets, a following crop."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace

from tracker_core.cli.run_source import choose_targets
from tracker_core.errors import InputError, nearest_name
from tracker_core.rendering.camera_path import (
    ASPECTS,
    DEFAULT_CONTEXT,
    DEFAULT_SMOOTHNESS_S,
    CameraPath,
    parse_aspect,
    plan_camera,
)
from tracker_core.rendering.effects import EFFECTS, Effect
from tracker_core.rendering.heat_map import BEST_ANCHOR, HEAT_MAP_KINDS
from tracker_core.rendering.overlays import DEFAULT_OVERLAYS, LOST_CHOICES, OVERLAYS, DrawOptions
from tracker_core.rendering.run_renderer import TRAIL_FRAMES, BesideRun, RunLook
from tracker_core.results.run import Run
from tracker_core.results.run_file import load_run


def add_look_options(parser: argparse.ArgumentParser) -> None:
    """Add them to the parser of `export`."""
    parser.add_argument("--scale", type=float, default=1.0, metavar="F", help="size of the images, 0.1 to 4 (1)")
    parser.add_argument(
        "--overlays", default=",".join(DEFAULT_OVERLAYS), metavar="LIST",
        help=f"what to draw, of {', '.join(OVERLAYS)}; or none",
    )  # fmt: skip
    parser.add_argument(
        "--beside", action="append", default=[], metavar="[N[:C]=]FILE",
        help="draw another saved run of this source as well, called run N (2, 3, …), in colour C (1 to 7); repeatable",
    )  # fmt: skip
    parser.add_argument("--ghost", metavar="FILE", help="draw what was replaced in the run, a saved run as well")
    parser.add_argument("--targets", default="", metavar="LIST", help="targets to draw, by number or name (all)")
    parser.add_argument(
        "--lost", choices=LOST_CHOICES, default="dotted", help="boxes of lost targets: dotted or hidden (dotted)"
    )
    parser.add_argument(
        "--explain", default="", metavar="TARGET", help="whose heat map, anchors and search window (the first drawn)"
    )
    parser.add_argument(
        "--heat-map", choices=HEAT_MAP_KINDS, default="windowed", help="scores of the heat map (windowed)"
    )
    parser.add_argument(
        "--heat-map-anchor", type=int, default=BEST_ANCHOR, metavar="N",
        help="heat map of one anchor, counted from 0 (the best at each position)",
    )  # fmt: skip
    parser.add_argument("--opacity", type=float, default=0.6, metavar="F", help="of the heat map, 0 to 1 (0.6)")
    parser.add_argument("--proposals", type=int, default=8, metavar="N", help="how many proposals to draw (8)")
    parser.add_argument(
        "--trail", type=int, default=TRAIL_FRAMES, metavar="N", help=f"length of the trail in frames ({TRAIL_FRAMES})"
    )
    parser.add_argument("--effect", metavar="E", help=f"hide or light targets: {', '.join(EFFECTS)}")
    parser.add_argument("--strength", type=int, default=5, metavar="N", help="of the effect, 1 to 10 (5)")
    parser.add_argument("--effect-targets", default="", metavar="LIST", help="targets of the effect (all)")
    parser.add_argument("--follow", metavar="LIST", help="crop, following these targets, or 'all' of them")
    parser.add_argument("--aspect", metavar="W:H", help=f"shape of the crop: {', '.join(ASPECTS)}, … (source)")
    parser.add_argument(
        "--context", type=float, metavar="F", help=f"height of the crop in target heights ({DEFAULT_CONTEXT:g})"
    )
    parser.add_argument(
        "--smoothness", type=float, metavar="S", help=f"seconds over which the crop is calm ({DEFAULT_SMOOTHNESS_S:g})"
    )


def parse_look(args: argparse.Namespace, run: Run) -> RunLook:
    """Return how `run` is to be shown, as far as it can be said without the images; raises `InputError`."""
    if not 0.1 <= args.scale <= 4.0:
        raise InputError(f"--scale {args.scale:g} is outside 0.1 to 4.")
    if args.trail < 2:
        raise InputError(f"--trail {args.trail} is too short; a trail needs 2 frames or more.")
    draw = parse_overlays(args.overlays)
    if draw.heat_map:
        opacity = in_range("--opacity", args.opacity, 0, 1)
        draw = replace(draw, heat_map=args.heat_map, heat_map_opacity=opacity, heat_map_anchor=args.heat_map_anchor)
    if draw.proposals:
        draw = replace(draw, proposals=round(in_range("--proposals", args.proposals, 1, 50)))
    effect = None
    if args.effect:
        effect = Effect(args.effect.strip().lower(), args.strength, choose_targets(run, args.effect_targets))
    return RunLook(
        replace(draw, lost=args.lost), choose_targets(run, args.targets), effect, None, args.scale, args.trail,
        _read_beside(args, run),
    )  # fmt: skip


def _read_beside(args: argparse.Namespace, run: Run) -> tuple[BesideRun, ...]:
    """Return the runs that are drawn beside, the ghost first; raises `InputError` for runs of another source."""
    wanted = {word.strip() for word in args.overlays.split(",")}
    for overlay, option, given in (("runs", "--beside", args.beside), ("ghost", "--ghost", args.ghost)):
        if overlay in wanted and not given:
            raise InputError(f"The overlay '{overlay}' needs a file with what to draw; name it with {option}.")
    files = [(0, 1, args.ghost)] if args.ghost else []
    for count, text in enumerate(args.beside, 2):
        match = re.fullmatch(r"([1-9]\d*)(?::([1-9]\d*))?=(.+)", text)
        number, path = (int(match[1]), match[3]) if match else (count, text)
        files.append((number, int(match[2]) if match and match[2] else number, path))
    return tuple(BesideRun(_load_beside(path, run), number, color - 1) for number, color, path in files)


def _load_beside(path: str, run: Run) -> Run:
    other = load_run(path)
    if None not in (run.source.size, other.source.size) and run.source.size != other.source.size:
        raise InputError(f"The run '{path}' is of images of another size, so it is not drawn beside this one.")
    if not run.source.has_content_of(other.source):
        raise InputError(f"The run '{path}' is of other content than '{run.source.name}'; give one of the same.")
    return other


def parse_overlays(text: str) -> DrawOptions:
    """Return what to draw, from a comma-separated list of `OVERLAYS` or "none"; raises `InputError`."""
    names = {name.strip() for name in text.split(",") if name.strip() and name.strip() != "none"}
    for name in sorted(names):
        if name not in OVERLAYS:
            raise InputError(
                f"There is no overlay '{name}'.{nearest_name(name, OVERLAYS)} Known: {', '.join(OVERLAYS)}."
            )
    return DrawOptions(
        prediction="prediction" in names,
        ground_truth="ground_truth" in names,
        anchor="anchor" in names,
        guide="guide" in names,
        labels=bool(names & {"labels", "names"}),
        heat_map="windowed" if "heat_map" in names else "",
        search_window="search_window" in names,
        proposals=8 if "proposals" in names else 0,
        refinement="refinement" in names,
        memory="memory" in names,
        trail="trail" in names,
        scores="labels" in names,
    )


def plan_follow(args: argparse.Namespace, run: Run, image_size: tuple[int, int]) -> CameraPath | None:
    """Return the path of the camera that was asked for, None for none; raises `InputError`."""
    if args.follow is None:
        given = [name for name in ("aspect", "context", "smoothness") if getattr(args, name) is not None]
        if given:
            raise InputError(f"--{given[0]} is about a following crop; add --follow with the target to follow, or all.")
        return None
    everyone = args.follow.strip().lower() in ("", "all")
    numbers = tuple(target.number for target in run.targets) if everyone else choose_targets(run, args.follow)
    context = DEFAULT_CONTEXT if args.context is None else in_range("--context", args.context, 1, 20)
    calm = DEFAULT_SMOOTHNESS_S if args.smoothness is None else in_range("--smoothness", args.smoothness, 0, 10)
    aspect = parse_aspect(args.aspect or "source", image_size)
    return plan_camera(run, numbers, aspect, image_size, context=context, smoothness_s=calm, scale=args.scale)


def in_range(option: str, value: float, low: float, high: float) -> float:
    """Return `value`; raises `InputError` that names the option where it is outside."""
    if not low <= value <= high:
        raise InputError(f"{option} {value:g} is outside {low:g} to {high:g}.")
    return value
