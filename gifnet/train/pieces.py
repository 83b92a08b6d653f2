"""Pieces of pairs for training features: a visible one, and thermal surroundings to find it in.

Piece number n depends on the seed and on n alone, so that resuming is exact. Pieces have random scales, turns
and bends, and random contrast, polarity, blur and noise. The thermal side of some is invented: the visible
picture with its brightness bent into another order, as no pair of few scenes would have it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gifnet.errors import TrainingError
from gifnet.train.config import FeatureSettings
from gifnet.train.pairs import Pair

Picture = NDArray[np.float32]
Rng = np.random.Generator

# Side of the largest piece, how far it may lie off, and what the networks see around it.
PIECE, REACH, AROUND = 64, 16, 16
VISIBLE_SIDE, THERMAL_SIDE = PIECE + 2 * AROUND, PIECE + 2 * AROUND + 2 * REACH
# Of the pictures' pixels; down to this, a picture of 640 pixels is 115 wide.
SCALES = 0.18, 1.1
TURN, BENDS = 0.12, (0.02, 0.06)


@dataclass(frozen=True)
class Pieces:
    """Pieces of one step.

    Attributes:
        visible: `[B, 1, 96, 96]` float32.
        visible_known: `[B, 1, 96, 96]` 1 where the picture has it, else 0.
        thermal: `[B, 1, 128, 128]` float32.
        thermal_known: `[B, 1, 128, 128]`.
        place: `[B, 2]` right and down: the shift at which the visible piece is found, 0..32.
        unsure: `[B]` pixels by which the place may be off.
    """

    visible: torch.Tensor
    visible_known: torch.Tensor
    thermal: torch.Tensor
    thermal_known: torch.Tensor
    place: torch.Tensor
    unsure: torch.Tensor

    def to(self, device: torch.device) -> Pieces:
        """The same on another device."""
        return Pieces(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


class PieceSource:
    """Draws pieces; every scene is drawn from equally often."""

    def __init__(self, pairs: Sequence[Pair], settings: FeatureSettings) -> None:
        """Keep the pairs.

        Raises:
            TrainingError: when there is no pair.
        """
        if not pairs:
            raise TrainingError("no pair is left to train on; name more data, or fewer scenes in held_out")
        scenes = sorted({pair.scene for pair in pairs})
        self._scenes = [[pair for pair in pairs if pair.scene == scene] for scene in scenes]
        self._settings = settings

    def batch(self, iteration: int) -> Pieces:
        """The pieces of one iteration, counted from 0."""
        size = self._settings.batch
        drawn = [self._piece(iteration * size + index) for index in range(size)]
        parts = (np.stack(part) for part in zip(*drawn, strict=True))
        tensors = [torch.from_numpy(np.asarray(part, np.float32)) for part in parts]
        return Pieces(*(part[:, None] if part.ndim == 3 else part for part in tensors))

    def _piece(self, number: int) -> tuple[NDArray[Any] | np.float32, ...]:
        rng = np.random.default_rng([self._settings.seed, number])
        scene = self._scenes[rng.integers(len(self._scenes))]
        pair = scene[rng.integers(len(scene))]
        invented = bool(rng.uniform() < self._settings.invented)
        source = pair.visible if invented else pair.thermal
        scale = math.exp(rng.uniform(math.log(SCALES[0]), math.log(SCALES[1])))
        to_visible = _view(rng, pair.visible.shape, scale)
        off_px = rng.uniform(2 - REACH, REACH - 2, 2)
        to_thermal = _bend(rng, off_px) @ to_visible
        visible, visible_known = _warped(pair.visible, to_visible, VISIBLE_SIDE, scale)
        thermal, thermal_known = _warped(source, to_thermal, THERMAL_SIDE, scale)
        if invented:
            thermal = _reordered(rng, thermal)
        unsure = 0.0 if invented else scale * self._settings.unsure_px
        return (
            _exposed(rng, visible, 0.0),
            visible_known,
            _exposed(rng, thermal, 0.3),
            thermal_known,
            REACH + off_px,
            np.float32(unsure),
        )


def _view(rng: Rng, shape: tuple[int, ...], scale: float) -> NDArray[np.float64]:
    """[3, 3] from a picture to a visible piece: scaled, turned, perhaps mirrored."""
    turn = rng.normal() * TURN + (rng.integers(4) * math.pi / 2 if rng.uniform() < 0.15 else 0)
    mirror = -1 if rng.uniform() < 0.5 else 1
    sine, cosine = math.sin(turn), math.cos(turn)
    matrix = np.eye(3)
    matrix[:2, :2] = scale * np.array([[cosine * mirror, -sine], [sine * mirror, cosine]])
    # Small pictures are looked at in the middle, or nothing of them would be seen.
    inner = 0.3 if scale < 0.35 else 0.1
    middle = rng.uniform(inner, 1 - inner, 2) * (shape[1], shape[0])
    matrix[:2, 2] = (VISIBLE_SIDE - 1) / 2 - matrix[:2, :2] @ middle
    return matrix


def _bend(rng: Rng, off_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """[3, 3] from a visible piece to its thermal surroundings."""
    matrix = np.eye(3)
    matrix[:2, :2] += rng.normal(size=(2, 2)) * BENDS[rng.integers(2)]
    matrix[:2, 2] = (THERMAL_SIDE - 1) / 2 + off_px - matrix[:2, :2] @ np.full(2, (VISIBLE_SIDE - 1) / 2)
    return matrix


def _warped(
    picture: NDArray[np.uint8], matrix: NDArray[np.float64], side: int, scale: float
) -> tuple[Picture, Picture]:
    values = picture.astype(np.float32)
    if scale < 0.9:  # else it would alias
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), 0.5 * (1 / scale**2 - 1) ** 0.5), np.float32)
    moved = cv2.warpPerspective(values, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    known = cv2.warpPerspective(np.ones(picture.shape, np.float32), matrix, (side, side))
    return np.asarray(moved, np.float32), np.asarray(known > 0.99, np.float32)


def _reordered(rng: Rng, picture: Picture) -> Picture:
    """Brightness through a random curve of one or two waves."""
    span = np.ptp(picture) + 1e-3
    level = (picture - picture.min()) / span
    curve = level * rng.uniform(-1, 1)
    for _ in range(rng.integers(1, 3)):
        waves, phase = rng.uniform(0.3, 1.6), rng.uniform()
        curve = curve + rng.uniform(0.3, 1) * np.cos(2 * np.pi * (level * waves + phase))
    return np.asarray(curve, np.float32)


def _exposed(rng: Rng, picture: Picture, inverted: float) -> Picture:
    """Random contrast, polarity, shading, blur, noise and clipping; about 0..1."""
    low, high = np.percentile(picture, (2, 98))
    values = (picture - low) / max(float(high - low), 1e-3)
    if rng.uniform() < inverted:
        values = 1 - values
    if rng.uniform() < 0.3:
        values = np.clip(values, 0, 1) ** math.exp(rng.normal() * 0.4)
    if rng.uniform() < 0.3:
        coarse = rng.normal(size=(3, 3)).astype(np.float32)
        shade = cv2.resize(coarse, values.shape[::-1], interpolation=cv2.INTER_CUBIC)
        values = values * (1 + 0.3 * shade) + 0.2 * shade
    if rng.uniform() < 0.5:
        values = cv2.GaussianBlur(values.astype(np.float32), (0, 0), rng.uniform(0.3, 1.4))
    if rng.uniform() < 0.6:
        values = values + rng.normal(size=values.shape) * rng.uniform(0, 0.07)
    if rng.uniform() < 0.2:
        values = np.clip(values, rng.uniform(-0.2, 0.2), rng.uniform(0.7, 1.2))
    return np.asarray(values, np.float32)
