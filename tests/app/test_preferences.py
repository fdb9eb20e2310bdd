"""What a user prefers: kept in a file that may be damaged, edited in a dialog, in effect at once."""

from __future__ import annotations

import pytest
from PyQt5.QtCore import QSettings, Qt
from PyQt5.QtGui import QKeySequence, QPalette
from PyQt5.QtWidgets import QApplication, QCheckBox, QDialogButtonBox, QListWidget, QListWidgetItem, QMessageBox

from app.commands import MENUS, find_conflicts
from app.dialogs.preferences import PreferencesDialog
from app.dialogs.shortcuts import LETTERS, ShortcutSheet
from app.settings import Settings
from app.window.recent import RecentSources
from app.window.theme import ROLES, apply_theme, make_palette
from tracker_core.errors import OutputError


def test_what_is_kept_comes_back(tmp_path):
    path = tmp_path / "folder" / "settings.yaml"
    kept = Settings(theme="dark", loop=True, autosave=False, tracker="siamfc-small", path=path)
    kept.overlays = {"anchor": (True, 0.4)}
    kept.overlay_options = {"proposals": {"top_k": 3}, "heat_map": {"mode": "raw"}}
    kept.shortcuts = {"play": "F5", "loop": ""}
    kept.save()
    assert Settings.load(path) == kept


# what may stand in the file: the sentence names it, the defaults are used, the file is kept aside
@pytest.mark.parametrize("content", [b"theme: [", b"\xff\xfe\x00", b"just a text", b"- a\n- list\n"])
def test_a_damaged_file_is_kept_aside(tmp_path, content):
    path = tmp_path / "settings.yaml"
    path.write_bytes(content)
    settings = Settings.load(path)
    assert (settings.theme, settings.autosave) == ("auto", True)
    assert str(path) in settings.warning
    assert (tmp_path / "settings.yaml.damaged").read_bytes() == content
    settings.save()
    assert not Settings.load(path).warning


# entries that make no sense are passed over, the others count
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("theme: pink\nloop: true\n", {"theme": "auto", "loop": True}),
        ("loop: maybe\n", {"loop": False}),
        ("overlays: {anchor: [true, 7], trail: [false, 0.5]}\n", {"overlays": {"trail": (False, 0.5)}}),
        ("shortcuts: {play: 3, loop: L}\n", {"shortcuts": {"loop": "L"}}),
        ("something_new: 1\n", {}),
        ("", {}),
    ],
)
def test_entries_that_make_no_sense(tmp_path, content, expected):
    path = tmp_path / "settings.yaml"
    path.write_text(content)
    settings = Settings.load(path)
    assert not settings.warning
    assert {name: getattr(settings, name) for name in expected} == expected


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be kept"):
        Settings(path=tmp_path / "file" / "settings.yaml").save()


def test_dialog_changes_nothing_in_place(qtbot):
    before = Settings(theme="light", shortcuts={"loop": "L"})
    dialog = PreferencesDialog(before, ["one", "two"], [])
    qtbot.addWidget(dialog)
    dialog.theme.setCurrentIndex(dialog.theme.findData("dark"))
    dialog.tracker.setCurrentText("two")
    dialog.pause_on_lost.setChecked(True)
    after = dialog.settings()
    assert (before.theme, before.tracker, before.pause_on_lost) == ("light", "", False)
    assert (after.theme, after.tracker, after.pause_on_lost) == ("dark", "two", True)


def test_a_key_given_twice_cannot_be_accepted(drive, qtbot):
    commands = drive().window.actions_.commands
    track = next(command for command in commands if command.id == "track")
    dialog = PreferencesDialog(Settings(), [], commands)
    qtbot.addWidget(dialog)
    ok = dialog.buttons.button(QDialogButtonBox.Ok)
    dialog.choose("loop")
    dialog.editor.setKeySequence(QKeySequence(track.default_key))
    assert not ok.isEnabled() and "Shortcut conflict" in dialog.conflicts.text()
    dialog.editor.setKeySequence(QKeySequence("F7"))
    assert ok.isEnabled() and dialog.shortcuts() == {"loop": "F7"}
    dialog._reset_all()
    assert dialog.shortcuts() == {}


def test_the_default_keys_are_all_different(drive):
    assert find_conflicts(drive().window.actions_.commands, {}) == {}


