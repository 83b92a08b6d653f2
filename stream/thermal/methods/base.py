"""The base of all methods of gain control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from stream.config import GainSettings
from stream.device.context import Operations
from stream.radiometry import Radiometry

Span = tuple[float, float]


class GainMethod:
    """A span of counts from black to white, measured where a method names `shares`, else standing still.

    A method overrides what differs: the span to begin with, the percentiles that are measured, further
    measurements, and how counts become the picture that is shown between `ends`. The host decides, the device
    computes: nothing in `measure` and `apply` waits for the device or allocates, so that a graph can be
    captured of them.

    Attributes:
        planes: float32 planes of the picture's size that `apply` writes into.
        settings: in use.
        span: [2] float32, low and high count of this frame; what `reference.enhance` goes by.
    """

    planes: ClassVar[int] = 0

    @classmethod
    def first_span(cls, settings: GainSettings, bits: int, radiometry: Radiometry | None) -> Span:
        """Low and high count to begin with, or for good.

        Args:
            settings: of the gain.
            bits: significant bits of a count.
            radiometry: what a count means in degrees Celsius, where that is known.

        Raises:
            ConfigError: the settings ask for what is not known of this camera.
        """
        return 0.0, 2.0**bits - 1

    def __init__(
        self, settings: GainSettings, span: Span, operations: Operations, device: torch.device | str
    ) -> None:
        """Begin with a span, before the first frame.

        Args:
            settings: of this method.
            span: of `first_span`.
            operations: for tensors of the device.
            device: where the counts are.
        """
        self.settings, self._operations = settings, operations
        self.span = torch.tensor(span, device=device)
        self._measured, self._previous = torch.zeros_like(self.span), torch.zeros_like(self.span)

    @property
    def shares(self) -> tuple[float, float] | None:
        """Percentiles of the span that is measured in each frame; None where it stands still."""
        return None

    @property
    def ends(self) -> Tensor:
        """[2] float32, the values of `apply` that become black and white; always the same memory."""
        return self.span

    def retune(self, settings: GainSettings, span: Span) -> None:
        """Go on by other settings of this method; a measured span stays where it is.

        Args:
            settings: of this method.
            span: of `first_span` by them.
        """
        self.settings = settings
        if self.shares is None:
            self.span.copy_(torch.tensor(span))

    def measure(self, counts: Tensor, ema_weight: Tensor) -> None:
        """Measure a frame, damped over time.

        Args:
            counts: [H, W] uint8, uint16 or float32, the part of the frame that is measured.
            ema_weight: [1] float32, weight of what was measured before.
        """
        if self.shares is not None:
            self._previous.copy_(self.span)
            self._operations.percentiles(counts, *self.shares, out=self._measured)
            self._operations.damp_span(self._measured, self._previous, ema_weight, out=self.span)

    def apply(self, counts: Tensor, ema_weight: Tensor, planes: Sequence[Tensor]) -> Tensor:
        """The picture to show between `ends`; hot is bright.

        Args:
            counts: [H, W] uint8, uint16 or float32.
            ema_weight: [1] float32, as for `measure`.
            planes: `self.planes` times [H, W] float32 to write into.

        Returns:
            The counts themselves, or one of the planes.
        """
        return counts
