"""Kernels of pixel formats; see `cuda_kernels.reference.formats` for what each does."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cuda_kernels.cuda.launch import KernelFamily, check, name, new, size
from cuda_kernels.reference import TensorPair, TensorTriple


class FormatKernels(KernelFamily):
    """Operations of `src/formats.cu`."""

    def rgb_from_nv12(self, y: Tensor, uv: Tensor, matrix: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.rgb_from_nv12`."""
        out = new(out, (*y.shape, 3), torch.uint8, y)
        check("rgb_from_nv12", y=y, uv=uv, matrix=matrix, rgb=out)
        _check_chroma(y, uv)
        self._each_pixel(f"rgb_from_nv12_{name(y)}", y.numel(), y, uv, matrix, out, *size(y))
        return out

    def rgb_from_yuv420p(
        self, y: Tensor, u: Tensor, v: Tensor, matrix: Tensor, *, out: Tensor | None = None
    ) -> Tensor:
        """As `reference.rgb_from_yuv420p`."""
        out = new(out, (*y.shape, 3), torch.uint8, y)
        check("rgb_from_yuv420p", y=y, u=u, v=v, matrix=matrix, rgb=out)
        _check_chroma(y, u, v)
        self._each_pixel(f"rgb_from_yuv420p_{name(y)}", y.numel(), y, u, v, matrix, out, *size(y))
        return out

    def rgb_from_bgr(self, bgr: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.rgb_from_bgr`."""
        out = new(out, bgr.shape, torch.uint8, bgr)
        check("rgb_from_bgr", bgr=bgr, rgb=out)
        self._each_pixel("rgb_from_bgr", bgr.numel() // 3, bgr, out)
        return out

    def counts_from_gray(self, gray: Tensor, shift: int, *, out: Tensor | None = None) -> Tensor:
        """As `reference.counts_from_gray`."""
        out = new(out, gray.shape, torch.uint16, gray)
        check("counts_from_gray", gray=gray, counts=out)
        self._each_pixel(f"counts_from_gray_{name(gray)}", gray.numel(), gray, out, np.int32(shift))
        return out

    def merge_nv12(
        self, luma: Tensor, cb: Tensor, cr: Tensor, matrix: Tensor, *, out: TensorPair | None = None
    ) -> TensorPair:
        """As `reference.merge_nv12`."""
        rows, columns = _chroma_size(luma)
        out = out or (_bytes(luma, *luma.shape), _bytes(luma, rows, columns, 2))
        check("merge_nv12", luma=luma, cb=cb, cr=cr, matrix=matrix, y=out[0], uv=out[1])
        _check_chroma(*out)
        self._each_pixel("merge_nv12", rows * columns, luma, cb, cr, matrix, *out, *size(luma))
        return out

    def merge_yuv420p(
        self, luma: Tensor, cb: Tensor, cr: Tensor, matrix: Tensor, *, out: TensorTriple | None = None
    ) -> TensorTriple:
        """As `reference.merge_yuv420p`."""
        rows, columns = _chroma_size(luma)
        out = out or (_bytes(luma, *luma.shape), _bytes(luma, rows, columns), _bytes(luma, rows, columns))
        check("merge_yuv420p", luma=luma, cb=cb, cr=cr, matrix=matrix, y=out[0], u=out[1], v=out[2])
        _check_chroma(*out)
        self._each_pixel("merge_yuv420p", rows * columns, luma, cb, cr, matrix, *out, *size(luma))
        return out


def _bytes(beside: Tensor, *shape: int) -> Tensor:
    return new(None, shape, torch.uint8, beside)


def _chroma_size(y: Tensor) -> tuple[int, int]:
    return (y.shape[0] + 1) // 2, (y.shape[1] + 1) // 2


def _check_chroma(y: Tensor, *chroma: Tensor) -> None:
    for each in chroma:
        if each.dtype != y.dtype or tuple(each.shape[:2]) != _chroma_size(y):
            raise ValueError(
                f"chroma of a {y.shape[1]}x{y.shape[0]} picture of {name(y)} has half as many rows and "
                f"columns, rounded up, of the same format, got {list(each.shape)} of {name(each)}"
            )
