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
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tracker_core.config import TrackerConfig, config_to_mapping
from tracker_core.cores import usable_cores
from tracker_core.crops import Framing
from tracker_core.errors import OutputError
from tracker_core.files import write_bytes
from tracker_core.models.flops import search_flops
from tracker_core.models.network import Network
from tracker_core.runtime import int8
from tracker_core.runtime.base import OneByOne, Outputs
from tracker_core.runtime.eager import image_to_tensor, torch_threads
from tracker_core.runtime.int8 import LEAST_GFLOP, Feeds, quantise, samples_of_clip
from tracker_core.types import Image

logger = logging.getLogger(__name__)
OPSET = 18
TURNS = 4  # of ten runs, by which two counts of threads are compared
LONG_S = 0.02  # a run that takes this long is worth every core
LARGEST_PER_TARGET = 16 << 20  # bytes of a network that is compiled for each target
RECENT = 4  # exemplars that are kept: tracking often starts again from the boxes that it just started from
_CHECKSUM_BYTES = hashlib.sha256().digest_size


class SearchGraph(nn.Module):
    """What is exported: the crop, float32 1×3×S×S, and the template's tensors in, the raw outputs out.

    Where the network takes a guide box (1×4), it follows the template's tensors.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, *template: Tensor) -> Any:
        if self.network.takes_guide:
            return self.network.search(template[:-1], image, template[-1])
        return self.network.search(template, image)


@dataclass(eq=False)
class Exemplar:
    """What the runner knows of a target: its features, and the sessions that search for it, by the crop's side."""

    features: tuple[NDArray[np.float32], ...]
    sessions: dict[int, Any] = field(default_factory=dict)
    feeds: Feeds = field(default_factory=dict)  # beside the crop and the guide box


@dataclass(frozen=True)
class _Export:
    """A network for one side of the search crop; `session` is None where each target has one of its own."""

    model: bytes
    threads: int
    session: Any


class OnnxRunner(OneByOne):
    """Runs the search branch in ONNX Runtime; the exemplar branch, once per target, stays in PyTorch.

    A small network is compiled for each target, with the exemplar's features as constants: a correlation is then a
    convolution like all others, several times as fast as one whose kernel comes with every frame. The targets share a
    large network, whose correlations are a small part of it.

    `precision` is "fp32", or "int8" for the search branch in eight-bit integers; a network that computes little stays
    in single precision with a logged warning. `threads` is how many one network may compute with, in either branch.
    """

    device = "cpu"

    def __init__(
        self, network: Network, config: TrackerConfig, threads: int | None = None, precision: str = "fp32"
    ) -> None:
        import onnxruntime

        self.network = network.eval()
        self.threads = threads or usable_cores()
        self._framing = Framing.of(config.tracking)
        self.precision = "int8" if precision == "int8" and self._gains_from_int8(config.name) else "fp32"
        self.name = "onnx" if self.precision == "fp32" else f"onnx-{self.precision}"
        self._key = _hash_network(network, config, onnxruntime.__version__)
        self._search_size = config.tracking.search_size
        self._exports: dict[int, _Export] = {}
        self._recent: OrderedDict[tuple[bytes, tuple[float, float]], Exemplar] = OrderedDict()  # the latest last
        self._opening = threading.Lock()
        # exporting here and not at the first frame: start-up is when people expect to wait
        size = config.tracking.exemplar_size
        self.template(np.zeros((size, size, 3), np.uint8), (size / 2, size / 2))

    def template(self, crop: Image, exemplar_wh: tuple[float, float]) -> Exemplar:
        """Return the exemplar's features, with a session that is ready for the usual search crop.

        One that was asked for lately is not made again.
        """
        key = crop.tobytes(), exemplar_wh
        exemplar = self._recent.pop(key, None) or self._make(crop, exemplar_wh)
        self._recent[key] = exemplar
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        return exemplar

    def search(self, template: Exemplar, crop: Image, guide_cxcywh: Sequence[float]) -> Outputs:
        """Return the raw outputs for a uint8 S×S×3 crop; another S than before is exported when it first comes."""
        size = crop.shape[0]
        session = template.sessions.get(size) or self._session(template, size)
        return tuple(session.run(None, {"image": as_planes(crop), **self._guide(guide_cxcywh), **template.feeds}))

    @torch.inference_mode()
    def _make(self, crop: Image, exemplar_wh: tuple[float, float]) -> Exemplar:
        with torch_threads(self.threads):
            exemplar = Exemplar(self._features(crop, exemplar_wh))
            self._session(exemplar, self._search_size)
        return exemplar

    def _features(self, crop: Image, exemplar_wh: tuple[float, float]) -> tuple[NDArray[np.float32], ...]:
        size = torch.tensor([exemplar_wh], dtype=torch.float32) if self.network.takes_exemplar_size else None
        features = self.network.template(image_to_tensor(crop), size)
        return tuple(np.ascontiguousarray(feature.numpy()) for feature in features)

    def _guide(self, guide_cxcywh: Sequence[float]) -> Feeds:
        return {"guide": np.array([guide_cxcywh], np.float32)} if self.network.takes_guide else {}

    def _session(self, exemplar: Exemplar, search_size: int) -> Any:
        """Return the session that searches crops of this side for a target; it is opened once, whichever thread asks.

        It is kept with the target.
        """
        with self._opening:
            if search_size not in exemplar.sessions:
                self._open(exemplar, search_size)
            return exemplar.sessions[search_size]

    def _open(self, exemplar: Exemplar, search_size: int) -> None:
        export = self._exports.get(search_size)
        if export is None:
            export = self._exports[search_size] = self._export(search_size, exemplar.features)
            # so many searches find a core for each of their threads
            self.lanes = max(1, usable_cores() // max(one.threads for one in self._exports.values()))
        session = export.session
        if session is None:
            session = open_session(with_constants(export.model, exemplar.features), export.threads)
        else:
            exemplar.feeds = name_features(exemplar.features)
        exemplar.sessions[search_size] = session

    def _export(self, search_size: int, features: tuple[NDArray[np.float32], ...]) -> _Export:
        shapes = [list(feature.shape) for feature in features]
        # as with the network's own code: what converts it otherwise makes another file
        kind = [] if self.precision == "fp32" else [self.precision, inspect.getsource(int8)]
        digest = hashlib.sha256(json.dumps([self._key, search_size, shapes, *kind]).encode()).hexdigest()[:24]
        cached = cache_folder() / f"{digest}.onnx"
        model = _read_cached(cached)
        if model is None:
            model = export_search(self.network, search_size, features)
            if self.precision == "int8":
                logger.warning("A network is being converted to int8; this takes a while, once.")
                model = quantise(model, self._samples(search_size))
            _keep(cached, model)
        feeds = {"image": as_planes(np.zeros((search_size, search_size, 3), np.uint8)), **self._guide((0, 0, 60, 60))}
        if features and len(model) <= LARGEST_PER_TARGET:
            return _Export(model, fastest_session(with_constants(model, features), feeds, self.threads)[1], None)
        session, threads = fastest_session(model, {**feeds, **name_features(features)}, self.threads)
        return _Export(model, threads, session)

    def _samples(self, search_size: int) -> Iterator[Feeds]:
        """Yield what the search branch is given on the bundled clip."""
        for sample in samples_of_clip(self._framing, search_size):
            features = name_features(self._features(sample.exemplar, sample.exemplar_wh))
            yield {"image": as_planes(sample.search), **self._guide(sample.guide_cxcywh), **features}

    def _gains_from_int8(self, name: str) -> bool:
        gflop = search_flops(self.network, self._framing.exemplar_size, self._framing.search_size) / 1e9
        if gflop < LEAST_GFLOP:
            logger.warning(
                "A network of '%s' computes only %.2f GFLOP a search and gains nothing from int8; it stays in fp32.",
                name, gflop,
            )  # fmt: skip
        return gflop >= LEAST_GFLOP


def as_planes(crop: Image) -> NDArray[np.float32]:
    """Return a uint8 S×S×3 crop as float32 1×3×S×S: quicker here than as the first operators of a graph."""
    planes = np.empty((1, 3, *crop.shape[:2]), np.uint8)
    cv2.split(crop, list(planes[0]))
    return planes.astype(np.float32)


def name_features(features: tuple[NDArray[np.float32], ...]) -> Feeds:
    """Return the exemplar's features as inputs of an exported network."""
    return {f"template_{i}": feature for i, feature in enumerate(features)}


def with_constants(model: bytes, features: tuple[NDArray[np.float32], ...]) -> bytes:
    """Return an exported network in which the exemplar's features are constants and no inputs."""
    import onnx

    graph_model = onnx.load_from_string(model)
    constants = name_features(features)
    graph = graph_model.graph
    inputs = [each for each in graph.input if each.name not in constants]
    del graph.input[:]
    graph.input.extend(inputs)
    graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in constants.items())
    return bytes(graph_model.SerializeToString())


