"""A discriminator of patches: composite of the sources, or the network's picture?"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from torch import Tensor, nn


class Discriminator(nn.Module):
    """Pictures [B, 1, H, W] to an opinion of each patch of 38 pixels, 1 for real and 0 for fused.

    As in P. Isola et al., "Image-to-image translation with conditional adversarial networks" (2017), with
    group norm, which needs no running statistics.
    """

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        widths = (1, channels, 2 * channels, 4 * channels)
        layers: list[nn.Module] = []
        for index, (before, after) in enumerate(pairwise(widths)):
            layers.append(nn.Conv2d(before, after, 4, stride=2, padding=1))
            if index:
                layers.append(nn.GroupNorm(4, after))
            layers.append(nn.LeakyReLU(0.2))
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Opinions, [B, 1, H / 8, W / 8]."""
        return cast(Tensor, self.layers(pictures - 0.5))


def discriminator_loss(real: Tensor, fused: Tensor) -> Tensor:
    """Least squares (X. Mao et al., 2017): opinions of real pictures go to 1, of fused ones to 0."""
    return (real - 1).square().mean() + fused.square().mean()


def adversarial_loss(fused: Tensor) -> Tensor:
    """Fused pictures should be taken for real."""
    return (fused - 1).square().mean()
