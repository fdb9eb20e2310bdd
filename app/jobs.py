"""Long work as subprocesses of our own command line: progress, cancel, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QCoreApplication, QObject, QProcess, QProcessEnvironment, QTimer, pyqtSignal

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
GRACE_MS = 4000  # for the command to finish its step and tidy up; then its processes are ended by force
KILL_MS = 1500
ERROR_PREFIX = "Error:"
CANCELLED = 130


class Job(QObject):
    """One command with JSON lines as progress.

    `progress` gives a share in 0..1 (−1 where the total is not known) and a text, `message` every JSON object,
    `finished` the exit code and one sentence where it failed ("" otherwise; cancelling is no failure).
    """

    progress = pyqtSignal(float, str)
    message = pyqtSignal(dict)
    finished = pyqtSignal(int, str)

    def __init__(self, title: str, arguments: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.title, self.arguments = title, list(arguments)
        self.is_cancelled = False
        self._buffer = b""
        self._errors: list[str] = []
        self._pid = 0
        self._process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        paths = [str(ROOT), environment.value("PYTHONPATH")]
        environment.insert("PYTHONPATH", os.pathsep.join(path for path in paths if path))
        environment.insert("PYTHONIOENCODING", "utf-8")
        environment.insert("COLUMNS", "10000")  # an error stays one line
        self._process.setProcessEnvironment(environment)
        self._process.readyReadStandardOutput.connect(self._read_output)
        self._process.readyReadStandardError.connect(self._read_errors)
        self._process.finished.connect(lambda code, _status: self._end(code))
        self._process.errorOccurred.connect(self._on_error)
        self._escalation = QTimer(self)
        self._escalation.setSingleShot(True)
        self._escalation.timeout.connect(self._kill)

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.state() != QProcess.NotRunning

    def start(self) -> None:
        """Start the process."""
        logger.info("Job started: siamscope %s", " ".join(self.arguments))
        self._process.start(sys.executable, ["-m", "app.job_process", *self.arguments])

    def cancel(self) -> None:
        """Ask the command to stop as Ctrl-C would; what does not stop in time is ended by force."""
        if self.is_running and not self.is_cancelled:
            self.is_cancelled = True
            self._pid = int(self._process.processId())
            if self._pid and hasattr(os, "killpg"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGINT)
            else:
                self._process.closeWriteChannel()  # the process takes it for the end of the window
            self._escalation.start(GRACE_MS)

    def wait(self, milliseconds: int = GRACE_MS) -> None:
        """Wait for the end, and bring it about when it does not come."""
        if self.is_running and not self._process.waitForFinished(milliseconds):
            self._kill()
            self._process.waitForFinished(KILL_MS)

    def _kill(self) -> None:
        pid = self._pid or int(self._process.processId())
        if not pid:
            return
        logger.warning("The job '%s' did not stop in time and is ended.", self.title)
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        else:
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(pid)], check=False, capture_output=True)
        self._process.kill()

    def _read_output(self) -> None:
        self._buffer += bytes(self._process.readAllStandardOutput())
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                if isinstance(message, dict):
                    self._tell(message)

    def _tell(self, message: dict[str, Any]) -> None:
        if message.get("event") == "progress":
            done, total = float(message.get("done") or 0), message.get("total")
            share = min(1.0, done / total) if total else -1.0
            self.progress.emit(share, f"{message.get('title', self.title)} {done:.0f}/{total or '?'}")
        self.message.emit(message)

    def _read_errors(self) -> None:
        text = bytes(self._process.readAllStandardError()).decode("utf-8", "replace")
        for line in text.splitlines():
            if line.strip():
                logger.info("%s: %s", self.title, line)
                self._errors.append(line.strip())
        del self._errors[:-200]

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.FailedToStart:
            self._errors.append(f"{ERROR_PREFIX} The process could not be started: {self._process.errorString()}.")
            self._end(1)

    def _end(self, code: int) -> None:
        self._escalation.stop()
        self._read_output()
        self._read_errors()
        if self.is_cancelled:
            code = CANCELLED
        sentence = "" if code in (0, CANCELLED) else self._sentence(code)
        logger.info("Job ended with %d: %s", code, self.title)
        self.finished.emit(code, sentence)

    def _sentence(self, code: int) -> str:
        told = [line[len(ERROR_PREFIX) :].strip() for line in self._errors if line.startswith(ERROR_PREFIX)]
        if told:
            return told[-1]
        last = self._errors[-1] if self._errors else ""
        return QCoreApplication.translate("jobs", "The work ended with code {}. {}").format(code, last).strip()

    @property
    def details(self) -> str:
        """The last lines that the command wrote to standard error."""
        return "\n".join(self._errors)


class Jobs(QObject):
    """All jobs of a window; at its end none is left."""

    changed = pyqtSignal()  # one started, went on or ended

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.running: list[Job] = []

    def start(self, job: Job) -> None:
        """Start a job and keep it until it ends."""
        job.setParent(self)
        self.running.append(job)
        job.finished.connect(lambda _code, _sentence: self._forget(job))
        job.progress.connect(lambda _share, _text: self.changed.emit())
        job.start()
        self.changed.emit()

    def cancel_all(self) -> None:
        """Stop everything and wait until it is gone."""
        jobs = list(self.running)
        for job in jobs:
            job.cancel()
        for job in jobs:
            job.wait()

    def _forget(self, job: Job) -> None:
        if job in self.running:
            self.running.remove(job)
            job.deleteLater()
            self.changed.emit()
