"""A generated camera pair as the pipeline meets it: two sizes, 14-bit thermal, a calibration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import yaml
from torch import Tensor

from cuda_kernels import reference
from stream.config import FuseSettings
from stream.frame import Frame, FramePair
from stream.sources.base import SourceInfo
from stream.synthetic import Street

BITS = 14
PAIRS = 4


@dataclass(frozen=True, slots=True)
class Load:
    """Pairs that are fused again and again; visible [H, W, 3], thermal half as high and wide."""

    size: tuple[int, int]
    pairs: tuple[FramePair, ...]

    @property
    def visible(self) -> SourceInfo:
        """Facts that the visible source states."""
        return SourceInfo("visible", *self.size, "rgb24")

    @property
    def thermal(self) -> SourceInfo:
        """Facts that the thermal source states."""
        return SourceInfo("thermal", *thermal_size(self.size), "gray16le", BITS)

    def pictures(self, batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """The network's inputs: two [batch, 1, H, W] float32 in [0, 1]."""
        stacked = [self._pictures(self.pairs[index % PAIRS]) for index in range(batch)]
        visible, thermal = (torch.stack(side)[:, None].to(device) for side in zip(*stacked, strict=True))
        return visible, thermal

    def _pictures(self, pair: FramePair) -> tuple[Tensor, Tensor]:
        luma = reference.luma(torch.from_numpy(pair.visible.pixels)) / 255
        counts = torch.from_numpy(pair.thermal.pixels)
        brightness = reference.normalise(counts, reference.percentiles(counts, 1.0, 99.5))
        large = torch.nn.functional.interpolate(brightness[None, None], size=luma.shape, mode="bilinear")
        return luma, large[0, 0]


def make_load(size: tuple[int, int]) -> Load:
    """Draw a street at a few times; `size` is width and height of the visible picture."""
    visible, thermal = Street(1, size), Street(1, thermal_size(size))
    pairs = []
    for index in range(PAIRS):
        time_s = Fraction(index, 2)
        first = Frame(visible.visible(float(time_s)), "rgb24", time_s, "pts", index)
        second = Frame(thermal.thermal(float(time_s)), "gray16le", time_s, "pts", index, BITS)
        pairs.append(FramePair(first, second, time_s, 0.0))
    return Load(size, tuple(pairs))


@contextmanager
def settings_for(load: Load, weights: str, precision: str, batch: int) -> Iterator[FuseSettings]:
    """Settings of a run on this load, whose calibration file lives as long as the block."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "calibration.yaml")
        file.write_text(yaml.safe_dump(_calibration(load.size)), encoding="utf-8")
        yield FuseSettings.model_validate(
            {
                "visible": {"uri": "visible"},
                "thermal": {"uri": "thermal"},
                "fusion": {"weights": weights, "precision": precision, "batch": batch},
                "registration": {"file": str(file)},
            }
        )


def thermal_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the thermal picture beside a visible one."""
    return max(5, size[0] // 2), max(5, size[1] // 2)


def _calibration(size: tuple[int, int]) -> dict[str, object]:
    """The thermal picture covers all of the visible one but a margin, as mounted cameras do."""
    width, height = size
    thermal = thermal_size(size)
    across, down = 0.96 * width / thermal[0], 0.96 * height / thermal[1]
    return {
        "visible": _camera(size),
        "thermal": _camera(thermal),
        "homography": {
            "matrix": [[across, 0, 0.02 * width], [0, down, 0.02 * height], [0, 0, 1]],
            "distance_m": 10.0,
        },
        "rms_px": 0.0,
        "date": "2026-01-01",
        "made_by": "gifnet bench",
    }


def _camera(size: tuple[int, int]) -> dict[str, object]:
    width, height = size
    return {"size": list(size), "camera_matrix": [[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]]}
