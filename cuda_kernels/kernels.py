"""The kernels as functions of tensors: names and signatures are those of `cuda_kernels.reference`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from cuda_kernels import contract
from cuda_kernels.reference import TensorPair

BLOCK = 256
BINS = 1 << 16
_SHARED_HISTOGRAM_BLOCKS = 264
"""Enough blocks to fill a large GPU twice; each merges its own 256 bins at the end."""

Argument = Tensor | np.generic
Size = tuple[int, int, int]


class Launcher(Protocol):
    """What runs kernels: CuPy on a GPU, or anything that knows the same names."""

    def launch(self, kernel: str, grid: Size, block: Size, arguments: Sequence[Argument]) -> None:
        """Start a kernel in the current order of work; does not wait for it.

        Args:
            kernel: name of an `extern "C"` function in `src/*.cu`.
            grid: blocks in x, y, z.
            block: threads of a block in x, y, z.
            arguments: tensors, contiguous and on one device, and scalars of the kernel's own types.
        """


class Kernels:
    """Per-frame operations by kernels; see `cuda_kernels.reference` for what each does.

    Results are written into `out=`; without it they are allocated. Nothing waits for the device. Percentiles
    use a histogram that belongs to this object, so that one object serves one order of work at a time.
    """

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._histograms: dict[torch.device, Tensor] = {}

    def luma(self, rgb: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.luma`."""
        out = _plane(out, rgb.shape[:2], rgb)
        _check("luma", rgb=rgb, luma=out)
        self._each_pixel("luma", out.numel(), rgb, out)
        return out

    def chroma(self, rgb: Tensor, *, out: TensorPair | None = None) -> TensorPair:
        """As `reference.chroma`."""
        out = out or (_plane(None, rgb.shape[:2], rgb), _plane(None, rgb.shape[:2], rgb))
        _check("chroma", rgb=rgb, cb=out[0], cr=out[1])
        self._each_pixel("chroma", out[0].numel(), rgb, *out)
        return out

    def merge(self, luma: Tensor, cb: Tensor, cr: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.merge`."""
        out = _new(out, (*luma.shape, 3), torch.uint8, luma)
        _check("merge", luma=luma, cb=cb, cr=cr, rgb=out)
        self._each_pixel("merge", luma.numel(), luma, cb, cr, out)
        return out

    def blend_chroma(
        self, cb1: Tensor, cr1: Tensor, cb2: Tensor, cr2: Tensor, *, out: TensorPair | None = None
    ) -> TensorPair:
        """As `reference.blend_chroma`."""
        out = out or (torch.empty_like(cb1), torch.empty_like(cr1))
        _check("blend_chroma", cb1=cb1, cr1=cr1, cb2=cb2, cr2=cr2, cb=out[0], cr=out[1])
        self._each_pixel("blend_chroma", cb1.numel(), cb1, cr1, cb2, cr2, *out)
        return out

    def cover(self, luma: Tensor, fused: Tensor, coverage: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.cover`."""
        out = _plane(out, luma.shape, luma)
        _check("cover", luma=luma, fused=fused, coverage=coverage, covered=out)
        self._each_pixel("cover", luma.numel(), luma, fused, coverage, out)
        return out

    def percentiles(self, counts: Tensor, low: float, high: float, *, out: Tensor | None = None) -> Tensor:
        """As `reference.percentiles`."""
        out = _plane(out, (2,), counts)
        _check("percentiles", counts=counts, span=out)
        histogram = self._histogram(counts.device)
        self._launch("clear_histogram", BINS // BLOCK, BLOCK, histogram)
        blocks = _blocks(counts.numel())
        if counts.dtype == torch.uint8:
            blocks = min(blocks, _SHARED_HISTOGRAM_BLOCKS)
        pixels = np.int64(counts.numel())
        self._launch(f"histogram_{_name(counts)}", blocks, BLOCK, counts, histogram, pixels)
        shares = np.float64(low / 100), np.float64(high / 100)
        self._launch("find_percentiles", 1, BLOCK, histogram, out, *shares)
        return out

    def damp(self, measured: Tensor, previous: Tensor, keep: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.damp`."""
        out = _plane(out, (2,), measured)
        _check("damp", measured=measured, previous=previous, keep=keep, span=out)
        self._launch("damp", 1, 2, measured, previous, keep, out)
        return out

    def normalise(self, counts: Tensor, span: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.normalise`."""
        out = _plane(out, counts.shape, counts)
        _check("normalise", counts=counts, span=span, brightness=out)
        self._each_pixel(f"normalise_{_name(counts)}", out.numel(), counts, span, out)
        return out

    def shade(self, brightness: Tensor, coverage: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.shade`."""
        out = _new(out, brightness.shape, torch.uint8, brightness)
        _check("shade", brightness=brightness, coverage=coverage, shaded=out)
        self._each_pixel("shade", out.numel(), brightness, coverage, out)
        return out

    def warp(
        self, thermal: Tensor, map_x: Tensor, map_y: Tensor, *, out: TensorPair | None = None
    ) -> TensorPair:
        """As `reference.warp`."""
        out = out or _looked_up(map_x)
        _check("warp", thermal=thermal, map_x=map_x, map_y=map_y, warped=out[0], valid=out[1])
        self._each_pixel("warp", map_x.numel(), thermal, map_x, map_y, *out, *_size(thermal))
        return out

    def gather(
        self, counts: Tensor, map_x: Tensor, map_y: Tensor, span: Tensor, *, out: TensorPair | None = None
    ) -> TensorPair:
        """As `reference.gather`."""
        out = out or _looked_up(map_x)
        _check("gather", counts=counts, map_x=map_x, map_y=map_y, span=span, brightness=out[0], valid=out[1])
        arguments = (counts, map_x, map_y, span, *out, *_size(counts))
        self._each_pixel(f"gather_{_name(counts)}", map_x.numel(), *arguments)
        return out

    def pack(
        self,
        luma: Tensor,
        brightness: Tensor,
        coverage: Tensor,
        dtype: torch.dtype = torch.float32,
        *,
        out: TensorPair | None = None,
    ) -> TensorPair:
        """As `reference.pack`; both results have one format."""
        out = out or (torch.empty_like(luma, dtype=dtype), torch.empty_like(luma, dtype=dtype))
        _check("pack", luma=luma, brightness=brightness, coverage=coverage, visible=out[0], thermal=out[1])
        if out[0].dtype != out[1].dtype:
            raise ValueError(f"both results of pack have one format, got {out[0].dtype} and {out[1].dtype}")
        self._each_pixel(f"pack_{_name(out[0])}", luma.numel(), luma, brightness, coverage, *out)
        return out

    def _each_pixel(self, kernel: str, pixels: int, *arguments: Argument) -> None:
        self._launch(kernel, _blocks(pixels), BLOCK, *arguments, np.int64(pixels))

    def _launch(self, kernel: str, blocks: int, threads: int, *arguments: Argument) -> None:
        self._launcher.launch(kernel, (blocks, 1, 1), (threads, 1, 1), arguments)

    def _histogram(self, device: torch.device) -> Tensor:
        if device not in self._histograms:
            self._histograms[device] = torch.zeros(BINS, dtype=torch.int32, device=device)
        return self._histograms[device]


def _blocks(pixels: int) -> int:
    return -(-pixels // BLOCK)


def _size(picture: Tensor) -> tuple[np.int32, np.int32]:
    return np.int32(picture.shape[0]), np.int32(picture.shape[1])


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _plane(out: Tensor | None, shape: Sequence[int], beside: Tensor) -> Tensor:
    return _new(out, shape, torch.float32, beside)


def _new(out: Tensor | None, shape: Sequence[int], dtype: torch.dtype, beside: Tensor) -> Tensor:
    return torch.empty(tuple(shape), dtype=dtype, device=beside.device) if out is None else out


def _looked_up(map_x: Tensor) -> TensorPair:
    return torch.empty_like(map_x), torch.empty_like(map_x, dtype=torch.bool)


def _check(operation: str, **tensors: Any) -> None:
    contract.check(operation, **tensors)
    for name, tensor in tensors.items():
        if not tensor.is_contiguous():
            raise ValueError(f"{name} of {operation} must be contiguous, got strides {tensor.stride()}")
