"""Steadier videos: the noise of still places averaged over time, without delay.

The network adds the detail of both cameras, and the noise of both with it. Where neither source changes by
more than noise from one frame to the next, part of the fused frame before is kept; where something moves,
nothing is, so that no trails appear. Of motion, only that of the whole picture is followed, which a panning
or shaking camera makes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from gifnet.cells import enlarged, halved, spread
from gifnet.model import Fusion
from stream.fusion.shift import estimated_shift, moved

_CELL_HALVINGS, _BLOCK_HALVINGS = 1, 2  # cells of 2 x 2 pixels, blocks of 4 x 4 cells
# Change in grey levels of the mean of a block, and of any cell in it, which a small thing may cross without
# changing the mean: up to the first all of `keep` is kept, from the second on nothing.
_BLOCK_CHANGE = (2.0, 4.0)
_CELL_CHANGE = (12.0, 18.0)


class SteadyNetwork:
    """A network whose pictures of still places are averaged over time: `kept * before + (1 - kept) * now`.

    `kept` is `keep` where in 8 x 8 pixels and in the blocks around both sources change by less than noise:
    the mean by less than 2 grey levels and no 2 x 2 pixels by 12. It is 0 from 4 or 18 on. The frame before
    is first shifted as a whole to where the picture is now, see `stream.fusion.shift`. The first frame, a
    frame of another size and a cut stand for themselves. Calls are frames in order of time; memory stays in
    place from the first call on, so that a step can be captured.
    """

    def __init__(self, network: Fusion, keep: float) -> None:
        """Wrap a network.

        Args:
            network: takes [B, 1, H, W] pictures in [0, 1] and gives [B, 1, H, W] float32.
            keep: 0 to below 1: share of the frame before that is kept where nothing moves.
        """
        self._network, self._keep = network, keep
        self._frame = self._cells = torch.empty(0)

    @property
    def own_threads(self) -> bool:
        """As stated by the network."""
        return bool(getattr(self._network, "own_threads", False))

    @torch.no_grad()
    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse a batch of frames that follow each other; the result is the caller's own."""
        fused = self._network(visible, thermal)
        frames = torch.cat([visible.float(), thermal.float(), fused], dim=1)
        if self._frame.shape[-2:] != frames.shape[-2:]:
            self._frame = frames[:1].clone()
            self._cells = halved(frames[:1, :2], _CELL_HALVINGS)
            self.forget()
        for index in range(len(frames)):
            frame = frames[index : index + 1]
            cells = halved(frame[:, :2], _CELL_HALVINGS)
            before = moved(self._frame, estimated_shift(cells, self._cells) * 2**_CELL_HALVINGS)
            still = self._keep * stillness(cells, halved(before[:, :2], _CELL_HALVINGS))
            still = enlarged(still, 2 ** (_CELL_HALVINGS + _BLOCK_HALVINGS), *frame.shape[-2:])
            frame[:, 2:].lerp_(before[:, 2:], still)
            self._frame.copy_(frame)
            self._cells.copy_(cells)
        return frames[:, 2:]

    def forget(self) -> None:
        """Let the next frame stand for itself."""
        for memory in (self._frame, self._cells):
            memory.fill_(-1)  # out of range, so that everything has changed


def stillness(now: Tensor, before: Tensor) -> Tensor:
    """Stillness of blocks of 8 x 8 pixels: 1 where nothing but noise changes, 0 where something moves.

    Args:
        now: [1, 2, h, w]: means of both sources in [0, 1] over cells of 2 x 2 pixels.
        before: the same of the frame before.

    Returns:
        [1, 1, ceil(h / 4), ceil(w / 4)] float32 in [0, 1].
    """
    change = now - before
    of_blocks = halved(change, _BLOCK_HALVINGS).abs_()
    of_cells = _largest(change.abs_(), 2**_BLOCK_HALVINGS)
    still = torch.minimum(_fall(of_blocks, *_BLOCK_CHANGE), _fall(of_cells, *_CELL_CHANGE))
    return spread(still.amin(dim=1, keepdim=True).neg_(), 3).neg_()


def _largest(maps: Tensor, side: int) -> Tensor:
    """Maxima over blocks; one side after the other, a fraction of the time of `max_pool2d` on a CPU."""
    below, right = (-size % side for size in maps.shape[-2:])
    maps = F.pad(maps, (0, right, 0, below))
    height, width = maps.shape[-2:]
    rows = maps.view(*maps.shape[:2], height // side, side, width).amax(dim=-2)
    return rows.view(*rows.shape[:3], width // side, side).amax(dim=-1)


def _fall(change: Tensor, all_: float, none: float) -> Tensor:
    """1 up to a change of `all_` grey levels, 0 from `none` on, linear between."""
    return (255 * change).sub_(none).mul_(1 / (all_ - none)).clamp_(0, 1)
