"""ONNX Runtime on the CPU: the default, because it is 2–3 times as fast as eager PyTorch, without a compiler.

A network is exported once for each pair of crop sizes and kept in the user's cache under a hash of its weights,
its configuration and the versions involved; without a writable cache it is exported in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tracker_core.config import TrackerConfig, config_to_mapping
from tracker_core.errors import OutputError
from tracker_core.files import atomic_path
from tracker_core.models.network import Network
from tracker_core.runtime.base import OneByOne, Outputs
from tracker_core.runtime.eager import image_to_tensor
from tracker_core.types import Image

logger = logging.getLogger(__name__)
OPSET = 18
LONG_S = 0.02  # a run that takes this long is worth every core
_CHECKSUM_BYTES = hashlib.sha256().digest_size


class SearchGraph(nn.Module):
    """What is exported: the crop's planes, uint8 3×S×S, and the template's tensors in, the raw outputs out.

    Where the network takes a guide box (1×4), it follows the template's tensors.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, planes: Tensor, *template: Tensor) -> Any:
        image = planes.unsqueeze(0).float()
        if self.network.takes_guide:
            return self.network.search(template[:-1], image, template[-1])
        return self.network.search(template, image)


class OnnxRunner(OneByOne):
    """Runs the search branch in ONNX Runtime; the exemplar branch, once per target, stays in PyTorch."""

    name = "onnx"
    device = "cpu"

    def __init__(self, network: Network, config: TrackerConfig, threads: int | None = None) -> None:
        import onnxruntime

        self.network = network.eval()
        self.threads = threads or usable_cores()
        self._key = _hash_network(network, config, onnxruntime.__version__)
        self._sessions: dict[int, Any] = {}
        # exporting here and not at the first frame: start-up is when people expect to wait
        self._prepare(config.tracking.search_size, config.tracking.exemplar_size)

    @torch.inference_mode()
    def template(self, crop: Image, exemplar_wh: tuple[float, float]) -> tuple[NDArray[np.float32], ...]:
        """Return the exemplar's features as arrays, ready for the session."""
        size = torch.tensor([exemplar_wh], dtype=torch.float32) if self.network.takes_exemplar_size else None
        features = self.network.template(image_to_tensor(crop), size)
        return tuple(np.ascontiguousarray(feature.numpy()) for feature in features)

    def search(self, template: Any, crop: Image, guide_cxcywh: Sequence[float]) -> Outputs:
        """Return the raw outputs for a uint8 S×S×3 crop; another S than before is exported when it first comes."""
        arrays = self._with_guide(template, guide_cxcywh)
        session = self._sessions.get(crop.shape[0])
        if session is None:
            session = self._session_for(crop.shape[0], arrays)
        return tuple(session.run(None, name_inputs(split_planes(crop), arrays)))

    def _with_guide(self, template: Any, guide_cxcywh: Sequence[float]) -> tuple[NDArray[np.float32], ...]:
        """Return the arrays that the exported graph takes beside the crop."""
        return (*template, np.array([guide_cxcywh], np.float32)) if self.network.takes_guide else template

    def _prepare(self, search_size: int, exemplar_size: int) -> None:
        blank = np.zeros((exemplar_size, exemplar_size, 3), np.uint8)
        half = exemplar_size / 2
        self._session_for(search_size, self._with_guide(self.template(blank, (half, half)), (0.0, 0.0, half, half)))

    def _session_for(self, search_size: int, template: tuple[NDArray[np.float32], ...]) -> Any:
        shapes = [list(feature.shape) for feature in template]
        digest = hashlib.sha256(json.dumps([self._key, search_size, shapes]).encode()).hexdigest()[:24]
        cached = cache_folder() / f"{digest}.onnx"
        model = _read_cached(cached)
        if model is None:
            model = export_search(self.network, search_size, template)
            _keep(cached, model)
        feeds = name_inputs(np.zeros((3, search_size, search_size), np.uint8), template)
        session = fastest_session(model, feeds, self.threads)
        self._sessions[search_size] = session
        return session


def split_planes(crop: Image) -> Image:
    """Return a uint8 S×S×3 crop as three planes, 3×S×S: ten times as fast as the same inside the graph."""
    planes = np.empty((3, *crop.shape[:2]), np.uint8)
    cv2.split(crop, list(planes))
    return planes


