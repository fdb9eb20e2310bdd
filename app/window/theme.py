"""Light and dark: two palettes for Qt's Fusion style; "auto" follows the desktop where it says what it is."""

from __future__ import annotations

import sys

from PyQt5.QtCore import QRect, QSettings, QSize, Qt
from PyQt5.QtGui import QColor, QIcon, QPainter, QPalette
from PyQt5.QtWidgets import (
    QApplication,
    QProxyStyle,
    QStyle,
    QStyleOption,
    QStyleOptionMenuItem,
    QWidget,
)

ROLES = (
    "Window", "WindowText", "Base", "AlternateBase", "ToolTipBase", "ToolTipText", "Text", "Button", "ButtonText",
    "BrightText", "Link", "Highlight", "HighlightedText", "PlaceholderText", "Light", "Midlight", "Mid", "Dark",
    "Shadow",
)  # fmt: skip
LIGHT = (
    "#f2f2f4", "#17171a", "#ffffff", "#e9e9ec", "#fffbe6", "#17171a", "#17171a", "#e8e8eb", "#17171a",
    "#ffffff", "#0b57d0", "#1a66d6", "#ffffff", "#6a6a72", "#ffffff", "#f6f6f8", "#b6b6bd", "#9a9aa2",
    "#5c5c63",
)  # fmt: skip
DARK = (
    "#232327", "#ececf0", "#18181b", "#2b2b30", "#3a3a40", "#ececf0", "#ececf0", "#333338", "#ececf0",
    "#ffffff", "#8ab4ff", "#2f6bd0", "#ffffff", "#93939c", "#4a4a51", "#3c3c42", "#55555d", "#17171a",
    "#0c0c0e",
)  # fmt: skip
DISABLED_LIGHT, DISABLED_DARK = "#787880", "#8a8a93"
SEPARATES = QStyleOptionMenuItem.MenuItemType.Separator
SEPARATOR, MARGIN = 7, 5  # a line between groups of a menu; Fusion's of height 2 vanishes at fractional scales


class _Style(QProxyStyle):
    """Fusion with a frame around every check box: its own is darker than the window, so unseen in a dark one."""

    def drawPrimitive(
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption | None,
        painter: QPainter | None,
        widget: QWidget | None = None,
    ) -> None:
        """Draw a check box, of a list too, with a frame."""
        super().drawPrimitive(element, option, painter, widget)
        if element == QStyle.PrimitiveElement.PE_IndicatorCheckBox and option is not None and painter is not None:
            painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(option.rect.adjusted(0, 0, -1, -1))


class MenuStyle(_Style):
    """The same for menus, with lines between groups that are seen, and the icon of the chosen line like its text.

    It is set on menus alone: what it does in Python would hold up the painting of every cell of every table.
    """

    def drawControl(
        self,
        element: QStyle.ControlElement,
        option: QStyleOption | None,
        painter: QPainter | None,
        widget: QWidget | None = None,
    ) -> None:
        """Draw a line of a menu."""
        if element == QStyle.ControlElement.CE_MenuItem and isinstance(option, QStyleOptionMenuItem):
            if option.menuItemType == SEPARATES and painter is not None:
                left, y = option.rect.left(), option.rect.center().y()
                line = QRect(left + MARGIN, y, option.rect.width() - 2 * MARGIN, 1)
                painter.fillRect(line, option.palette.color(QPalette.ColorRole.Mid))
                return
            if _is_chosen(option) and not option.icon.isNull():
                side = self.pixelMetric(QStyle.PixelMetric.PM_SmallIconSize, option, widget)
                option = QStyleOptionMenuItem(option)
                option.icon = QIcon(option.icon.pixmap(side, side, QIcon.Mode.Selected))
        super().drawControl(element, option, painter, widget)

    def sizeFromContents(
        self, kind: QStyle.ContentsType, option: QStyleOption | None, size: QSize, widget: QWidget | None = None
    ) -> QSize:
        """Return the room for a line of a menu."""
        room = super().sizeFromContents(kind, option, size, widget)
        is_line = kind == QStyle.ContentsType.CT_MenuItem
        if is_line and isinstance(option, QStyleOptionMenuItem) and option.menuItemType == SEPARATES:
            room.setHeight(SEPARATOR)
        return room


def _is_chosen(option: QStyleOption) -> bool:
    flags = QStyle.StateFlag.State_Selected, QStyle.StateFlag.State_Enabled
    return all(bool(option.state & flag) for flag in flags)


def apply_theme(application: QApplication, theme: str) -> None:
    """Colour the whole program; `theme` is one of `app.settings.THEMES`, anything else counts as "auto"."""
    application.setStyle(_Style("Fusion"))
    is_dark = theme == "dark" or (theme != "light" and prefers_dark())
    application.setPalette(make_palette(is_dark))


def make_palette(is_dark: bool) -> QPalette:
    """Return one of the two palettes."""
    palette = QPalette()
    role = QPalette.ColorRole
    for name, color in zip(ROLES, DARK if is_dark else LIGHT, strict=True):
        palette.setColor(getattr(role, name), QColor(color))
    disabled, grey = QPalette.ColorGroup.Disabled, QColor(DISABLED_DARK if is_dark else DISABLED_LIGHT)
    for faded in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(disabled, faded, grey)
    palette.setColor(disabled, role.Highlight, QColor("#55555d" if is_dark else "#b6b6bd"))
    return palette


def prefers_dark() -> bool:
    """Tell whether the desktop is dark: Windows and macOS say so in settings, elsewhere the palette shows it."""
    if sys.platform == "win32":
        path = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        return str(QSettings(path, QSettings.Format.NativeFormat).value("AppsUseLightTheme", 1)) == "0"
    if sys.platform == "darwin":
        return QSettings().value("AppleInterfaceStyle", "") == "Dark"
    application = QApplication.instance()
    style = application.style() if isinstance(application, QApplication) else None
    window = (
        style.standardPalette().color(QPalette.ColorRole.Window) if style is not None else QColor(Qt.GlobalColor.white)
    )
    return window.lightnessF() < 0.5
