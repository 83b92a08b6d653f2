"""Detectors of boards in one 8-bit picture: OpenCV's, made fit for soft and noisy thermal ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.calibrate.board.preprocessing import WIDE_PX, grey
from stream.calibrate.board.targets import Board, Order, Points, charuco_dictionary
from stream.frame import Pixels

# Points of a ChArUco board that is partly hidden.
FEWEST_POINTS = 8
# Points further from a plane than this share of the board's extent are misread.
OFF_PLANE = 0.04
# A corner between markers is a stray if it is off by both this multiple of the median and this many pixels.
STRAY_TIMES, STRAY_PX = 3.0, 0.2
# Largest ratio of blobs to circles; more are noise, in which finding a grid would take seconds.
MOST_BLOBS = 8
_REFINE_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-3)
Found = tuple[Points, Order]
Detector = Callable[[Pixels], Found | None]


def detectors(board: Board) -> dict[str, Detector]:
    """The detectors for a kind of board, by name, best first."""
    if board.kind == "checkerboard":
        return {"sectors": lambda p: _sectors(p, board), "quads": lambda p: _quads(p, board)}
    if board.kind == "charuco":
        modern, legacy = (_charuco_detector(board, old) for old in (False, True))
        return {
            "markers": lambda p: _markers(p, board, modern),
            "markers, old": lambda p: _markers(p, board, legacy),
        }
    return {
        "circles": lambda p: _circles(p, board, 0),
        "circles, clustered": lambda p: _circles(p, board, cv2.CALIB_CB_CLUSTERING),
    }


def larger_grid(picture: Pixels, board: Board) -> tuple[int, int] | None:
    """Inner corners across and down of the checkerboard in a picture, of any size.

    Args:
        picture: raw.
        board: as the user named it; other kinds than checkerboards are not looked for.

    Returns:
        The larger number first; None where none of at least 3x3 is found.
    """
    if board.kind != "checkerboard":
        return None
    flags, plain = cv2.CALIB_CB_LARGER | cv2.CALIB_CB_EXHAUSTIVE, grey(picture)
    while max(plain.shape) > WIDE_PX:
        plain = cv2.resize(plain, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    found, _, names = cv2.findChessboardCornersSBWithMeta(plain, (3, 3), flags)
    if not found:
        return None
    rows, columns = np.asarray(names).shape[:2]
    return max(rows, columns), min(rows, columns)


def _sectors(picture: Pixels, board: Board) -> Found | None:
    flags = cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY
    found, points = cv2.findChessboardCornersSB(picture, board.grid, flags=flags)
    return _whole(points) if found else None


def _quads(picture: Pixels, board: Board) -> Found | None:
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK
    found, points = cv2.findChessboardCorners(picture, board.grid, flags=flags)
    if not found:
        return None
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.0)
    places = _whole(points)[0]
    return _whole(_refined(smooth, places, _reach_px(places, board)))


def _reach_px(points_px: Points, board: Board) -> int:
    """Half a window about a corner of a checkerboard that holds no other one."""
    rows = points_px.reshape(*board.grid[::-1], 2)
    steps_px = (np.linalg.norm(np.diff(rows, axis=axis), axis=-1).min() for axis in (0, 1))
    return max(2, int(min(steps_px) / 3))


def _refined(picture: Pixels, points_px: Points, reach_px: int) -> Points:
    """Corners moved to where the gradients around them agree best (Förstner's operator)."""
    start, window = np.array(points_px[:, None], np.float32, order="C"), (reach_px, reach_px)
    moved = cv2.cornerSubPix(picture, start, window, (-1, -1), _REFINE_STOP)
    return np.asarray(moved, np.float64).reshape(-1, 2)


def _circles(picture: Pixels, board: Board, how: int) -> Found | None:
    kind = cv2.CALIB_CB_ASYMMETRIC_GRID if board.kind == "acircles" else cv2.CALIB_CB_SYMMETRIC_GRID
    blobs = _blobs(picture.shape[0] * picture.shape[1], len(board.points_m))
    if not len(board.points_m) <= len(blobs.detect(picture)) <= MOST_BLOBS * len(board.points_m):
        return None
    found, points = cv2.findCirclesGrid(picture, board.grid, flags=kind | how, blobDetector=blobs)
    return _whole(points) if found else None


def _blobs(area_px: int, circles: int) -> Any:
    """A detector of dark blobs that suits the size of the picture."""
    parameters = cv2.SimpleBlobDetector.Params()
    parameters.minArea, parameters.maxArea = 9.0, max(area_px / circles, 100.0)
    parameters.minDistBetweenBlobs = 3.0
    parameters.minThreshold, parameters.maxThreshold, parameters.thresholdStep = 20, 235, 8
    parameters.minRepeatability = 3
    parameters.minConvexity, parameters.minInertiaRatio = 0.85, 0.15
    return cv2.SimpleBlobDetector.create(parameters)


def _charuco_detector(board: Board, legacy: bool) -> Any:
    """A detector that reads markers of few and soft pixels; what it misreads is thrown out by its place."""
    dictionary = charuco_dictionary(board.dictionary)
    chart = cv2.aruco.CharucoBoard((board.across, board.down), board.pitch_m, board.marker_m, dictionary)
    # Boards with an even number of rows were printed the other way round before OpenCV 4.6.
    chart.setLegacyPattern(legacy)
    corners, markers = cv2.aruco.CharucoParameters(), cv2.aruco.DetectorParameters()
    corners.minMarkers, corners.tryRefineMarkers = 1, True
    markers.errorCorrectionRate, markers.perspectiveRemovePixelPerCell = 0.8, 8
    markers.adaptiveThreshWinSizeMax, markers.minMarkerPerimeterRate = 53, 0.02
    markers.polygonalApproxAccuracyRate = 0.06
    return cv2.aruco.CharucoDetector(chart, corners, markers)


def _markers(picture: Pixels, board: Board, detector: Any) -> Found | None:
    points, numbers, _, _ = detector.detectBoard(picture)
    if numbers is None or len(numbers) < FEWEST_POINTS:
        return None
    numbers = np.asarray(numbers).ravel().astype(np.int64)
    points = np.asarray(points, np.float64).reshape(-1, 2)
    order = np.argsort(numbers)
    order = order[_on_a_plane(board.points_m[numbers[order], :2], points[order])]
    if len(order) < FEWEST_POINTS:
        return None
    points, numbers = points[order], numbers[order]
    points = _refined(picture, points, _gap_px(points, numbers, board))
    kept = _without_strays(board.points_m[numbers, :2], points)
    return (points[kept], numbers[kept]) if kept.sum() >= FEWEST_POINTS else None


def _without_strays(places_m: Points, points_px: Points) -> NDArray[np.bool_]:
    """Select points not drawn to a marker's corner: about as far off a plane as the others."""
    matrix, _ = cv2.findHomography(places_m, points_px, cv2.LMEDS)
    if matrix is None:
        return np.zeros(len(places_m), bool)
    there_px = cv2.perspectiveTransform(places_m[:, None], matrix).reshape(-1, 2)
    off_px = np.linalg.norm(there_px - points_px, axis=1)
    return np.asarray(off_px <= STRAY_TIMES * np.median(off_px) + STRAY_PX)


def _gap_px(points_px: Points, numbers: Order, board: Board) -> int:
    """From a corner to the nearest marker."""
    px_per_m = np.sqrt(
        np.prod(np.ptp(points_px, axis=0)) / np.prod(np.ptp(board.points_m[numbers, :2], axis=0))
    )
    return max(3, int(px_per_m * (board.pitch_m - board.marker_m) / 2))


def _on_a_plane(places_m: Points, points_px: Points) -> NDArray[np.bool_]:
    """Select points that lie on a plane, but for a lens' distortion."""
    off_px = OFF_PLANE * float(np.ptp(points_px, axis=0).max())
    _, kept = cv2.findHomography(places_m, points_px, cv2.RANSAC, off_px)
    return np.zeros(len(places_m), bool) if kept is None else np.asarray(kept).ravel() > 0


def _whole(points: NDArray[Any]) -> Found:
    places = np.asarray(points, np.float64).reshape(-1, 2)
    return places, np.arange(len(places))
