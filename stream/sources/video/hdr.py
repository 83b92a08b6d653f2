"""Video of high dynamic range (HDR10 by PQ, and HLG) as standard RGB of the same brightness.

Diffuse white, 203 cd/m2 in both (ITU-R BT.2408-7, section 2.2), becomes 255; what is darker looks as it would
on a standard display (ITU-R BT.1886: light is the code to the power of 2.4), what is brighter is cut off.
Nothing depends on the picture, so that brightness never moves by itself.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

PQ, HLG = 16, 18  # H.273 transfer characteristics
NAMES = {PQ: "HDR10 (PQ)", HLG: "HLG"}
WHITE_CD_M2 = 203.0
# The display for which HLG is made, and its gamma (ITU-R BT.2100-2, table 5, note 5f).
HLG_PEAK_CD_M2, HLG_GAMMA = 1000.0, 1.2
DISPLAY_GAMMA = 2.4
# Codes of 16 bits; libav's scaler makes the largest signal 255 times 256.
_CODES, _LARGEST = 65_536, 65_280
# Linear light of ITU-R BT.2020 primaries to that of BT.709 (ITU-R BT.2407-0, section 2.2).
BT709_FROM_BT2020 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
_BT709_PRIMARIES = 1
_BT2020_LUMINANCE = np.array([[0.2627, 0.6780, 0.0593]], np.float32)


def pq_light(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light in cd/m2 of a PQ signal of 0..1 (ITU-R BT.2100-2, table 4, EOTF)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = signal ** (1 / m2)
    light: NDArray[np.float64] = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return light


def hlg_scene_light(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of the scene, 0..1, of an HLG signal of 0..1 (ITU-R BT.2100-2, table 5, inverse OETF)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


class HdrToSdr:
    """Converts pictures of one video; keeps its tables."""

    def __init__(self, transfer: int, primaries: int) -> None:
        """Make the tables.

        Args:
            transfer: `PQ` or `HLG`.
            primaries: H.273 colour primaries; all but BT.709's are taken for BT.2020's, as both systems have.
        """
        signal = np.minimum(np.arange(_CODES) / _LARGEST, 1)
        light = pq_light(signal) / WHITE_CD_M2 if transfer == PQ else hlg_scene_light(signal)
        self._light = light.astype(np.float32)
        self._is_hlg, self._is_wide = transfer == HLG, primaries != _BT709_PRIMARIES
        # By the root of light: steps of light itself would be too coarse in the dark.
        root = np.arange(_CODES) / (_CODES - 1)
        self._codes = np.round(255 * root ** (2 / DISPLAY_GAMMA)).astype(np.uint8)

    def __call__(self, pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """Convert one picture.

        Args:
            pixels: [H, W, 3] uint16, the signal as RGB of full range.

        Returns:
            [H, W, 3] uint8 RGB with the primaries of BT.709.
        """
        light = self._light[pixels]
        if self._is_hlg:
            # The display's own rendering, BT.2100-2 table 5, OOTF.
            luminance = cv2.transform(light, _BT2020_LUMINANCE)
            gain = cv2.pow(luminance, HLG_GAMMA - 1) * (HLG_PEAK_CD_M2 / WHITE_CD_M2)
            light *= gain[..., None]
        if self._is_wide:
            light = cv2.transform(light, BT709_FROM_BT2020)
        root = cv2.sqrt(np.clip(light, 0, 1, out=light))
        codes: NDArray[np.uint8] = self._codes[np.rint(root * (_CODES - 1)).astype(np.uint16)]
        return codes
