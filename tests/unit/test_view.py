"""Which picture a view shows."""

from __future__ import annotations

import numpy as np
import pytest

from stream.view import render
from tests.helpers.fused import fused_frame


@pytest.mark.parametrize(("view", "name"), [("fused", "pixels"), ("visible", "visible")])
def test_colour_views_are_the_pictures_themselves(view, name):
    frame = fused_frame(3)
    np.testing.assert_array_equal(render(frame, view), getattr(frame, name))


def test_thermal_is_grey_in_three_channels():
    frame = fused_frame(3)
    picture = render(frame, "thermal")
    assert picture.shape == (48, 64, 3) and picture.dtype == np.uint8
    for channel in range(3):
        np.testing.assert_array_equal(picture[..., channel], frame.thermal)


def test_side_by_side_is_visible_thermal_fused():
    frame = fused_frame(3)
    picture = render(frame, "side-by-side")
    parts = np.split(picture, 3, axis=1)
    for part, view in zip(parts, ("visible", "thermal", "fused"), strict=True):
        np.testing.assert_array_equal(part, render(frame, view))
