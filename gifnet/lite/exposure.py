"""Contrast and brightness of lite's pictures: an offset by how bright both sources are.

Lite mixes all frames alike. With the contrast that its pictures need, dark frames would go to black and
bright ones to white, so that half of the distance of a frame's brightness from a middle is taken back:

    exposed = 1.2 (fused - 0.5) + 0.5 + 0.5 (0.42 - brightness)

The contrast was chosen on TNO and M3SVD, the other numbers were set before any figure.
"""

from __future__ import annotations

import torch
from torch import Tensor

CONTRAST = 1.2
SHARE = 0.5
MIDDLE = 0.42

_GREY = 0.5


def brightness_of(visible: Tensor, thermal: Tensor) -> Tensor:
    """Mean of both [B, 1, H, W] pictures in [0, 1], for each pair of a batch, [B, 1, 1, 1] float32."""
    means = [part.float().mean(dim=(1, 2, 3), keepdim=True) for part in (visible, thermal)]
    return (means[0] + means[1]) / 2


def expose(fused: Tensor, brightness: Tensor) -> Tensor:
    """The picture that is shown, within [0, 1].

    Args:
        fused: [B, 1, H, W] float32, as mixed.
        brightness: [B, 1, 1, 1], see `brightness_of`.
    """
    offset = (1 - CONTRAST) * _GREY + SHARE * (MIDDLE - brightness)
    return torch.add(offset, fused, alpha=CONTRAST).clamp(0, 1)
