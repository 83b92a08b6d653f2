"""The thermal front end: from raw counts to what registration looks up."""

from __future__ import annotations

import torch
from torch import Tensor

from stream.device.context import Operations
from stream.thermal.agc import Agc
from stream.thermal.agc_plan import region_rows_columns
from stream.thermal.bad_pixels import Size, load_bad_pixels, replacement_indices


class ThermalFrontEnd:
    """Mends bad pixels, measures, brings out details, equalises: each only where the settings ask for it.

    All of it is done on the camera's own grid, before registration. Nothing is allocated once it has run.
    """

    def __init__(self, gain: Agc, size: Size, counts: torch.dtype, operations: Operations) -> None:
        """Take the memory.

        Args:
            gain: shared with the front ends of other sizes, so that its span survives a change.
            size: width and height of the thermal picture.
            counts: number format of the counts, uint8 or uint16.
            operations: for tensors of the gain's device.

        Raises:
            ConfigError: the file of bad pixels cannot be read.
            CalibrationError: it is for pictures of another size.
        """
        settings, (width, height), device = gain.plan.settings, size, gain.device
        self._gain, self._operations = gain, operations
        self._detail = settings.detail
        self._bad: tuple[Tensor, Tensor] | None = None
        if settings.bad_pixels:
            found = replacement_indices(load_bad_pixels(settings.bad_pixels, size))
            self._bad = found and (found[0].to(device), found[1].to(device))

        def plane(needed: bool, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros((height, width) if needed else 0, dtype=dtype, device=device)

        self._replaced = plane(self._bad is not None, torch.uint16)
        self._enhanced, self._brightness = plane(settings.detail != 1), plane(gain.plan.equalises)
        self._even = plane(gain.method == "clahe")
        self._rows_columns = region_rows_columns(settings.region, size) if settings.region else None
        self._region: Tensor | None = None
        if self._rows_columns:
            whole = torch.zeros(height, width, dtype=torch.uint16 if self._bad else counts, device=device)
            self._region = whole[self._rows_columns].clone()

    def __call__(self, counts: Tensor, ema_weight: Tensor) -> tuple[Tensor, Tensor]:
        """What to look up, and the limits between which it becomes brightness; never waits for the device.

        Args:
            counts: [H, W] of the format and size that this front end is for.
            ema_weight: [1] float32, what `Agc.next_ema_weight` gave for this frame.

        Returns:
            A picture [H, W], raw counts as they came or float32 counts or brightness, and [2] float32 limits
            as `reference.remap_normalise` takes them, in memory that the next call overwrites.
        """
        if self._bad:
            counts = self._operations.replace_bad_pixels(counts, *self._bad, out=self._replaced)
        if self._region is not None and self._rows_columns:
            self._region.copy_(counts[self._rows_columns])
        limits = self._gain.update(counts, ema_weight, self._region)
        if self._detail != 1:
            counts = self._operations.enhance(counts, self._gain.span, self._detail, out=self._enhanced)
        if self._gain.plan.equalises:
            counts = self._gain.equalise(counts, ema_weight, self._even, self._brightness)
        return counts, limits
