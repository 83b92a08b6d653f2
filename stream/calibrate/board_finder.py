"""Finds a board in a picture, through a ladder of preprocessing and several detectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.calibrate.boards import Board, Order, Points, charuco_dictionary
from stream.calibrate.preprocessing import Rung, grey, ladder
from stream.frame import Pixels

# Points of a ChArUco board that is partly hidden.
FEWEST_POINTS = 8
# Points further from a plane than this share of the board's extent are misread.
OFF_PLANE = 0.04
# A closer look enlarges a checkerboard until its squares are about this large, or by this much.
SQUARE_PX, MOST_ENLARGED = 45, 3
# Once a board was found, this many further ways are tried in a picture where those that worked fail.
TRIES_MORE = 4
_REFINE_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-3)
Found = tuple[Points, Order]
Detector = Callable[[Pixels], Found | None]


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A board in a picture.

    Attributes:
        points_px: [N, 2] places of points, pixel centres at whole numbers.
        numbers: [N] which point of the board each is, in rising order.
        how: rung and detector that found it.
    """

    points_px: Points
    numbers: Order
    how: str

    def reordered(self, order: Order) -> Sighting:
        """The same with its points named anew; a board with an order is always seen whole."""
        return Sighting(self.points_px[order], self.numbers, self.how)


class Finder:
    """Finds one board in the pictures of one camera, and begins with what worked before."""

    def __init__(self, board: Board) -> None:
        """Prepare the detectors for a board."""
        self._board = board
        self._detectors = detectors(board)
        self._worked: list[tuple[str, str]] = []

    def find(self, picture: Pixels) -> Sighting | None:
        """Look for the board.

        Args:
            picture: [H, W, 3] RGB or [H, W], 8 or 16 bits, raw.

        Returns:
            The board, its points named in the order of `Board.points_m` as it would be seen without a mirror;
            None where it is not found.
        """
        plain, size = grey(picture), (picture.shape[1], picture.shape[0])
        rungs = {rung.name: rung for rung in ladder(size)}
        ways = list(product(rungs, self._detectors))
        ways = [way for way in self._worked if way[0] in rungs] + [w for w in ways if w not in self._worked]
        # Where one way finds the board, a picture without it would otherwise cost all of them.
        most = len(self._worked) + TRIES_MORE if self._worked else len(ways)
        for rung, detector in islice(ways, most):
            sighting = self._try(plain, rungs[rung], detector)
            if sighting is not None:
                self._keep((rung, detector))
                return sighting
        return None

    def _try(self, plain: Pixels, rung: Rung, name: str) -> Sighting | None:
        found = self._detectors[name](rung.make(plain))
        if found is None:
            return None
        points_px, numbers = (found[0] + 0.5) / rung.scale - 0.5, found[1]
        if name == "sectors":
            points_px = _closer_look(plain, points_px, self._board)
        sighting = Sighting(points_px, numbers, f"{rung.name}, {name}")
        return _unmirrored(sighting, self._board)

    def _keep(self, way: tuple[str, str]) -> None:
        if way in self._worked:
            self._worked.remove(way)
        self._worked.insert(0, way)


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
    """Inner corners across and down of the checkerboard that a picture shows, whatever its size.

    Args:
        picture: raw.
        board: as the user named it; other kinds than checkerboards are not looked for.

    Returns:
        The larger number first; None where none of at least 3x3 is found.
    """
    if board.kind != "checkerboard":
        return None
    flags = cv2.CALIB_CB_LARGER | cv2.CALIB_CB_EXHAUSTIVE
    found, _, names = cv2.findChessboardCornersSBWithMeta(grey(picture), (3, 3), flags)
    if not found:
        return None
    rows, columns = np.asarray(names).shape[:2]
    return max(rows, columns), min(rows, columns)


