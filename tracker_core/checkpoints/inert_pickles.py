"""Reading the tensors of a PyTorch checkpoint that holds objects of its training code beside them.

Such objects are never made: where the file names a class of pytracking's training code, a placeholder takes its place
that keeps nothing and does nothing. Any other name is refused, so that no code of the file's choosing runs.
"""

from __future__ import annotations

import collections
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

REPLACED = ("ltr", "pytracking")  # packages of the only known release whose checkpoints hold more than tensors


class _Inert:
    """Takes whatever a pickle hands to an object, and drops it."""

    def __new__(cls, *_: object, **__: object) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, _: object) -> None:
        """Drop an item of a list."""

    def extend(self, _: object) -> None:
        """Drop items of a list."""


def read_tensors(path: Path) -> Any:
    """Return the content of a PyTorch file, objects of pytracking's training code replaced by placeholders.

    Raises `pickle.UnpicklingError` for a file that names anything else, and what torch raises for damaged files. The
    file must not be a tar archive or a TorchScript program.
    """
    unpickler = _make_unpickler()
    module = SimpleNamespace(
        __name__=__name__, Unpickler=unpickler, load=lambda file, **options: unpickler(file, **options).load()
    )
    # not "weights only" to torch, which would refuse the file; the unpickler above decides what is allowed
    return torch.load(path, map_location="cpu", pickle_module=module, weights_only=False, encoding="latin1")


def _make_unpickler() -> type[pickle.Unpickler]:
    """Return an unpickler with callables of its own, so that a file that sets their attributes changes nothing else."""
    utils: Any = torch._utils
    allowed: dict[tuple[str, str], Any] = {
        ("torch._utils", "_rebuild_tensor"): lambda *values: utils._rebuild_tensor(*values),
        ("torch._utils", "_rebuild_tensor_v2"): lambda *values: utils._rebuild_tensor_v2(*values),
        ("torch._utils", "_rebuild_parameter"): lambda *values: utils._rebuild_parameter(*values),
        ("collections", "OrderedDict"): collections.OrderedDict,
    }
    placeholder = type("Placeholder", (_Inert,), {})

    class TensorUnpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if (module, name) in allowed:
                return allowed[module, name]
            if module.partition(".")[0] in REPLACED:
                return placeholder
            raise pickle.UnpicklingError(f"Unsupported global: {module}.{name}")

    return TensorUnpickler