def name_inputs(planes: Image, template: tuple[NDArray[np.float32], ...]) -> dict[str, NDArray[Any]]:
    """Return what an exported network is fed with."""
    return {"planes": planes, **{f"template_{i}": array for i, array in enumerate(template)}}


def fastest_session(model: bytes, feeds: dict[str, NDArray[Any]], threads: int) -> Any:
    """Return a session on as many threads, up to `threads`, as run the model fastest, or nearly so.

    A small network on many cores loses more by waiting for threads than it gains. What takes longer than `LONG_S` gains
    from every core, and is not measured.
    """
    session = open_session(model, threads)
    if threads == 1 or _shortest_run(session, feeds, runs=1) > LONG_S:
        return session
    best_s = _shortest_run(session, feeds)
    count = threads
    while (count := count // 2) >= 1:
        other = open_session(model, count)
        taken_s = _shortest_run(other, feeds)
        if taken_s > best_s * 1.05:
            break
        session, best_s = other, min(best_s, taken_s)
    return session


def open_session(model: bytes, threads: int) -> Any:
    """Return an ONNX Runtime session whose threads wait for work only while the network runs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = threads
    # between two of a hundred small operators a thread that sleeps is woken too late, a third of the time is lost so;
    # after the last one, waiting threads would take the cores from the decoder and the window
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _shortest_run(session: Any, feeds: dict[str, NDArray[Any]], runs: int = 10) -> float:
    """Return the seconds of the shortest of several runs: the one that nothing else disturbed."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        session.run(None, feeds)
        times.append(time.perf_counter() - began)
    return min(times)


def export_search(network: Network, search_size: int, template: tuple[NDArray[np.float32], ...]) -> bytes:
    """Return the search branch as a serialised ONNX model with inputs `planes` and `template_0`, `template_1`, …"""
    inputs = (
        torch.zeros(3, search_size, search_size, dtype=torch.uint8),
        *(torch.from_numpy(feature) for feature in template),
    )
    buffer = io.BytesIO()
    with _quiet():
        torch.onnx.export(
            SearchGraph(network).eval(),
            inputs,
            cast(Any, buffer),  # a file-like object serves the tracing exporter as well as a path
            input_names=["planes", *(f"template_{i}" for i in range(len(template)))],
            opset_version=OPSET,
            # the tracing exporter: a second instead of ten, and it needs no further package
            dynamo=False,
        )
    return buffer.getvalue()


def cache_folder() -> Path:
    """Return the folder that holds exported networks; it can be deleted at any time."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("siamscope", appauthor=False)) / "networks"


def _read_cached(path: Path) -> bytes | None:
    """Return an exported network from the cache and mark it as used; None if it is absent or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    # a changed byte in the middle is a weight: it would load, and track wrongly
    model = content[:-_CHECKSUM_BYTES]
    if hashlib.sha256(model).digest() != content[-_CHECKSUM_BYTES:]:
        logger.info("The exported network '%s' is damaged; it is exported again.", path)
        return None
    with contextlib.suppress(OSError):  # a cache that can only be read serves as well
        os.utime(path)
    return model


def _keep(path: Path, model: bytes) -> None:
    """Put an exported network and its checksum into the cache; without one the next start takes a second longer."""
    with contextlib.suppress(OutputError):
        with atomic_path(path) as temporary:
            temporary.write_bytes(model + hashlib.sha256(model).digest())
        _prune(path.parent)


def _prune(folder: Path, keep: int = 24) -> None:
    """Delete the exported networks that were used least recently, so that training runs don't fill the disk."""
    with contextlib.suppress(OSError):
        files = sorted(folder.glob("*.onnx"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[keep:]:
            path.unlink()


def _hash_network(network: Network, config: TrackerConfig, version: str) -> str:
    digest = hashlib.sha256()
    structure = config_to_mapping(config.network)
    digest.update(json.dumps([structure, type(network).__name__, torch.__version__, version, OPSET]).encode())
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    # a changed program exports again: the graph comes from the code as well
    digest.update(inspect.getsource(SearchGraph).encode())
    for module in sorted({type(child).__module__ for child in network.modules()}):
        if module.startswith("tracker_core"):
            digest.update(inspect.getsource(sys.modules[module]).encode())
    return digest.hexdigest()


def usable_cores() -> int:
    """Return how many threads may compute: what OMP_NUM_THREADS grants, else the cores of this process."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)  # several processes share the machine, and each was given its part
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's warnings (deprecation, constant folding) from the user, who can do nothing about them."""
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        exporter.setLevel(level)
