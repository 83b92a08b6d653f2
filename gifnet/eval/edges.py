"""Edges carried over into a fused picture (Qabf) and edges that no source has (Nabf). [H, W] uint8 grey."""

from __future__ import annotations

import numpy as np

from gifnet.eval.filters import Array, sobel
from gifnet.eval.single import Grey


def edge_preservation(fused: Grey, visible: Grey, thermal: Grey) -> float:
    """Qabf: edges of both sources kept in strength and direction, weighted by strength (Xydeas 2000).

    Returns:
        0 to about 1 (0.975 for equal pictures, by the sigmoids' constants); 0 where no source has edges.
    """
    strength_fused, angle_fused = _edges(fused)
    kept = whole = 0.0
    for source in (visible, thermal):
        strength, angle = _edges(source)
        likeness = _strength_ratio(strength, strength_fused, equal=strength_fused)
        turned = 1 - np.abs(angle - angle_fused) / (np.pi / 2)
        quality = 0.9994 / (1 + np.exp(-15 * (likeness - 0.5))) * 0.9879 / (1 + np.exp(-22 * (turned - 0.8)))
        kept, whole = kept + float(np.sum(quality * strength)), whole + float(np.sum(strength))
    return kept / whole if whole > 0 else 0.0


def edge_artefacts(fused: Grey, visible: Grey, thermal: Grey) -> float:
    """Nabf: strength of edges that are stronger in the fused picture than in both sources, and unlike them.

    Shreyamsha Kumar 2013, the modified measure, with its constants; differences wrap around at the border,
    as there.

    Returns:
        0 (none) and above; 0 where no source has edges.
    """
    strengths, angles = zip(*(_angled_edges(picture) for picture in (fused, visible, thermal)), strict=True)
    added = (strengths[0] > strengths[1]) & (strengths[0] > strengths[2])
    loss = whole = 0.0
    for strength, angle in zip(strengths[1:], angles[1:], strict=True):
        ratio = _strength_ratio(strength, strengths[0], equal=np.ones_like(strength))
        ratio[(strength == 0) | (strengths[0] == 0)] = 0
        turned = np.abs(np.abs(angle - angles[0]) - np.pi / 2) * 2 / np.pi
        quality = np.sqrt(
            0.9999 / (1 + np.exp(-19 * (ratio - 0.5))) * 0.9995 / (1 + np.exp(-22 * (turned - 0.5)))
        )
        weight = np.where(strength >= 2, strength**1.5, 0.001)
        loss += float(np.sum(((1 - quality) * weight)[added]))
        whole += float(np.sum(weight))
    return loss / whole


def _edges(picture: Grey) -> tuple[Array, Array]:
    """Sobel strength and direction in (-pi/2, pi/2], zeros outside; pi/2 where nothing changes along x."""
    along_x, along_y = sobel(picture.astype(np.float64), "zero")
    # Signs as of a true convolution, which turns the weights round.
    with np.errstate(divide="ignore", invalid="ignore"):
        angle = np.where(along_x == 0, np.pi / 2, np.arctan(-along_y / along_x))
    return np.hypot(along_x, along_y), angle


def _angled_edges(picture: Grey) -> tuple[Array, Array]:
    """Sobel strength on the scale of grey levels, and direction; 0 where nothing changes."""
    along_x, along_y = (part / 8 for part in sobel(picture.astype(np.float64), "wrap"))
    with np.errstate(divide="ignore", invalid="ignore"):
        angle = np.where(np.hypot(along_x, along_y) == 0, 0.0, np.arctan(along_x / along_y))
    return np.hypot(along_x, along_y), angle


def _strength_ratio(one: Array, other: Array, equal: Array) -> Array:
    """The weaker over the stronger; `equal` where both are the same."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(one > other, other / one, one / other)
    return np.where(one == other, equal, ratio)
