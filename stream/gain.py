"""Gain control: which raw thermal counts become black and white, calm over time."""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_kernels import reference
from stream.config import GainSettings


class GainControl:
    """Finds the span of counts to show, and damps it so that a scene does not flicker.

    A per-frame span jumps whenever something hot enters the picture; here the span moves by a share of
    `1 - damping` a frame towards the measured one. The first frame is taken as it is.

    Attributes:
        method: `percentile`, `minmax` or `none`, with `auto` resolved by the number of bits.
        frozen: True keeps the span where it is, for example while a camera's shutter is closed.
    """

    def __init__(self, settings: GainSettings, bits: int) -> None:
        """Start without a span.

        Args:
            settings: method, percentiles and damping.
            bits: significant bits of a count; 8 for pictures that a camera has already scaled.
        """
        automatic = "none" if bits <= 8 else "percentile"
        self.method = automatic if settings.method == "auto" else settings.method
        self.frozen = False
        self._settings = settings
        self._whole = (0.0, float(2**bits - 1))
        self._span: Tensor | None = None

    def span(self, raw: Tensor) -> Tensor:
        """The counts that become black and white in this frame; never waits for the device.

        Args:
            raw: [H, W] uint8, uint16 or float32 counts.

        Returns:
            [2] float32, low and high count, for `cuda_kernels.reference.normalise`.
        """
        if self._span is None:
            self._span = self._measure(raw)
        elif not self.frozen and self.method != "none":
            self._span = torch.lerp(self._measure(raw), self._span, self._settings.damping)
        return self._span

    def _measure(self, raw: Tensor) -> Tensor:
        if self.method == "none":
            return torch.tensor(self._whole, dtype=torch.float32, device=raw.device)
        if self.method == "minmax":
            return reference.percentiles(raw, 0.0, 100.0)
        return reference.percentiles(raw, self._settings.low, self._settings.high)
