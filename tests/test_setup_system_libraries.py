"""What a Linux system lacks is installed where that is possible, else named in one line to type."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

SETUP = Path(__file__).resolve().parents[1] / "resources" / "setup"


class Machine:
    """A made-up Debian machine: what is missing, who is there, which package names apt knows, and what was run."""

    def __init__(self, module, monkeypatch: pytest.MonkeyPatch) -> None:
        self.module = module
        self.missing: dict[str, tuple[str, ...]] = {}
        self.known = {"libglib2.0-0", "libgl1"}
        self.programs = {"apt-get", "Xvfb"}
        self.root = False
        self.works = True
        self.commands: list[str] = []
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setattr(module, "find_missing", self.find_missing)
        monkeypatch.setattr(module, "find_missing_font", dict)
        monkeypatch.setattr(module, "find_missing_venv", dict)
        monkeypatch.setattr(module, "can_install", lambda: self.root and "apt-get" in self.programs)
        monkeypatch.setattr(module, "_apt_knows", lambda package: package in self.known)
        monkeypatch.setattr(module, "_apt_get", self.apt_get)
        monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}" if name in self.programs else None)
        monkeypatch.setattr(module, "has_display", lambda: True)

    def find_missing(self, libraries):
        return {name: packages for name, packages in libraries.items() if name in self.missing}

    def apt_get(self, *arguments: str) -> bool:
        self.commands.append(" ".join(arguments))
        if arguments[0] == "install" and self.works:
            self.missing = {}
            self.programs.add("Xvfb")
        return self.works

    def lack(self, *names: str) -> None:
        self.missing = dict.fromkeys(names, ())


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.syspath_prepend(str(SETUP))
    import system_libraries

    return Machine(system_libraries, monkeypatch)


def test_nothing_is_done_where_nothing_is_missing(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.root = True
    assert machine.module.check(for_tests=True)
    assert machine.commands == []
    assert capsys.readouterr().err == ""


def test_root_installs_after_fetching_the_lists(machine: Machine) -> None:
    machine.root = True
    machine.lack("libGL.so.1", "libxcb-icccm.so.4")
    assert machine.module.check(for_tests=False)
    assert machine.commands == ["update", "install -y --no-install-recommends libgl1 libxcb-icccm4"]


@pytest.mark.parametrize(
    ("known", "package"),
    [
        ({"libglib2.0-0"}, "libglib2.0-0"),  # Debian 12, Ubuntu 22.04
        ({"libglib2.0-0t64"}, "libglib2.0-0t64"),  # Debian 13, Ubuntu 24.04, with 64-bit times
        ({"libglib2.0-0t64", "libglib2.0-0"}, "libglib2.0-0t64"),  # the old name as a transition
        (set(), "libglib2.0-0"),  # lists never fetched
    ],
)
def test_the_name_that_this_release_knows_is_taken_once(machine: Machine, known: set[str], package: str) -> None:
    machine.known = known
    missing = {name: machine.module.BASE[name] for name in ("libglib-2.0.so.0", "libgthread-2.0.so.0")}
    assert machine.module.choose_packages(missing) == [package]


def test_without_root_one_line_names_all_that_is_missing(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.lack("libGL.so.1", "libxkbcommon-x11.so.0")
    monkeypatch.setattr(machine.module, "find_missing_venv", lambda: {"Python's venv": ("python3.11-venv",)})
    assert not machine.module.check(for_tests=False)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("Type:  sudo apt-get install -y libgl1 libxkbcommon-x11-0 python3.11-venv")
    assert machine.commands == []


def test_where_apt_fails_the_line_is_printed_too(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.root, machine.works = True, False
    machine.lack("libGL.so.1")
    assert not machine.module.check(for_tests=False)
    assert "Type:  sudo apt-get install -y libgl1" in capsys.readouterr().err.splitlines()[-1]


def test_another_distribution_gets_the_names_of_the_libraries(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.programs = set()
    machine.lack("libGL.so.1")
    assert not machine.module.check(for_tests=False)
    assert "install with your system's package manager: libGL.so.1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lacking", "display", "for_tests", "goes_on"),
    [
        ("libxcb-icccm.so.4", True, False, False),  # the window could not open
        ("libxcb-icccm.so.4", False, False, True),  # tracking without a window needs no X
        ("libxcb-icccm.so.4", False, True, False),  # the tests open windows
        ("libGL.so.1", False, False, False),  # OpenCV itself needs it
    ],
)
def test_a_window_is_asked_for_only_where_one_opens(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, lacking: str, display: bool, for_tests: bool, goes_on: bool
) -> None:
    machine.lack(lacking)
    monkeypatch.setattr(machine.module, "has_display", lambda: display)
    assert machine.module.check(for_tests=for_tests) is goes_on


def test_a_missing_xvfb_skips_a_test_and_no_more(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.programs.remove("Xvfb")
    assert machine.module.check(for_tests=True)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "One test is skipped for want of Xvfb. To have it:  sudo apt-get install -y xvfb"
    machine.root = True
    assert machine.module.check(for_tests=True)
    assert machine.commands[-1].endswith(" xvfb")


def test_other_systems_are_left_alone(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.lack("libGL.so.1")
    monkeypatch.setattr(sys, "platform", "win32")
    assert machine.module.check(for_tests=True)


def test_a_library_that_cannot_be_loaded_is_found_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SETUP))
    import system_libraries

    assert system_libraries.find_missing({"libnothing-of-the-kind.so.7": ("x",)}) == {
        "libnothing-of-the-kind.so.7": ("x",)
    }
