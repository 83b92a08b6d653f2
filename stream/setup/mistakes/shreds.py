"""Thermal pictures that were saved with their width and height swapped: they show slanting shreds."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import numpy as np

from stream.frame import Pixels
from stream.uri import parse_uri

# In a picture, neighbours below each other are about as alike as neighbours beside each other.
SHREDDED, WHOLE = 2.5, 1.5
_FOLDERS = ("", "file", "images", "thermal", "flir")


def real_size(picture: Pixels) -> tuple[int, int] | None:
    """Width and height that a picture really has, where it was saved with the two swapped.

    Args:
        picture: [H, W] as it was read.

    Returns:
        None for a picture that is whole.
    """
    if picture.ndim != 2 or picture.shape[0] == picture.shape[1]:
        return None
    turned = picture.reshape(picture.shape[1], picture.shape[0])
    if _unrest(picture) > SHREDDED and _unrest(turned) < WHOLE:
        return turned.shape[1], turned.shape[0]
    return None


def with_size(uri: str, size: tuple[int, int]) -> str | None:
    """The name of a folder of pictures that states their size; None where no such name exists.

    Args:
        uri: path or URI of a folder.
        size: width and height.
    """
    parsed = parse_uri(uri)
    if parsed.scheme not in _FOLDERS:
        return None
    options = {**parsed.options, "size": f"{size[0]}x{size[1]}"}
    return f"thermal://{quote(parsed.path)}?{urlencode(options)}"


def _unrest(picture: Pixels) -> float:
    """Change from row to row over change from column to column."""
    values = picture.astype(np.float32)
    down, across = np.abs(np.diff(values, axis=0)).mean(), np.abs(np.diff(values, axis=1)).mean()
    return float(down / max(float(across), 1e-6))
