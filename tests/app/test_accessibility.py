"""Everything can be reached and read: menus with letters and groups, tooltips, names of widgets, the keyboard.

The window is walked as it is, so that what is added later is held to the same.
"""

from __future__ import annotations

import re

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QScrollBar,
    QTabBar,
    QToolBar,
    QWidget,
)

from app.commands import GROUPS, MENUS, with_mnemonics

INTERACTIVE = (QAbstractButton, QComboBox, QAbstractSlider, QAbstractSpinBox, QLineEdit, QAbstractItemView, QTabBar)
LETTER = re.compile(r"&([^&\s])")


@pytest.fixture
def window(drive):
    return drive().window


def lines(menu):
    return [action for action in menu.actions() if not action.isSeparator()]


@pytest.mark.parametrize("name", [name for name, _ in MENUS])
def test_menus_can_be_used_by_keyboard_and_explain_themselves(window, name):
    menu = window.actions_.menus[name]
    letters = [LETTER.findall(action.text()) for action in lines(menu)]
    assert all(len(found) == 1 for found in letters), [a.text() for a in lines(menu)]
    folded = [found[0].casefold() for found in letters]
    assert len(set(folded)) == len(folded), [a.text() for a in lines(menu)]
    assert all(action.toolTip() for action in lines(menu)) and menu.toolTipsVisible()
    # groups of at most eight, and no line at an end or beside another
    sizes, kinds = [0], [action.isSeparator() for action in menu.actions()]
    for is_line in kinds:
        sizes = [*sizes, 0] if is_line else [*sizes[:-1], sizes[-1] + 1]
    assert 0 not in sizes and max(sizes) <= 8, sizes


def test_menu_bar_groups_and_commands_agree(window):
    titles = [LETTER.findall(menu.title())[0].casefold() for menu in window.actions_.menus.values()]
    assert len(set(titles)) == len(titles)
    assert set(window.actions_) >= GROUPS
    assert all(command.help for command in window.actions_.commands)


# texts as they stand in the rows, and what is made of them
@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["&Open", "&Close"], ["&Open", "&Close"]),
        # the first keeps its letter, the second gets the beginning of another word, then any letter
        (["&Open", "&Open all"], ["&Open", "Open &all"]),
        (["&Open", "Old"], ["&Open", "O&ld"]),
        # own marks go before made ones, wherever they stand; "&&" is no mark
        (["Open", "&Own"], ["O&pen", "&Own"]),
        (["A && B"], ["&A && B"]),
        # nothing is left
        (["&A", "A"], ["&A", "A"]),
        ([], []),
    ],
)
def test_letters_are_marked_once(texts, expected):
    assert with_mnemonics(texts) == expected


def is_inner(widget: QWidget) -> bool:
    """Whether Qt made it as a part of another widget, which is the one that is named."""
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, (QComboBox, QAbstractSpinBox, QLineEdit, QHeaderView, QAbstractItemView, QToolBar)):
            return True
        parent = parent.parentWidget()
    return isinstance(widget, QScrollBar) or widget.objectName().startswith("qt_")


def name_of(widget: QWidget, labelled: dict[QWidget, str]) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return widget.accessibleName() or text or labelled.get(widget, "")


def test_every_widget_has_a_name_and_can_be_reached_by_keyboard(window):
    labelled = {label.buddy(): label.text() for label in window.findChildren(QLabel) if label.buddy() is not None}
    nameless, unreachable = [], []
    for widget in window.findChildren(QWidget):
        if not isinstance(widget, INTERACTIVE) or is_inner(widget):
            continue
        described = f"{type(widget).__name__} in {type(widget.parentWidget()).__name__} ({widget.toolTip()})"
        if not name_of(widget, labelled):
            nameless.append(described)
        if not widget.focusPolicy() & Qt.TabFocus and not isinstance(widget, QAbstractScrollArea):
            unreachable.append(described)
    assert not nameless
    assert not unreachable
