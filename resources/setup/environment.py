"""Makes `.venv` with the pinned packages and this project in editable mode, or finds it ready. Standard library only.

`python3 resources/setup/environment.py [--tests] [--exactly]`; --tests adds what `make test` needs, --exactly wants
an environment of this very Python version. Whatever was interrupted is put right by the next call.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

import system_libraries
from system_libraries import say

ROOT = Path(__file__).resolve().parents[2]
STAGES = {"run": ("setup.cfg", "requirements.txt"), "tests": ("requirements-dev.txt",)}


class Environment:
    """The virtual environment in `root`/.venv and what is known of it.

    Two files in it tell its state: `.unfinished` is there while packages are being installed, `.ready.json` holds
    where the environment was made, for which Python, and a digest of what each stage installed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.unfinished = self.folder / ".unfinished"
        self.stamp = self.folder / ".ready.json"
        scripts = "Scripts/python.exe" if os.name == "nt" else "bin/python"
        self.python = self.folder / scripts

    def read_stamp(self) -> dict[str, str]:
        """Return what the stamp says, empty if there is none that can be read."""
        try:
            content = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def python_version(self) -> str | None:
        """Return the version ("3.11") of the environment's Python, None if it cannot be started or has no pip."""
        script = "import sys, importlib.util as u; print('%d.%d' % sys.version_info[:2], bool(u.find_spec('pip')))"
        try:
            answer = subprocess.run([self.python, "-c", script], capture_output=True, text=True, check=False)
        except OSError:
            return None
        version, _, has_pip = answer.stdout.strip().partition(" ")
        return version if answer.returncode == 0 and has_pip == "True" else None

    def reason_to_rebuild(self, exactly: bool) -> str | None:
        """Return why the environment that is there is of no use, None if it is good."""
        if self.unfinished.exists():
            return "its installation was interrupted"
        version = self.python_version()
        if version is None:
            return "its Python does not start"
        stamp = self.read_stamp()
        if stamp.get("place", str(self.root)) != str(self.root):
            return "the project was moved"
        if stamp.get("python", version) != version or (exactly and version != this_version()):
            return "it is for another Python"
        return None

    def create(self) -> None:
        """Make a new environment."""
        remove(self.folder)
        subprocess.run([sys.executable, "-m", "venv", str(self.folder)], check=True)

    def digest(self, stage: str) -> str:
        """Return a digest of the files that decide what `stage` installs."""
        content = hashlib.sha256()
        for name in STAGES[stage]:
            content.update((self.root / name).read_bytes() + b"\0")
        return content.hexdigest()

    def install(self, stage: str) -> None:
        """Install the packages of `stage`, and the project itself with those of "run"."""
        self.unfinished.touch()
        pins = self.folder / f"requirements-{stage}.txt"
        lines = (self.root / STAGES[stage][-1]).read_text(encoding="utf-8").splitlines()
        pins.write_text("\n".join(keep_headless(lines, self.has_headless_opencv())) + "\n", encoding="utf-8")
        self.pip("install", "-r", str(pins))
        if stage == "run":
            self.pip("install", "--no-deps", "--editable", str(self.root))
        known = {"place": str(self.root), "python": self.python_version() or this_version()}
        stamp = self.read_stamp() | known | {stage: self.digest(stage)}
        self.stamp.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
        self.unfinished.unlink()

    def has_headless_opencv(self) -> bool:
        """Whether somebody swapped OpenCV's wheel for the one without a window system."""
        places = ("lib/python*/site-packages", "Lib/site-packages")  # Linux and macOS, Windows
        return any(next(self.folder.glob(f"{p}/opencv_python_headless-*.dist-info"), None) for p in places)

    def pip(self, *arguments: str) -> None:
        """Run pip, quietly where nobody watches."""
        quiet = [] if sys.stdout.isatty() else ["--quiet"]
        # settings such as `user = true` of somebody's pip have no place in a virtual environment
        environment = {**os.environ, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        subprocess.run([self.python, "-m", "pip", *arguments, *quiet], check=True, env=environment)


def this_version() -> str:
    """Return the version of the Python that runs this, "3.11"."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def why_no_window() -> str:
    """Return one sentence where PyQt5 has no ready-made packages for this Python (Arm, but for a Mac), else ""."""
    lack = "PyQt5, which draws the window, has no ready-made packages for"
    if sys.platform == "win32" and sysconfig.get_platform() == "win-arm64":
        return f"{lack} Python on Windows for Arm; install the 64-bit Python for x86-64 and run this again with it."
    if sys.platform == "linux" and (machine := platform.machine()) != "x86_64":
        return f"{lack} Linux on {machine}; set Siamscope up on a computer with an x86-64 processor, or on a Mac."
    return ""


def remove(folder: Path) -> None:
    """Remove a folder, or the link to one."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def keep_headless(lines: Iterable[str], headless: bool) -> list[str]:
    """Return the pinned `lines`, with OpenCV's headless wheel where that is the one in use: both in one place clash."""
    old, new = "opencv-python==", "opencv-python-headless=="
    return [line.replace(old, new, 1) if headless and line.startswith(old) else line for line in lines]


def prepare(environment: Environment, stages: Iterable[str], exactly: bool) -> None:
    """Bring the environment to where `stages` are installed; does nothing if they are."""
    reason = environment.reason_to_rebuild(exactly) if environment.folder.exists() else "there is none"
    if reason is not None:
        say(f"Making the virtual environment .venv, because {reason}.")
        environment.create()
    for stage in stages:
        if environment.read_stamp().get(stage) != environment.digest(stage):
            what = "the pinned packages" if stage == "run" else "what the tests need"
            say(f"Installing {what} into .venv (once; this can take some minutes).")
            environment.install(stage)


def main(arguments: list[str]) -> int:
    """Set up and return the exit code: 0 ready, 1 something is missing (the line before says what)."""
    for_tests = "--tests" in arguments
    if reason := why_no_window():
        say(reason)
        return 1
    if not system_libraries.check(for_tests):
        return 1
    try:
        prepare(Environment(ROOT), ("run", "tests") if for_tests else ("run",), "--exactly" in arguments)
    except subprocess.CalledProcessError:
        say("The set-up stopped, the lines above say why. Fix that, then run the same command again.")
        return 1
    except OSError as error:
        say(f"The set-up stopped: {error}. Fix that, then run the same command again.")
        return 1
    except KeyboardInterrupt:
        say("Interrupted. The same command takes the set-up up again.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
