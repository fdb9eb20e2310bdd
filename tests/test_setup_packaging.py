"""Metadata, pins and the commands that `make` and the console script run."""

from __future__ import annotations

import configparser
import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tracker_core.cli.main import Window
from tracker_core.cli.main import main as core_main
from tracker_core.errors import InputError
from tracker_core.packaged import find_config

ROOT = Path(__file__).resolve().parents[1]


def metadata() -> configparser.ConfigParser:
    """Return setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def pins(name: str) -> list[Requirement]:
    """Return the requirements of a requirements file."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def ranges(text: str) -> list[Requirement]:
    """Return the requirements of a list in setup.cfg."""
    return [Requirement(line) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_pinned_to_a_plain_version(name: str) -> None:
    # no local tag such as +cpu and no index of its own: `pip install` alone gets every one of them
    for pin in pins(name):
        assert re.fullmatch(r"==\d[\w.]*", str(pin.specifier)), str(pin)
        assert pin.url is None
    assert not re.search(r"^\s*-", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.13"])
@pytest.mark.parametrize(
    ("section", "key", "files"),
    [
        ("options", "install_requires", ["requirements.txt"]),
        ("options.extras_require", "dev", ["requirements-dev.txt"]),
    ],
)
def test_pins_lie_in_the_ranges(section: str, key: str, files: list[str], python: str) -> None:
    surroundings = {"python_version": python, "sys_platform": "linux"}
    chosen: dict[str, Requirement] = {}
    for pin in (pin for name in files for pin in pins(name)):
        if pin.marker is None or pin.marker.evaluate(surroundings):
            assert pin.name.lower() not in chosen, f"{pin.name} is pinned twice for Python {python}"
            chosen[pin.name.lower()] = pin
    for wanted in ranges(metadata()[section][key]):
        pin = chosen[wanted.name.lower()]
        assert wanted.specifier.contains(str(pin.specifier).removeprefix("=="), prereleases=True), str(pin)


def test_the_licence_is_the_one_that_the_metadata_names() -> None:
    assert metadata()["metadata"]["license"] == "GPL-3.0-or-later"  # because of PyQt5
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "GNU GENERAL PUBLIC LICENSE" in text and "Version 3" in text


def test_the_console_script_is_the_command_line() -> None:
    line = metadata()["options.entry_points"]["console_scripts"].strip()
    command, _, target = (part.strip() for part in line.partition("="))
    module, _, function = target.partition(":")
    assert command == "siamscope"
    assert callable(getattr(importlib.import_module(module), function))


def test_main_py_is_the_same_command() -> None:
    result = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "--help"], capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout.startswith("usage: siamscope")


def test_the_cores_command_line_has_no_window(capsys: pytest.CaptureFixture[str]) -> None:
    # `python -m tracker_core.cli` and jobs: measuring the window is refused in a sentence
    assert core_main(["bench", "--window"]) == 2
    assert "no window to measure; use 'siamscope bench --window'" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("words", "opened"),
    [
        ([], []),  # the bundled clip
        (["."], ["."]),  # a folder
        (["rtsp://host/stream"], ["rtsp://host/stream"]),  # an address, which nobody can look for
    ],
)
def test_without_a_command_the_window_opens(words: list[str], opened: list[str]) -> None:
    asked: list[list[str]] = []
    window = Window(lambda: True, lambda arguments: asked.append(list(arguments)) or 0, lambda arguments: 1)
    assert core_main(words, window) == 0
    assert asked == [opened]


def test_the_window_is_measured_by_what_was_handed_in() -> None:
    asked: list[list[str]] = []
    window = Window(lambda: True, lambda arguments: 1, lambda arguments: asked.append(list(arguments)) or 0)
    assert core_main(["bench", "--window"], window) == 0
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("light", "configs/light.yaml"),  # one that ships
        ("configs/light.yaml", "configs/light.yaml"),  # a path
        ("my/own", "my/own"),  # a path, whatever is there: whoever reads it says what is wrong
    ],
)
def test_a_training_configuration_is_a_name_or_a_file(name: str, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert find_config(name).resolve() == ROOT / file
    with pytest.raises(InputError, match=r"no training configuration 'ligth'.* Did you mean 'light'"):
        find_config("ligth")


def test_the_files_that_the_metadata_names_are_there() -> None:
    section = metadata()["metadata"]
    assert (ROOT / section["long_description"].removeprefix("file:").strip()).is_file()
    assert (ROOT / section["license_files"]).is_file()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("target", "arguments", "lines"),
    [
        ("run", "-x", [r"prepare\.sh$", r"main\.py -x"]),
        # pytest's closing line comes last
        ("test", "-x", [r"prepare\.sh --tests", r"ruff check", r"mypy", r"pytest -x$"]),
        ("test", "", [r"prepare\.sh --tests", r"ruff check", r"mypy", r"pytest -n logical .*--dist loadfile$"]),
        ("clip", "", [r"prepare\.sh$", r"draw_clip\.py"]),
    ],
)
def test_make_does_these_in_this_order(target: str, arguments: str, lines: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    result = subprocess.run(
        ["make", "-n", "--no-print-directory", target, f"ARGS={arguments}"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    commands = result.stdout.strip().splitlines()
    assert len(commands) == len(lines)
    for command, expected in zip(commands, lines, strict=True):
        assert re.search(expected, command)


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of Linux and macOS")
def test_what_must_pass_can_be_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text(encoding="utf-8").splitlines()


def test_the_desktop_entry_names_the_command_and_the_icon() -> None:
    entry = configparser.RawConfigParser()
    entry.optionxform = str  # type: ignore[assignment,method-assign]
    entry.read(ROOT / "resources" / "siamscope.desktop", encoding="utf-8")
    section = entry["Desktop Entry"]
    assert section["Exec"].split()[0] == "siamscope"
    for suffix in ("svg", "png"):
        assert (ROOT / "resources" / "icons" / f"{section['Icon']}.{suffix}").is_file()
