"""Automatic gain control: the raw thermal counts that become black and white, calm over time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cuda_kernels import reference
from stream.config import GainSettings
from stream.device.context import Operations
from stream.radiometry import Radiometry
from stream.thermal.agc_plan import AgcPlan, plan_gain


class Agc:
    """Finds the span of counts to show, or the curve from counts to brightness, and damps it over time.

    A span of each frame alone jumps whenever something hot enters the picture; here span and curve move by a
    share of `1 - damping` a frame towards the measured ones, and a span grows no faster than the rest of the
    picture can bear (see `reference.damp_span`). The first frame is taken as it is.

    The host decides (`next_ema_weight`), the device computes (`update`, `apply`), so that the latter can be
    part of a captured graph: `ema_weight` is then just another input.

    Attributes:
        plan: the settings, resolved for this camera.
        device: where the counts are.
    """

    def __init__(
        self,
        settings: GainSettings,
        bits: int,
        operations: Operations = reference,
        device: torch.device | str = "cpu",
        radiometry: Radiometry | None = None,
    ) -> None:
        """Start without a span.

        Args:
            settings: of the gain.
            bits: significant bits of a count; 8 for pictures that a camera has already scaled.
            operations: for tensors of the device.
            device: where the counts are.
            radiometry: what a count means in degrees Celsius, where that is known.

        Raises:
            ConfigError: a span in degrees Celsius is asked for and the radiometry is not known.
        """
        self.plan: AgcPlan = plan_gain(settings, bits, radiometry)
        self.device = torch.device(device)
        self._bits, self._radiometry, self._operations = bits, radiometry, operations
        self._started = False
        self._method = self.plan.method(settings, self.plan.span, operations, device)
        self._order = torch.tensor((0, 1), device=device)
        self._set_order()

    @property
    def span(self) -> Tensor:
        """[2] float32, low and high count of this frame; what `reference.enhance` goes by."""
        return self._method.span

    @property
    def limits(self) -> Tensor:
        """[2] float32, the values of `apply` that become 0 and 1, as `reference.normalise` takes them."""
        return torch.index_select(self._method.ends, 0, self._order)

    def retune(self, settings: GainSettings, radiometry: Radiometry | None = None) -> bool:
        """Go on by other settings of the same method, with the span and the curve of now.

        Steps that were captured before must be captured again.

        Args:
            settings: with the same method.
            radiometry: what a count means by now; None where nothing new is known.

        Returns:
            False, and nothing is changed, where the method is another one: then a new gain control is needed.

        Raises:
            ConfigError: as when it was made; nothing is changed.
        """
        radiometry = radiometry or self._radiometry
        plan = plan_gain(settings, self._bits, radiometry)
        if plan.name != self.plan.name:
            return False
        self.plan, self._radiometry = plan, radiometry
        self._method.retune(settings, plan.span)
        self._set_order()
        return True

    def next_ema_weight(self, frozen: bool = False) -> float:
        """Weight of the last span in that of the next frame; to be asked once a frame.

        Args:
            frozen: True keeps the span where it is, for example while the camera's shutter is closed.
        """
        started, self._started = self._started, True
        if not started:
            return 0.0
        return 1.0 if frozen else self.plan.settings.damping

    def update(
        self, counts: Tensor, ema_weight: Tensor, region: Tensor | None = None, *, out: Tensor | None = None
    ) -> Tensor:
        """Measure a frame, and give the limits by which it is shown; never waits for the device.

        Args:
            counts: [H, W] uint8, uint16 or float32.
            ema_weight: [1] float32, what `next_ema_weight` gave for this frame.
            region: [h, w] like `counts`, the part of them that is measured; None for all.
            out: [2] float32 to write into.

        Returns:
            `limits` of this frame.
        """
        self._method.measure(counts if region is None else region, ema_weight)
        return self.limits if out is None else torch.index_select(self._method.ends, 0, self._order, out=out)

    def new_planes(self, height: int, width: int) -> list[Tensor]:
        """Memory for `apply`, one for each picture that is to stay; [H, W] float32 each."""
        return [torch.zeros(height, width, device=self.device) for _ in range(self._method.planes)]

    def apply(self, counts: Tensor, ema_weight: Tensor, planes: Sequence[Tensor]) -> Tensor:
        """The picture to be shown between the limits of `update`.

        Args:
            counts: [H, W] uint8, uint16 or float32.
            ema_weight: [1] float32, as for `update`.
            planes: of `new_planes`, to overwrite.

        Returns:
            [H, W], the counts themselves or float32 brightness in one of the planes.
        """
        return self._method.apply(counts, ema_weight, planes)

    def show(self, counts: Tensor) -> Tensor:
        """One picture by `update` with the next `ema_weight`, as brightness in memory of its own.

        Args:
            counts: [H, W] uint8 or uint16.

        Returns:
            [H, W] float32 in 0..1.
        """
        ema_weight = torch.tensor([self.next_ema_weight()], dtype=torch.float32, device=self.device)
        limits = self.update(counts, ema_weight)
        picture = self.apply(counts, ema_weight, self.new_planes(*counts.shape))
        return self._operations.normalise(picture, limits)

    def _set_order(self) -> None:
        """Take the polarity over: black-hot turns the limits round."""
        self._order.copy_(torch.tensor((1, 0) if self.plan.black_hot else (0, 1)))
