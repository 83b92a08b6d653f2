"""Orientation of two cameras' board pictures against each other: turns and mirroring.

A board often looks the same upside down, and a thermal picture shows its squares in either polarity, so that
a detector may name its points in several orders. One picture cannot tell which; many can, since the cameras
are fixed to each other: of all orders, the one by which one affine map brings every view of the visible
camera onto that of the thermal camera is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from stream.calibrate.board.targets import Board, Order, Points
from stream.calibrate.board.views import View

# The other way round must fit this many times worse to be ruled out.
CLEAR = 1.5
_REFERENCES = 10


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """Orientation of thermal pictures against visible ones.

    Attributes:
        degrees: by which they are turned clockwise: 0, 90, 180 or 270.
        is_mirrored: left and right are swapped.
        is_clear: whether the views could tell; where not, the least turn without a mirror was taken.
    """

    degrees: int
    is_mirrored: bool
    is_clear: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Guess:
    affine: Points
    orders: list[Order]
    off_px: float


def resolve_turn(views: Sequence[View], board: Board) -> tuple[list[View], Turn]:
    """Name the points of thermal views as those of visible ones are.

    Args:
        views: in which both cameras see the board.
        board: what they see.

    Returns:
        The views with the thermal points in the order of the visible ones, and how the pictures are turned.
    """
    pairs = [_common(view) for view in views]
    guesses = sorted(_guesses(pairs, board), key=_by_fit)
    best, others = guesses[0], [guess for guess in guesses[1:] if _way(guess) != _way(guesses[0])]
    is_clear = not others or others[0].off_px > CLEAR * best.off_px
    if not is_clear:
        alike = [guess for guess in guesses if guess.off_px <= CLEAR * best.off_px]
        best = min(alike, key=lambda guess: (_way(guess)[1], min(_way(guess)[0], 360 - _way(guess)[0])))
    degrees, is_mirrored = _way(best)
    named = [_renamed(view, order) for view, order in zip(views, best.orders, strict=True)]
    return named, Turn(degrees, is_mirrored, is_clear)


def _guesses(pairs: list[tuple[Points, Points]], board: Board) -> Iterator[_Guess]:
    """One for each order of each of the first views, with the best order of all other views."""
    for visible, thermal in islice(pairs, _REFERENCES):
        for order in _orders(board, len(thermal)):
            guess = _fitted(pairs, board, _affine(visible, thermal[order]))
            yield _fitted(pairs, board, _affine(*_stacked(pairs, guess.orders)))


def _fitted(pairs: list[tuple[Points, Points]], board: Board, affine: Points) -> _Guess:
    """The best order of each view under an affine map."""
    orders, off_px = [], []
    for visible, thermal in pairs:
        there = np.column_stack([visible, np.ones(len(visible))]) @ affine
        choices = _orders(board, len(thermal))
        apart = [float(np.linalg.norm(thermal[order] - there, axis=1).mean()) for order in choices]
        orders.append(choices[int(np.argmin(apart))])
        off_px.append(min(apart))
    return _Guess(affine, orders, float(np.median(off_px)))


def _orders(board: Board, points: int) -> list[Order]:
    if board.kind == "charuco":
        return [np.arange(points)]
    flipped = [] if board.flip is None else [board.flip[turn] for turn in board.turns]
    return [*board.turns, *flipped]


def _common(view: View) -> tuple[Points, Points]:
    """Points that both cameras see, in one order as far as the detectors tell."""
    assert view.visible is not None and view.thermal is not None
    _, ours, theirs = np.intersect1d(view.visible.numbers, view.thermal.numbers, return_indices=True)
    return view.visible.points_px[ours], view.thermal.points_px[theirs]


def _renamed(view: View, order: Order) -> View:
    assert view.thermal is not None
    whole = len(order) == len(view.thermal.numbers)
    return replace(view, thermal=view.thermal.reordered(order)) if whole else view


def _stacked(pairs: list[tuple[Points, Points]], orders: list[Order]) -> tuple[Points, Points]:
    visible = np.concatenate([pair[0] for pair in pairs])
    return visible, np.concatenate([pair[1][order] for pair, order in zip(pairs, orders, strict=True)])


def _affine(visible: Points, thermal: Points) -> Points:
    """[3, 2], by least squares."""
    homogeneous = np.column_stack([visible, np.ones(len(visible))])
    return np.asarray(np.linalg.lstsq(homogeneous, thermal, rcond=None)[0])


def _by_fit(guess: _Guess) -> float:
    return guess.off_px


def _way(guess: _Guess) -> tuple[int, bool]:
    """The turn in degrees, to the nearest quarter, and whether it mirrors."""
    linear = guess.affine[:2].T
    is_mirrored = bool(np.linalg.det(linear) < 0)
    turn = linear @ np.diag([-1, 1]) if is_mirrored else linear
    angle = np.degrees(np.arctan2(turn[1, 0] - turn[0, 1], turn[0, 0] + turn[1, 1]))
    return int(np.rint(angle / 90) % 4) * 90, is_mirrored
