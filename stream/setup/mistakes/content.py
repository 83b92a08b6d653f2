"""Mistakes that several pictures of both sources tell: one camera twice, warm things dark."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.calibrate.grey import Grey, grey_thermal, grey_visible
from stream.calibrate.scene.run import FrameSet
from stream.setup.mistakes.finding import Finding

# Pictures of two kinds of camera are never so alike in their details: of 171 registered pairs of driving
# scenes none reaches 0.5.
TWICE = 0.85
SMALL_PX, DETAIL_PX = (160, 120), 6.0
# Below, what is extreme and what moves is dark rather than bright. Of 9 scenes of M3SVD none comes below
# -0.05, and of 171 pictures of RoadScene one does; inverted, 5 of the 9 do.
BLACK_HOT = -0.6
MOVING, MOVING_SHARE = 0.08, 0.01
FEWEST_FOR_MOTION = 3

Numbers = NDArray[np.float64]


def content_findings(moments: Sequence[FrameSet], is_deep: bool, states_palette: bool) -> list[Finding]:
    """Mistakes that the pictures of some moments tell.

    Args:
        moments: pairs of one moment, spread over the recording.
        is_deep: the thermal pictures are counts of more than 8 bits, which grow with warmth.
        states_palette: the user said what the thermal colours mean.
    """
    pairs = [(grey_visible(one.visible), grey_thermal(one.thermal)) for one in moments]
    if pairs and float(np.median([likeness(*pair) for pair in pairs])) > TWICE:
        return [
            Finding(
                "one-camera-twice",
                "both sources show the same picture, so it is one camera twice (or the visible channel of a "
                "device with two): name the thermal camera, or its thermal channel, second",
                "stop",
            )
        ]
    if is_deep or states_palette or warmth_is_bright([thermal for _, thermal in pairs]) > BLACK_HOT:
        return []
    return [
        Finding(
            "black-hot",
            "the thermal picture seems black hot, since what stands out in it and what moves is dark: if "
            "warm things are dark in it, set the camera to white hot, or run this again with "
            "--thermal-palette black-hot",
        )
    ]


def warmth_is_bright(thermal: Sequence[Grey]) -> float:
    """Evidence that bright is warm; negative for the opposite.

    What is extreme in a thermal picture is mostly warm, and so is what moves.

    Args:
        thermal: [H, W] pictures of one size, stretched to 0..200.
    """
    if not thermal:
        return 0.0
    skew = float(np.mean([_skew(picture) for picture in thermal]))
    if len(thermal) < FEWEST_FOR_MOTION:
        return skew
    stack = np.stack(thermal)
    change = (stack - np.median(stack, axis=0)) / 200
    moving = np.abs(change) > MOVING
    share = float(moving.mean())
    brighter = float((moving & (change > 0)).mean()) / max(share, 1e-9)
    return skew + (2 * brighter - 1) * min(1.0, share / MOVING_SHARE)


def _skew(picture: Grey) -> float:
    """-1 where all that is extreme is dark, 1 where it is bright."""
    low, middle, high = (float(value) for value in np.percentile(picture, (1, 50, 99)))
    return ((high - middle) - (middle - low)) / max(high - low, 1.0)


def likeness(visible: Grey, thermal: Grey) -> float:
    """Correlation of the details of two pictures, -1..1."""
    if abs(visible.shape[1] / visible.shape[0] / (thermal.shape[1] / thermal.shape[0]) - 1) > 0.1:
        return 0.0
    one, other = _details(visible), _details(thermal)
    norm = float(np.sqrt(np.square(one).sum() * np.square(other).sum()))
    return float((one * other).sum()) / max(norm, 1e-9)


def _details(picture: Grey) -> Grey:
    small = np.asarray(cv2.resize(picture, SMALL_PX, interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(small - cv2.GaussianBlur(small, (0, 0), DETAIL_PX))
