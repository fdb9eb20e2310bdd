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
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QScrollBar,
    QTabBar,
    QToolBar,
    QToolButton,
    QWidget,
)
from test_looks import make_dialogs

from app.commands import GROUPS, MENUS, with_mnemonics
from app.dialogs.asking import AskingDialog
from app.panels.fields import PathField

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


def explains_itself(widget: QWidget) -> bool:
    """Whether a control has a tooltip, or is one that says all by itself: a tab, or a dialog's OK or Cancel."""
    parent = widget.parentWidget()
    is_plain = isinstance(widget, QTabBar) or isinstance(parent, (QTabBar, QDialogButtonBox))
    return bool(widget.toolTip()) or is_plain or isinstance(parent, AskingDialog)  # the question stands above it


def unexplained(root: QWidget) -> list[str]:
    return [
        f"{type(widget).__name__} '{name_of(widget, {})}' in {type(widget.parentWidget()).__name__}"
        for widget in root.findChildren(QWidget)
        if isinstance(widget, INTERACTIVE) and not is_inner(widget) and not explains_itself(widget)
    ]


def test_every_control_has_a_tooltip(window, tmp_path):
    assert not unexplained(window)
    found = {kind.__name__: unexplained(dialog) for kind, dialog in make_dialogs(window, tmp_path).items()}
    assert not any(found.values()), found


def test_no_two_controls_beside_each_other_have_the_same_tooltip(window):
    """A field and the button that fills it are told apart."""
    for field in window.findChildren(PathField):
        button = field.parentWidget().findChild(QToolButton)
        assert button.toolTip() and button.toolTip() != field.toolTip(), field.accessibleName()


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
