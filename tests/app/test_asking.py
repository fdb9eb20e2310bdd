"""Asking for a line or a choice: what was typed or chosen comes back, and nothing where it was dropped."""

from __future__ import annotations

import pytest
from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication, QLabel, QLineEdit, QWidget

from app.dialogs.asking import AskingDialog, ask_choice, ask_text

ADDRESS = "rtsp://camera.example.org:554/stream1/channel/2"


def while_open(act) -> None:
    """Call `act` with the dialog once it is there."""
    QTimer.singleShot(0, lambda: act(QApplication.activeModalWidget()))


# what is done in the dialog, what comes of it
@pytest.mark.parametrize(("key", "found"), [(Qt.Key_Return, ADDRESS), (Qt.Key_Escape, None)])
def test_a_line_is_typed_over_what_is_known(qtbot, key, found):
    window, widths = QWidget(), []
    qtbot.addWidget(window)

    def act(dialog: QWidget) -> None:
        widths.append((dialog.width(), dialog.fontMetrics().horizontalAdvance(ADDRESS)))
        QTest.keyClicks(dialog.focusWidget(), ADDRESS)
        QTest.keyClick(dialog.focusWidget(), key)

    while_open(act)
    assert ask_text(window, "Open address", "Address:", "http://") == found
    assert widths[0][0] > widths[0][1], "an address is seen whole"


# a question that fits in one line, and one that does not: neither makes a dialog wider than a small screen
@pytest.mark.parametrize(("words", "lines"), [(4, 1), (30, 3)])
def test_a_long_question_has_several_lines(qtbot, words, lines):
    question = " ".join(["question"] * words)
    dialog = AskingDialog("Ask", question, QLineEdit(), is_wide=True)
    qtbot.addWidget(dialog)
    dialog.show()
    label = dialog.findChild(QLabel)
    assert dialog.width() < 80 * dialog.fontMetrics().averageCharWidth()
    assert round(label.height() / label.fontMetrics().lineSpacing()) in range(lines, 2 * lines)
    assert label.buddy() is dialog.findChild(QLineEdit)


# whether other texts can be typed, what is done, what comes of it
@pytest.mark.parametrize(
    ("is_editable", "typed", "found"), [(False, "", "two"), (True, "seven", "seven"), (True, "", "two")]
)
def test_one_of_several_is_chosen_or_another_typed(qtbot, is_editable, typed, found):
    window = QWidget()
    qtbot.addWidget(window)

    def act(dialog: QWidget) -> None:
        QTest.keyClick(dialog.focusWidget(), Qt.Key_Down)
        if typed:
            dialog.focusWidget().lineEdit().selectAll()
            QTest.keyClicks(dialog.focusWidget(), typed)
        QTest.keyClick(dialog.focusWidget(), Qt.Key_Return)

    while_open(act)
    assert ask_choice(window, "Which", "One of:", ["one", "two"], is_editable=is_editable) == found


@pytest.mark.parametrize("title", ["Go", "Track N frames back", "A title with more words than most others have"])
def test_a_title_is_seen_whole_beside_the_buttons_of_the_frame(qtbot, title):
    dialog = AskingDialog(title, "Frames:", QLineEdit())
    qtbot.addWidget(dialog)
    dialog.show()
    whole = dialog.fontMetrics().horizontalAdvance(f"{title} — Siamscope")
    assert dialog.width() >= whole + 80, "three buttons and an icon"
