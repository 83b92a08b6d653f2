"""An anchor-free detector of people and vehicles in a picture of any size, grey or colour.

As in FCOS (Tian et al. 2019): every point of three levels says how likely each class is at it, and how far
the four sides of the box are. The score of a class is trained to be the overlap that the box will have, as in
the quality focal loss (Li et al. 2020), so that no branch for centre-ness is needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gifnet.perception.backbone import Backbone, convolution
from gifnet.perception.config import MULTIPLE_PX, STRIDES_PX, DetectorConfig

GREY, RANGE = 0.5, 0.5
PRIOR = 0.01
"""Probability of a class at a point before training, so that the many empty points do not drown the few."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """Scores and boxes of the points of a batch; N points of all levels, row by row, the finest first.

    Attributes:
        logits: [B, N, classes] of the scores.
        boxes: [B, N, 4] left, top, right, bottom in pixels of the picture.
        points: [N, 2] x and y of the points in pixels.
        strides: [N] distance between the points of a point's level.
    """

    logits: Tensor
    boxes: Tensor
    points: Tensor
    strides: Tensor


class Detector(nn.Module):
    """Finds people and vehicles in pictures [B, 1 or 3, H, W] in [0, 1]."""

    def __init__(self, config: DetectorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DetectorConfig()
        self.backbone = Backbone(config)
        width = config.neck
        self.lateral = nn.ModuleList(convolution(each, width, 1, act=False) for each in self.backbone.widths)
        self.smooth = nn.ModuleList(_separable(width) for _ in STRIDES_PX)
        self.head = nn.Sequential(*(_separable(width) for _ in range(config.head_layers)))
        self.score = nn.Conv2d(width, len(config.classes), 1)
        self.sides = nn.Conv2d(width, 4, 1)
        nn.init.normal_(self.score.weight, std=0.01)
        nn.init.constant_(cast(Tensor, self.score.bias), -math.log((1 - PRIOR) / PRIOR))

    def forward(self, pictures: Tensor) -> Predictions:
        """Scores and boxes of all points.

        Raises:
            ValueError: these are no pictures.
        """
        if pictures.ndim != 4 or pictures.shape[1] not in (1, 3) or not pictures.numel():
            raise ValueError(f"the detector takes pictures [B, 1 or 3, H, W], got {tuple(pictures.shape)}")
        return self._predictions(self._levels(pictures))

    def _levels(self, pictures: Tensor) -> list[Tensor]:
        """Features of the three levels, the finest first, [B, neck, H / stride, W / stride]."""
        height, width = pictures.shape[-2:]
        colour = ((pictures - GREY) / RANGE).expand(-1, 3, -1, -1)
        # Filled with grey: what is added looks like nothing.
        filled = F.pad(colour, (0, -width % MULTIPLE_PX, 0, -height % MULTIPLE_PX))
        fine, middle, coarse = (
            lateral(features) for lateral, features in zip(self.lateral, self.backbone(filled), strict=True)
        )
        middle = middle + F.interpolate(coarse, scale_factor=2.0, mode="nearest")
        fine = fine + F.interpolate(middle, scale_factor=2.0, mode="nearest")
        return [smooth(each) for smooth, each in zip(self.smooth, (fine, middle, coarse), strict=True)]

    def _predictions(self, levels: list[Tensor]) -> Predictions:
        logits, boxes, points, strides = [], [], [], []
        for features, stride in zip(levels, STRIDES_PX, strict=True):
            seen = self.head(features)
            place = level_points(features.shape[-2], features.shape[-1], stride, features.device)
            # exp keeps distances above 0; its argument is held so that nothing overflows at the start.
            distance = cast(Tensor, self.sides(seen)).float().clamp(max=6.0).exp() * stride
            logits.append(self.score(seen).float().flatten(2).mT)
            boxes.append(_boxes(place, distance.flatten(2).mT))
            points.append(place)
            strides.append(place.new_full((len(place),), stride))
        return Predictions(torch.cat(logits, 1), torch.cat(boxes, 1), torch.cat(points), torch.cat(strides))


def level_points(rows: int, columns: int, stride: int, device: torch.device | None = None) -> Tensor:
    """Middles of the cells of a level, [rows * columns, 2] x and y in pixels."""
    y = (torch.arange(rows, device=device) + 0.5) * stride
    x = (torch.arange(columns, device=device) + 0.5) * stride
    return torch.stack([x.repeat(rows), y.repeat_interleave(columns)], dim=1)


def _boxes(points: Tensor, distances: Tensor) -> Tensor:
    return torch.cat([points - distances[..., :2], points + distances[..., 2:]], dim=-1)


def _separable(width: int) -> nn.Sequential:
    return nn.Sequential(convolution(width, width, 3, groups=width, act=False), convolution(width, width, 1))
