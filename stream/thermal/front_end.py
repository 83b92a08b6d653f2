"""The thermal front end: from raw counts to the picture that registration looks up."""

from __future__ import annotations

import torch
from torch import Tensor

from stream.device.context import Operations
from stream.thermal.agc import Agc
from stream.thermal.agc_plan import region_rows_columns
from stream.thermal.bad_pixels import Size, load_bad_pixels, replacement_indices


class ThermalFrontEnd:
    """Replaces bad pixels, measures, brings out details, equalises: each only where the settings ask for it.

    All of it is done on the camera's own grid, before registration. Nothing is allocated once it has run.
    """

    def __init__(
        self, gain: Agc, size: Size, counts: torch.dtype, operations: Operations, batch: int = 1
    ) -> None:
        """Take the memory.

        Args:
            gain: shared with the front ends of other sizes, so that its span survives a change.
            size: width and height of the thermal picture.
            counts: number format of the counts, uint8 or uint16.
            operations: for tensors of the gain's device.
            batch: frames whose results are kept at once.

        Raises:
            ConfigError: the file of bad pixels cannot be read.
            CalibrationError: it is for pictures of another size.
        """
        settings, (width, height), device = gain.plan.settings, size, gain.device
        self._gain, self._operations, self._detail = gain, operations, settings.detail
        self._limits = torch.zeros(batch, 2, device=device)
        self._planes = [gain.new_planes(height, width) for _ in range(batch)]
        self._bad: tuple[Tensor, Tensor] | None = None
        if settings.bad_pixels:
            found = replacement_indices(load_bad_pixels(settings.bad_pixels, size))
            self._bad = found and (found[0].to(device), found[1].to(device))

        def pictures(dtype: torch.dtype) -> Tensor:
            return torch.zeros(batch, height, width, dtype=dtype, device=device)

        self._replaced = pictures(torch.uint16) if self._bad else None
        self._enhanced = pictures(torch.float32) if settings.detail != 1 else None
        self._rows_columns = region_rows_columns(settings.region, size) if settings.region else None
        self._region: Tensor | None = None
        if self._rows_columns:
            whole = torch.zeros(height, width, dtype=torch.uint16 if self._bad else counts, device=device)
            self._region = whole[self._rows_columns].clone()

    def __call__(self, counts: Tensor, ema_weight: Tensor, index: int = 0) -> tuple[Tensor, Tensor]:
        """The picture to look up, and the limits of its brightness; never waits for the device.

        Args:
            counts: [H, W] of the format and size that this front end is for.
            ema_weight: [1] float32, what `Agc.next_ema_weight` gave for this frame.
            index: of the frame in its batch.

        Returns:
            A picture [H, W], raw counts as they came or float32 counts or brightness, and [2] float32 limits
            as `reference.remap_normalise` takes them, in memory that the next call of this index overwrites.
        """
        if self._bad and self._replaced is not None:
            counts = self._operations.replace_bad_pixels(counts, *self._bad, out=self._replaced[index])
        if self._region is not None and self._rows_columns:
            self._region.copy_(counts[self._rows_columns])
        limits = self._gain.update(counts, ema_weight, self._region, out=self._limits[index])
        if self._enhanced is not None:
            out = self._enhanced[index]
            counts = self._operations.enhance(counts, self._gain.span, self._detail, out=out)
        return self._gain.apply(counts, ema_weight, self._planes[index]), limits
