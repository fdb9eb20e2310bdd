"""Checks what Qt, OpenCV and `venv` need from a Linux system; installs it, or prints the one line to type.

Standard library only, because it runs before anything else is installed.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# What is missing → the Debian packages that hold it; where there are several names, apt is asked which one it knows.
Packages = dict[str, tuple[str, ...]]

# importing OpenCV and Qt
BASE: Packages = {
    "libGL.so.1": ("libgl1",),
    "libglib-2.0.so.0": ("libglib2.0-0t64", "libglib2.0-0"),
    "libgthread-2.0.so.0": ("libglib2.0-0t64", "libglib2.0-0"),
}
# a window, and Qt's off-screen platform in the tests
WINDOW: Packages = {
    "libEGL.so.1": ("libegl1",),
    "libX11.so.6": ("libx11-6",),
    "libXext.so.6": ("libxext6",),
    "libfontconfig.so.1": ("libfontconfig1",),
    "libfreetype.so.6": ("libfreetype6",),
    "libdbus-1.so.3": ("libdbus-1-3",),
    "libxkbcommon.so.0": ("libxkbcommon0",),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0",),
    "libX11-xcb.so.1": ("libx11-xcb1",),
    "libxcb.so.1": ("libxcb1",),
    "libxcb-glx.so.0": ("libxcb-glx0",),
    "libxcb-icccm.so.4": ("libxcb-icccm4",),
    "libxcb-image.so.0": ("libxcb-image0",),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1",),
    "libxcb-randr.so.0": ("libxcb-randr0",),
    "libxcb-render.so.0": ("libxcb-render0",),
    "libxcb-render-util.so.0": ("libxcb-render-util0",),
    "libxcb-shape.so.0": ("libxcb-shape0",),
    "libxcb-shm.so.0": ("libxcb-shm0",),
    "libxcb-sync.so.1": ("libxcb-sync1",),
    "libxcb-util.so.1": ("libxcb-util1",),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0",),
    "libxcb-xinerama.so.0": ("libxcb-xinerama0",),
    "libxcb-xkb.so.1": ("libxcb-xkb1",),
}
FONT: Packages = {"a font": ("fonts-dejavu-core",)}
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
XVFB: Packages = {"Xvfb": ("xvfb",)}


def find_missing(libraries: Packages) -> Packages:
    """Return those of `libraries` that cannot be loaded."""
    missing = {}
    for name, packages in libraries.items():
        try:
            ctypes.CDLL(name)
        except OSError:
            missing[name] = packages
    return missing


def find_missing_font() -> Packages:
    """Return what to install if there is no font at all: Qt would then draw a window without any text."""
    folders = [Path(folder).expanduser() for folder in FONT_FOLDERS]
    has_font = any(next(folder.rglob(f"*.{kind}"), None) for folder in folders for kind in ("ttf", "otf", "ttc", "pfb"))
    return {} if has_font else FONT


def find_missing_venv() -> Packages:
    """Return what to install if this Python cannot make a virtual environment with pip, as Debian's cannot at first."""
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return {}
    return {"Python's venv": (f"python{sys.version_info[0]}.{sys.version_info[1]}-venv",)}


def has_display(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a window would open here."""
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def choose_packages(missing: Packages) -> list[str]:
    """Return one package for each missing thing: of several names the first that this release's apt knows."""
    chosen = []
    for names in missing.values():
        known = names if len(names) == 1 else [name for name in names if _apt_knows(name)]
        chosen.append(known[0] if known else names[-1])
    return sorted(set(chosen))


def line_to_type(missing: Packages) -> str:
    """Return the one line that installs what is missing, or that names it where apt is not the way."""
    if shutil.which("apt-get"):
        return f"sudo apt-get install -y {' '.join(choose_packages(missing))}"
    return f"install with your system's package manager: {', '.join(sorted(missing))}"


def _apt_knows(package: str) -> bool:
    try:
        answer = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return "Candidate:" in answer.stdout and "(none)" not in answer.stdout


def _apt_get(*arguments: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # another apt-get, such as a machine's first update of itself, is waited for
    command = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", *arguments]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        say(f"apt-get {arguments[0]} failed: {result.stderr.strip()[-400:]}")
    return result.returncode == 0


def install(missing: Packages) -> bool:
    """Install what is missing with apt, as root; return whether apt did it."""
    # the lists of a fresh machine are empty, and choosing between two names of a package needs them
    _apt_get("update")
    packages = choose_packages(missing)
    say(f"Installing system packages: {' '.join(packages)}")
    return _apt_get("install", "-y", "--no-install-recommends", *packages)


def can_install() -> bool:
    """Whether this is root on a system with apt."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def say(line: str) -> None:
    """Write one line for the user."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def survey(for_tests: bool) -> tuple[Packages, Packages]:
    """Return what is missing: what nothing goes without, and what only a window or one test needs."""
    needed = {**find_missing_venv(), **find_missing(BASE)}
    for_window = {**find_missing(WINDOW), **find_missing_font()}
    optional: Packages = {}
    if for_tests and shutil.which("Xvfb") is None:
        optional.update(XVFB)
    if for_tests or has_display():
        needed.update(for_window)
    else:
        optional.update(for_window)
    return needed, optional


def check(for_tests: bool) -> bool:
    """Install what is missing, or say what to type; return whether the set-up can continue."""
    if not sys.platform.startswith("linux"):
        return True
    needed, optional = survey(for_tests)
    if (needed or optional) and can_install():
        install({**needed, **optional})
        needed, optional = survey(for_tests)
    if needed:
        say(f"System packages are missing. Type:  {line_to_type({**needed, **optional})}")
        return False
    if optional:
        lack = "One test is skipped" if set(optional) == set(XVFB) else "No window can open here"
        say(f"{lack} for want of {', '.join(sorted(optional))}. To have it:  {line_to_type(optional)}")
    return True


def main(arguments: Sequence[str]) -> int:
    """Check by hand: `python3 resources/setup/system_libraries.py [--tests]`."""
    return 0 if check("--tests" in arguments) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
