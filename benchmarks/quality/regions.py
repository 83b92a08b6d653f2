"""Veils over dark and bright regions, and how far people stand out, in fused pictures.

Pictures are [H, W] uint8 grey. What is measured:

- *dark ratio*: mean of the fused picture over that of the visible one, in regions that are dark in the
  visible picture and flat in the thermal one; 1 is no veil. *sky ratio*: the same where the visible one is
  bright and the thermal one colder than its middle, as clear skies are.
- *people*: distance in grey levels of a person from its surroundings, over that of the better source.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gifnet.eval.single import Grey

_WINDOW_PX = 17
_FLAT = 6.0  # standard deviation in grey levels of a window
_DARK, _BRIGHT = 60.0, 170.0
_LEAST_SHARE = 0.01
_LEAST_HEIGHT_PX, _LEAST_CONTRAST = 24, 10.0

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


@dataclass(frozen=True, slots=True)
class Regions:
    """Masks [H, W] bool of a pair."""

    dark: NDArray[np.bool_]
    sky: NDArray[np.bool_]


def regions_of(visible: Grey, thermal: Grey) -> Regions:
    """Masks of what is in the visible picture alone, dark or bright."""
    mean = _local_mean(visible)
    thermal_mean = _local_mean(thermal)
    variance = _local_mean(thermal.astype(np.float32) ** 2) - thermal_mean**2
    flat = variance < _FLAT**2
    cold = thermal_mean < np.median(thermal)
    return Regions(flat & (mean < _DARK), flat & cold & (mean > _BRIGHT))


def mean_ratio(fused: Grey, visible: Grey, mask: NDArray[np.bool_]) -> float:
    """Mean of the fused picture over that of the visible one; NaN where less than 1 % of it counts."""
    if mask.mean() < _LEAST_SHARE:
        return float("nan")
    return float(fused[mask].mean()) / max(float(visible[mask].mean()), 1.0)


def veils(fused: Grey, visible: Grey, thermal: Grey) -> dict[str, float]:
    """`dark ratio` and `sky ratio` of a fused picture."""
    regions = regions_of(visible, thermal)
    return {
        "dark ratio": mean_ratio(fused, visible, regions.dark),
        "sky ratio": mean_ratio(fused, visible, regions.sky),
    }


def people_ratios(fused: Grey, visible: Grey, thermal: Grey, boxes: Sequence[Box]) -> list[float]:
    """For each person: its contrast over that of the source in which it is larger.

    Left out are people who are small, hidden by a nearer one, or faint in both sources.

    Args:
        fused: the fused picture.
        visible: the visible picture.
        thermal: the thermal picture.
        boxes: of people, far ones first.
    """
    ratios = []
    for index, box in enumerate(boxes):
        nearer = boxes[index + 1 :]
        if box[3] - box[1] < _LEAST_HEIGHT_PX or any(_overlap(box, other) for other in nearer):
            continue
        better = max(box_contrast(visible, box), box_contrast(thermal, box))
        if better >= _LEAST_CONTRAST:
            ratios.append(box_contrast(fused, box) / better)
    return ratios


def box_contrast(picture: Grey, box: Box) -> float:
    """Distance in grey levels of the middle of a box from the median around it; 0 at the very border.

    A person fills the middle of its box: 40 % of the width and 70 % of the height count. Around lies a frame
    from a tenth to a half of the box's width away.
    """
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    inner = _cut(
        picture, (left + 0.3 * width, top + 0.15 * height, right - 0.3 * width, bottom - 0.15 * height)
    )
    outside = np.zeros(picture.shape, bool)
    _cut(outside, _grown(box, 0.5 * width))[:] = True
    _cut(outside, _grown(box, 0.1 * width))[:] = False
    if not inner.size or not outside.any():
        return 0.0
    return abs(float(inner.mean()) - float(np.median(picture[outside])))


def within(ratios: Iterable[float], lowest: float, highest: float) -> float:
    """Share of the known ratios that lie in a range; NaN of none."""
    known = [ratio for ratio in ratios if not np.isnan(ratio)]
    return float(np.mean([lowest <= ratio <= highest for ratio in known])) if known else float("nan")


def _local_mean(picture: NDArray[np.generic]) -> NDArray[np.float32]:
    return np.asarray(cv2.blur(picture.astype(np.float32), (_WINDOW_PX, _WINDOW_PX)), np.float32)


def _grown(box: Box, margin: float) -> Box:
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin


def _cut(picture: NDArray[np.generic], box: Box) -> NDArray[np.generic]:
    left, top, right, bottom = (max(0, round(side)) for side in box)
    return picture[top:bottom, left:right]


def _overlap(one: Box, other: Box) -> bool:
    return min(one[2], other[2]) > max(one[0], other[0]) and min(one[3], other[3]) > max(one[1], other[1])
