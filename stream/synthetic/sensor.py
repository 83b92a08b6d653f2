"""Sensor effects on a generated street: noise, drift, counts, misalignment."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.synthetic.camera import SyntheticCamera
from stream.synthetic.paint import Picture

VISIBLE_NOISE = 4.0
# Counts of a 14-bit sensor at 10 degrees Celsius, and for each degree.
BASE_COUNTS, COUNTS_PER_C, BASE_C = 7000.0, 55.0, 10.0
THERMAL_NOISE, STRIPES, SPECKLES = 7.0, 5.0, 3.0
DRIFT_COUNTS, DRIFT_PERIOD_S = 40.0, 37.0
# Counts that become black and white in 8 bits.
EIGHT_BIT_COUNTS = 5900.0, 9300.0
# Noise of a frame is cut from a picture of noise this much larger.
MARGIN_PX = 64


class VisibleSensor:
    """Noise of a visible camera in developed grey levels."""

    def __init__(self, seed: int, camera: SyntheticCamera, noise: float) -> None:
        self._seed = seed
        self._grain = (
            _grain(seed, 4, (camera.height, camera.width, 3), VISIBLE_NOISE * noise) if noise else None
        )

    def noise(self, time_s: float) -> Picture | None:
        """Noise of the frame at a time, [H, W, 3]; None without noise."""
        return None if self._grain is None else _cut(self._grain, self._seed, time_s)


class ThermalSensor:
    """Counts of an uncooled thermal camera."""

    def __init__(self, seed: int, camera: SyntheticCamera, noise: float, air_c: float) -> None:
        shape = camera.height, camera.width
        rng = np.random.default_rng([seed, 6])
        stripes = STRIPES * rng.standard_normal((1, shape[1]), np.float32)
        speckles = SPECKLES * rng.standard_normal(shape, np.float32)
        self._fixed = (stripes + speckles) * np.float32(noise)
        self._grain = _grain(seed, 5, shape, THERMAL_NOISE * noise)
        self._level = BASE_COUNTS + COUNTS_PER_C * (air_c - BASE_C)
        self._drift = DRIFT_COUNTS if noise else 0.0
        self._seed = seed

    def counts(self, warm_c: Picture, time_s: float, bits: int) -> NDArray[np.uint16] | NDArray[np.uint8]:
        """Read a picture out.

        Args:
            warm_c: [H, W] degrees above the air.
            time_s: of the frame.
            bits: 10, 12, 14 or 16 for uint16 counts of that many bits, 8 for uint8.

        Returns:
            [H, W] counts; 14-bit ones are about 7000 at 10 degrees Celsius.
        """
        drift = self._drift * np.sin(2 * np.pi * time_s / DRIFT_PERIOD_S + self._seed)
        counts = warm_c * np.float32(COUNTS_PER_C) + np.float32(self._level + drift)
        counts += self._fixed
        counts += _cut(self._grain, self._seed, time_s)
        if bits == 8:
            low, high = EIGHT_BIT_COUNTS
            return np.asarray(np.clip((counts - low) * (255 / (high - low)) + 0.5, 0, 255), np.uint8)
        scaled = np.clip(counts * 2.0 ** (bits - 14) + 0.5, 0, 2**bits - 1)
        return np.asarray(scaled, np.uint16)


def misalignment(seed: int, camera: SyntheticCamera, reach_px: float) -> NDArray[np.float64]:
    """[3, 3] map of thermal pixels to where they would be in registered cameras: a shift and a small turn."""
    rng = np.random.default_rng([seed, 7])
    direction, sign = rng.uniform(0, 2 * np.pi), rng.choice([-1, 1])
    shift = 0.7 * reach_px * np.array([np.cos(direction), np.sin(direction)])
    corner = np.hypot(camera.width, camera.height) / 2
    angle = sign * 0.3 * reach_px / corner
    cos, sin = np.cos(angle), np.sin(angle)
    middle = np.array([(camera.width - 1) / 2, (camera.height - 1) / 2])
    turn = np.array([[cos, -sin], [sin, cos]])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = turn, middle - turn @ middle + shift
    return matrix


def shift(picture: Picture, aligned_from_thermal: NDArray[np.float64], camera: SyntheticCamera) -> Picture:
    """Cut the misaligned picture out of a registered one with a margin.

    Args:
        picture: [H + 2 pad, W + 2 pad].
        aligned_from_thermal: [3, 3] as `misalignment` returns it.
        camera: that the picture was drawn for, with its margin.

    Returns:
        [H, W].
    """
    margin = np.array([[1.0, 0, camera.pad_px], [0, 1, camera.pad_px], [0, 0, 1]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = camera.width, camera.height
    return np.asarray(
        cv2.warpPerspective(picture, margin @ aligned_from_thermal, size, flags=flags), np.float32
    )


def _grain(seed: int, stream: int, shape: tuple[int, ...], strength: float) -> Picture:
    rng = np.random.default_rng([seed, stream])
    wide = (shape[0] + MARGIN_PX, shape[1] + MARGIN_PX, *shape[2:])
    return rng.standard_normal(wide, np.float32) * np.float32(strength)


def _cut(grain: Picture, seed: int, time_s: float) -> Picture:
    """A cut of the grain that differs from time to time."""
    microseconds = round(float(time_s) * 1_000_000) % 2**40
    down, right = np.random.default_rng([seed, 8, microseconds]).integers(0, MARGIN_PX, 2)
    rows, columns = grain.shape[0] - MARGIN_PX, grain.shape[1] - MARGIN_PX
    return grain[down : down + rows, right : right + columns]
