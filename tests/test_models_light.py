"""The default network's shortcuts: products that are worked out once, with the answers of the layers one by one."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from tracker_core.models.correlation import correlate_depthwise
from tracker_core.models.light import Branch, LightSiamRPN, cells_inside


def branch_layer_by_layer(branch: Branch, z: torch.Tensor, inside: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """NanoTrack's arrangement as it is drawn: every convolution on its own, nothing taken together."""
    pixelwise = branch.pixelwise
    searched = pixelwise.search(x)
    cells = pixelwise.kernel(z).flatten(2)
    similarity = torch.einsum("bcn,bchw->bnhw", cells, searched)
    gate = pixelwise.gate_expand(F.relu(pixelwise.gate_reduce(similarity.mean((2, 3), keepdim=True))))
    by_cell = pixelwise.mix(F.relu6(pixelwise.smooth(similarity * torch.sigmoid(gate))))
    by_channel = correlate_depthwise(branch.depthwise_search(x), branch.depthwise_kernel(z)[:, :, 2:6, 2:6], padding=1)
    fused = branch.fuse(torch.cat((by_cell, by_channel), 1))
    if branch.cues is not None:
        shares = (inside / inside.sum(1, keepdim=True), (1 - inside) / (1 - inside).sum(1, keepdim=True))
        means = [torch.einsum("bn,bnhw->bhw", share, similarity) / 96**0.5 for share in shares]
        fused = fused + branch.cues(torch.stack(means, 1))
    return branch.output(branch.tower(fused))


@pytest.mark.parametrize("box_cues", [True, False], ids=["told the box", "not told"])
def test_the_shortcuts_give_the_answers_of_the_layers(box_cues: bool) -> None:
    torch.manual_seed(3)
    network = LightSiamRPN(3, box_cues).eval()
    z, x = torch.rand(2, 3, 127, 127) * 255, torch.rand(2, 3, 255, 255) * 255
    exemplar_wh = torch.tensor([[50.0, 70.0], [90.0, 30.0]])
    with torch.inference_mode():
        got = network.search(network.template(z, exemplar_wh), x)
        features_z, features_x, inside = network.trunk(z), network.trunk(x), cells_inside(exemplar_wh)
        want = [branch_layer_by_layer(branch, features_z, inside, features_x) for branch in (network.cls, network.loc)]
    for mine, theirs in zip(got, want, strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-4, atol=1e-4 * float(theirs.abs().max()))
