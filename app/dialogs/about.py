"""About: versions, device, weights, licence, ready to be copied into a report."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from PyQt5.QtCore import PYQT_VERSION_STR, QT_VERSION_STR, Qt
from PyQt5.QtWidgets import QApplication, QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from app.dialogs.buttons import make_buttons
from tracker_core.results.provenance import program_version

PACKAGES = ("torch", "onnxruntime", "numpy", "opencv-python", "opencv-python-headless", "av", "qimage2ndarray")


class AboutDialog(QDialog):
    """What a bug report should contain; `tracker` and `device` are those in use."""

    def __init__(self, tracker: str, device: str, log_file: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("About Siamscope"))
        title = QLabel(
            self.tr("<h2>Siamscope {}</h2><p>Draw a box, watch a Siamese tracker follow it.</p>").format(
                program_version()
            )
        )
        licence = QLabel(
            self.tr(
                "Free software under the GNU General Public License, version 3 or later; without any warranty. "
                "Networks after SiamFC, SiamRPN, DaSiamRPN and SiamRPN++."
            )
        )
        licence.setWordWrap(True)
        self.facts = QPlainTextEdit(describe_system(tracker, device, log_file))
        self.facts.setReadOnly(True)
        self.facts.setAccessibleName(self.tr("Versions"))
        self.facts.setMinimumSize(420, 190)
        buttons = make_buttons(self, QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton(self.tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        assert copy is not None
        copy.clicked.connect(self._copy)
        layout = QVBoxLayout(self)
        title.setTextFormat(Qt.TextFormat.RichText)
        for widget in (title, licence, self.facts, buttons):
            layout.addWidget(widget)

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.facts.toPlainText())


def describe_system(tracker: str, device: str, log_file: str) -> str:
    """Return versions and what is in use, one fact a line."""
    lines = [
        f"Siamscope {program_version()}",
        f"Python {platform.python_version()} on {platform.platform()}",
        f"Qt {QT_VERSION_STR}, PyQt {PYQT_VERSION_STR}",
    ]
    for package in PACKAGES:
        try:
            lines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    lines += [f"tracker: {tracker or '–'}", f"device: {device or '–'}", f"log file: {log_file or '–'}"]
    return "\n".join(lines)
