"""Nothing ends silently: exception hooks for all threads, a log file, and the way errors reach a dialog."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType

from PyQt5.QtCore import QMessageLogContext, QObject, QtMsgType, pyqtSignal, qInstallMessageHandler

from app.panels.log import PrivateFormatter

logger = logging.getLogger(__name__)

LOG_BYTES = 1_000_000
LOG_FILES = 3
LOG_FORMAT = "%(asctime)s %(levelname)-7s %(threadName)s %(name)s: %(message)s"


class ErrorReporter(QObject):
    """Receives exceptions that nobody caught, from any thread, and hands them to the window's thread.

    PyQt5 aborts the process when a slot raises; with `sys.excepthook` replaced it continues.
    """

    caught = pyqtSignal(str, str)  # one sentence, details

    def install(self) -> None:
        """Take over `sys.excepthook`, `threading.excepthook` and Qt's messages."""
        sys.excepthook = self._report
        threading.excepthook = self._report_thread
        qInstallMessageHandler(_log_qt_message)

    def uninstall(self) -> None:
        """Give the hooks back."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__
        qInstallMessageHandler(None)

    def _report(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        details = "".join(traceback.format_exception(kind, error, trace))
        logger.error("An exception was not caught:\n%s", details)
        self.caught.emit(f"{kind.__name__}: {error}", details)

    def _report_thread(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and arguments.exc_type is not SystemExit:
            self._report(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)


def start_log_file(folder: Path) -> Path | None:
    """Write the log to `siamscope.log` in `folder` as well, another each megabyte; None if that is impossible."""
    root = logging.getLogger()
    root.setLevel(min(root.level or logging.INFO, logging.INFO))
    path = folder / "siamscope.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
        )
    except OSError as error:
        logger.warning("The log cannot be written to a file: %s", error)
        return None
    handler.setFormatter(PrivateFormatter(LOG_FORMAT))
    root.addHandler(handler)
    return path


def _log_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str | None) -> None:
    levels = {
        QtMsgType.QtDebugMsg: logging.DEBUG,
        QtMsgType.QtInfoMsg: logging.INFO,
        QtMsgType.QtWarningMsg: logging.WARNING,
    }
    logging.getLogger("qt").log(levels.get(kind, logging.ERROR), "%s", message)
