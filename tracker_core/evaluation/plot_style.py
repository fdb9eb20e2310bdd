"""How trackers look in plots: one colour, dash pattern and marker each, the same in every plot of a report.

The colours of one palette are told apart by people with red–green and blue–yellow colour blindness too (checked with
the simulation of Machado et al., TVCG 2009), and no two trackers share both colour and dashes before the 32nd.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

# On white paper, and the same hues on the page's dark background; every one has a contrast of 3 or more there.
LIGHT_PALETTE = ("#c8102e", "#2e79f5", "#12855a", "#dd6f23", "#44059b", "#b87e99", "#0d2c54", "#5c0012")
DARK_PALETTE = ("#ff5a5a", "#5aa2f0", "#59d6a4", "#ffb030", "#8a6cff", "#f7b3dc", "#bdf3ff", "#a8621f")
INK, MUTED, GRID, BAND, PAPER = "#1f2328", "#59636e", "#d8dee4", "#eef1f4", "#ffffff"
DASHES: tuple[tuple[float, ...], ...] = ((), (4, 1.4), (1.5, 1.1), (4.5, 1.2, 1.2, 1.2))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINE_WIDTH = 2.0
# tried letter by letter, after matplotlib's own font, where they are installed
OTHER_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Microsoft YaHei",
    "PingFang SC",
    "WenQuanYi Zen Hei",
    "Noto Sans",
)
LONGEST_NAME = 30  # letters of a tracker's name in a legend


@dataclass(frozen=True)
class TrackerStyle:
    """Look of one tracker: `colour` is `#rrggbb` on white, `dashes` on and off lengths in line widths, () for solid."""

    colour: str
    dashes: tuple[float, ...]
    marker: str

    @property
    def linestyle(self) -> Literal["solid"] | tuple[int, tuple[float, ...]]:
        """The dashes in matplotlib's form."""
        return (0, self.dashes) if self.dashes else "solid"


def assign_styles(names: Iterable[str]) -> dict[str, TrackerStyle]:
    """Return a style for each tracker, by the order of `names`; neighbours differ in colour, dashes and marker."""
    colours, dashes = len(LIGHT_PALETTE), len(DASHES)
    return {
        name: TrackerStyle(
            LIGHT_PALETTE[index % colours],
            DASHES[(index + index // colours) % dashes],
            MARKERS[(index + index // colours) % len(MARKERS)],
        )
        for index, name in enumerate(names)
    }


def shorten_name(name: str, longest: int = LONGEST_NAME) -> str:
    """Return a name that fits in a legend; the end stays, because it tells variants of a tracker apart."""
    if len(name) <= longest:
        return name
    head = (longest - 1) // 2
    return f"{name[:head]}…{name[len(name) - (longest - 1 - head) :]}"


def take_texts_literally(figure: Figure) -> None:
    """Show `$` and `_` in names as they are instead of reading formulas, and other scripts where a font has them."""
    families = _font_families()
    for text in figure.findobj(Text):
        if isinstance(text, Text):
            text.set_parse_math(False)
            text.set_fontfamily(families)


@cache
def _font_families() -> list[str]:
    installed = set(fontManager.get_font_names())
    return ["DejaVu Sans", *(name for name in OTHER_FONTS if name in installed)]
