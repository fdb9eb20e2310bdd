"""The log file: written while it can be, and one sentence where it cannot."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from app.window.errors import LogFile, start_log_file

FULL = Path("/dev/full")  # opens, and refuses what is written for want of room


@pytest.fixture
def root():
    """The logger of all; its handlers are as before after the test."""
    logger = logging.getLogger()
    before = list(logger.handlers)
    yield logger
    for handler in set(logger.handlers) - set(before):
        logger.removeHandler(handler)
        handler.close()


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a full device")
def test_a_full_disk_is_said_once_without_a_traceback(root, capsys, caplog):
    handler = LogFile(FULL)
    root.addHandler(handler)
    for line in range(3):
        logging.getLogger("test").error("line %d", line)
    told = capsys.readouterr().err
    assert told.count("The log cannot be written to '/dev/full' (No space left on device)") == 1
    assert "Traceback" not in told and "Logging error" not in told
    assert sum("cannot be written" in record.getMessage() for record in caplog.records) == 1
    handler.stream = None  # what is left in it has no place either


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a full device")
def test_a_program_without_a_terminal_says_it_in_the_window_alone(root, monkeypatch, caplog):
    monkeypatch.setattr(sys, "stderr", None)
    handler = LogFile(FULL)
    root.addHandler(handler)
    logging.getLogger("test").error("a line")
    assert any("cannot be written" in record.getMessage() for record in caplog.records)
    handler.stream = None


def test_a_place_that_cannot_be_a_folder_is_one_sentence(root, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert start_log_file(tmp_path / "file" / "log") is None
    assert capsys.readouterr().err.count("cannot be written to") == 1
