"""Position of the thermal picture on the visible one, given by hand: coarsely by numbers, then by points.

A point that was put in its place holds there; the others only show where the fit brings them. One such point
moves the picture, two also scale and turn it, three also stretch it, four and more also tilt it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.calibrate.points.homography import PointsFit, fit_points
from stream.errors import CalibrationError
from stream.registration.calibration import Size

Numbers = NDArray[np.float64]

QUARTERS = (0, 90, 180, 270)
# Least distance of two points, and least twice the area of a triangle of three, in thermal pixels.
LEAST_APART_PX, LEAST_AREA_PX = 1.0, 4.0
ENOUGH = 4


@dataclass(frozen=True, slots=True)
class Placement:
    """The coarse position of the thermal picture.

    Attributes:
        quarter_deg: clockwise turn that brings the thermal picture upright, 0, 90, 180 or 270.
        mirrored: it is mirrored left to right before it is turned.
        scale: width of the placed thermal picture, as a share of the visible width.
        turn_deg: further clockwise turn, a few degrees.
        right: shift of its middle from the middle of the visible picture, as a share of the visible width.
        down: the same downwards, also as a share of the visible width.
    """

    quarter_deg: int = 0
    mirrored: bool = False
    scale: float = 1.0
    turn_deg: float = 0.0
    right: float = 0.0
    down: float = 0.0

    def matrix(self, visible_size: Size, thermal_size: Size) -> Numbers:
        """[3, 3] visible_from_thermal, between pixels."""
        base = _base(self.quarter_deg, self.mirrored)
        across = thermal_size[0] if base[0, 0] else thermal_size[1]
        turn = np.radians(self.turn_deg)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrix = np.eye(3)
        matrix[:2, :2] = self.scale * visible_size[0] / across * rotation @ base
        middle, target = ((np.array(size, np.float64) - 1) / 2 for size in (thermal_size, visible_size))
        shift = np.array((self.right, self.down)) * visible_size[0]
        matrix[:2, 2] = target + shift - matrix[:2, :2] @ middle
        return matrix


def placement_of(matrix: Numbers, visible_size: Size, thermal_size: Size) -> Placement:
    """The coarse position nearest to a homography, by the middle of the thermal picture.

    Args:
        matrix: [3, 3] visible_from_thermal.
        visible_size: width and height.
        thermal_size: width and height.
    """
    middle = (np.array(thermal_size, np.float64) - 1) / 2
    corners = middle + np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
    ends = cv2.perspectiveTransform(corners[:, None], matrix)[:, 0]
    linear = np.stack((ends[1] - ends[0], ends[2] - ends[0]), axis=1)
    mirrored = bool(np.linalg.det(linear) < 0)
    # The turn that remains when the mirror is taken out, by the nearest rotation (its polar part).
    left, _, right = np.linalg.svd(linear @ _base(0, mirrored))
    rotation = left @ right
    turn_deg = float(np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0])))
    quarter_deg = round(turn_deg / 90) * 90 % 360
    across = thermal_size[0] if quarter_deg % 180 == 0 else thermal_size[1]
    scale = float(np.sqrt(abs(np.linalg.det(linear)))) * across / visible_size[0]
    shift = (ends[0] - (np.array(visible_size, np.float64) - 1) / 2) / visible_size[0]
    rest_deg = (turn_deg - quarter_deg + 180) % 360 - 180
    return Placement(quarter_deg, mirrored, scale, rest_deg, float(shift[0]), float(shift[1]))


def moved_by(base: Numbers, thermal: Numbers, visible: Numbers, sizes: tuple[Size, Size]) -> PointsFit:
    """The homography that brings points to their places, from a coarse position.

    Args:
        base: [3, 3] visible_from_thermal of the coarse position.
        thermal: [N, 2] pixels.
        visible: [N, 2] pixels where these are to lie; none leaves the position as it is.
        sizes: of the visible and the thermal picture.

    Raises:
        CalibrationError: the points lie on each other or on one line, or fold the picture.
    """
    if len(thermal) >= ENOUGH:
        return _by_homography(base, thermal, visible, sizes)
    near = cv2.perspectiveTransform(thermal[:, None], base)[:, 0] if len(thermal) else thermal
    correction = np.eye(3)
    if len(thermal) == 1:
        correction[:2, 2] = visible[0] - near[0]
    elif len(thermal) == 2:
        correction[:2] = _similarity(near, visible, thermal)
    elif len(thermal) == 3:
        correction[:2] = _affine(near, visible, thermal)
    matrix = correction @ base
    return PointsFit(matrix / matrix[2, 2], np.zeros(len(thermal)), None, None)


def _by_homography(base: Numbers, thermal: Numbers, visible: Numbers, sizes: tuple[Size, Size]) -> PointsFit:
    """By all points, with the mirror of the coarse position taken out first: it is meant."""
    width = sizes[1][0] - 1
    mirrors = np.linalg.det(base[:2, :2]) < 0
    flip = np.array([[-1.0, 0, width], [0, 1, 0], [0, 0, 1]]) if mirrors else np.eye(3)
    flipped = thermal @ flip[:2, :2].T + flip[:2, 2]
    found = fit_points(visible, flipped, *sizes)
    matrix = found.matrix @ flip
    return PointsFit(matrix / matrix[2, 2], found.errors_px, found.rms_px, found.worst)


def _similarity(near: Numbers, visible: Numbers, thermal: Numbers) -> Numbers:
    if np.linalg.norm(thermal[1] - thermal[0]) < LEAST_APART_PX:
        raise CalibrationError("the two points lie on each other in the thermal picture; move one away")
    (a, b), (to_a, to_b) = ((ends[:, 0] + 1j * ends[:, 1]) for ends in (near, visible))
    turn = (to_b - to_a) / (b - a)
    if abs(turn) < 0.05:
        raise CalibrationError("the two points lie on each other in the visible picture; move one away")
    shift = to_a - turn * a
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def _affine(near: Numbers, visible: Numbers, thermal: Numbers) -> Numbers:
    first, second = thermal[1] - thermal[0], thermal[2] - thermal[0]
    if abs(first[0] * second[1] - first[1] * second[0]) < LEAST_AREA_PX:
        raise CalibrationError("the three points lie on one line; move one away from it")
    matrix = np.asarray(cv2.getAffineTransform(near.astype(np.float32), visible.astype(np.float32)))
    if np.linalg.det(matrix[:, :2]) <= 0:
        raise CalibrationError("these points turn the thermal picture inside out; two of them were swapped")
    return matrix


def _base(quarter_deg: int, mirrored: bool) -> Numbers:
    """[2, 2] directions of the thermal axes in the visible picture."""
    turn = np.radians(quarter_deg)
    rotation = np.round([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.asarray(rotation @ np.diag((-1.0 if mirrored else 1.0, 1.0)))
