"""Coupled contrastive constraints: what stands out in thermal is to be as there, the rest as in visible.

After J. Liu et al., "CoCoNet: Coupled Contrastive Learning Network with Multi-level Feature Ensemble for
Multi-modality Image Fusion" (IJCV 2023). With a mask m of what stands out in the thermal picture T, features
phi_i of a network that is not trained, the fused picture F and the visible picture V,

    thermal = mean over i of |phi_i(m F) - phi_i(m T)| / |phi_i(m F) - phi_i(m V)|
    visible = mean over i of |phi_i((1 - m) F) - phi_i((1 - m) V)| / |phi_i((1 - m) F) - phi_i((1 - m) T)|

and the loss is their sum: each part is pulled to its own source and pushed from the other one. What differs
from the paper: features are those of the packaged detector at 1/8, 1/16 and 1/32 in place of VGG-19; the mask
is computed, 1 where `gifnet.joint.saliency.thermal_share` is above a half, in place of one drawn by hand; the
only negative is the other picture of the same pair; and all features weigh the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gifnet.joint.saliency import thermal_share
from gifnet.perception.detector import GREY, RANGE
from gifnet.perception.finder import PACKAGED_DETECTOR, load_detector

LEAST_DISTANCE = 1e-3
"""Added to the distance from the other source, which is 0 where both pictures are alike."""


class CoupledContrast(nn.Module):
    """The loss of fused pictures [B, 1, H, W] against both sources, a scalar; its features never change."""

    def __init__(self) -> None:
        super().__init__()
        self.features = load_detector(PACKAGED_DETECTOR)[0].backbone

    def train(self, mode: bool = True) -> CoupledContrast:
        """See torch; the features keep no statistics."""
        return super().train(False)

    def forward(self, fused: Tensor, visible: Tensor, thermal: Tensor) -> Tensor:
        """The sum of both parts."""
        mask = (thermal_share(visible, thermal) > 0.5).to(fused)
        return self._part(mask, fused, thermal, visible) + self._part(1 - mask, fused, visible, thermal)

    def _part(self, mask: Tensor, fused: Tensor, own: Tensor, other: Tensor) -> Tensor:
        with torch.no_grad():
            wanted, unwanted = self._seen(mask * own), self._seen(mask * other)
        parts = [
            (one - two).abs().mean() / ((one - three).abs().mean() + LEAST_DISTANCE)
            for one, two, three in zip(self._seen(mask * fused), wanted, unwanted, strict=True)
        ]
        return torch.stack(parts).mean()

    def _seen(self, pictures: Tensor) -> list[Tensor]:
        found: list[Tensor] = self.features(((pictures - GREY) / RANGE).expand(-1, 3, -1, -1))
        return found
