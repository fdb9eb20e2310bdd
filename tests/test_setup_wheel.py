"""A wheel, installed into an environment of its own: every command finds its files from an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import zipfile
from pathlib import Path

import pytest
from cli_sources import make_otb
from training_samples import make_got10k

ROOT = Path(__file__).resolve().parents[1]
BUILT_FROM = ("app", "tracker_core", "configs", "resources", "weights")
WINDOW = textwrap.dedent(
    """
    import sys
    from PyQt5.QtCore import QTimer
    from PyQt5.QtWidgets import QApplication
    from app import command_line
    from app.jobs.jobs import Job
    from app.window.main_window import MainWindow

    job, told = Job("list", ["weights", "list"]), []

    def look():
        if watch.elapsed > 60:
            raise SystemExit("waited in vain")
        watch.elapsed += 0.05
        (window,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow)] or [None]
        if window is None or window.canvas.frame_view is None:
            return
        if not watch.has_started:
            watch.has_started = True
            job.finished.connect(lambda code, sentence: told.append((code, sentence)))
            job.start()
        elif told:
            watch.stop()
            print("opened", window.windowTitle(), told[0])
            window.close()
            QApplication.quit()

    class Watch(QTimer):
        elapsed, has_started = 0.0, False

    application = QApplication(["siamscope"])
    watch = Watch()
    watch.timeout.connect(look)
    watch.start(50)
    sys.exit(command_line.main([]))
    """
)
COMMANDS = textwrap.dedent(
    """
    import sys
    from app.command_line import main
    from tracker_core.packaged import CLIP

    otb, data = sys.argv[1:]
    quiet = ["--progress", "none"]
    recipe = ["data.sets=[{layout: got10k, root: .}]", "data.validation=[]", "data.backgrounds=[]", "loop.steps=1"]
    commands = [
        ["weights", "list"],
        ["track", "--source", str(CLIP), "--init-from-gt", "--frames", "0:4", *quiet],
        ["eval", "--dataset", "otb", "--root", otb, "--out", "results", "--jobs", "1", *quiet],
        ["report", "--dataset", "otb", "--groundtruth", otb, "--results", "results/otb", "--out", "report"],
        ["train", "--config", "light", *quiet, f"data.root={data}", *recipe, "loop.batch=2", "loop.workers=0"],
        ["bench", "--frames", "10", *quiet],
    ]
    sys.exit(" ".join(command[0] for command in commands if main(command)) or 0)
    """
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built offline from a copy of what it is made of: no `build/` of another day gets into it."""
    copy = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(copy / "dist"), str(copy)], check=True, timeout=400)
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with nothing but the wheel, and the dependencies of this one."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=400)
    executable = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", str(executable), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, timeout=400)
    (site_packages(executable) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return executable


def site_packages(python: Path) -> Path:
    """Return the folder that the wheel was installed into."""
    places = ("Lib/site-packages", "lib/python*/site-packages")
    return next(found for place in places for found in python.parents[1].glob(place))


def run(python: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment in `folder`, with a home of its own and no way back to the checkout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG_"))}
    environment |= {"HOME": str(folder.parent / "home"), "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=400, check=False
    )


def strangers_in(home: Path) -> list[str]:
    """Return the files in a home folder that are not this program's own; matplotlib's list of fonts is expected."""
    files = [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]
    return [name for name in files if "siamscope" not in name and "matplotlib/fontlist" not in name]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_a_wheel_holds_the_two_packages_and_their_files_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"app", "tracker_core"}
    inside = {name.removeprefix("tracker_core/data/") for name in names if name.startswith("tracker_core/data/")}
    kinds = {
        "configs": ("*.yaml",),
        "weights": ("*.safetensors", "*.json"),
        "resources": ("*.mp4", "*.png", "*rect.txt"),
    }
    shipped = {
        path.relative_to(ROOT).as_posix()
        for folder, patterns in kinds.items()
        for pattern in patterns
        for path in (ROOT / folder).rglob(pattern)
    }
    assert shipped <= inside
    assert not [name for name in inside if name.endswith(".py")]
    metadata = zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert "License-Expression: GPL-3.0-or-later" in metadata or "License: GPL-3.0-or-later" in metadata
    assert "# Siamscope" in metadata and any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.timeout(300)
def test_every_command_works_from_an_empty_folder(python: Path, empty: Path, tmp_path: Path) -> None:
    make_otb(tmp_path / "otb" / "Car")
    make_got10k(tmp_path / "data", clips=2)
    before = sorted(path for path in site_packages(python).rglob("*") if path.suffix != ".pyc")
    result = run(python, empty, str(python), "-c", COMMANDS, str(tmp_path / "otb"), str(tmp_path / "data"))
    assert result.returncode == 0, result.stdout + result.stderr
    for name in ("siamscope_clip-siamscope-base", "light/last.safetensors"):
        assert (empty / "runs" / name).exists()
    assert (empty / "report" / "report.html").is_file()
    after = sorted(path for path in site_packages(python).rglob("*") if path.suffix != ".pyc")
    assert [path for path in after if path.name != "__pycache__"] == [p for p in before if p.name != "__pycache__"]
    assert strangers_in(tmp_path / "home") == []


def test_the_command_opens_the_window_on_the_clip_and_its_jobs_run(python: Path, empty: Path, tmp_path: Path) -> None:
    script = python.with_name("siamscope")
    assert run(python, empty, str(script), "--version").stdout.startswith("siamscope 0.")
    result = run(python, empty, str(python), "-c", WINDOW)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "opened siamscope_clip" in result.stdout and "(0, '')" in result.stdout
    assert list(empty.iterdir()) == []
    assert strangers_in(tmp_path / "home") == []
