"""Fields read what was typed alike in every language, or refuse it; a wheel changes only the field at work."""

from __future__ import annotations

import pytest
from PyQt5.QtCore import QEvent, QLocale, QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt5.QtGui import QDragEnterEvent, QDropEvent, QWheelEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QScrollBar, QWidget

from app.dialogs.asking import AskingDialog
from app.dialogs.export import ExportDialog
from app.dialogs.export_options import VIDEO
from app.panels.fields import DecimalField, PathField, WholeField, expand, is_file, is_folder
from app.panels.tracker import PARAMETERS, ParameterRow

LOCALES = (
    QLocale(QLocale.English, QLocale.UnitedStates),
    QLocale(QLocale.German, QLocale.Germany),
    QLocale(QLocale.French, QLocale.France),
    QLocale(QLocale.German, QLocale.Switzerland),  # 1'000
    QLocale(QLocale.Arabic, QLocale.Egypt),  # digits of its own
)


@pytest.fixture(params=LOCALES, ids=lambda locale: locale.name())
def locale(request):
    """The language of the desktop."""
    before = QLocale()
    QLocale.setDefault(request.param)
    yield
    QLocale.setDefault(before)


def type_into(field, text: str) -> None:
    field.selectAll()
    QTest.keyClicks(field, text)
    field.interpretText()


# what is typed into a field that held 0.35: the number, or 0.35 where it is none within 0 to 1
@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("0.55", 0.55),
        ("0,55", 0.55),
        (".5", 0.5),
        ("1", 1.0),
        ("0.999", 1.0),  # rounded to the two decimals of the field
        ("55", 0.35),  # out of range
        ("1.000,5", 0.35),
        ("0.5.5", 0.35),  # must not become 0.55
        ("1e-3", 0.35),  # must not become 1 or 3
        ("nan", 0.35),
        ("", 0.35),
    ],
)
def test_a_fraction_is_the_same_number_in_every_language(qtbot, locale, typed, value):
    row = ParameterRow(PARAMETERS[0], "Cosine window", lambda: None)
    qtbot.addWidget(row.field)
    row.show(0.35)
    type_into(row.field, typed)
    assert row.value == pytest.approx(value)
    assert "," not in row.field.text()


# what is typed into a field that held 255 of 0 to 2000
@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("300", 300),
        ("0.55", 255),
        ("0,55", 255),
        ("1.000", 255),
        ("1,000", 255),
        ("1'000", 255),
        ("9999", 255),
        ("x", 255),
    ],
)
def test_a_whole_number_is_never_made_of_a_fraction(qtbot, locale, typed, value):
    field = WholeField()
    field.setRange(0, 2000)
    field.setValue(255)
    dialog = AskingDialog("Go to frame", "Frame:", field)
    qtbot.addWidget(dialog)
    type_into(field, typed)
    assert field.value() == value and field.text() == str(value)


# field, its unit, what is typed, the number and the text that then stand in it
@pytest.mark.parametrize(
    ("kind", "unit", "typed", "value", "text"),
    [
        (WholeField, " %", "150", 150, "150 %"),
        (WholeField, " %", "150%", 150, "150 %"),
        (DecimalField, " s", "2.5", 2.5, "2.50 s"),
        (DecimalField, " s", "2,5", 2.5, "2.50 s"),
        (DecimalField, " s", "2.5 s", 2.5, "2.50 s"),
        (DecimalField, " s", "2.5 m", 10.0, "10.00 s"),  # another unit gives way to the number before it
    ],
)
def test_a_suffix_stays_out_of_the_number(qtbot, locale, kind, unit, typed, value, text):
    field = kind()
    qtbot.addWidget(field)
    field.setRange(1, 400)
    field.setValue(10)
    field.setSuffix(unit)
    type_into(field, typed)
    assert field.value() == value and field.text() == text


def numbers_and_lists(window: QWidget) -> list[QWidget]:
    kinds = (QComboBox, QAbstractSpinBox, QAbstractSlider)
    return [w for w in window.findChildren(QWidget) if isinstance(w, kinds) and not isinstance(w, QScrollBar)]


def turn_wheel(widget: QWidget, turns: tuple[int, ...] = (-120, 120, 120, -120, -120)) -> None:
    where = QPointF(widget.width() / 2, widget.height() / 2)
    for turn in turns:
        event = QWheelEvent(
            where, QPointF(widget.mapToGlobal(where.toPoint())), QPoint(), QPoint(0, turn), Qt.NoButton, Qt.NoModifier,
            Qt.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)


def value_of(widget: QWidget):
    return widget.currentIndex() if isinstance(widget, QComboBox) else widget.value()


def test_a_wheel_changes_nothing_in_the_window_without_the_focus(drive, tmp_path):
    driver = drive()
    driver.canvas.setFocus()
    dialog = ExportDialog("clip", (3, 90), None, tmp_path, True, parent=driver.window)
    dialog.show()
    found = numbers_and_lists(driver.window)
    assert len(found) > 30 and dialog.scale in found
    for widget in found:
        if isinstance(widget, QAbstractSpinBox) and not isinstance(widget, (WholeField, DecimalField)):
            pytest.fail(f"{widget.accessibleName()} reads numbers in its own way")
        before = value_of(widget)
        if not widget.hasFocus():
            turn_wheel(widget)
            assert value_of(widget) == before, widget.accessibleName()
            assert not widget.hasFocus()


