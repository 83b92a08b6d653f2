"""Bad pixels of a thermal camera, read from a list or a map, and the good ones that replace them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stream.errors import CalibrationError, ConfigError
from stream.picture_size import is_bounded, picture_size

REACH_PX = 8
_SOURCES = 4
_NUMBER = re.compile("[0-9]{1,9}")
Size = tuple[int, int]
Mask = NDArray[np.bool_]


def load_bad_pixels(path: Path, size: Size) -> Mask:
    """The bad pixels of a camera, from a file.

    A text file has one pixel a line, `x y` or `x,y` from 0, and comments after `#`; a picture of the camera's
    size (PNG, TIFF) is not black where a pixel is bad.

    Args:
        path: of the file.
        size: width and height of the camera's pictures.

    Returns:
        [H, W] bool, True where bad.

    Raises:
        ConfigError: the file cannot be read, or is neither.
        CalibrationError: it is for pictures of another size.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"the bad pixels {path} cannot be read: {error.strerror}") from None
    stated = picture_size(content)
    if stated is None:
        return _from_list(path, content, size)
    # Asked before it is decoded: a file of some hundred bytes may state a picture of gigabytes.
    if stated != size:
        raise CalibrationError(
            f"the map of bad pixels {path} has {stated[0]}x{stated[1]} pixels and the thermal picture "
            f"{size[0]}x{size[1]}; take a map of the camera's own size"
        )
    stored = _decode(content) if is_bounded(content) else None
    if stored is None or stored.shape[1::-1] != size:
        raise ConfigError(f"the map of bad pixels {path} is damaged; save it again")
    colours = stored.reshape(size[1], size[0], -1)
    return np.asarray(colours[..., : 3 if colours.shape[2] == 4 else None].any(axis=2))


def replacement_indices(bad: Mask) -> tuple[Tensor, Tensor] | None:
    """The four nearest good pixels of each bad one, as `reference.replace_bad_pixels` takes them.

    Args:
        bad: [H, W] bool.

    Returns:
        places [N] int32 and sources [N, 4] int32; None where no pixel is bad.

    Raises:
        CalibrationError: a bad pixel has fewer than four good ones within `REACH_PX`.
    """
    height, width = bad.shape
    rows, columns = np.nonzero(bad)
    if not len(rows):
        return None
    found = np.zeros(len(rows), np.int32)
    sources = np.zeros((len(rows), _SOURCES), np.int32)
    for down, across in _nearest_first():
        row, column = rows + down, columns + across
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width) & (found < _SOURCES)
        row, column = row.clip(0, height - 1), column.clip(0, width - 1)
        use = np.nonzero(inside & ~bad[row, column])[0]
        sources[use, found[use]] = (row * width + column)[use]
        found[use] += 1
    if (found < _SOURCES).any():
        raise CalibrationError(
            f"a bad pixel has no four good ones within {REACH_PX} pixels, and {len(rows)} of "
            f"{bad.size} pixels are marked as bad; a map must be black where pixels are good"
        )
    return torch.from_numpy((rows * width + columns).astype(np.int32)), torch.from_numpy(sources)


def _decode(content: bytes) -> NDArray[Any] | None:
    # As stored, not turned upright: an EXIF tag on a map is a mistake of who saved it.
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None


def _from_list(path: Path, content: bytes, size: Size) -> Mask:
    width, height = size
    bad = np.zeros((height, width), bool)
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        words = line.split("#")[0].replace(",", " ").split()
        if not words:
            continue
        if len(words) != 2 or not all(_NUMBER.fullmatch(word) for word in words):
            raise ConfigError(
                f"line {number} of the bad pixels {path} must be x and y, as in `12 7`, got {line[:40]!r}; "
                "a map must be a PNG or TIFF picture"
            )
        x, y = map(int, words)
        if x >= width or y >= height:
            raise CalibrationError(
                f"line {number} of the bad pixels {path} is {x} {y}, and the thermal picture has "
                f"{width}x{height} pixels, counted from 0"
            )
        bad[y, x] = True
    return bad


def _nearest_first() -> list[tuple[int, int]]:
    """Steps down and across within reach, by distance."""
    reach = range(-REACH_PX, REACH_PX + 1)
    steps = [(down, across) for down in reach for across in reach if down or across]
    return sorted(steps, key=lambda step: step[0] ** 2 + step[1] ** 2)
