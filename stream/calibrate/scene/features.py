"""Features of grey pictures, ready to be compared, see `gifnet.features`."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from gifnet.features import Encoder, load_features
from stream.calibrate.grey import Grey, Mask

# Margin at the border that is not compared: its features are mostly made of padding.
MARGIN_PX = 3


class Likeness:
    """Features of both cameras."""

    def __init__(self) -> None:
        """Load the packaged features."""
        self._features = load_features()
        # Convolutions of few channels are twice as fast that way.
        self._features.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's types

    def visible(self, picture: Grey, known: Mask | None = None) -> Tensor:
        """[C, H, W] float32 of a visible picture [H, W]; 0 where nothing is known."""
        return _encoded(self._features.visible, picture, known)

    def thermal(self, picture: Grey, known: Mask | None = None) -> Tensor:
        """[C, H, W] float32 of a thermal picture [H, W]; 0 where nothing is known."""
        return _encoded(self._features.thermal, picture, known)


@torch.inference_mode()
def _encoded(encoder: Encoder, picture: Grey, known: Mask | None) -> Tensor:
    inside = np.zeros(picture.shape, np.uint8)
    inside[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX] = 1
    values = picture
    if known is not None:
        around = np.ones((2 * MARGIN_PX + 1,) * 2, np.uint8)
        inside &= cv2.erode(known.astype(np.uint8), around, borderValue=0)
        values = np.where(known, picture, picture[known].mean() if known.any() else 0)
    low, high = np.percentile(values, (2, 98))
    stretched = np.ascontiguousarray((values - low) / max(float(high - low), 1e-3), np.float32)
    encoded: Tensor = encoder(torch.from_numpy(stretched)[None, None])[0]
    return (encoded * torch.from_numpy(inside)).contiguous()
