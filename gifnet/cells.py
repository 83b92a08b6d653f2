"""Means over cells of pictures, and maps of cells as large as the picture again.

Both `[B, C, H, W]` float32. On a CPU OpenCV does it in a fifth of the time of torch; elsewhere, and where a
gradient is wanted, torch does, with the same result. Nothing here waits for a device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import torch
from torch import Tensor
from torch.nn import functional as F


def halved(pictures: Tensor, times: int = 1) -> Tensor:
    """Means over cells of `2**times` pixels a side; pictures are continued by their border to whole cells.

    Args:
        pictures: [B, C, H, W] float32.
        times: 1 or more.

    Returns:
        [B, C, ceil(H / 2**times), ceil(W / 2**times)] float32.
    """
    side = 2**times
    below, right = (-size % side for size in pictures.shape[-2:])
    if below or right:
        pictures = F.pad(pictures, (0, right, 0, below), mode="replicate")
    if not _by_opencv(pictures):
        return F.avg_pool2d(pictures, side)
    for _ in range(times):  # by two, for which OpenCV has a fast path
        height, width = (size // 2 for size in pictures.shape[-2:])
        pictures = _each(
            pictures,
            height,
            width,
            lambda plane, size, out: cv2.resize(plane, size, out, 0, 0, cv2.INTER_AREA),
        )
    return pictures


def enlarged(maps: Tensor, factor: int, height: int, width: int) -> Tensor:
    """Bilinear enlargement by a whole factor, cut to `height` and `width`.

    Args:
        maps: [B, C, h, w] float32.
        factor: 2 or more.
        height: `h * factor` at most.
        width: `w * factor` at most.

    Returns:
        [B, C, height, width] float32; a view where something is cut off.
    """
    high, wide = (factor * size for size in maps.shape[-2:])
    if _by_opencv(maps):
        whole = _each(maps, high, wide, lambda plane, size, out: cv2.resize(plane, size, out))
    else:
        whole = F.interpolate(maps, size=(high, wide), mode="bilinear", align_corners=False)
    return whole[..., :height, :width]


def smoothed(maps: Tensor, side: int) -> Tensor:
    """Means over windows of `side` (odd) around each place; maps are continued by their border."""
    if not _by_opencv(maps):
        margin = (side // 2,) * 4
        return F.avg_pool2d(F.pad(maps, margin, mode="replicate"), side, 1)
    height, width = maps.shape[-2:]

    def blurred(plane: Any, _size: tuple[int, int], out: Any) -> None:
        cv2.blur(plane, (side, side), out, (-1, -1), cv2.BORDER_REPLICATE)

    return _each(maps, height, width, blurred)


def spread(maps: Tensor, side: int) -> Tensor:
    """Maxima over windows of `side` (odd) around each place."""
    return F.max_pool2d(maps, side, 1, side // 2)


def _each(
    maps: Tensor, height: int, width: int, change: Callable[[Any, tuple[int, int], Any], object]
) -> Tensor:
    """Each plane of a stack changed by OpenCV into planes of a size, in memory of the result."""
    maps = maps.contiguous()
    result = torch.empty(*maps.shape[:2], height, width)
    for plane, out in zip(maps.flatten(0, 1).numpy(), result.flatten(0, 1).numpy(), strict=True):
        change(plane, (width, height), out)
    return result


def _by_opencv(maps: Tensor) -> bool:
    return maps.device.type == "cpu" and maps.dtype == torch.float32 and not maps.requires_grad
