"""A widget as an image file, as it is on the screen: PNG, or drawings that can be enlarged (SVG, PDF)."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QBuffer, QMarginsF, QPoint, QSizeF
from PyQt5.QtGui import QImage, QPageSize, QPaintDevice, QPainter, QPdfWriter
from PyQt5.QtSvg import QSvgGenerator
from PyQt5.QtWidgets import QWidget

from tracker_core.errors import InputError
from tracker_core.files import write_bytes

SUFFIXES = (".png", ".svg", ".pdf")
SHARPNESS = 3  # pixels of a PNG for each of the screen
POINTS_PER_INCH, PIXELS_PER_INCH = 72, 96


def save_widget(widget: QWidget, path: str | Path) -> None:
    """Write what a widget shows; raises `InputError` for another ending, `OutputError` where it cannot be written."""
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"'{path.name}' must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")
    content = QBuffer()  # Qt's writers do not say that a disk is full
    content.open(QBuffer.OpenModeFlag.WriteOnly)
    device = _make_device(widget, content, path.suffix.lower())
    painter = QPainter(device)
    painter.scale(device.width() / widget.width(), device.height() / widget.height())
    widget.render(painter, QPoint())
    painter.end()
    if isinstance(device, QImage):
        device.save(content, "PNG")
    del painter, device  # before what they write into
    write_bytes(path, bytes(content.data()))


def _make_device(widget: QWidget, content: QBuffer, suffix: str) -> QPaintDevice:
    if suffix == ".png":
        return QImage(widget.size() * SHARPNESS, QImage.Format.Format_RGB32)
    if suffix == ".svg":
        drawing = QSvgGenerator()
        drawing.setOutputDevice(content)
        drawing.setSize(widget.size())
        drawing.setViewBox(widget.rect())
        drawing.setResolution(PIXELS_PER_INCH)
        return drawing
    page = QPdfWriter(content)
    points = QSizeF(widget.size()) * POINTS_PER_INCH / PIXELS_PER_INCH
    page.setPageSize(QPageSize(points, QPageSize.Unit.Point))
    page.setPageMargins(QMarginsF())
    return page
