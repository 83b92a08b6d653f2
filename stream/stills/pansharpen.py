"""Pansharpening: the detail of a panchromatic picture in each band of a coarser multispectral one.

The published recombination, in our words: each band is fused with the panchromatic picture by itself; the
fused picture is split by a 3x3 Gaussian into base and detail; the base takes the histogram of the band, so
that the band's radiometry stays, and the detail is added back, all in floating point.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.frame import Pixels
from stream.stills.fuse import Network, fuse_two
from stream.stills.picture import Picture

_QUANTILES = 1025

Plane = NDArray[np.float32]


def sharpen_band(pan: Picture, band: Picture, network: Network) -> Picture:
    """Sharpen one band.

    Args:
        pan: the panchromatic picture.
        band: grey, of the same size; see `upsampled`.
        network: from `gifnet.load`.

    Returns:
        The sharpened band, on the band's scale.
    """
    fused = fuse_two(pan, band, network).luma
    recombined = recombine(fused.cpu().numpy(), band.luma.cpu().numpy())
    return Picture(fused.new_tensor(recombined).clamp(0, 255), None)


def recombine(fused: Plane, band: Plane) -> Plane:
    """The base of the fused picture with the band's histogram, and its detail.

    Args:
        fused: [H, W] float32.
        band: [H, W] float32 on the same scale.
    """
    base = cv2.GaussianBlur(fused, (3, 3), 0)
    return np.asarray(match_histogram(base, band) + (fused - base), np.float32)


def match_histogram(picture: Plane, wanted: Plane) -> Plane:
    """A picture whose values are distributed as in another one, their order kept.

    Args:
        picture: [H, W] float32.
        wanted: [H, W] float32, any size.
    """
    levels = np.linspace(0, 1, _QUANTILES)
    own, other = np.quantile(picture, levels), np.quantile(wanted, levels)
    places, first = np.unique(own, return_index=True)
    last = np.append(first[1:], len(own)) - 1
    # A value that takes up many quantiles becomes the mean of theirs.
    values = (other[first] + other[last]) / 2
    return np.asarray(np.interp(picture, places, values), np.float32)


def upsampled(band: Pixels, size: tuple[int, int]) -> Pixels:
    """A band on the panchromatic grid, bicubic, within the range of its counts.

    Args:
        band: [H, W] or [H, W, 3].
        size: width and height.
    """
    if (band.shape[1], band.shape[0]) == size:
        return band
    finer = cv2.resize(band, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(finer, band.min(), band.max()))
