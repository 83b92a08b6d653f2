"""Kernels of views; see `cuda_kernels.reference.views` for what each does."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cuda_kernels.cuda.launch import KernelFamily, check, new


class ViewKernels(KernelFamily):
    """Operations of `src/views.cu`."""

    def side_by_side(
        self, visible: Tensor, thermal: Tensor, fused: Tensor, *, out: Tensor | None = None
    ) -> Tensor:
        """As `reference.side_by_side`."""
        height, width = thermal.shape
        out = new(out, (height, 3 * width, 3), torch.uint8, thermal)
        check("side_by_side", visible=visible, thermal=thermal, fused=fused, rgb=out)
        if out.shape[1] != 3 * width:
            raise ValueError(f"rgb of side_by_side must be {3 * width} wide, got {out.shape[1]}")
        self._each_pixel("side_by_side", thermal.numel(), visible, thermal, fused, out, np.int32(width))
        return out

    def checkerboard(
        self, visible: Tensor, thermal: Tensor, square_px: int, *, out: Tensor | None = None
    ) -> Tensor:
        """As `reference.checkerboard`."""
        out = new(out, visible.shape, torch.uint8, visible)
        check("checkerboard", visible=visible, thermal=thermal, rgb=out)
        sizes = np.int32(thermal.shape[1]), np.int32(square_px)
        self._each_pixel("checkerboard", thermal.numel(), visible, thermal, out, *sizes)
        return out

    def colour_map(self, grey: Tensor, table: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.colour_map`."""
        out = new(out, (*grey.shape, 3), torch.uint8, grey)
        check("colour_map", grey=grey, table=table, rgb=out)
        self._each_pixel("colour_map", grey.numel(), grey, table, out)
        return out
