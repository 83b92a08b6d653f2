"""Pictures that carry the time when they were taken, readable after any ordinary compression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COLUMNS, ROWS = 16, 3
TIME_BITS = 40
# Times are counted from here, so that they fit.
EPOCH_MS = 1_700_000_000_000
Picture = NDArray[np.uint8]


def draw(size: tuple[int, int], time_ms: int) -> Picture:
    """A moving scene with the time in black and white blocks at its top left.

    Args:
        size: width and height in pixels, at least 160 and 120.
        time_ms: milliseconds since 1970, after `EPOCH_MS` and at most 34 years later.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    width, height = size
    across, down = np.arange(width), np.arange(height)[:, None]
    wave = 60 + 40 * np.sin((across + time_ms / 20) / 15) + 30 * np.sin(down / 20)
    picture = np.repeat(wave[..., None], 3, axis=2).astype(np.uint8)
    side_px = _side_px(width, height)
    for number, bit in enumerate(_bits(time_ms - EPOCH_MS)):
        row, column = divmod(number, COLUMNS)
        block = slice(row * side_px, (row + 1) * side_px), slice(column * side_px, (column + 1) * side_px)
        picture[block] = 235 * bit
    return picture


def read(pixels: NDArray[np.generic]) -> int | None:
    """The time in milliseconds that a picture [H, W] or [H, W, 3] carries; None when it is not readable."""
    grey = np.asarray(pixels, dtype=np.float64)
    grey = grey.mean(axis=2) if grey.ndim == 3 else grey
    side_px = _side_px(grey.shape[1], grey.shape[0])
    if side_px < 3:
        return None
    blocks = grey[: ROWS * side_px, : COLUMNS * side_px].reshape(ROWS, side_px, COLUMNS, side_px)
    inner = blocks[:, side_px // 4 : -(side_px // 4), :, side_px // 4 : -(side_px // 4)]
    bits = (inner.mean(axis=(1, 3)) > 118).ravel()
    number = sum(int(bit) << place for place, bit in enumerate(bits))
    time_ms, check = number & ((1 << TIME_BITS) - 1), number >> TIME_BITS
    return time_ms + EPOCH_MS if _check(time_ms) == check else None


def _side_px(width: int, height: int) -> int:
    return min(width // COLUMNS, height // ROWS)


def _bits(time_ms: int) -> list[int]:
    number = time_ms | _check(time_ms) << TIME_BITS
    return [number >> place & 1 for place in range(ROWS * COLUMNS)]


def _check(time_ms: int) -> int:
    return (sum(time_ms.to_bytes(5, "little")) * 7 + 129) & 0xFF
