"""A homography from points that a person picked in both pictures."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.errors import CalibrationError
from stream.registration.calibration import Calibration, PlaneHomography, Size, one_grid

Numbers = NDArray[np.float64]

FEWEST = 4
_UNKNOWNS = 8
# A point is on the wrong thing where the others fit better without it by this factor, and the fit is so bad.
WORSE_BY = 3.0
WORSE_PX = 2.0
# A triangle this thin, as its height over its longest side, is a line.
THIN = 0.04
# The picture may be this much larger or smaller in one place than in another before it is folded.
LARGEST_CHANGE = 6.0


@dataclass(frozen=True, slots=True)
class PointsFit:
    """The homography that picked points give.

    Attributes:
        matrix: [3, 3] visible_from_thermal, with 1 as its last number.
        errors_px: [N] distance of each visible point from where its thermal partner comes to lie.
        rms_px: how far points are picked apart, root mean square. Eight numbers of the fit take up eight of
            the 2 N residuals, so that their squares are divided by 2 N - 8, not 2 N (Hartley and Zisserman
            2004, section 5.1.3). None with four points, which always fit exactly.
        worst: number of a point without which the others fit much better; None where there is none.
    """

    matrix: Numbers
    errors_px: Numbers
    rms_px: float | None
    worst: int | None


def fit_points(visible: Numbers, thermal: Numbers, visible_size: Size, thermal_size: Size) -> PointsFit:
    """The homography with the least sum of squared distances (Hartley and Zisserman 2004, section 4.2.2).

    Args:
        visible: [N, 2] pixels in the visible picture.
        thermal: [N, 2] pixels of the same things in the thermal picture.
        visible_size: width and height.
        thermal_size: width and height.

    Raises:
        CalibrationError: too few points, points on one line, or a matrix that folds the picture.
    """
    if len(visible) < FEWEST:
        raise CalibrationError(f"{FEWEST} pairs of points are needed, got {len(visible)}")
    for name, points, size in (("visible", visible, visible_size), ("thermal", thermal, thermal_size)):
        _check_spread(name, points, size)
    matrix = _homography(visible, thermal)
    _check_shape(matrix, thermal_size)
    errors_px = _distances(matrix, visible, thermal)
    return PointsFit(matrix, errors_px, _rms_px(errors_px), _worst(visible, thermal, errors_px))


def as_calibration(
    fit: PointsFit,
    visible_size: Size,
    thermal_size: Size,
    distance_m: float,
    date: datetime.date,
    onto: Calibration | None = None,
) -> Calibration:
    """A calibration with this homography.

    Args:
        fit: of the points.
        visible_size: width and height.
        thermal_size: width and height.
        distance_m: distance of the things that were picked.
        date: today.
        onto: a calibration with homographies for other distances, to which this one is added.

    Raises:
        CalibrationError: the other calibration is for other sizes, has this distance already, or has no
            homographies.
    """
    first, second, third = (tuple(float(number) for number in row) for row in fit.matrix)
    plane = PlaneHomography.model_validate({"matrix": (first, second, third), "distance_m": distance_m})
    made_by = "gifnet calibrate points"
    if onto is None:
        return Calibration(
            visible=one_grid(visible_size).visible,
            thermal=one_grid(thermal_size).visible,
            homography=plane,
            rms_px=fit.rms_px or 0.0,
            date=date,
            made_by=made_by,
        )
    if (onto.visible.size, onto.thermal.size) != (visible_size, thermal_size):
        raise CalibrationError(
            f"the calibration is for visible {onto.visible.size} and thermal {onto.thermal.size}, the "
            f"pictures have {visible_size} and {thermal_size}; write to a new file"
        )
    others = onto.homographies or ((onto.homography,) if onto.homography else ())
    if not others:
        raise CalibrationError("a calibration by stereo knows all distances; write to a new file")
    if distance_m in [other.distance_m for other in others]:
        raise CalibrationError(
            f"the calibration has a homography for {distance_m:g} m; name another distance"
        )
    values = onto.model_dump(exclude={"homography", "homographies", "rms_px", "date", "baseline"})
    planes = tuple(sorted((*others, plane), key=lambda one: one.distance_m))
    values |= {"homographies": planes, "rms_px": max(onto.rms_px, fit.rms_px or 0.0), "date": date}
    return Calibration.model_validate(values)


def _homography(visible: Numbers, thermal: Numbers) -> Numbers:
    matrix, _ = cv2.findHomography(thermal, visible, 0)
    if matrix is None or not np.isfinite(matrix).all() or abs(matrix[2, 2]) < 1e-12:
        raise CalibrationError("no homography fits these points; spread them over the picture")
    return np.asarray(matrix / matrix[2, 2])


def _distances(matrix: Numbers, visible: Numbers, thermal: Numbers) -> Numbers:
    moved = cv2.perspectiveTransform(thermal[:, None], matrix)[:, 0]
    return np.asarray(np.linalg.norm(moved - visible, axis=1))


def _rms_px(errors_px: Numbers) -> float | None:
    free = 2 * len(errors_px) - _UNKNOWNS
    return float(np.sqrt(2 * np.square(errors_px).sum() / free)) if free > 0 else None


def _worst(visible: Numbers, thermal: Numbers, errors_px: Numbers) -> int | None:
    """The point without which the others fit best, if that makes all the difference."""
    if len(visible) < FEWEST + 2:
        return None
    without = [_rms_without(visible, thermal, index) for index in range(len(visible))]
    worst, whole_px = int(np.argmin(without)), _rms_px(errors_px) or 0.0
    return worst if whole_px > WORSE_BY * without[worst] and whole_px > WORSE_PX else None


def _rms_without(visible: Numbers, thermal: Numbers, index: int) -> float:
    rest = np.arange(len(visible)) != index
    try:
        matrix = _homography(visible[rest], thermal[rest])
    except CalibrationError:  # what is left lies on a line
        return float("inf")
    rms_px = _rms_px(_distances(matrix, visible[rest], thermal[rest]))
    return float("inf") if rms_px is None else rms_px


def _check_spread(name: str, points: Numbers, size: Size) -> None:
    """Four points of which three never lie on a line are needed somewhere among them."""
    width, height = size
    inside = (points >= -0.5) & (points <= (width - 0.5, height - 0.5))
    if not np.isfinite(points).all() or not inside.all():
        raise CalibrationError(f"a {name} point lies outside the picture of {width}x{height} pixels")
    for four in combinations(range(min(len(points), 12)), 4):
        if all(_is_triangle(points[list(three)]) for three in combinations(four, 3)):
            return
    raise CalibrationError(
        f"the {name} points lie too much on one line, or on each other; spread them over the picture"
    )


def _is_triangle(corners: Numbers) -> bool:
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    (ax, ay), (bx, by) = corners[1] - corners[0], corners[2] - corners[0]
    longest = float(sides.max())
    return longest > 0 and abs(ax * by - ay * bx) / longest**2 > THIN


def _check_shape(matrix: Numbers, thermal_size: Size) -> None:
    """Refuse a matrix that mirrors or folds the thermal picture: two points were probably swapped."""
    width, height = thermal_size[0] - 1, thermal_size[1] - 1
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height), (width / 2, height / 2)])
    depths = np.column_stack((corners, np.ones(5))) @ matrix[2]
    # The area that a pixel takes: the determinant over the cube of the depth.
    areas = np.linalg.det(matrix) / depths**3
    if (depths <= 0).any() or (areas <= 0).any():
        raise CalibrationError(
            "these points turn the thermal picture inside out; two of them were probably swapped, or one "
            "camera's picture is mirrored"
        )
    if areas.max() > LARGEST_CHANGE**2 * areas.min():
        raise CalibrationError(
            "these points stretch one side of the thermal picture out of all proportion; spread them over "
            "the picture and check each pair"
        )
