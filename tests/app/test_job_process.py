"""A job ends when its window is gone: however early that was, whatever it is at, and without a word."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.jobs.job_process import NICENESS
from tracker_core.cli.console import INTERRUPTED

ROOT = Path(__file__).parents[2]

# in place of the command: it says when the window is to be gone, and would never end by itself
AT_ONCE = """
def main(arguments):
    time.sleep(600)
"""
COMMAND = """
from tracker_core.cli.main import main
"""
IMPORTING = """
def main(arguments):
    import swallowing
    time.sleep(600)
"""
SWALLOWING = """
import time
print("now", flush=True)
try:
    for _ in range(50):
        time.sleep(0.01)
except BaseException:
    pass
"""
DESTROYING = """
class Object:
    def __del__(self):
        print("now", flush=True)
        for _ in range(50):
            time.sleep(0.01)

def main(arguments):
    Object()
    time.sleep(600)
"""
DONE = """
def leave():
    print("now", flush=True)
    time.sleep(0.5)

def main(arguments):
    atexit.register(leave)
    return 3
"""
TELLING = """
def main(arguments):
    try:
        while True:
            print("now", flush=True)
            print("now", file=sys.stderr)
            time.sleep(0.01)
    except KeyboardInterrupt:
        return 5  # by now it has saved what it had
"""
PROGRAM = """
import atexit, sys, time
from app.jobs import job_process
{main}
job_process.main = main
sys.exit(job_process.run(["bench", "--frames", "100000"]))
"""


# the command, whether the window waits for its word, the exit code
@pytest.mark.parametrize(
    ("main", "waits", "code"),
    [
        pytest.param(AT_ONCE, False, INTERRUPTED, id="before it begins"),
        pytest.param(COMMAND, False, INTERRUPTED, id="while a real one begins"),
        pytest.param(IMPORTING, True, INTERRUPTED, id="in a module that takes every exception for one of its own"),
        pytest.param(DESTROYING, True, INTERRUPTED, id="in a destructor, which raises nothing"),
        pytest.param(DONE, True, 3, id="after it has ended"),
    ],
)
def test_a_job_whose_window_is_gone_ends_quietly(tmp_path, main, waits, code):
    (tmp_path / "swallowing.py").write_text(SWALLOWING)
    program = f"import sys\nsys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]\n{PROGRAM.format(main=main)}"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        if waits:
            assert process.stdout.readline() == "now\n"
        _, errors = process.communicate("", timeout=240)
    assert process.returncode == code and "Traceback" not in errors and "Exception ignored" not in errors


def test_a_job_that_tells_of_its_work_when_the_window_is_gone_is_not_ended_by_that(tmp_path):
    program = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{PROGRAM.format(main=TELLING)}"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"now\n"
    process.stdout.close()
    process.stderr.close()
    time.sleep(0.2)  # it goes on, with nobody to tell
    process.stdin.close()
    assert process.wait(240) == 5


@pytest.mark.skipif(not hasattr(os, "nice"), reason="Windows has no such number")
def test_a_job_lets_the_window_go_first():
    """The command imports this in place of its own, and ends with how nice it is."""
    program = f"""
import os, runpy, sys
sys.path.insert(0, {str(ROOT)!r})
import tracker_core.cli.main
tracker_core.cli.main.main = lambda arguments: os.nice(0)
runpy.run_module("app.jobs.job_process", run_name="__main__")
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as process:
        assert process.wait(240) == min(19, os.nice(0) + NICENESS) % 256  # as exit codes are told
