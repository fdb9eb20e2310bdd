"""Long work as subprocesses of our own command line: progress, cancel, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from PyQt5.QtCore import QCoreApplication, QObject, QTimer, pyqtSignal

from app.jobs.mail import Letterbox, Mail

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
ERROR_PREFIX = "Error:"
CANCELLED = 130
LAST_WORDS_S = 2.0  # for which the pipes of a process that ended are read on


class Job(QObject):
    """One command with JSON lines as progress.

    `progress` gives a share in 0..1 (−1 where the total is not known) and a text, `message` every JSON object,
    `finished` the exit code and one sentence where it failed ("" otherwise; cancelling is no failure), `stopping` that
    it was asked to stop. What it takes to stop is the command's business: only `force` ends it in the middle.
    """

    progress = pyqtSignal(float, str)
    message = pyqtSignal(dict)
    finished = pyqtSignal(int, str)
    stopping = pyqtSignal()

    def __init__(self, title: str, arguments: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.title, self.arguments = title, list(arguments)
        self.is_cancelled = False
        self._told = ""
        self._errors: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False
        # sent by the readers' threads, received in this one
        mail = Mail(self)
        self._output_came = Letterbox(mail, self._read_output)
        self._errors_came = Letterbox(mail, self._read_errors)
        self._exited = Letterbox(mail, self._end)

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and not self._is_over

    @property
    def caption(self) -> str:
        """What it does now, in a few words."""
        told = self._told or self.title
        return QCoreApplication.translate("jobs", "Stopping: {} …").format(told) if self.is_cancelled else told

    @property
    def pid(self) -> int:
        """The process's number, 0 before it is there."""
        return 0 if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process.

        Not with QProcess: it forks, which copies the page tables of everything that is loaded here, a stall of a
        tenth of a second; `subprocess` starts a process without.
        """
        logger.info("Job started: siamscope %s", " ".join(self.arguments))
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH"))))
        environment["PYTHONIOENCODING"] = "utf-8"
        environment["COLUMNS"] = "10000"  # an error stays one line
        command = [sys.executable, "-m", "app.jobs.job_process", *self.arguments]
        pipe = subprocess.PIPE
        try:
            # in a session of its own, so that it can be ended together with everything that it started
            self._process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, start_new_session=True
            )
        except OSError as error:
            self._errors.append(f"{ERROR_PREFIX} The process could not be started: {error.strerror}.")
            QTimer.singleShot(0, lambda: self._end(1))
            return
        threading.Thread(target=self._follow_to_end, args=(self._process,), daemon=True).start()

    def cancel(self) -> None:
        """Ask the command to stop as Ctrl-C would: it finishes its step and saves, however long that takes.

        Not with a signal: one that comes while the process starts is lost, or ends it with a traceback.
        """
        if self.is_running and not self.is_cancelled:
            self.is_cancelled = True
            self.release()
            self.stopping.emit()

    def release(self) -> None:
        """Close the process's standard input: it takes that for the end of the window, and stops."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def force(self) -> None:
        """End the process and everything that it started, in the middle of whatever it does."""
        if self._process is None or self._process.poll() is not None:
            return
        logger.warning("The job '%s' is ended by force.", self.title)
        self.is_cancelled = True
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            pid = str(self._process.pid)
            subprocess.run(["taskkill", "/F", "/T", "/PID", pid], check=False, capture_output=True)
        self._process.kill()

    def _follow(self, stream: IO[bytes], came: Letterbox[bytes]) -> None:
        with stream, contextlib.suppress(RuntimeError):  # the job was deleted
            for line in stream:
                came.emit(line)

    def _follow_to_end(self, process: subprocess.Popen[bytes]) -> None:
        """Say when the process has ended, even where something that it started holds its pipes open."""
        pipes = ((process.stdout, self._output_came), (process.stderr, self._errors_came))
        readers = [threading.Thread(target=self._follow, args=pipe, daemon=True) for pipe in pipes]
        for reader in readers:
            reader.start()
        code = process.wait()
        for reader in readers:
            reader.join(LAST_WORDS_S)
        with contextlib.suppress(RuntimeError):
            self._exited.emit(code)

    def _read_output(self, line: bytes) -> None:
        with contextlib.suppress(ValueError):
            message = json.loads(line)
            if isinstance(message, dict):
                self._tell(message)

    def _tell(self, message: dict[str, Any]) -> None:
        if message.get("event") == "progress":
            done, total = float(message.get("done") or 0), message.get("total")
            share = min(1.0, done / total) if total else -1.0
            title, unit = message.get("title", self.title), message.get("unit") or ""
            of_total = (
                QCoreApplication.translate("jobs", "{:.0f} of {}").format(done, total) if total else f"{done:.0f}"
            )
            self._told = f"{title}: {of_total} {unit}".rstrip()
            self.progress.emit(share, self.caption)
        elif message.get("event") == "stopping":
            self._told = QCoreApplication.translate("jobs", "saving step {}").format(message.get("step"))
            self.progress.emit(-1.0, self.caption)
        self.message.emit(message)

    def _read_errors(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()
        if text:
            logger.info("%s: %s", self.title, text)
            self._errors.append(text)
            del self._errors[:-200]

    def _end(self, code: int) -> None:
        if self._is_over:
            return
        self._is_over = True
        self.release()
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
        return QCoreApplication.translate("jobs", "The job failed (exit code {}). {}").format(code, last).strip()

    @property
    def details(self) -> str:
        """The last lines that the command wrote to standard error."""
        return "\n".join(self._errors)


class Jobs(QObject):
    """All jobs of a window."""

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
        job.stopping.connect(self.changed)
        job.start()
        self.changed.emit()

    def _forget(self, job: Job) -> None:
        if job in self.running:
            self.running.remove(job)
            job.deleteLater()
            self.changed.emit()
