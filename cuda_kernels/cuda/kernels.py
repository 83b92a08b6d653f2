"""The kernels as functions of tensors: names and signatures are those of `cuda_kernels.reference`."""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_kernels.cuda.formats import FormatKernels
from cuda_kernels.cuda.launch import check, name, new, plane, size
from cuda_kernels.cuda.thermal import ThermalKernels
from cuda_kernels.cuda.views import ViewKernels
from cuda_kernels.reference import TensorPair


class Kernels(ThermalKernels, FormatKernels, ViewKernels):
    """Per-frame operations by kernels; see `cuda_kernels.reference` for what each does.

    Results are written into `out=`; without it they are allocated. Nothing waits for the device. One object
    serves one order of work at a time, see `ThermalKernels`.
    """

    def luma(self, rgb: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.luma`."""
        out = plane(out, rgb.shape[:2], rgb)
        check("luma", rgb=rgb, luma=out)
        self._each_pixel("luma", out.numel(), rgb, out)
        return out

    def chroma(self, rgb: Tensor, *, out: TensorPair | None = None) -> TensorPair:
        """As `reference.chroma`."""
        out = out or (plane(None, rgb.shape[:2], rgb), plane(None, rgb.shape[:2], rgb))
        check("chroma", rgb=rgb, cb=out[0], cr=out[1])
        self._each_pixel("chroma", out[0].numel(), rgb, *out)
        return out

    def merge(self, luma: Tensor, cb: Tensor, cr: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.merge`."""
        out = new(out, (*luma.shape, 3), torch.uint8, luma)
        check("merge", luma=luma, cb=cb, cr=cr, rgb=out)
        self._each_pixel("merge", luma.numel(), luma, cb, cr, out)
        return out

    def blend_chroma(
        self, cb1: Tensor, cr1: Tensor, cb2: Tensor, cr2: Tensor, *, out: TensorPair | None = None
    ) -> TensorPair:
        """As `reference.blend_chroma`."""
        out = out or (torch.empty_like(cb1), torch.empty_like(cr1))
        check("blend_chroma", cb1=cb1, cr1=cr1, cb2=cb2, cr2=cr2, cb=out[0], cr=out[1])
        self._each_pixel("blend_chroma", cb1.numel(), cb1, cr1, cb2, cr2, *out)
        return out

    def blend_by_coverage(
        self, luma: Tensor, fused: Tensor, coverage: Tensor, *, out: Tensor | None = None
    ) -> Tensor:
        """As `reference.blend_by_coverage`."""
        out = plane(out, luma.shape, luma)
        check("blend_by_coverage", luma=luma, fused=fused, coverage=coverage, blended=out)
        self._each_pixel("blend_by_coverage", luma.numel(), luma, fused, coverage, out)
        return out

    def warp(
        self, thermal: Tensor, map_x: Tensor, map_y: Tensor, *, out: TensorPair | None = None
    ) -> TensorPair:
        """As `reference.warp`."""
        out = out or _looked_up(map_x)
        check("warp", thermal=thermal, map_x=map_x, map_y=map_y, warped=out[0], valid=out[1])
        self._each_pixel("warp", map_x.numel(), thermal, map_x, map_y, *out, *size(thermal))
        return out

    def remap_normalise(
        self, counts: Tensor, map_x: Tensor, map_y: Tensor, span: Tensor, *, out: TensorPair | None = None
    ) -> TensorPair:
        """As `reference.remap_normalise`."""
        out = out or _looked_up(map_x)
        check(
            "remap_normalise",
            counts=counts,
            map_x=map_x,
            map_y=map_y,
            span=span,
            brightness=out[0],
            valid=out[1],
        )
        arguments = (counts, map_x, map_y, span, *out, *size(counts))
        self._each_pixel(f"remap_normalise_{name(counts)}", map_x.numel(), *arguments)
        return out

    def to_network_input(
        self,
        luma: Tensor,
        brightness: Tensor,
        coverage: Tensor,
        dtype: torch.dtype = torch.float32,
        *,
        out: TensorPair | None = None,
    ) -> TensorPair:
        """As `reference.to_network_input`; both results have one format."""
        out = out or (torch.empty_like(luma, dtype=dtype), torch.empty_like(luma, dtype=dtype))
        check(
            "to_network_input",
            luma=luma,
            brightness=brightness,
            coverage=coverage,
            visible=out[0],
            thermal=out[1],
        )
        if out[0].dtype != out[1].dtype:
            raise ValueError(
                f"both results of to_network_input have one format, got {out[0].dtype} and {out[1].dtype}"
            )
        self._each_pixel(f"to_network_input_{name(out[0])}", luma.numel(), luma, brightness, coverage, *out)
        return out


def _looked_up(map_x: Tensor) -> TensorPair:
    return torch.empty_like(map_x), torch.empty_like(map_x, dtype=torch.bool)
