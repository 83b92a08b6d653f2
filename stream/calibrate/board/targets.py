"""Boards to calibrate with: their kinds, how a user names them, and where their points lie."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.errors import ConfigError

Kind = Literal["checkerboard", "circles", "acircles", "charuco"]
Points = NDArray[np.float64]
Order = NDArray[np.int64]

KINDS: tuple[Kind, ...] = get_args(Kind)
FEWEST_ACROSS, MOST_ACROSS = 3, 60
DEFAULT_MARKER_SHARE, DEFAULT_DICTIONARY = 0.75, "5x5_100"
EXAMPLES = (
    "checkerboard:9x6:25mm (inner corners), circles:7x5:40mm, acircles:4x11:20mm or "
    "charuco:8x6:30mm (squares)"
)
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(mm|cm|m|in)")
_METRES = {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "in": 0.0254}


@dataclass(frozen=True)
class Board:
    """A flat board with a regular pattern.

    Attributes:
        kind: what is printed on it.
        across: points in a row: inner corners of a checkerboard, circles; squares of a ChArUco board.
        down: rows of them.
        pitch_m: side of a square, or from circle to circle, in metres. Asymmetric circles: from a row to the
            next, half the distance of neighbours in a row, as in OpenCV.
        marker_m: side of a ChArUco marker in metres, 0 for the others.
        dictionary: of the ChArUco markers, such as `5x5_100`.
    """

    kind: Kind
    across: int
    down: int
    pitch_m: float
    marker_m: float = 0.0
    dictionary: str = ""

    @property
    def grid(self) -> tuple[int, int]:
        """Points in a row and rows of points; those of a ChArUco board are its inner corners."""
        fewer = 1 if self.kind == "charuco" else 0
        return self.across - fewer, self.down - fewer

    @property
    def points_m(self) -> Points:
        """[N, 3] places on the board, row by row, in metres; x along a row, z = 0."""
        across, down = self.grid
        rows, columns = np.divmod(np.arange(across * down), across)
        if self.kind == "acircles":
            columns = 2 * columns + rows % 2
        return np.stack([columns, rows, np.zeros_like(rows)], axis=1) * self.pitch_m

    @cached_property
    def turns(self) -> tuple[Order, ...]:
        """Orders in which a detector may name the points of a board that is turned in its plane.

        The first is the plain one. Each maps the points onto themselves, so that no picture tells them apart:
        the squares of a checkerboard do not count, as thermal polarity may be either.
        """
        if self.kind == "charuco":
            return (np.arange(len(self.points_m)),)
        turns = (self._order_after(_quarter(number)) for number in range(4))
        return tuple(order for order in turns if order is not None)

    @cached_property
    def flip(self) -> Order | None:
        """Order of the points in a mirrored picture of the board; None if that is a different board."""
        if self.kind == "charuco":
            return None
        mirrored = (self._order_after(_quarter(number) @ np.diag([-1, 1])) for number in range(4))
        return next((order for order in mirrored if order is not None), None)

    def _order_after(self, turn: NDArray[np.int64]) -> Order | None:
        """For each point the number of the one that the turned board has in its place, if all are met."""
        # Twice the distance from the middle, in pitches: whole numbers.
        places = np.rint(2 * self.points_m[:, :2] / self.pitch_m).astype(int)
        places = 2 * places - places.min(axis=0) - places.max(axis=0)
        numbers = {tuple(place): number for number, place in enumerate((places @ turn.T).tolist())}
        order = [numbers.get(tuple(place), -1) for place in places.tolist()]
        return None if -1 in order else np.array(order)

    def __str__(self) -> str:
        return f"{self.kind}:{self.across}x{self.down}:{self.pitch_m * 1000:g}mm"


def parse_board(text: str) -> Board:
    """Read `KIND:ACROSSxDOWN:LENGTH`, for ChArUco with `:MARKER_LENGTH:DICTIONARY` where they differ.

    Raises:
        ConfigError: says what is wrong and shows examples.
    """
    parts = text.strip().lower().split(":")
    if parts[0] not in KINDS or len(parts) < 3 or len(parts) > (5 if parts[0] == "charuco" else 3):
        raise ConfigError(f"the board must be named as in {EXAMPLES}, got {text!r}")
    across, down = _counts(parts[1], text)
    kind = next(kind for kind in KINDS if kind == parts[0])
    pitch_m = _length_m(parts[2], text)
    if kind != "charuco":
        return Board(kind, across, down, pitch_m)
    marker_m = _length_m(parts[3], text) if len(parts) > 3 else DEFAULT_MARKER_SHARE * pitch_m
    if marker_m >= pitch_m:
        raise ConfigError(f"the markers of the board {text!r} must be smaller than its squares")
    dictionary = (parts[4] if len(parts) > 4 else DEFAULT_DICTIONARY).removeprefix("dict_")
    charuco_dictionary(dictionary)
    return Board(kind, across, down, pitch_m, marker_m, dictionary)


def charuco_dictionary(name: str) -> Any:
    """OpenCV's dictionary of markers of a name such as `5x5_100`.

    Raises:
        ConfigError: there is none of that name.
    """
    numbers = {key[5:].lower(): value for key, value in vars(cv2.aruco).items() if key.startswith("DICT_")}
    if name not in numbers:
        raise ConfigError(f"no ChArUco dictionary is called {name!r}; there are {', '.join(sorted(numbers))}")
    return cv2.aruco.getPredefinedDictionary(numbers[name])


def _quarter(number: int) -> NDArray[np.int64]:
    """A turn by a number of right angles."""
    return np.linalg.matrix_power(np.array([[0, -1], [1, 0]]), number)


def _counts(text: str, whole: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,3})x(\d{1,3})", text)
    if not match or not all(FEWEST_ACROSS <= int(number) <= MOST_ACROSS for number in match.groups()):
        raise ConfigError(
            f"the board {whole!r} must have {FEWEST_ACROSS} to {MOST_ACROSS} points across and down, "
            f"as in {EXAMPLES}"
        )
    return int(match[1]), int(match[2])


def _length_m(text: str, whole: str) -> float:
    match = _LENGTH.fullmatch(text)
    length_m = float(match[1]) * _METRES[match[2]] if match else 0.0
    if not 1e-4 <= length_m <= 10:
        raise ConfigError(
            f"the board {whole!r} needs a length with its unit (mm, cm, m, in), from 0.1 mm to 10 m, "
            f"as in {EXAMPLES}"
        )
    return length_m
