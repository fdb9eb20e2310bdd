"""The files that come with the program: found alike in a checkout, an editable installation and a wheel."""

from __future__ import annotations

from pathlib import Path

from tracker_core.errors import InputError, nearest_name

_PACKAGE = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """Return the folder of the checkout that this program runs from, None where it was installed from a wheel."""
    root = _PACKAGE.parent
    return root if (root / "main.py").is_file() and (root / "setup.cfg").is_file() else None


def packaged(path: str) -> Path:
    """Return a file or folder that comes with the program, by its place in a checkout, such as "weights"."""
    return (checkout() or _PACKAGE / "data") / path  # setup.cfg says what a wheel has in tracker_core/data


CLIP = packaged("resources/clip/siamscope_clip.mp4")
CONFIGS = packaged("configs")


def find_config(name: str) -> Path:
    """Return the file of a training configuration: `name` is a path, or the name of one that ships ("light").

    Raises `InputError` for a plain word that names neither a file nor a configuration.
    """
    path = Path(name)
    if path.is_file() or path.suffix or len(path.parts) != 1:
        return path
    known = {file.stem: file for file in sorted(CONFIGS.glob("*.yaml"))}
    if name not in known:
        raise InputError(
            f"There is no training configuration '{name}'.{nearest_name(name, known)} "
            f"Give a YAML file, or one of: {', '.join(known)}."
        )
    return known[name]
