"""Speed over time and the paths of a run's targets, as a plot for a paper or a report."""

from __future__ import annotations

from pathlib import Path

from tracker_core.files import whole_file
from tracker_core.results.motion import LengthScale, measure_motion
from tracker_core.results.run import Run

PLOT_SUFFIXES = (".png", ".svg", ".pdf")
_DPI = 150


def plot_motion(path: Path, run: Run, scale: LengthScale | None = None, smooth_s: float = 0.0) -> Path:
    """Write a plot to `path` (one of `PLOT_SUFFIXES`) and return it: speeds over time, beside them paths in the image.

    Lines end where a target was lost. Raises `OutputError` where the file cannot be written.
    """
    from matplotlib.figure import Figure  # matplotlib takes a while
    from matplotlib.text import Text

    scale = scale or LengthScale()
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    speeds, paths = figure.subplots(1, 2, width_ratios=(2, 1))
    for target in run.targets:
        motion = measure_motion(run, target, smooth_s)
        (line,) = speeds.plot(run.times_s, motion.speeds * scale.per_pixel, linewidth=1.2)
        line.set_label(target.name or f"Target {target.number}")
        paths.plot(*motion.centers.T, linewidth=1.2, color=line.get_color())
    speeds.set(xlabel="time (s)", ylabel=f"speed ({scale.unit}/s)", ylim=(0, None))
    paths.set(xlabel="x (px)", ylabel="y (px)", title="path")
    if run.source.size:
        paths.set(xlim=(0, run.source.size[0]), ylim=(run.source.size[1], 0))
    paths.set_aspect("equal")
    if len(run.targets) > 1:
        speeds.legend(frameon=False)
    for text in figure.findobj(Text):
        if isinstance(text, Text):
            text.set_parse_math(False)  # names are no formulas
    with whole_file(path) as content:
        figure.savefig(content, format=path.suffix[1:].lower(), dpi=_DPI)
    return path
