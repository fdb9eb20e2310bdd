"""What every network is: an exemplar becomes a template once, a template and a search region become outputs."""

from __future__ import annotations

from torch import Tensor, nn


class Network(nn.Module):
    """A Siamese network: no paths, no state of a target; both branches are written once, for tracking and training.

    A subclass gives `template` and `search`, which keep nothing, and says which of the two optional boxes it looks at:
    runners and the exported graph hand over no others.
    """

    takes_exemplar_size: bool = False  # the target's size in the exemplar's crop
    takes_guide: bool = False  # the box of the frame before
    takes_proposals: bool = False  # boxes B×N×4 in place of the guide, in training only

    def template(self, z: Tensor, exemplar_wh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return what searches need of exemplars z (B×3×E×E, BGR 0..255) with targets of size `exemplar_wh` (B×2)."""
        raise NotImplementedError

    def search(self, template: tuple[Tensor, ...], x: Tensor, guide_cxcywh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the outputs for search regions x (B×3×S×S, BGR 0..255), as the tracker's layout reads them.

        `guide_cxcywh` (B×4, pixels around the centre) is the box of the frame before.
        """
        raise NotImplementedError

    def forward(
        self, z: Tensor, x: Tensor, exemplar_wh: Tensor | None = None, guide_cxcywh: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return the outputs for exemplars and search regions: the two methods above, one after the other."""
        return self.search(self.template(z, exemplar_wh), x, guide_cxcywh)
