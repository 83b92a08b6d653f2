"""Edge agreement of an alignment that features found: a second, independent measure.

It is that of `gifnet calibrate check` (`stream.registration.gradient_correlation`), so that no calibration is
written which the check would refuse. Edges alone often cannot find an alignment, but they can judge one.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from stream.calibrate.check.measure import REGIONS
from stream.calibrate.check.residual import Regions
from stream.calibrate.grey import Grey, Numbers
from stream.frame import Pixels
from stream.registration.gradient_correlation import compare

# Shifts that are looked at, as a share of the width, and regions that have to be clear.
REACH = 0.03
FEWEST_CLEAR = 3


def edges_off_px(pairs: Sequence[tuple[Grey, Grey]], matrix: Numbers) -> float | None:
    """Mean offset of the edges of clear regions, in visible pixels.

    Args:
        pairs: visible and thermal pictures of one size each, over all moments.
        matrix: [3, 3] visible_from_thermal.

    Returns:
        The mean distance; None where too few regions are clear.
    """
    measured = [compare(*_registered(visible, thermal, matrix), REACH, REGIONS) for visible, thermal in pairs]
    weights = np.sum([one.weights for one in measured], axis=0)
    surfaces = np.sum([one.surfaces * one.weights[:, None, None] for one in measured], axis=0)
    mean = surfaces / np.maximum(weights, 1e-9)[:, None, None]
    size = pairs[0][0].shape[1], pairs[0][0].shape[0]
    regions = Regions(mean, weights, measured[0].middles_px, measured[0].step_px, size)
    clear = [one for one in regions.each(regions.best()[0]) if one.is_clear]
    if len(clear) < FEWEST_CLEAR:
        return None
    return float(np.mean([np.hypot(one.right_px, one.down_px) for one in clear]))


def _registered(visible: Grey, thermal: Grey, matrix: Numbers) -> tuple[Pixels, Pixels, Pixels]:
    """A visible picture, the thermal one on its grid, and where it is known."""
    size = visible.shape[1], visible.shape[0]
    moved = cv2.warpPerspective(thermal, matrix, size)
    known = cv2.warpPerspective(np.ones(thermal.shape, np.float32), matrix, size) > 0.999
    colour = cv2.cvtColor(_bytes(visible), cv2.COLOR_GRAY2RGB)
    return np.asarray(colour), _bytes(np.asarray(moved)), known.astype(np.float32)


def _bytes(picture: Grey) -> Pixels:
    return np.clip(picture, 0, 255).astype(np.uint8)
