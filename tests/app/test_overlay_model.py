"""Overlays are described in one place; canvas, panel, menu and settings show the same, also of one that is added."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PyQt5.QtGui import QColor, QPainter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from recipes import run_recipe

from app.canvas.overlays import registry
from app.canvas.overlays.base import Overlay, OverlayScene
from app.canvas.overlays.model import OverlayModel
from app.settings import Settings


class BareOverlay(Overlay):
    """Says no more of itself than its name."""

    name = "bare_bones"

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw nothing."""


@pytest.fixture
def added(monkeypatch):
    """One class and one line for each of two further overlays; the first is that of docs/architecture.md."""
    monkeypatch.setattr(registry, "PAINT_ORDER", [*registry.PAINT_ORDER, BareOverlay])
    run_recipe("An overlay")


def test_an_added_overlay_is_in_canvas_panel_menu_keys_and_settings(added, drive, tmp_path):
    driver = drive()
    driver.open()
    window, panel = driver.window, driver.window.panels.overlays
    action = window.actions_["overlay_center"]
    assert action in window.actions_.menus["overlays"].actions() and action.shortcut().toString() == "F6"
    assert panel._boxes["center"].text() == "Centre" and panel._keys["center"].text() == "F6"
    assert panel._boxes["bare_bones"].text() == "Bare bones"

    before = driver.canvas.grab().toImage().pixelColor(driver.canvas.rect().center())
    panel._boxes["center"].click()
    after = driver.canvas.grab().toImage().pixelColor(driver.canvas.rect().center())
    assert action.isChecked() and before != after == QColor(255, 255, 255)

    panel._options["center", "width"].setValue(9)
    settings = Settings(path=tmp_path / "settings.yaml")
    window.overlays.keep(settings)
    settings.save()
    fresh = OverlayModel()
    fresh.restore(Settings.load(settings.path))
    assert fresh["center"].is_visible and fresh["center"].values == {"width": 9}


def test_whoever_changes_the_model_all_others_follow(drive):
    window = drive().window
    panel, model = window.panels.overlays, window.overlays
    model.show("heat_map", True)
    assert window.actions_["overlay_heat_map"].isChecked() and panel._boxes["heat_map"].isChecked()
    assert window.player.wants_debug
    model.set_opacity("heat_map", 7.0)
    assert model["heat_map"].opacity == 1.0 and panel._sliders["heat_map"].value() == 100
    model.set_value("proposals", "top_k", 3)
    assert panel._options["proposals", "top_k"].value() == 3
    model.set_value("proposals", "top_k", 0)  # out of range
    assert model["proposals"].values["top_k"] == 3
    window.actions_["overlay_heat_map"].trigger()
    assert not model["heat_map"].is_visible and not panel._boxes["heat_map"].isChecked()


def test_only_what_changes_is_told():
    model = OverlayModel()
    told = []
    model.changed.connect(lambda: told.append(1))
    model.show("prediction", True)  # is shown at first
    model.set_opacity("prediction", 1.0)
    model.set_value("heat_map", "mode", "windowed")
    assert not told
    model.hide_all(True)
    assert told == [1] and model.painted == [] and not model.needs_debug
    model.hide_all(False)
    assert [overlay.name for overlay in model.painted][-1] == "prediction", "the first of the list is painted last"
    assert next(iter(model)) == "prediction"


def test_an_anchor_that_another_tracker_lacks_gives_way_to_the_best_of_all():
    model = OverlayModel()
    best = model["heat_map"].options[1].choices[0]
    model.set_choices("heat_map", "anchor", (best, ("0", "1 : 2"), ("1", "2 : 1")))
    model.set_value("heat_map", "anchor", "1")
    model.set_choices("heat_map", "anchor", (best, ("0", "1 : 1")))
    assert model["heat_map"].values["anchor"] == best[0]


# what the settings may hold that no longer makes sense: it is passed over, the rest counts
def test_settings_of_another_version_are_taken_as_far_as_they_go():
    settings = Settings(overlays={"heat_map": (True, 0.25), "gone": (True, 1.0)})
    settings.overlay_options = {"heat_map": {"mode": "sideways", "anchor": "7"}, "proposals": {"top_k": 4, "new": 1}}
    model = OverlayModel()
    model.restore(settings)
    heat = model["heat_map"]
    assert (heat.is_visible, heat.opacity, heat.values["mode"], heat.values["anchor"]) == (True, 0.25, "windowed", "-1")
    assert model["proposals"].values == {"top_k": 4}