def test_a_new_key_works_at_once_and_the_sheet_names_it(drive, qtbot, monkeypatch):
    driver = drive()
    driver.open()
    monkeypatch.setattr(PreferencesDialog, "exec_", lambda self: PreferencesDialog.Accepted)
    monkeypatch.setattr(PreferencesDialog, "shortcuts", lambda self: {"step_forward": "F7"})
    driver.window.preferences.ask()
    QApplication.setActiveWindow(driver.window)
    qtbot.keyClick(driver.canvas, Qt.Key_F7)
    qtbot.waitUntil(lambda: driver.index == 1, timeout=5000)
    sheet = ShortcutSheet(driver.window.actions_.commands, driver.window.preferences.settings.shortcuts, driver.window)
    qtbot.addWidget(sheet)
    keys = dict(sheet.rows())
    assert any("F7" in key for key in keys.values())
    sheet.search.setText("heat")
    found = [name for name, _ in sheet.rows()]
    assert "Heat map" in found and len(found) < len(keys)


def test_every_sentence_of_the_sheet_is_seen_whole(drive):
    sheet = ShortcutSheet(drive().window.actions_.commands, {}, None)
    sheet.resize(LETTERS * sheet.fontMetrics().averageCharWidth(), 600)
    sheet.show()
    QApplication.processEvents()
    tree = sheet.tree
    cut = [
        line.text(column)
        for line in sheet._lines()
        for column in range(3)
        if tree.fontMetrics().horizontalAdvance(line.text(column)) > tree.columnWidth(column) - 6
    ]
    assert not cut
    sheet.close()


def test_every_command_can_be_found_and_is_explained(drive):
    commands = drive().window.actions_.commands
    assert len({command.id for command in commands}) == len(commands)
    for command in commands:
        assert command.menu in dict(MENUS) and command.text and command.help, command.id


def contrast(one, other) -> float:
    """The contrast ratio of two colours as WCAG 2 defines it, 1 to 21."""

    def luminance(color):
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in color.getRgbF()[:3]]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


# text on its ground: 4.5 is what WCAG 2 asks for
@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [("WindowText", "Window"), ("Text", "Base"), ("Text", "AlternateBase"), ("ButtonText", "Button"),
     ("HighlightedText", "Highlight"), ("ToolTipText", "ToolTipBase"), ("PlaceholderText", "Base"), ("Link", "Base")],
)  # fmt: skip
def test_text_can_be_read_in_both_themes(is_dark, ink, ground):
    palette = make_palette(is_dark)
    assert {ink, ground} <= set(ROLES)
    assert contrast(palette.color(getattr(palette, ink)), palette.color(getattr(palette, ground))) >= 4.5


# the frame of a box that is not ticked: 3 is what WCAG 2 asks for
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("is_in_list", [False, True])
def test_a_box_that_is_not_ticked_can_be_seen(qtbot, theme, is_in_list):
    application = QApplication.instance()
    before = application.style().objectName(), application.palette()
    apply_theme(application, theme)
    try:
        widget = QListWidget() if is_in_list else QCheckBox()
        if is_in_list:
            item = QListWidgetItem(widget)
            item.setCheckState(Qt.Unchecked)
        qtbot.addWidget(widget)
        widget.resize(60, 40)
        image = widget.grab().toImage()
        ground = widget.palette().color(widget.viewport().backgroundRole() if is_in_list else QPalette.Window)
        row = [image.pixelColor(x, y) for x in range(2, 30) for y in range(2, 38)]
        assert max(contrast(pixel, ground) for pixel in row) >= 3
    finally:
        application.setStyle(before[0])
        application.setPalette(before[1])


def test_damage_is_told_in_a_dialog_whatever_else_is_said_at_the_start(drive, tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("theme: [")
    driver = drive()
    driver.window.preferences.settings = Settings.load(path)
    driver.window.preferences.apply_at_start()
    driver.window.status.show_notice("Restored 330 results of an earlier session.")
    driver.qtbot.waitUntil(lambda: bool(driver.window.findChildren(QMessageBox)))
    (dialog,) = driver.window.findChildren(QMessageBox)
    assert dialog.isVisible() and str(path) in dialog.text()
    dialog.accept()


# what an earlier version, another program or a crash may have left under the key
@pytest.mark.parametrize(
    ("stored", "expected"),
    [(["a", "b"], ["a", "b"]), ("alone.mp4", ["alone.mp4"]), (["a", ""], ["a"]), ({"a": 1}, []), (None, [])],
)
def test_recent_sources_survive_a_damaged_list(tmp_path, stored, expected):
    kept = QSettings(str(tmp_path / "window.ini"), QSettings.IniFormat)
    if stored is not None:
        kept.setValue("recent/sources", stored)
    recent = RecentSources(kept)
    assert recent.specs == expected
    recent.add("new.mp4")
    recent.add("new.mp4")
    assert recent.specs[0] == "new.mp4" and recent.specs.count("new.mp4") == 1
