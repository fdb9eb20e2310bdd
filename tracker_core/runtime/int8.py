"""Networks in eight-bit integers: which range every tensor needs is seen on the bundled clip.

The scheme is that of Jacob et al. 2018 (Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-
Only Inference), after training: weights in 8 bits with one scale for each output plane, activations with one scale and
zero point for each tensor, the ranges from `SAMPLES` frames.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.crops import Cutout, Framing, channel_mean
from tracker_core.packaged import CLIP
from tracker_core.types import FloatArray, Frame, Image

SAMPLES = 12  # frames of the clip, evenly spread
SHIFT = 0.5  # over the target's size: how far at most it lies from the middle of the search region
LEAST_GFLOP = 0.3  # of a search: with less to multiply, what lies between the multiplications decides

Feeds = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Sample:
    """What a network sees of a target: `exemplar` and `search` are uint8 BGR crops.

    `exemplar_wh` is the target's size in the one, `guide_cxcywh` its box in the other, in their pixels.
    """

    exemplar: Image
    exemplar_wh: tuple[float, float]
    search: Image
    guide_cxcywh: tuple[float, float, float, float]


def samples_of_clip(framing: Framing, search_size: int) -> Iterator[Sample]:
    """Yield crops of the bundled clip with the target in a random place; `search_size` may be another than usual."""
    random = np.random.default_rng(0)
    for frame, box_xywh in _spread_frames():
        width, height = (float(side) for side in box_xywh[2:])
        center, scales = box_xywh[:2] + box_xywh[2:] / 2, framing.search_scales(width, height)
        beside = center + random.uniform(-SHIFT, SHIFT, 2) * box_xywh[2:]
        padding = channel_mean(frame.image)
        exemplar = Cutout.around(
            frame.image, (center[0], center[1]), framing.exemplar_sides(width, height), framing.exemplar_size, padding
        )
        sides = search_size / scales[0], search_size / scales[1]
        search = Cutout.around(frame.image, (beside[0], beside[1]), sides, search_size, padding)
        own = framing.exemplar_scales(width, height)
        size = width * scales[0], height * scales[1]
        yield Sample(exemplar.crop, (width * own[0], height * own[1]), search.crop, (0.0, 0.0, *size))


def quantise(model: bytes, samples: Iterable[Feeds]) -> bytes:
    """Return an exported network in eight-bit integers; its inputs and outputs stay as they are.

    Correlations, whose kernel comes from the exemplar, and the last convolution before each output stay in single
    precision: they are little work, and boxes are read from them.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(prefix="siamscope-") as folder:
        given, prepared, made = (Path(folder) / name for name in ("given.onnx", "prepared.onnx", "made.onnx"))
        given.write_bytes(model)
        quant_pre_process(str(given), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared), str(made), _Reader(samples), per_channel=True, activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8, nodes_to_exclude=_exact_nodes(onnx.load(str(prepared)).graph),
        )  # fmt: skip
        return made.read_bytes()


class _Reader:
    """Samples as ONNX Runtime's calibration takes them."""

    def __init__(self, samples: Iterable[Feeds]) -> None:
        self._samples = iter(samples)

    def get_next(self) -> Feeds | None:
        """Return the next one, None after the last."""
        return next(self._samples, None)


def _exact_nodes(graph: Any) -> list[str]:
    """Return the names of the nodes that stay in single precision."""
    known = {constant.name for constant in graph.initializer}
    maker = {output: node for node in graph.node for output in node.output}
    exact = {node.name for node in graph.node if node.op_type == "Conv" and node.input[1] not in known}
    open_ = [output.name for output in graph.output]
    while open_:
        node = maker.get(open_.pop())
        if node is not None and node.name not in exact:
            exact.add(node.name)
            open_ += [] if node.op_type == "Conv" else node.input
    return sorted(exact)


def _spread_frames() -> Sequence[tuple[Frame, FloatArray]]:
    from tracker_core.sources.opening import open_source
    from tracker_core.types import iterate_frames

    source: Any = open_source(CLIP)  # it has a ground truth
    try:
        boxes_xywh = source.sequence.boxes_xywh
        wanted = set(np.linspace(0, len(boxes_xywh) - 1, SAMPLES).round().astype(int))
        return [(frame, boxes_xywh[frame.index]) for frame in iterate_frames(source) if frame.index in wanted]
    finally:
        source.close()