def test_a_wheel_counts_in_the_field_at_work(qtbot):
    field = WholeField()
    qtbot.addWidget(field)
    field.show()
    field.activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    turn_wheel(field, (120, 120, -120))
    assert field.value() == 1


# typed so far, what it means: "~" is the user's own folder, another's only once there is such a user
@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("", ""),
        ("  ", ""),
        ("~", "{home}"),
        ("~/clips/a.mp4 ", "{home}/clips/a.mp4"),
        ("~nobody-of-that-name/x", "~nobody-of-that-name/x"),
        ("clips/a b.mp4", "clips/a b.mp4"),
    ],
)
def test_a_path_is_taken_as_a_shell_would(qtbot, home, typed, path):
    field = PathField(typed)
    qtbot.addWidget(field)
    assert field.path == expand(typed) == path.format(home=home)


# what cannot be looked at is not there
@pytest.mark.parametrize("path", ["", "\0", "a" * 5000, "nowhere/at/all", "/proc/1/cwd/x"])
def test_odd_paths_are_no_files(path):
    assert not is_file(path) and not is_folder(path)


ODD = "~nobody/\u00fc \\:*?.mp4.xyz/" + "a" * 300


def test_no_key_stroke_in_a_path_field_raises_or_asks(drive, qtbot, tmp_path):
    """Exceptions in slots fail the test by themselves."""
    window = drive().window
    dialog = ExportDialog("clip", (3, 90), None, tmp_path, True, parent=window)
    dialog.show()
    fields = window.findChildren(PathField)
    assert len(fields) >= 6 and dialog.path.field in fields
    while (left := QApplication.activeModalWidget()) is not None:  # by a test before this one
        left.hide()
    for field in fields:
        field.clear()
        for letter in ODD:
            field.setText(field.text() + letter)
            field.textEdited.emit(field.text())
            assert isinstance(field.path, str)
        assert QApplication.activeModalWidget() is None
    for field in fields:  # complete now: here a dialog may say what is wrong
        field.editingFinished.emit()
    window.benchmark.run(window.panels.benchmark.form.options)
    window.training.run(window.panels.training.options())
    qtbot.waitUntil(lambda: not window.jobs.running)


def test_the_export_dialog_names_the_codec_while_a_name_is_typed(qtbot, home, tmp_path):
    dialog = ExportDialog("clip", (3, 90), None, tmp_path, has_truth=False)
    qtbot.addWidget(dialog)
    dialog.path.field.clear()
    for letter in "~/out.mp4":
        QTest.keyClicks(dialog.path.field, letter)
        assert dialog.codec.text()
    assert dialog.options().kind == VIDEO and dialog.options().path == f"{home}/out.mp4"
    assert "H.264" in dialog.codec.text()


def drop(widget: QWidget, *addresses: QUrl | str) -> bool:
    """Drag addresses, or a text, over a widget and let go; return whether it takes them."""
    data, place = QMimeData(), QPoint(5, 5)
    data.setUrls([address for address in addresses if isinstance(address, QUrl)])
    if isinstance(addresses[0], str):
        data = QMimeData()
        data.setText(addresses[0])
    entering = QDragEnterEvent(place, Qt.CopyAction, data, Qt.LeftButton, Qt.NoModifier)
    QApplication.sendEvent(widget, entering)
    event = QDropEvent(QPointF(place), Qt.CopyAction, data, Qt.LeftButton, Qt.NoModifier, QEvent.Drop)
    if entering.isAccepted():
        QApplication.sendEvent(widget, event)
    return entering.isAccepted() and event.isAccepted()


def test_what_is_dropped_on_a_path_takes_the_place_of_the_text(qtbot, tmp_path):
    field, finished = PathField("/somewhere/else"), []
    qtbot.addWidget(field)
    field.editingFinished.connect(lambda: finished.append(field.path))
    folder = tmp_path / "my täst data"
    assert drop(field, QUrl.fromLocalFile(str(folder)), QUrl.fromLocalFile(str(tmp_path)))
    assert field.path == str(folder) and finished == [str(folder)]
    # a text is put in, as in every field
    field.clear()
    assert drop(field, "typed") and field.text() == "typed" and finished == [str(folder)]


def test_a_file_that_is_dropped_on_the_window_is_opened(drive, tmp_path):
    driver = drive()
    opened, clip = [], tmp_path / "a clip.mp4"
    driver.player.open = opened.append
    assert drop(driver.window, QUrl.fromLocalFile(str(clip)))
    assert drop(driver.window, QUrl("rtsp://host/stream"))
    assert opened == [str(clip), "rtsp://host/stream"]
    assert not drop(driver.window, "a text"), "nothing to open"
