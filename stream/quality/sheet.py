"""A contact sheet of the worst pairs: visible, thermal, every method's picture, and where it lost detail."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from gifnet.eval.detail import lost_detail
from gifnet.eval.single import Grey
from stream.frame import Pixels
from stream.quality.inputs import Sample, read_sample
from stream.sources.pictures.decode import read_picture

_WIDTH, _LABEL, _MARGIN = 320, 20, 6


def detail_view(fused: Grey, visible: Grey, thermal: Grey) -> Pixels:
    """The fused picture with lost detail in red, [H, W, 3] uint8 RGB; see `lost_detail`."""
    share = lost_detail(fused, visible, thermal)[..., None]
    grey = np.repeat(fused[..., None], 3, axis=2).astype(np.float64)
    red = np.array([255.0, 40.0, 40.0])
    return np.asarray(np.round(grey * (1 - share) + red * share), np.uint8)


def worst_names(
    rows: list[tuple[str, str, dict[str, float]]], metric: str, count: int, lower: bool
) -> list[str]:
    """Names of the pairs whose worst method is worst.

    Args:
        rows: method, name, values.
        metric: that decides.
        count: at most so many.
        lower: whether lower values are better.
    """
    worst: dict[str, float] = {}
    for _, name, values in rows:
        badness = values[metric] if lower else -values[metric]
        worst[name] = max(badness, worst.get(name, -np.inf))
    return sorted(worst, key=lambda name: -worst[name])[:count]


def draw_sheet(samples: list[Sample], rows: list[tuple[str, str, dict[str, float]]], metric: str,
               names: list[str]) -> Pixels:  # fmt: skip
    """Draw a row for each named pair, [H, W, 3] uint8 RGB."""
    values = {(method, name): each[metric] for method, name, each in rows}
    bands = []
    for name in names:
        own = [sample for sample in samples if sample.name == name]
        tiles = [_tile(_colour(own[0].visible), f"{name} visible"), _tile(_colour(own[0].thermal), "thermal")]
        for sample in own:
            tiles.append(
                _tile(_colour(sample.fused), f"{sample.method} {metric} {values[sample.method, name]:.3f}")
            )
            tiles.append(_tile(detail_view(*read_sample(sample)), f"{sample.method}: lost detail in red"))
        bands.append(np.concatenate(tiles, axis=1))
    return np.concatenate(bands)


def _colour(path: Path) -> Pixels:
    pixels = read_picture(path)
    assert pixels is not None  # it was measured before
    return np.asarray(
        cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB if pixels.ndim == 2 else cv2.COLOR_BGR2RGB), np.uint8
    )


def _tile(picture: Pixels, label: str) -> Pixels:
    height = 4 * _WIDTH // 5
    share = min(_WIDTH / picture.shape[1], height / picture.shape[0])
    size = (round(picture.shape[1] * share), round(picture.shape[0] * share))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    tile = np.full((height + _LABEL + _MARGIN, _WIDTH + _MARGIN, 3), 24, np.uint8)
    tile[_LABEL : _LABEL + size[1], : size[0]] = small
    cv2.putText(
        tile, label[:44], (2, _LABEL - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (235, 235, 235), 1, cv2.LINE_AA
    )
    return tile
