"""The set-up of `.venv`: made once, put right after an interruption, a move or a change of what is pinned."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

SETUP = Path(__file__).resolve().parents[1] / "resources" / "setup"
posix_only = pytest.mark.skipif(os.name != "posix", reason="prepare.sh is for Linux and macOS")


@pytest.fixture
def setup_module(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """`resources/setup/environment.py` as a module, as it runs: beside system_libraries.py."""
    monkeypatch.syspath_prepend(str(SETUP))
    import environment

    yield environment
    for name in ("environment", "system_libraries"):
        sys.modules.pop(name, None)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder, with a space in its name, with the files that decide what is installed."""
    folder = tmp_path / "my project"
    folder.mkdir()
    (folder / "setup.cfg").write_text("[metadata]\nname = siamscope\n")
    (folder / "requirements.txt").write_text("# pins\nopencv-python==5.0\nnumpy==2.0\n")
    (folder / "requirements-dev.txt").write_text("pytest==9\n")
    return folder


def make_environment(setup_module, root: Path):
    """Return an environment that is really made (without pip, to be quick) and notes what pip would be told."""

    class Recorded(setup_module.Environment):
        def __init__(self) -> None:
            super().__init__(root)
            self.created = 0
            self.told: list[str] = []

        def create(self) -> None:
            setup_module.remove(self.folder)
            venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(self.folder)
            place = self.folder / ("Lib" if os.name == "nt" else f"lib/python{setup_module.this_version()}")
            (place / "site-packages" / "pip.py").touch()
            self.created += 1

        def pip(self, *arguments: str) -> None:
            self.told.append(" ".join(arguments))

    return Recorded()


def test_the_first_run_makes_it_and_the_second_does_nothing(setup_module, project: Path) -> None:
    first = make_environment(setup_module, project)
    setup_module.prepare(first, ["run"], exactly=False)
    assert first.created == 1
    assert [line.split()[0] for line in first.told] == ["install", "install"]
    assert "--editable" in first.told[1]

    second = make_environment(setup_module, project)
    setup_module.prepare(second, ["run"], exactly=False)
    assert (second.created, second.told) == (0, [])

    tests = make_environment(setup_module, project)  # what the tests need comes on top, and only that
    setup_module.prepare(tests, ["run", "tests"], exactly=False)
    assert (tests.created, len(tests.told)) == (0, 1)


def test_an_interrupted_installation_is_begun_again(setup_module, project: Path) -> None:
    broken = make_environment(setup_module, project)
    broken.pip = lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        setup_module.prepare(broken, ["run"], exactly=False)

    again = make_environment(setup_module, project)
    assert again.reason_to_rebuild(exactly=False) == "its installation was interrupted"
    setup_module.prepare(again, ["run"], exactly=False)
    assert again.created == 1
    assert again.reason_to_rebuild(exactly=False) is None


def test_a_changed_pin_is_installed_into_what_is_there(setup_module, project: Path) -> None:
    setup_module.prepare(make_environment(setup_module, project), ["run"], exactly=False)
    (project / "requirements.txt").write_text("numpy==2.1\n")
    again = make_environment(setup_module, project)
    setup_module.prepare(again, ["run"], exactly=False)
    assert (again.created, len(again.told)) == (0, 2)


def test_a_moved_project_gets_a_new_one(setup_module, project: Path) -> None:
    setup_module.prepare(make_environment(setup_module, project), ["run"], exactly=False)
    moved = project.rename(project.with_name("elsewhere"))
    again = make_environment(setup_module, moved)
    assert again.reason_to_rebuild(exactly=False) == "the project was moved"
    setup_module.prepare(again, ["run"], exactly=False)
    assert again.created == 1


@posix_only
def test_a_python_that_is_gone_gets_a_new_one(setup_module, project: Path) -> None:
    setup_module.prepare(make_environment(setup_module, project), ["run"], exactly=False)
    again = make_environment(setup_module, project)
    again.python.unlink()
    again.python.symlink_to("/nowhere/python")
    assert again.reason_to_rebuild(exactly=False) == "its Python does not start"


