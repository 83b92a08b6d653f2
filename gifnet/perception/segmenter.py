"""A light segmentation network: which class each pixel of a picture shows."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from gifnet.errors import WeightsError

IGNORED = 255
"""Of a pixel of which it is not known what it shows."""
MULTIPLE_PX = 16
WIDTHS = 16, 24, 48, 64, 96


class Segmenter(nn.Module):
    """Pictures [B, 1 or 3, H, W] in [0, 1] to logits [B, classes + 1, H, W]; class 0 is the background.

    Convolutions at 1/2 to 1/16 of the resolution and back, with what was left at each added again (as
    in LinkNet, A. Chaurasia and E. Culurciello 2017); group norm, so that no picture depends on another.
    """

    def __init__(self, classes: int = 2, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.stem = _block(3, widths[0], stride=2)
        self.down = nn.ModuleList(
            nn.Sequential(_block(before, after, stride=2), _block(after, after))
            for before, after in pairwise(widths[:-1])
        )
        self.deep = _block(widths[-2], widths[-1], dilation=2)
        self.up = nn.ModuleList(nn.Conv2d(before, after, 1) for before, after in pairwise(reversed(widths)))
        self.smooth = nn.ModuleList(_block(width, width) for width in widths[-2::-1])
        self.head = nn.Conv2d(widths[0], classes + 1, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits of every pixel.

        Raises:
            ValueError: these are no pictures.
        """
        if pictures.ndim != 4 or pictures.shape[1] not in (1, 3) or not pictures.numel():
            raise ValueError(f"the segmenter takes pictures [B, 1 or 3, H, W], got {tuple(pictures.shape)}")
        height, width = pictures.shape[-2:]
        colour = (pictures - 0.5).expand(-1, 3, -1, -1)
        filled = F.pad(colour, (0, -width % MULTIPLE_PX, 0, -height % MULTIPLE_PX))
        levels = [self.stem(filled)]
        for down in self.down:
            levels.append(down(levels[-1]))
        features = self.deep(levels[-1])
        for up, smooth, level in zip(self.up, self.smooth, reversed(levels), strict=True):
            features = smooth(F.interpolate(up(features), size=level.shape[-2:], mode="nearest") + level)
        logits = F.interpolate(self.head(features), scale_factor=2.0, mode="bilinear", align_corners=False)
        return logits[..., :height, :width]


def load_segmenter(path: Path) -> Segmenter:
    """The network of a file that `gifnet train --joint` wrote, ready to be used.

    Raises:
        WeightsError: the file is missing, damaged or of another network.
    """
    try:
        state = {name: part.float() for name, part in load_file(path).items()}
        network = Segmenter(len(state["head.weight"]) - 1)
        network.load_state_dict(state)
    except (OSError, KeyError, RuntimeError, SafetensorError) as error:
        kind = type(error).__name__
        raise WeightsError(
            f"{path} is no segmentation network of gifnet train --joint ({kind}); name its "
            "NAME_segmentation.safetensors"
        ) from None
    return network.eval().requires_grad_(False)


def segmentation_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross entropy in which rare classes count more, by the square root of how rare they are in the batch.

    Args:
        logits: [B, classes + 1, H, W].
        masks: [B, H, W] int64 classes, 0 background, `IGNORED` for unknown.
    """
    known = masks[masks != IGNORED]
    if not len(known):
        return (0 * logits).sum()
    counts = torch.bincount(known, minlength=logits.shape[1]).to(logits)
    weights = (len(known) / counts.clamp_min(1)).sqrt().clamp_max(20)
    return F.cross_entropy(logits.float(), masks, weights, ignore_index=IGNORED)


def _block(before: int, after: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 3, stride, padding=dilation, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.GroupNorm(8, after), nn.ReLU())
