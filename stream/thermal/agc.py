"""Gain control: which raw thermal counts become black and white, calm over time."""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_kernels import reference
from cuda_kernels.reference.equalise import LEVELS, TILES
from cuda_kernels.reference.thermal import COUNTS
from stream.config import GainSettings
from stream.device.context import Operations
from stream.radiometry import Radiometry
from stream.thermal.agc_plan import AgcPlan, plan_gain


class Agc:
    """Finds the span of counts to show, or the curve from counts to brightness, and damps it over time.

    A per-frame span jumps whenever something hot enters the picture; here span and curve move by a share of
    `1 - damping` a frame towards the measured ones, and a span grows no faster than the rest of the picture
    can bear (see `reference.damp_span`). The first frame is taken as it is.

    The host decides (`next_ema_weight`), the device computes (`update`), so that the latter can be part of a
    captured graph: `ema_weight` is then just another input.

    Attributes:
        method: `percentile`, `minmax`, `plateau`, `clahe`, `fixed` or `none`; `auto` resolved by the bits.
        plan: what the settings mean.
        device: where the counts are.
        limits: [2] float32, the count or brightness that becomes 0 and the one that becomes 1, as
            `reference.normalise` takes them: of counts, or of what `equalise` gives.
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
        self.method = self.plan.method
        self.device = torch.device(device)
        self._bits, self._radiometry, self._operations = bits, radiometry, operations
        self._started = False
        self.span = torch.tensor(self.plan.span, device=device)
        """[2] float32, low and high count, damped; what `reference.enhance` goes by."""
        self._measured, self._previous = torch.zeros_like(self.span), torch.zeros_like(self.span)
        self._curve = _Damped(COUNTS if self.plan.equalises else 0, operations, device)
        self._tiles = _Damped(TILES * TILES * LEVELS if self.method == "clahe" else 0, operations, device)
        self._unit = torch.tensor((0.0, 1.0), device=device)
        self._ends = self._unit if self.plan.equalises else self.span
        self.limits = torch.zeros_like(self._ends)
        self._order = torch.tensor((0, 1), device=device)
        self._begin()

    def retune(self, settings: GainSettings, radiometry: Radiometry | None = None) -> bool:
        """Go on by other settings of the same method, with the span and the curve of now.

        Steps that were captured before must be captured anew.

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
        if plan.method != self.method:
            return False
        self.plan, self._radiometry = plan, radiometry
        self._begin()
        return True

    def next_ema_weight(self, frozen: bool = False) -> float:
        """Share of the last span that the next frame keeps; to be asked once a frame.

        Args:
            frozen: True keeps the span where it is, for example while the camera's shutter is closed.
        """
        started, self._started = self._started, True
        if not started:
            return 0.0
        return 1.0 if frozen else self.plan.settings.damping

    def update(self, counts: Tensor, ema_weight: Tensor, region: Tensor | None = None) -> Tensor:
        """The counts that become black and white in this frame; never waits for the device.

        Args:
            counts: [H, W] uint8, uint16 or float32.
            ema_weight: [1] float32, what `next_ema_weight` gave for this frame.
            region: [h, w] like `counts`, the part of them that is measured; None for all.

        Returns:
            `limits`, in memory that the next call overwrites.
        """
        measured = counts if region is None else region
        if self.plan.shares is not None:
            self._follow_span(measured, ema_weight)
        if self.plan.equalises:
            self._operations.plateau_curve(measured, self.plan.settings.plateau, out=self._curve.measured)
            self._curve.follow(ema_weight)
        torch.index_select(self._ends, 0, self._order, out=self.limits)
        return self.limits

    def equalise(self, counts: Tensor, ema_weight: Tensor, between: Tensor, out: Tensor) -> Tensor:
        """Counts as brightness by the curve of `update`, for methods that have one; hot is bright.

        `clahe` works on what the plateau made of the counts, so that nothing takes the levels of the rest,
        however hot it is; its tiles are measured here.

        Args:
            counts: [H, W] uint8, uint16 or float32.
            ema_weight: [1] float32, as for `update`.
            between: [H, W] float32 to overwrite; `plateau` leaves it as it is.
            out: [H, W] float32 to write into, 0..1.
        """
        if self.method == "plateau":
            return self._operations.equalise(counts, self._curve.now, out=out)
        even = self._operations.equalise(counts, self._curve.now, out=between)
        contrast, curves = self.plan.settings.contrast, self._tiles.measured.view(-1, LEVELS)
        self._operations.tile_curves(even, self._unit, contrast, out=curves)
        self._tiles.follow(ema_weight)
        return self._operations.equalise_tiles(even, self._unit, self._tiles.now.view(-1, LEVELS), out=out)

    def show(self, counts: Tensor) -> Tensor:
        """One picture by `update` with the next `ema_weight`, as brightness in memory of its own.

        Args:
            counts: [H, W] uint8 or uint16.

        Returns:
            [H, W] float32 in 0..1.
        """
        ema_weight = torch.tensor([self.next_ema_weight()], dtype=torch.float32, device=self.device)
        limits = self.update(counts, ema_weight)
        if self.plan.equalises:
            counts = self.equalise(counts, ema_weight, *torch.empty(2, *counts.shape, device=self.device))
        return self._operations.normalise(counts, limits)

    def _begin(self) -> None:
        """Take over what of the plan lives on the device."""
        if self.plan.shares is None:
            self.span.copy_(torch.tensor(self.plan.span))
        self._order.copy_(torch.tensor((1, 0) if self.plan.black_hot else (0, 1)))
        torch.index_select(self._ends, 0, self._order, out=self.limits)

    def _follow_span(self, measured: Tensor, ema_weight: Tensor) -> None:
        assert self.plan.shares is not None
        self._previous.copy_(self.span)
        self._operations.percentiles(measured, *self.plan.shares, out=self._measured)
        self._operations.damp_span(self._measured, self._previous, ema_weight, out=self.span)


class _Damped:
    """Curves that follow the measured ones slowly.

    Attributes:
        now: [N] float32, those of this frame.
        measured: [N] float32, to be written before `follow`.
    """

    def __init__(self, points: int, operations: Operations, device: torch.device | str) -> None:
        self.now, self.measured, self._last = torch.zeros(3, points, device=device).unbind()
        self._operations = operations

    def follow(self, ema_weight: Tensor) -> None:
        self._last.copy_(self.now)
        self._operations.ema(self.measured, self._last, ema_weight, out=self.now)
