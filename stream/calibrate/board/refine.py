"""Points of a board moved to where what lies around them fits best what lies around all of them.

Detectors look at one point at a time, with a window of their own. But the points of a board look alike: their
surroundings, brought onto the board, have one mean, which is known far better than any one of them. Fitting
it (least squares; B. D. Lucas and T. Kanade, "An iterative image registration technique", 1981) uses all
edges around a point, whatever their blur, the size of circles, and which of paint and paper is warmer. The
mean is made symmetric by half a turn, as corners and circles are, so that its middle is the point.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.calibrate.board.targets import Board, Order, Points, charuco_dictionary
from stream.frame import Pixels

Numbers = NDArray[np.float64]

# Radius of the search around a point, in pitches: up to where the next point begins to show.
REACH = {"checkerboard": 0.9, "circles": 0.5, "acircles": 0.75}
# Of the way from a ChArUco corner through the black border of its markers, behind which they differ.
OF_BORDER = 1.2
ROUNDS = 4
# Samples to each side of a point. Where they are further apart than pixels, the picture is softened by that
# share of the way, or sharp edges would fall between them.
FEWEST_SAMPLES, MOST_SAMPLES, SOFT = 4, 30, 0.6
# A point that would move further was not where its surroundings fit; it stays.
FURTHEST_PX = 1.5
# Least correlation with the mean that is divided by: weaker surroundings hardly move.
LEAST_STRENGTH = 0.2


def fitted(plain: Pixels, points_px: Points, numbers: Order, board: Board) -> Points:
    """Move the points of a board.

    Args:
        plain: [H, W] uint8, the picture.
        points_px: [N, 2] where they were found, off by a pixel or so.
        numbers: [N] which of the board's points they are.
        board: they are of.

    Returns:
        [N, 2] places.
    """
    on_board = board.points_m[numbers, :2] / board.pitch_m
    matrix, _ = cv2.findHomography(on_board, points_px)
    if matrix is None:
        return points_px
    around = _around(np.asarray(matrix), on_board, board)
    picture, places = _softened(plain, around.apart_px), points_px
    for _ in range(ROUNDS):
        places = places + around.off_px(around.seen(picture, places))
    near = np.linalg.norm(places - points_px, axis=1) < FURTHEST_PX
    return np.where(near[:, None], places, points_px)


def _around(matrix: Numbers, on_board: Points, board: Board) -> _Around:
    px_per_pitch = _px_per_pitch(matrix, on_board)
    reach = _reach(board)
    reach_px = reach * float(np.sqrt(np.abs(np.linalg.det(px_per_pitch)).mean()))
    samples = int(np.clip(round(reach_px), FEWEST_SAMPLES, MOST_SAMPLES))
    side = np.linspace(-reach, reach, 2 * samples + 1)
    offsets = np.stack(np.meshgrid(side, side), axis=-1)
    return _Around(matrix, px_per_pitch, on_board, _mirrors(on_board, board), offsets, reach_px / samples)


def _softened(plain: Pixels, apart_px: float) -> NDArray[np.float32]:
    picture = plain.astype(np.float32)
    if apart_px <= 1.1:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), SOFT * apart_px), np.float32)


def _px_per_pitch(matrix: Numbers, on_board: Points) -> Numbers:
    ends = np.column_stack((on_board, np.ones(len(on_board)))) @ matrix.T
    there = (ends[:, :2] / ends[:, 2:])[:, :, None]
    return np.asarray((matrix[:2, :2] - there * matrix[2, :2]) / ends[:, 2, None, None])


def _reach(board: Board) -> float:
    if board.kind != "charuco":
        return REACH[board.kind]
    modules = charuco_dictionary(board.dictionary).markerSize + 2
    gap_m = (board.pitch_m - board.marker_m) / 2
    return OF_BORDER * float(gap_m + board.marker_m / modules) / board.pitch_m


def _mirrors(on_board: Points, board: Board) -> Numbers:
    """[N, 2] what makes all surroundings alike: from corner to corner black and white change sides."""
    odd = np.rint(on_board.sum(axis=1)) % 2 == 1
    return np.where((odd & (board.kind in ("checkerboard", "charuco")))[:, None], (-1.0, 1.0), (1.0, 1.0))


@dataclass(frozen=True, slots=True)
class _Around:
    """The surroundings of points.

    Attributes:
        matrix: [3, 3] from the board to the picture.
        px_per_pitch: [N, 2, 2] how far a place in the picture moves with one on the board (Jacobian).
        on_board: [N, 2] the points, in pitches.
        mirrors: [N, 2] -1 along what has to be mirrored.
        offsets: [S, S, 2] right and down, what is looked at around each, in pitches.
        apart_px: how far apart that is in the picture.
    """

    matrix: Numbers
    px_per_pitch: Numbers
    on_board: Points
    mirrors: Numbers
    offsets: Numbers
    apart_px: float

    def seen(self, picture: NDArray[np.float32], places: Points) -> Numbers:
        """[N, S, S] what a picture shows around places [N, 2], brought onto the board."""
        bent = self._in_picture(self.on_board[:, None, None] + self.mirrors[:, None, None] * self.offsets)
        there = bent + (places - self._in_picture(self.on_board))[:, None, None]
        flat = there.reshape(-1, len(self.offsets), 2).astype(np.float32)
        values = cv2.remap(picture, flat, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(values, np.float64).reshape(there.shape[:3])

    def off_px(self, seen: Numbers) -> Points:
        """Offset of each point, [N, 2] right and down, by the picture around it."""
        mean = seen.mean(axis=0)
        mean = (mean + mean[::-1, ::-1]) / 2
        x, y = np.moveaxis(self.offsets, -1, 0)
        down, right = np.gradient(mean, x[0, 1] - x[0, 0])
        window = np.hypot(x, y) <= x.max()
        ways = np.stack([mean, right, down, np.ones_like(x)], axis=-1)[window]
        strength, *slopes, _ = np.linalg.lstsq(ways, seen[:, window].T, rcond=None)[0]
        # To first order, a shift to the right looks like the mean minus its slope to the right.
        off = -self.mirrors * np.stack(slopes, axis=1) / np.maximum(strength, LEAST_STRENGTH)[:, None]
        return np.asarray(np.einsum("nij,nj->ni", self.px_per_pitch, off))

    def _in_picture(self, on_board: Numbers) -> Numbers:
        """[..., 2] where places on the board lie in the picture."""
        flat = cv2.perspectiveTransform(on_board.reshape(-1, 1, 2), self.matrix)
        return np.asarray(flat).reshape(on_board.shape)
