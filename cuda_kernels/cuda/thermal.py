"""Kernels of thermal counts; see `cuda_kernels.reference` for what each does."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cuda_kernels.cuda.launch import BLOCK, KernelFamily, Launcher, blocks, check, name, new, plane, size
from cuda_kernels.reference.equalise import LEVELS, TILES

BINS = 1 << 16
_SHARED_HISTOGRAM_BLOCKS = 264
"""Enough blocks to fill a large GPU twice; each merges its own 256 bins at the end."""


class ThermalKernels(KernelFamily):
    """Operations of `src/thermal.cu`, `src/equalise.cu` and `src/detail.cu`.

    Histograms and the planes between two launches belong to this object, so that one object serves one order
    of work at a time.
    """

    def __init__(self, launcher: Launcher) -> None:
        super().__init__(launcher)
        self._histograms: dict[torch.device, Tensor] = {}
        self._windows: dict[tuple[torch.device, torch.Size], tuple[Tensor, Tensor]] = {}

    def percentiles(self, counts: Tensor, low: float, high: float, *, out: Tensor | None = None) -> Tensor:
        """As `reference.percentiles`."""
        out = plane(out, (2,), counts)
        check("percentiles", counts=counts, span=out)
        shares = np.float64(low / 100), np.float64(high / 100)
        self._launch("find_percentiles", 1, BLOCK, self._histogram(counts), out, *shares)
        return out

    def replace_bad_pixels(
        self, counts: Tensor, places: Tensor, sources: Tensor, *, out: Tensor | None = None
    ) -> Tensor:
        """As `reference.replace_bad_pixels`."""
        out = new(out, counts.shape, torch.uint16, counts)
        check("replace_bad_pixels", counts=counts, places=places, sources=sources, replaced=out)
        self._each_pixel(f"widen_{name(counts)}", counts.numel(), counts, out)
        self._each_pixel(f"replace_bad_pixels_{name(counts)}", places.numel(), counts, places, sources, out)
        return out

    def damp_span(
        self, measured: Tensor, previous: Tensor, ema_weight: Tensor, *, out: Tensor | None = None
    ) -> Tensor:
        """As `reference.damp_span`."""
        out = plane(out, (2,), measured)
        check("damp_span", measured=measured, previous=previous, ema_weight=ema_weight, span=out)
        self._launch("damp_span", 1, 2, measured, previous, ema_weight, out)
        return out

    def normalise(self, counts: Tensor, span: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.normalise`."""
        out = plane(out, counts.shape, counts)
        check("normalise", counts=counts, span=span, brightness=out)
        self._each_pixel(f"normalise_{name(counts)}", out.numel(), counts, span, out)
        return out

    def to_gray8(self, brightness: Tensor, coverage: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.to_gray8`."""
        out = new(out, brightness.shape, torch.uint8, brightness)
        check("to_gray8", brightness=brightness, coverage=coverage, gray=out)
        self._each_pixel("to_gray8", out.numel(), brightness, coverage, out)
        return out

    def enhance(self, counts: Tensor, span: Tensor, gain: float, *, out: Tensor | None = None) -> Tensor:
        """As `reference.enhance`."""
        out = plane(out, counts.shape, counts)
        check("enhance", counts=counts, span=span, enhanced=out)
        mean_and_flat, pixels = self._window_planes(counts), counts.numel()
        kind, shape = name(counts), size(counts)
        self._each_pixel(f"measure_windows_{kind}", pixels, counts, span, *mean_and_flat, *shape)
        self._each_pixel(f"enhance_{kind}", pixels, counts, *mean_and_flat, out, *shape, np.float32(gain))
        return out

    def plateau_curve(self, counts: Tensor, plateau: float, *, out: Tensor | None = None) -> Tensor:
        """As `reference.plateau_curve`."""
        out = plane(out, (BINS,), counts)
        check("plateau_curve", counts=counts, curve=out)
        self._launch("plateau_curve", 1, BLOCK, self._histogram(counts), out, np.float64(plateau / 100))
        return out

    def ema(
        self, measured: Tensor, previous: Tensor, ema_weight: Tensor, *, out: Tensor | None = None
    ) -> Tensor:
        """As `reference.ema`."""
        out = plane(out, measured.shape, measured)
        check("ema", measured=measured, previous=previous, ema_weight=ema_weight, averaged=out)
        self._each_pixel("ema", out.numel(), measured, previous, ema_weight, out)
        return out

    def equalise(self, counts: Tensor, curve: Tensor, *, out: Tensor | None = None) -> Tensor:
        """As `reference.equalise`."""
        out = plane(out, counts.shape, counts)
        check("equalise", counts=counts, curve=curve, brightness=out)
        self._each_pixel(f"equalise_{name(counts)}", out.numel(), counts, curve, out)
        return out

    def tile_curves(
        self, counts: Tensor, span: Tensor, contrast: float, *, out: Tensor | None = None
    ) -> Tensor:
        """As `reference.tile_curves`."""
        out = plane(out, (TILES * TILES, LEVELS), counts)
        check("tile_curves", counts=counts, span=span, curves=out)
        arguments = (counts, span, out, *size(counts), np.float64(contrast))
        self._launch(f"tile_curves_{name(counts)}", TILES * TILES, LEVELS, *arguments)
        return out

    def equalise_tiles(
        self, counts: Tensor, span: Tensor, curves: Tensor, *, out: Tensor | None = None
    ) -> Tensor:
        """As `reference.equalise_tiles`."""
        out = plane(out, counts.shape, counts)
        check("equalise_tiles", counts=counts, span=span, curves=curves, brightness=out)
        kernel = f"equalise_tiles_{name(counts)}"
        self._each_pixel(kernel, out.numel(), counts, span, curves, out, *size(counts))
        return out

    def _histogram(self, counts: Tensor) -> Tensor:
        """Of these counts, in memory that the next histogram overwrites."""
        if counts.device not in self._histograms:
            self._histograms[counts.device] = torch.zeros(BINS, dtype=torch.int32, device=counts.device)
        histogram, groups = self._histograms[counts.device], blocks(counts.numel())
        self._launch("clear_histogram", BINS // BLOCK, BLOCK, histogram)
        if counts.dtype == torch.uint8:
            groups = min(groups, _SHARED_HISTOGRAM_BLOCKS)
        pixels = np.int64(counts.numel())
        self._launch(f"histogram_{name(counts)}", groups, BLOCK, counts, histogram, pixels)
        return histogram

    def _window_planes(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and flatness of windows, in memory that stays, since a captured graph knows its place."""
        key = counts.device, counts.shape
        if key not in self._windows:
            self._windows[key] = plane(None, counts.shape, counts), plane(None, counts.shape, counts)
        return self._windows[key]
