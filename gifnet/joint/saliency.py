"""Saliency of both sources, and the composite that a good fused picture should resemble.

A grey level is salient when it is far from those of the rest of the picture (Y. Zhai and M. Shah, "Visual
attention detection in video sequences using spatiotemporal cues", 2006). BDLFusion takes such masks from
files; here they are computed.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEVELS = 64
SHARPNESS = 4.0
"""Of the softmax by which the more salient source prevails."""


@torch.no_grad()
def saliency(picture: Tensor) -> Tensor:
    """Mean distance of each pixel's grey level from all others, [B, 1, H, W], its largest value 1."""
    levels = (picture.clamp(0, 1) * (LEVELS - 1)).round().long().flatten(1)
    counts = torch.zeros(len(picture), LEVELS, device=picture.device)
    counts.scatter_add_(1, levels, torch.ones_like(levels, dtype=counts.dtype))
    level = torch.arange(LEVELS, device=picture.device, dtype=counts.dtype)
    distance = (counts[:, None, :] * (level[:, None] - level[None, :]).abs()).sum(dim=2)
    distance = distance / distance.gather(1, levels).amax(dim=1, keepdim=True).clamp_min(1e-6)
    return distance.gather(1, levels).view_as(picture).to(picture.dtype)


@torch.no_grad()
def thermal_share(visible: Tensor, thermal: Tensor) -> Tensor:
    """Share of the thermal picture in the composite, [B, 1, H, W] in 0 to 1."""
    return torch.sigmoid(SHARPNESS * (saliency(thermal) - saliency(visible)))


@torch.no_grad()
def composite(visible: Tensor, thermal: Tensor) -> Tensor:
    """`m thermal + (1 - m) visible` with m = `thermal_share`, [B, 1, H, W]."""
    share = thermal_share(visible, thermal)
    return share * thermal + (1 - share) * visible
