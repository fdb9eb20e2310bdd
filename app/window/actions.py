"""Qt's actions of all commands: in menus and toolbar, with their keys, enabled while they can be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import QAction, QMainWindow, QMenu, QToolBar, QWidget

from app.commands import GROUPS, MENUS, TOOLBAR, Command, plain, translated, with_mnemonics
from app.window.icons import icon
from app.window.own_keys import OwnKeys
from app.window.theme import MenuStyle


class Actions:
    """The actions of a window by the ids of `commands`; `refresh` shows what can be used and what is on."""

    def __init__(self, window: QMainWindow, commands: Sequence[Command]) -> None:
        self.commands = tuple(commands)
        self.menus: dict[str, QMenu] = {}
        self._actions = {command.id: self._make(window, command) for command in self.commands}
        self._menu_style = MenuStyle("Fusion")  # a widget does not keep its style
        bar = window.menuBar()
        assert bar is not None
        for name, text in MENUS:
            menu = bar.addMenu(translated(text))
            assert menu is not None
            menu.setToolTipsVisible(True)
            menu.setStyle(self._menu_style)
            self.menus[name] = menu
            self._fill(name)
        window.addActions(list(self._actions.values()))  # so that keys work in full screen, without the menu bar
        self._make_toolbar(window)
        OwnKeys(window)
        self.set_shortcuts({})

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._actions)

    def _mark_letters(self) -> None:
        """Mark a letter for the keyboard in every line of every menu, whoever put it there."""
        for menu in self.menus.values():
            lines = [action for action in menu.actions() if not action.isSeparator()]
            for action, text in zip(lines, with_mnemonics([action.text() for action in lines]), strict=True):
                icon_text = action.iconText()
                action.setText(text)
                action.setIconText(icon_text)

    def _fill(self, name: str) -> None:
        menu = self.menus[name]
        for command in self.commands:
            if command.menu == name:
                if command.id in GROUPS and menu.actions():
                    menu.addSeparator()
                menu.addAction(self[command.id])

    def refresh(self) -> None:
        """Ask every command whether it can be used and whether it is on."""
        for command in self.commands:
            action = self[command.id]
            if command.when is not None:
                action.setEnabled(command.when())
            if command.is_on is not None:
                action.setChecked(command.is_on())
            if command.text_now is not None:
                action.setText(command.text_now())

    def set_shortcuts(self, shortcuts: Mapping[str, str]) -> None:
        """Set all keys, the first of each as the user chose it, the tooltips that name them, and the menus' letters."""
        for command in self.commands:
            action = self[command.id]
            action.setShortcuts([QKeySequence(key) for key in command.keys_with(shortcuts)])
            tip = translated(command.help or plain(command.text))
            named = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            action.setToolTip(f"{tip} ({named})" if named else tip)
            action.setStatusTip(tip)
        self._mark_letters()

    def put_on(self, widget: QWidget, names: Iterable[str]) -> None:
        """Make commands the context menu of a widget; an empty name is a line between two groups."""
        menu = self.context_menu(widget, names)
        widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        widget.customContextMenuRequested.connect(lambda where: menu.popup(widget.mapToGlobal(where)))

    def context_menu(self, parent: QWidget, names: Iterable[str]) -> QMenu:
        """Return a menu of commands that looks like those of the menu bar; an empty name is a line between groups."""
        menu = QMenu(parent)
        menu.setStyle(self._menu_style)
        menu.setToolTipsVisible(True)
        for name in names:
            if name:
                menu.addAction(self[name])
            else:
                menu.addSeparator()
        return menu

    def key(self, name: str) -> str:
        """Return the first key of a command, "" where it has none."""
        return self[name].shortcut().toString()

    def keys(self, prefix: str) -> dict[str, str]:
        """Return the first key of every command whose id begins with `prefix`, by the rest of the id."""
        return {name.removeprefix(prefix): self.key(name) for name in self if name.startswith(prefix)}

    def show_playing(self, is_playing: bool) -> None:
        """Let "Play" say what it would do now."""
        self["play"].setText(translated("&Pause" if is_playing else "&Play"))
        self["play"].setIconText(translated("Pause" if is_playing else "Play"))
        self["play"].setIcon(icon("pause" if is_playing else "play"))

    def _make(self, window: QMainWindow, command: Command) -> QAction:
        action = QAction(icon(command.icon), translated(command.text), window)
        action.setObjectName(command.id)
        action.setIconText(translated(command.short or plain(command.text)))
        action.setCheckable(command.is_on is not None)
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.setAutoRepeat(command.repeats)

        def run() -> None:
            command.run()
            self.refresh()  # Qt has switched the action already, whatever came of it

        action.triggered.connect(lambda _checked=False: run())
        return action

    def _make_toolbar(self, window: QMainWindow) -> None:
        toolbar = QToolBar(window.tr("Tools"))
        toolbar.setObjectName("toolbar")
        toolbar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        toolbar.setIconSize(QSize(22, 22))
        for name in TOOLBAR:
            if name:
                toolbar.addAction(self[name])
            else:
                toolbar.addSeparator()
        window.addToolBar(toolbar)
