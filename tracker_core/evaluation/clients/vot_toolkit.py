"""A tracker entry for the official VOT toolkit: `python -m tracker_core.evaluation.clients.vot_toolkit`.

The toolkit starts this module as a process of its own and speaks TraX with it over standard input and output (Čehovin,
"TraX: The visual Tracking eXchange protocol and library", Neurocomputing 2017). The package `vot-trax` must be
installed beside this program; the toolkit itself may live in another environment. With `--write-ini FILE` the entry is
written that the toolkit finds this module by.
"""

from __future__ import annotations

import argparse
import configparser
import importlib
import io
import logging
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from tracker_core.boxes import polygon_to_xywh
from tracker_core.errors import InputError, SiamscopeError, SourceError
from tracker_core.evaluation.protocols.supervised import center_convention, start_box_of_polygon
from tracker_core.files import write_text
from tracker_core.packaged import checkout
from tracker_core.presets import DEFAULT_TRACKER, preset
from tracker_core.trackers.builder import build_tracker
from tracker_core.types import FloatArray, Image, Tracker

logger = logging.getLogger(__name__)
MODULE = "tracker_core.evaluation.clients.vot_toolkit"
SECONDS_TO_START = 120  # loading PyTorch and weights takes longer than the toolkit's 30 on a busy machine
EXIT_OK = 0


def serve(tracker: Tracker, trax: ModuleType) -> None:
    """Answer the toolkit's requests until it says that it has finished; `trax` is the package of that name.

    Regions come as polygons or rectangles, and rectangles go back with the tracker's score as `confidence`.
    """
    regions = [trax.Region.POLYGON, trax.Region.RECTANGLE]
    images = [trax.Image.PATH, trax.Image.MEMORY, trax.Image.BUFFER]
    with trax.Server(regions, images, tracker_name=tracker.name) as server:
        while True:
            request = server.wait()
            if request.type == trax.TraxStatus.INITIALIZE:
                box_xywh = read_region(request.objects[0][0], trax, center_convention(tracker))
                tracker.init(read_toolkit_channels(request.image, trax), box_xywh)
                server.status([(trax.Rectangle.create(*map(float, box_xywh)), {"confidence": 1.0})])
            elif request.type == trax.TraxStatus.FRAME:
                result = tracker.update(read_toolkit_channels(request.image, trax))
                box = trax.Rectangle.create(*map(float, result.box_xywh))
                server.status([(box, {"confidence": float(result.score)})])
            else:
                return


def read_toolkit_channels(channels: Mapping[str, Any], trax: ModuleType) -> Image:
    """Return the colour channel of a request as uint8 H×W×3 BGR; `SourceError` for a file that is not an image."""
    channel = channels.get(trax.ImageChannel.COLOR)
    if channel is None:
        raise SourceError("The toolkit sent a frame without a colour image; choose a stack of colour sequences.")
    kind = channel.type()
    if kind == trax.Image.MEMORY:
        pixels = np.asarray(channel.array())
        if pixels.ndim == 2 or pixels.shape[2] == 1:
            deep = pixels.dtype == np.uint16
            return np.asarray(cv2.cvtColor((pixels >> 8 if deep else pixels).astype(np.uint8), cv2.COLOR_GRAY2BGR))
        return np.ascontiguousarray(pixels[:, :, ::-1])
    if kind == trax.Image.BUFFER:
        name, data = "an image in memory", np.frombuffer(channel.buffer(), np.uint8)
    else:
        name = channel.path()
        try:
            data = np.fromfile(name, np.uint8)  # cv2.imread cannot open every path on Windows
        except OSError as error:
            raise SourceError(f"The image '{name}' cannot be read ({error.strerror}).") from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise SourceError(f"'{name}' is not an image that can be decoded.")
    return np.asarray(image, np.uint8)


def read_region(region: Any, trax: ModuleType, convention: str) -> FloatArray:
    """Return the box x, y, w, h (4,) to start on: a rectangle as it is, four corners by their area, more by bounds.

    It is the box that our own supervised evaluation starts a tracker of that `convention` on. The library of the
    protocol turns masks into polygons by itself. Raises `InputError` for a region of another kind.
    """
    if region.type == trax.Region.RECTANGLE:
        return np.array(region.bounds(), np.float64)
    if region.type != trax.Region.POLYGON:
        raise InputError(f"The toolkit asked to start on a region of the kind '{region.type}'; boxes can be followed.")
    corners = np.array([region.get(index) for index in range(region.size())], np.float64).reshape(-1)
    return start_box_of_polygon(corners, convention) if corners.size == 8 else polygon_to_xywh(corners)


def format_ini(trackers: Sequence[str], options: Sequence[str] = (), python: str = sys.executable) -> str:
    """Return the text of a `trackers.ini` with an entry per tracker; `options` are added to each command.

    Raises `InputError` for an unknown tracker.
    """
    config = configparser.ConfigParser(interpolation=None)
    config.optionxform = str  # type: ignore[assignment,method-assign]  # environment variables keep their case
    for name in trackers:
        preset(name)
        command = [python, "-m", MODULE, "--tracker", name, *options]
        # the toolkit splits commands like a shell, except on Windows, where the system does
        text = subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)
        entry = {
            "label": name,
            "protocol": "trax",
            "command": text.replace("%", "%%"),
            "timeout": str(SECONDS_TO_START),
        }
        folder = checkout()
        if folder is not None:
            entry["env_PYTHONPATH"] = str(folder).replace("%", "%%")
        config[re.sub(r"[^a-zA-Z0-9_-]+", "-", name)] = entry
    text_file = io.StringIO()
    config.write(text_file)
    return text_file.getvalue()


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one tracker to the toolkit, or write the entry by which the toolkit finds it; return the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description="Tracker entry for the VOT toolkit.")
    parser.add_argument("--tracker", action="append", metavar="N", help=f"tracker to serve ({DEFAULT_TRACKER})")
    parser.add_argument("--weights", metavar="FILE", help="a checkpoint, instead of the tracker's own weights")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument(
        "--write-ini", metavar="FILE", help="write the toolkit's trackers.ini and end; --tracker is repeatable here"
    )
    args = parser.parse_args(argv)
    # standard output belongs to TraX, and the toolkit reads standard error with it
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        if args.write_ini:
            options = ["--device", args.device] if args.device != "auto" else []
            if args.weights:
                options += ["--weights", str(Path(args.weights).resolve())]
            write_text(args.write_ini, format_ini(args.tracker or [DEFAULT_TRACKER], options))
            return EXIT_OK
        if len(args.tracker or ()) > 1:
            raise InputError("One process serves one tracker; give --tracker once, or write several with --write-ini.")
        name = args.tracker[0] if args.tracker else None
        trax = _load_trax()
        serve(build_tracker(name, weights=args.weights, device=args.device), trax)
    except SiamscopeError as error:
        logger.error("%s", error)
        return error.exit_code
    return EXIT_OK


def _load_trax() -> ModuleType:
    if "TRAX" not in os.environ and "TRAX_SOCKET" not in os.environ:
        raise InputError(
            f"The VOT toolkit starts this program itself. Write its entry with 'python -m {MODULE} --write-ini "
            "trackers.ini', then run 'vot evaluate' in the toolkit's workspace."
        )
    try:
        return importlib.import_module("trax")
    except ImportError as error:
        raise InputError(
            f"The package 'vot-trax' is missing in '{sys.prefix}' ({error}); install it with 'pip install vot-trax'."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
