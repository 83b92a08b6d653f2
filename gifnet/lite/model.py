"""GIFNet-lite: convolutions over cells of 4 x 4 pixels choose, pixel by pixel, how two pictures are mixed.

    fused = a visible + b thermal + c + sum of d_i detail_i

`a`, `b`, `c` and `d_i` come from the network, one of each for every pixel. The details are fine and coarse
ones of either picture, by which noise can be taken away, and the stronger ones of both, so that the network
only has to say how much of them is wanted; all at full resolution. Nothing is normalised by statistics of the
frame, but for the offset of `gifnet.lite.exposure`: one number for the whole picture, which follows slowly in
videos.

This network is this project's own; that detail is chosen by strength before the network scales it, and that
no mean of the whole frame enters its layers, are what sets it apart from networks of its size.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gifnet.lite.bands import MEANS_PX, band_kernels, stronger
from gifnet.lite.config import CELL, CELL_PX, LiteConfig
from gifnet.lite.exposure import brightness_of, expose

BASES = 2 + 3 * len(MEANS_PX)
"""Number of bases: both pictures, and per scale the details of visible, thermal and the stronger."""

GREY = 0.5
"""Subtracted from what the convolutions see, so that zero padding means grey."""

SHARE = 0.85
"""Of each picture, before training."""


class GIFNetLite(nn.Module):
    """Fuses [B, 1, H, W] pictures in [0, 1] of any size; visible first.

    Attributes:
        weights_sha256: of the file that the parameters came from.
        precision: number format of the convolutions.
        form: name in reports.
        exposes: True for single pictures, each exposed by its own brightness; False where pictures come as
            they are mixed and not held within [0, 1], to be exposed behind the network by the frames before.
        picture_dtype: of pictures that go in; 16 bits would round what is mixed at full resolution.
    """

    bands: Tensor
    picture_dtype = torch.float32

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LiteConfig()
        channels = config.channels
        self.first = nn.Conv2d(2 * CELL, channels, 3)
        self.layers = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(config.layers - 1)
        )
        self.head = nn.Conv2d(channels, (BASES + 1) * CELL, 1)
        self.register_buffer("bands", band_kernels(), persistent=False)
        self.weights_sha256 = ""
        self.form = "lite"
        self.exposes = True
        self._begin_with_a_sum()

    @property
    def precision(self) -> str:
        """Number format of the convolutions, as torch names it."""
        return str(self.first.weight.dtype).removeprefix("torch.")

    def forward(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse two pictures into one, [B, 1, H, W] float32, in [0, 1] where the network `exposes`.

        Raises:
            ValueError: when the two differ in shape or are no pictures.
        """
        check_pair(visible, thermal)
        fused = self.fuse(visible, thermal)[0]
        return expose(fused, brightness_of(visible, thermal)) if self.exposes else fused

    def fuse(self, visible: Tensor, thermal: Tensor) -> tuple[Tensor, Tensor]:
        """The fused picture, not yet exposed, and the coefficients [B, 9 * 16, h, w] of its cells.

        In the order a, b, d_1 to d_6, c; for each the 16 pixels of a cell, row by row.
        """
        height, width = visible.shape[2:]
        cells = self.cells_of(visible, thermal)
        coefficients = self.coefficients(cells)
        mixed = self.mix(cells, coefficients)
        return F.pixel_shuffle(mixed, CELL_PX)[..., :height, :width], coefficients

    def cells_of(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Both pictures [B, 1, H, W] as cells with a frame of one cell, [B, 32, h + 2, w + 2] float32."""
        pictures = torch.cat([visible, thermal], dim=1).float()
        framed = _framed(pictures, CELL_PX)
        rows, columns = (side // CELL_PX for side in framed.shape[2:])
        # One copy; `pixel_unshuffle` and then the order of channels last are two.
        cells = framed.view(-1, 2, rows, CELL_PX, columns, CELL_PX).permute(0, 2, 4, 1, 3, 5)
        return cells.reshape(-1, rows, columns, 2 * CELL).permute(0, 3, 1, 2)

    def coefficients(self, cells: Tensor) -> Tensor:
        """[B, 32, h + 2, w + 2] cells with a frame to the coefficients of each pixel."""
        return cast(Tensor, self.head(self.features(cells)))

    def features(self, cells: Tensor) -> Tensor:
        """[B, 32, h + 2, w + 2] cells with a frame to [B, channels, h, w], which `head` takes."""
        # Training reads these values again for the gradients, so that only inference may overwrite them.
        inplace = not torch.is_grad_enabled()
        features = F.relu(self.first((cells - GREY).to(self.first.weight.dtype)), inplace)
        for layer in self.layers:
            features = F.relu(layer(features), inplace)
        return features

    def mix(self, cells: Tensor, coefficients: Tensor) -> Tensor:
        """Cells with a frame and their coefficients to cells [B, 16, h, w] of the fused picture."""
        kernels = self.bands.to(self.first.weight.dtype)
        sources = cells.to(kernels.dtype).chunk(2, dim=1)
        details = [F.conv2d(source, kernels).float() for source in sources]
        details.append(stronger(details[0], details[1], self.config.calm))
        bases = [basis for part in (cells[..., 1:-1, 1:-1], *details) for basis in part.chunk(2, dim=1)]
        *scales, offset = coefficients.chunk(BASES + 1, dim=1)
        mixed = offset.float()
        # One after the other: all products together would be the largest tensor of the network.
        for scale, basis in zip(scales, bases, strict=True):
            mixed = torch.addcmul(mixed, scale.float(), basis)
        return mixed

    @torch.no_grad()
    def _begin_with_a_sum(self) -> None:
        """Nearly the sum of both pictures, kept in range: what each of them holds is then in the picture."""
        bias = torch.zeros(BASES + 1, CELL)
        bias[:2], bias[BASES] = SHARE, GREY - SHARE
        self.head.weight.mul_(0.1)
        self.head.bias = nn.Parameter(bias.flatten())


def check_pair(visible: Tensor, thermal: Tensor) -> None:
    """Refuse pictures that the network cannot take.

    Raises:
        ValueError: says what came.
    """
    if visible.ndim != 4 or visible.shape[1] != 1 or visible.shape != thermal.shape or not visible.numel():
        raise ValueError(
            "GIFNet-lite takes two pictures of one shape [B, 1, H, W], "
            f"got visible {tuple(visible.shape)} and thermal {tuple(thermal.shape)}"
        )


def _framed(pictures: Tensor, multiple_px: int) -> Tensor:
    """Repeat the border pixels: a cell on every side, and up to a multiple at the bottom and right."""
    height, width = pictures.shape[-2:]
    below, right = -height % multiple_px + CELL_PX, -width % multiple_px + CELL_PX
    return F.pad(pictures, (CELL_PX, right, CELL_PX, below), mode="replicate")