def fastest_session(model: bytes, feeds: Feeds, threads: int) -> tuple[Any, int]:
    """Return a session on as many threads, up to `threads`, as run the model fastest, or nearly so, and their count.

    A small network on many cores loses more by waiting for threads than it gains. What takes longer than `LONG_S` gains
    from every core, and is not measured.
    """
    session = open_session(model, threads)
    if threads == 1 or _shortest_run(session, feeds, runs=1) > LONG_S:
        return session, threads
    chosen, count = threads, threads
    while (count := count // 2) >= 1:
        other = open_session(model, count)
        # in turns: cores that were idle wake up slowly, which would count against whoever comes first
        turns = [(_shortest_run(session, feeds), _shortest_run(other, feeds)) for _ in range(TURNS)]
        best_s, taken_s = (min(times) for times in zip(*turns, strict=True))
        if taken_s > best_s * 1.05:
            break
        session, chosen = other, count
    return session, chosen


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


def _shortest_run(session: Any, feeds: Feeds, runs: int = 10) -> float:
    """Return the seconds of the shortest of several runs: the one that nothing else disturbed."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        session.run(None, feeds)
        times.append(time.perf_counter() - began)
    return min(times)


def export_search(network: Network, search_size: int, template: tuple[NDArray[np.float32], ...]) -> bytes:
    """Return the search branch as a serialised ONNX model: inputs `image`, `template_0`, `template_1`, …, `guide`."""
    names = ["image", *name_features(template)]
    inputs = [torch.zeros(1, 3, search_size, search_size), *(torch.from_numpy(feature) for feature in template)]
    if network.takes_guide:
        names.append("guide")
        inputs.append(torch.tensor([[0.0, 0.0, 60.0, 60.0]]))
    buffer = io.BytesIO()
    with _quiet():
        torch.onnx.export(
            SearchGraph(network).eval(),
            tuple(inputs),
            cast(Any, buffer),  # a file-like object serves the tracing exporter as well as a path
            input_names=names,
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
        write_bytes(path, model + hashlib.sha256(model).digest())
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
