"""The step for pictures kept as planes, on the host: luma goes in and comes out, chroma passes by."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from stream.fusion.step import FusionStep
from stream.picture import LumaRange, Pixels, YuvPlanes

# Luma of black, and steps from black to white (ITU-T H.273, section 8.3).
SCALES: dict[LumaRange, tuple[float, float]] = {"limited": (16.0, 219.0), "full": (0.0, 255.0)}


class LumaStep(FusionStep):
    """As `FusionStep`, with luma as the file has it in place of RGB and of luma made of RGB.

    What the network gives is luma of the file's range again. Where the thermal camera does not reach, luma is
    that of the visible picture, to the bit within its range.

    Attributes:
        visible: input, [B, H, W] uint8 luma.
        fused: result, the same.
    """

    def _visible_memory(self, batch: int, height: int, width: int, device: torch.device) -> Tensor:
        return torch.zeros(batch, height, width, dtype=torch.uint8, device=device)

    def _take_memory(self, planes: Callable[[], Tensor]) -> None:
        assert self.shape.luma
        self._black, self._width = SCALES[self.shape.luma]
        # From luma as stored to 0..1.
        table = (np.arange(256, dtype=np.float32) - np.float32(self._black)) / np.float32(self._width)
        self._table = table.clip(0, 1)
        # The network may read what the other stages write, where it takes float32.
        self._luma = self._visible_in if self._visible_in.dtype == torch.float32 else planes()
        self._between = planes()
        self._fused = self._luma

    def _split(self) -> None:
        for i in self._each:
            cv2.LUT(self.visible[i].numpy(), self._table, dst=self._luma[i].numpy())

    def _to_network(self, i: int) -> None:
        brightness = self._brightness[i]
        if not self._sees_all:
            brightness = self._blended(self._luma[i], brightness, i)
        copy(brightness, self._thermal_in[i])
        if self._luma is not self._visible_in:
            copy(self._luma[i], self._visible_in[i])

    def _fuse(self) -> None:
        self._fused = self._network(*self.network_inputs)[:, 0]

    def _merge(self) -> None:
        for i in self._each:
            picture, seen = self._fused[i], self._brightness[i].numpy()
            if not self._sees_all:
                picture = self._blended(self._luma[i], picture, i)
                seen = cv2.multiply(seen, self._coverage.numpy())
            to_bytes(picture.numpy(), self._width, self._black, self.fused[i].numpy())
            to_bytes(seen, 255.0, 0.0, self.thermal[i].numpy())

    def _blended(self, visible: Tensor, other: Tensor, i: int) -> Tensor:
        """`other` by its coverage over the visible luma, which stays exactly as it is where there is none."""
        between = self._between[i].numpy()
        cv2.subtract(other.numpy(), visible.numpy(), dst=between)
        cv2.multiply(between, self._coverage.numpy(), dst=between)
        cv2.add(between, visible.numpy(), dst=between)
        return self._between[i]


def copy(plane: Tensor, out: Tensor) -> None:
    """Copy a float32 plane; within its number format without torch's threads."""
    if out.dtype == plane.dtype:
        np.copyto(out.numpy(), plane.numpy())
    else:
        out.copy_(plane)


def to_bytes(picture: Pixels, scale: float, offset: float, out: Pixels) -> None:
    """`scale * picture + offset` of a picture in 0..1, rounded half to even, in one pass."""
    cv2.convertScaleAbs(picture, dst=out, alpha=scale, beta=offset)


def grey_like(visible: Pixels | YuvPlanes, grey: Pixels) -> Pixels | YuvPlanes:
    """A grey picture, [H, W] uint8 full range, in the form of a visible one."""
    if not isinstance(visible, YuvPlanes):
        return np.repeat(grey[..., None], 3, axis=2)
    black, width = SCALES[visible.luma_range]
    luma = np.empty_like(grey)
    cv2.convertScaleAbs(grey, dst=luma, alpha=width / 255, beta=black)
    return visible.without_colour(luma)
