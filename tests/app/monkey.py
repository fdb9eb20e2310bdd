"""A monkey at the window: seeded random actions, drags, keys and wheel turns over everything there is."""

from __future__ import annotations

import random
from collections import Counter

from PyQt5.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt5.QtGui import QDropEvent, QKeySequence, QWheelEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QMenu,
    QMessageBox,
    QTabBar,
    QWidget,
)

# beside the keys of all commands: those that widgets and the canvas know themselves
KEYS = (
    Qt.Key_QuoteLeft, Qt.Key_Left, Qt.Key_Right, Qt.Key_Up, Qt.Key_Down, Qt.Key_Return, Qt.Key_Tab, Qt.Key_Escape,
)  # fmt: skip
MODIFIERS = (Qt.NoModifier, Qt.NoModifier, Qt.NoModifier, Qt.ShiftModifier, Qt.ControlModifier)
# what would leave the test: the program's end, and the desktop's own programs
FORBIDDEN = frozenset({"quit", "open_log"})
KINDS = (QAbstractButton, QComboBox, QAbstractSlider, QAbstractSpinBox, QLineEdit, QTabBar, QAbstractItemView)
RARE = {"close_source": 0.2, "clear_targets": 0.3, "remove_target": 0.3, "play": 4, "track": 3, "use_truth": 2}


class Monkey:
    """Plays with a main window; what it did is in `done`, so that a failure can be understood."""

    def __init__(self, window, player, seed: int, specs: tuple[str, ...]) -> None:
        self.window, self.player, self.specs = window, player, specs
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
            if self.player.source is None and self.random.random() < 0.3:
                self.open()

    def note(self, text: str) -> None:
        self.done.append(text)

    def act(self) -> None:
        names = [name for name in sorted(self.window.actions_) if name not in FORBIDDEN]
        (name,) = self.random.choices(names, [RARE.get(name, 1.0) for name in names])
        self.note(f"action {name}")
        self._guard_modal(lambda: self.window.actions_[name].trigger())

    def key(self) -> None:
        """Press a key of any command, or one that has another meaning somewhere, with or without others held."""
        actions = [self.window.actions_[name] for name in sorted(self.window.actions_) if name not in FORBIDDEN]
        commands = [action.shortcut()[0] for action in actions if not action.shortcut().isEmpty()]
        combination = self.random.choice([*commands, *KEYS]) | int(self.random.choice(MODIFIERS))
        if any(self.window.actions_[name].shortcut() == QKeySequence(combination) for name in FORBIDDEN):
            return
        self.note(f"key {combination}")
        mask = int(Qt.KeyboardModifierMask)
        modifiers = Qt.KeyboardModifiers(combination & mask)
        self._guard_modal(lambda: QTest.keyClick(self.window.canvas, combination & ~mask, modifiers))

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
        turn = self.random.choice((-360, -120, 120, 360))
        self.note(f"wheel {turn}")
        where = QPointF(self._point())
        event = QWheelEvent(
            where, where, QPoint(), QPoint(0, turn), Qt.NoButton, Qt.NoModifier, Qt.NoScrollPhase, False
        )
        QApplication.sendEvent(self.window.canvas, event)

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
            if isinstance(widget, KINDS)
            and widget.window() is place
            and widget.isVisible()
            and widget.isEnabled()
            and not self._leaves(widget)
        ]
        if reachable:
            target = self.random.choice(reachable)
            self.note(f"widget {type(target).__name__} {target.objectName() or target.accessibleName()}")
            self._use(target)

    def _leaves(self, widget: QWidget) -> bool:
        """Whether it does what a forbidden command does, or deletes files."""
        if not isinstance(widget, QAbstractButton):
            return False
        actions = {self.window.actions_[name].iconText() for name in FORBIDDEN}
        return widget.text().replace("&", "").rstrip("…") in {"Delete", *actions}

    def _use(self, target: QWidget) -> None:
        pick = self.random
        if isinstance(target, QComboBox) and target.count():
            target.setCurrentIndex(pick.randrange(target.count()))
        elif isinstance(target, QAbstractSlider):
            target.setValue(pick.randint(target.minimum(), target.maximum()))
        elif isinstance(target, QTabBar) and target.count():
            target.setCurrentIndex(pick.randrange(target.count()))
        elif isinstance(target, (QLineEdit, QAbstractSpinBox)):
            QTest.keyClicks(target, pick.choice(("0", "7.5", "x", "-1", "nan", "drawn")))
            QTest.keyClick(target, pick.choice((Qt.Key_Return, Qt.Key_Tab, Qt.Key_Up)))
        else:
            inside = getattr(target, "viewport", lambda: target)()
            where = QPoint(pick.randrange(max(1, inside.width())), pick.randrange(max(1, inside.height())))
            click = QTest.mouseDClick if pick.random() < 0.2 else QTest.mouseClick
            click(inside, Qt.LeftButton, Qt.NoModifier, where)

    def wait(self) -> None:
        QTest.qWait(self.random.choice((0, 1, 5, 20, 60)))

    def resize(self) -> None:
        self.note("resize")
        self.window.resize(self.random.randrange(300, 1400), self.random.randrange(200, 900))

    def open(self) -> None:
        (spec,) = self.random.choices(self.specs, [4 if spec == "drawn" else 1 for spec in self.specs])
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
        from PyQt5.QtCore import QTimer

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
