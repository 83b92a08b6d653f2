"""Losses of the published recipe (Cheng et al., CVPR 2025, section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

# Exponents of the five scales and window of Wang, Simoncelli and Bovik, "Multi-scale structural similarity
# for image quality assessment", Asilomar 2003.
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW_PX = 11
_WINDOW_SIGMA_PX = 1.5
_STABLE_LUMINANCE = 0.01**2
_STABLE_CONTRAST = 0.03**2
_SMALLEST_SIMILARITY = 1e-4  # below 0 a power has no value, at 0 no slope


def ms_ssim(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Multi-scale structural similarity, `l_5^w5 * prod(cs_j^wj)`.

    Local statistics use an 11 x 11 Gaussian window without padding. Where a scale is smaller than the window
    (8 x 8 at the last scale of a 128 x 128 crop) the window shrinks to that scale's shorter side.

    Args:
        first: `[B, 1, H, W]` in [0, 1], each side at least 16.
        second: the same shape.

    Returns:
        `[B]` in (0, 1], 1 for equal pictures.
    """
    similarity = torch.ones(first.shape[0], dtype=first.dtype, device=first.device)
    for scale, weight in enumerate(_SCALE_WEIGHTS):
        if scale > 0:
            first, second = functional.avg_pool2d(first, 2), functional.avg_pool2d(second, 2)
        luminance, contrast = _similarity(first, second)
        last = scale == len(_SCALE_WEIGHTS) - 1
        mean = (luminance * contrast if last else contrast).mean(dim=(1, 2, 3))
        similarity = similarity * mean.clamp(min=_SMALLEST_SIMILARITY) ** weight
    return similarity


def public_loss(reconstruction: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
    """`1 - MS-SSIM + MSE` of the reconstruction against the visible picture: the same in both tasks.

    Args:
        reconstruction: `[B, 1, H, W]`.
        visible: `[B, 1, H, W]` in [0, 1].
    """
    return (1 - ms_ssim(reconstruction, visible).mean()) + functional.mse_loss(reconstruction, visible)


def multimodal_loss(
    fused: torch.Tensor, visible: torch.Tensor, thermal: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Private loss of the multi-modal task: mean squared errors against both sources, weighted.

    Args:
        fused: `[B, 1, H, W]`.
        visible: `[B, 1, H, W]`.
        thermal: `[B, 1, H, W]`.
        weights: `[B, 2]` of visible and thermal, sum 1.
    """
    errors = torch.stack(
        [((fused - source) ** 2).mean(dim=(1, 2, 3)) for source in (visible, thermal)], dim=1
    )
    return (weights * errors).sum(dim=1).mean()


def multifocus_loss(fused: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
    """Private loss of the multi-focus task: mean squared error against the sharp picture."""
    return functional.mse_loss(fused, visible)


class GradientPyramid(nn.Module):
    """Five picture scales, each half the one before, in grey levels 0..255.

    The published code measures gradients on five stages of DenseNet121 trained on ImageNet. Such weights are
    not ours to ship, and what the loss needs is only which source has more structure. Any module that returns
    five feature maps can take this one's place.
    """

    def forward(self, picture: torch.Tensor) -> list[torch.Tensor]:
        """`[B, 1, H, W]` in [0, 1] to five maps `[B, 1, H / 2^k, W / 2^k]`."""
        scales = [255 * picture]
        for _ in range(4):
            scales.append(functional.avg_pool2d(scales[-1], 2))
        return scales


def gradient_energy(stages: Sequence[torch.Tensor]) -> torch.Tensor:
    """Mean over the stages of the mean squared difference between a value and its eight neighbours' mean.

    Args:
        stages: feature maps `[B, C, h, w]`.

    Returns:
        `[B]`.
    """
    energies = []
    for stage in stages:
        channels = stage.shape[1]
        kernel = torch.full((3, 3), 1 / 8, dtype=stage.dtype, device=stage.device)
        kernel[1, 1] = -1
        edges = functional.conv2d(stage, kernel.expand(channels, 1, 3, 3), groups=channels)
        energies.append((edges**2).mean(dim=(1, 2, 3)))
    return torch.stack(energies).mean(dim=0)


@torch.no_grad()
def source_weights(
    visible: torch.Tensor, thermal: torch.Tensor, features: nn.Module, temperature: float, weigh: str
) -> torch.Tensor:
    """Weight of each source in the multi-modal task: the softmax of their gradient energies.

    Args:
        visible: `[B, 1, H, W]` in [0, 1].
        thermal: the same shape.
        features: a module that returns feature maps of a picture.
        temperature: divides the energies; small values let the stronger source take all.
        weigh: "batch" for one pair of weights as published, "pair" for one for each pair.

    Returns:
        `[B, 2]` of visible and thermal, sum 1.
    """
    energies = torch.stack([gradient_energy(features(source)) for source in (visible, thermal)], dim=1)
    if weigh == "batch":
        energies = energies.mean(dim=0, keepdim=True).expand_as(energies)
    return torch.softmax(energies / temperature, dim=1)


def _similarity(first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps of the luminance term and of the contrast-structure term of SSIM."""
    window = _gaussian(min(_WINDOW_PX, *first.shape[-2:]), first)
    mean_1, mean_2 = _blur(first, window), _blur(second, window)
    variance_1 = _blur(first * first, window) - mean_1 * mean_1
    variance_2 = _blur(second * second, window) - mean_2 * mean_2
    covariance = _blur(first * second, window) - mean_1 * mean_2
    luminance = (2 * mean_1 * mean_2 + _STABLE_LUMINANCE) / (mean_1**2 + mean_2**2 + _STABLE_LUMINANCE)
    contrast = (2 * covariance + _STABLE_CONTRAST) / (variance_1 + variance_2 + _STABLE_CONTRAST)
    return luminance, contrast


def _gaussian(size: int, like: torch.Tensor) -> torch.Tensor:
    place = torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2
    weights = torch.exp(-(place**2) / (2 * _WINDOW_SIGMA_PX**2))
    return weights / weights.sum()


def _blur(picture: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    rows = functional.conv2d(picture, window.view(1, 1, -1, 1))
    return functional.conv2d(rows, window.view(1, 1, 1, -1))
