"""A monkey at the window: seeded random actions, drags, keys and wheel turns over everything there is.

`use_of` says how it uses a widget; what it leaves alone is named here with the reason. A test fails for a widget or an
action of which neither is true.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from PyQt5.QtCore import QAbstractListModel, QEvent, QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PyQt5.QtGui import QContextMenuEvent, QDropEvent, QKeySequence, QWheelEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QAction,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QScrollArea,
    QTabBar,
    QTabWidget,
    QTextEdit,
    QWidget,
)
from pyqtgraph import PlotWidget

from app.canvas.canvas import Canvas
from app.panels.fields import Tabs
from app.panels.timeline import Timeline

# beside the keys of all commands: those that widgets and the canvas know themselves
KEYS = (
    Qt.Key_QuoteLeft, Qt.Key_Left, Qt.Key_Right, Qt.Key_Up, Qt.Key_Down, Qt.Key_Return, Qt.Key_Tab, Qt.Key_Escape,
    Qt.Key_Delete, Qt.Key_F2,
)  # fmt: skip
MODIFIERS = (Qt.NoModifier, Qt.NoModifier, Qt.NoModifier, Qt.ShiftModifier, Qt.ControlModifier)
TEXTS = ("0", "7.5", "x", "-1", "nan", "drawn", "120 px = 1.8 m")
FORBIDDEN = {  # actions that are never triggered, with the reason
    "quit": "the program's end would be that of the tests",
    "open_log": "it starts the desktop's own program",
    "Export...": "of the plots: a window of pyqtgraph's own",
}
LEFT_ALONE = {  # texts of buttons that are never pressed, with the reason
    "Delete…": "it deletes files of weights that ship with the program",
    "Measure speed": "it keeps the machine busy for minutes",
}
RARE = {"close_source": 0.2, "clear_targets": 0.3, "remove_target": 0.3, "play": 4, "track": 3, "use_truth": 2}


class Monkey:
    """Plays with a main window; what it did is in `done`, so that a failure can be understood.

    `specs` are the sources that it opens, the first one most; `after` is called after everything that it does.
    """

    def __init__(self, window, player, seed: int, specs: tuple[str, ...], after: Callable[[], None]) -> None:
        self.window, self.player, self.specs, self._after = window, player, specs, after
        self.random = random.Random(seed)
        self.done: list[str] = []
        self.counts: Counter[str] = Counter()

    def play(self, count: int) -> None:
        """Do `count` things."""
        choices = ((self.act, 8), (self.key, 6), (self.drag, 4), (self.click, 2), (self.wheel, 2), (self.panels, 5),
                   (self.widget, 5), (self.wait, 3), (self.resize, 1), (self.open, 0.5), (self.drop, 0.5))  # fmt: skip
        for _ in range(count):
            (what,) = self.random.choices([c for c, _ in choices], [w for _, w in choices])
            self.counts[what.__name__] += 1
            what()
            self.close_dialogs()
            self._after()
            if self.player.source is None and self.random.random() < 0.3:
                self.open()

    def note(self, text: str) -> None:
        self.done.append(text)

    def act(self) -> None:
        """Trigger an action of any menu; what is disabled does nothing."""
        actions = usable_actions(self.window)
        (name,) = self.random.choices(list(actions), [RARE.get(name, 1.0) for name in actions])
        self.note(f"action {name}")
        self._guard_modal(actions[name].trigger)

    def key(self) -> None:
        """Press a key of any command, or one that has another meaning somewhere, with or without others held."""
        keys = [action.shortcut() for action in usable_actions(self.window).values()]
        commands = [key[0] for key in keys if not key.isEmpty()]
        combination = self.random.choice([*commands, *KEYS]) | int(self.random.choice(MODIFIERS))
        own = self.window.actions_
        if any(name in FORBIDDEN and own[name].shortcut() == QKeySequence(combination) for name in own):
            return
        self.note(f"key {combination}")
        self._press(self.window.canvas, combination)

    def _press(self, widget: QWidget, combination: int) -> None:
        mask = int(Qt.KeyboardModifierMask)
        modifiers = Qt.KeyboardModifiers(combination & mask)
        self._guard_modal(lambda: QTest.keyClick(widget, combination & ~mask, modifiers))

    def drag(self) -> None:
        canvas = self.window.canvas
        button = self.random.choice((Qt.LeftButton, Qt.LeftButton, Qt.LeftButton, Qt.MiddleButton))
        start, end = self._point(), self._point()
        self.note(f"drag {start} {end}")
        QTest.mousePress(canvas, button, Qt.NoModifier, start)
        for part in (0.3, 0.7, 1.0):
            QTest.mouseMove(canvas, start + (end - start) * part)
            if self.random.random() < 0.2:
                QApplication.processEvents()
        if self.random.random() < 0.1:
            QTest.keyClick(canvas, Qt.Key_Escape)
        QTest.mouseRelease(canvas, button, Qt.NoModifier, end)

    def click(self) -> None:
        where = self._point()
        self.note(f"click {where}")
        if self.random.random() < 0.3:
            QTest.mouseDClick(self.window.canvas, Qt.LeftButton, Qt.NoModifier, where)
        else:
            QTest.mouseClick(self.window.canvas, Qt.LeftButton, Qt.NoModifier, where)

    def wheel(self) -> None:
        self.note("wheel")
        self._turn(self.window.canvas, self._point())

    def panels(self) -> None:
        window, pick = self.window, self.random
        self.note("panels")
        window.player.seek(pick.randrange(-5, 80))
        if pick.random() < 0.3:
            overlay = pick.choice(list(window.overlays))
            window.overlays.show(overlay, pick.random() < 0.5)
            window.overlays.set_opacity(overlay, pick.random())
        if pick.random() < 0.2 and self.player.tracking is not None:
            from dataclasses import replace

            value = pick.choice((0.0, 0.5, 1.0, 7.0, float("nan")))
            self.player.set_tracking_config(replace(self.player.tracking, window_influence=value))

    def widget(self) -> None:
        """Use one of the window's own widgets, whichever the user could reach."""
        self._guard_modal(lambda: self._use_any(self.window))

    def _use_any(self, place: QWidget) -> None:
        reachable = [
            widget
            for widget in place.findChildren(QWidget)
            if widget.window() is place and widget.isVisible() and widget.isEnabled() and use_of(widget) is not None
        ]
        if reachable:
            target = self.random.choice(reachable)
            self.note(f"widget {type(target).__name__} {target.objectName() or target.accessibleName()}")
            if self.random.random() < 0.1:
                self._turn(target, QPoint(self._up_to(target.width()), self._up_to(target.height())))
            elif self.random.random() < 0.1:
                self._ask_menu(target)
            else:
                use_of(target)(self, target)

    def choose(self, target: QComboBox) -> None:
        if target.count():
            target.setCurrentIndex(self._up_to(target.count()))

    def slide(self, target: QAbstractSlider) -> None:
        target.setValue(self.random.randint(target.minimum(), target.maximum()))

    def turn_page(self, target: QTabBar) -> None:
        if target.count():
            target.setCurrentIndex(self._up_to(target.count()))

    def type_in(self, target: QWidget) -> None:
        QTest.keyClicks(target, self.random.choice(TEXTS))
        QTest.keyClick(target, self.random.choice((Qt.Key_Return, Qt.Key_Tab, Qt.Key_Up)))

    def give_key(self, target: QKeySequenceEdit) -> None:
        QTest.keyClick(target, self.random.choice((Qt.Key_R, Qt.Key_F7, Qt.Key_Space)), self.random.choice(MODIFIERS))

    def press(self, target: QWidget) -> None:
        where = QPoint(self._up_to(target.width()), self._up_to(target.height()))
        click = QTest.mouseDClick if self.random.random() < 0.2 else QTest.mouseClick
        click(target, Qt.LeftButton, Qt.NoModifier, where)

    def use_item(self, target: QAbstractItemView) -> None:
        """Click on an item or its check box, or press a key on it: rename, delete, open."""
        model = target.model()
        if model is None or not model.rowCount():
            self.press(target.viewport())
            return
        columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount()
        index = model.index(self._up_to(model.rowCount()), self._up_to(columns))
        area, kind = target.visualRect(index), self.random.random()
        if kind < 0.5:
            where = area.center() if self.random.random() < 0.5 else QPoint(area.left() + 8, area.center().y())
            QTest.mouseClick(target.viewport(), Qt.LeftButton, Qt.NoModifier, where)
        elif kind < 0.6:
            QTest.mouseDClick(target.viewport(), Qt.LeftButton, Qt.NoModifier, area.center())
        elif kind < 0.8:
            target.setCurrentIndex(index)
            QTest.keyClick(target, Qt.Key_F2)
            editor = QApplication.focusWidget()
            if isinstance(editor, QLineEdit) and editor is not target:
                QTest.keyClicks(editor, self.random.choice(TEXTS))
                QTest.keyClick(editor, self.random.choice((Qt.Key_Return, Qt.Key_Escape)))
        else:
            target.setCurrentIndex(index)
            QTest.keyClick(target, self.random.choice((Qt.Key_Delete, Qt.Key_Return, Qt.Key_Space, Qt.Key_Down)))

    def drag_across(self, target: QWidget) -> None:
        """Drag inside a widget: seek, mark a range, move a header's border."""
        inside = getattr(target, "viewport", lambda: target)()
        modifiers = self.random.choice(MODIFIERS)
        start, end = (QPoint(self._up_to(inside.width()), self._up_to(inside.height())) for _ in range(2))
        QTest.mousePress(inside, Qt.LeftButton, modifiers, start)
        QTest.mouseMove(inside, end)
        QTest.mouseRelease(inside, Qt.LeftButton, modifiers, end)
        if self.random.random() < 0.3:
            self._press(target, self.random.choice(KEYS))

    def _ask_menu(self, target: QWidget) -> None:
        """Open the context menu, and choose from it at times."""
        where = target.rect().center()
        inside = getattr(target, "viewport", lambda: target)()

        def choose() -> None:
            menu = QApplication.activePopupWidget()
            if isinstance(menu, QMenu) and self.random.random() < 0.5:
                actions = [action for action in menu.actions() if action.isEnabled() and action.isVisible()]
                actions = [action for action in actions if action.objectName() not in FORBIDDEN and not action.menu()]
                if actions:
                    menu.close()
                    self.random.choice(actions).trigger()

        QTimer.singleShot(0, choose)
        event = QContextMenuEvent(QContextMenuEvent.Mouse, where, target.mapToGlobal(where))
        QApplication.sendEvent(inside, event)

    def _turn(self, target: QWidget, where: QPoint) -> None:
        turn = self.random.choice((-360, -120, 120, 360))
        event = QWheelEvent(
            QPointF(where), QPointF(target.mapToGlobal(where)), QPoint(), QPoint(0, turn), Qt.NoButton, Qt.NoModifier,
            Qt.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(target, event)

    def _up_to(self, end: int) -> int:
        return self.random.randrange(max(1, end))

    def wait(self) -> None:
        QTest.qWait(self.random.choice((0, 1, 5, 20, 60)))

    def resize(self) -> None:
        self.note("resize")
        self.window.resize(self.random.randrange(300, 1400), self.random.randrange(200, 900))

    def open(self) -> None:
        (spec,) = self.random.choices(self.specs, [4, *[1] * (len(self.specs) - 1)])
        self.note(f"open {spec}")
        self.window.open(spec)

    def drop(self) -> None:
        data = QMimeData()
        data.setUrls([QUrl(self.random.choice(("file:///nowhere.mp4", "http://127.0.0.1:9/x", "drawn:")))])
        event = QDropEvent(QPointF(5, 5), Qt.CopyAction, data, Qt.LeftButton, Qt.NoModifier, QEvent.Drop)
        self.note("drop")
        QApplication.sendEvent(self.window, event)

    def close_dialogs(self) -> None:
        """Close what popped up, as a user would, sometimes by Return."""
        QApplication.processEvents()
        for widget in QApplication.topLevelWidgets():
            if widget.isVisible() and isinstance(widget, (QDialog, QMenu)) and widget is not self.window:
                self.note(f"close {type(widget).__name__}")
                widget.close()

    def _guard_modal(self, call) -> None:
        """Do something that may open a modal dialog, whose own event loop would never end without a user."""
        timer = QTimer()
        timer.setInterval(15)

        def dismiss() -> None:
            widget = QApplication.activeModalWidget()
            if isinstance(widget, QDialog):
                if not isinstance(widget, (QFileDialog, QMessageBox)) and self.random.random() < 0.5:
                    # a timer is deaf while its own slot runs: what this opens needs another
                    self._guard_modal(lambda: self._use_any(widget))
                elif isinstance(widget, (QFileDialog, QMessageBox)) or self.random.random() < 0.7:
                    widget.reject()
                else:
                    widget.accept()
            popup = QApplication.activePopupWidget()
            if popup is not None:
                popup.close()

        timer.timeout.connect(dismiss)
        timer.start()
        call()
        timer.stop()

    def _point(self) -> QPoint:
        canvas = self.window.canvas
        return QPoint(self.random.randrange(-10, canvas.width() + 10), self.random.randrange(-10, canvas.height() + 10))


USES: tuple[tuple[type[QWidget], Callable[[Monkey, QWidget], None]], ...] = (
    (QAbstractButton, Monkey.press),
    (QComboBox, Monkey.choose),
    (QAbstractSlider, Monkey.slide),
    (QAbstractSpinBox, Monkey.type_in),
    (QLineEdit, Monkey.type_in),
    (QPlainTextEdit, Monkey.type_in),
    (QTextEdit, Monkey.type_in),
    (QTabBar, Monkey.turn_page),
    (QKeySequenceEdit, Monkey.give_key),
    (QHeaderView, Monkey.drag_across),
    (QAbstractItemView, Monkey.use_item),
    (Timeline, Monkey.drag_across),
    (PlotWidget, Monkey.drag_across),
)
ELSEWHERE = {  # widgets that take the mouse or keys and are not in `USES`, with the reason
    Canvas: "drag, click, wheel and key are about it",
    QLabel: "its text can be selected, and what it links to is the desktop's",
    QScrollArea: "it scrolls; its bars are used",
    QTabWidget: "its bar is used",
    Tabs: "its bar is used",
}


def use_of(widget: QWidget) -> Callable[[Monkey, QWidget], None] | None:
    """Return how a widget is used, None where it is not."""
    if isinstance(widget, QAbstractButton) and widget.text().replace("&", "") in LEFT_ALONE:
        return None
    return next((use for kind, use in USES if isinstance(widget, kind)), None)


def is_interactive(widget: QWidget) -> bool:
    """Tell whether a user can do anything with a widget itself: it takes keys, the mouse, or has a menu."""
    around = widget.parentWidget()
    if isinstance(around, QAbstractScrollArea) and around.viewport() is widget:
        return False  # it is used through what is around it
    handlers = ("mousePressEvent", "mouseReleaseEvent", "wheelEvent", "keyPressEvent", "dropEvent", "contextMenuEvent")
    own = (kind for kind in type(widget).__mro__ if kind.__module__.startswith("app."))
    return (
        widget.focusPolicy() != Qt.NoFocus
        or widget.contextMenuPolicy() in (Qt.CustomContextMenu, Qt.ActionsContextMenu)
        or any(handler in vars(kind) for kind in own for handler in handlers)
    )


def usable_actions(window) -> dict[str, QAction]:
    """Return all actions of a window that do something, by name or text, without the forbidden ones."""
    own = {name: window.actions_[name] for name in sorted(window.actions_) if name not in FORBIDDEN}
    known = [window.actions_[name] for name in window.actions_]
    others = [
        action
        for action in window.findChildren(QAction)
        if action.text() not in ("", *FORBIDDEN) and action.menu() is None and action not in known
    ]
    return {**own, **{f"{place} {action.text()}": action for place, action in enumerate(others)}}
