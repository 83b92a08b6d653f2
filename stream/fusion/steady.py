"""Steadier videos: noise of still places averaged over time, without delay.

The network adds the detail of both cameras, and the noise of both with it. Where neither source changes by more
than noise from one frame to the next, part of the fused frame before is kept; where something moves, nothing is,
so that no trails appear. There is no estimated motion: a moving camera gains little.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from gifnet.model import Fusion

_WINDOW_PX = 5
# Mean change over a window, in grey levels: below the first all of `keep` is kept, from the second on nothing.
_STILL, _MOVING = 1.0, 3.0


class _Network(Fusion, Protocol):
    @property
    def precision(self) -> str:
        """Name of the number format."""

    @property
    def form(self) -> str:
        """Name of the form in reports."""

    @property
    def weights_sha256(self) -> str:
        """Hash of the weights."""


class SteadyNetwork:
    """A network whose pictures of still places are averaged over time: `kept * before + (1 - kept) * now`.

    `kept` is `keep` where the sources' mean changes over 5 x 5 pixels stay below 1 grey level, 0 from 3 on, and
    linear between. The first frame, a frame of another size and a cut stand for themselves. Calls are frames in
    order of time; memory stays in place from the first call on, so that a step can be captured.
    """

    def __init__(self, network: _Network, keep: float) -> None:
        """Wrap a network.

        Args:
            network: takes [B, 1, H, W] pictures in [0, 1] and gives [B, 1, H, W] float32.
            keep: 0 to below 1: share of the frame before that is kept where nothing moves.
        """
        self._network, self._keep = network, keep
        self._before: tuple[Tensor, Tensor] | None = None

    @property
    def precision(self) -> str:
        """Of the network."""
        return self._network.precision

    @property
    def form(self) -> str:
        """Of the network."""
        return self._network.form

    @property
    def weights_sha256(self) -> str:
        """Of the network."""
        return self._network.weights_sha256

    @torch.no_grad()
    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse a batch of frames that follow each other."""
        fused = self._network(visible, thermal).clone()
        sources, before = self._memory(fused)
        for index in range(len(fused)):
            now = torch.cat([visible[index : index + 1], thermal[index : index + 1]], dim=1).float()
            kept = self._keep * stillness(now - sources)
            fused[index] += kept[0] * (before - fused[index])
            sources.copy_(now)
            before.copy_(fused[index])
        return fused

    def _memory(self, fused: Tensor) -> tuple[Tensor, Tensor]:
        """Sources [1, 2, H, W] and fused picture [1, H, W] of the frame before; sources out of range at first."""
        size = fused.shape[-2:]
        if self._before is None or self._before[1].shape[-2:] != size:
            self._before = fused.new_full((1, 2, *size), -1), fused.new_zeros((1, *size))
        return self._before


def stillness(change: Tensor) -> Tensor:
    """How still each place is: 1 where nothing but noise changes, 0 where something moves.

    Args:
        change: [1, 2, H, W]: change of both sources, in parts of the range.

    Returns:
        [1, 1, H, W] in [0, 1].
    """
    mean = F.avg_pool2d(change, _WINDOW_PX, 1, _WINDOW_PX // 2, count_include_pad=False)
    largest = 255 * mean.abs().amax(dim=1, keepdim=True)
    return ((_MOVING - largest) / (_MOVING - _STILL)).clamp(0, 1)
