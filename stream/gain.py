"""Gain control: which raw thermal counts become black and white, calm over time."""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_kernels import reference
from stream.config import GainSettings
from stream.device import Operations


class GainControl:
    """Finds the span of counts to show, and damps it so that a scene does not flicker.

    A per-frame span jumps whenever something hot enters the picture; here the span moves by a share of
    `1 - damping` a frame towards the measured one. The first frame is taken as it is.

    What is decided on the host (`next_keep`) and what is computed on the device (`update`) are apart, so that
    the latter can be part of a captured graph: `keep` is then just another input.

    Attributes:
        method: `percentile`, `minmax` or `none`, with `auto` resolved by the number of bits.
        device: where the counts are.
    """

    def __init__(
        self,
        settings: GainSettings,
        bits: int,
        operations: Operations = reference,
        device: torch.device | str = "cpu",
    ) -> None:
        """Start without a span.

        Args:
            settings: method, percentiles and damping.
            bits: significant bits of a count; 8 for pictures that a camera has already scaled.
            operations: for tensors of the device.
            device: where the counts are.
        """
        automatic = "none" if bits <= 8 else "percentile"
        self.method = automatic if settings.method == "auto" else settings.method
        self.device = torch.device(device)
        self._operations = operations
        self._damping = settings.damping
        self._shares = (0.0, 100.0) if self.method == "minmax" else (settings.low, settings.high)
        self._started = False
        self._span = torch.tensor((0.0, 2.0**bits - 1), device=device)
        self._previous, self._measured = torch.zeros_like(self._span), torch.zeros_like(self._span)

    def next_keep(self, frozen: bool = False) -> float:
        """Share of the last span that the next frame keeps; to be asked once a frame.

        Args:
            frozen: True keeps the span where it is, for example while the camera's shutter is closed.
        """
        started, self._started = self._started, True
        if not started:
            return 0.0
        return 1.0 if frozen else self._damping

    def update(self, counts: Tensor, keep: Tensor) -> Tensor:
        """The counts that become black and white in this frame; never waits for the device.

        Args:
            counts: [H, W] uint8, uint16 or float32.
            keep: [1] float32, what `next_keep` gave for this frame.

        Returns:
            [2] float32, low and high count, in memory that the next call overwrites.
        """
        if self.method != "none":
            self._previous.copy_(self._span)
            self._operations.percentiles(counts, *self._shares, out=self._measured)
            self._operations.damp(self._measured, self._previous, keep, out=self._span)
        return self._span

    def span(self, counts: Tensor) -> Tensor:
        """As `update` with the next `keep`, and the span in memory of its own."""
        keep = torch.tensor([self.next_keep()], dtype=torch.float32, device=self._span.device)
        return self.update(counts, keep).clone()
