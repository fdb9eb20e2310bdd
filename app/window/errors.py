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


class LogFile(logging.handlers.RotatingFileHandler):
    """The log in a file, another each megabyte; where it cannot be written, that is said once.

    Left alone, `logging` prints a traceback to the terminal for every line. What is logged is still in the window, and
    each line is tried again: a full disk may have room later.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
        self.setFormatter(PrivateFormatter(LOG_FORMAT))
        self._is_told = False

    def handleError(self, record: logging.LogRecord) -> None:
        """Say once that the file cannot be written; other errors are mistakes in the program."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._is_told:
            self._is_told = True  # before the sentence, which comes here again
            _tell_unwritten(Path(self.baseFilename), error)


def start_log_file(folder: Path) -> Path | None:
    """Write the log to `siamscope.log` in `folder` as well, another each megabyte; None if that is impossible."""
    root = logging.getLogger()
    root.setLevel(min(root.level or logging.INFO, logging.INFO))
    path = folder / "siamscope.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = LogFile(path)
    except OSError as error:
        _tell_unwritten(path, error)
        return None
    root.addHandler(handler)
    return path


def _tell_unwritten(path: Path, error: OSError) -> None:
    """Say in the window's log, and on the terminal if there is one, that the log file cannot be written."""
    sentence = f"The log cannot be written to '{path}' ({error.strerror or error}); it is only shown in the window."
    logger.warning("%s", sentence)
    if sys.stderr is not None:
        sys.stderr.write(f"{sentence}\n")


def _log_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str | None) -> None:
    levels = {
        QtMsgType.QtDebugMsg: logging.DEBUG,
        QtMsgType.QtInfoMsg: logging.INFO,
        QtMsgType.QtWarningMsg: logging.WARNING,
    }
    logging.getLogger("qt").log(levels.get(kind, logging.ERROR), "%s", message)
