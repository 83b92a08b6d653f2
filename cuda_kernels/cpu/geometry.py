"""Looking thermal counts up on a CPU; see `cuda_kernels.cpu`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cuda_kernels import reference
from cuda_kernels.cpu.thermal import brighten
from cuda_kernels.reference import TensorPair

# Largest coordinate that OpenCV's 16-bit maps can hold.
_MOST_PX = (1 << 15) - 1


def remap_normalise(
    counts: Tensor, map_x: Tensor, map_y: Tensor, span: Tensor, *, out: TensorPair | None = None
) -> TensorPair:
    """As `reference.remap_normalise`; what depends on the maps alone is worked out once for them."""
    if max(counts.shape) > _MOST_PX or not remaps_exactly():
        return reference.remap_normalise(counts, map_x, map_y, span, out=out)
    plan = _plan_of(map_x, map_y, (counts.shape[1], counts.shape[0]))
    brightness_out, valid_out = out or (None, None)
    brightness = torch.empty_like(map_x) if brightness_out is None else brightness_out
    remap(counts.to(torch.float32), plan.x, plan.y, brightness)
    if plan.nowhere is not None:
        brightness.masked_fill_(plan.nowhere, 0.0)
    brighten(brightness, span, may_be_nan=counts.is_floating_point())
    return brightness, plan.valid if valid_out is None else valid_out.copy_(plan.valid)


def remap(picture: Tensor, x: NDArray[np.float32], y: NDArray[np.float32], out: Tensor) -> Tensor:
    """Bilinear look-up at places that lie inside a picture, as `reference.warp`.

    Args:
        picture: [Hp, Wp] float32.
        x: [H, W] columns in 0..Wp - 1.
        y: [H, W] rows in 0..Hp - 1.
        out: [H, W] float32, contiguous, to write into.
    """
    # The border matters to no result: what lies beyond it has no weight.
    border = cv2.BORDER_REPLICATE
    cv2.remap(picture.numpy(), x, y, cv2.INTER_LINEAR, dst=out.numpy(), borderMode=border)
    return out


@cache
def remaps_exactly() -> bool:
    """True for an OpenCV that interpolates exactly; before 5.0 it took the nearest 32nd of a pixel."""
    row, place = np.array([[0, 1]], np.float32), np.array([[1 / 256]], np.float32)
    looked_up: Any = cv2.remap(row, place, np.zeros_like(place), cv2.INTER_LINEAR)
    return bool(abs(looked_up[0, 0] - place[0, 0]) < 1e-6)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Thermal places that visible pixels read, clamped to the picture, and the pixels that read none."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    valid: Tensor
    nowhere: Tensor | None


# The last few maps and their plans; held, so that no other tensor can be taken for them.
_plans: deque[tuple[Tensor, Tensor, tuple[int, int], _Plan]] = deque(maxlen=4)


def _plan_of(map_x: Tensor, map_y: Tensor, size: tuple[int, int]) -> _Plan:
    """The plan of a pair of maps, which are not written to once they are in use."""
    for known_x, known_y, known_size, plan in _plans:
        if known_x is map_x and known_y is map_y and known_size == size:
            return plan
    plan = _make_plan(map_x, map_y, size)
    _plans.append((map_x, map_y, size, plan))
    return plan


def _make_plan(map_x: Tensor, map_y: Tensor, size: tuple[int, int]) -> _Plan:
    width, height = size
    valid = (map_x >= 0) & (map_x <= width - 1) & (map_y >= 0) & (map_y <= height - 1)
    nowhere = torch.isnan(map_x) | torch.isnan(map_y)
    x, y = _held(map_x, width), _held(map_y, height)
    return _Plan(x, y, valid, nowhere if bool(nowhere.any()) else None)


def _held(places: Tensor, size: int) -> NDArray[np.float32]:
    """Places held to 0..size - 1, NaN to 0."""
    return np.asarray(places.nan_to_num(nan=0.0).clamp(0, size - 1).contiguous().numpy())
