"""Keys that a control takes before the window's commands: Space presses a button, where the user came to it by Tab."""

from __future__ import annotations

from PyQt5.QtCore import QEvent, QObject, Qt
from PyQt5.QtGui import QFocusEvent, QKeyEvent
from PyQt5.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QDockWidget,
    QWidget,
)

OWN_KEYS: tuple[tuple[type[QWidget], frozenset[int]], ...] = (
    (QAbstractButton, frozenset({Qt.Key.Key_Space})),
    (QComboBox, frozenset({Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_End})),
    (QAbstractItemView, frozenset({Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_End})),
    (QAbstractSlider, frozenset({Qt.Key.Key_Home, Qt.Key.Key_End})),
)
CLEAR = (Qt.FocusReason.ShortcutFocusReason, Qt.FocusReason.MouseFocusReason)  # how the user moved the focus
TABS = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)


class OwnKeys(QObject):
    """Lets the control that has the focus in `window`, or in a panel beside it, have its own keys before the commands.

    Only while the user goes from control to control by keyboard, as browsers show the focus: who has just clicked a
    check box expects of Space that it plays, as everywhere in the window.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._is_by_keyboard = False
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._watch)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Notice how the user moves, and claim the keys of the control that has the focus."""
        if isinstance(event, QKeyEvent):
            return self._take_key(watched, event)
        if isinstance(event, QFocusEvent) and event.reason() in CLEAR:
            self._is_by_keyboard = event.reason() == Qt.FocusReason.ShortcutFocusReason
        elif event is not None and event.type() == QEvent.Type.MouseButtonPress:
            self._is_by_keyboard = False
        return False

    def _take_key(self, watched: QObject | None, event: QKeyEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and event.key() in TABS:
            self._is_by_keyboard = True
        is_own = self._is_by_keyboard and not event.modifiers() and event.key() in _keys_of(watched)
        if is_own and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return False

    def _watch(self, before: QWidget | None, now: QWidget | None) -> None:
        """Look at the events of the widget that has the focus, and of no other: this is asked of each of them."""
        for part in _parts_of(before):
            part.removeEventFilter(self)
        if now is not None and (now.window() is self._window or isinstance(now.window(), QDockWidget)):
            for part in _parts_of(now):
                part.installEventFilter(self)


def _parts_of(widget: QWidget | None) -> list[QWidget]:
    """Return a widget and, of a list, what the mouse presses in it."""
    viewport = widget.viewport() if isinstance(widget, QAbstractItemView) else None
    return [part for part in (widget, viewport) if part is not None]


def _keys_of(widget: QObject | None) -> frozenset[int]:
    return next((keys for kind, keys in OWN_KEYS if isinstance(widget, kind)), frozenset())
