"""`siamscope experiment holding`: which tracker holds on, and does it know when it has lost the target?"""

from __future__ import annotations

import argparse
from typing import Any

from tracker_core.cli.console import Reporter, add_device_options, add_progress_option, emit, errors, output
from tracker_core.errors import InputError
from tracker_core.files import check_writable
from tracker_core.packaged import CONFIGS
from tracker_core.trackers.peers import USAGE

HOLDING_CONFIG = CONFIGS / "experiments" / "holding.yaml"
CACHED_BYTES = 900 << 20


def add_holding(studies: Any) -> None:
    """Add the study to those of `experiment`."""
    holding = studies.add_parser(
        "holding",
        help="which tracker holds on?",
        description="Which tracker holds on, and does it know when it has lost the target? Follow validation clips by "
        "families (look-alikes, deformation, absence, small and fast ones) with every variant of a configuration, and "
        "compare them with a paired bootstrap, so that a draw is called a draw. Variants that were followed before are "
        "not followed again.",
        epilog="Example: siamscope experiment holding root=DATA only=[look-alikes]",
    )
    holding.add_argument(
        "--config", default=str(HOLDING_CONFIG), metavar="FILE", help="a YAML file (the one in configs/experiments)"
    )
    holding.add_argument("--out", metavar="DIR", help="folder of the drawn clips, the page and the plot")
    holding.add_argument(
        "--peers", action="append", default=[], metavar="KIND=FILES",
        help=f"a tracker of others on the same clips, from files of yours; repeatable: {USAGE}",
    )  # fmt: skip
    holding.add_argument("--again", action="store_true", help="follow the clips again, whatever is there")
    add_device_options(holding)
    add_progress_option(holding)
    holding.add_argument("overrides", nargs="*", metavar="key=value", help="changes, such as root=DATA or frames=30")
    holding.set_defaults(run=run_holding)


def run_holding(args: argparse.Namespace) -> int:
    """Carry out `experiment holding`."""
    from tracker_core.experiments.holding.config import load_holding
    from tracker_core.experiments.holding.families import read_families
    from tracker_core.experiments.holding.following import follow_clips
    from tracker_core.experiments.holding.kept import digest_study, find_kept, keep
    from tracker_core.experiments.holding.report import describe_variant, write_comparison
    from tracker_core.training.images import ImageCache

    config = load_holding(args.config, args.overrides + ([f"out={args.out}"] if args.out else []))
    trackers = _build_all(config, args)
    out = check_writable(config.out)
    families = read_families(config)
    frames = sum(len(clip.frames) - 1 for clips in families.values() for clip in clips)
    digests = {name: digest_study(tracker, families) for name, tracker in trackers.items()}
    kept = {} if args.again else {name: find_kept(out, name, digests[name]) for name in trackers}
    found = {name: said for name, said in kept.items() if said is not None}
    if args.progress == "bar" and found:
        errors.print(f"{len(found)} of {len(trackers)} variants were followed before (--again: once more).")
    cache = ImageCache(CACHED_BYTES)
    with Reporter(args.progress, "Following", frames * (len(trackers) - len(found))) as bar:
        for name, tracker in trackers.items():
            if name not in found:
                found[name] = {
                    part: follow_clips(tracker, clips, cache, bar.advance) for part, clips in families.items()
                }
                keep(out, name, digests[name], found[name])
    first = found[next(iter(trackers))]
    page = write_comparison({name: describe_variant(found[name], first) for name in trackers}, out)
    if args.progress == "json":
        emit({"event": "result", "out": str(out), "page": str(page)})
    else:
        output.print(page.read_text(encoding="utf-8"))
    return 0


def _build_all(config: Any, args: argparse.Namespace) -> dict[str, Any]:
    """Return the trackers of the variants that take part, and those of others; raises `InputError`."""
    from tracker_core.trackers.builder import build_tracker
    from tracker_core.trackers.peers import build_peer

    first, *others = config.variants
    trackers: dict[str, Any] = {}
    for name in [first, *(other for other in others if not config.only or other in config.only)]:
        variant = dict(config.variants[name] or {})
        trackers[name] = build_tracker(
            variant.get("tracker"), weights=variant.get("weights"), device=args.device, runtime=args.runtime,
            overrides=dict(variant.get("changes") or {}),
        )  # fmt: skip
    for text in args.peers:
        peer = build_peer(text)
        if peer.name in trackers:
            raise InputError(f"There are two variants called '{peer.name}'; leave one out.")
        trackers[peer.name] = peer
    return trackers
