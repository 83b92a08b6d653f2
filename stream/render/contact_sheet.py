"""A contact sheet: rows of visible, thermal and fused pictures at several times."""

from __future__ import annotations

import cv2
import numpy as np

from stream.frame import FusedFrame, Pixels

MARGIN_PX = 8
LABEL_PX = 22
_INK = (235, 235, 235)
_PAPER = 24


class ContactSheet:
    """Keeps frames evenly spread over a run of unknown length, at most `rows` of them, in bounded memory.

    Every `step`-th frame is kept; when there are twice as many as wanted, every second one goes and the step
    doubles.
    """

    def __init__(self, rows: int = 5) -> None:
        self._rows = rows
        self._step = 1
        self._frames: list[FusedFrame] = []

    def add(self, frame: FusedFrame) -> None:
        """Look at one more frame."""
        if frame.index % self._step == 0:
            self._frames.append(frame)
        if len(self._frames) == 2 * self._rows:
            self._frames = self._frames[::2]
            self._step *= 2

    def draw(self) -> Pixels:
        """The sheet, [H, W, 3] uint8 RGB.

        Raises:
            ValueError: before the first frame.
        """
        if not self._frames:
            raise ValueError("a contact sheet needs at least one frame")
        places = np.linspace(0, len(self._frames) - 1, min(self._rows, len(self._frames))).round().astype(int)
        rows = [self._row(self._frames[place]) for place in places]
        return np.concatenate([_titles(rows[0].shape[1]), *rows])

    def _row(self, frame: FusedFrame) -> Pixels:
        thermal = np.repeat(frame.thermal[..., None], 3, axis=2)
        picture_height, picture_width = frame.pixels.shape[:2]
        row = _paper(picture_height + LABEL_PX + MARGIN_PX, 3 * picture_width + 4 * MARGIN_PX)
        for column, picture in enumerate((frame.visible, thermal, frame.pixels)):
            left = MARGIN_PX + column * (picture_width + MARGIN_PX)
            row[LABEL_PX : LABEL_PX + picture_height, left : left + picture_width] = picture
        _write(row, f"{float(frame.time_s):.2f} s", MARGIN_PX)
        return row


def _titles(width: int) -> Pixels:
    line = _paper(LABEL_PX + MARGIN_PX, width)
    step = (width - MARGIN_PX) // 3
    for column, title in enumerate(("visible", "thermal", "fused")):
        _write(line, title, MARGIN_PX + column * step)
    return line


def _paper(height: int, width: int) -> Pixels:
    return np.full((height, width, 3), _PAPER, np.uint8)


def _write(paper: Pixels, text: str, left: int) -> None:
    cv2.putText(paper, text, (left, LABEL_PX - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
