"""Checks the system libraries that Qt and OpenCV need on Linux; installs them, or prints the one line to type.

Standard library only, because it runs before anything is installed. Exit status 0 if all is there (or this is not
Linux), 1 if something is missing and could not be installed.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import subprocess
import sys

# shared library → Debian packages that hold it, the first that apt knows is taken
LIBRARIES = {
    "libGL.so.1": ("libgl1",),
    "libEGL.so.1": ("libegl1",),
    "libglib-2.0.so.0": ("libglib2.0-0t64", "libglib2.0-0"),
    "libfontconfig.so.1": ("libfontconfig1",),
    "libfreetype.so.6": ("libfreetype6",),
    "libdbus-1.so.3": ("libdbus-1-3",),
    "libxkbcommon.so.0": ("libxkbcommon0",),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0",),
    "libX11-xcb.so.1": ("libx11-xcb1",),
    "libxcb.so.1": ("libxcb1",),
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
FONT_PACKAGE = "fonts-dejavu-core"


def find_missing() -> dict[str, tuple[str, ...]]:
    """Return the libraries that cannot be loaded, with the packages that hold them."""
    missing = {}
    for name, packages in LIBRARIES.items():
        try:
            ctypes.CDLL(name)
        except OSError:
            missing[name] = packages
    return missing


def choose_packages(groups: list[tuple[str, ...]]) -> list[str]:
    """Return one package of each group: the one that this release has."""
    chosen = []
    for group in groups:
        known = [name for name in group if len(group) == 1 or _apt_knows(name)]
        chosen.append(known[0] if known else group[-1])
    return chosen


def _apt_knows(package: str) -> bool:
    answer = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True, check=False)
    return "Candidate:" in answer.stdout and "(none)" not in answer.stdout


def install(packages: list[str]) -> bool:
    """Install with apt as root; return whether it worked."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    print("Installing system libraries:", " ".join(packages), flush=True)
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]):
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            print(result.stderr.strip()[-500:], file=sys.stderr)
            return False
    return True


def main() -> int:
    """Check, install where that is possible, else say what to type."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--xvfb", action="store_true", help="also look for Xvfb, which one test needs")
    args = parser.parse_args()
    if not sys.platform.startswith("linux"):
        return 0
    missing = find_missing()
    groups = list(missing.values())
    wants_xvfb = args.xvfb and shutil.which("Xvfb") is None
    can_install = os.geteuid() == 0 and shutil.which("apt-get") is not None
    if not groups and not wants_xvfb:
        return 0
    if can_install:
        if groups and shutil.which("fc-list") is None:
            groups.append((FONT_PACKAGE,))
        # the lists of a fresh machine are empty, and choosing between package names needs them
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False)
        packages = choose_packages(groups) + (["xvfb"] if wants_xvfb else [])
        if install(packages) and not find_missing():
            return 0
    if wants_xvfb and not groups:
        print("Xvfb is not installed; the test on a real X server will be skipped.", file=sys.stderr)
        return 0
    names = ", ".join(sorted(find_missing()))
    print(f"These system libraries are missing: {names}", file=sys.stderr)
    if shutil.which("apt-get"):
        wanted = choose_packages(groups) + (["xvfb"] if wants_xvfb else [])
        print(f"Type:  sudo apt-get install -y {' '.join(wanted)}", file=sys.stderr)
    else:
        print("Install them with your system's package manager.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
