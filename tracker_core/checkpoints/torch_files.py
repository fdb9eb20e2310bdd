"""PyTorch checkpoints of others, read without running any code that may be in them.

Nothing but tensors and plain values is ever unpickled: files go through `torch.load(weights_only=True)`.
"""

from __future__ import annotations

import logging
import pickle
import tarfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tracker_core.checkpoints.inert_pickles import read_tensors
from tracker_core.errors import CheckpointError

logger = logging.getLogger(__name__)

# what torch's unpickler says when a file asks for something that only running code could give
FORBIDDEN = ("Unsupported global", "unsupported GLOBAL", "unrecognized function", "Can only create", "Can only build")


def read_torch_file(path: str | Path) -> Mapping[str, Any]:
    """Return the content of a PyTorch checkpoint (`.pth`, `.pth.tar`, `.model`), tensors and plain values only.

    Both of PyTorch's formats are read: zip archives, and the bare pickles of before 1.6, also those written by
    Python 2. Objects of pytracking's training code, which its checkpoints hold as well, become placeholders. Raises
    `CheckpointError` for a file that is missing, empty, cut short, or holds anything that would have to run code to be
    read; that code does not run.
    """
    path = Path(path)
    check_file(path)
    _check_archive(path)
    try:
        content = _load(path)
    except pickle.UnpicklingError as error:
        logger.debug("refused %s", path, exc_info=True)
        if any(words in str(error) for words in FORBIDDEN):
            raise CheckpointError(
                f"'{path}' holds more than tensors and is not opened, because reading it could run code. "
                "Save only its state_dict and import that."
            ) from error
        raise CheckpointError(f"'{path}' is not a PyTorch checkpoint, or it is damaged; get it again.") from error
    except Exception as error:  # torch raises RuntimeError, EOFError, KeyError, ValueError… for damaged files
        logger.debug("cannot read %s", path, exc_info=True)
        raise CheckpointError(f"'{path}' is not a PyTorch checkpoint, or it is cut short; get it again.") from error
    if not isinstance(content, Mapping):
        raise CheckpointError(f"'{path}' holds a {type(content).__name__}, not a state dict of a tracker.")
    return content


def _load(path: Path) -> Any:
    with torch.serialization.safe_globals(_numpy_scalar_globals()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about pickle protocols, of no use to a user
        try:
            # latin1 leaves the bytes of Python 2's strings as they are; what Python 3 writes is UTF-8 in any case
            return torch.load(path, map_location="cpu", weights_only=True, encoding="latin1")
        except pickle.UnpicklingError as error:
            if not any(words in str(error) for words in FORBIDDEN):
                raise
            return read_tensors(path)


def check_file(path: Path) -> None:
    """Raise `CheckpointError` unless `path` is a file with something in it that can be opened."""
    if path.is_dir():
        raise CheckpointError(f"'{path}' is a folder; give the weights file itself.")
    if not path.is_file():
        raise CheckpointError(f"There is no weights file '{path}'. 'weights list' shows those that are here.")
    try:
        is_empty = not _first_bytes(path, 1)
    except OSError as error:
        raise CheckpointError(f"The weights file '{path}' cannot be read: {error.strerror}.") from error
    if is_empty:
        raise CheckpointError(f"The weights file '{path}' is empty; get it again.")


def looks_like_torch(path: Path) -> bool:
    """Whether a file begins like a zip archive (since PyTorch 1.6), a bare pickle (before), or is a tar archive."""
    return _is_archive(path) or _first_bytes(path, 1) == b"\x80" or tarfile.is_tarfile(path)


def _check_archive(path: Path) -> None:
    """Raise `CheckpointError` for archives that PyTorch would not write, with the reason that torch hides."""
    if _is_archive(path):
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise CheckpointError(f"'{path}' is not a PyTorch checkpoint, or it is cut short; get it again.") from error
        # PyTorch stores and never compresses; a small file that unfolds into a large one is not from there
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise CheckpointError(f"'{path}' is a compressed archive, not a PyTorch checkpoint; unpack it first.")
        if any(Path(member.filename).name == "constants.pkl" for member in members):
            raise CheckpointError(f"'{path}' is a TorchScript program, not a checkpoint; import its state_dict.")
    elif tarfile.is_tarfile(path):
        raise CheckpointError(f"'{path}' is a tar archive; unpack it and give the checkpoint inside.")


def _is_archive(path: Path) -> bool:
    return _first_bytes(path, 4) == b"PK\x03\x04"


def _first_bytes(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)


def _numpy_scalar_globals() -> list[Any]:
    """Return what plain NumPy numbers need to be read (PySOT stores epochs and losses as such)."""
    scalar = np.float64(0).__reduce__()[0]
    kinds = {type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "bool")}
    return [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype, *kinds]