def handedness(sighting: Sighting, board: Board) -> float:
    """Positive where x to y of the board turns as x to y of the picture does: without a mirror."""
    places = board.points_m[sighting.numbers]
    places = np.column_stack([places[:, :2], np.ones(len(places))])
    fit = np.linalg.lstsq(places, sighting.points_px, rcond=None)[0]
    return float(np.linalg.det(fit[:2]))


def _unmirrored(sighting: Sighting, board: Board) -> Sighting:
    """Named as a board is that is seen from the front, where the pattern leaves the choice."""
    if board.flip is None or handedness(sighting, board) > 0:
        return sighting
    return sighting.reordered(board.flip)


def _sectors(picture: Pixels, board: Board) -> Found | None:
    flags = cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY
    found, points = cv2.findChessboardCornersSB(picture, board.grid, flags=flags)
    return _whole(points) if found else None


def _closer_look(plain: Pixels, points_px: Points, board: Board) -> Points:
    """The corners found anew in an enlarged cut-out, where the detector is about twice as accurate.

    Small squares draw its corners towards whole pixels, see docs/calibrate-board.md.
    """
    scale = int(np.clip(round(SQUARE_PX / _step_px(points_px, board)), 1, MOST_ENLARGED))
    margin_px = int(np.ptp(points_px, axis=0).max() / 6) + 3
    low = np.maximum(np.floor(points_px.min(axis=0)).astype(int) - margin_px, 0)
    high = np.ceil(points_px.max(axis=0)).astype(int) + margin_px + 1
    cut = cv2.GaussianBlur(plain[low[1] : high[1], low[0] : high[0]], (0, 0), 1.0)
    found = _sectors(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), board)
    return points_px if found is None else (found[0] + 0.5) / scale - 0.5 + low


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
    return max(2, int(_step_px(points_px, board) / 3))


def _step_px(points_px: Points, board: Board) -> float:
    """The shortest way between neighbours."""
    rows = points_px.reshape(*board.grid[::-1], 2)
    return float(min(np.linalg.norm(np.diff(rows, axis=axis), axis=-1).min() for axis in (0, 1)))


def _refined(picture: Pixels, points_px: Points, reach_px: int) -> Points:
    """Corners moved to where the gradients around them agree best (Förstner's operator)."""
    start, window = np.array(points_px[:, None], np.float32, order="C"), (reach_px, reach_px)
    moved = cv2.cornerSubPix(picture, start, window, (-1, -1), _REFINE_STOP)
    return np.asarray(moved, np.float64).reshape(-1, 2)


def _circles(picture: Pixels, board: Board, how: int) -> Found | None:
    kind = cv2.CALIB_CB_ASYMMETRIC_GRID if board.kind == "acircles" else cv2.CALIB_CB_SYMMETRIC_GRID
    blobs = _blobs(picture.shape[0] * picture.shape[1], len(board.points_m))
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
    return _refined(picture, points[order], _gap_px(points[order], numbers[order], board)), numbers[order]


def _gap_px(points_px: Points, numbers: Order, board: Board) -> int:
    """From a corner to the nearest marker."""
    px_per_m = np.sqrt(
        np.prod(np.ptp(points_px, axis=0)) / np.prod(np.ptp(board.points_m[numbers, :2], axis=0))
    )
    return max(3, int(px_per_m * (board.pitch_m - board.marker_m) / 2))


def _on_a_plane(places_m: Points, points_px: Points) -> NDArray[np.bool_]:
    """Which points lie where a plane would have them, but for a lens' distortion."""
    off_px = OFF_PLANE * float(np.ptp(points_px, axis=0).max())
    _, kept = cv2.findHomography(places_m, points_px, cv2.RANSAC, off_px)
    return np.zeros(len(places_m), bool) if kept is None else np.asarray(kept).ravel() > 0


def _whole(points: NDArray[Any]) -> Found:
    places = np.asarray(points, np.float64).reshape(-1, 2)
    return places, np.arange(len(places))