def test_another_python_is_wanted_only_if_it_was_named(
    setup_module, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup_module.prepare(make_environment(setup_module, project), ["run"], exactly=False)
    again = make_environment(setup_module, project)
    monkeypatch.setattr(setup_module, "this_version", lambda: "3.99")
    assert again.reason_to_rebuild(exactly=False) is None
    assert again.reason_to_rebuild(exactly=True) == "it is for another Python"


def test_an_unreadable_stamp_is_no_stamp(setup_module, project: Path) -> None:
    setup_module.prepare(make_environment(setup_module, project), ["run"], exactly=False)
    again = make_environment(setup_module, project)
    again.stamp.write_text("{cut sh")
    setup_module.prepare(again, ["run"], exactly=False)
    assert (again.created, len(again.told)) == (0, 2)


@posix_only
def test_a_link_to_an_environment_is_removed_without_its_target(setup_module, tmp_path: Path) -> None:
    target = tmp_path / "shared"
    target.mkdir()
    link = tmp_path / ".venv"
    link.symlink_to(target)
    setup_module.remove(link)
    assert target.is_dir() and not link.exists()


def test_the_headless_wheel_stays_where_somebody_put_it(setup_module, project: Path) -> None:
    # both wheels fill the same folder, so that installing one beside the other breaks both
    environment = make_environment(setup_module, project)
    setup_module.prepare(environment, ["run"], exactly=False)
    pins = (environment.folder / "requirements-run.txt").read_text().splitlines()
    assert "opencv-python==5.0" in pins
    packages = next(environment.folder.rglob("site-packages"))
    (packages / "opencv_python_headless-5.0.dist-info").mkdir()
    (project / "requirements.txt").write_text("opencv-python==5.1\nnumpy==2.0\n")
    setup_module.prepare(environment, ["run"], exactly=False)
    pins = (environment.folder / "requirements-run.txt").read_text().splitlines()
    assert pins[:2] == ["opencv-python-headless==5.1", "numpy==2.0"]


@pytest.mark.parametrize(
    ("system", "machine", "python", "said"),
    [
        ("linux", "x86_64", "linux-x86_64", ""),
        ("linux", "aarch64", "linux-aarch64", "PyQt5, which draws the window, has no ready-made packages for Linux on"),
        ("linux", "armv7l", "linux-armv7l", "Linux on armv7l"),  # a Raspberry Pi with 32 bits
        ("darwin", "arm64", "macosx-11.0-arm64", ""),  # PyQt5 has packages for Apple's processors
        ("win32", "AMD64", "win-amd64", ""),
        ("win32", "ARM64", "win-arm64", "install the 64-bit Python for x86-64"),
        ("win32", "ARM64", "win-amd64", ""),  # a Python for x86-64, translated by Windows: its packages are there
    ],
)
def test_where_pyqt_has_no_packages_one_sentence_says_so(
    setup_module, monkeypatch, capsys, system: str, machine: str, python: str, said: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("sysconfig.get_platform", lambda: python)
    monkeypatch.setattr(setup_module.system_libraries, "check", lambda for_tests: True)
    monkeypatch.setattr(setup_module, "prepare", lambda *_, **__: None)
    assert setup_module.main([]) == (1 if said else 0)
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == bool(said)


def write_program(folder: Path, name: str, text: str) -> None:
    """Write a shell script that stands for a program."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def run_prepare(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run prepare.sh with nothing but `path` and the tools that every system has to find programs in."""
    for tool in ("dirname", "id", "sh"):
        found = shutil.which(tool)
        assert found is not None
        if not (path / tool).exists():
            (path / tool).symlink_to(found)
    command = [str(path / "sh"), str(SETUP / "prepare.sh"), "--tests"]
    return subprocess.run(
        command, env={"PATH": str(path), **environment}, capture_output=True, text=True, check=False, timeout=60
    )


@posix_only
@pytest.mark.parametrize(
    ("programs", "wanted", "said"),
    [
        # too old, and nothing newer beside it: one line that says so
        ({"python3": 'case "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac'}, "", "this is Python 3.9.2"),
        # no Python at all, and not root: one line to type
        ({"id": "echo 1000"}, "", "Type:  sudo apt-get install -y python3 python3-venv"),
        # the one that was asked for is not there
        ({"python3": "exit 0"}, "python3.99", "PYTHON=python3.99 is not Python 3.10 or newer"),
    ],
)
def test_without_a_good_python_one_line_says_what_to_do(
    tmp_path: Path, programs: dict[str, str], wanted: str, said: str
) -> None:
    for name, text in programs.items():
        write_program(tmp_path, name, text)
    result = run_prepare(tmp_path, **({"PYTHON": wanted} if wanted else {}))
    assert result.returncode == 1
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@posix_only
def test_a_newer_python_beside_an_old_one_is_found(tmp_path: Path) -> None:
    write_program(tmp_path, "python3", "exit 1")  # too old
    write_program(tmp_path, "python3.12", 'case "$1" in -c) exit 0;; *) echo "12: $*";; esac')
    result = run_prepare(tmp_path)
    assert result.stdout.startswith("12: ")
    assert result.stdout.strip().endswith("environment.py --tests")
