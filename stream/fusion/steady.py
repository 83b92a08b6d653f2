"""Steadier videos: the noise of still places averaged over time, without delay.

The network adds the detail of both cameras, and the noise of both with it. Where neither source changes by
more than noise from one frame to the next, part of the fused frame before is kept; where something moves,
nothing is, so that no trails appear. No motion is estimated: a moving camera gains little.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from gifnet.model import Fusion

_BLOCK_PX = 8
# Mean change of a block in grey levels: up to the first all of `keep` is kept, from the second on nothing.
_STILL, _MOVING = 2.0, 4.0


class SteadyNetwork:
    """A network whose pictures of still places are averaged over time: `kept * before + (1 - kept) * now`.

    `kept` is `keep` where the mean changes of both sources over 8 x 8 pixels, and in the blocks around, are
    below 2 grey levels, 0 from 4 on, and linear between. The first frame, a frame of another size and a cut
    stand for themselves. Calls are frames in order of time; memory stays in place from the first call on, so
    that a step can be captured.
    """

    def __init__(self, network: Fusion, keep: float) -> None:
        """Wrap a network.

        Args:
            network: takes [B, 1, H, W] pictures in [0, 1] and gives [B, 1, H, W] float32.
            keep: 0 to below 1: share of the frame before that is kept where nothing moves.
        """
        self._network, self._keep = network, keep
        self._sources = self._fused = torch.empty(0)

    @property
    def own_threads(self) -> bool:
        """As the network says."""
        return bool(getattr(self._network, "own_threads", False))

    @torch.no_grad()
    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse a batch of frames that follow each other; the result is the caller's own."""
        fused = self._network(visible, thermal).clone()
        if self._fused.shape[-2:] != fused.shape[-2:]:
            self._sources = torch.cat([visible[:1], thermal[:1]], dim=1)
            self._fused = fused[:1].clone()
            self.forget()
        for index in range(len(fused)):
            now = torch.cat([visible[index : index + 1], thermal[index : index + 1]], dim=1)
            picture = fused[index : index + 1]
            picture.lerp_(self._fused, self._keep * stillness(now, self._sources))
            self._sources.copy_(now)
            self._fused.copy_(picture)
        return fused

    def forget(self) -> None:
        """Let the next frame stand for itself."""
        self._sources.fill_(-1)  # out of range, so that everything has changed


def stillness(now: Tensor, before: Tensor) -> Tensor:
    """Stillness of each place: 1 where nothing but noise changes, 0 where something moves.

    Args:
        now: [1, 2, H, W]: both sources in [0, 1].
        before: the same of the frame before.

    Returns:
        [1, 1, H, W] float32 in [0, 1], constant over blocks of 8 x 8 pixels.
    """
    height, width = now.shape[-2:]
    shrunk = (F.avg_pool2d(part.float(), _BLOCK_PX, ceil_mode=True) for part in (now, before))
    change = torch.sub(*shrunk).abs().amax(dim=1, keepdim=True)
    largest = 255 * F.max_pool2d(change, 3, 1, 1)
    still = ((_MOVING - largest) / (_MOVING - _STILL)).clamp(0, 1)
    return F.interpolate(still, scale_factor=_BLOCK_PX, mode="nearest")[..., :height, :width]
