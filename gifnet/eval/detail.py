"""Detail loss: where a fused picture has less local contrast than both of its sources."""

from __future__ import annotations

import numpy as np

from gifnet.eval.filters import Array, convolve_valid
from gifnet.eval.single import Grey

_RADIUS_PX = 4
_FLOOR = 6.0


def local_contrast(picture: Grey) -> Array:
    """Standard deviation of grey levels in windows of 9x9, border repeated, [H, W] float64."""
    wide = np.pad(picture.astype(np.float64), _RADIUS_PX, mode="edge")
    window = np.full(2 * _RADIUS_PX + 1, 1 / (2 * _RADIUS_PX + 1))
    mean = convolve_valid(wide, window)
    return np.asarray(np.sqrt(np.maximum(convolve_valid(wide * wide, window) - mean**2, 0)), np.float64)


def lost_detail(fused: Grey, visible: Grey, thermal: Grey) -> Array:
    """Missing share of the weaker source's local contrast, for each pixel.

    Args:
        fused: [H, W] uint8 grey.
        visible: likewise.
        thermal: likewise.

    Returns:
        [H, W] float64: 0 where the fused picture has at least the contrast of either source, 1 where nothing
        is left. Contrast below 6 grey levels counts as noise and is never missed.
    """
    weaker = np.minimum(local_contrast(visible), local_contrast(thermal))
    missing = 1 - local_contrast(fused) / np.maximum(weaker, _FLOOR)
    return np.asarray(np.where(weaker >= _FLOOR, np.clip(missing, 0, 1), 0), np.float64)


def detail_loss(fused: Grey, visible: Grey, thermal: Grey) -> float:
    """Mean of `lost_detail` over all pixels, in percent, 0 to 100."""
    return 100 * float(np.mean(lost_detail(fused, visible, thermal)))
