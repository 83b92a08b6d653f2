"""Suspicion of a fisheye lens: a round picture with black corners, or edges that bend around the middle.

How edges bend is told by the division model: with r the distance from the middle, straight things lie on
straight lines once places are divided by 1 + bend r^2 (A. Fitzgibbon, "Simultaneous linear estimation of
multiple view geometry and lens distortion", 2001).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.frame import Side
from stream.setup.mistakes.finding import Finding

Grey = NDArray[np.float32]
Numbers = NDArray[np.float64]

WIDTH_PX = 480
# Black to the last sign of light, of 0..255.
BLACK = 14
LEAST_RADIUS, LARGEST_RADIUS = 0.5, 0.97
# Least length of an edge, as a share of the width, and least number of such edges.
LONG, FEWEST = 0.12, 5
CORNER_DEG, ALONG_PX = 22.0, 8
# Bends that are tried, half the diagonal being 1, and that of a fisheye; other cameras stay above -0.2.
BENDS, FISHEYE = np.linspace(-0.9, 0.1, 21), -0.3
# Factor by which the best bend must beat none; deviations of an edge are capped at CAP_PX pixels.
BETTER, CAP_PX = 1.5, 4.0


def lens_finding(pictures: Sequence[Grey], side: Side) -> Finding | None:
    """Suspicion that a camera has a fisheye lens; None where there is none.

    Args:
        pictures: [H, W] grey pictures 0..255 of one camera, of one size.
        side: which camera, for the sentence.
    """
    small = [_shrunk(picture) for picture in pictures]
    if not small:
        return None
    if is_round(small):
        seen = f"the {side} picture is round, its corners always black, as of a fisheye lens"
    elif (bend := bend_of(small)) < FISHEYE:
        seen = (
            f"long edges in the {side} picture bend around its middle, as behind a fisheye lens "
            f"(bend {bend:.2f})"
        )
    else:
        return None
    return Finding(
        "fisheye",
        f"{seen}, which four points cannot take out: calibrate by gifnet calibrate board, or let the camera "
        "straighten its picture, or expect the edges to lie apart",
    )


def is_round(pictures: Sequence[Grey]) -> bool:
    """True if everything outside a circle is black in all pictures, and the inside is not."""
    brightest = np.max(np.stack(pictures), axis=0)
    height, width = brightest.shape
    y, x = np.indices(brightest.shape)
    radius = np.hypot(x - (width - 1) / 2, y - (height - 1) / 2) / (np.hypot(width, height) / 2)
    black = brightest <= BLACK
    for edge in np.arange(LARGEST_RADIUS, LEAST_RADIUS, -0.02):
        if black[radius > edge].mean() < 0.97:
            inside = (radius > 0.8 * edge) & (radius < 0.96 * edge)
            is_edge = edge < LARGEST_RADIUS - 0.01
            return bool(is_edge and black[inside].mean() < 0.25)
    return False


def bend_of(pictures: Sequence[Grey]) -> float:
    """The bend by which long edges become straight; 0 where they tell none, negative for a fisheye.

    Args:
        pictures: [H, W] grey pictures 0..255 of one size.
    """
    edges = [edge for picture in pictures[:3] for edge in _long_edges(picture)]
    if len(edges) < FEWEST:
        return 0.0
    half_px = float(np.hypot(*pictures[0].shape)) / 2
    lengths = np.array([len(edge) for edge in edges], np.float64)
    off_px = np.array([[_off_line(edge / half_px, bend) * half_px for edge in edges] for bend in BENDS])
    costs = np.minimum(off_px, CAP_PX) @ lengths / lengths.sum()
    straight = float(costs[int(np.argmin(np.abs(BENDS)))])
    best = int(np.argmin(costs))
    # The strongest bend compresses any edge, so it is no evidence.
    is_told = best > 0 and straight > BETTER * float(costs[best])
    return float(BENDS[best]) if is_told else 0.0


def _off_line(places: Numbers, bend: float) -> float:
    """Root mean square distance of places [N, 2], straightened, from their line."""
    straight = places / (1 + bend * np.square(places).sum(axis=1, keepdims=True))
    straight = straight - straight.mean(axis=0)
    # A strong bend stretches the outside, so distances are divided by that stretch.
    stretch = float(np.sqrt(np.square(straight).sum() / np.square(places - places.mean(axis=0)).sum()))
    thin = float(np.linalg.eigvalsh(straight.T @ straight / len(straight))[0])
    return float(np.sqrt(max(thin, 0.0))) / max(stretch, 1e-9)


def _long_edges(picture: Grey) -> list[Numbers]:
    """Smooth pieces of edges [N, 2], right and down from the middle, in pixels."""
    soft = cv2.GaussianBlur(np.clip(picture, 0, 255).astype(np.uint8), (0, 0), 1.2)
    found, _ = cv2.findContours(cv2.Canny(soft, 40, 110), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    middle = (np.array(picture.shape[::-1]) - 1) / 2
    pieces = [piece for contour in found for piece in _smooth_pieces(contour[:, 0].astype(np.float64))]
    long_px = LONG * picture.shape[1]
    return [piece - middle for piece in pieces if np.ptp(piece, axis=0).max() > long_px]


def _smooth_pieces(places: Numbers) -> list[Numbers]:
    """A chain of places, cut where it turns sharply."""
    if len(places) < 4 * ALONG_PX:
        return []
    ahead = places[2 * ALONG_PX :] - places[ALONG_PX:-ALONG_PX]
    behind = places[ALONG_PX:-ALONG_PX] - places[: -2 * ALONG_PX]
    turn = np.abs(
        np.angle((ahead[:, 0] + 1j * ahead[:, 1]) * np.conj(behind[:, 0] + 1j * behind[:, 1]), deg=True)
    )
    cuts = np.flatnonzero(turn > CORNER_DEG) + ALONG_PX
    return [piece for piece in np.split(places, cuts) if len(piece) > 2 * ALONG_PX]


def _shrunk(picture: Grey) -> Grey:
    height, width = picture.shape
    if width <= WIDTH_PX:
        return picture
    size = WIDTH_PX, max(8, round(height * WIDTH_PX / width))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
