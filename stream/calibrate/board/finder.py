"""Finds a board in a picture, through a ladder of preprocessing and several detectors."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, product

import cv2
import numpy as np

from stream.calibrate.board.detectors import detectors
from stream.calibrate.board.preprocessing import Rung, grey, ladder
from stream.calibrate.board.refine import fitted
from stream.calibrate.board.targets import Board, Order, Points
from stream.frame import Pixels

# Once a board was found, this many further ways are tried in a picture where those that worked fail.
TRIES_MORE = 4
QUADS_RUNGS = 4


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
        """The same with its points renumbered; a board with an order is always seen whole."""
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
        ways = [way for way in self._worked if way[0] in rungs]
        ways += [way for way in self._ways(size) if way not in self._worked]
        # Once a way has found the board, pictures without it are not searched by every other way.
        most = len(self._worked) + TRIES_MORE if self._worked else len(ways)
        for rung, detector in islice(ways, most):
            sighting = self._try(plain, rungs[rung], detector)
            if sighting is not None:
                self._keep((rung, detector))
                return sighting
        return None

    def _ways(self, size: tuple[int, int]) -> list[tuple[str, str]]:
        """Rungs and detectors, in the order in which they are tried at first."""
        if self._board.kind != "checkerboard":
            return list(product((rung.name for rung in ladder(size)), self._detectors))
        sectors = [(rung.name, "sectors") for rung in ladder(size, needs_polarity=False)]
        # Slow where it fails, and seldom the only one that finds a board.
        return sectors + [(rung.name, "quads") for rung in ladder(size)[:QUADS_RUNGS]]

    def _try(self, plain: Pixels, rung: Rung, name: str) -> Sighting | None:
        try:
            found = self._detectors[name](rung.make(plain))
        except cv2.error:
            # Pictures of a few pixels, and candidates on one line.
            return None
        if found is None:
            return None
        points_px, numbers = (found[0] + 0.5) / rung.scale - 0.5, found[1]
        points_px = fitted(plain, points_px, numbers, self._board)
        sighting = Sighting(points_px, numbers, f"{rung.name}, {name}")
        return _unmirrored(sighting, self._board)

    def _keep(self, way: tuple[str, str]) -> None:
        if way in self._worked:
            self._worked.remove(way)
        self._worked.insert(0, way)


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
