"""A row of labelled small pictures: a pair's sources and what methods made of them."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.quality.sets import Pair
from gifnet.eval.single import Grey


def draw_band(pair: Pair, fused: dict[str, Grey]) -> Grey:
    """Visible, thermal and the fused pictures in a row, each with its name."""
    tiles = {"visible": pair.visible, "thermal": pair.thermal} | fused
    return np.concatenate([_tile(label, picture) for label, picture in tiles.items()], axis=1)


def _tile(label: str, picture: Grey) -> Grey:
    small = cv2.resize(picture, (360, 270), interpolation=cv2.INTER_AREA)
    tile = np.pad(small, ((20, 4), (0, 4)))
    cv2.putText(tile, label, (2, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 235, 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)
