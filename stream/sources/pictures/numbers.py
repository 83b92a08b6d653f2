"""Thermal pictures as tables of numbers: NumPy's NPY files and CSV files.

A CSV file is rows of numbers between commas, semicolons, tabs or spaces, with a point or (between semicolons
or tabs) a comma before the fraction; lines before and after that are no numbers, as measuring software writes
them, are passed over.
"""

from __future__ import annotations

import struct
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.frame import Pixels

# Of a CSV file, whose numbers take many times as much while they are read.
MOST_BYTES = 1 << 25
MOST_PIXELS = 1 << 26
FEWEST_COLUMNS = 8
# NumPy reads the header as a Python literal.
_OF_DAMAGED_HEADERS = (SyntaxError, TokenError, TypeError, OverflowError, RecursionError, struct.error)


def read_numbers(path: Path) -> Pixels | None:
    """One picture of numbers.

    Args:
        path: an NPY file of an array [H, W] or [1, H, W], or a CSV file.

    Returns:
        [H, W] of any number format, CSV as float64; None when it cannot be read.
    """
    try:
        return _csv(path) if path.suffix.lower() == ".csv" else _single(path)
    except (OSError, ValueError, EOFError):
        return None


class NpyStack:
    """Pictures of an NPY file of an array [N, H, W] or [H, W], which stays on disk.

    Attributes:
        count: how many pictures there are.
        broken: never.
    """

    broken = False

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            OSError: it cannot be opened.
            ValueError: it is no NPY file, or holds no pictures of numbers.
        """
        pictures = _open_npy(path)
        self._pictures: NDArray[Any] | None = pictures[None] if pictures.ndim == 2 else pictures
        self.count = len(self._pictures)

    def read(self, index: int) -> Pixels | None:
        """Numbers of a picture, [H, W]."""
        if self._pictures is None:
            return None
        stored = self._pictures[index]
        return np.ascontiguousarray(stored, stored.dtype.newbyteorder("="))

    def close(self) -> None:
        """Release the file; may be called twice."""
        self._pictures = None


def _open_npy(path: Path) -> NDArray[Any]:
    # Mapped, so that a header that promises more than the file holds is refused before any memory is taken.
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except _OF_DAMAGED_HEADERS:
        raise ValueError(f"{path} has a damaged header") from None
    if not isinstance(array, np.ndarray) or array.ndim not in (2, 3) or array.dtype.kind not in "uif":
        raise ValueError(f"{path} holds no pictures of numbers")
    if not 0 < array.shape[-1] * array.shape[-2] <= MOST_PIXELS:
        raise ValueError(f"{path} holds pictures of no size, or of too many pixels")
    return array


def _single(path: Path) -> Pixels | None:
    stack = NpyStack(path)
    return stack.read(0) if stack.count == 1 else None


def _csv(path: Path) -> Pixels | None:
    if path.stat().st_size > MOST_BYTES:
        return None
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    lines = text.splitlines()
    separator = next((each for each in ";\t," if text.count(each) >= len(lines)), None)
    rows: list[list[float]] = []
    for line in lines:
        row = _row(line, separator)
        if rows and row is not None and len(row) != len(rows[0]):
            return None
        if row is not None:
            rows.append(row)
        elif rows:
            break
    return np.array(rows) if rows and len(rows) * len(rows[0]) <= MOST_PIXELS else None


def _row(line: str, separator: str | None) -> list[float] | None:
    """Numbers of a line; None where it holds others, or too few to be a row of a picture."""
    cells = line.strip("\r\n \ufeff").rstrip(separator).split(separator)
    if not cells[0].strip():  # some programs leave the place of a row's name empty
        del cells[0]
    if len(cells) < FEWEST_COLUMNS:
        return None
    if separator in (";", "\t"):
        cells = [cell.replace(",", ".") for cell in cells]
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return None
