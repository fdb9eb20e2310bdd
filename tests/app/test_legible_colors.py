"""Lines and swatches stand out from the background of both themes, and trackers from each other for every eye."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PyQt5.QtGui import QColor, QPalette

from app.canvas.overlays.base import contrast, readable_on_dark_text, run_color
from app.panels.parts import legible
from app.panels.plots import PlotsPanel
from app.panels.tracker_colors import COLORS
from app.session.frame_view import Curve
from app.window.theme import make_palette
from tracker_core.rendering.drawing import (
    EDGE_COLOR,
    LOST_COLOR,
    PREDICTION_COLOR,
    RUN_COLORS,
    TARGET_COLORS,
    UNCERTAIN_COLOR,
    draw_label,
    run_title,
)

BACKGROUNDS = {name: make_palette(name == "dark").color(QPalette.Base) for name in ("light", "dark")}
# Machado, Oliveira, Fernandes: A Physiologically-based Model for Simulation of Color Vision Deficiency, 2009
VISIONS = {
    "usual": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# Ottosson: A perceptual color space for image processing (Oklab), 2020
TO_LMS = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
          [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
TO_LAB = [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
          [0.0259040371, 0.7827717662, -0.8086757660]]  # fmt: skip


def seen(color: str, vision: str) -> np.ndarray:
    values = np.array(QColor(color).getRgbF()[:3])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return np.array(TO_LAB) @ np.cbrt(np.array(TO_LMS) @ np.clip(np.array(VISIONS[vision]) @ linear, 0, 1))


@pytest.mark.parametrize("theme", BACKGROUNDS)
def test_curves_of_trackers_stand_out_in_both_themes(theme):
    assert min(contrast(QColor(color), BACKGROUNDS[theme]) for color in COLORS) >= 3


@pytest.mark.parametrize("vision", VISIONS)
def test_trackers_are_told_apart_with_any_kind_of_colour_vision(vision):
    # 0.02 is about what can just be seen side by side; brown and orange of before were 0.017 apart
    apart = [float(np.linalg.norm(seen(a, vision) - seen(b, vision))) for a, b in combinations(COLORS, 2)]
    assert min(apart) > 0.06


# what a colour is drawn on, colours that need no help, and ones that need all of it
@pytest.mark.parametrize("theme", BACKGROUNDS)
@pytest.mark.parametrize("color", [*map(run_color, range(len(RUN_COLORS))), QColor("white"), QColor("black")])
def test_a_colour_is_shaded_only_where_it_would_not_be_seen(theme, color):
    background = BACKGROUNDS[theme]
    shade = legible(color, background)
    assert contrast(shade, background) >= 3
    if contrast(color, background) >= 3:
        assert shade.name() == color.name()


def test_curves_of_other_runs_take_up_the_theme(qtbot):
    panel, frames = PlotsPanel(), np.arange(9)
    qtbot.addWidget(panel)
    values = frames / 9
    curve = Curve(frames, values, values, values, values, frames.astype(np.uint8) * 0, np.zeros((9, 4)))
    panel.setPalette(make_palette(False))
    panel.set_beside({"Run 2": (run_color(1), curve)})
    panel.show()
    for theme in ("light", "dark"):
        panel.setPalette(make_palette(theme == "dark"))
        qtbot.waitUntil(lambda: len(panel._drawn) == 3)
        inks = [line.opts["pen"].color() for _plot, line in panel._drawn]
        assert min(contrast(ink, BACKGROUNDS[theme]) for ink in inks) >= 3
        assert inks[0].name() in panel.legend()


# number, name, what stands at the boxes
@pytest.mark.parametrize(
    ("number", "name", "title"),
    [
        (3, "", "run 3"),
        (3, "narrow", "narrow"),
        (3, "siamrpn with a window of 0.2", "siamrpn wi…dow of 0.2"),
    ],
)
def test_a_run_has_its_name_at_its_boxes(number, name, title):
    assert run_title(number, name) == title


# a plate's colour, as it is drawn into exported images and in the window: the better of black and white on it
@pytest.mark.parametrize("plate", [PREDICTION_COLOR, LOST_COLOR, UNCERTAIN_COLOR, *TARGET_COLORS, (120, 0, 90)])
def test_labels_of_exports_have_the_ink_that_reads_best(plate):
    image = np.full((60, 200, 3), 90, np.uint8)
    draw_label(image, "MMMM", (4.0, 50.0), plate, 2)
    b, g, r = plate
    ground = QColor(r, g, b)
    best = max(("black", "white"), key=lambda ink: contrast(QColor(ink), ground))
    assert (image == EDGE_COLOR).all(axis=2).any() == (best == "black")
    assert readable_on_dark_text(ground) is (best == "black")
