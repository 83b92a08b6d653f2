from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stream.frame import Frame, FramePair, FusedFrame
from stream.render.contact_sheet import LABEL_PX, MARGIN_PX, ContactSheet


def fused(index: int, size: tuple[int, int] = (40, 30)) -> FusedFrame:
    width, height = size
    colour = np.full((height, width, 3), index % 256, np.uint8)
    grey = np.full((height, width), 100, np.uint8)
    time_s = Fraction(index, 10)
    visible = Frame(colour, "rgb24", time_s, "pts", index)
    thermal = Frame(grey, "gray8", time_s, "pts", index)
    return FusedFrame(colour, colour, grey, FramePair(visible, thermal, time_s, 0.0), index)


@pytest.mark.parametrize(("frames", "rows"), [(1, 1), (3, 3), (4, 4), (9, 4), (1000, 4)])
def test_size(frames: int, rows: int) -> None:
    sheet = ContactSheet(rows=4)
    for index in range(frames):
        sheet.add(fused(index))
    row = 30 + LABEL_PX + MARGIN_PX
    assert sheet.draw().shape == (LABEL_PX + MARGIN_PX + rows * row, 3 * 40 + 4 * MARGIN_PX, 3)


def test_rows_are_spread_over_the_run_in_bounded_memory() -> None:
    sheet = ContactSheet(rows=4)
    for index in range(1000):
        sheet.add(fused(index))
        assert len(sheet._frames) < 8
    times_s = [float(frame.time_s) for frame in sheet._frames]
    assert times_s[0] == 0
    assert times_s[-1] > 60


def test_pictures_stand_side_by_side() -> None:
    sheet = ContactSheet(rows=1)
    sheet.add(fused(0))
    drawn = sheet.draw()
    middle = LABEL_PX + MARGIN_PX + LABEL_PX + 15
    assert drawn[middle, MARGIN_PX + 48 + 20].tolist() == [100, 100, 100]
    assert drawn[middle, MARGIN_PX + 20].tolist() == [0, 0, 0]


def test_no_frames() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        ContactSheet().draw()
